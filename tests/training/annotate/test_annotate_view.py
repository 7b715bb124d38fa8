"""The rebuild of a page shows all of its text and holds nothing that acts."""

import re
from html.parser import HTMLParser

import attacks
import pytest
from hypothesis import given, settings
from strategies import documents

from classifier.blocks import cut
from classifier.decode import decode
from training.annotate.view import COLOURS, _Rebuild, coloured, rebuild

PARENT = "http://127.0.0.1:1/"
ATTRIBUTES = set(
    "align alt bgcolor border cellpadding cellspacing class color colspan dir face height hidden id lang rowspan size start"
    " style type valign width charset nonce tabindex target href title open src".split()
)


class Reader(HTMLParser):
    """What a document holds, by another parser than the one that cut it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.links, self.sources = set(), set(), [], []
        self.pieces = {}
        self.current = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.add(tag)
        self.attributes |= found.keys()
        if "src" in found:
            self.sources.append(found["src"])
        if tag == "a":
            self.links.append((found["href"], found["target"]))
            self.current = int(re.fullmatch(r"pagesieve-block pagesieve-(\d+)", found["class"])[1])

    def handle_endtag(self, tag):
        if tag == "a":
            self.current = None

    def handle_data(self, data):
        if self.current is not None:
            self.pieces[self.current] = self.pieces.get(self.current, "") + "".join(data.split())


def check(html):
    page = cut(html)
    found = Reader(coloured(rebuild(html, page), ["ad"] * len(page), PARENT))
    assert not found.tags & set("script iframe object embed link base form input button svg math video template".split())
    assert found.attributes <= ATTRIBUTES
    assert all(source.startswith("data:image/") for source in found.sources)
    assert all(target == "_parent" and re.fullmatch(re.escape(PARENT) + r"#b=\d+", to) for to, target in found.links)
    return page, found


def squeezed(texts):
    return {i: "".join(text.split()) for i, text in enumerate(texts)}


def test_every_block_of_the_pages_that_ship_is_marked_with_its_text(shipped_pages):
    for path in shipped_pages:
        page, found = check(decode(path.read_bytes(), None).text)
        assert found.pieces == squeezed(page.texts), path.name


def test_hostile_pages_keep_their_text_and_nothing_that_acts():
    page, found = check(attacks.page())
    assert found.pieces == squeezed(text.replace("\ufdd0", "").replace("\ufdd1", "") for text in page.texts)
    # addresses in styles stay, and the frame's policy stops them; there are none anywhere else
    shown = re.sub(r'<style>.*?</style>| style="[^"]*"', "", rebuild(attacks.page(), page), flags=re.DOTALL)
    assert "canary" not in shown


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_each_attack_alone(attack):
    _, found = check("<p>Before.</p>" + attack.format(canary="http://canary.invalid"))
    assert found.pieces[0] == "Before."


def test_naughty_strings_are_text_and_attributes_at_most():
    for string in attacks.naughty_strings():
        check(f"<p>{string}</p><p class='{string}' style=\"{string}\">x</p><img alt='{string}'>")


@settings(max_examples=200, deadline=None)
@given(documents())
def test_whatever_the_page_all_blocks_are_marked(html):
    page, found = check(html)
    assert found.pieces == squeezed(page.texts)


def test_a_style_sheet_cannot_end_its_element():
    html = "<style>p{color:red}</style><p>x</p>"
    page = cut(html)
    target = _Rebuild(page)  # libxml2 ends a style at its first end tag; what any parser hands over is escaped
    target.start("style", {})
    target.data("a{} </style><script>1</script>")
    target.end("style")
    assert "</style><script>" not in target.document()


def test_blocks_have_the_colours_of_their_labels_and_our_sheet_the_nonce():
    html = "<p>One<p>Two<p>Three"
    shown = coloured(rebuild(html, cut(html)), ["content", "ad", "content"], PARENT, "n0nce")
    assert f".pagesieve-0,.pagesieve-2{{--pagesieve-tint:{COLOURS['content'][0]}" in shown
    assert f".pagesieve-1{{--pagesieve-tint:{COLOURS['ad'][0]}" in shown
    assert shown.count('<style nonce="n0nce">') == 1
    assert "\ufdd0" not in shown


def test_looks_are_kept_and_images_are_boxes_unless_they_bring_their_data():
    data = "data:image/png;base64,iVBORw0KGgo="
    html = (
        f"<style>.a{{color:red}}</style><body bgcolor=#fff><div class=a style='width:5px' onclick=x>t</div>"
        f"<img src='{data}'><img src='http://x.example/a.png' alt='A boat' width=20 height=9999>"
        "<img src='data:image/svg+xml;base64,AAAA'><details><summary>s</summary>hidden</details>"
    )
    shown = rebuild(html, cut(html))
    assert '<div class="a" style="width:5px">' in shown
    assert ".a{color:red}" in shown
    assert '<body bgcolor="#fff">' in shown
    assert shown.count("<img") == 1 and f'<img src="{data}">' in shown
    assert 'style="width:20px;height:160px" title="A boat">A boat</span>' in shown
    assert "<details open>" in shown


def test_deep_pages_are_rebuilt_in_time_and_keep_their_text():
    html = "<div>" * 3000 + "deep" + "</div>" * 3000 + "<p>after"
    _, found = check(html)
    assert found.pieces == {0: "deep", 1: "after"}
