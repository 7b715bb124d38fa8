"""What stands before the annotation server: who may ask, how, and how much may be sent.

A web page open in the same browser can send requests to any address on this machine. It cannot fake what is checked
here: ``Host`` (against DNS rebinding), ``Origin`` and ``Sec-Fetch-Site`` (against other sites), and it does not know
the token of this run, which every request for data must carry in a header that no other site may set.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from secrets import compare_digest
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY: Final = 4 << 20
"""Bytes of a request's body: labels of 200,000 blocks need 2 MB."""
MAX_IMPORT: Final = 128 << 20
"""The same for tasks of Label Studio, which hold whole pages."""
BODY_SECONDS: Final = 20.0
"""Seconds in which a body must have come."""

TOKEN_HEADER: Final = "x-pagesieve-token"
METHODS: Final = frozenset(("GET", "PUT", "POST"))

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)
FRAME_POLICY: Final = (
    "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src {styles}; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS: Final = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""On every answer. There is no CORS header: no other site may read anything."""


class _Refusal(Exception):
    """A request that is not answered: its status, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        self.sentence = sentence


class Guard:
    """Wraps an ASGI application; lets through what comes from the annotation page itself."""

    def __init__(self, app: App, token: str, port: int) -> None:
        self.app = app
        self.token = token.encode()
        self.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            return  # nothing else is spoken here
        try:
            self._admit(scope)
            body = await self._body(scope, receive)
        except _Refusal as refusal:
            await _refuse(refusal, send)
            return

        async def whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, whole, _with_headers(send))

    def _admit(self, scope: Message) -> None:
        """Raise a refusal unless the request comes from the annotation page, or opens it."""
        headers = _headers(scope)
        if headers.get("host", "").lower() not in self.hosts:
            raise _Refusal(421, "This server answers on 127.0.0.1 under its own port alone.")
        if scope["method"] not in METHODS:
            raise _Refusal(405, "Only GET, PUT and POST are known.")
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            raise _Refusal(403, "Requests of other sites are not answered.")
        site = headers.get("sec-fetch-site", "same-origin")
        opens = site == "none" and headers.get("sec-fetch-dest", "document") == "document"
        if site != "same-origin" and not opens:
            raise _Refusal(403, "Open the address that pagesieve annotate printed; links from elsewhere are refused.")
        path = scope["path"]
        if path.startswith("/api/"):
            if not compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token):
                raise _Refusal(401, "The token of this run is missing; open the address that was printed.")
            if scope["method"] != "GET" and headers.get("content-type") != "application/json":
                raise _Refusal(415, "What is sent must be application/json.")
        elif path.startswith("/frame/") and headers.get("sec-fetch-dest", "iframe") != "iframe":
            raise _Refusal(403, "The page view is shown in its frame alone.")

    async def _body(self, scope: Message, receive: Receive) -> bytes:
        """The body, if it is neither too large nor too slow."""
        limit = MAX_IMPORT if scope["path"] == "/api/import" else MAX_BODY
        length = _headers(scope).get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > limit:
            raise _Refusal(413, f"More than {limit} bytes are not taken.")
        pieces, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refusal(400, "The request broke off.")
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > limit:
                        raise _Refusal(413, f"More than {limit} bytes are not taken.")
                    if not message.get("more_body"):
                        return b"".join(pieces)
        except TimeoutError:
            raise _Refusal(408, "The request took too long to come.") from None


def _headers(scope: Message) -> dict[str, str]:
    """Headers by lower-case name; of one that is sent twice, both, so that no check is passed by the one and
    the other is used."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]}, {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", ()),
                *((name.encode(), value.encode()) for name, value in HEADERS.items()),
            ]
        await send(message)

    return sending


async def _refuse(refusal: _Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await _with_headers(send)({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
