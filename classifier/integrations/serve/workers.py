"""Processes that read pages and may be killed: what hangs or dies in one costs its page and nothing else.

A worker answers in JSON bytes, which go to the client as they are; nothing that comes from a process that touched a
page is unpickled.
"""

import asyncio
import json
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from classifier.bulk.records import Source, Wanted, read_source, record
from classifier.integrations.serve.bounds import Bounds, busy
from classifier.sieve import Sieve

_SPAWN: Final = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker made of a page."""

    record: bytes
    """JSON."""
    level: str | None
    problem: str | None
    fault: str | None = None
    """``TimedOut`` or ``WorkerDied``: there was no reading."""


@dataclass(frozen=True, slots=True)
class Models:
    """Paths of model files; ``None`` for those that ship."""

    html: str | None = None
    text: str | None = None


SHIPPED: Final = Models()


class Worker:
    """One process, asked for one page at a time."""

    def __init__(self, models: Models, bounds: Bounds) -> None:
        self.pages = 0
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(
            target=_work, args=(theirs, models, bounds), daemon=True, name="pagesieve-worker"
        )
        self._process.start()
        theirs.close()
        self._ready = False

    def ask(self, source: Source, wanted: Wanted, seconds: float) -> Answer:
        """The record of a page; blocks.

        :raises TimeoutError: if there is none in time.
        :raises EOFError: if the process died.
        """
        try:
            self._start()
            self._pipe.send((source, wanted))
            return self._receive(seconds)
        except OSError as error:  # a pipe that breaks while we write
            if isinstance(error, TimeoutError):
                raise
            raise EOFError from error
        finally:
            self.pages += 1

    def _start(self) -> None:
        """Loading the model is no page's time."""
        if self._ready:
            return
        if not self._pipe.poll(START_SECONDS):
            raise TimeoutError
        self._pipe.recv_bytes()
        self._ready = True

    def _receive(self, seconds: float) -> Answer:
        if not self._pipe.poll(seconds):
            raise TimeoutError
        level, problem = json.loads(self._pipe.recv_bytes())
        return Answer(self._pipe.recv_bytes(), level, problem)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, models: Models, bounds: Bounds) -> None:
    """The life of a worker: it ends when the pipe is closed, as when the service dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends its workers
    sieve = Sieve(models.html, text_model=models.text)
    sieve.model("html"), sieve.model("text")
    _limit_memory(bounds.worker_bytes)
    pipe.send_bytes(b"ready")
    while True:
        try:
            source, wanted = pipe.recv()
        except EOFError:
            return
        found = read_source(sieve, source, wanted)
        level = found["access"] and found["access"]["level"]
        pipe.send_bytes(json.dumps([level, found["problem"]]).encode())
        pipe.send_bytes(to_json(found))


def to_json(found: dict[str, Any]) -> bytes:
    """A record as one line."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


class Workers:
    """A fixed number of workers for the event loop that starts them."""

    def __init__(self, count: int, models: Models, bounds: Bounds, on_restart: Callable[[str], None]) -> None:
        self.count = count
        self.busy = 0
        self._models = models
        self._bounds = bounds
        self._on_restart = on_restart
        self._closed = False

    async def start(self) -> None:
        """Start the processes; they load their models meanwhile."""
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(self.count, "pagesieve-ask")
        self._workers = [self._new() for _ in range(self.count)]
        self._idle: asyncio.Queue[int] = asyncio.Queue()
        for place in range(self.count):
            self._idle.put_nowait(place)

    def stop(self) -> None:
        """Kill them. Pages still in work are lost."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def read(self, source: Source, wanted: Wanted) -> Answer:
        """The answer of the next free worker.

        :raises Refused: if none becomes free in time.
        """
        try:
            place = await asyncio.wait_for(self._idle.get(), self._bounds.wait_seconds)
        except TimeoutError:
            raise busy(f"No worker became free within {self._bounds.wait_seconds:g} s.") from None
        self.busy += 1
        # Should the client go, the thread still waits for the worker and then gives it back.
        return await asyncio.wrap_future(self._threads.submit(self._ask, place, source, wanted))

    def _ask(self, place: int, source: Source, wanted: Wanted) -> Answer:
        """In a thread: ask, and put another worker in the place of one that is lost or worn."""
        seconds, worker = self._bounds.page_seconds, self._workers[place]
        reason = None
        try:
            answer = worker.ask(source, wanted, seconds)
            if worker.pages >= self._bounds.worker_pages:
                reason = "worn"
            return answer
        except TimeoutError:
            reason = "TimedOut"
            return _fault(source, wanted, reason, f"not read within {seconds:g} s")
        except EOFError:
            reason = "WorkerDied"
            return _fault(source, wanted, reason, "the process that read this page died")
        finally:
            if reason and not self._closed:
                worker.kill()
                self._workers[place] = self._new()
            self._loop.call_soon_threadsafe(self._give_back, place, reason)

    def _give_back(self, place: int, reason: str | None) -> None:
        self.busy -= 1
        if reason:
            self._on_restart(reason)
        self._idle.put_nowait(place)

    def _new(self) -> Worker:
        return Worker(self._models, self._bounds)


def without_reading(source: Source, wanted: Wanted, problem: str, fault: str | None = None) -> Answer:
    """A record that holds nothing but the reason."""
    found = record(source, None, wanted, problem)
    return Answer(to_json(found), None, problem, fault)


def _fault(source: Source, wanted: Wanted, name: str, sentence: str) -> Answer:
    return without_reading(source, wanted, f"{name}: {sentence}", name)
