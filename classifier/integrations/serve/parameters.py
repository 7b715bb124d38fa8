"""What a request asks for: the query, the body, the lines of a batch; each checked, each fault one sentence."""

import asyncio
import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from classifier.bulk.records import Source, Wanted
from classifier.integrations.serve.bounds import Bounds, Refused, busy

WANTED: Final = ("markdown", "blocks", "all_content")
ABOUT: Final = ("id", "url", "encoding", "status", "date", "kind")
KINDS: Final = ("html", "text")
MAX_VALUE: Final = 8_192
"""Characters of one parameter."""


class Held:
    """Bytes of request bodies in memory, over all requests."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0


class Body:
    """The body of a request, counted in ``held`` while this context lasts."""

    def __init__(self, request: Request, limit: int, bounds: Bounds, held: Held) -> None:
        self.request = request
        self.limit = limit
        self.bounds = bounds
        self.held = held
        self._taken = 0

    async def __aenter__(self) -> bytes:
        """The bytes.

        :raises Refused: if they are too many, too slow, encoded, or too many of all requests together.
        """
        self._check_headers()
        try:
            return await asyncio.wait_for(self._read(), self.bounds.body_seconds)
        except BaseException as error:
            await self.__aexit__()
            if isinstance(error, TimeoutError):
                sentence = f"The body did not arrive within {self.bounds.body_seconds:g} s."
                raise Refused(408, "BodyTooSlow", sentence) from None
            if isinstance(error, ClientDisconnect):
                raise Refused(400, "Disconnected", "The client left before the end of the body.") from None
            raise

    async def __aexit__(self, *_: object) -> None:
        """Forget the bytes."""
        self.held.bytes -= self._taken
        self._taken = 0

    def _check_headers(self) -> None:
        coding = self.request.headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            raise Refused(415, "BodyEncoded", f"Send the body unpacked, not with Content-Encoding {coding[:40]!r}.")
        length = self.request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > self.limit):
            raise self._too_large()

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        async for chunk in self.request.stream():
            if self._taken + len(chunk) > self.limit:
                raise self._too_large()
            if self.held.bytes + len(chunk) > self.held.limit:
                raise busy("The bodies of other requests fill the memory; try again.")
            self._taken += len(chunk)
            self.held.bytes += len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self) -> Refused:
        return Refused(413, "BodyTooLarge", f"The body may have {self.limit} bytes.")


def query(request: Request, known: Iterable[str]) -> dict[str, str]:
    """The parameters by name.

    :raises Refused: if one is unknown, given twice, or too long.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise _bad(f"There is no parameter {name[:80]!r}; choose from {', '.join(known)}.")
        if name in found:
            raise _bad(f"The parameter {name!r} was given twice.")
        if len(value) > MAX_VALUE:
            raise _bad(f"The parameter {name!r} may have {MAX_VALUE} characters.")
        found[name] = value
    return found


def wanted(given: Mapping[str, str]) -> Wanted:
    """What the record shall hold.

    :raises Refused: if a flag is neither true nor false.
    """
    flags = {"true": True, "1": True, "false": False, "0": False}
    for name in WANTED:
        if name in given and given[name] not in flags:
            raise _bad(f"The parameter {name!r} is true or false, not {given[name][:80]!r}.")
    return Wanted(**{name: flags[given[name]] for name in WANTED if name in given})


def page(given: Mapping[str, str], data: bytes, content_type: str | None) -> Source:
    """The page of ``/read``.

    :raises Refused: if a parameter is not what it should be.
    """
    kind = given.get("kind", "html")
    if kind not in KINDS:
        raise _bad(f"The parameter 'kind' is html or text, not {kind[:80]!r}.")
    return Source(
        id=given.get("id") or given.get("url") or "page",
        data=data,
        kind="text" if kind == "text" else "html",
        url=given.get("url"),
        date=given.get("date"),
        content_type=given.get("encoding") or content_type,
        status=_status(given["status"]) if "status" in given else None,
    )


def _status(text: str) -> int:
    if not (len(text) == 3 and text.isascii() and text.isdigit() and text[0] in "12345"):
        raise _bad(f"The parameter 'status' is an HTTP status from 100 to 599, not {text[:80]!r}.")
    return int(text)


def pages(body: bytes, limit: int) -> list[Source]:
    """The pages of ``/batch``; a line that cannot be used is a source with a problem.

    :raises Refused: if there are too many.
    """
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > limit:
        raise Refused(413, "BatchTooLong", f"A batch may have {limit} pages, not {len(lines)}.")
    return list(_sources(lines))


def _sources(lines: Iterable[tuple[int, bytes]]) -> Iterator[Source]:
    for number, line in lines:
        try:
            yield _source(json.loads(line), number)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _BadLine) else "no JSON object"
            yield Source(str(number), "", problem=f"BadLine: line {number}: {reason}")


class _BadLine(ValueError):
    """A line that is JSON, and no page."""


def _source(line: Any, number: int) -> Source:
    if not isinstance(line, dict):
        raise _BadLine("no JSON object")
    texts = {name: line.get(name) for name in (*ABOUT, "html", "text", "base64") if name != "status"}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise _BadLine(f"{name} is no string")
    status = line.get("status")
    if status is not None and (type(status) is not int or not 100 <= status <= 599):
        raise _BadLine("status is no number from 100 to 599")
    name, data = _data(texts)
    kind = texts["kind"] or ("text" if name == "text" else "html")
    if kind not in KINDS:
        raise _BadLine("kind is neither html nor text")
    return Source(
        id=texts["id"] or texts["url"] or str(number),
        data=data,
        kind="text" if kind == "text" else "html",
        url=texts["url"],
        date=texts["date"],
        content_type=texts["encoding"],
        status=status,
    )


def _data(texts: Mapping[str, str | None]) -> tuple[str, bytes | str]:
    given = [(name, value) for name in ("html", "text", "base64") if (value := texts[name]) is not None]
    if len(given) != 1:
        raise _BadLine("exactly one of html, text and base64 must be there")
    ((name, value),) = given
    if name != "base64":
        return name, value
    try:
        return name, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _BadLine("base64 is none") from None


def _bad(sentence: str) -> Refused:
    return Refused(400, "BadRequest", sentence)
