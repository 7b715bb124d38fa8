"""``pagesieve serve``, found by the main command through entry points."""

import argparse
import ipaddress
import os
import sys
from collections.abc import Set
from typing import Any

from classifier.cli import DONE, FAILED, USAGE, command
from classifier.integrations.serve.bounds import DEFAULT_BOUNDS, LOOPBACK, Bounds
from classifier.modelfile import load_model

EXAMPLES = """\
  pagesieve serve
  pagesieve serve --port 9000 --workers 8 --model models/html.npz
  curl --data-binary @page.html 'http://127.0.0.1:8642/read?url=https://example.com/a'
"""


def add_serve(commands: Any) -> None:
    """Add ``serve`` to the command."""
    bounds = DEFAULT_BOUNDS
    parser = command(commands, "serve", _serve, "read pages over HTTP", EXAMPLES)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8642, help="0 for any that is free (default: 8642)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--model", help="a model file for pages instead of the one that ships")
    parser.add_argument("--text-model", help="the same for plain text")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="name by which clients may call the service"
    )
    parser.add_argument("--max-bytes", type=int, default=bounds.page_bytes, help="size of a page")
    parser.add_argument("--max-seconds", type=float, default=bounds.page_seconds, help="time for a page")
    parser.add_argument("--max-requests", type=int, default=bounds.requests, help="requests at once")
    parser.add_argument("--access-log", action="store_true", help="log each request on standard error")


def _serve(options: argparse.Namespace) -> int:
    wrong = _wrong(options)
    if wrong:
        return _say(wrong, USAGE)
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        return _say(f"serve needs {error.name}: pip install 'pagesieve[serve]'", USAGE)
    for path in filter(None, (options.model, options.text_model)):
        load_model(path)  # its sentence now, and not from a worker
    return _run(options)


def _wrong(options: argparse.Namespace) -> str | None:
    """A sentence on the first option that cannot be."""
    if not 0 <= options.port <= 65535:
        return f"--port {options.port}: a port is a number from 0 to 65535"
    for name in ("workers", "max_bytes", "max_seconds", "max_requests"):
        if not getattr(options, name) > 0:
            return f"--{name.replace('_', '-')} {getattr(options, name)}: must be greater than 0"
    return None


def _run(options: argparse.Namespace) -> int:
    from classifier.integrations.serve.app import make_app
    from classifier.integrations.serve.connections import bind, make_server
    from classifier.integrations.serve.workers import Models

    bounds = Bounds(
        page_bytes=options.max_bytes,
        batch_bytes=max(4 * options.max_bytes, DEFAULT_BOUNDS.batch_bytes),
        held_bytes=max(16 * options.max_bytes, DEFAULT_BOUNDS.held_bytes),
        page_seconds=options.max_seconds,
        requests=options.max_requests,
    )
    try:
        listening = bind(options.host, options.port)
    except OSError as error:
        return _say(f"cannot listen on {options.host} port {options.port}: {error.strerror or error}", FAILED)
    app = make_app(
        hosts=allowed_hosts(options.host, options.allow_host),
        models=Models(options.model, options.text_model),
        workers=options.workers,
        bounds=bounds,
    )
    server = make_server(app, bounds, log_level="info" if options.access_log else "warning")
    host, port = listening.getsockname()[:2]
    _say(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}, {options.workers} workers", DONE)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    return DONE


def allowed_hosts(host: str, more: list[str]) -> Set[str] | None:
    """Names by which a service on this address may be called; ``None`` for any.

    >>> allowed_hosts("0.0.0.0", []), sorted(allowed_hosts("127.0.0.1", ["sieve.lan"]))
    (None, ['127.0.0.1', '::1', 'localhost', 'sieve.lan'])
    """
    named = {name.lower() for name in more}
    if is_loopback(host):
        return named | LOOPBACK | {host.lower()}
    return named or None


def is_loopback(host: str) -> bool:
    """Is it an address of this machine alone?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _say(sentence: str, code: int) -> int:
    print(f"pagesieve: {sentence}", file=sys.stderr, flush=True)
    return code
