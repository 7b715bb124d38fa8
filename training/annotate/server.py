"""The annotation page's requests and answers, over a :class:`Session`."""

import hmac
import json
import secrets
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from classifier.labels import LABELS
from training.annotate.guard import FRAME_POLICY, PAGE_POLICY, App, Guard
from training.annotate.labelstudio import CONFIG
from training.annotate.session import Conflict, Session, Unsound
from training.annotate.state import ACCESS, STATUSES, Refused
from training.labelfile import LabelFileError, parse

_STATIC: Final = {
    "/": ("annotate.html", "text/html; charset=utf-8"),
    "/annotate.css": ("annotate.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/annotate.js": ("annotate.js", "text/javascript; charset=utf-8"),
}


def make_app(session: Session, token: str, port: int) -> App:
    """The ASGI application for one run. ``port`` is where it will listen, ``token`` what requests must know."""
    answers = _Answers(session, token)
    routes = [Route(path, _static(*what)) for path, what in _STATIC.items()]
    routes += [
        Route("/api/session", answers.session_info),
        Route("/api/pages/{number}", answers.page, methods=["GET"]),
        Route("/api/pages/{number}", answers.save, methods=["PUT"]),
        Route("/api/export", answers.export),
        Route("/api/import", answers.import_tasks, methods=["POST"]),
        Route("/frame/{number}/{key}/{look}/{turn}", answers.frame),
    ]
    handlers: dict[Any, Any] = {
        Conflict: _error(409, "Another tab or program saved this page in the meantime."),
        Refused: _error(422),
        Unsound: _error(422),
        LabelFileError: _error(400),
        OSError: _error(507),
        404: _error(404, "There is no such page."),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token, port)


def _static(name: str, kind: str) -> Callable[[Request], Response]:
    """A file of the package, read once: no path of a request is ever one of a file."""
    data = (resources.files("training.annotate") / "static" / name).read_bytes()

    def answer(request: Request) -> Response:
        return Response(data, media_type=kind, headers={"content-security-policy": PAGE_POLICY})

    return answer


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=True), status, media_type="application/json")


def _error(status: int, sentence: str | None = None) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return _json({"error": sentence or str(error)}, status)

    return answer


async def _sent(request: Request, unique: bool) -> Any:
    body = await request.body()
    return await run_in_threadpool(parse, body, "What was sent", unique=unique)


class _Answers:
    """One method a request. What takes time runs in a thread, so that two tabs do not wait for each other."""

    def __init__(self, session: Session, token: str) -> None:
        self.session = session
        self.token = token

    async def session_info(self, request: Request) -> Response:
        """All pages in the order of their worth, and the names of codes."""
        pages = await run_in_threadpool(self.session.overview)
        return _json(
            {
                "pages": pages,
                "labels": LABELS,
                "statuses": STATUSES,
                "access": ACCESS,
                "skipped": self.session.skipped,
                "folder": str(self.session.labels),
            }
        )

    async def page(self, request: Request) -> Response:
        """One page: its blocks, predictions, labels, and the address of its view."""
        number = self._number(request)
        found = await run_in_threadpool(self.session.page, number)
        return _json(found | {"frame": f"/frame/{number}/{self._key(number)}"})

    async def save(self, request: Request) -> Response:
        """Take a page's labels; 409 if its file changed since they were read."""
        number = self._number(request)
        sent = await _sent(request, unique=True)
        if not isinstance(sent, dict):
            raise Refused("Labels come as one JSON object.")
        return _json(await run_in_threadpool(self.session.save, number, sent))

    async def frame(self, request: Request) -> Response:
        """The page as it looks, or ``plain``, for the sandboxed frame. Its address holds a key of page and run."""
        number = self._number(request)
        if not hmac.compare_digest(request.path_params["key"].encode(), self._key(number).encode()):
            return _json({"error": "There is no such page."}, 404)
        nonce = secrets.token_urlsafe(16)
        styles = f"'nonce-{nonce}'" if request.path_params["look"] == "plain" else "'unsafe-inline'"
        html = await run_in_threadpool(self.session.view, number, f"http://{request.headers['host']}/", nonce)
        return Response(
            html.encode("utf-8", "replace"),
            media_type="text/html; charset=utf-8",
            headers={"content-security-policy": FRAME_POLICY.format(styles=styles)},
        )

    async def export(self, request: Request) -> Response:
        """All pages as tasks of Label Studio."""
        return _json({"tasks": await run_in_threadpool(self.session.export), "config": CONFIG})

    async def import_tasks(self, request: Request) -> Response:
        """Take over labels from Label Studio."""
        tasks = await _sent(request, unique=False)
        return _json(await run_in_threadpool(self.session.import_tasks, tasks))

    def _number(self, request: Request) -> int:
        number = request.path_params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) < len(self.session.files)):
            raise HTTPException(404)
        return int(number)

    def _key(self, number: int) -> str:
        return hmac.new(self.token.encode(), f"frame {number}".encode(), "sha256").hexdigest()[:32]
