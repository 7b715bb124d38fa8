"""The three writers: tables of page and output, and what must hold for every page."""

import json
import re
from time import perf_counter
from urllib.parse import urljoin

import lxml.html
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from strategies import NASTY, documents, numbered

from classifier.blocks import Limits, cut
from classifier.extraction import html, markdown, text
from classifier.inline import resolve
from classifier.page import Page
from classifier.structure import outline

settings.register_profile("pages", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pages")


def all_of(page: Page) -> list[bool]:
    return [True] * len(page)


def to_text(source: str) -> str:
    page = cut(source)
    return text(page, all_of(page))


def to_markdown(source: str, *, links: bool = False, url: str | None = None) -> str:
    page = cut(source)
    return markdown(page, all_of(page), links=links, url=url)


def to_html(source: str, url: str | None = None) -> str:
    page = cut(source)
    return html(page, all_of(page), url=url)


def flat(source: str) -> str:
    """HTML without the line ends that part its lines."""
    return re.sub(r">\n<", "><", re.sub(r"<br>\n", "<br>", source))


def rendered(source: str) -> str:
    """Markdown as another program reads it."""
    reader = MarkdownIt("commonmark", {"maxNesting": 1000}).enable(["table", "strikethrough"])
    return flat(reader.render(source).replace("<br />", "<br>")).strip()


def visible(source: str) -> str:
    """The text of an HTML fragment without white space."""
    return "".join(lxml.html.document_fromstring(f"<div>{source}</div>").text_content().split())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("<p>a<p>b", "a\n\nb"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<p>a<br>b<br><br>c", "a\nb\n\nc"),
        ("<h1>T</h1>x", "T\n\nx"),
        ("<h1><div>T</div><div>U</div></h1>", "T U"),
        ("<ul><li>a<li><p>b<p>c<ol><li>d</ol></ul>x", "a\nb\nc\nd\n\nx"),
        ("<table><tr><th>a<th>b<tr><td>c<br>d<td>e</table>", "a\tb\nc d\te"),
        ("<table><caption>T</caption><tr><td>c<td><td>e<tr><td>f<td>g<td></table>", "T\nc\t\te\nf\tg\t"),
        ("<table><tr><td><p>a<p>b<td>c</table>", "a\n\nb\n\nc"),
        ("<pre>\n  x\n\n\ty </pre>", "  x\n\n\ty"),
        ("<pre>a\r\nb\rc</pre>", "a\nb\nc"),
        ("<dl><dt>a<dd>b<dd>c</dl>", "a\nb\nc"),
        ("<blockquote>a<p>b</blockquote>", "a\n\nb"),
        ("<p>*a* &lt;b> \\c", "*a* <b> \\c"),
    ],
)
def test_text(source: str, expected: str) -> None:
    assert to_text(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<h1>a</h1><h6>b</h6>", "# a\n\n###### b"),
        ("<h2>a<br>b #</h2>", "## a b \\#"),
        ("<h2><p>a</p></h2>", "a"),  # libxml2 closes the heading before the paragraph
        ("<h2><div>a</div><div>b</div><div>c</div><div>d</div></h2>", "a\n\nb\n\nc\n\nd"),
        # R31: lists of every build
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ul><li><p>a</p><li><span>b</span></ul>", "- a\n- b"),
        ("<ul><li><p>a<p>b<li>c</ul>", "- a\n\n  b\n\n- c"),
        ("<ul><li>a<ol><li>b<ul><li>c</ul><li>d</ol><li>e</ul>", "- a\n  1. b\n     - c\n  2. d\n- e"),
        ("<ul><li>a</li><ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c"),
        ("<ul>a<li>b</ul>", "- a\n- b"),
        ("<div><li>a<li>b</div>", "- a\n- b"),
        ("<menu><li>a</menu>", "- a"),
        ("<ul><li>a</ul><ul><li>b</ul><ul><li>c</ul>", "- a\n\n* b\n\n- c"),
        ("<ol><li>a</ol><ol><li>b</ol>", "1. a\n\n1) b"),
        ("<ol>" + "<li>a" * 10 + "<p>b</ol>", "".join(f"{i}. a\n\n" for i in range(1, 11)) + "    b"),
        ("<ul><li><h3>a</h3>b</ul>", "- ### a\n\n  b"),
        ("<dl><dt>a<dd>b<dd>c</dl>", "a\n\n- b\n\n- c"),
        # R33: tables
        (
            "<table><thead><tr><th>a|b<th>c<tbody><tr><td>d<br>e<td><code>f|g</code></table>",
            "| a\\|b | c |\n| --- | --- |\n| d e | `f\\|g` |",
        ),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "|  |  |\n| --- | --- |\n| a | b |\n| c | d |"),
        ("<table><tr><th>a<td>b<tr><th>c<td>d</table>", "|  |  |\n| --- | --- |\n| a | b |\n| c | d |"),
        (
            "<table><caption>T</caption><tr><th>a<th>b<tr><td>c</table>",
            "T\n\n| a | b |\n| --- | --- |\n| c |",
        ),
        ("<table><tr><th>a<th><th>b<tr><td>c<td>&nbsp;<td>d</table>", "| a | b |\n| --- | --- |\n| c | d |"),
        ("<table><tr><td>a<tr><td>b</table>", "a\n\nb"),
        ("<table><tr><td>a<td><tr><td><td>b</table>", "a\n\nb"),
        ("<table><tr><td><p>a<p>b<td>c</table>", "a\n\nb\n\nc"),
        ("<table><tr><td><h3>a</h3><td>b</table>", "### a\n\nb"),
        ("<table><tr><td><ul><li>a</ul><td><ul><li>b</ul></table>", "- a\n\n* b"),
        (
            "<table><tr><td>x<td><table><tr><th>a<th>b<tr><td>c<td>d</table></table>",
            "x\n\n| a | b |\n| --- | --- |\n| c | d |",
        ),
        # R34: code
        ("<pre>\n  x\n\n\ty </pre>", "```\n  x\n\n\ty\n```"),
        ('<pre><code class="hljs language-c++">x</code></pre>', "```c++\nx\n```"),
        ('<pre class="lang-py">x</pre>', "```py\nx\n```"),
        ('<div class="language-js box"><div><pre>x</pre></div></div>', "```js\nx\n```"),
        ("<pre>```\n````</pre>", "`````\n```\n````\n`````"),
        ("<ul><li><pre>a\n\n b</pre></ul>", "- ```\n  a\n\n   b\n  ```"),
        ("<blockquote><pre>a\n\nb</pre></blockquote>", "> ```\n> a\n>\n> b\n> ```"),
        ("<p><code>a<br>b</code></p>", "```\na\nb\n```"),
        ("<p>x <code>a`b</code> <code>`</code>", "x ``a`b`` `` ` ``"),
        # quotations
        ("<blockquote>a<p>b<ul><li>c</ul></blockquote>", "> a\n>\n> b\n>\n> - c"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"),
        ("<figure><img src=x><figcaption>a</figcaption></figure>", "a"),
        # marks
        ("<p><b>a</b> <i>b</i> <em>c<strong> d </strong></em>", "**a** *b* *c **d***"),
        ("<p><b>a <b>b</b></b>", "**a b**"),
        ("<p>a<b>(b)</b>c <b>。你</b>好", "a(b)c **。你**好"),
        ("<p><b>a</b><i>b</i>", "**a**b"),
        ("<p>a<br>b", "a  \nb"),
        ("<p><a href=/x>a</a>", "a"),
    ],
)
def test_markdown(source: str, expected: str) -> None:
    assert to_markdown(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a*b* 2 * 3", r"a\*b\* 2 * 3"),
        ("snake_case _x_", r"snake_case \_x\_"),
        ("C:\\dir \\*", r"C:\dir \\\*"),
        ("1. a", r"1\. a"),
        ("a 1. b - c # d > e", "a 1. b - c # d > e"),
        ("- a", r"\- a"),
        ("# a", r"\# a"),
        ("#a", "#a"),
        ("> a", r"\> a"),
        ("---", r"\---"),
        ("[ ] a", r"\[ ] a"),
        ("[1] [a](b) [c]: d", r"[1] [a\](b) [c\]: d"),
        ("a<b &lt;i> 1 &lt; 2", r"a\<b \<i> 1 < 2"),
        ("&amp;lt; R&amp;D", r"\&lt; R&D"),
        ("`a` ~~b~~", r"\`a\` \~\~b\~\~"),
        ("a | b<br>--- | ---", "a | b  \n\\--- | ---"),
    ],
)
def test_markdown_escapes_what_would_change_meaning_and_no_more(source: str, expected: str) -> None:
    assert to_markdown(f"<p>{source.replace('a<b', 'a&lt;b')}</p>") == expected


@pytest.mark.parametrize(
    ("source", "url", "expected"),
    [
        ("<a href='/b?c'>a</a>", "https://example.org/d", "[a](https://example.org/b?c)"),
        ("<a href='/b'>a</a>", None, "[a](/b)"),
        ("<a href='x (1)_*'>a [1]</a>", None, r"[a \[1\]](x%20%281%29_%2A)"),
        ("<a href='?a=1&amp;amp;copy=2'>a</a>", None, r"[a](?a=1\&amp;copy=2)"),
        ("<a href='http://[broken'>a</a>", "https://example.org/", "[a](http://[broken)"),
        ("<a href='x'>a</a>", "http://[broken", "[a](x)"),
        ("<a href='JavaScript:x()'>a</a>", None, "a"),
        ("<a href=' java&#10;script:x()'>a</a>", "https://example.org/", "a"),
        ("<a href='data:text/html,x'>a</a>", None, "a"),
        ("<a href=''>a</a>", "https://example.org/", "a"),
        ("<a href='mailto:a@example.org'>a</a>", "https://example.org/", "[a](mailto:a@example.org)"),
        ("wow!<a href=x>a</a>", None, r"wow\![a](x)"),
        ("<a href=x><b>a</b> <code>b]</code></a>", None, "[**a** `b]`](x)"),
        ("<a href=x><p>a<p>b</a>", None, "[a](x)\n\n[b](x)"),
    ],
)
def test_markdown_links(source: str, url: str | None, expected: str) -> None:
    assert to_markdown(source, links=True, url=url) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("<div>a<section>b</section></div>", "<p>a</p><p>b</p>"),
        ("<h2 class=x onclick=y>a <span style=z>b</span></h2>", "<h2>a b</h2>"),
        ("<p>&lt;script>&amp;", "<p>&lt;script&gt;&amp;</p>"),
        ("<ul><li>a<ol><li>b</ol><li><p>c<p>d</ul>",
         "<ul><li>a<ol><li>b</li></ol></li><li><p>c</p><p>d</p></li></ul>"),
        ("<table><caption>T</caption><tr><th>a<th>b<tr><td>c<td>d</table>",
         "<p>T</p><table><thead><tr><th>a</th><th>b</th></tr></thead>"
         "<tbody><tr><td>c</td><td>d</td></tr></tbody></table>"),
        ("<table><tr><td>a<td>b</table>", "<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>"),
        ("<table><tr><td><p>a<p>b<td>c</table>", "<p>a</p><p>b</p><p>c</p>"),
        ("<pre class=x>a\n &lt;b</pre>", "<pre>a\n &lt;b</pre>"),
        ("<pre><code>a</code></pre>", "<pre><code>a</code></pre>"),
        ("<blockquote>a<p>b</blockquote>", "<blockquote><p>a</p><p>b</p></blockquote>"),
        ("<figure><img><figcaption>a</figcaption></figure>", "<figure><figcaption>a</figcaption></figure>"),
        ("<figcaption>a</figcaption>", "<p>a</p>"),
        ("<dl><dt>a<dd>b<dd>c</dl>", "<dl><dt>a</dt><dd>b</dd><dd>c</dd></dl>"),
        ("<p>a<br>b <b>c</b> <i>d</i> <kbd>e</kbd> <q>f</q>",
         "<p>a<br>b <strong>c</strong> <em>d</em> <code>e</code> f</p>"),
        ("<p><a href='b\"&amp;c' onclick=x>a</a>", '<p><a href="https://example.org/b&quot;&amp;c">a</a></p>'),
        ("<p><a href='vbscript:x'>a</a>", "<p>a</p>"),
    ],
)  # fmt: skip
def test_html(source: str, expected: str) -> None:
    assert flat(to_html(source, url="https://example.org/")) == expected


@pytest.mark.parametrize("writer", [text, markdown, html])
def test_only_kept_blocks_are_written(writer: object) -> None:
    page = cut(
        "<nav><ul><li>no</ul></nav><article>a<ul><li>no<li>b</ul></article><div><ol><li>c<li>no</ol></div>no"
    )
    kept = np.array([text != "no" for text in page.texts])
    expected = {
        text: "a\n\nb\n\nc",
        markdown: "a\n\n- b\n\n1. c",
        html: "<p>a</p>\n<ul>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n</ol>",
    }
    assert writer(page, kept) == expected[writer]  # type: ignore[operator,index]
    assert writer(page, ~kept & False) == ""  # type: ignore[operator]


def test_a_table_of_which_one_cell_a_row_is_kept_is_none() -> None:
    page = cut("<table><tr><td>a<td>b<tr><td>c<td>d</table>")
    assert markdown(page, [True, False, False, True]) == "a\n\nd"
    assert markdown(page, [False, True, False, False]) == "b"
    assert markdown(page, [True, True, False, True]).endswith("| a | b |\n|  | d |")


def test_refuses_labels_of_another_page() -> None:
    with pytest.raises(ValueError, match="kept has 1 values for 2 blocks"):
        text(cut("<p>a<p>b"), [True])


@pytest.mark.parametrize("source", ["<p>a<b>b</b>", "<ul><li>a</ul>", "<pre>a</pre>", "<a href='{}'>b</a>"])
@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\uffff"])
def test_no_character_breaks_the_output(source: str, character: str) -> None:
    page = cut(source)
    page.texts[0] = f"a{character}b"
    page.hrefs.update(dict.fromkeys(page.hrefs, f"/{character}"))
    for output in text(page, [True]), markdown(page, [True], links=True), html(page, [True]):
        assert character not in output
        assert json.loads(json.dumps(output, ensure_ascii=False).encode()) == output


@given(st.text(), st.none() | st.text())
def test_resolve_is_total(href: str, url: str | None) -> None:
    target = resolve(href, url)
    scheme = re.match(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):", target or "")
    assert scheme is None or scheme[1].lower() in ("http", "https", "mailto")


def test_addresses_that_no_server_takes_are_left_out() -> None:
    page = cut(f"<p>a <a href='/{'b' * 70_000}'>c</a>")
    assert markdown(page, [True], links=True, url="https://x.org") == "a c"
    assert html(page, [True]) == "<p>a c</p>"


PLACES = st.lists(st.sampled_from("/ a b.html é _ - .. . .x ? # ; 1".split())).map("".join)
BASES = st.sampled_from(
    ["https://x.org", "http://x.org:8/a/b?c#d", "//x.org/a", "/a/b", "a", "mailto:a@b", "file:///a/b", "https://[x"]
)


@given(PLACES, BASES)
def test_addresses_from_the_root_are_joined_as_the_library_joins_them(path: str, url: str) -> None:
    try:
        joined = urljoin(url, f"/{path}")
    except ValueError:
        joined = f"/{path}"
    target = resolve(f"/{path}", url)
    assert target == (joined if not joined.startswith("file:") else None)


kept_of = st.lists(st.booleans(), min_size=1, max_size=20)


@given(documents().map(numbered), kept_of)
def test_every_kept_word_once_and_in_order(source: str, pattern: list[bool]) -> None:
    page = cut(source)
    kept = np.resize(np.array(pattern), len(page))
    words = re.findall(r"[u-z]\d+", " ".join(t for t, keep in zip(page.texts, kept, strict=True) if keep))
    for output in text(page, kept), markdown(page, kept), html(page, kept):
        assert re.findall(r"[u-z]\d+", output) == words
    blocks = [block for child in outline(page, kept).children for block in child.blocks()]
    assert blocks == np.flatnonzero(kept).tolist()


@example("<html><body>0<b><i>0</i>0<i>0</i></b></body></html>", False)
@example("<html><body>0:<b><i>0</i>:<i>:</i></b></body></html>", False)
@given(documents(NASTY), st.booleans())
def test_another_reader_sees_the_same_text(source: str, links: bool) -> None:
    page = cut(source)
    expected = "".join("".join(page.texts).split())
    assert "".join(text(page, all_of(page)).split()) == expected
    assert visible(html(page, all_of(page))) == expected
    assert visible(rendered(markdown(page, all_of(page), links=links))) == expected


@given(documents().map(numbered))
def test_html_is_of_the_fixed_tags_and_a_fixed_point(source: str) -> None:
    once = to_html(source)
    tags = r"h[1-6]|p|[uod]l|li|d[td]|table|thead|tbody|t[rhd]|pre|code|blockquote|fig\w+|strong|em|br|a"
    assert "<" not in re.sub(rf'</?(?:{tags})>|<a href="[^"<>]*">', "", once)
    assert to_text(once).split() == to_text(source).split()


@example("<dl><dt>u1<ol>u2</ol></dt></dl><ol>u3</ol>", False)
@example("u0<dt><ul>u1</ul><ol>u2</ol>u3</dt><ol>u4</ol>", False)
@example("<figure><ul><li>u1</ul></figure><ul><li>u2</ul><dl><dt>u3<ul><li>u4</ul></dt><dd>u5</dl>", False)
@given(documents().map(numbered), st.booleans())
def test_markdown_and_html_have_the_same_structure(source: str, links: bool) -> None:
    theirs, ours = rendered(to_markdown(source, links=links)), to_html(source)
    for tag in "table", "ol", "blockquote", "h2", "h4":
        assert theirs.count(f"<{tag}>") == ours.count(f"<{tag}>"), tag
    assert theirs.count("<li>") == ours.count("<li>") + ours.count("<dd>")
    assert theirs.count("<pre>") >= ours.count("<pre>")  # a paragraph that is all code becomes a fence
    assert not links or theirs.count("<a ") == ours.count("<a ")


def test_another_reader_sees_the_same_lists_tables_and_code() -> None:
    source = """
    <ul><li>a<ol><li>b<li>c</ol><li>d</ul><p>x</p>
    <table><tr><th>k<th>v|w<tr><td>1<td><b>2</b></table>
    <pre><code class=language-py>if x:
    y = "```"

z</code></pre><blockquote>q<ul><li>r</ul></blockquote>"""
    assert rendered(to_markdown(source)) == flat(
        "<ul>\n<li>a\n<ol>\n<li>b</li>\n<li>c</li>\n</ol>\n</li>\n<li>d</li>\n</ul>\n<p>x</p>\n"
        "<table>\n<thead>\n<tr>\n<th>k</th>\n<th>v|w</th>\n</tr>\n</thead>\n"
        "<tbody>\n<tr>\n<td>1</td>\n<td><strong>2</strong></td>\n</tr>\n</tbody>\n</table>\n"
        '<pre><code class="language-py">if x:\n    y = &quot;```&quot;\n\nz\n</code></pre>\n'
        "<blockquote>\n<p>q</p>\n<ul>\n<li>r</li>\n</ul>\n</blockquote>"
    )


@given(documents(NASTY))
def test_same_page_same_output(source: str) -> None:
    assert to_markdown(source, links=True) == to_markdown(source, links=True)
    assert to_html(source) == to_html(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>x" * 40_000,
        "<ul>" + "<li>x" * 40_000,
        "<blockquote>" * 500 + "<p>x</p>" * 40_000,
        ("<ul><li>" * 100 + "x" + "</ul>" * 100) * 300,
        "<table>" + "<tr><td>a<td>b" * 20_000,
        "<table><tr>" + "<td>a" * 20_000 + "<tr><td>b<td>c" * 10_000,
        "<dl>" + "<dd>a<dd>b</dd>c</dd>" * 12_000,
        "<p>" + "<b>x</b>y" * 20_000,
        "<p>" + "*_`[](&#" * 40_000,
    ],
    ids=["p", "li", "quotes", "deep lists", "table", "wide table", "dd", "marks", "special"],
)
def test_hostile_pages_take_seconds(source: str) -> None:
    page = cut(source, Limits(max_seconds=60))
    start = perf_counter()
    for writer in (text, markdown, html):
        assert writer(page, all_of(page))
    assert perf_counter() - start < 20
