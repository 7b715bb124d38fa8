"""Pages that nobody should have to read: a generated case for every way in which input is known to break readers.

Each case is an article whose first and last paragraphs are known, with a payload between them. A reader passes if
it returns both paragraphs, or says why not. Only the standard library is imported, since peers run it elsewhere.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

BEFORE: Final = (
    "The harbour opened before dawn, and the first boats left while the town was still asleep behind its shutters."
)
AFTER: Final = (
    "By evening the nets were mended, the fish had been sold, and the keeper of the light climbed his stairs again."
)

FORMATTING: Final = "a b big code em font i nobr s small strike strong tt u".split()
"""The elements that HTML's parser reopens by itself wherever they were left open."""

NOT_CHARSETS: Final = "zlib idna punycode undefined unicode_escape rot13 hex base64 bz2 mbcs utf-7 ../../x".split()
"""Labels that name a Python codec, or nothing: no page may choose them."""

ARTICLE: Final = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Harbour</title>{}</head><body><main>'
)


@dataclass(frozen=True, slots=True)
class Case:
    """Bytes made on demand. ``shown`` is false where a browser shows no last paragraph either."""

    make: Callable[[], bytes]
    shown: bool = True
    charset: str | None = None
    """What the HTTP header says."""


def article(payload: str, head: str = "", encoding: str = "utf-8") -> bytes:
    """A page with the payload between its two paragraphs, the first and last of several."""
    return page(payload, head).encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def page(payload: str, head: str = "") -> str:
    """The same as text."""
    return f"{ARTICLE.format(head)}<h1>Harbour</h1><p>{BEFORE}</p>{payload}<p>{AFTER}</p></main></body></html>"


def raw(payload: bytes) -> bytes:
    """An article around bytes that are no text."""
    before, after = page("\0\0").encode().split(b"\0\0")
    return before + payload + after


def _case(payload: Callable[[], str], head: Callable[[], str] = str, shown: bool = True) -> Case:
    return Case(lambda: article(payload(), head()), shown)


def _numbered(template: str, count: int) -> str:
    return "".join(template.format(number) for number in range(count))


def _nest(opening: str, count: int, closing: str = "", inner: str = "x") -> str:
    return opening * count + inner + closing * count


def _json_ld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


def _ld_head(text: Callable[[], str]) -> Case:
    return _case(str, lambda: _json_ld(text()))


def _structure() -> Iterator[tuple[str, Case]]:
    yield "deep_div_100k", _case(lambda: _nest("<div>", 100_000, "</div>"))
    yield "deep_div_unclosed_100k", _case(lambda: _nest("<div>", 100_000))
    yield "deep_div_text_100k", _case(lambda: _nest("<div>w ", 100_000, "</div>"))
    yield "deep_blockquote_100k", _case(lambda: _nest("<blockquote><p>w", 100_000))
    yield "deep_span_100k", _case(lambda: _nest("<span>", 100_000, "</span>"))
    yield "deep_then_wide", _case(lambda: _nest("<div>", 500, "</div>", "<p>word " * 150_000))
    yield "siblings_1m", _case(lambda: "<p>x</p>" * 1_000_000)
    yield "siblings_br_1m", _case(lambda: "x<br>" * 1_000_000)
    yield "spans_150k", _case(lambda: "<span>x</span> " * 150_000)
    yield "paragraphs_200k", _case(lambda: "<p>a few words of text</p>" * 200_000)
    yield "links_300k", _case(lambda: _numbered('<a href="/page/{0}">link {0}</a> ', 300_000))
    yield "links_nested_100k", _case(lambda: '<a href="/x">y' * 100_000)
    yield "links_malformed", _case(lambda: "".join(f'<a href="{url}">link</a> ' for url in MALFORMED_URLS))
    yield "tables_nested_20k", _case(lambda: _nest("<table><tr><td>", 20_000, "</td></tr></table>"))
    yield "tables_unclosed_20k", _case(lambda: _nest("<table>", 20_000))
    yield "table_foster_20k", _case(lambda: "<table>" + "<p>x<tr>" * 20_000)
    yield "table_colspan", _case(lambda: '<table><tr><td colspan="9007199254740991" rowspan="65534">x<td>y</table>')
    yield "table_colspan_many", _case(lambda: "<table>" + '<tr><td colspan="1000">x<td>y' * 20_000 + "</table>")
    yield "cells_100k", _case(lambda: "<table><tr>" + "<td>x" * 100_000 + "</table>")
    yield "table_ragged", _case(lambda: "<table>" + "<tr><td>x<td>y" * 20_000 + "<tr>" + "<td>z" * 20_000 + "</table>")
    yield "lists_nested_20k", _case(lambda: _nest("<ul><li>", 20_000, "</li></ul>"))
    yield "lists_mixed_20k", _case(lambda: _nest("<ul><li>x<dl><dt>y<dd>", 20_000))
    yield "headings_200k", _case(lambda: "<h2>x</h2>" * 150_000)
    yield "svg_template", _case(lambda: "<svg><template>" * 10_000 + "</template></svg>" * 10_000)
    yield "svg_foreign", _case(lambda: "<svg><foreignObject><math><mtext>" * 10_000)
    yield "misnested_100k", _case(lambda: "<b><p><i></b></p></i>" * 100_000)
    yield "misnested_table_20k", _case(lambda: "<b><table><td><i></table>x" * 20_000)
    yield "tags_distinct_200k", _case(lambda: _numbered("<t{0}>x</t{0}>", 200_000))
    yield "tag_name_1mb", _case(lambda: "<t" + "a" * 1_000_000 + ">" + "<p>x" * 1_000)
    yield "tag_end_flood", _case(lambda: "</div></p></b>" * 300_000)
    yield "select_nested_20k", _case(lambda: "<select><option>x<optgroup>" * 20_000 + "</select>" * 20_000)
    yield "forms_nested_50k", _case(lambda: "<form><input><button>x" * 50_000)
    yield "frameset_50k", _case(lambda: "<frameset><frame>" * 50_000 + "</frameset>" * 50_000)
    yield "noscript_100k", _case(lambda: "<noscript><p>x</p></noscript>" * 100_000)
    yield "pre_lines_1m", _case(lambda: "<pre>" + "x \n" * 1_000_000 + "</pre>")
    yield "hidden_100k", _case(lambda: '<div hidden><p style="display:none">x</p></div>' * 50_000)
    for tag in FORMATTING:
        yield f"unclosed_{tag}_100k", _case(lambda tag=tag: f"<{tag}>x" * 100_000)  # type: ignore[misc]
    yield "unclosed_kinds_100k", _case(lambda: "".join(islice(cycle(f"<{tag}>x" for tag in FORMATTING), 100_000)))
    yield "marks_in_block_200k", _case(lambda: "<p>" + "<b>x</b> <i>y</i> " * 60_000 + "</p>")


def _attributes() -> Iterator[tuple[str, Case]]:
    yield "attributes_1m", _case(lambda: "<p " + _numbered("a{0}=1 ", 1_000_000) + ">x</p>")
    yield "attributes_900", _case(lambda: ("<p " + _numbered("a{0}=1 ", 900) + ">x</p>") * 1_000)
    yield "attributes_same_1m", _case(lambda: "<p " + "a=1 " * 1_000_000 + ">x</p>")
    yield "attributes_html_100k", _case(lambda: _numbered('<body a{0}="{0}"><html b{0}="{0}">', 100_000))
    yield "ids_same_300k", _case(lambda: '<b id="x">x</b> ' * 300_000)
    yield "class_10mb", _case(lambda: f'<p class="{"c " * 5_000_000}">x</p>')
    yield "class_many_150k", _case(lambda: _numbered('<p class="w{0} v{0}">x</p>', 150_000))
    yield "style_10mb", _case(lambda: f'<p style="{"display " * 1_250_000}none">x</p>')
    yield "style_spaces_10mb", _case(lambda: f'<p style="none display{" " * 10_000_000}">x</p>')
    yield "data_uri_12mb", _case(lambda: f'<img src="data:image/png;base64,{"QUJD" * 3_000_000}">')
    yield "data_uri_20mb", _case(lambda: f'<img src="data:image/png;base64,{"QUJD" * 5_000_000}">')
    yield "href_10mb", _case(lambda: f'<a href="{"../" * 3_300_000}">x</a>')
    yield "itemprop_100k", _case(lambda: '<meta itemprop="author name" content="x">' * 100_000)
    yield "quote_unclosed", _case(lambda: "<p title='" + "x>" * 1_000_000, shown=False)


def _text() -> Iterator[tuple[str, Case]]:
    yield "text_50mb", _case(lambda: "<p>" + "word " * 10_000_000)
    yield "text_15mb", _case(lambda: "<p>" + "word " * 3_000_000)
    yield "text_one_word_7mb", _case(lambda: "<p>" + "x" * 7_000_000)
    yield "text_words_7mb", _case(lambda: "<p>" + _numbered("w{0} ", 900_000))
    yield "text_cjk_2m", _case(lambda: "<p>" + "漢字かな" * 500_000)
    yield "text_emoji_1m", _case(lambda: "<p>" + "👩‍🚀 " * 250_000)
    yield "text_combining_2m", _case(lambda: "<p>a" + "\u0301" * 2_000_000)
    yield "text_phrases_1m", _case(lambda: "<p>" + "subscribe to continue reading " * 100_000)
    yield "text_punctuation_3m", _case(lambda: "<p>" + "*_`[]()#&amp;- " * 250_000)
    yield "spaces_12mb", _case(lambda: " " * 12_000_000)
    yield "lines_12mb", _case(lambda: "<pre>x" + "\n" * 12_000_000 + "</pre>")
    yield "less_than_10mb", _case(lambda: "<" * 10_000_000)
    yield "less_than_spaced", _case(lambda: "< " * 3_000_000)
    yield "ampersands_3m", _case(lambda: "&" * 3_000_000)
    yield "nulls", Case(lambda: raw(b"\0" * 1_000_000))
    yield "nulls_in_markup", Case(lambda: raw(b"<\0p>a\0b<p\0 c\0=\0d>e</\0p>" * 10_000))
    yield "controls", _case(lambda: "<p>" + "".join(map(chr, range(1, 32))) * 1_000 + "\x7f\x80\x9f\ufffe\uffff")
    yield "surrogates", Case(lambda: article("<p>a\ud800b\udfffc &#xD800; &#55296; &#xDFFF;</p>" * 1_000))
    yield "bidi", _case(lambda: "<p>" + "\u202e\u2066\u200f\u200b" * 100_000)
    yield "entities_named", _case(lambda: "<p>" + "&amp;&lt;&nbsp;&CounterClockwiseContourIntegral;" * 50_000)
    yield "entities_numeric", _case(lambda: "<p>" + "&#65;&#x41;&#1114112;&#xFFFFFFFFFFFF;" * 50_000)
    yield "entities_open", _case(lambda: "<p>" + "&amp&notin&bogus&#x&#" * 50_000)
    yield "entity_digits_5m", _case(lambda: "<p>&#" + "1" * 5_000_000 + ";")
    yield "billion_laughs", _entities(LAUGHS)
    yield "external_entity", _entities('<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y SYSTEM "http://localhost/">')
    yield "parameter_entity", _entities('<!ENTITY % x SYSTEM "http://localhost/x.dtd">%x;')
    yield "comments_1m", _case(lambda: "<!-- x -->" * 1_000_000)
    yield "comment_unclosed", _case(lambda: "<!--" + "x-" * 1_000_000, shown=False)
    yield "comment_dashes", _case(lambda: "<!" + "-" * 5_000_000 + ">", shown=False)
    yield "cdata", _case(lambda: "<![CDATA[" * 100_000 + "x" + "]]>" * 100_000)
    yield "instructions", _case(lambda: "<?xml x?><?php y ?>" * 100_000)
    yield "scripts_100k", _case(lambda: "<script>if (a<b) '</p>'</script>" * 100_000)
    yield "script_escaped", _case(lambda: "<script><!--<script></script>" * 10_000, shown=False)
    yield "textarea_unclosed", _case(lambda: "<textarea>" + "<p>x" * 100_000)
    yield "title_in_body", _case(lambda: "<title>x</title>" * 100_000)
    yield "plaintext", _case(lambda: "<plaintext>" + "<p>x" * 100_000)


def _head() -> Iterator[tuple[str, Case]]:
    yield "metas_100k", _case(str, lambda: _numbered('<meta name="author" content="A{0}">', 100_000))
    yield "metas_refresh", _case(str, lambda: '<meta http-equiv="refresh" content="0;url=//[">' * 1_000)
    yield "canonicals_100k", _case(str, lambda: _numbered('<link rel="canonical" href="//h/{0}/../..">', 100_000))
    yield "base_malformed", _case(str, lambda: '<base href="http://[::1"><link rel=canonical href="//[">')
    yield "title_5mb", _case(str, lambda: f"<title>{'a | b - ' * 600_000}</title>")
    yield (
        "dates_malformed",
        _case(str, lambda: "".join(f'<meta name=date content="{date}">' for date in MALFORMED_DATES)),
    )
    yield "ld_deep_100k", _ld_head(lambda: '{"a":' * 100_000 + "1" + "}" * 100_000)
    yield "ld_arrays_400k", _ld_head(lambda: "[" * 400_000 + "]" * 400_000)
    yield "ld_open_400k", _ld_head(lambda: "[{" * 200_000)
    yield "ld_huge_10mb", _ld_head(lambda: "[" + ",".join(['{"@type":"Article","name":"x"}'] * 300_000) + "]")
    yield "ld_keys_50k", _ld_head(lambda: json.dumps({f"k{number}": [number] for number in range(50_000)}))
    yield "ld_number", _ld_head(lambda: '{"@type":"Article","wordCount":' + "9" * 500_000 + "}")
    yield "ld_exponent", _ld_head(lambda: '{"@type":"Article","wordCount":1e99999,"name":-Infinity,"author":NaN}')
    yield "ld_quotes", _ld_head(lambda: '"a' * 400_000 + "\\")
    yield "ld_broken", _ld_head(lambda: '{"@type":"Article","headline":"a "b" c" // x\n,,,' * 20_000)
    yield "ld_spaces", _ld_head(lambda: '{"a" : "b" ' + " \n" * 400_000)
    yield "ld_slashes", _ld_head(lambda: "/" * 400_000 + "/* " * 100_000)
    yield "ld_escapes", _ld_head(lambda: '{"@type":"Article","headline":"' + "\\ud800\\u0000\\q" * 50_000 + '"}')
    yield "ld_scripts_50k", _case(str, lambda: _json_ld('{"@type":"Article"}') * 50_000)
    yield (
        "ld_types",
        _ld_head(lambda: '{"@type":["Article",{"a":[1]},null],"author":[[{"name":{}}]],"isAccessibleForFree":{}}'),
    )


def _encodings() -> Iterator[tuple[str, Case]]:
    utf8 = page("<p>Søren äß — “quoted” 漢字</p>")
    bare = utf8.replace('<meta charset="utf-8">', "")
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        yield codec.replace("-", "") + "_mark", Case(lambda codec=codec: ("\ufeff" + utf8).encode(codec))  # type: ignore[misc]
        yield codec.replace("-", "") + "_bare", Case(lambda codec=codec: utf8.encode(codec))  # type: ignore[misc]
    yield "utf8_mark", Case(lambda: ("\ufeff" + utf8).encode())
    yield "utf8_invalid", Case(lambda: raw(b"\xff\xfe\xc0\x80\xed\xa0\x80\xf5\x80 \xe2\x82" * 50_000))
    yield "charset_wrong", Case(lambda: utf8.encode(), charset="shift_jis")
    yield "charset_unknown", Case(lambda: utf8.replace("utf-8", "x-klingon").encode(), charset="text/html; charset=x")
    for number, label in enumerate(NOT_CHARSETS):
        name = f"charset_codec_{number}_{''.join(filter(str.isalnum, label))}"
        yield name, Case(lambda label=label: utf8.replace("utf-8", label).encode(), charset=label)  # type: ignore[misc]
    yield "charset_10mb", Case(lambda: utf8.replace("utf-8", "u" * 10_000_000).encode())
    yield "charset_header_10mb", Case(lambda: utf8.encode(), charset="charset" + " " * 10_000_000)
    yield "latin1_undeclared", Case(lambda: bare.encode("latin-1", "replace"))
    yield (
        "random_high_bytes",
        Case(lambda: raw(bytes(range(128, 256)) * 40_000).replace(b'<meta charset="utf-8">', b"")),
    )
    yield "iso2022_escapes", Case(lambda: raw(b"\x1b$B\x1b(B\x1b$" * 100_000).replace(b'"utf-8"', b"iso-2022-jp"))


def _no_pages() -> Iterator[tuple[str, Case]]:
    for name, data in {
        "empty": b"",
        "space": b" \t\r\n" * 1_000,
        "doctype": b"<!DOCTYPE html>",
        "comment": b"<!-- nothing -->",
        "tag_cut": b"<p",
        "end_tag": b"</p>",
        "mark_only": b"\xef\xbb\xbf",
        "nul": b"\0",
        "odd_utf16": b"\xff\xfe<",
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 4_000,
        "pdf": b"%PDF-1.7\n" + bytes(range(256)) * 4_000,
        "noise": bytes(number * number * 2_654_435_761 >> 7 & 255 for number in range(200_000)),
    }.items():
        yield name, Case(lambda data=data: data, shown=False)  # type: ignore[misc]
    yield "gzip", Case(lambda: gzip.compress(article("<p>x" * 100_000), mtime=0), shown=False)
    yield "gzip_bomb", Case(lambda: gzip.compress(bytes(200_000_000), mtime=0), shown=False)


def _entities(declarations: str) -> Case:
    doctype = f"<!DOCTYPE html [{declarations}]>"
    return Case(lambda: page("<p>&x;&y;&lol9;</p>").replace("<!DOCTYPE html>", doctype).encode())


LAUGHS: Final = '<!ENTITY lol0 "lol">' + "".join(
    f'<!ENTITY lol{number} "{f"&lol{number - 1};" * 10}">' for number in range(1, 10)
)
MALFORMED_URLS: Final = (
    *("http://[", "//[::1", "http://[::g]/", "http://a:b:c/", "http://a:99999999/", "http://\u2100.example/"),
    *("javascript:x()", "java\nscript:x()", "\x01javascript:x()", "data:text/html,x", "?" * 5_000, "#" * 5_000),
    *("//", "///", "http:", "%", "%zz", "\ufeff", "..", "/../" * 5_000, "http://a@b@c/", "\\\\server\\share", " "),
)
MALFORMED_DATES: Final = (
    "0000-00-00",
    "9999-99-99T99:99",
    "2024-02-30",
    "Tue, 99 Foo",
    "1" * 5_000,
    "T",
    "-",
    "+99:99",
)

CASES: Final[dict[str, Case]] = {
    name: case for family in (_structure, _attributes, _text, _head, _encodings, _no_pages) for name, case in family()
}
"""All cases by name."""
