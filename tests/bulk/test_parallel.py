import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from classifier import Sieve
from classifier.bulk import Source, Wanted, read_source
from classifier.bulk.parallel import WINDOW, read_all

joblib = pytest.importorskip("joblib")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(shipped_pages):
    return [Source(path.stem, path.read_bytes()) for path in shipped_pages[:6]] + [Source("x", "", problem="Empty")]


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky", "multiprocessing"])
def test_every_backend_gives_the_records_in_order(backend, sources):
    wanted = Wanted(blocks=True)
    found = read_all(sources, jobs=2, backend=backend, wanted=wanted, chunk=2)
    sieve = Sieve()
    with threadpool_limits(1):  # as joblib sets it in processes: BLAS adds in another order with more threads
        assert list(found) == [read_source(sieve, source, wanted) for source in sources]


def test_a_stream_is_taken_as_it_is_asked_for():
    taken = itertools.count()
    found = read_all((Source(str(n), "", problem="Empty") for n in taken), jobs=2, backend="threading", chunk=3)
    assert [next(found)["id"] for _ in range(30)] == [str(n) for n in range(30)]
    assert next(taken) <= 30 + 2 * 3 * WINDOW
    found.close()


def test_the_example_reads_pages_on_dask(sources, shipped_pages, tmp_path):
    pytest.importorskip("distributed")
    for path in shipped_pages[:6]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, ROOT / "docs" / "dask_example.py", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    sieve = Sieve()
    assert [json.loads(line) for line in run.stdout.splitlines()] == [read_source(sieve, each) for each in sources[:6]]
