"""What the service takes from the network: uvicorn's protocol, with a bound on idle and on all connections.

uvicorn waits without end for the head of a request. A client that opens connections and says nothing, or a header a
minute, would take them all.
"""

import asyncio
import json
import socket
from typing import Any, Final

import h11
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from classifier.integrations.serve.bounds import DEFAULT_BOUNDS, Bounds

FULL: Final = ("503 Service Unavailable", "Busy", "Too many connections; try again.")
GARBLED: Final = ("400 Bad Request", "GarbledRequest", "This is no HTTP request that can be understood.")
MAX_HEAD: Final = 1 << 16
"""Bytes of a request's line and headers."""


class BoundedProtocol(H11Protocol):
    """A connection that is closed when the head of its request is late."""

    bounds = DEFAULT_BOUNDS

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Open it, or say that there are too many."""
        super().connection_made(transport)
        self._late: asyncio.TimerHandle | None = None
        if len(self.connections) > self.bounds.connections:
            self._refuse(*FULL)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless the connection is being closed."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """From here uvicorn's own clock for idle connections runs, until the next byte."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        super().connection_lost(exc)
        self._stop_watch()

    def send_400_response(self, msg: str) -> None:
        """As every refusal, in JSON."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._refuse(*GARBLED)
        self.transport.close()

    def _refuse(self, status: str, name: str, sentence: str) -> None:
        """Answer without the application."""
        body = json.dumps({"error": name, "detail": sentence})
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.transport.write(f"{head}\r\nConnection: close\r\n\r\n{body}".encode())
        self.transport.close()

    def _watch(self) -> None:
        """The clock runs while the head of a request is awaited, and while a body comes that was refused.

        Closing at once, with bytes of the body unread, would make the system discard the answer too.
        """
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is not h11.IDLE and not (theirs is h11.SEND_BODY and ours is h11.DONE):
            self._stop_watch()
        elif self._late is None:
            self._late = self.loop.call_later(self.bounds.head_seconds, self._close)

    def _stop_watch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()


def make_server(app: ASGIApp, bounds: Bounds, **settings: Any) -> Server:
    """A uvicorn server for the application, to be run on sockets that are already bound."""
    protocol = type("Protocol", (BoundedProtocol,), {"bounds": bounds})
    return Server(
        Config(
            app,
            http=protocol,
            ws="none",
            lifespan="on",
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MAX_HEAD,
            timeout_graceful_shutdown=10,
            **settings,
        )
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    :raises OSError: if the address is taken or not ours.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=1024)
