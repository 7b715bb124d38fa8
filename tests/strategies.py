"""Hypothesis strategies: whole pages, built from the tags that matter to the outline and the writers."""

from hypothesis import strategies as st

FLOW = (
    *("div", "section", "main", "p", "h2", "h4", "blockquote", "pre", "figure", "figcaption"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tr", "td", "th"),
)
INLINE = ("b", "i", "em", "strong", "code", "a", "span", "q")
NASTY = list("\\`*_{}[]()<>#+-.!|&~=:$\"'^%/é你。“”€0a ")
"""Characters that Markdown or HTML may take for markup, and neighbours that change how they are read."""


@st.composite
def prose(draw: st.DrawFn, alphabet: list[str] | None = None) -> str:
    """A run of text, escaped for HTML: words, or tokens of ``alphabet``."""
    word = (
        st.text(st.sampled_from(alphabet), min_size=1, max_size=6) if alphabet else st.sampled_from("uvwxyz")
    )
    text = " ".join(draw(st.lists(word, min_size=1, max_size=4)))
    return text.replace("&", "&amp;").replace("<", "&lt;")


def inline(alphabet: list[str] | None = None) -> st.SearchStrategy[str]:
    """Phrasing content: text with marks, breaks and odd spaces."""

    def wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        tagged = st.builds(_element, st.sampled_from(INLINE), inner)
        return st.lists(st.one_of(inner, tagged, st.sampled_from((" ", "<br>"))), min_size=1, max_size=4).map(
            "".join
        )

    return st.recursive(prose(alphabet), wrap, max_leaves=5)


def documents(alphabet: list[str] | None = None) -> st.SearchStrategy[str]:
    """Whole pages, properly closed but with any block-level tag in any other."""

    def wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        children = st.lists(inner, min_size=1, max_size=4).map("".join)
        return st.builds(_element, st.sampled_from(FLOW), children)

    paragraph = st.builds(_element, st.just("p"), inline(alphabet))
    flow = st.recursive(st.one_of(inline(alphabet), paragraph), wrap, max_leaves=12)
    return st.lists(flow, min_size=1, max_size=5).map(
        lambda parts: f"<html><body>{''.join(parts)}</body></html>"
    )


def numbered(html: str) -> str:
    """The page with every word that :func:`prose` wrote made unique, so that order and loss can be seen."""
    count = iter(range(1_000_000))
    depth = 0
    pieces = []
    for character in html:
        depth += (character == "<") - (character == ">")
        pieces.append(f"{character}{next(count)}" if not depth and character in "uvwxyz" else character)
    return "".join(pieces)


def _element(tag: str, content: str) -> str:
    attributes = ' href="x?a=1&amp;b=(2)"' if tag == "a" else ""
    return f"<{tag}{attributes}>{content}</{tag}>"
