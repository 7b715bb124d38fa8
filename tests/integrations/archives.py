"""A WARC file of pages that were written for this project, and of what else a crawl brings."""

import gzip
import io
from pathlib import Path

PAGES = Path(__file__).parents[2] / "datasets" / "pages"
LATIN = (
    "<title>Marée</title><h1>Marée haute</h1>" + "<p>La marée était haute et le café fermé depuis l'été. " * 9
).encode("latin-1")


def entries() -> list[tuple[str, int, str, bytes]]:
    """URL, status, content type and body of each response."""
    pages = [
        (f"https://site.example/{path.stem}", 200, "text/html; charset=utf-8", path.read_bytes())
        for path in sorted(PAGES.glob("*.html"))
    ]
    return [
        *pages,
        ("https://site.example/latin", 200, "text/html; charset=iso-8859-1", LATIN),
        ("https://site.example/forbidden", 403, "text/html", (PAGES / "gate-only.html").read_bytes()),
        ("https://site.example/image", 200, "image/png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("https://site.example/empty", 200, "text/html", b""),
        ("https://site.example/pdf-as-html", 200, "text/html", b"%PDF-1.7\n" + bytes(range(256)) * 4),
        ("https://site.example/deep", 200, "text/html", b"<div>" * 5_000 + b"<p>deep down</p>"),
    ]


def write_warc(path: Path) -> int:
    """Write the archive; gives the number of responses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = entries()
    with path.open("wb") as file:
        for number, (url, status, kind, body) in enumerate(found):
            file.write(gzip.compress(_record(number, url, status, kind, body), mtime=0))
    return len(found)


def _record(number: int, url: str, status: int, kind: str, body: bytes) -> bytes:
    block = io.BytesIO()
    block.write(f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    block.write(body)
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Date: 2026-11-24T00:00:00Z\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {block.tell()}\r\n\r\n"
    )
    return head.encode() + block.getvalue() + b"\r\n\r\n"
