"""What stands before the service: refuses foreign hosts, pages of other sites and too many requests at once.

A service on a loopback address trusts whoever reaches it. A browser on the same machine reaches it too, on behalf of
any site: under a name that the site rebinds to 127.0.0.1 (hence the look at ``Host``), or openly from its own origin
(hence the look at ``Origin`` and ``Sec-Fetch-Site``). No answer carries a CORS header.
"""

import asyncio
import re
from collections.abc import Iterable, Set
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from classifier.integrations.serve.bounds import Bounds, Refused, busy
from classifier.integrations.serve.metrics import Metrics

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
PATHS: Final = ("/read", "/batch", "/health", "/metrics", "/openapi.json")
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""For the case that a browser gets hold of an answer: it holds text of pages."""


class Guard:
    """ASGI middleware, the outermost; counts what it lets in and what it does not.

    ``hosts`` are the names by which clients may call the service, without port; ``None`` for any.
    """

    def __init__(self, app: ASGIApp, hosts: Set[str] | None, bounds: Bounds, metrics: Metrics) -> None:
        self.app = app
        self.hosts = hosts
        self.bounds = bounds
        self.metrics = metrics
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answering(send, scope["path"], self.bounds, self.metrics)
        posted = scope["method"] == "POST"
        self.requests += posted
        try:
            refused = self._refused(scope)
            if refused:
                await refusal(refused)(scope, receive, answer.send)
            else:
                await self.app(scope, receive, answer.send)
        finally:
            self.requests -= posted

    def _refused(self, scope: Scope) -> Refused | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if self.hosts is not None and (len(hosts) != 1 or host_name(hosts[0]) not in self.hosts):
            return Refused(
                421,
                "ForeignHost",
                f"This service answers to {', '.join(sorted(self.hosts))} only; start it with --allow-host for more.",
            )
        if foreign_origin(headers.getlist("origin"), hosts) or headers.get("sec-fetch-site", "none") not in (
            "none",
            "same-origin",
        ):
            return Refused(403, "ForeignOrigin", "This service does not answer the pages of other sites.")
        if self.requests > self.bounds.requests and scope["method"] == "POST":  # health is told all the same
            return busy(f"More than {self.bounds.requests} requests are being answered; try again.")
        return None


class _Answering:
    """The way back of one request: adds headers, counts the answer, gives up on a client that takes nothing."""

    def __init__(self, send: Send, path: str, bounds: Bounds, metrics: Metrics) -> None:
        self._send = send
        self._path = path if path in PATHS else "other"
        self._bounds = bounds
        self._metrics = metrics

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
            self._metrics.count("pagesieve_requests_total", path=self._path, status=str(message["status"]))
        await asyncio.wait_for(self._send(message), self._bounds.send_seconds)


def refusal(refused: Refused) -> JSONResponse:
    """The answer to a refused request."""
    headers = {"Retry-After": "1"} if refused.status == 503 else None
    return JSONResponse(refused.to_dict(), refused.status, headers)


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without port and the brackets of IPv6; empty where it is none.

    >>> host_name("LocalHost:8080"), host_name("[::1]:80"), host_name("a@127.0.0.1")
    ('localhost', '::1', '')
    """
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def foreign_origin(origins: Iterable[str], hosts: list[str]) -> bool:
    """Does another site's page ask? ``null``, of a sandboxed frame or a local file, is foreign too.

    >>> foreign_origin(["http://localhost:80"], ["localhost:80"]), foreign_origin(["null"], ["localhost"])
    (False, True)
    """
    return any(
        origin.lower() not in {f"{scheme}://{host}".lower() for scheme in ("http", "https") for host in hosts}
        for origin in origins
    )
