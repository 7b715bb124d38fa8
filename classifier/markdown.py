"""An outline into GitHub-flavoured Markdown without raw HTML."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final
from unicodedata import category
from urllib.parse import quote

from classifier.inline import LAST, Edit, Mark, Writer, around, clean, inside, resolve, weave
from classifier.page import Page
from classifier.structure import HEADINGS, LISTS, Node

_LANGUAGE: Final = re.compile(r"(?:^|\s)lang(?:uage)?-([\w+#.-]+)")

_SPECIAL: Final = re.compile(
    r"""[`~]
    | \\(?=[!-/:-@\[-`{-~\s]|$)
    | \*(?=\S) | (?<=\S)\*
    | (?<![^\W_])_ | _(?![^\W_])
    | \](?=[(:])
    | <(?=[a-zA-Z/!?])
    | &(?=\#?\w+;)
    | (?<![^\s])\#(?=\#*$)""",
    re.X,
)
"""Characters of prose that Markdown would read as markup, wherever they stand."""

_LINE_START: Final = re.compile(
    r"""^(?:
        \d{1,9}(?=[.)](?:\s|$))
        | (?= > | \#{1,6}(?:\s|$) | [-+*](?:\s|$) | [-=_*|:][-=_*|:\ ]*$ | \[[ xX]\] )
    )""",
    re.X | re.M,
)
"""Ends before a character that would make its line a list item, heading, quotation, rule, table or task."""


_WRITTEN: Final = frozenset(("p", "pre", "table", "blockquote", *HEADINGS))


class Markdown(Writer):
    """Writes an outline as Markdown: each method returns whole lines without a line end."""

    def __init__(self, page: Page, links: bool, url: str | None) -> None:
        super().__init__(page)
        self.links = links
        self.url = url
        self.last = ("", False)
        """The markers of the list that was just written at this level, and whether they are the other ones."""

    def flow(self, nodes: list[Node], tight: bool = False, nested: bool = True) -> str:
        """Blocks apart by blank lines; in a tight item, by line ends. What is not ``nested`` goes on at its level."""
        before = self.last
        if nested:
            self.last = ("", False)
        found = ("\n" if tight else "\n\n").join(map(self.write, nodes))
        if nested:
            self.last = before
        return found

    def write(self, node: Node) -> str:
        """One node."""
        kind = node.kind
        if kind in LISTS or kind == "dl":
            return self.items(node)
        if kind not in _WRITTEN:
            return self.flow(node.children, nested=False)
        self.last = ("", False)
        if kind == "p":
            return self.paragraph(node.block)
        if kind == "pre":
            return _fence(self.verbatim(node), _language(self.page, node))
        if kind == "table":
            return self.table(node)
        if kind == "blockquote":
            return _indent("> ", self.flow(node.children), "> ", ">")
        title = " ".join(self.inline(block, flat=True) for block in node.blocks())
        return "#" * int(kind[1]) + " " + title

    def items(self, node: Node) -> str:
        """A list."""
        # Text right behind a list would be read as its last item's.
        tight = all(child.kind in LISTS for item in node.children for child in item.children[1:])
        markers = "ol" if node.kind == "ol" else "ul"
        other = self.last == (markers, False)  # two neighbouring lists with the same markers would be one
        found = []
        for number, item in enumerate(node.children, 1):
            if item.kind == "dt":
                found.append(self.flow(item.children, tight, nested=False))
                continue
            after_term = number > 1 and node.children[number - 2].kind == "dt"
            if after_term and self.last[0] == markers:  # the term ended in a list
                other = not self.last[1]
            body = self.flow(item.children, tight)
            marker = f"{number}{')' if other else '.'} " if markers == "ol" else "* " if other else "- "
            found.append(_indent(marker, body))
            self.last = (markers, other)
        return ("\n" if tight and node.kind != "dl" else "\n\n").join(found)

    def table(self, table: Node) -> str:
        """A GFM table."""
        rows = [row for row in table.children if row.kind != "p"]
        captions = self.flow(table.children[: len(table.children) - len(rows)])
        lines = [[self.cell(cell) for cell in row.children] for row in rows]
        if rows[0].kind != "thead":
            lines.insert(0, [])
        width = max(map(len, lines))
        lines[0] += [""] * (width - len(lines[0]))
        lines.insert(1, ["---"] * width)
        grid = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"{captions}\n\n{grid}" if captions else grid

    def cell(self, cell: Node) -> str:
        """A table cell on one line."""
        return " ".join(self.inline(block, flat=True, cell=True) for block in cell.blocks())

    def paragraph(self, block: int) -> str:
        """A block as a paragraph."""
        text = self.text(block)
        whole = Mark(0, len(text), "code")
        return _fence(text) if "\n" in text and whole in self.marks(block, text) else self.inline(block)

    def inline(self, block: int, *, flat: bool = False, cell: bool = False) -> str:
        """A block with its marks. ``flat`` puts it on one line, within which line starts mean nothing."""
        text = self.text(block)
        if flat:
            text = text.replace("\n", " ")
        edits: list[Edit] = []
        literal = bytearray(len(text))  # 1 in code, 2 in links
        found = [mark for mark in self.marks(block, text) if mark.kind != "a" or self.links]
        for rank, mark in enumerate(_sound(text, found), 1):
            if mark.kind == "a":
                edits += self.link(text, mark, rank, literal)
            elif mark.kind == "code":
                edits += around(mark, rank, *_ticks(text[mark.start : mark.end]))
                literal[mark.start : mark.end] = b"\x01" * (mark.end - mark.start)
            else:
                edits += around(mark, rank, *["**" if mark.kind == "strong" else "*"] * 2)
        escapes = _escapes(text, literal, (edit[0] for edit in edits), flat, cell)
        breaks = ((at.start(), "  \n" if literal[at.start()] != 1 else " ") for at in re.finditer("\n", text))
        edits += [(at, LAST, at + 1, replacement) for at, replacement in breaks]
        if not edits:  # nearly always; and a text of a million signs need not become as many tuples
            return "\\".join(text[start:end] for start, end in pairwise([0, *sorted(escapes), len(text)]))
        edits += [(at, LAST - 1, at, "\\") for at in escapes]
        return weave(text, edits)

    def link(self, text: str, mark: Mark, rank: int, literal: bytearray) -> list[Edit]:
        """Edits that make a link of a mark."""
        target = resolve(clean(mark.href), self.url)
        if target is None:
            return []
        literal[mark.start : mark.end] = b"\x02" * (mark.end - mark.start)
        edits = around(mark, rank, "[", f"]({_destination(target)})")
        if text[mark.start - 1 : mark.start] == "!" and literal[mark.start - 1] != 1:  # it would be an image
            edits.append((mark.start - 1, LAST - 1, mark.start - 1, "\\"))
        return edits


def _escapes(text: str, literal: bytearray, edges: Iterable[int], flat: bool, cell: bool) -> set[int]:
    """Where a backslash is needed. ``literal`` is 1 in code, 2 in links; at ``edges``, marks begin or end."""
    found = {at.start() for at in _SPECIAL.finditer(text)}
    found |= {at for edge in edges for at in (edge - 1, edge) if text[at : at + 1] in ("\\", "*")}
    if not flat:
        found |= {at.end() for at in _LINE_START.finditer(text)}
    if 1 in literal:
        found = {at for at in found if literal[at] != 1}
    found |= {at.start() for at in re.finditer(r"[][]", text) if literal[at.start()] == 2}
    if cell:  # a pipe ends a cell even in code
        found |= {at.start() for at in re.finditer(r"\|", text)}
    return found


def _sound(text: str, found: list[Mark]) -> list[Mark]:
    """The marks that Markdown can express: delimiters must flank, and two of them must not run together."""
    if all(mark.kind == "a" for mark in found):  # a block may hold 200,000 links
        return found
    edges = {edge for mark in found if mark.kind in ("a", "code") for edge in (mark.start, mark.end)}
    ends: set[tuple[int, bool]] = set()
    inside_words: set[int] = set()
    reach = 0  # end of the marks so far, as far as they are written by asterisks
    sound = []
    for mark in found:
        flanks = True
        if mark.kind in ("strong", "em"):
            nested = mark.start < reach
            flanks = _flanks(text, mark.start, 0, edges, nested) and _flanks(text, mark.end, -1, edges, nested)
            # Between letters a run of three could end what it is to begin.
            flanks = flanks and inside_words.isdisjoint((mark.start, mark.end))
        code = mark.kind == "code"
        if mark.kind == "a":
            sound.append(mark)
        elif flanks and (mark.start, code) not in ends:
            sound.append(mark)
            ends.add((mark.end, code))
            reach = reach if code else max(reach, mark.end)
            within = (at for at in (mark.start, mark.end) if 0 < at < len(text) and not code)
            inside_words.update(at for at in within if text[at - 1 : at + 1].isalnum())
    return sound


def _flanks(text: str, edge: int, inner: int, edges: set[int], nested: bool) -> bool:
    """CommonMark's rule: next to punctuation inside, there must be white space or punctuation outside. Between two of
    these, asterisks may both begin and end; inside other asterisks they would end those.
    """
    inside = text[edge + inner]
    outside = text[edge - 1 - inner : edge - inner] or " "
    if (inside.isalnum() and edge not in edges) or outside.isspace():
        return True
    return category(outside)[0] == "P" and not nested


def _ticks(code: str) -> tuple[str, str]:
    ticks = _longer(code, 1)
    pad = " " if code[0] == "`" or code[-1] == "`" else ""
    return ticks + pad, pad + ticks


def _longer(code: str, least: int) -> str:
    """Backticks that do not occur in the code."""
    return "`" * max(least, max(map(len, re.findall("`+", code)), default=0) + 1)


def _fence(code: str, language: str = "") -> str:
    fence = _longer(code, 3)
    return f"{fence}{language}\n{code}\n{fence}"


def _indent(first: str, body: str, other: str | None = None, blank: str = "") -> str:
    """The body with ``first`` before its first line and ``other``, or spaces as wide, before the others."""
    other = " " * len(first) if other is None else other
    return first + re.sub("\n(.?)", lambda at: f"\n{other}{at[1]}" if at[1] else f"\n{blank}", body)


def _destination(target: str) -> str:
    """A link target as Markdown takes it: what would end it, or be read as markup, in percent-encoding."""
    target = re.sub(r"&(?=#?\w+;)", r"\\&", target.replace("\\", "%5C"))
    return re.sub(r"[\x00-\x20\x7f-\x9f()<>\"'*`|]", lambda at: quote(at[0], safe=""), target)


def _language(page: Page, pre: Node) -> str:
    """Language of code, from a class of its elements or of the boxes that highlighters put around them."""
    elements = inside(page, pre)
    for element in list(page.ancestors(int(page.parents[pre.element])))[:2]:
        if page.tags[element] in ("div", "figure"):
            elements.append(element)
    found = (_LANGUAGE.search(clean(page.names[element])) for element in elements)
    return next((match[1] for match in found if match), "")
