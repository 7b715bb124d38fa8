import base64
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from classifier import Sieve
from classifier.bulk.records import Source, Wanted, read_source
from classifier.integrations.serve.app import make_app
from classifier.integrations.serve.bounds import LOOPBACK, Bounds
from classifier.integrations.serve.guard import PATHS, host_name
from classifier.integrations.serve.metrics import BUCKETS, Metrics
from classifier.integrations.serve.workers import Answer

ROOT = Path(__file__).parents[2]
PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4
PAGE = f"<title>Tide</title><nav><a href=/>Home</a></nav><h1>Tide</h1><p>Été. {PROSE}<p>{PROSE}".encode()
SMALL = Bounds(page_bytes=5_000, batch_bytes=8_000, batch_pages=5, held_bytes=9_000, requests=3, wait_seconds=20)


def client(bounds=SMALL, workers=1, **settings):
    app = make_app(hosts=LOOPBACK, workers=workers, bounds=bounds, **settings)
    return TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def service():
    with client() as running:
        yield running


def refused(response, status, name):
    """The sentence of an answer that is no record."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer["error"] == name
    return answer["detail"]


def lines(response):
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


# -- one page --------------------------------------------------------------------------------------


def test_a_page_is_answered_by_its_record(service):
    response = service.post("/read?url=https://a.example/b&id=7&status=403&date=2026-11-24", content=PAGE)
    source = Source("7", PAGE, url="https://a.example/b", date="2026-11-24", status=403)
    assert response.json() == json.loads(json.dumps(read_source(Sieve(), source)))
    assert response.json()["metadata"]["title"] == "Tide"
    assert "Été." in response.json()["text"]


@pytest.mark.parametrize(
    "wanted", [Wanted(markdown=True), Wanted(blocks=True), Wanted(markdown=True, blocks=True, all_content=True)]
)
def test_more_is_given_on_request(service, wanted):
    flags = {name: "true" for name in ("markdown", "blocks", "all_content") if getattr(wanted, name)}
    response = service.post("/read", params=flags, content=PAGE)
    assert response.json() == json.loads(json.dumps(read_source(Sieve(), Source("page", PAGE), wanted)))


@pytest.mark.parametrize(
    ("query", "content_type"),
    [("", "text/html; charset=iso-8859-1"), ("encoding=iso-8859-1", "text/html"), ("encoding=latin1", None)],
)
def test_the_charset_comes_from_the_query_or_the_content_type(service, query, content_type):
    body = f"<p>Été. {PROSE}".encode("latin-1")
    headers = {"Content-Type": content_type} if content_type else {}
    record = service.post(f"/read?{query}", content=body, headers=headers).json()
    assert record["text"].startswith("Été.")


def test_text_without_markup_is_read_by_lines(service):
    record = service.post("/read?kind=text", content=f"Home\n{PROSE}\n{PROSE}".encode()).json()
    assert record == json.loads(
        json.dumps(read_source(Sieve(), Source("page", f"Home\n{PROSE}\n{PROSE}".encode(), kind="text")))
    )


def test_what_is_no_page_is_a_record_with_a_problem(service):
    record = service.post("/read", content=b"%PDF-1.7\n" + bytes(range(256)) * 8).json()
    assert record["problem"].startswith("NotHtml")
    assert service.post("/read", content=b"").json()["problem"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("encodng=utf-8", "There is no parameter 'encodng'; choose from id, url, "),
        ("status=9000", "The parameter 'status' is an HTTP status from 100 to 599, not '9000'."),
        ("status=２００", "The parameter 'status' is an HTTP status"),
        ("markdown=yes", "The parameter 'markdown' is true or false, not 'yes'."),
        ("kind=pdf", "The parameter 'kind' is html or text, not 'pdf'."),
        ("url=a&url=b", "The parameter 'url' was given twice."),
        (f"id={'x' * 9000}", "The parameter 'id' may have 8192 characters."),
    ],
)
def test_a_wrong_parameter_is_named(service, query, sentence):
    assert refused(service.post(f"/read?{query}", content=PAGE), 400, "BadRequest").startswith(sentence)


# -- batches ---------------------------------------------------------------------------------------


def test_a_batch_is_answered_line_by_line_in_order(service):
    pages = [
        {"id": "a", "html": f"<p>{PROSE}", "url": "https://a.example/", "status": 200, "date": "2026"},
        {"url": "https://b.example/", "text": PROSE},
        {"base64": base64.b64encode(f"<p>Été. {PROSE}".encode("latin-1")).decode(), "encoding": "latin-1"},
    ]
    found = lines(service.post("/batch", content="\n".join(map(json.dumps, pages)) + "\n\n"))
    sources = [
        Source("a", f"<p>{PROSE}", url="https://a.example/", status=200, date="2026"),
        Source("https://b.example/", PROSE, kind="text", url="https://b.example/"),
        Source("3", f"<p>Été. {PROSE}".encode("latin-1"), content_type="latin-1"),
    ]
    assert found == [json.loads(json.dumps(read_source(Sieve(), source))) for source in sources]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "no JSON object"),
        ("[1]", "no JSON object"),
        ("[" * 3_000, "no JSON object"),
        ('"\\ud800"', "no JSON object"),
        ("{}", "exactly one of html, text and base64 must be there"),
        ('{"html": "a", "text": "b"}', "exactly one of html, text and base64 must be there"),
        ('{"html": 1}', "html is no string"),
        ('{"html": "a", "id": 7}', "id is no string"),
        ('{"html": "a", "status": true}', "status is no number from 100 to 599"),
        ('{"html": "a", "status": 1000}', "status is no number from 100 to 599"),
        ('{"html": "a", "kind": "pdf"}', "kind is neither html nor text"),
        ('{"base64": "*"}', "base64 is none"),
        ('{"base64": "\u00e9"}', "base64 is none"),
    ],
)
def test_a_bad_line_costs_itself_alone(service, line, reason):
    good = json.dumps({"id": "good", "html": f"<p>{PROSE}"})
    bad, *rest = lines(service.post("/batch", content=f"{line}\n{good}\n"))
    assert bad["problem"] == f"BadLine: line 1: {reason}"
    assert bad["id"] == "1"
    assert [record["id"] for record in rest] == ["good"]
    assert rest[0]["problem"] is None


def test_surrogates_and_bad_bytes_come_through(service):
    line = b'{"id": "\\ud800", "url": "\\udfff", "html": "<p>\\ud800 ' + PROSE.encode() + b'"}'
    (record,) = lines(service.post("/batch", content=line))
    assert "The harbour was quiet" in record["text"]
    assert lines(service.post("/batch", content=b"\n \n")) == []
    assert lines(service.post("/batch", content=b"\xff\xfe\n"))[0]["problem"].startswith("BadLine")


def test_a_batch_has_as_many_pages_as_it_may(service):
    line = json.dumps({"html": "<p>a"})
    assert len(lines(service.post("/batch", content="\n".join([line] * 5)))) == 5
    sentence = refused(service.post("/batch", content="\n".join([line] * 6)), 413, "BatchTooLong")
    assert sentence == "A batch may have 5 pages, not 6."


# -- bounds ----------------------------------------------------------------------------------------


def test_a_body_may_be_so_large_and_no_larger(service):
    assert service.post("/read", content=b"x" * 5_000).status_code == 200
    assert refused(service.post("/read", content=b"x" * 5_001), 413, "BodyTooLarge") == "The body may have 5000 bytes."
    chunks = iter([b"x" * 3_000] * 2)  # no Content-Length
    assert refused(service.post("/read", content=chunks), 413, "BodyTooLarge")
    assert refused(service.post("/batch", content=b"x" * 8_001), 413, "BodyTooLarge")


def test_a_packed_body_is_refused(service):
    response = service.post("/read", content=b"x", headers={"Content-Encoding": "gzip"})
    assert "not with Content-Encoding 'gzip'" in refused(response, 415, "BodyEncoded")


def test_no_bytes_stay_held(service):
    assert "pagesieve_held_bytes 0\n" in service.get("/metrics").text


@contextmanager
def held_up(running, **request):
    """One request in another thread, on a worker that stands still; gives the process and the future answer."""
    assert running.post("/read", content=PAGE).status_code == 200
    (worker,) = workers_of(running)
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(running.post, "/read", content=PAGE, **request)
        try:
            until(lambda: gauge(running, "workers_busy") == 1)
            yield worker, future
        finally:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)


def test_a_page_that_hangs_costs_itself_alone():
    with client(Bounds(page_seconds=0.5), workers=1) as running:
        with held_up(running) as (worker, future):
            assert refused(future.result(), 504, "TimedOut") == "TimedOut: not done after 0.5 s"
            assert not alive(worker)
        until(lambda: running.post("/read", content=PAGE).status_code == 200)
        assert counter(running.get("/metrics").text, 'pagesieve_problems_total{problem="TimedOut"}') >= 1


def test_a_worker_that_dies_costs_its_page_alone():
    with client(Bounds(), workers=1) as running:
        with held_up(running) as (worker, future):
            os.kill(worker, signal.SIGKILL)
            assert refused(future.result(), 500, "WorkerDied") == "WorkerDied: killed by SIGKILL"
        line = json.dumps({"html": PAGE.decode()})
        assert [record["problem"] for record in lines(running.post("/batch", content=f"{line}\n{line}"))] == [None] * 2


def test_a_worker_that_dies_idle_is_replaced():
    with client(Bounds(), workers=1) as running:
        (worker,) = workers_of(running)
        os.kill(worker, signal.SIGKILL)
        until(lambda: state(worker) == "Z")
        until(lambda: running.post("/read", content=PAGE).status_code == 200)
        assert workers_of(running) != [worker]


def test_a_worn_worker_is_replaced():
    with client(Bounds(worker_pages=2), workers=1) as running:
        before = workers_of(running)
        for _ in range(5):
            assert running.post("/read", content=PAGE).json()["problem"] is None
        assert workers_of(running) != before


def test_no_worker_outlives_the_service():
    with client(Bounds(), workers=2) as running:
        workers = workers_of(running)
        assert len(workers) == 2 and all(map(alive, workers))
    assert not any(map(alive, workers))


def test_requests_beyond_those_that_may_be_are_told_to_come_again():
    with client(Bounds(requests=1), workers=1) as running, held_up(running):
        response = running.post("/read", content=PAGE)
        assert refused(response, 503, "Busy") == "More than 1 requests are being answered; try again."
        assert response.headers["retry-after"] == "1"
        assert running.get("/health").status_code == 200


def test_no_worker_in_time_is_told():
    with client(Bounds(wait_seconds=0.1), workers=1) as running, held_up(running):
        response = running.post("/read", content=PAGE)
        assert refused(response, 503, "Busy") == "No worker became free within 0.1 s."
        (record,) = lines(running.post("/batch", content=json.dumps({"html": "<p>a"})))
        assert record["problem"] == "Busy: No worker became free within 0.1 s."


def test_bodies_of_all_requests_together_are_bounded():
    with client(Bounds(held_bytes=len(PAGE) + 10), workers=1) as running:
        with held_up(running) as (_, future):
            assert gauge(running, "held_bytes") == len(PAGE)
            assert "fill the memory" in refused(running.post("/read", content=PAGE), 503, "Busy")
        assert future.result().status_code == 200
        assert gauge(running, "held_bytes") == 0


def workers_of(running):
    """Ids of the processes."""
    service = running.app.routes[0].endpoint.__self__
    return [worker.process.pid for pool in service.workers._pools for worker in pool._workers]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def state(pid):
    """The letter by which Linux tells what a process does."""
    path = Path(f"/proc/{pid}/stat")
    return path.read_text().rpartition(")")[2].split()[0] if path.exists() else "Z"


def gauge(running, name):
    (value,) = (
        line.split()[1] for line in running.get("/metrics").text.splitlines() if line.startswith(f"pagesieve_{name} ")
    )
    return float(value)


def until(condition):
    for _ in range(2_000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it never happened")


# -- who may ask -----------------------------------------------------------------------------------

GOOD_HOSTS = ["127.0.0.1", "127.0.0.1:8642", "localhost", "LOCALHOST:1", "[::1]:8642", "[::1]"]
BAD_HOSTS = [
    *("evil.example", "evil.example:8642", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost"),
    *("127.0.0.1@evil.example", "evil.example#127.0.0.1", "evil.example/127.0.0.1", "127.0.0.2", "0.0.0.0"),
    *("", ":8642", "[::1", "[::2]", "127.0.0.1, evil.example", "localhost:80:80x", "169.254.169.254", "2130706433"),
    *("127.1", "0x7f.1", "localhost.", "127.0.0.1\\evil.example"),
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_own_names_are_answered(service, host):
    assert service.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_foreign_names_are_not(service, host, path):
    for method in ("GET", "POST"):
        response = service.request(method, path, headers={"Host": host})
        assert "--allow-host" in refused(response, 421, "ForeignHost")


def test_two_hosts_are_none(service):
    response = service.get("/health", headers=[("Host", "localhost"), ("Host", "evil.example")])
    refused(response, 421, "ForeignHost")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8642.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8642", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_are_not_answered(service, headers):
    for method, path in (("GET", "/health"), ("POST", "/read"), ("POST", "/batch"), ("OPTIONS", "/read")):
        response = service.request(method, path, headers=headers)
        refused(response, 403, "ForeignOrigin")
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_own_pages_and_tools_are_answered(service):
    own = {"Origin": "http://127.0.0.1:8642", "Sec-Fetch-Site": "same-origin"}
    assert service.get("/health", headers=own).status_code == 200
    assert service.get("/health", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_any_name_will_do_where_none_is_set():
    app = make_app(hosts=None, bounds=SMALL)
    running = TestClient(app, base_url="http://crawl.lan")
    assert running.get("/health").status_code == 200


@pytest.mark.parametrize(("host", "name"), [("a:80", "a"), ("[::1]:80", "::1"), ("[::1", ""), ("a b", ""), ("", "")])
def test_name_of_a_host(host, name):
    assert host_name(host) == name


def test_answers_are_no_pages_for_a_browser(service):
    for response in (service.post("/read", content=PAGE), service.get("/nothing"), service.get("/metrics")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["cache-control"] == "no-store"
        assert not response.headers["content-type"].startswith("text/html")


def test_unknown_paths_and_methods(service):
    assert "/nothing" in refused(service.get("/nothing"), 404, "NotFound")
    refused(service.get("/../../etc/passwd"), 404, "NotFound")
    refused(service.get("/read/"), 404, "NotFound")
    response = service.put("/read", content=b"")
    assert "PUT" in refused(response, 405, "MethodNotAllowed")
    assert response.headers["allow"] == "POST"


def test_ranges_are_not_looked_at(service):
    ranges = "bytes=" + ",".join(f"{i}-" for i in range(10_000))
    response = service.get("/openapi.json", headers={"Range": ranges})
    assert response.status_code == 200
    assert response.json()["openapi"]


# -- health, counts, description -------------------------------------------------------------------


def test_health_and_counts(service):
    health = service.get("/health").json()
    assert health["status"] == "ok" and health["workers"] == 1
    before = service.get("/metrics")
    service.post("/read", content=PAGE)
    after = service.get("/metrics").text
    assert before.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert counter(after, 'pagesieve_pages_total{access="open"}') == 1 + counter(
        before.text, 'pagesieve_pages_total{access="open"}'
    )
    assert counter(after, "pagesieve_page_seconds_count") == 1 + counter(before.text, "pagesieve_page_seconds_count")
    assert counter(after, "pagesieve_body_bytes_total") == len(PAGE) + counter(
        before.text, "pagesieve_body_bytes_total"
    )


def counter(text, name):
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} ")), 0)


def test_paths_of_strangers_make_no_new_counters(service):
    for i in range(20):
        service.get(f"/path{i}")
    assert "/path" not in service.get("/metrics").text


def test_counts_as_prometheus_reads_them():
    metrics = Metrics()
    metrics.page(Answer(b"", "open", None), 0.02)
    metrics.page(Answer(b"", None, 'Odd"\n: x'), 60)
    lines = metrics.text(workers=2).splitlines()
    assert 'pagesieve_pages_total{access="open"} 1' in lines
    assert 'pagesieve_problems_total{problem="Odd\\"\\n"} 1' in lines
    assert 'pagesieve_page_seconds_bucket{le="0.025"} 1' in lines
    assert 'pagesieve_page_seconds_bucket{le="10.0"} 1' in lines
    assert 'pagesieve_page_seconds_bucket{le="+Inf"} 2' in lines
    assert lines[-1] == "pagesieve_workers 2"
    assert len([line for line in lines if "_bucket" in line]) == len(BUCKETS) + 1


def test_prometheus_own_parser_takes_the_counts(service):
    parser = pytest.importorskip("prometheus_client.parser")
    families = list(parser.text_string_to_metric_families(service.get("/metrics").text))
    assert {"pagesieve_pages", "pagesieve_requests", "pagesieve_page_seconds"} <= {family.name for family in families}


def test_the_description_names_every_path(service):
    assert set(service.get("/openapi.json").json()["paths"]) == set(PATHS)
