"""A page and its kept blocks into text, Markdown or HTML.

Three writers over one outline (:mod:`classifier.structure`). They recurse, because the outline's depth is
bounded, whatever the page's is.
"""

import re
from collections.abc import Sequence
from html import escape

from classifier.inline import LAST, Edit, Writer, around, clean, is_code, resolve, weave
from classifier.markdown import Markdown
from classifier.page import Bools, Page
from classifier.structure import HEADINGS, LISTS, Node, outline


def text(page: Page, kept: Bools | Sequence[bool]) -> str:
    """Plain text: paragraphs apart by blank lines, items and rows on lines of their own, code verbatim.

    Cells are joined by tabs: no block outside ``<pre>`` holds one, so a row can be split again.

    >>> from classifier.blocks import cut
    >>> text(cut("<p>a<ul><li>b<li>c</ul>"), [True, True, True])
    'a\\n\\nb\\nc'

    Raises:
        ValueError: ``kept`` does not have one value a block.
    """
    return "\n\n".join(_Text(page).flow(outline(page, kept).children))


def markdown(page: Page, kept: Bools | Sequence[bool], *, links: bool = False, url: str | None = None) -> str:
    """GitHub-flavoured Markdown without raw HTML. ``links`` keeps link targets, resolved against ``url``.

    ``<br>`` is a hard break of two spaces: a line break even to readers that do not know it. A table whose
    first row is no header gets an empty one, since Markdown has no table without.

    >>> from classifier.blocks import cut
    >>> print(markdown(cut("<h2>Tea</h2><ol><li>Boil <b>water</b>.<li>Wait 3*60 s.</ol>"), [True] * 3))
    ## Tea
    <BLANKLINE>
    1. Boil **water**.
    2. Wait 3\\*60 s.

    Raises:
        ValueError: ``kept`` does not have one value a block.
    """
    writer = Markdown(page, links, url)
    return writer.flow(outline(page, kept).children)


def html(page: Page, kept: Bools | Sequence[bool], *, url: str | None = None) -> str:
    """Clean HTML, written anew: a few semantic tags, no attribute but ``href``, all text escaped.

    Links are kept if they are http, https, mailto or relative; ``url`` makes the relative ones absolute.

    >>> from classifier.blocks import cut
    >>> html(cut("<div onclick=x()>1 &lt; <b class=y>2</b></div>"), [True])
    '<p>1 &lt; <strong>2</strong></p>'

    Raises:
        ValueError: ``kept`` does not have one value a block.
    """
    writer = _Html(page, url)
    writer.flow(outline(page, kept).children)
    return "".join(writer.pieces).strip("\n")


class _Text(Writer):
    def flow(self, nodes: list[Node]) -> list[str]:
        """Paragraphs."""
        found = []
        for node in nodes:
            if node.kind == "p":
                found.append(self.text(node.block))
            elif node.kind == "pre":
                found.append(self.verbatim(node))
            elif node.kind in LISTS or node.kind == "dl":
                found.append("\n".join(line for item in node.children for line in self.flow(item.children)))
            elif node.kind == "table":
                found.append("\n".join(map(self.row, node.children)))
            elif node.kind in HEADINGS:
                found.append(" ".join(map(self.text, node.blocks())))
            else:
                found += self.flow(node.children)
        return found

    def row(self, row: Node) -> str:
        if row.kind == "p":  # the caption
            return self.text(row.block)
        return "\t".join(" ".join(map(self.text, cell.blocks())).replace("\n", " ") for cell in row.children)


class _Html(Writer):
    def __init__(self, page: Page, url: str | None) -> None:
        super().__init__(page)
        self.url = url
        self.pieces: list[str] = []

    def flow(self, nodes: list[Node]) -> None:
        for node in nodes:
            self.write(node)

    def write(self, node: Node) -> None:
        kind = node.kind
        if kind == "p":
            self.pieces.append(f"<p>{self.inline(node.block)}</p>\n")
        elif kind in HEADINGS:
            self.pieces.append(f"<{kind}>{' '.join(map(self.inline, node.blocks()))}</{kind}>\n")
        elif kind == "pre":
            body = escape(self.verbatim(node), quote=False)
            body = f"<code>{body}</code>" if is_code(self.page, node) else body
            self.pieces.append(f"<pre>{body}</pre>\n")
        elif kind == "table":
            self.table(node)
        elif kind in ("ul", "ol", "dl", "blockquote", "figure", "tr"):
            self.pieces.append(f"<{kind}>\n")
            self.flow(node.children)
            self.pieces.append(f"</{kind}>\n")
        else:
            self.item(node)

    def item(self, node: Node) -> None:
        """A container whose first paragraph needs no tag of its own unless another follows."""
        self.pieces.append(f"<{node.kind}>")
        first, rest = node.children[:1], node.children[1:]
        if first and first[0].kind == "p" and all(child.kind in LISTS for child in rest):
            self.pieces.append(self.inline(first[0].block))
            first = []
        self.flow(first + rest)
        self.pieces.append(f"</{node.kind}>\n")

    def table(self, table: Node) -> None:
        rows = [row for row in table.children if row.kind != "p"]
        self.flow(table.children[: len(table.children) - len(rows)])
        header = rows[:1] if rows[0].kind == "thead" else []
        self.pieces.append("<table>\n")
        for part, members in ("thead", header), ("tbody", rows[len(header) :]):
            if members:
                self.pieces.append(f"<{part}>\n")
                for row in members:
                    self.write(Node("tr", children=row.children))
                self.pieces.append(f"</{part}>\n")
        self.pieces.append("</table>\n")

    def inline(self, block: int) -> str:
        text = self.text(block)
        edits: list[Edit] = [(at.start(), LAST, at.end(), "<br>\n") for at in re.finditer("\n", text)]
        for rank, mark in enumerate(self.marks(block, text), 1):
            opening = f"<{mark.kind}>"
            if mark.kind == "a":
                target = resolve(clean(mark.href), self.url)
                if target is None:
                    continue
                opening = f'<a href="{escape(target)}">'
            edits += around(mark, rank, opening, f"</{mark.kind}>")
        return weave(text, edits, lambda piece: escape(piece, quote=False))
