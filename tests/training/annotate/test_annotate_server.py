"""Who may ask the annotation server, what it answers, and that nothing of a page or a name gets out unescaped."""

import asyncio
import json
import socket
import sys
import threading
import time

import attacks
import pytest
from annotate_pages import PORT, TOKEN, make_client, number_of

from training.annotate import guard, serve
from training.annotate.server import make_app
from training.annotate.session import Session

JSON = {"content-type": "application/json"}


def sent(client, number, **changes):
    found = client.get(f"/api/pages/{number}").json()
    return found["state"] | {"base": found["revision"]} | changes


def put(client, number, body, **headers):
    return client.put(f"/api/pages/{number}", content=json.dumps(body), headers=JSON | headers)


# -- who may ask ---------------------------------------------------------------------------------------------

PATHS = ("/", "/annotate.js", "/api/session", "/api/pages/0", "/api/export")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:80",
        f"127.0.0.1.evil.example:{PORT}",
        f"localhost.:{PORT}",
        f"[::1]:{PORT + 1}",
        f"127.0.0.1:{PORT}, evil.example",
        f"0.0.0.0:{PORT}",
        "",
    ],
)
def test_a_foreign_host_is_refused_everywhere(client, path, host):
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "Tea" not in answer.text


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_the_names_of_this_machine_are_answered(client, host):
    assert client.get("/api/session", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"http://localhost:{PORT + 1}"},
        {"origin": f"https://localhost:{PORT}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_other_sites_are_refused_even_with_the_token(client, path, headers):
    assert client.get(path, headers=headers).status_code == 403


def test_the_page_itself_may_ask(client):
    headers = {"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}
    assert client.get("/api/session", headers=headers).status_code == 200
    opened = {"sec-fetch-site": "none", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=opened).status_code == 200


@pytest.mark.parametrize("path", ["/api/session", "/api/pages/0", "/api/export", "/api/nothing"])
@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é"])
def test_data_needs_the_token(client, path, token):
    headers = [("x-pagesieve-token", token.encode("latin-1"))]
    assert client.get(path, headers=headers).status_code == 401


def test_a_token_in_the_address_or_a_cookie_is_none(session):
    client = make_client(session)
    del client.headers["x-pagesieve-token"]
    client.cookies.set("token", TOKEN)
    assert client.get(f"/api/session?token={TOKEN}").status_code == 401


def test_what_is_sent_must_be_json_that_no_form_can_send(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert client.put("/api/pages/0", content="{}", headers={"content-type": kind}).status_code == 415


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH"])
def test_other_methods_are_refused(client, method):
    assert client.request(method, "/api/session").status_code == 405


def test_no_answer_lets_another_site_read_or_embed_it(client):
    for path in (*PATHS, "/api/nothing"):
        headers = client.get(path).headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


# -- paths, bodies, connections ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/annotate.js/../server.py",
        "/static/annotate.js",
        "/api/pages/-1",
        "/api/pages/999",
        "/api/pages/..%2f..%2fetc%2fpasswd",
        "/api/pages/" + "9" * 6000,
        "/api/pages/%D9%A1",
        "/api/pages/0%00",
        "/frame/0/../../x/styled/1",
        "/frame/0/0123456789abcdef0123456789abcdef/styled/1",
    ],
)
def test_no_path_of_a_request_is_one_of_a_file(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text and "import" not in answer.text


def test_a_frame_is_served_under_its_own_key_alone_and_in_a_frame_alone(client):
    frames = [client.get(f"/api/pages/{number}").json()["frame"] for number in (0, 1)]
    assert len({frame.rsplit("/", 1)[1] for frame in frames}) == 2
    answer = client.get(f"{frames[0]}/styled/1", headers={"sec-fetch-dest": "iframe"})
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-top-navigation-by-user-activation; default-src 'none';")
    assert "script" not in policy and "same-origin" not in policy and "allow-forms" not in policy
    assert client.get(f"{frames[0]}/styled/1", headers={"sec-fetch-dest": "document"}).status_code == 403
    swapped = f"/frame/1/{frames[0].rsplit('/', 1)[1]}/styled/1"
    assert client.get(swapped).status_code == 404


def test_the_plain_view_allows_our_own_sheet_alone(client):
    frame = client.get("/api/pages/0").json()["frame"]
    one, other = (client.get(f"{frame}/plain/{turn}") for turn in (1, 2))
    nonce = one.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert f'<style nonce="{nonce}">' in one.text
    assert "unsafe-inline" not in one.headers["content-security-policy"]
    assert one.headers["content-security-policy"] != other.headers["content-security-policy"]


def test_a_body_that_is_too_large_is_refused(client, monkeypatch):
    monkeypatch.setattr(guard, "MAX_BODY", 100)
    assert put(client, 0, {"notes": "x" * 200}).status_code == 413
    answer = client.put("/api/pages/0", content=iter([b"x" * 60, b"x" * 60]), headers=JSON)
    assert answer.status_code == 413
    for length in ("-1", "9" * 30, "1e3", "\u00b2".encode()):
        assert client.put("/api/pages/0", content=b"{}", headers=JSON | {"content-length": length}).status_code == 413


def test_a_body_that_is_too_slow_is_refused(session, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    answers = []

    async def receive():
        await asyncio.sleep(60)

    async def send(message):
        answers.append(message)

    headers = {"host": f"127.0.0.1:{PORT}", "x-pagesieve-token": TOKEN, "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/api/pages/0",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(make_app(session, TOKEN, PORT)(scope, receive, send))
    assert answers[0]["status"] == 408


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"base": NaN}',
        b'{"base": "", "base": ""}',
        b"[" * 50_000,
        b"\xff",
        b"{}",
        b'{"base": "", "labels": [], "status": []}',
    ],
)
def test_what_is_no_state_of_the_page_is_refused_with_a_sentence(client, session, folder, body):
    answer = client.put("/api/pages/0", content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"].endswith(".")
    assert list((folder / "labels").iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [0]},
        {"labels": "0000000"},
        {"labels": [4] * 7},
        {"labels": [True] * 7},
        {"labels": [-1] * 7},
        {"labels": [0.0] * 7},
        {"status": [3] * 7},
        {"status": None},
        {"main": [7]},
        {"main": [1, 1]},
        {"main": {}},
        {"access": "shut"},
        {"access": ["open"]},
        {"complete": 1},
        {"notes": None},
        {"notes": "x" * 20_001},
    ],
)
def test_a_state_that_does_not_fit_is_refused(client, session, folder, changes):
    number = number_of(session, "tea")
    body = sent(client, number)
    assert len(body["labels"]) == 7
    answer = put(client, number, body | changes)
    assert answer.status_code == 422
    assert list((folder / "labels").iterdir()) == []


# -- saving --------------------------------------------------------------------------------------------------


def test_a_stale_save_is_refused_and_loses_nothing(client, session, folder):
    number = number_of(session, "tea")
    body = sent(client, number)
    first = put(client, number, body | {"notes": "first"})
    assert first.status_code == 200
    stored = (folder / "labels" / "tea.json").read_bytes()
    assert put(client, number, body | {"notes": "second"}).status_code == 409
    assert (folder / "labels" / "tea.json").read_bytes() == stored
    again = put(client, number, body | {"notes": "second", "base": first.json()["revision"]})
    assert again.status_code == 200
    assert client.get(f"/api/pages/{number}").json()["state"]["notes"] == "second"


def test_a_file_that_another_program_changed_is_not_overwritten(client, session, folder):
    number = number_of(session, "tea")
    base = put(client, number, sent(client, number)).json()["revision"]
    path = folder / "labels" / "tea.json"
    path.write_text(path.read_text("utf-8").replace('"access": "unsure"', '"access": "gated"'), "utf-8")
    assert put(client, number, sent(client, number, base=base)).status_code == 409
    assert client.get(f"/api/pages/{number}").json()["state"]["access"] == "gated"


def test_of_many_saves_at_once_on_one_base_one_is_taken(session):
    number = number_of(session, "tea")
    body = sent(make_client(session), number)
    codes = []

    def save(index):
        codes.append(put(make_client(session), number, body | {"notes": f"tab {index}"}).status_code)

    threads = [threading.Thread(target=save, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] + [409] * 7


def test_a_full_disk_is_told(client, session, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(sys.modules[Session.__module__], "save", full)
    answer = put(client, 0, sent(client, 0))
    assert answer.status_code == 507
    assert "No space left" in answer.json()["error"]


def test_texts_names_and_labels_come_as_json_and_escaped(folder, sieve):
    name = '"><img src=x onerror=top.pwned=1>&'
    strings = [string for string in attacks.naughty_strings() if string.strip()]
    escaped = "".join(f"<p>{string.replace('&', '&amp;').replace('<', '&lt;')}</p>" for string in strings)
    (folder / "pages" / f"{name}.html").write_text(escaped, "utf-8", errors="replace")
    session = Session(folder / "pages", folder / "labels", sieve)
    client, number = make_client(session), number_of(session, name)
    answer = client.get(f"/api/pages/{number}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["id"] == name
    assert len(answer.json()["blocks"]) > 4
    body = sent(client, number, notes="</textarea><script>1</script>")
    assert put(client, number, body).status_code == 200
    frame = client.get(f"{answer.json()['frame']}/styled/1").text
    assert "<script" not in frame and "<img" not in frame
    assert "</textarea>" not in client.get("/").text.split('maxlength="20000">')[0]
    assert client.get(f"/api/pages/{number}").json()["state"]["notes"] == body["notes"]


# -- the real server -----------------------------------------------------------------------------------------


@pytest.fixture
def served(session):
    with serve.listen(0) as listening:
        port = listening.getsockname()[1]
        server = serve.make_server(session, TOKEN, port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


def test_it_listens_on_this_machine_alone(served):
    assert served[0] == "127.0.0.1"


def test_a_taken_port_is_one_sentence(served):
    with pytest.raises(OSError, match=f"Port {served[1]} on 127.0.0.1 cannot be used"):
        serve.listen(served[1])


def talk(address, text):
    with socket.create_connection(address, timeout=10) as line:
        line.sendall(text)
        data = b""
        while piece := line.recv(65536):
            data += piece
    return data


def test_ranges_are_not_served_and_long_headers_are_cut_off(served):
    host = f"Host: 127.0.0.1:{served[1]}\r\nConnection: close\r\n".encode()
    ranges = b"Range: bytes=" + b",".join(b"0-%d" % i for i in range(1000)) + b"\r\n"
    answer = talk(served, b"GET / HTTP/1.1\r\n" + host + ranges + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert len(answer) < 30_000
    answer = talk(served, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 100_000)
    assert answer.startswith(b"HTTP/1.1 4")


def test_silent_connections_are_closed(served, monkeypatch, session):
    monkeypatch.setattr(serve, "FIRST_BYTES_SECONDS", 0.05)
    assert talk(served, b"") == b""
    assert talk(served, b"GET / HT") == b""


def test_two_hosts_in_one_request_are_refused(served):
    both = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{served[1]}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert not talk(served, both.encode()).startswith(b"HTTP/1.1 200")
