"""Serving the annotation page on this machine alone, until it is stopped."""

import secrets
import socket
import sys
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import uvicorn
from tqdm import tqdm
from uvicorn.protocols.http.h11_impl import H11Protocol

from classifier.sieve import Sieve
from training.annotate.server import make_app
from training.annotate.session import PageFile, Session

HOST: Final = "127.0.0.1"
FIRST_BYTES_SECONDS: Final = 10.0
"""Seconds that a connection may stay without a request."""


class _Impatient(H11Protocol):  # type: ignore[misc]
    """Closes connections that never ask anything: they would use up the number that is allowed."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self.loop.call_later(FIRST_BYTES_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def serve(pages: Path, labels: Path, model: str | None, *, port: int = 0, browser: bool = True) -> None:
    """Serve the annotation page until it is interrupted; prints its address.

    Raises ``FileNotFoundError`` without pages, ``OSError`` if the port is taken.
    """
    session = Session(pages, labels, Sieve(model), _progress)
    for sentence in session.skipped:
        print(f"pagesieve: {sentence}", file=sys.stderr)
    with listen(port) as listening:
        token = secrets.token_urlsafe(32)
        port = listening.getsockname()[1]
        address = f"http://{HOST}:{port}/#token={token}"
        print(f"Annotate {len(session.files)} pages at\n  {address}\nStop with Ctrl-C; every change is saved at once.")
        sys.stdout.flush()
        if browser:
            webbrowser.open(address)
        make_server(session, token, port).run(sockets=[listening])


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface; ``port`` 0 takes a free one."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise OSError(f"Port {port} on {HOST} cannot be used ({error.strerror}); leave --port away.") from None
    return listening


def make_server(session: Session, token: str, port: int) -> uvicorn.Server:
    """The server for one run, not yet running."""
    config = uvicorn.Config(
        make_app(session, token, port),
        http=_Impatient,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=16 << 10,
    )
    return uvicorn.Server(config)


def _progress(files: Iterable[PageFile]) -> Iterable[PageFile]:
    done: Iterable[PageFile] = tqdm(files, unit="page", desc="reading", disable=not sys.stderr.isatty())
    return done
