"""JSON-LD as it stands on real pages into plain dictionaries: the items that a page says it is about.

About one script in fifty is no JSON: wrapped in CDATA or comments, written in HTML entities, with trailing
commas, raw line breaks, unescaped quotes, several objects in a row, or cut off. A strict parse is tried
first, since it is fast; what fails is read loosely, token by token, without recursion.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

Item = dict[str, Any]

MAX_CHARS: Final = 1_000_000
"""Characters read of one script."""
MAX_DEPTH: Final = 64
"""Nesting that the loose reader keeps; what lies deeper is left out."""
MAX_ITEMS: Final = 1_000
"""Items returned of one page."""

OF_OTHERS: Final = frozenset(
    "itemListElement comment review mentions citation isRelatedTo isSimilarTo relatedLink blogPost"
    " blogPosts".split()
)
"""Keys whose values are other pages or other people's words: an article listed here is not this page."""

_AFTER_TEXT: Final = r'\s*+(?:[,:}\]/]|\Z)|[^\S\n]*+\n\s*+"'
"""What follows the quote that ends a text; a quote before anything else was left unescaped inside it."""
_TOKEN: Final = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    r"|//[^\n]*+"
    r"|<!--|-->|<!\[CDATA\[|\]\]>"
    rf'|(?P<text>"(?:[^"\\]|\\(?:.|\Z)|"(?!{_AFTER_TEXT}))*+(?:"|\Z))'
    r"|(?P<mark>[{}\[\]:,])"
    r'|(?P<bare>[^\s{}\[\]:,"/<][^\s{}\[\]:,"]*+)',
    re.S,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.S)
_STRICT: Final = json.JSONDecoder(strict=False)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACED_ENTITY: Final = re.compile(r"& ?# ?(\d{1,7});")
_BARE_VALUES: Final = {"true": True, "false": False, "null": None}
_SHORT_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def read(texts: Iterable[str]) -> list[Item]:
    """All items of a page's JSON-LD scripts, outer before inner, as far as each can be read. Never raises.

    Lists and ``@graph`` are opened up; an item's parts stay inside it and follow it as items of their own.
    Items under the keys of ``OF_OTHERS`` stay inside only.

    >>> [item["@type"] for item in read(['{"@graph": [{"@type": "WebSite"}, {"@type": "Article"}], }'])]
    ['WebSite', 'Article']
    """
    items: list[Item] = []
    for text in texts:
        for item in _items(_parse(text[:MAX_CHARS])):
            items.append(item)
            if len(items) >= MAX_ITEMS:
                return items
    return items


def types(item: Item) -> tuple[str, ...]:
    """The schema.org types of an item, without their prefix.

    >>> types({"@type": ["http://schema.org/NewsArticle", "schema:Thing"]})
    ('NewsArticle', 'Thing')
    """
    names = strings(item.get("@type"))
    return tuple(name.rpartition("/")[2].rpartition(":")[2].rpartition("#")[2] for name in names)


def strings(value: object) -> tuple[str, ...]:
    """The texts in a value that may be a text, a list of texts or something else."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(each for each in value if isinstance(each, str))
    return ()


def first(value: object) -> object:
    """The value itself, or the first of a list; ``None`` for an empty list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _items(root: object) -> Iterator[Item]:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            if not value.keys() <= {"@graph", "@context"}:
                yield value
            inner = [part for key, part in value.items() if key not in OF_OTHERS and key != "@context"]
            waiting.extend(part for part in reversed(inner) if isinstance(part, (dict, list)))


def _parse(text: str) -> object:
    if not text.isascii():
        text = _LONE_SURROGATE.sub("\ufffd", text)
    text = text.strip("\ufeff\0 \t\r\n;")
    try:
        found = _STRICT.decode(text)
        return _without_lone_surrogates(found) if r"\ud" in text or r"\uD" in text else found
    except (ValueError, RecursionError):
        pass
    if "&quot;" in text or _SPACED_ENTITY.match(text, text.find("&")):
        text = html.unescape(_SPACED_ENTITY.sub(r"&#\1;", text))
    return _parse_loosely(text)


def _parse_loosely(text: str) -> list[Any]:
    """The values in a text that resembles JSON, in order; whatever makes no sense is stepped over."""
    builder = _Builder()
    for token in _TOKEN.finditer(text):
        if token["text"] is not None:
            builder.add(_unescape(token["text"].removeprefix('"').removesuffix('"')))
        elif token["bare"] is not None:
            builder.add(_BARE_VALUES.get(token["bare"].lower(), token["bare"]))
        elif token["mark"] is not None:
            builder.mark(token["mark"])
    return builder.roots


class _Builder:
    """Tokens into nested values, by a stack of open containers."""

    def __init__(self) -> None:
        self.roots: list[Any] = []
        self.open: list[list[Any] | Item] = [self.roots]
        self.keys: list[str | None] = [None]
        self.too_deep = 0

    def mark(self, mark: str) -> None:
        if mark in "{[":
            self._enter({} if mark == "{" else [])
        elif mark in "}]":
            self._leave(dict if mark == "}" else list)
        elif mark == "," and not self.too_deep:
            self.keys[-1] = None

    def add(self, value: object) -> None:
        if self.too_deep:
            return
        container = self.open[-1]
        if isinstance(container, list):
            container.append(value)
        elif self.keys[-1] is None:
            self.keys[-1] = value if isinstance(value, str) else None
        else:
            container[self.keys[-1]] = value
            self.keys[-1] = None

    def _enter(self, container: list[Any] | Item) -> None:
        if self.too_deep or len(self.open) > MAX_DEPTH:
            self.too_deep += 1
            return
        self.add(container)
        self.open.append(container)
        self.keys.append(None)

    def _leave(self, kind: type) -> None:
        if self.too_deep:
            self.too_deep -= 1
            return
        for depth in (-1, -2, -3):  # one or two containers left unclosed are forgiven
            if len(self.open) + depth > 0 and type(self.open[depth]) is kind:
                del self.open[depth:], self.keys[depth:]
                return


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_unescape_one, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescape_one(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _SHORT_ESCAPES.get(match[2], match[2])


def _without_lone_surrogates(root: object) -> object:
    """The same values without half surrogate pairs: JSON can escape them, UTF-8 cannot hold them."""
    holder: list[Any] = [root]
    waiting: list[Any] = [holder]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict) and any(map(_LONE_SURROGATE.search, container)):
            pairs = [(_LONE_SURROGATE.sub("\ufffd", key), value) for key, value in container.items()]
            container.clear()
            container.update(pairs)
        for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(value, str):
                container[key] = _LONE_SURROGATE.sub("\ufffd", value)
            elif isinstance(value, (dict, list)):
                waiting.append(value)
    return holder[0]
