import gzip
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("scrapy", minversion="2.13")

from doc_examples import ROOT, example, run_python

PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4
PAGES = ROOT / "datasets" / "pages"


def article(title, extra=""):
    return (
        f"<html><head><title>{title}</title></head><body><nav><a href=/>Home</a></nav>"
        f"<article><h1>{title}</h1><p>{PROSE}</p><p>{PROSE}</p></article>{extra}</body></html>"
    ).encode()


LINKS = "".join(
    f"<p><a href=/{name}>{name}</a>" for name in ("long", "gated", "forbidden", "gone", "data", "moved", "asked")
)
LONG = article("Long", f"<p>{PROSE}" * 300)
SITE = {
    "/": (200, "text/html; charset=utf-8", article("Home", LINKS)),
    "/long": (200, "text/html", LONG),
    "/gated": (200, "text/html; charset=utf-8", (PAGES / "hard-gate-harbour.html").read_bytes()),
    "/forbidden": (403, "text/html", (PAGES / "gate-only.html").read_bytes()),
    "/gone": (404, "text/html", b"<h1>Not found</h1>"),
    "/data": (200, "application/json", b"{}"),
    "/asked": (200, "text/html", article("Asked")),
    "/latin": (200, "text/html; charset=iso-8859-1", article("Latin").decode().replace("quay", "Caf\u00e9").encode("latin-1")),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/latin")
            self.end_headers()
            return
        status, kind, body = SITE.get(self.path, (404, "text/plain", b""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.path == "/":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


CRAWL = """
import json, sys
from dataclasses import dataclass
import scrapy
from scrapy.crawler import CrawlerProcess

SITE, SETTINGS = sys.argv[1], json.loads(sys.argv[2])

@dataclass
class Page:
    url: str
    text: str = ""
    access: str | None = None

class Declared(scrapy.Item):
    url = scrapy.Field()
    text = scrapy.Field()

class Pages(scrapy.Spider):
    name = "pages"
    handle_httpstatus_list = [403]
    async def start(self):
        for path in PATHS:
            yield scrapy.Request(SITE + path, meta={"dont_pagesieve": True} if path == "/asked" else {})
    def parse(self, response):
        path = response.url[len(SITE):]
        reading = response.meta.get("pagesieve")
        yield {
            "path": path,
            "levels": reading and reading.access.level,
            "evidence_kinds": reading and [each.kind for each in reading.access.evidence],
            "encoding": reading and reading.encoding,
        }
        if path == "/":
            yield Page(url=path)
            yield Declared(url=path, text="the spider's own")

PATHS = ["/", "/long", "/gated", "/forbidden", "/gone", "/data", "/moved", "/asked"]
process = CrawlerProcess({
    "FEEDS": {"items.jsonl": {"format": "jsonlines"}}, "LOG_LEVEL": "INFO",
    "ADDONS": {"classifier.integrations.scrapy.Addon": 500}, **SETTINGS,
})
crawler = process.create_crawler(Pages)
process.crawl(crawler)
process.start()
print(json.dumps(crawler.stats.get_stats(), default=str))
"""


@dataclass
class Crawl:
    items: list
    stats: dict
    log: str

    def page(self, path):
        """The dict item of a page."""
        (found,) = (item for item in self.items if item.get("path") == path)
        return found

    def count(self, name):
        return self.stats.get(f"pagesieve/{name}", 0)


def crawl(site, folder, **settings):
    folder.mkdir(exist_ok=True)
    run = run_python(CRAWL, folder, site, json.dumps(settings))
    assert run.returncode == 0, run.stderr
    feed = folder / "items.jsonl"
    lines = feed.read_text("utf-8").splitlines() if feed.exists() else []
    return Crawl([json.loads(line) for line in lines], json.loads(run.stdout), run.stderr)


@pytest.fixture(scope="module")
def crawled(site, tmp_path_factory):
    """A crawl with the settings as they come."""
    return crawl(site, tmp_path_factory.mktemp("crawl"))


def test_the_crawl_runs_without_faults_and_warnings(crawled):
    assert crawled.count("failed") == 0
    assert "Traceback" not in crawled.log
    assert "Deprecat" not in crawled.log


def test_the_spider_finds_the_reading_in_meta(crawled):
    assert crawled.page("/")["levels"] == "open"
    assert crawled.page("/asked")["levels"] is None


def test_items_get_text_and_access(crawled):
    item = crawled.page("/")
    assert "The harbour was quiet" in item["text"]
    assert item["access"] == "open"
    assert 0 <= item["access_probability"] < 0.5


def test_a_gate_is_seen(crawled):
    assert crawled.page("/gated")["access"] == "gated"


def test_a_forbidding_status_is_evidence(crawled):
    assert "status" in crawled.page("/forbidden")["evidence_kinds"]


def test_the_charset_of_the_header_counts_after_a_redirect(crawled):
    item = crawled.page("/latin")
    assert item["encoding"] == "windows-1252"
    assert "Café" in item["text"]


def test_declared_items_are_filled_where_they_have_room(crawled):
    page, declared = (item for item in crawled.items if item.get("url") == "/")
    assert "The harbour was quiet" in page["text"]
    assert page["access"] == "open"
    assert declared == {"url": "/", "text": "the spider's own"}


def test_stats_tell_what_was_read_and_what_was_not(crawled):
    assert crawled.count("read") == 5
    assert crawled.count("access/open") + crawled.count("access/metered") + crawled.count("access/gated") == 5
    assert crawled.count("skipped/status/404") == 1
    assert crawled.count("skipped/not_html") == 1
    assert crawled.count("skipped/asked") == 1
    assert crawled.count("seconds") > 0


def test_large_pages_are_read_in_a_thread(crawled):
    assert crawled.count("in_thread") == 1


def test_gated_pages_are_dropped_with_a_reason(site, tmp_path):
    run = crawl(site, tmp_path, PAGESIEVE_DROP=["gated"])
    assert {item.get("path") for item in run.items} >= {"/", "/long", "/asked"}
    assert not any(item.get("access") == "gated" for item in run.items)
    assert run.count("items/dropped/gated") >= 1
    assert "/gated: gated (" in run.log and "wall: " in run.log


def test_any_reactor_will_do(site, tmp_path):
    run = crawl(
        site,
        tmp_path,
        TWISTED_REACTOR="twisted.internet.selectreactor.SelectReactor",
        PAGESIEVE_THREAD_BYTES=0,
    )
    assert run.count("failed") == 0
    assert run.count("in_thread") == run.count("read") == 5


def test_a_model_and_fields_of_ones_own(site, tmp_path, tiny_model):
    from classifier.modelfile import save_model

    save_model(tiny_model, tmp_path / "tiny.npz")
    fields = {"body": "content", "verdict": "access", "gate": "evidence", "counts": "labels", "md": "markdown"}
    run = crawl(site, tmp_path, PAGESIEVE_MODEL=str(tmp_path / "tiny.npz"), PAGESIEVE_FIELDS=fields)
    item = run.page("/")
    assert set(fields) < set(item)
    assert "text" not in item
    assert sum(item["counts"].values()) > 3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PAGESIEVE_DROP": ["paid"]}, "PAGESIEVE_DROP: there is no 'paid'; choose from open, metered, gated."),
        ({"PAGESIEVE_FIELDS": {"a": "b"}}, "PAGESIEVE_FIELDS: there is no 'b'; choose from text, "),
        ({"PAGESIEVE_MODEL": "nowhere.npz"}, "nowhere.npz"),
        ({"PAGESIEVE_LIMITS": {"max_second": 1}}, "max_second"),
    ],
)
def test_a_wrong_setting_stops_the_crawl_with_a_sentence(site, tmp_path, settings, sentence):
    run = run_python(CRAWL, tmp_path, site, json.dumps(settings))
    assert sentence in run.stderr
    assert not (tmp_path / "items.jsonl").exists() or not (tmp_path / "items.jsonl").read_text()


def test_the_addon_can_be_switched_off(site, tmp_path):
    run = crawl(site, tmp_path, PAGESIEVE_ENABLED=False)
    assert len(run.items) >= 6
    assert not any(name.startswith("pagesieve/") for name in run.stats)


def test_components_that_the_project_placed_itself_stay():
    from scrapy.settings import Settings

    from classifier.integrations.scrapy import Addon, ReadingMiddleware

    path = "classifier.integrations.scrapy.ReadingMiddleware"
    settings = Settings({"DOWNLOADER_MIDDLEWARES": {path: 100}})
    Addon().update_settings(settings)
    assert settings.getdict("DOWNLOADER_MIDDLEWARES") == {path: 100}
    settings = Settings()
    Addon().update_settings(settings)
    assert settings.getdict("DOWNLOADER_MIDDLEWARES")[ReadingMiddleware] == 545


def test_links_do_not_pile_up_where_items_never_arrive(monkeypatch):
    from scrapy.http import HtmlResponse, Request
    from scrapy.utils.test import get_crawler

    from classifier import Sieve
    from classifier.integrations import scrapy as door

    monkeypatch.setattr(door, "MAX_LINKS", 3)
    links = door.LinkMiddleware(get_crawler())
    reading = Sieve().read(b"<p>one")
    response = HtmlResponse("http://a.example/", request=Request("http://a.example/", meta={door.KEY: reading}))
    items = [{} for _ in range(5)]
    for item in items:
        links.get_processed_item(item, response)
    assert [links.take(item) is reading for item in items] == [False, False, True, True, True]
    assert links.take(items[-1]) is None


def test_the_example_of_the_document_runs(site, tmp_path):
    run = run_python(example("scrapy.md", "crawl.py"), tmp_path, f"{site}/")
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    items = [json.loads(line) for line in (tmp_path / "pages.jsonl").read_text("utf-8").splitlines()]
    assert {"url", "title", "text", "access", "access_probability"} == set(items[0])
    assert {item["title"] for item in items} >= {"Home", "Long"}
    assert not any(item["access"] == "gated" for item in items)
    assert "pagesieve/items/dropped/gated" in run.stderr
