"""The service as the network sees it: real sockets, on ports that are free."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from doc_examples import ROOT, example

from classifier import Sieve
from classifier.bulk.records import Source, read_source
from classifier.integrations.serve.app import make_app
from classifier.integrations.serve.bounds import LOOPBACK, Bounds
from classifier.integrations.serve.connections import bind, make_server
from classifier.modelfile import save_model

PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4
PAGE = f"<title>Tide</title><h1>Tide</h1><p>{PROSE}<p>{PROSE}".encode()
HEAD = b"Host: localhost\r\n"


@contextlib.contextmanager
def serving(**bounds):
    """A service in a thread; gives its port."""
    limits = Bounds(**bounds)
    app = make_app(hosts=LOOPBACK, workers=1, bounds=limits)
    listening = bind("127.0.0.1", 0)
    server = make_server(app, limits, log_level="critical")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def port():
    with serving(page_bytes=100_000, head_seconds=20) as port:
        yield port


def ask(port, method="POST", path="/read", body=PAGE, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def connect(port, sent=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(sent)
    return connection


def rest(connection):
    """What comes until the other side closes."""
    with connection:
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                parts.append(part)
    return b"".join(parts)


def held(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return int(re.search(r"^pagesieve_held_bytes (\d+)", text, re.M)[1])


def until(condition):
    for _ in range(3_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def test_a_page(port):
    status, record = ask(port)
    assert status == 200
    assert record["metadata"]["title"] == "Tide"


def test_requests_follow_each_other_on_one_connection(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        connection.request("POST", "/read", PAGE)
        assert json.loads(connection.getresponse().read())["problem"] is None
    connection.close()


def test_a_client_that_sends_first_and_reads_later_gets_its_refusal(port):
    status, answer = ask(port, body=b"x" * 3_000_000)
    assert (status, answer["error"]) == (413, "BodyTooLarge")


def test_a_body_without_end_is_refused(port):
    connection = connect(port, b"POST /read HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(40):
            connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
    connection.shutdown(socket.SHUT_WR)
    assert b" 413 " in rest(connection)


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 70_000,  # no end in sight
        b"POST /read HTTP/1.1\r\n" + HEAD + b"Content-Length: -5\r\n\r\n",
        b"POST /read HTTP/1.1\r\n" + HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n",  # TLS
    ],
)
def test_what_is_no_http_is_told_so(port, request_):
    answer = rest(connect(port, request_))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "GarbledRequest"


def test_a_body_that_breaks_off_in_its_chunks_harms_nobody(port):
    broken = b"POST /read HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nnothex\r\n"
    assert b" 400 " in rest(connect(port, broken))
    connect(port, b"POST /read HTTP/1.1\r\n" + HEAD + b"Content-Length: 50000\r\n\r\nxxx").close()
    assert ask(port)[0] == 200
    until(lambda: held(port) == 0)


def test_many_ranges_are_not_looked_at(port):
    ranges = "bytes=" + ",".join(f"{i}-" for i in range(9_000))
    status, answer = ask(port, "GET", "/openapi.json", None, {"Range": ranges})
    assert status == 200 and "paths" in answer


def test_a_name_that_a_site_bound_to_this_machine_is_refused(port):
    for path, method in (("/read", "POST"), ("/metrics", "GET")):
        status, answer = ask(port, method, path, PAGE, {"Host": f"evil.example:{port}"})
        assert (status, answer["error"]) == (421, "ForeignHost")


def test_many_clients_at_once_are_all_answered(port):
    with ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(lambda _: ask(port)[0], range(120)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= 40


def test_a_slow_body_is_given_up():
    with serving(body_seconds=0.3) as port:
        slow = connect(port, b"POST /read HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\n")
        slow.sendall(b"x")
        response = http.client.HTTPResponse(slow)
        response.begin()
        assert response.status == 408
        assert json.loads(response.read())["detail"] == "The body did not arrive within 0.3 s."
        slow.close()
        until(lambda: held(port) == 0)


def test_connections_that_say_nothing_are_closed():
    with serving(head_seconds=0.3) as port:
        silent = connect(port)
        dripping = connect(port, b"POST /read HTTP/1.1\r\nHost: loc")
        assert rest(silent) == b""
        assert rest(dripping) == b""
        assert ask(port)[0] == 200


def test_a_second_request_that_never_ends_is_closed():
    with serving(head_seconds=0.5) as port:
        connection = connect(port, b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\nGET /health HTTP/1.1\r\nHo")
        answer = rest(connection)
        assert answer.count(b"HTTP/1.1 200") == 1


def test_too_many_connections_are_told_to_come_again():
    with serving(connections=20, head_seconds=1) as port:
        silent = [connect(port) for _ in range(20)]
        until(lambda: b"Too many connections" in rest(connect(port)))
        until(lambda: not rest_is_refusal(port))
        assert ask(port)[0] == 200
        for connection in silent:
            connection.close()


def rest_is_refusal(port):
    try:
        return ask(port)[0] != 200
    except (OSError, http.client.HTTPException):
        return True


def test_a_client_that_takes_no_answer_holds_nothing_for_long():
    with serving(send_seconds=0.5) as port:
        line = json.dumps({"html": f"<p>{PROSE * 200}"}) + "\n"
        body = (line * 150).encode()
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.settimeout(60)
            greedy.connect(("127.0.0.1", port))
            greedy.sendall(b"POST /batch HTTP/1.1\r\n" + HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            until(lambda: held(port) > 0)
            until(lambda: held(port) == 0)
        assert ask(port)[0] == 200


# -- the command -----------------------------------------------------------------------------------


def command(*arguments):
    return [sys.executable, "-m", "classifier.cli", "serve", *map(str, arguments)]


@pytest.fixture(scope="module")
def served():
    """``pagesieve serve`` itself; gives its address."""
    process = subprocess.Popen(command("--port", 0, "--workers", 1), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    found = re.fullmatch(r"pagesieve: listening on (http://127\.0\.0\.1:\d+), 1 workers\n", line)
    assert found, line
    yield found[1]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_example_of_the_document_runs(served):
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example("serve.md", "requests.sh")],
        cwd=ROOT,
        env={**os.environ, "SIEVE": served, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    objects, rest = [], run.stdout
    decoder = json.JSONDecoder()
    while rest.startswith("{"):
        found, end = decoder.raw_decode(rest)
        objects.append(found)
        rest = rest[end:].lstrip()
    gated, recipe, first, second, health = objects
    assert gated["access"]["level"] == "gated" and gated["url"] == "https://example.com/harbour"
    assert recipe["blocks"] and recipe["markdown"]
    assert [first["id"], second["id"]] == ["a", "b"]
    assert first["metadata"]["title"] == "One"
    assert health["status"] == "ok"
    assert rest.startswith("# HELP pagesieve_")


def test_the_description_is_served(served):
    port = int(served.rpartition(":")[2])
    status, description = ask(port, "GET", "/openapi.json", None)
    assert status == 200 and description["info"]["title"] == "pagesieve"


def test_a_stop_by_the_system_leaves_no_process_behind(tmp_path):
    process = subprocess.Popen(command("--port", 0, "--workers", 1), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    port = int(re.search(r":(\d+),", process.stderr.readline())[1])
    assert ask(port)[0] == 200
    workers = descendants(process.pid)
    assert workers
    process.terminate()
    process.wait(60)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def descendants(pid):
    if not Path("/proc/self/task").exists():
        pytest.skip("no /proc")
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--port", "99999"], 2, "--port 99999: a port is a number from 0 to 65535"),
        (["--workers", "0"], 2, "--workers 0: must be greater than 0"),
        (["--max-seconds", "-1"], 2, "--max-seconds -1.0: must be greater than 0"),
        (["--model", "nowhere.npz"], 1, "nowhere.npz"),
        (["--host", "192.0.2.1", "--port", "0"], 1, "cannot listen on 192.0.2.1 port 0: "),
    ],
)
def test_wrong_options_are_told_in_a_sentence(arguments, code, sentence):
    run = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == code
    assert run.stderr.startswith("pagesieve: ") and sentence in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run(command("--port", port), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: " in run.stderr


def test_missing_packages_are_named():
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from classifier.cli import main\n"
        "sys.exit(main(['serve', '--port', '0']))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert run.stderr == "pagesieve: serve needs uvicorn: pip install 'pagesieve[serve]'\n"


def test_a_model_of_ones_own_is_served(tiny_model, tmp_path):
    save_model(tiny_model, tmp_path / "tiny.npz")
    process = subprocess.Popen(
        command("--port", 0, "--workers", 1, "--model", tmp_path / "tiny.npz"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(re.search(r":(\d+),", process.stderr.readline())[1])
        assert ask(port)[1] == json.loads(json.dumps(read_source(Sieve(tiny_model), Source("page", PAGE))))
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
