"""Folders, JSON Lines and web archives into a stream of :class:`Source`: always the same pages in the same order.

What cannot be read is a source with a ``problem``, in its place in the stream: nothing is left out in silence.
An archive is read by fastwarc, or by warcio where that is missing (``pip install 'pagesieve[warc]'``).
"""

import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, get_args

from classifier.blocks import DEFAULT_LIMITS
from classifier.bulk.httpbody import unwrap
from classifier.bulk.records import Source
from classifier.cli import InputError, page_id

Format = Literal["html", "text", "jsonl", "warc"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

ENDINGS: Final[dict[Format, tuple[str, ...]]] = {
    "html": (".html", ".htm", ".xhtml"),
    "text": (".txt",),
    "jsonl": (".jsonl", ".ndjson"),
    "warc": (".warc", ".wet"),
}
"""Endings of names, before ``.gz`` or ``.zst``; ``warc`` stands for WARC and WET."""
PACKED: Final = (".gz", ".zst")

HTML_TYPES: Final = frozenset(("text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"))
TEXT_TYPES: Final = frozenset(("text/plain",))


class MissingPackage(InputError):
    """An input needs a package that is not installed."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of the fields of a JSON Lines record."""

    html: str = "html"
    text: str = "text"
    url: str = "url"
    id: str = "id"


FIELDS: Final = Fields()


@dataclass(frozen=True, slots=True)
class File:
    """One file to be read; ``name`` is ``-`` for standard input."""

    name: str
    format: Format
    stem: str
    """Id of its page, if it holds one alone."""


def find_files(inputs: Iterable[str], format: Format | None = None) -> list[File]:
    """The files behind names of files and folders, those of a folder sorted by path.

    Without ``format`` the names tell it; of a folder, files of other kinds are left out, and ``.txt``, too: most of
    those are no pages.

    :raises InputError: if a name does not exist, its format cannot be told, or a package that it needs is missing.
    """
    found = []
    for name in inputs:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file())
            files = [_file(each, format, each.relative_to(path)) for each in inside]
            known = [file for file in files if file and (format or file.format != "text")]
            found += known
            if not known:
                raise InputError(f"{name}: the folder holds no file of a known kind; give --format")
        elif name == "-" or path.exists():
            file = _file(path, format, Path(path.name))
            if file is None:
                raise InputError(f"{name}: its name does not tell what it holds; give --format")
            found.append(file)
        else:
            raise InputError(f"{name}: no such file or folder")
    for file in found:
        _need_packages(file)
    return found


def _need_packages(file: File) -> None:
    if file.format == "warc" and not (_has("fastwarc") or _has("warcio")):
        raise MissingPackage(f"{file.name}: needs fastwarc or warcio: pip install 'pagesieve[warc]'")
    if file.name.endswith(".zst") and not _has("zstandard"):
        raise MissingPackage(f"{file.name}: needs zstandard: pip install 'pagesieve[warc]'")


def _has(package: str) -> bool:
    return find_spec(package) is not None


def _file(path: Path, format: Format | None, shown: Path) -> File | None:
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    told = format or next((kind for kind, endings in ENDINGS.items() if name.endswith(endings)), None)
    return told and File(
        str(path), told, (shown.parent / page_id(shown.name.removesuffix(".zst"))).as_posix()
    )


def read_files(
    files: Iterable[File], fields: Fields = FIELDS, max_bytes: int = DEFAULT_LIMITS.max_bytes
) -> Iterator[Source]:
    """The pages of all files, one at a time. A file that is broken ends in a source that says so."""
    for file in files:
        try:
            with _opened(file.name) as stream:
                if file.format == "jsonl":
                    yield from read_jsonl(stream, file.stem, fields, max_bytes)
                elif file.format == "warc":
                    yield from read_warc(stream, max_bytes)
                else:
                    yield _page(stream, file, max_bytes)
        except Exception as error:  # each reader of archives and packed files has its own for damage
            yield Source(file.name, b"", problem=f"BrokenInput: {file.name}: {_reason(error)}")


@contextmanager
def _opened(name: str) -> "Iterator[BufferedReader[Any]]":
    """The file's bytes, unpacked if they begin as gzip or zstandard do, whatever the name says.

    Archives, too: the unpackers of fastwarc and warcio say nothing of a file that is cut.
    """
    with ExitStack() as stack:
        file = sys.stdin.buffer if name == "-" else stack.enter_context(open(name, "rb"))
        stream: BufferedReader[Any] = file if isinstance(file, BufferedReader) else BufferedReader(file)
        start = stream.peek(4)
        if start.startswith(b"\x1f\x8b"):
            stream = BufferedReader(gzip.GzipFile(fileobj=stream), 1 << 17)
        elif start.startswith(b"\x28\xb5\x2f\xfd"):
            stream = BufferedReader(_unzstd(stream), 1 << 17)
        yield stream


def _unzstd(stream: IO[bytes]) -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def checked(source: Source, max_bytes: int) -> Source:
    """The source, with a problem and without its data if there is nothing to read, or too much of it."""
    if source.problem:
        return source
    if len(source.data) > max_bytes:
        return replace(source, data=b"", problem=f"PageTooLarge: over {max_bytes} bytes (max_bytes)")
    if not source.data.strip():
        return replace(source, data=b"", problem="Empty: there is nothing to read")
    return source


def _page(stream: IO[bytes], file: File, max_bytes: int) -> Source:
    kind: Literal["html", "text"] = "text" if file.format == "text" else "html"
    return checked(Source(file.stem, stream.read(max_bytes + 1), kind), max_bytes)


# -- JSON Lines ----------------------------------------------------------------------------------------------


def read_jsonl(stream: IO[bytes], name: str, fields: Fields, max_bytes: int) -> Iterator[Source]:
    """A source for each line that is not blank. A record without an id gets ``NAME:LINE``."""
    longest = 6 * max_bytes + (1 << 20)  # JSON may write a byte as \\u0000
    for number in count(1):
        line = stream.readline(longest)
        if not line:
            return
        where = f"{name}:{number}"
        if len(line) == longest:
            yield Source(where, b"", problem=f"PageTooLarge: line {number} is over {longest} bytes")
            while line and not line.endswith(b"\n"):
                line = stream.readline(longest)
        elif line.strip():
            yield checked(_from_line(line, where, number, fields), max_bytes)


def _from_line(line: bytes, where: str, number: int, fields: Fields) -> Source:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Source(where, b"", problem=f"BrokenLine: line {number} is not JSON ({error})")
    if not isinstance(record, dict):
        return Source(where, b"", problem=f"BrokenLine: line {number} is not an object")
    given = record.get(fields.id)
    source = Source(where if given is None else str(given), "", url=_string(record.get(fields.url)))
    html, text = (_string(record.get(name)) for name in (fields.html, fields.text))
    if html is None and text is None:
        return replace(
            source, problem=f"BrokenLine: line {number} has no string {fields.html!r} or {fields.text!r}"
        )
    return replace(source, data=html) if html else replace(source, data=text or "", kind="text")


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# -- archives ------------------------------------------------------------------------------------------------


def read_warc(stream: "BufferedReader[Any]", max_bytes: int = DEFAULT_LIMITS.max_bytes) -> Iterator[Source]:
    """The responses of an unpacked WARC file and the conversions of a WET file, in order.

    :raises ImportError: if neither fastwarc nor warcio is installed.
    :raises ValueError: if it is no such file.

    Of a damaged file, what comes before the damage is yielded; then whatever the library raises gets out.
    """
    if not stream.peek(5).startswith(b"WARC/"):
        raise ValueError("it does not begin as a WARC file does")
    for raw in _records(stream, max_bytes + 1):
        yield _from_archive(raw, max_bytes)


class RawRecord(NamedTuple):
    """A record as both libraries give it; names of headers are looked up in any case."""

    warc: Callable[[str], str | None]
    http: Callable[[str], str | None]
    status: int | None
    """``None`` where the record holds no HTTP response."""
    body: bytes
    cut: bool
    """Does the file end before the body does?"""


def _records(stream: IO[bytes], most: int) -> Iterator[RawRecord]:
    return _by_fastwarc(stream, most) if _has("fastwarc") else _by_warcio(stream, most)


def _by_fastwarc(stream: IO[bytes], most: int) -> Iterator[RawRecord]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    kinds = WarcRecordType.response | WarcRecordType.conversion
    for record in ArchiveIterator(stream, record_types=kinds):
        http = record.http_headers
        status = None if http is None else http.status_code or 0
        size, body = record.content_length, record.reader.read(most)
        cut = len(body) < min(size, most) or not (record.headers.get("Content-Length") or "").isdigit()
        yield RawRecord(record.headers.get, http.get if http else _nothing, status, body, cut)


def _by_warcio(stream: IO[bytes], most: int) -> Iterator[RawRecord]:
    from warcio.archiveiterator import ArchiveIterator

    for record in ArchiveIterator(stream):
        if record.rec_type not in ("response", "conversion"):
            continue
        http = record.http_headers
        code = http.get_statuscode() if http else ""
        status = None if http is None else int(code) if code.isdigit() else 0
        body = record.raw_stream.read(most)
        cut = len(body) < most and record.raw_stream.limit > 0
        find = http.get_header if http else _nothing
        yield RawRecord(record.rec_headers.get_header, find, status, body, cut)


def _nothing(name: str) -> None:
    return None


def _from_archive(raw: RawRecord, max_bytes: int) -> Source:
    is_text = raw.warc("WARC-Type") == "conversion"
    source = Source(
        id=raw.warc("WARC-Record-ID") or "",
        data=raw.body,
        kind="text" if is_text else "html",
        url=raw.warc("WARC-Target-URI"),
        date=raw.warc("WARC-Date"),
        digest=raw.warc("WARC-Payload-Digest"),
    )
    if raw.cut:
        return replace(source, data=b"", problem="CutRecord: the archive ends within it")
    if is_text:
        return checked(replace(source, content_type="utf-8"), max_bytes)
    if raw.status is None:
        return replace(source, data=b"", problem=f"NotHtml: {raw.warc('Content-Type') or 'no HTTP response'}")
    source = replace(source, content_type=raw.http("Content-Type"), status=raw.status or None)
    media = (source.content_type or "").partition(";")[0].strip().lower()
    if media and media not in HTML_TYPES | TEXT_TYPES:
        return replace(source, data=b"", problem=f"NotHtml: {media}")
    if len(raw.body) <= max_bytes:
        data = unwrap(raw.body, raw.http("Transfer-Encoding"), raw.http("Content-Encoding"), max_bytes)
        source = replace(source, data=data, kind="text" if media in TEXT_TYPES else "html")
    return checked(source, max_bytes)
