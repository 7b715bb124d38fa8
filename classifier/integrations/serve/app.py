"""The service: its paths, and what each answers."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Set
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import classifier
from classifier.integrations.serve import parameters
from classifier.integrations.serve.bounds import DEFAULT_BOUNDS, LOOPBACK, Bounds, Refused
from classifier.integrations.serve.guard import Guard, refusal
from classifier.integrations.serve.metrics import Metrics
from classifier.integrations.serve.openapi import describe
from classifier.integrations.serve.parameters import ABOUT, WANTED, Body, Held
from classifier.integrations.serve.workers import SHIPPED, Answer, Job, Models, Workers, unread

NDJSON: Final = "application/x-ndjson"
STATUSES: Final = {"TimedOut": 504, "WorkerDied": 500}


class Service:
    """What the paths share."""

    def __init__(self, models: Models, workers: int, bounds: Bounds) -> None:
        self.bounds = bounds
        self.metrics = Metrics()
        self.held = Held(bounds.held_bytes)
        self.workers = Workers(workers, models, bounds)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Workers live as long as the service."""
        await self.workers.start()
        try:
            yield
        finally:
            await self.workers.stop()

    async def read(self, request: Request) -> Response:
        """POST /read: the record of one page."""
        given = parameters.query(request, (*ABOUT, *WANTED))
        wanted = parameters.wanted(given)
        async with self._body(request, self.bounds.page_bytes) as data:
            self.metrics.count("pagesieve_body_bytes_total", len(data))
            source = parameters.page(given, data, request.headers.get("content-type"))
            answer = await self._answer(Job(source, wanted))
        if answer.fault:
            raise Refused(STATUSES[answer.fault], answer.fault, str(answer.problem))
        return Response(answer.record, media_type="application/json")

    async def batch(self, request: Request) -> Response:
        """POST /batch: the records of many pages, a line each, in their order."""
        wanted = parameters.wanted(parameters.query(request, WANTED))
        async with contextlib.AsyncExitStack() as stack:
            data = await stack.enter_async_context(self._body(request, self.bounds.batch_bytes))
            self.metrics.count("pagesieve_body_bytes_total", len(data))
            jobs = [Job(source, wanted) for source in parameters.pages(data, self.bounds.batch_pages)]
            records = await stack.enter_async_context(contextlib.aclosing(self._records(jobs)))
            return _HoldingResponse(records, stack.pop_all())

    async def _records(self, jobs: Iterable[Job]) -> AsyncGenerator[bytes, None]:
        """As many pages at a time as there are workers."""
        running: deque[asyncio.Task[Answer]] = deque()
        try:
            for job in jobs:
                running.append(asyncio.create_task(self._answer_or_problem(job)))
                if len(running) >= self.workers.count:
                    yield (await running.popleft()).record + b"\n"
            while running:
                yield (await running.popleft()).record + b"\n"
        finally:
            for task in running:
                task.cancel()

    async def _answer_or_problem(self, job: Job) -> Answer:
        """In a batch, one page that finds no worker is no reason to break off."""
        try:
            return await self._answer(job)
        except Refused as refused:
            return unread(job, f"{refused.name}: {refused.sentence}")

    async def _answer(self, job: Job) -> Answer:
        started = time.perf_counter()
        answer = await self.workers.read(job)
        self.metrics.page(answer, time.perf_counter() - started)
        return answer

    def _body(self, request: Request, limit: int) -> Body:
        return Body(request, limit, self.bounds, self.held)

    async def health(self, request: Request) -> Response:
        """GET /health: is the service up?"""
        parameters.query(request, ())
        return JSONResponse({"status": "ok", "version": classifier.__version__, "workers": self.workers.count})

    async def counts(self, request: Request) -> Response:
        """GET /metrics: for Prometheus."""
        parameters.query(request, ())
        text = self.metrics.text(workers=self.workers.count, workers_busy=self.workers.busy, held_bytes=self.held.bytes)
        return Response(text, media_type="text/plain; version=0.0.4")

    async def description(self, request: Request) -> Response:
        """GET /openapi.json."""
        parameters.query(request, ())
        return JSONResponse(describe(self.bounds))

    def routes(self) -> Iterator[Route]:
        """The paths."""
        for path, endpoint in (("/read", self.read), ("/batch", self.batch)):
            yield Route(path, endpoint, methods=["POST"])
        for path, endpoint in (
            ("/health", self.health),
            ("/metrics", self.counts),
            ("/openapi.json", self.description),
        ):
            yield Route(path, endpoint, methods=["GET"])


class _HoldingResponse(StreamingResponse):
    """Lines as they come; what they need is released whatever becomes of the client."""

    def __init__(self, lines: AsyncIterator[bytes], held: contextlib.AsyncExitStack) -> None:
        super().__init__(lines, media_type=NDJSON)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


def make_app(
    *,
    hosts: Set[str] | None = LOOPBACK,
    models: Models = SHIPPED,
    workers: int = 2,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Starlette:
    """The ASGI application; its workers start with its lifespan.

    ``hosts`` are the names by which clients may call it, ``None`` for any.
    """
    service = Service(models, workers, bounds)
    app = Starlette(
        routes=list(service.routes()),
        middleware=[Middleware(Guard, hosts=hosts, bounds=bounds, metrics=service.metrics)],
        exception_handlers={Refused: _refused, HTTPException: _http_error, Exception: _fault},
        lifespan=service.lifespan,
    )
    app.router.redirect_slashes = False  # a POST that is redirected loses its body
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {
        404: f"There is nothing at {request.url.path[:200]}; see /openapi.json.",
        405: f"{request.url.path[:200]} does not take {request.method[:40]}.",
    }
    detail = sentences.get(error.status_code, str(error.detail))
    name = str(error.detail).title().replace(" ", "")
    return JSONResponse({"error": name, "detail": detail}, error.status_code, error.headers)


async def _fault(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Fault", "detail": f"A fault of the service: {type(error).__name__}."}, 500)
