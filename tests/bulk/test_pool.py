import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import bulk_faults as faults
import pytest

from classifier import Sieve
from classifier.bulk import Source, lost_record, read_source, record_reader
from classifier.bulk.pool import AHEAD, Pool, PoolError

TESTS = Path(__file__).parents[1]


def keep(item, reason):
    return reason


def test_200_faults_cost_200_pages_and_nothing_else(tmp_path):
    """Killed, crashed, out of memory, hung in C, raising: one result each, in order; no page lost or begun twice."""
    kinds = ["hang"] * 4 + [kind for kind in faults.REASONS if kind != "hang"] * 28
    assert len(kinds) == 200
    plan = kinds + [None] * 300
    random.Random(5).shuffle(plan)
    log = tmp_path / "log"
    items = [(number, fault, str(log)) for number, fault in enumerate(plan)]
    with Pool(faults.reader, faults.lost, jobs=2, seconds=3, memory=1 << 30) as pool:
        found = list(pool.map(items))
    assert found == [(number, faults.REASONS[fault] if fault else "done") for number, fault in enumerate(plan)]
    assert sorted(map(int, log.read_text().split())) == list(range(500))


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("bad", [{0}, {7}, {0, 1, 2}, {9}, set(range(10))])
def test_the_others_of_a_chunk_are_read(chunk, bad):
    items = [(number, "exit" if number in bad else None, None) for number in range(10)]
    with Pool(faults.reader, faults.lost, jobs=1, chunk=chunk) as pool:
        found = list(pool.map(items))
    assert found == [(n, faults.REASONS["exit"] if n in bad else "done") for n in range(10)]


def test_a_result_that_cannot_be_sent_costs_its_page(capfd):
    with Pool(faults.unpicklable, keep, jobs=1) as pool:
        assert list(pool.map(range(6))) == [0, 1, 2, "WorkerDied: exit code 1", 4, 5]


def test_workers_are_recycled():
    with Pool(faults.who, keep, jobs=1, recycle_after=5, chunk=4) as pool:
        pids = [pid for pid, _ in pool.map(range(20))]
    runs = [len(list(run)) for _, run in itertools.groupby(pids)]
    assert runs == [5, 5, 5, 5]


def test_no_more_is_taken_than_is_asked_for():
    taken = itertools.count()
    with Pool(faults.identity, keep, jobs=2, chunk=4) as pool:
        found = pool.map(taken)
        assert [next(found) for _ in range(100)] == list(range(100))
        assert next(taken) <= 100 + 2 * 4 * AHEAD


def test_a_stream_that_was_left_does_not_leak_into_the_next():
    with Pool(faults.identity, keep, jobs=2, chunk=2) as pool:
        first = pool.map(range(100))
        assert next(first) == 0
        first.close()
        assert list(pool.map("abcdef")) == list("abcdef")


def test_an_empty_stream_starts_nothing():
    with Pool(faults.refuse, keep) as pool:
        assert list(pool.map([])) == []


def test_workers_that_die_idle_cost_nothing():
    with Pool(faults.slowly, keep, jobs=4, chunk=1) as pool:
        assert list(pool.map(range(80))) == list(range(80))
        workers = [worker for worker in pool._workers if worker.worked]
        assert workers
        for worker in workers:
            worker.process.kill()
            worker.process.join()
        assert list(pool.map(range(20))) == list(range(20))


def test_a_reader_that_cannot_be_made_says_why():
    with Pool(faults.refuse, keep) as pool, pytest.raises(PoolError, match="FileNotFoundError: no model there"):
        list(pool.map(range(3)))


def test_workers_that_die_at_once_end_the_run():
    with Pool(faults.die, keep) as pool, pytest.raises(PoolError, match="exit code 7"):
        list(pool.map(range(3)))


@pytest.mark.parametrize("option", ["jobs", "chunk", "recycle_after", "seconds"])
def test_numbers_that_make_no_sense_are_refused(option):
    with pytest.raises(ValueError, match=option):
        Pool(faults.identity, keep, **{option: 0})


def test_no_worker_outlives_a_pool():
    with Pool(faults.who, keep, jobs=2, chunk=1) as pool:
        pids = {pid for pid, _ in pool.map(range(50))}
    assert not any(map(is_alive, pids))


def test_a_hung_worker_does_not_outlive_a_killed_parent(tmp_path, monkeypatch):
    """The parent cannot end it any more: the system does, when its time is over."""
    told = tmp_path / "pid"
    script = tmp_path / "parent.py"
    script.write_text(
        "import bulk_faults as faults\n"
        "from classifier.bulk import pool\n"
        "if __name__ == '__main__':\n"
        "    with pool.Pool(faults.hang_and_tell, print, jobs=1, seconds=0.5) as workers:\n"
        f"        pool.monotonic = lambda: 0.0\n"  # the parent never looks at the clock
        f"        list(workers.map([{str(told)!r}]))\n"
    )
    env = os.environ | {"PYTHONPATH": str(TESTS)}
    with subprocess.Popen([sys.executable, script], env=env) as parent:
        wait_for(lambda: told.exists() and told.read_text())
        parent.send_signal(signal.SIGKILL)
    pid = int(told.read_text())
    wait_for(lambda: not is_alive(pid))


def test_real_pages_come_out_as_without_a_pool(shipped_pages):
    sources = [Source(path.stem, path.read_bytes(), url=f"https://a.example/{path.stem}") for path in shipped_pages[:12]]
    assert len(sources) == 12
    sieve = Sieve()
    with Pool(record_reader, lost_record, jobs=2, chunk=3) as pool:
        assert list(pool.map(sources)) == [read_source(sieve, source) for source in sources]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_stays_flat():
    """Neither side grows with the number of pages; ``training.soak`` runs the long way."""
    page = b"<title>Harbour</title><p>" + b"The harbour was quiet that morning. " * 40
    ours = {}
    with Pool(record_reader, lost_record, jobs=1) as pool:
        for number, _ in enumerate(pool.map(Source(str(n), page) for n in range(1_200))):
            if number in (300, 1_199):
                ours[number] = faults.rss(), rss_of(pool._workers[0].process.pid)
    for before, after in zip(ours[300], ours[1_199], strict=True):
        assert after <= before * 1.1


def rss_of(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "\nState:\tZ" in status.read_text())


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
