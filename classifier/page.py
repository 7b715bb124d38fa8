"""The record that every later stage shares: a page's blocks and elements as columns, and the facts it declares.

A page is two tables. *Elements* are the tags in document order, each with its parent: enough to write an XPath, to
walk up to a list or a table, and to sum over subtrees. *Blocks* are the runs of text, each pointing to its element.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

MAX_STEPS: Final = 64
MAX_PATH: Final = 1_000
"""Steps and characters of an XPath; one that would be longer counts elements in document order instead."""


class Span(NamedTuple):
    """A stretch of inline markup inside one block: ``texts[block][start:end]`` stands in ``element``."""

    block: int
    start: int
    end: int
    element: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page declares about itself, as it stands in the markup: nothing is interpreted here."""

    title: str = ""
    language: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    """(name, property or http-equiv, lower case; content) of each ``<meta>``, in order."""
    links: tuple[tuple[str, str], ...] = ()
    """(rel, lower case; href) of each ``<link>``."""
    microdata: tuple[tuple[str, str], ...] = ()
    """(itemprop; value of content, datetime or href) of each element that has both."""
    times: tuple[str, ...] = ()
    """``datetime`` of each ``<time>``."""
    json_ld: tuple[str, ...] = ()
    """The text of each ``<script type="application/ld+json">``."""
    islands: tuple[str, ...] = ()
    """The text of each other JSON script: the state that an app shell renders from."""
    scripts: tuple[str, ...] = ()
    """``src`` of each script and iframe."""


@dataclass(frozen=True, eq=False)
class Page:
    """A page cut into blocks. ``n`` elements and ``m`` blocks, both in document order.

    Element 0 is a virtual root above ``<html>``; every other element's parent precedes it.
    """

    tags: list[str]
    """(n) lower-case tag names; the root's is empty."""
    parents: Ints
    """(n) index of the parent; the root's is 0."""
    names: list[str]
    """(n) class, id, role and the like, joined by spaces; empty for most."""
    first: Ints
    """(n) number of blocks that lie before the element: with ``last``, the range of blocks inside it."""
    last: Ints
    """(n) ``first`` plus the number of blocks inside."""
    hrefs: dict[int, str]
    """Element to its link target, for ``<a href>``."""
    texts: list[str]
    """(m) white space collapsed to single spaces, ``\\n`` for ``<br>``; verbatim inside ``<pre>``."""
    elements: Ints
    """(m) the innermost block-level element around the block."""
    leaves: Ints
    """(m) the innermost element, of any kind, around the block's first character."""
    hidden: Bools
    """(m) hidden by an attribute or inline CSS."""
    link_chars: Ints
    """(m) characters that stand inside links."""
    link_counts: Ints
    """(m) links that hold some of the block's text."""
    spans: list[Span]
    """Inline markup, in order of its end."""
    facts: Facts = field(default_factory=Facts)
    truncated: str | None = None
    """Name of the limit at which reading stopped; ``None`` if all of the page was read."""
    flattened: tuple[str, ...] = ()
    """Limits that cost markup but no text (``max_depth``, ``max_attributes``); ``noscript`` where that was read."""

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, start: int, stop: int) -> "Page":
        """The same elements with the blocks from ``start`` to before ``stop`` alone."""
        bounds = (start, min(stop, len(self)))
        own = slice(*bounds)
        return replace(
            self,
            first=self.first.clip(*bounds) - np.int32(start),
            last=self.last.clip(*bounds) - np.int32(start),
            texts=self.texts[own],
            elements=self.elements[own],
            leaves=self.leaves[own],
            hidden=self.hidden[own],
            link_chars=self.link_chars[own],
            link_counts=self.link_counts[own],
            spans=[span._replace(block=span.block - start) for span in self.spans if start <= span.block < stop],
        )

    def ancestors(self, element: int) -> Iterator[int]:
        """The element itself, its parent, and so on; without the root."""
        while element:
            yield element
            element = int(self.parents[element])

    @cached_property
    def positions(self) -> "array[int]":
        """(n) 1-based position of each element among its siblings of the same tag: for the paths of many."""
        seen: dict[tuple[int, str], int] = {}
        found = array("i")
        for key in zip(self.parents.tolist(), self.tags, strict=True):
            seen[key] = position = seen.get(key, 0) + 1
            found.append(position)
        return found

    def xpath(self, element: int) -> str:
        """Absolute XPath of an element, with a position on every step; in document order where it lies very deep.

        >>> from classifier.blocks import cut
        >>> page = cut("<body><p>one<p>two")
        >>> page.xpath(page.elements[1])
        '/html[1]/body[1]/p[2]'
        """
        steps: list[str] = []
        for i in self.ancestors(int(element)):
            parent, tag = int(self.parents[i]), self.tags[i]
            older = np.flatnonzero(self.parents[parent + 1 : i] == parent)  # an element stands before its children
            position = 1 + sum(self.tags[parent + 1 + at] == tag for at in older.tolist())
            steps.append(f"{tag}[{position}]")
        return _joined(steps, int(element))

    def xpaths(self, elements: Ints) -> list[str]:
        """The same for many elements."""
        tags, positions = self.tags, self.positions
        steps: dict[int, str] = {}
        paths = []
        for element in elements.tolist():
            path = [*islice(self.ancestors(element), MAX_STEPS + 1)]
            for i in path:
                if i not in steps:
                    steps[i] = f"{tags[i]}[{positions[i]}]"
            paths.append(_joined([steps[i] for i in path], element))
        return paths


def _joined(steps: list[str], element: int) -> str:
    """The steps, innermost first, as a path: one of constant length where all paths together could fill memory."""
    if len(steps) > MAX_STEPS or sum(map(len, steps)) > MAX_PATH:
        return f"/descendant::*[{element}]"
    return "/" + "/".join(reversed(steps))
