"""Pages through worker processes that a page may kill: it costs that page, and nothing else.

libxml2 advises against untrusted data, and no Python timeout stops a call into C. So each worker reports every page
as it ends. One that dies, or overruns its time, was on the first page that it did not report: that page is given up
with a reason, the others of its chunk go to another worker.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any, Final, Generic, Literal, TypeVar

from classifier.blocks import DEFAULT_LIMITS

T = TypeVar("T")
R = TypeVar("R")
Outcome = Literal["ready", "done", "raised"]

CHUNK: Final = 8
"""Pages sent to a worker at once: enough to hide the way there and back."""
AHEAD: Final = 4
"""Chunks for each worker that may have been taken from the input without having been given out."""
RECYCLE_AFTER: Final = 5_000
"""Pages after which a worker is replaced: libxml2 keeps every tag name that it has seen."""
SECONDS: Final = 2 * DEFAULT_LIMITS.max_seconds
"""A reading ends itself at ``max_seconds``; one that is at work after twice the time hangs where it cannot look."""
START_SECONDS: Final = 120.0
STARTS: Final = 3
"""Workers that may fail before their first page, one after the other."""
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's BLAS reads when it is loaded: one thread a worker."""


ALARM: Final = -getattr(signal, "SIGALRM", 14)
"""Exit code of a worker that the system ended when its time was over."""
GRACE: Final = 5.0
"""Seconds that a worker leaves its parent to be first."""


class PoolError(RuntimeError):
    """Workers cannot be started."""


@dataclass(eq=False)
class _Worker(Generic[T]):
    process: BaseProcess
    pipe: "Connection[Any, Any]"
    pages: deque[tuple[int, T]] = field(default_factory=deque)
    """Sent and not yet reported, in the order in which it works on them."""
    ready: bool = False
    worked: bool = False
    """Has it reported a page?"""
    deadline: float = 0.0
    left: int = RECYCLE_AFTER


class Pool(Generic[T, R]):
    """Runs ``read`` on every item of a stream; results come in the order of the items.

    ``start`` is called once in each worker and gives its ``read``; ``lost`` gives, in this process, the result of an
    item that ended its worker, from the item and the reason. Both must be importable by name. ``seconds`` is
    how long one item may take, ``memory`` how many bytes of address space a worker may use (Unix alone).

    >>> from classifier.bulk import Source, lost_record, record_reader
    >>> with Pool(record_reader, lost_record, jobs=1) as pool:
    ...     [record["problem"] for record in pool.map([Source("1", "", problem="Empty")])]
    ['Empty']
    """

    def __init__(
        self,
        start: Callable[[], Callable[[T], R]],
        lost: Callable[[T, str], R],
        *,
        jobs: int = 2,
        seconds: float = SECONDS,
        memory: int | None = None,
        recycle_after: int = RECYCLE_AFTER,
        chunk: int = CHUNK,
    ) -> None:
        if min(jobs, recycle_after, chunk) < 1 or seconds <= 0:
            raise ValueError("jobs, recycle_after and chunk must be at least 1, and seconds more than 0")
        self.jobs, self.seconds, self.chunk, self.recycle_after = jobs, seconds, chunk, recycle_after
        self._lost = lost
        self._task = partial(_work, start, memory, seconds)
        self._workers: list[_Worker[T]] = []
        self._failed_starts = 0

    def __enter__(self) -> "Pool[T, R]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers at once, whatever they are doing."""
        for worker in self._workers:
            self._end(worker)
        self._workers.clear()

    def map(self, items: Iterable[T]) -> Iterator[R]:
        """The result of each item, in order. Takes no more items than a few chunks ahead of what was asked for.

        :raises PoolError: if the workers do not come up.
        """
        numbered = enumerate(items)
        waiting: deque[tuple[int, T]] = deque()
        results: dict[int, R] = {}
        room = self.chunk * AHEAD * self.jobs
        given = taken = 0
        try:
            while True:
                while given in results:
                    yield results.pop(given)
                    given += 1
                fresh = list(islice(numbered, given + room - taken))
                taken += len(fresh)
                waiting.extend(fresh)
                self._feed(waiting)
                if given == taken:
                    return
                self._listen(waiting, results)
                self._feed(waiting)  # before anything else: a worker that waits is a core that waits
        finally:
            if given != taken:  # given up half-way: what the workers are on is of no use to the next stream
                self.close()

    # -- one round ---------------------------------------------------------------------------------------

    def _feed(self, waiting: deque[tuple[int, T]]) -> None:
        """Give a chunk to each worker that has none; as many workers as the work is for."""
        while len(self._workers) < self.jobs and len(self._workers) * self.chunk < len(waiting):
            self._workers.append(self._start())
        for worker in list(self._workers):
            if worker.ready and not worker.pages and waiting:
                count = min(self.chunk, worker.left, len(waiting))
                worker.pages.extend(waiting.popleft() for _ in range(count))
                worker.left -= count
                worker.deadline = monotonic() + self.seconds
                try:
                    worker.pipe.send([item for _, item in worker.pages])
                except OSError:
                    self._replace_idle(worker, waiting)

    def _listen(self, waiting: deque[tuple[int, T]], results: dict[int, R]) -> None:
        """Wait for the next report, end or overrun, and take in what there is."""
        busy = [worker for worker in self._workers if worker.pages or not worker.ready]
        if not busy:  # all had died idle
            return
        patience = max(0.0, min(worker.deadline for worker in busy) - monotonic())
        heard = wait([worker.pipe for worker in busy], patience)
        for worker in busy:
            if worker.pipe in heard:
                self._take(worker, waiting, results)
            elif monotonic() >= worker.deadline:
                self._give_up(worker, self._reason(ALARM), waiting, results)

    def _take(self, worker: _Worker[T], waiting: deque[tuple[int, T]], results: dict[int, R]) -> None:
        """Take in one report of a worker."""
        try:
            outcome, found = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            self._give_up(worker, self._reason(worker.process.exitcode), waiting, results)
            return
        worker.deadline = monotonic() + self.seconds
        if outcome == "ready":
            worker.ready = True
            return
        if not worker.ready:
            raise PoolError(f"A worker cannot be started: {found}")
        self._failed_starts = 0
        worker.worked = True
        number, item = worker.pages.popleft()
        results[number] = found if outcome == "done" else self._lost(item, found)
        if not worker.left and not worker.pages:
            self._remove(worker)

    def _give_up(
        self, worker: _Worker[T], reason: str, waiting: deque[tuple[int, T]], results: dict[int, R]
    ) -> None:
        """Remove a worker; the page it was on is lost, the others go first in the queue again."""
        if worker.pages:
            self._failed_starts = 0
            number, item = worker.pages.popleft()
            results[number] = self._lost(item, reason)
            waiting.extendleft(reversed(worker.pages))
            self._remove(worker)
        else:
            self._replace_idle(worker, waiting)

    def _replace_idle(self, worker: _Worker[T], waiting: deque[tuple[int, T]]) -> None:
        """Remove a worker that ended without having begun on a page.

        :raises PoolError: if one after the other does so.
        """
        waiting.extendleft(reversed(worker.pages))
        self._remove(worker)
        self._failed_starts += not worker.worked
        if self._failed_starts >= STARTS:
            manner = _manner(worker.process.exitcode)
            hint = "a script must stand behind: if __name__ == '__main__'"
            raise PoolError(f"{STARTS} workers ended before their first page ({manner}; {hint}).")

    def _reason(self, code: int | None) -> str:
        """Why a worker with this exit code lost its page."""
        if code == ALARM:
            return f"TimedOut: not done after {self.seconds:g} s"
        return f"WorkerDied: {_manner(code)}"

    # -- processes ---------------------------------------------------------------------------------------

    def _start(self) -> _Worker[T]:
        context = _context()
        ours, theirs = context.Pipe()
        process = context.Process(target=self._task, args=(theirs,), daemon=True)
        with _single_threaded():
            process.start()
        theirs.close()
        return _Worker(process, ours, deadline=monotonic() + START_SECONDS, left=self.recycle_after)

    def _remove(self, worker: _Worker[T]) -> None:
        self._workers.remove(worker)
        self._end(worker)

    def _end(self, worker: _Worker[T]) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _context() -> Any:
    """Processes forked from one that has loaded the package, the models that ship, and nothing else."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["classifier.bulk.records", "classifier.bulk.warm"])
    return context


@contextmanager
def _single_threaded() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _manner(code: int | None) -> str:
    """How a process ended.

    >>> _manner(-9), _manner(3)
    ('killed by SIGKILL', 'exit code 3')
    """
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


# -- inside a worker -----------------------------------------------------------------------------------------


def _work(
    start: Callable[[], Callable[[T], R]], memory: int | None, seconds: float, pipe: "Connection[Any, Any]"
) -> None:
    """Read chunk after chunk and report every page, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all; the parent decides
    try:
        if memory:
            _limit_memory(memory)
        read = start()
    except Exception as error:
        pipe.send(("raised", f"{type(error).__name__}: {error}"))
        return
    pipe.send(("ready", None))
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            for item in pipe.recv():
                _set_alarm(seconds + GRACE)
                report = _tried(read, item)
                _set_alarm(0)  # to wait for the parent to listen is no fault of the page
                pipe.send(report)


def _tried(read: Callable[[T], R], item: T) -> tuple[Outcome, Any]:
    try:
        return "done", read(item)
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"


def _limit_memory(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _set_alarm(seconds: float) -> None:
    """Let the system end this process then: a worker that hangs must not outlive a parent that was killed."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
