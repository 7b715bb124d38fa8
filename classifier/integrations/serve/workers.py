"""Processes that read pages and may be killed: what hangs or dies in one costs its page and nothing else.

Each is a :class:`~classifier.bulk.pool.Pool` of one, waited for by a thread of its own, so that the event loop goes on.
A worker answers in JSON bytes, which go to the client as they are.
"""

import asyncio
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from classifier.bulk.pool import THREADS, Pool, PoolError
from classifier.bulk.records import Source, Wanted, lost_record, read_source
from classifier.integrations.serve.bounds import Bounds, busy
from classifier.sieve import Sieve

FAULTS: Final = ("TimedOut", "WorkerDied")
"""Problems that are no page's own: there was no reading."""


@dataclass(frozen=True, slots=True)
class Job:
    """A page, and what its record shall hold."""

    source: Source
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker made of a page."""

    record: bytes
    """JSON."""
    level: str | None
    problem: str | None

    @property
    def fault(self) -> str | None:
        """The one of ``FAULTS`` that kept the page from being read."""
        name = (self.problem or "").partition(":")[0]
        return name if name in FAULTS else None


@dataclass(frozen=True, slots=True)
class Models:
    """Paths of model files; ``None`` for those that ship."""

    html: str | None = None
    text: str | None = None


SHIPPED: Final = Models()


def unread(job: Job, problem: str) -> Answer:
    """A record that holds nothing but the reason."""
    return _to_answer(lost_record(job.source, problem, job.wanted))


def _reader(models: Models) -> Callable[[Job], Answer]:
    """In a worker: its models are loaded before its first page."""
    sieve = Sieve(models.html, text_model=models.text)
    sieve.model("html"), sieve.model("text")
    return lambda job: _to_answer(read_source(sieve, job.source, job.wanted))


def _to_answer(record: dict[str, Any]) -> Answer:
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Answer(line, record["access"] and record["access"]["level"], record["problem"])


class Workers:
    """A fixed number of workers for the event loop that starts them."""

    def __init__(self, count: int, models: Models, bounds: Bounds) -> None:
        self.count = count
        self.busy = 0
        self._bounds = bounds
        self._pools: list[Pool[Job, Answer]] = [
            Pool(
                partial(_reader, models),
                unread,
                jobs=1,
                chunk=1,
                seconds=bounds.page_seconds,
                memory=bounds.worker_bytes if os.name == "posix" else None,
                recycle_after=bounds.worker_pages,
            )
            for _ in range(count)
        ]

    async def start(self) -> None:
        """Start the processes and wait until they can read.

        :raises PoolError: if they cannot be started.
        """
        for name in THREADS:  # here already, since pools that start workers at once change the environment at once
            os.environ.setdefault(name, "1")
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(self.count, "pagesieve-ask")
        self._idle: asyncio.Queue[Pool[Job, Answer]] = asyncio.Queue()
        warm = Job(Source("", "", problem="none"), Wanted())
        await asyncio.gather(*(self._submit(pool, warm) for pool in self._pools))

    async def stop(self) -> None:
        """Let pages in work end, in the time they have; then end the processes."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        for pool in self._pools:
            pool.close()

    async def read(self, job: Job) -> Answer:
        """The answer of the next free worker.

        :raises Refused: if none becomes free in time.
        """
        try:
            pool = await asyncio.wait_for(self._idle.get(), self._bounds.wait_seconds)
        except TimeoutError:
            raise busy(f"No worker became free within {self._bounds.wait_seconds:g} s.") from None
        try:
            return await self._submit(pool, job)
        except PoolError as error:
            return unread(job, f"WorkerDied: {error}")

    def _submit(self, pool: Pool[Job, Answer], job: Job) -> "asyncio.Future[Answer]":
        """Should the client go, the thread still waits for the worker and gives it back only then."""
        self.busy += 1
        return asyncio.wrap_future(self._threads.submit(self._ask, pool, job))

    def _ask(self, pool: Pool[Job, Answer], job: Job) -> Answer:
        """In a thread."""
        try:
            (answer,) = pool.map([job])
            return answer
        finally:
            self._loop.call_soon_threadsafe(self._give_back, pool)

    def _give_back(self, pool: Pool[Job, Answer]) -> None:
        self.busy -= 1
        self._idle.put_nowait(pool)
