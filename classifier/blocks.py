"""Text of a page into a :class:`Page`: a SAX target that writes the columns while libxml2 parses.

No tree is built. libxml2's tree drops what lies deeper than 256 levels without a word and is quadratic in the
attributes of a tag; its SAX interface has neither fault, and can be stopped between chunks.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from time import monotonic
from typing import Any, Final

import numpy as np
from lxml import etree

from classifier import words
from classifier.page import Facts, Ints, Page, Span

CHUNK: Final = 1 << 16
"""Characters or bytes fed at once: the step between two looks at the clock and the limits."""

BLOCK_TAGS: Final = frozenset(
    "address article aside blockquote body button caption center col colgroup dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu"
    " nav ol optgroup option p pre search section select summary svg table tbody td text textarea tfoot th thead"
    " tr ul".split()
)
"""Tags that end a run of text. ``button`` and ``option`` are boxes of their own on screen."""

SILENT_TAGS: Final = frozenset(
    "annotation annotation-xml applet audio canvas datalist embed head iframe noembed noframes noscript object"
    " script style template title video xmp".split()
)
"""Tags whose text no visitor reads. ``head`` and ``title`` are here for pages that nest them wrongly."""

MARKUP_TAGS: Final = frozenset("a b strong i em code kbd samp tt del s strike sub sup q mark cite var".split())
"""Inline tags whose extent is kept, for Markdown and HTML output."""

NAME_ATTRIBUTES: Final = frozenset(
    "class id role rel itemprop itemtype data-testid data-component data-module data-type data-qa aria-label"
    " data-paywall amp-access subscriptions-section".split()
)

NOSCRIPT_SHARE: Final = 2
"""``<noscript>`` is read after all when it holds so many times the visible text: forums that render by script leave
their posts there. On 2,428 pages this share was above 3.8 for 21 such pages and below .75 for all others."""

_HIDING_STYLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_MAX_NAME: Final = 400
"""Characters kept of an element's names: a class of 10 MB tells no more than its beginning."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one page may cost; the defaults hold 5 to 37 times what 4,362 real pages needed."""

    max_bytes: int = 16 << 20
    max_elements: int = 200_000
    max_blocks: int = 50_000
    max_depth: int = 512
    max_attributes: int = 1_000
    max_text: int = 8_000_000
    max_seconds: float = 5.0


DEFAULT_LIMITS: Final = Limits()


def cut(html: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Page:
    """Cut the text of an HTML page into blocks; bytes must be valid UTF-8.

    A block is a maximal run of text that no block-level element and no double ``<br>`` breaks. Every visible
    character lies in exactly one block. What a limit left unread is named in ``Page.truncated``. A page that shows
    next to nothing without scripts is read from its ``<noscript>``.

    >>> cut("<ul><li>one <b>two</b><li>three</ul>").texts
    ['one two', 'three']
    """
    target = _parse(html, limits, SILENT_TAGS)
    if target.unscripted > NOSCRIPT_SHARE * max(target.total, 200):
        target = _parse(html, limits, SILENT_TAGS - {"noscript"})
        target.flattened["noscript"] = None
    return target.page()


def _parse(html: str | bytes, limits: Limits, silent_tags: frozenset[str]) -> "_Target":
    target = _Target(limits, silent_tags)
    parser = (_direct_parser() or _parser)(target)
    deadline = monotonic() + limits.max_seconds
    for chunk in _chunks(html):
        parser.feed(chunk)
        if target.truncated is None and monotonic() > deadline:
            target.truncated = "max_seconds"
        if target.truncated:
            break
    if html:
        try:
            parser.close()
        except etree.LxmlError:  # nothing but white space or a doctype
            pass
    return target


def _chunks(html: str | bytes) -> Iterator[bytes]:
    """The page in UTF-8, piece by piece; no character is torn apart."""
    if isinstance(html, str):
        yield from (html[start : start + CHUNK].encode("utf-8", "replace") for start in range(0, len(html), CHUNK))
        return
    start = 0
    while start < len(html):
        end = start + CHUNK
        while end < len(html) and html[end] & 0xC0 == 0x80 and end > start + CHUNK - 4:
            end -= 1
        yield html[start:end]
        start = end


def _parser(target: "_Target") -> Any:
    return etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")  # type: ignore[call-overload]


@cache
def _direct_parser() -> Callable[["_Target"], Any] | None:
    """The compiled parser that calls a compiled target without a detour, where both are there."""
    if "__pyx_vtable__" not in vars(_Target):
        return None
    try:
        from classifier.sax import Parser
    except ImportError:
        return None
    return Parser


class _Target:
    """SAX events into columns. Hot: one call a tag, so state is flat and lookups are few."""

    def __init__(self, limits: Limits, silent_tags: frozenset[str]) -> None:
        self.max_depth = limits.max_depth
        self.max_elements = limits.max_elements
        self.max_blocks = limits.max_blocks
        self.max_attributes = limits.max_attributes
        self.max_text = limits.max_text
        self.silent_tags = silent_tags
        self.unscripted = 0  # characters inside <noscript>
        self.truncated: str | None = None
        self.flattened: dict[str, None] = {}
        # elements
        self.tags: list[str] = [""]
        self.parents: list[int] = [0]
        self.names: list[str] = [""]
        self.first: list[int] = [0]
        self.last: list[int] = [-1]
        self.hrefs: dict[int, str] = {}
        self.current = 0
        self.depth = 0
        self.overflow: list[str] = []  # open tags below max_depth, which became no elements
        # blocks
        self.texts: list[str] = []
        self.elements: list[int] = []
        self.leaves: list[int] = []
        self.hidden: list[bool] = []
        self.link_chars: list[int] = []
        self.link_counts: list[int] = []
        self.spans: list[Span] = []
        self.total = 0
        # the block that is being written
        self.pieces: list[str] = []
        self.length = 0
        self.gap = ""  # white space that stands before the next piece
        self.leaf = 0
        self.linked = 0
        self.link_count = 0
        self.last_link = 0  # the last one that held text of the block
        self.link_end = 0  # length of the block where the last link ended
        # what is open
        self.boxes: list[int] = [0]
        self.open_links: list[int] = []
        self.open_kinds: set[str] = set()
        self.open_markup: list[int] = []
        self.markup_starts: list[int] = []  # where each of these begins in the current block
        self.silent = 0  # the outermost silent element
        self.hiding = 0  # the outermost hidden element
        self.pre = 0
        self.svg = 0
        # facts
        self.captured: list[str] | None = None
        self.title: list[str] = []
        self.language = ""
        self.meta: list[tuple[str, str]] = []
        self.rel_links: list[tuple[str, str]] = []
        self.microdata: list[tuple[str, str]] = []
        self.times: list[str] = []
        self.json_ld: list[list[str]] = []
        self.islands: list[list[str]] = []
        self.scripts: list[str] = []

    # -- events -------------------------------------------------------------------------------------------------

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.begin(tag, KINDS.get(tag, 0), attributes or {}, "", None)

    def begin(self, tag: str, kind: int, attributes: dict[str, str], look: str, href: str | None) -> None:
        """A tag opens. ``look`` are its names, and ``href`` a link's target, where no other attribute is to be read."""
        if self.truncated:
            return
        if self.depth >= self.max_depth:
            self._start_flat(tag)
            return
        index = len(self.tags)
        if index > self.max_elements:
            self.truncated = "max_elements"
            return
        self.tags.append(tag)
        self.parents.append(self.current)
        if not attributes:
            self.names.append(look[:_MAX_NAME])
            if href is not None:
                self.hrefs[index] = href
        elif len(attributes) == 1 and "class" in attributes:
            self.names.append(attributes["class"][:_MAX_NAME])
        else:
            self.names.append(self._read_attributes(tag, attributes, index))
        self.current = index
        self.depth += 1
        if self.silent:
            self.first.append(len(self.texts))
            self.last.append(-1)
            return
        if kind & _BOX:
            if self.length:
                self._flush()
            else:
                self.gap = ""
            self.boxes.append(index)
            if kind & _CARE:
                if tag == "pre" or tag == "textarea":
                    self.pre = self.pre or index
                elif tag == "svg":
                    self.svg = self.svg or index
        self.first.append(len(self.texts))
        self.last.append(-1)
        if kind & _MARKUP:
            if tag not in self.open_kinds:
                self._open_markup(tag, index)
        elif kind & _BREAK:
            self._break()
        elif kind & _SILENT and tag in self.silent_tags:
            self._start_silent(tag, attributes, index)

    def end(self, tag: str, kind: int = -1) -> None:
        """A tag closes; ``kind`` is what ``KINDS`` says of it, where that was looked up."""
        if self.truncated:
            return
        if self.overflow:
            if self.overflow[-1] == tag:  # else it is the end of a void tag, which is not kept there
                self._end_flat(tag)
            return
        index = self.current
        if self.tags[index] != tag:
            if self._close_until(tag):
                self._close()
            return
        kind = KINDS.get(tag, 0) if kind < 0 else kind
        if self.silent or kind & _CARE or self.hiding == index or (self.length and self.boxes[-1] == index):
            self._close()
        else:  # what most tags come to, without a call
            self.current = self.parents[index]
            self.depth -= 1
            self.last[index] = len(self.texts)
            if self.boxes[-1] == index:
                self.boxes.pop()
                self.gap = ""

    def data(self, text: str) -> None:
        if self.truncated:
            return
        if self.silent:
            if self.captured is not None:
                self.captured.append(text)
            elif self.silent > 0 and self.tags[self.silent] == "noscript":
                self.unscripted += len(text.strip())
            return
        if self.pre:
            text = self.gap + text
            text = text if self.length else text.lstrip("\r\n")
            piece, before = text.rstrip(), ""
            after = text[len(piece) :]
            self.gap = ""
            if not piece:
                self.gap = after
                return
        else:
            # Printable text has no white space but spaces; with no two in a row there is nothing to collapse.
            simple = text.isprintable() and "  " not in text
            piece = text.strip() if simple else " ".join(text.split())
            if not piece:
                self.gap = self.gap or " "
                return
            before = " " if text[0].isspace() else ""
            after = " " if text[-1].isspace() else ""
        self.write(piece, before, after)

    def write(self, piece: str, before: str, after: str) -> None:
        """Add a piece of visible text, without the white space that stands before and after it."""
        if not self.length:
            self.leaf = self.current
        elif self.gap or before:
            self.pieces.append(self.gap or before)
            self.length += 1
        self.gap = after
        self.pieces.append(piece)
        self.length += len(piece)
        if self.open_links:
            self.linked += len(piece)
            if self.open_links[-1] != self.last_link:
                self.last_link = self.open_links[-1]
                self.link_count += 1
        if self.total + self.length > self.max_text:
            self._flush()
            self.truncated = "max_text"

    def close(self) -> None:
        self._flush()

    # -- elements -----------------------------------------------------------------------------------------------

    def _open_markup(self, tag: str, index: int) -> None:
        self.open_kinds.add(tag)
        self.open_markup.append(index)
        self.markup_starts.append(self.length)
        if index in self.hrefs:
            self.open_links.append(index)
            if self.length and self.length == self.link_end:
                self.gap = self.gap or " "  # two links side by side are two items on screen

    def _start_flat(self, tag: str) -> None:
        self.flattened["max_depth"] = None
        if tag in VOID_TAGS:
            if tag == "br" and not self.silent:
                self._break()
            return
        self.overflow.append(tag)
        if self.silent:
            return
        if tag in BLOCK_TAGS:
            self._flush()
        elif tag in self.silent_tags and tag != "head" and not (tag == "title" and self.svg):
            self.silent = -len(self.overflow)

    def _end_flat(self, tag: str) -> None:
        self.overflow.pop()
        if self.silent:
            if self.silent < 0 and len(self.overflow) < -self.silent:
                self.silent = 0
        elif tag in BLOCK_TAGS:
            self._flush()

    def _start_silent(self, tag: str, attributes: dict[str, str], index: int) -> None:
        if tag == "title" and self.svg:
            self._flush()
            self.first[index] = len(self.texts)
            self.boxes.append(index)
            return
        if tag == "head":
            return
        self.silent = index
        if tag == "title":
            self.captured = self.title
        elif tag == "script":
            self.captured = self._script(attributes)

    def _close_until(self, tag: str) -> bool:
        """Close what stands open inside the nearest open ``tag``; false if there is none."""
        element = self.current
        while element and self.tags[element] != tag:
            element = self.parents[element]
        if not element:
            return False
        while self.current != element:
            self._close()
        return True

    def _close(self) -> None:
        index = self.current
        tag = self.tags[index]
        self.current = self.parents[index]
        self.depth -= 1
        self.last[index] = len(self.texts)
        if self.silent:
            if self.silent == index:
                self.silent = 0
                self.captured = None
            if self.hiding == index:
                self.hiding = 0
            return
        if self.boxes[-1] == index:
            self._flush()
            self.last[index] = len(self.texts)
            self.boxes.pop()
            if self.pre == index:
                self.pre = 0
            if self.svg == index:
                self.svg = 0
        elif self.open_markup and self.open_markup[-1] == index:
            self.open_markup.pop()
            start = self.markup_starts.pop()
            self.open_kinds.discard(tag)
            if self.length > start:
                self.spans.append(_span(Span, (len(self.texts), start, self.length, index)))
            if self.open_links and self.open_links[-1] == index:
                self.open_links.pop()
                self.link_end = self.length
        elif tag == "body" or tag == "html":
            self._flush()
        if self.hiding == index:
            self._flush()
            self.hiding = 0

    # -- blocks -------------------------------------------------------------------------------------------------

    def _break(self) -> None:
        """A ``<br>``: the second in a row ends the paragraph."""
        if self.pre:
            self.gap += "\n"
        elif self.gap == "\n":
            self._flush()
        elif self.length:
            self.gap = "\n"

    def _flush(self) -> None:
        self.gap = ""
        if not self.length:
            return
        if len(self.texts) >= self.max_blocks:
            self.truncated = self.truncated or "max_blocks"
        else:
            self._add_block(self.pieces[0] if len(self.pieces) == 1 else "".join(self.pieces))
        self.total += self.length
        self.pieces.clear()
        self.length = self.linked = self.link_end = self.link_count = self.last_link = 0
        if self.markup_starts:
            self.markup_starts = [0] * len(self.markup_starts)

    def _add_block(self, text: str) -> None:
        block = len(self.texts)
        for at, element in enumerate(self.open_markup):
            start = self.markup_starts[at]
            if start < self.length:
                self.spans.append(_span(Span, (block, start, self.length, element)))
        self.texts.append(text)
        self.elements.append(self.boxes[-1])
        self.leaves.append(self.leaf)
        self.hidden.append(self.hiding > 0)
        self.link_chars.append(self.linked)
        self.link_counts.append(self.link_count)

    # -- attributes and facts -----------------------------------------------------------------------------------

    def _read_attributes(self, tag: str, attributes: dict[str, str], index: int) -> str:
        if len(attributes) > self.max_attributes:
            self.flattened["max_attributes"] = None
            attributes = dict(islice(attributes.items(), self.max_attributes))
        if not (self.hiding or self.silent) and _hides(attributes):
            self._flush()
            self.hiding = index
        if tag in FACT_TAGS:
            self._read_fact(tag, attributes, index)
        if "itemprop" in attributes:
            value = attributes.get("content") or attributes.get("datetime") or attributes.get("href")
            if value:
                self.microdata.append((attributes["itemprop"], value))
        values = [value for name, value in attributes.items() if name in NAME_ATTRIBUTES]
        names = values[0] if len(values) == 1 else " ".join(values)
        return names[:_MAX_NAME]

    def _read_fact(self, tag: str, attributes: dict[str, str], index: int) -> None:
        if tag == "a":
            if "href" in attributes:
                self.hrefs[index] = attributes["href"]
            return
        get = attributes.get
        if tag == "meta":
            name = get("property") or get("name") or get("http-equiv")
            if name and "content" in attributes:
                self.meta.append((name.lower(), attributes["content"]))
        elif tag == "link":
            if "rel" in attributes and "href" in attributes:
                self.rel_links.append((attributes["rel"].lower(), attributes["href"]))
        elif tag == "time":
            if "datetime" in attributes:
                self.times.append(attributes["datetime"])
        elif tag == "html":
            self.language = self.language or get("lang") or get("xml:lang") or ""
        elif "src" in attributes:
            self.scripts.append(attributes["src"])

    def _script(self, attributes: dict[str, str]) -> list[str] | None:
        kind = attributes.get("type", "").lower()
        if "json" not in kind:
            return None
        texts: list[str] = []
        (self.json_ld if "ld+json" in kind else self.islands).append(texts)
        return texts

    # -- the result ---------------------------------------------------------------------------------------------

    def page(self) -> Page:
        self._flush()
        last = _ints(self.last)
        last[last < 0] = len(self.texts)
        return Page(
            tags=self.tags,
            parents=_ints(self.parents),
            names=self.names,
            first=_ints(self.first),
            last=last,
            hrefs=self.hrefs,
            texts=self.texts,
            elements=_ints(self.elements),
            leaves=_ints(self.leaves),
            hidden=np.array(self.hidden, np.bool_),
            link_chars=_ints(self.link_chars),
            link_counts=_ints(self.link_counts),
            spans=self.spans,
            facts=Facts(
                title=" ".join("".join(self.title).split()),
                language=self.language.strip(),
                meta=tuple(self.meta),
                links=tuple(self.rel_links),
                microdata=tuple(self.microdata),
                times=tuple(self.times),
                json_ld=tuple(map("".join, self.json_ld)),
                islands=tuple(map("".join, self.islands)),
                scripts=tuple(self.scripts),
            ),
            truncated=self.truncated,
            flattened=tuple(self.flattened),
        )


_span: Final = tuple.__new__  # a third of the time of Span's own
_BOX, _MARKUP, _BREAK, _SILENT, _CARE = 1, 2, 4, 8, 16
_KIND_TAGS: Final = (
    (_BOX, BLOCK_TAGS),
    (_MARKUP, MARKUP_TAGS),
    (_BREAK, {"br"}),
    (_SILENT, SILENT_TAGS),
    (_CARE, MARKUP_TAGS | {"body", "html", "pre", "textarea", "svg", "title"}),
)
KINDS: Final = {
    tag: sum(kind for kind, tags in _KIND_TAGS if tag in tags) for tag in frozenset().union(*(t for _, t in _KIND_TAGS))
}
"""What a tag does, as bits: opens a box, marks text up, breaks a line, hides its text, needs care when it closes."""

VOID_TAGS: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
FACT_TAGS: Final = frozenset("a meta link time html script iframe".split())


def _ints(values: list[int]) -> Ints:
    if words.rapid is not None:
        return np.asarray(words.rapid.ints(values))
    return np.fromiter(values, np.int32, len(values))


def _hides(attributes: dict[str, str]) -> bool:
    if "hidden" in attributes:
        return attributes["hidden"].lower() not in ("false", "until-found")
    if "style" not in attributes:
        return False
    style = attributes["style"].lower()
    return ("none" in style or "hidden" in style) and _HIDING_STYLE.search(style) is not None
