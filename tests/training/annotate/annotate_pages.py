"""Three small pages, and a client that speaks to the server as the annotation page does."""

import pytest

for package in ("starlette", "uvicorn", "httpx"):
    pytest.importorskip(package)

from starlette.testclient import TestClient  # noqa: E402

from training.annotate.server import make_app  # noqa: E402

PORT = 40_123
TOKEN = "a-token-of-this-run"

PAGES = {
    "tea": """<!doctype html><html lang=en><head><title>Tea</title><style>.menu{color:red}</style></head><body>
<nav class=menu><ul><li><a href=/>Home</a><li><a href=/shop>Shop</a></ul></nav>
<main><h1>How tea is made</h1><p>The leaves are picked by hand in the <b>early</b> morning, while the dew is on them.</p>
<p>Then they are spread out to wither for half a day, in the shade of a long roof.</p></main>
<div class=gate><p>Subscribe to read on</p></div><footer><p>Imprint</p></footer></body></html>""",
    "milk": "<nav><a href=/>Home</a></nav><article><h1>Milk</h1><p>Milk comes from cows, and from goats too.</p></article>",
    "salt": "<h1>Salt</h1><p>Salt is taken from the sea where the sun is strong and the coast is flat.</p>",
}


def make_client(session, **headers):
    found = TestClient(make_app(session, TOKEN, PORT), base_url=f"http://127.0.0.1:{PORT}")
    found.headers = {"x-pagesieve-token": TOKEN, "sec-fetch-site": "same-origin"} | headers
    return found


def number_of(session, name):
    return next(file.number for file in session.files if file.id == name)
