"""Kept blocks into an outline: paragraphs nested in lists, tables, quotations, headings and code.

The outline holds the structure that means something and nothing else: ``div`` and its like are gone, strays
have a home (an ``li`` without a list gets one), and a table is a table only if it reads as one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import numpy as np

from classifier.page import Bools, Page

HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
LISTS: Final = frozenset(("ul", "ol"))
CELLS: Final = frozenset(("td", "th"))

MAX_NESTING: Final = 48
"""Containers around a block that are kept, the outermost. Real pages nest a handful, or thirty where tables
make the layout; thanks to the bound, writers may recurse, and indentation stays linear in the page."""

MAX_HEADING_BLOCKS: Final = 3
"""A heading of more blocks than this is an ``<h2>`` that somebody forgot to close."""

_CONTAINERS: Final = "ul ol li dl dt dd blockquote pre table tr td th figure figcaption h1 h2 h3 h4 h5 h6"
_KINDS: Final = {tag: tag for tag in _CONTAINERS.split()} | {"menu": "ul", "dir": "ul", "textarea": "pre"}

_GROUP: Final = "group"
"""Kind of a node that is about to give way to its children."""

_HOMES: Final = {"li": "ul", "dt": "dl", "dd": "dl"}
_OF_TABLES: Final = CELLS | {"table", "tr"}
_OF_ITEMS: Final = LISTS | {"dl"}
_ONLY_BLOCKS: Final = {"p"}


@dataclass(slots=True)
class Node:
    """A container, or one block (``kind`` ``"p"``).

    ``kind`` is the name of an HTML tag that says what the node is, whatever the page's tag was; the header
    row of a table is a ``"thead"``. When finished, items stand in lists, rows in tables and cells in rows.
    """

    kind: str
    element: int = 0
    children: "list[Node]" = field(default_factory=list)
    block: int = -1

    def blocks(self) -> Iterator[int]:
        """Every block inside, in document order."""
        pending = [self]
        while pending:
            node = pending.pop()
            if node.kind == "p":
                yield node.block
            pending.extend(reversed(node.children))


def outline(page: Page, kept: Bools | Sequence[bool]) -> Node:
    """Nest the kept blocks: ``kept`` is (m) booleans, one a block of ``page``. Linear in the page.

    >>> from classifier.blocks import cut
    >>> page = cut("<div>a<ul><li><p>b<li>c</ul></div>")
    >>> [(node.kind, list(node.blocks())) for node in outline(page, [True, False, True]).children]
    [('p', [0]), ('ul', [2])]

    Raises:
        ValueError: ``kept`` does not have one value a block.
    """
    if len(kept) != len(page):
        raise ValueError(f"kept has {len(kept)} values for {len(page)} blocks; give one a block")
    blocks = np.flatnonzero(kept)
    containers = _containers(page, page.elements[blocks].tolist())
    nodes = _nest(page, blocks.tolist(), containers)
    _settle_tables(page, nodes)
    for node in reversed(nodes):  # children stand after their parents
        _settle(node)
    return nodes[0]


@dataclass(frozen=True, slots=True)
class _Containers:
    """Of some elements and all that they lie in, by element."""

    innermost: dict[int, int]
    """The innermost container at or above the element, or 0."""
    outer: dict[int, int]
    """The container that a container is in."""


def _containers(page: Page, elements: Iterable[int]) -> _Containers:
    """Looks only where ``elements`` lie: kept blocks need a tenth of a page."""
    innermost, outer, depths = {0: 0}, {0: 0}, {0: 0}
    tags, parents = page.tags, page.parents.tolist()
    for element in elements:
        path = []
        while element not in innermost:
            path.append(element)
            element = parents[element]
        inner = innermost[element]
        for element in reversed(path):  # from the outside in
            tag = tags[element]
            if tag in _KINDS:
                above = inner
                if tag in _HOMES and _HOMES.get(tags[above]) == _HOMES[tag]:
                    above = outer[above]  # libxml2 nests what HTML makes siblings: <dd>one<dd>two
                if depths[above] < MAX_NESTING and _KINDS.get(tags[above]) != "pre":
                    inner = element
                outer[element] = above
                depths[element] = depths[above] + 1
            innermost[element] = inner
    return _Containers(innermost, outer)


def _nest(page: Page, blocks: list[int], containers: _Containers) -> list[Node]:
    """A node for each container of a kept block, parents first, with the blocks as leaves."""
    elements, tags = page.elements.tolist(), page.tags
    innermost, outer = containers.innermost, containers.outer
    nodes = [Node("root")]
    stack = nodes[:]
    opened = {0}
    for block in blocks:
        element = innermost[elements[block]]
        if stack[-1].element != element:
            path = []
            while element not in opened:
                path.append(element)
                element = outer[element]
            while stack[-1].element != element:
                opened.remove(stack.pop().element)
            for element in reversed(path):
                node = Node(_KINDS[tags[element]], element)
                stack[-1].children.append(node)
                stack.append(node)
                nodes.append(node)
                opened.add(element)
        stack[-1].children.append(Node("p", 0, [], block))
    return nodes


def _settle(node: Node) -> None:
    """Drop what means nothing and give strays a home, once everything inside is settled."""
    if node.kind in HEADINGS and not _is_title(node):
        node.kind = _GROUP
    kinds = {child.kind for child in node.children}
    if kinds == _ONLY_BLOCKS and node.kind not in _OF_ITEMS:
        return
    if node.kind != "figure" and "figcaption" in kinds:
        for child in node.children:
            if child.kind == "figcaption":
                child.kind = _GROUP
    children = [
        inner for child in node.children for inner in (child.children if child.kind == _GROUP else (child,))
    ]
    if node.kind in LISTS:
        node.children = _items(_homes(children, "ul"))
    elif node.kind == "dl":
        node.children = [
            child if child.kind in ("dt", "dd") else Node("dd", children=[child])
            for child in _homes(children, "dl")
        ]
    else:
        node.children = list(_homes(children))


def _is_title(heading: Node) -> bool:
    return len(heading.children) <= MAX_HEADING_BLOCKS and all(
        child.kind == "p" for child in heading.children
    )


def _items(children: Iterable[Node]) -> list[Node]:
    """List items: a list that stands between two of them belongs to the first."""
    items: list[Node] = []
    for child in children:
        if child.kind == "li":
            items.append(child)
        elif items and child.kind in LISTS:
            items[-1].children.append(child)
        else:
            items.append(Node("li", children=[child]))
    return items


def _homes(children: list[Node], own: str | None = None) -> Iterator[Node]:
    """The children, with a list around each run of items that is not at home in ``own``."""
    if {_HOMES.get(child.kind) for child in children} <= {None, own}:
        yield from children
        return
    for home, run in groupby(children, key=lambda child: _HOMES.get(child.kind)):
        if home and home != own:
            yield Node(home, children=list(run))
        else:
            yield from run


def _settle_tables(page: Page, nodes: list[Node]) -> None:
    """Tell tables from layout: only a data table keeps its rows, filled up with its empty cells."""
    tables = [node for node in nodes if node.kind == "table"]
    sound = {id(part) for table in tables if _is_data(table) for part in _parts(table)}
    for node in nodes:
        if node.kind in _OF_TABLES and id(node) not in sound:
            node.kind = _GROUP
    if not sound:
        return
    cells: dict[int, list[int]] = {}
    every = [element for element, tag in enumerate(page.tags) if tag in CELLS]
    outer = _containers(page, every).outer
    for element in every:
        cells.setdefault(outer[element], []).append(element)
    for table in tables:
        if table.kind == "table":
            _settle_rows(page, [child for child in table.children if child.kind == "tr"], cells)


def _is_data(table: Node) -> bool:
    """Whether a table holds data: after a caption, cells of one plain block each, in two columns or more."""
    start = next((i for i, child in enumerate(table.children) if child.kind != "p"), len(table.children))
    rows = table.children[start:]
    return (
        all(row.kind == "tr" for row in rows)
        and any(len(row.children) > 1 for row in rows)
        and all(
            cell.kind in CELLS and len(cell.children) == 1 and cell.children[0].kind == "p"
            for row in rows
            for cell in row.children
        )
    )


def _parts(table: Node) -> list[Node]:
    rows = [child for child in table.children if child.kind == "tr"]
    return [table, *rows, *(cell for row in rows for cell in row.children)]


def _settle_rows(page: Page, rows: list[Node], cells: dict[int, list[int]]) -> None:
    for row in rows:
        full = {cell.element: cell for cell in row.children}
        row.children = [
            full.get(element) or Node(page.tags[element], element) for element in cells[row.element]
        ]
    used = {column for row in rows for column, cell in enumerate(row.children) if cell.children}
    for row in rows:  # what is left out are spacer columns
        row.children = [cell for column, cell in enumerate(row.children) if column in used]
    titles = all(cell.kind == "th" or not cell.children for cell in rows[0].children)
    if titles or page.tags[page.parents[rows[0].element]] == "thead":
        rows[0].kind = "thead"
