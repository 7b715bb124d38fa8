"""A page rebuilt to be looked at: its structure, styles and text, with every block marked, and nothing that acts.

The rebuild is written from parser events by a list of what is kept; it is never the page's markup with some of it
taken away. No address of the page comes through but images that are data, so that nothing can be fetched or followed.
Form controls become plain boxes: they would swallow clicks.

Each piece of a block's text is a link, the only kind of link there is. It leads to the *parent's* address with
another fragment (``#b=7``), which moves nothing and loads nothing, but tells the parent which block was clicked: the
one thing that a frame without scripts and without the parent's origin can say. In the other direction the parent sets
the frame's fragment, and ``:target`` shows where the keyboard stands.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from lxml import etree

from classifier.blocks import CHUNK, SILENT_TAGS, VOID_TAGS
from classifier.page import Page

MAX_DEPTH: Final = 200
"""Levels that are rebuilt; browsers flatten at 512, and the page has its own below that."""

_KEPT: Final = frozenset(
    "a abbr acronym address article aside b bdi bdo big blockquote body br caption center cite code col colgroup dd"
    " del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr html i img ins kbd"
    " li main mark menu nav ol p picture pre q rp rt ruby s samp search section small span strike strong sub summary"
    " sup table tbody td tfoot th thead time tr tt u ul var wbr".split()
)
_AS_BOX: Final = frozenset("button dialog fieldset form frameset legend option optgroup select textarea".split())
_DROPPED: Final = frozenset("base input link meta param source track area frame".split())
_ATTRIBUTES: Final = frozenset(
    "align alt bgcolor border cellpadding cellspacing class color colspan dir face height hidden id lang rowspan size"
    " start style type valign width".split()
)
_CUSTOM: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_OURS: Final = "pagesieve-"
_IMAGE: Final = re.compile(r"data:image/(png|gif|jpe?g|webp|avif);base64,[A-Za-z0-9+/=\s]*")
_MAX_STYLE: Final = 2_000_000
"""Characters of style sheets that are kept."""

_MARKS: Final = """
a[class^="pagesieve-block "] { color: inherit !important; text-decoration: none !important; cursor: pointer !important;
 border-radius: 2px !important;
 background-color: var(--pagesieve-tint) !important;
 box-shadow: inset 0 -2px 0 var(--pagesieve-line) !important; -webkit-box-decoration-break: clone;
 box-decoration-break: clone; pointer-events: auto !important; }
a[class^="pagesieve-block "]:hover { outline: 2px solid var(--pagesieve-line) !important; }
span[id^="pagesieve-"] { all: unset; scroll-margin-top: 35vh !important; scroll-margin-left: 40px !important; }
span[id^="pagesieve-"]:target { outline: 3px solid #111 !important; outline-offset: 1px !important; }
.pagesieve-image { display: inline-block; border: 1px dashed #999; color: #555; background: #f4f4f4;
 font: 12px sans-serif; overflow: hidden; min-width: 1em; min-height: 1em; max-width: 100%; }
"""
COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "content": ("rgba(22,128,61,.16)", "#15803d"),
    "navigation": ("rgba(37,99,235,.14)", "#2563eb"),
    "ad": ("rgba(217,119,6,.20)", "#b45309"),
    "paywall": ("rgba(200,30,30,.16)", "#b91c1c"),
}
"""Tint and line of each label in the page view."""


def rebuild(html: str, page: Page) -> str:
    """The page as a whole document with ``{colours}`` and ``{parent}`` left to :func:`coloured`.

    ``page`` is ``html`` as it was cut: the text of both is walked through together.
    """
    target = _Rebuild(page)
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")  # type: ignore[call-overload]
    for start in range(0, len(html), CHUNK):
        parser.feed(html[start : start + CHUNK].encode("utf-8", "replace"))
        if target.full:
            break
    try:
        parser.close()
    except etree.LxmlError:  # nothing but white space or a doctype
        pass
    return target.document()


def coloured(template: str, labels: Sequence[str], parent: str, nonce: str = "") -> str:
    """The document with the blocks in the colours of their labels, and links to ``parent``.

    ``nonce`` marks our own style sheet: a policy that allows no other shows the page without its styles.
    """
    rules = []
    for label, (tint, line) in COLOURS.items():
        blocks = [f".{_OURS}{i}" for i, one in enumerate(labels) if one == label]
        if blocks:
            rules.append(f"{','.join(blocks)}{{--pagesieve-tint:{tint};--pagesieve-line:{line}}}")
    filled = template.replace(_COLOURS_HOLE, "\n".join(rules), 1).replace(_NONCE_HOLE, escape(nonce), 1)
    return filled.replace(_PARENT_HOLE, escape(parent))


# Private-use and noncharacters cannot come from the page: what it holds of them is taken out.
_COLOURS_HOLE, _NONCE_HOLE, _PARENT_HOLE = (f"\ufdd0{name}\ufdd1" for name in ("colours", "nonce", "parent"))
_HOLES: Final = re.compile("[\ufdd0\ufdd1]")


class _Rebuild:
    """Parser events into the document. ``full`` once all blocks that the page has were written."""

    def __init__(self, page: Page) -> None:
        self.silent_tags = SILENT_TAGS - {"head"} - ({"noscript"} if "noscript" in page.flattened else set())
        self.blocks = ["".join(text.split()) for text in page.texts]
        self.block = 0
        self.used = 0  # characters of the block that were written
        self.begun = -1
        self.out: list[str] = []
        self.styles: list[str] = []
        self.style_size = 0
        self.html_attributes = self.body_attributes = ""
        self.open: list[tuple[str, str]] = []  # (tag, what closes it)
        self.silent = 0  # depth of `open` at the outermost silent element
        self.in_style = False
        self.full = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self.silent:
            self._push(tag, "")
        elif tag == "style":
            self.in_style = self.style_size < _MAX_STYLE
            self._push(tag, "", silent=True)
        elif tag in self.silent_tags and not (tag == "title" and self._inside("svg")):
            self._push(tag, "", silent=True)
        elif tag == "html" or tag == "body":
            self._page_element(tag, attributes)
        elif tag == "img":
            self.out.append(_image(attributes))
        elif tag in _DROPPED or tag == "head" or len(self.open) >= MAX_DEPTH:
            self._push(tag, "")
        else:
            name = _name(tag)
            extra = " open" if name == "details" else f' class="{_OURS}title"' if tag == "title" else ""
            self.out.append(f"<{name}{_kept(attributes)}{extra}>")
            self._push(tag, "" if name in VOID_TAGS else f"</{name}>")

    def end(self, tag: str) -> None:
        if tag in VOID_TAGS and not (self.open and self.open[-1][0] == tag):
            return
        if all(name != tag for name, _ in reversed(self.open)):
            return
        while self.open:
            name, close = self.open.pop()
            self.out.append(close)
            if len(self.open) < self.silent:
                self.silent = 0
                self.in_style = False
            if name == tag:
                return

    def data(self, text: str) -> None:
        if self.in_style:
            self.styles.append(text)
            self.style_size += len(text)
        elif not self.silent:
            self._text(_HOLES.sub("", text))

    def close(self) -> None:
        """The parser's end."""

    def _push(self, tag: str, close: str, silent: bool = False) -> None:
        if tag in VOID_TAGS:
            return
        self.open.append((tag, close))
        if silent:
            self.silent = len(self.open)

    def _inside(self, tag: str) -> bool:
        return any(name == tag for name, _ in self.open)

    def _page_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html":
            self.html_attributes = self.html_attributes or _kept(attributes)
        else:
            self.body_attributes = self.body_attributes or _kept(attributes)
        self._push(tag, "")

    def _text(self, text: str) -> None:
        """Write text as pieces of the blocks that it belongs to; what belongs to none is no link."""
        squeezed = "".join(text.split())
        while squeezed:
            if self.block == len(self.blocks):
                self.full = True
                break
            rest = len(self.blocks[self.block]) - self.used
            size = min(rest, len(squeezed))
            if not self.blocks[self.block].startswith(squeezed[:size], self.used):
                break
            head, text = _split(text, size) if size < len(squeezed) else (text, "")
            squeezed = squeezed[size:]
            self._piece(head)
            self.used += size
            if self.used == len(self.blocks[self.block]):
                self.block += 1
                self.used = 0
        self.out.append(escape(text))

    def _piece(self, text: str) -> None:
        inner = text.strip()
        start = text.index(inner)
        shown = escape(inner)
        if self.begun != self.block:  # no link itself: a target that can have the focus would take it from the list
            shown = f'<span id="{_OURS}{self.block}">{shown}</span>'
        self.begun = self.block
        self.out.append(
            f'{escape(text[:start])}<a class="{_OURS}block {_OURS}{self.block}" tabindex="-1" target="_parent"'
            f' href="{_PARENT_HOLE}#b={self.block}">{shown}</a>{escape(text[start + len(inner) :])}'
        )

    def document(self) -> str:
        """All that was written, as one document."""
        self.out += [close for _, close in reversed(self.open)]
        styles = _HOLES.sub("", "\n".join(self.styles)).replace("</", "<\\/")
        return (
            f'<!doctype html><html{self.html_attributes}><head><meta charset="utf-8"><title>page view</title>'
            f'<style>{styles}</style><style nonce="{_NONCE_HOLE}">{_MARKS}{_COLOURS_HOLE}</style></head>'
            f"<body{self.body_attributes}>{''.join(self.out)}</body></html>"
        )


def _split(text: str, size: int) -> tuple[str, str]:
    """Text up to its ``size``-th visible character, and the rest."""
    seen = 0
    for at, sign in enumerate(text):
        seen += not sign.isspace()
        if seen == size:
            return text[: at + 1], text[at + 1 :]
    return text, ""


def _name(tag: str) -> str:
    if tag in _AS_BOX:
        return "div" if tag != "button" else "span"
    if tag == "a":
        return "span"
    return tag if tag in _KEPT or _CUSTOM.fullmatch(tag) else "span"


def _kept(attributes: Mapping[str, str]) -> str:
    """The attributes that bear on how an element looks, written out."""
    kept = []
    for name, value in attributes.items():
        value = _HOLES.sub("", value or "")
        if name in _ATTRIBUTES and not (name in ("id", "class") and _OURS in value):
            kept.append(f' {name}="{escape(value)}"')
    return "".join(kept)


def _image(attributes: Mapping[str, str]) -> str:
    """An image that carries its own data; a box with its description for all others."""
    if _IMAGE.fullmatch(attributes.get("src") or ""):
        return f'<img src="{escape(attributes["src"])}"{_kept(attributes)}>'
    style = ";".join(f"{side}:{attributes[side]}px" for side in ("width",) if attributes.get(side, "").isdecimal())
    height = min(int(attributes["height"]), 160) if attributes.get("height", "").isdecimal() else 0
    style += f";height:{height}px" if height > 1 else ""
    alt = _HOLES.sub("", attributes.get("alt") or "")
    return f'<span class="{_OURS}image" style="{escape(style)}" title="{escape(alt)}">{escape(alt[:200])}</span>'
