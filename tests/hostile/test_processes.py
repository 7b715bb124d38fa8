"""The same readings in threads, forked and spawned processes and under other hash seeds; nothing but reading is done.

I4 and I6 of the promises in SECURITY.md.
"""

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import SHIPPED

from classifier import Sieve
from classifier.blocks import CHUNK, cut
from classifier.modelfile import save_model
from training.hostile import CASES

ROOT = Path(__file__).parents[2]
NAMES = ("links_malformed", "controls", "billion_laughs", "utf16be_bare", "ld_escapes", "table_colspan")
PAGES = [path.read_bytes() for path in sorted(SHIPPED.glob("*.html"))[:4]] + [CASES[name].make() for name in NAMES]


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.npz"
    save_model(tiny_model, path)
    return str(path)


def digest(model: str) -> str:
    """One number for the readings of all pages."""
    return _digest(Sieve(model))


def _digest(sieve: Sieve) -> str:
    found = hashlib.sha256()
    for page in PAGES:
        reading = sieve.read(page, url="https://a.example/b")
        found.update(json.dumps(reading.to_dict(all_content=True), sort_keys=True).encode())
        found.update(reading.markdown(all_content=True, links=True).encode() + reading.html(all_content=True).encode())
    return found.hexdigest()


def test_eight_threads_share_one_sieve(model: str) -> None:
    sieve = Sieve(model)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: _digest(sieve), range(8))) == {digest(model)}


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_other_processes_read_alike(method: str, model: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(digest, (model,)) == digest(model)


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_another_hash_seed_reads_alike(seed: str, model: str) -> None:
    code = f"from hostile.test_processes import digest; print(digest({model!r}))"
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest(model)


def test_the_step_of_feeding_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if "__pyx_vtable__" in vars(sys.modules["classifier.blocks"]._Target):
        pytest.skip("the compiled module holds its step as a constant")
    pages = [page.decode("utf-8", "replace") for page in PAGES]
    assert CHUNK == 1 << 16
    whole = [cut(page) for page in pages]
    monkeypatch.setattr("classifier.blocks.CHUNK", 7)
    for page, found in zip(pages, whole, strict=True):
        again = cut(page)
        assert (again.texts, again.tags, again.names, again.spans, again.facts) == (
            found.texts, found.tags, found.names, found.spans, found.facts
        )  # fmt: skip


FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pickle.find_class",
    "urllib.",
)

WATCHED = """
import sys
from classifier import Sieve
from hostile.test_processes import FORBIDDEN, PAGES, _digest
sieve = Sieve({model!r})
seen = []
def watch(event, arguments):
    writes = event == "open" and not isinstance(arguments[1], int) and set(arguments[1] or "r") & set("wax+")
    flags = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
    if event.startswith(FORBIDDEN) or writes or flags:
        seen.append((event, arguments))
sys.addaudithook(watch)
_digest(sieve)
assert not seen, seen
try:  # does the hook see at all?
    import socket
    socket.create_connection(("127.0.0.1", 9), 0.1)
except OSError:
    pass
assert seen
print("watched")
"""


def test_reading_opens_no_socket_starts_no_process_and_writes_no_file(model: str) -> None:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED.format(model=model)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == "watched", run.stderr[-600:]
