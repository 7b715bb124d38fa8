"""Cutting: nothing visible lost, nothing twice, order kept, places found again, limits named."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from time import perf_counter
from unittest import mock

import lxml.html
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import NASTY, documents, numbered

from classifier.blocks import BLOCK_TAGS, SILENT_TAGS, Limits, cut
from classifier.page import Page

settings.register_profile("pages", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pages")


SNIPPETS = [
    "<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<i>", "</i>", "<ul>", "</ul>", "<li>", "<br>",
    "<pre>", "</pre>", "<table>", "<tr>", "<td>", "</table>", "<a href=x>", "</a>", "<span hidden>",
    "</span>", "<!-- x -->", "<script>if (1 < 2) '<p>'</script>", "<style>p {}</style>",
    "<template>no</template>", "<button>", "</button>", "<svg><title>", "</title></svg>",
    "<select><option>", "</select>", "&amp;", "&eacute;", "&nbsp;", " ", "\n", "é你",
]  # fmt: skip


IS_SILENT = " or ".join(f"self::{tag}" for tag in sorted(SILENT_TAGS - {"head"}))
SEEN = f".//text()[not(ancestor::*[{IS_SILENT}][not(ancestor::svg)])]"
"""XPath of the text that a visitor sees."""


def soup() -> st.SearchStrategy[str]:
    """Tags opened and closed anyhow, between words of which none is twice on the page."""
    piece = st.one_of(st.sampled_from(SNIPPETS), st.sampled_from("uvwxyz"))
    return st.lists(piece, max_size=40).map("".join).map(numbered)


class Reference(HTMLParser):
    """The visible text of a page, read without libxml2 and without a tree."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in SILENT_TAGS and tag not in ("head", "title"):
            self.silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.pieces.append(data)


def visible(source: str) -> str:
    reference = Reference()
    reference.feed(source)
    reference.close()
    return squeezed("".join(reference.pieces))


def squeezed(text: str) -> str:
    return "".join(text.split())


def record(page: Page) -> dict[str, object]:
    """Every column of a page, comparable."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(page).items()
        if name != "positions"
    }


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("", []),
        (" \n", []),
        ("<!doctype html>", []),
        ("a", ["a"]),
        ("<p> a\n <b> b</b>c </p>", ["a bc"]),
        ("<div>a<p>b</p>c</div>", ["a", "b", "c"]),
        ("a<br>b<br> <br>c<br>", ["a\nb", "c"]),
        ("<br><br>a", ["a"]),
        ("<pre>\n  a\n\n\tb \n</pre>", ["  a\n\n\tb"]),
        ("<pre>a<br>b</pre>", ["a\nb"]),
        ("<pre> \n </pre>", []),
        ("<pre>\n  <b>a</b>\n  <b>b</b>\n</pre>", ["  a\n  b"]),
        ("<textarea>a\nb</textarea>c", ["a\nb", "c"]),
        ("<svg><title>a</title><text>b</text></svg>c", ["a", "b", "c"]),
        ("<title>a</title><body>b<title>c</title>d", ["bd"]),
        ("a<button>b</button>c<select><option>d<option>e</select>", ["a", "b", "c", "d", "e"]),
        ("<table>a<tr><td>b<th>c</table>d", ["a", "b", "c", "d"]),
        ("<body><p>a</p></body>b</html>c", ["a", "b", "c"]),
        ("a&nbsp;&amp;lt;\u2003b", ["a &lt; b"]),
        ("a\x00b&#0;&#xd800;\ud800", ["a\ufffdb\ufffd\ufffd?"]),
        ("<p>a<!-- no -->b<![CDATA[no]]>", ["ab"]),
    ],
)
def test_texts(source: str, texts: list[str]) -> None:
    assert cut(source).texts == texts


@pytest.mark.parametrize("tag", sorted(SILENT_TAGS - {"head"}))
def test_silent_tags_hold_no_text(tag: str) -> None:
    assert cut(f"<p>a<{tag}>no</{tag}>b</p><p>c</p>").texts[-1] == "c"
    assert "no" not in "".join(cut(f"<div>a<{tag}>no</{tag}>b</div>").texts)


@pytest.mark.parametrize("tag", sorted(BLOCK_TAGS - {"body", "col", "colgroup", "frameset", "hr", "html"}))
def test_block_tags_end_a_block(tag: str) -> None:
    texts = cut(f"<div>a<{tag}>b</{tag}>c</div>").texts
    assert texts == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("<p hidden>a</p>b", "a"),
        ("<p style='color: red; display : none'>a</p>b", "a"),
        ("<p style='VISIBILITY:hidden'>a</p>b", "a"),
        ("<p hidden=until-found>a</p>b", ""),
        ("<p>a<span hidden>b</span>c", "b"),
        ("<div hidden>a<div hidden>b</div>c</div>d", "abc"),
        ("<div hidden>a<p>b<script>no</script>c</div><p>d", "abc"),
        ("<template hidden>no</template>a", ""),
        ("<img hidden>a<input hidden>b", ""),
    ],
)
def test_hidden(source: str, hidden: str) -> None:
    page = cut(source)
    found = "".join(text for text, mark in zip(page.texts, page.hidden, strict=True) if mark)
    assert squeezed(found) == hidden


def test_noscript_is_read_where_there_is_next_to_nothing_else() -> None:
    words = "some words " * 1_000
    page = cut(f"<p>a</p><noscript><p>{words}</p></noscript>")
    assert page.texts == ["a", words.strip()]
    assert page.flattened == ("noscript",)
    page = cut(f"<p>{words}</p><noscript><p>{words}</p></noscript>")
    assert page.texts == [words.strip()]
    assert page.flattened == ()


def test_links_and_leaves() -> None:
    page = cut("<p><i>one</i> <a href=x>two</a> <a href=y>th</a><div><a>no</a> <a href=z>four<p>five")
    assert page.texts == ["one two th", "no four", "five"]
    assert page.link_chars.tolist() == [5, 4, 4]
    assert page.link_counts.tolist() == [2, 1, 1]
    assert [page.tags[leaf] for leaf in page.leaves] == ["i", "a", "p"]
    assert sorted(page.hrefs.values()) == ["x", "y", "z"]


@given(soup())
def test_no_word_is_lost_and_none_twice_in_soup(source: str) -> None:
    page = cut(source)
    assert re.findall(r"[u-z]\d+", " ".join(page.texts)) == re.findall(r"[u-z]\d+", visible(source))


@given(documents(NASTY))
def test_no_character_is_lost_and_none_twice(source: str) -> None:
    assert squeezed("".join(cut(source).texts)) == visible(source)


@given(st.one_of(documents(), soup()))
def test_columns_fit(source: str) -> None:
    page = cut(source)
    n, m = len(page.tags), len(page.texts)
    assert (
        len(page.parents) == len(page.names) == len(page.first) == len(page.last) == len(page.positions) == n
    )
    assert (
        len(page.elements) == len(page.leaves) == len(page.hidden) == len(page.link_chars) == m == len(page)
    )
    assert all(page.parents[1:] < np.arange(1, n))
    assert all(text.strip() for text in page.texts)
    assert all(page.elements[block] in set(page.ancestors(page.leaves[block])) | {0} for block in range(m))
    assert (page.link_chars <= [len(text) for text in page.texts]).all()


@given(st.one_of(documents(), soup()))
@example("<pre>u<b> </b></pre>")
@example("<pre><b> </b></pre><p>u")
def test_spans_lie_in_their_block(source: str) -> None:
    page = cut(source)
    for span in page.spans:
        assert 0 <= span.start < span.end <= len(page.texts[span.block])
        assert 0 < span.element < len(page.tags)


def boxes(page: Page) -> Iterator[int]:
    return (element for element, tag in enumerate(page.tags) if tag in BLOCK_TAGS)


@given(st.one_of(documents(), soup()))
def test_first_and_last_bound_the_blocks_inside(source: str) -> None:
    page = cut(source)
    inside: dict[int, list[int]] = {}
    for block, element in enumerate(page.elements):
        for ancestor in page.ancestors(element):
            inside.setdefault(ancestor, []).append(block)
    for element in boxes(page):
        assert list(range(page.first[element], page.last[element])) == inside.get(element, []), page.xpath(
            element
        )


@given(st.one_of(documents().map(numbered), soup()))
def test_xpath_finds_the_element_in_a_tree(source: str) -> None:
    page = cut(source)
    if not len(page):
        return
    tree = lxml.html.document_fromstring(source)
    for text, element in zip(page.texts, page.elements, strict=True):
        (found,) = tree.getroottree().xpath(page.xpath(element))
        assert squeezed(text) in squeezed("".join(found.xpath(SEEN)))


@given(st.one_of(documents(NASTY), soup()))
def test_small_chunks_give_the_same_page(source: str) -> None:
    whole = cut(source)
    with mock.patch("classifier.blocks.CHUNK", 7):
        assert record(cut(source)) == record(whole)
        assert record(cut(source.encode("utf-8", "replace"))) == record(whole)


@given(st.one_of(documents(NASTY), soup()))
def test_same_source_same_page(source: str) -> None:
    assert record(cut(source)) == record(cut(source))


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_a_page(source: str) -> None:
    page = cut(source)
    assert len(page) == len(page.elements)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(max_elements=20), "max_elements"),
        (Limits(max_text=50), "max_text"),
        (Limits(max_seconds=1e-9), "max_seconds"),
    ],
)
def test_a_limit_that_stops_reading_is_named(limits: Limits, name: str) -> None:
    source = "<p>some words</p>" * 10_000
    assert len(source) > 2 * (1 << 16), "must take more than one chunk, or time has no say"
    page = cut(source, limits)
    assert page.truncated == name
    assert 0 < len(page) < 10_000
    assert set(page.texts) == {"some words"}
    assert cut(source).truncated is None
    if name == "max_elements":
        assert len(page.tags) <= 20 + 1


@pytest.mark.parametrize("depth", [3, 10, 512])
def test_depth_costs_markup_but_no_text(depth: int) -> None:
    source = "<div>" * 600 + "a<p>b<i>c</i> d</p><br>e<br><br>f" + "</div>" * 600 + "<p>g"
    page = cut(source, Limits(max_depth=depth))
    assert page.flattened == ("max_depth",)
    assert page.truncated is None
    assert page.texts == ["a", "bc d", "e", "f", "g"]
    assert max(len(list(page.ancestors(element))) for element in range(len(page.tags))) == depth
    assert cut("<div>" * 10 + "a").flattened == ()


@pytest.mark.parametrize("tag", ["script", "style", "template", "noscript", "iframe"])
def test_silent_tags_are_silent_below_max_depth(tag: str) -> None:
    page = cut("<div>" * 9 + f"a<{tag}>no</{tag}>b", Limits(max_depth=4))
    assert squeezed("".join(page.texts)) == "ab"


def test_attributes_beyond_the_limit_are_dropped_and_named() -> None:
    source = "<p>a</p><p " + " ".join(f"a{i}=x" for i in range(50)) + " class=late>b</p>"
    page = cut(source, Limits(max_attributes=40))
    assert page.flattened == ("max_attributes",)
    assert page.truncated is None
    assert page.texts == ["a", "b"]
    assert "late" not in page.names
    assert "late" in cut(source).names


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("<pre>\n<b>x</b> y</pre>"),
        pytest.param("<pre>a <b>x\n</b></pre>"),
        "<pre>a <b>x</b>\n</pre>",
    ],
)
def test_spans_of_verbatim_text_keep_their_place(source: str) -> None:
    page = cut(source)
    (span,) = page.spans
    assert page.texts[span.block][span.start : span.end].strip() == "x"
    assert span.end <= len(page.texts[span.block])


def test_blank_lines_of_verbatim_text_are_kept() -> None:
    assert cut("<pre>a<br><br>b</pre>").texts == ["a\n\nb"]


def test_title_of_a_drawing_begins_after_the_text_before_it() -> None:
    page = cut("<svg>a<title>b</title></svg>")
    assert page.texts == ["a", "b"]
    title = page.tags.index("title")
    assert (page.first[title], page.last[title]) == (1, 2)


def test_formula_sources_are_no_text() -> None:
    source = "<p>a <math><mi>x</mi><annotation encoding='application/x-tex'>no</annotation></math> b"
    assert cut(source).texts == ["a x b"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("<p>" * 100_000, id="p"),
        pytest.param("<p " + "a=1 " * 200_000 + ">", id="attributes"),
        pytest.param("<b>" * 500 + "<div>x</div>" * 3_000, id="open marks"),
        pytest.param(
            "<div>" * 520 + "<i>" * 20_000 + "<b></b>" * 20_000, id="below max_depth"
        ),
        pytest.param("&" * 500_000, id="ampersands"),
        pytest.param("<" * 500_000, id="tags"),
    ],
)
def test_hostile_pages_cost_little(source: str) -> None:
    start = perf_counter()
    page = cut(source, Limits(max_seconds=60))
    assert perf_counter() - start < 4
    assert len(page.spans) < 1_000_000
