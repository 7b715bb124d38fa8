"""What stands inside a block, for the writers: its clean text, its marks, its links, and edits to them."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Final
from urllib.parse import urljoin

from classifier.page import Page, Span
from classifier.structure import Node

Edit = tuple[int, int, int, str]
"""Start, rank among the edits there, end, what replaces ``text[start:end]``."""

LAST: Final = 1 << 60
"""Rank of escapes and line breaks: after the marks that end or begin at the same place."""

_MARKS: Final = {
    "a": "a", "b": "strong", "strong": "strong", "i": "em", "em": "em",
    "code": "code", "kbd": "code", "samp": "code", "tt": "code",
}  # fmt: skip

_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


MAX_TARGET: Final = 65_536
"""Characters of an address that is written; servers take a quarter of that at most."""

_BREAKS: Final = re.compile("[\t\r\n]")
_BLANKS: Final = "".join(map(chr, range(33)))
_ROOTED: Final = re.compile(r"/(?!/)[\w/-]*(?:\.\w+)?")
"""Addresses that need no more than their origin: no dots to resolve, nothing behind the path."""
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
_SCHEMES: Final = frozenset(("http", "https", "mailto"))


@dataclass(frozen=True, slots=True)
class Mark:
    """Inline markup over ``text[start:end]``: ``kind`` is ``a``, ``strong``, ``em`` or ``code``."""

    start: int
    end: int
    kind: str
    href: str = ""


class Writer:
    """What the writers share: clean texts and the marks in them."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @cached_property
    def spans(self) -> dict[int, list[Span]]:
        """Spans by block."""
        found: dict[int, list[Span]] = {}
        for span in self.page.spans:
            found.setdefault(span.block, []).append(span)
        return found

    def text(self, block: int) -> str:
        """A block's text, fit for output."""
        return clean(self.page.texts[block])

    def marks(self, block: int, text: str) -> list[Mark]:
        """Inline markup of a block's text."""
        return marks(self.page, text, self.spans.get(block, ()))

    def verbatim(self, node: Node) -> str:
        """The text of a ``pre``, line breaks kept."""
        texts = (self.page.texts[block].replace("\r\n", "\n").replace("\r", "\n") for block in node.blocks())
        return clean("\n".join(texts))


def clean(text: str) -> str:
    """The text with every character that JSON, XML or UTF-8 cannot carry replaced; its length stays.

    >>> clean("a\\x00b\\ud800c\\td")
    'a\ufffdb\ufffdc\\td'
    """
    return text if text.isprintable() else _UNSAFE.sub("\ufffd", text)


def marks(page: Page, text: str, spans: Iterable[Span]) -> list[Mark]:
    """Inline markup of one block, outer before inner: nested, trimmed, none in code nor in its own kind.

    ``text`` is the block's, ``spans`` are its spans.
    """
    found: list[Mark] = []
    enclosing: list[Mark] = []
    ordered = sorted(spans, key=attrgetter("element"))  # the last key first: a tuple a span takes more memory
    ordered.sort(key=attrgetter("end"), reverse=True)
    ordered.sort(key=attrgetter("start"))
    for span in ordered:
        kind = _MARKS.get(page.tags[span.element])
        href = page.hrefs.get(span.element, "") if kind == "a" else ""
        while enclosing and enclosing[-1].end <= span.start:
            enclosing.pop()
        if (
            kind is None
            or any(mark.kind in (kind, "code") for mark in enclosing)
            or (kind == "a" and not href)
        ):
            continue
        start, end = span.start, min(span.end, enclosing[-1].end if enclosing else len(text))
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end:
            enclosing.append(Mark(start, end, kind, href))
            found.append(enclosing[-1])
    return found


def resolve(href: str, url: str | None = None) -> str | None:
    """Where a link leads; ``None`` if a reader may not go there. Never raises: a malformed URL is data.

    >>> resolve("../b?c", "https://x.org/a/a/"), resolve("java\\nscript:x()"), resolve("//[", "https://x.org")
    ('https://x.org/a/b?c', None, '//[')
    """
    if len(href) > MAX_TARGET:
        return None
    target = _BREAKS.sub("", href).strip(_BLANKS)
    if url and _ROOTED.fullmatch(target):
        target = _origin(url) + target
    elif url and target:
        with suppress(ValueError):
            target = urljoin(url, target)
    scheme = _SCHEME.match(target)
    return target if target and (not scheme or scheme[1].lower() in _SCHEMES) else None


@lru_cache(8)
def _origin(url: str) -> str:
    """What stands before the path of an address that begins with a slash."""
    try:
        return urljoin(url, "/")[:-1]
    except ValueError:  # such as an unclosed IPv6 bracket
        return ""


def around(mark: Mark, rank: int, opening: str, closing: str) -> list[Edit]:
    """Marks are ranked outer before inner: at one place, inner ones end first and begin last."""
    return [(mark.start, rank, mark.start, opening), (mark.end, -rank, mark.end, closing)]


def weave(text: str, edits: list[Edit], plain: Callable[[str], str] = str) -> str:
    """The text with the edits made, and what lies between them passed through ``plain``; ``edits`` is used up."""
    pieces: list[str] = []
    position = 0
    edits.sort(reverse=True)
    while edits:  # a block may hold 200,000 links, each with two edits
        start, _, end, replacement = edits.pop()
        pieces += plain(text[position:start]), replacement
        position = end
    return "".join([*pieces, plain(text[position:])])


def inside(page: Page, pre: Node) -> list[int]:
    """Elements from the first character of a ``<pre>`` up to the ``<pre>``."""
    found = []
    for element in page.ancestors(int(page.leaves[next(pre.blocks())])):
        found.append(element)
        if element == pre.element:
            break
    return found


def is_code(page: Page, pre: Node) -> bool:
    """Whether a ``<pre>`` holds code, rather than verse."""
    return any(page.tags[element] == "code" for element in inside(page, pre))
