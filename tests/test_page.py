import pytest
from hypothesis import given, settings
from lxml import html as lxml_html
from strategies import documents

from classifier.blocks import cut
from classifier.page import Page

PAGE = "<html><body><div><p>a</p><p>b</p></div><div><ul><li>c<li>d</ul></div></body></html>"


def test_length_is_the_number_of_blocks():
    assert len(cut(PAGE)) == 4
    assert len(cut("")) == 0


def test_ancestors_go_up_to_html():
    page = cut(PAGE)
    assert [page.tags[i] for i in page.ancestors(page.elements[2])] == ["li", "ul", "div", "body", "html"]
    assert list(page.ancestors(0)) == []


def test_positions_count_siblings_of_the_same_tag():
    page = cut("<body><p>a<div>b</div><p>c<p>d")
    assert [page.positions[i] for i in page.elements] == [1, 1, 2, 3]


@pytest.mark.parametrize(
    ("block", "path"),
    [
        (0, "/html[1]/body[1]/div[1]/p[1]"),
        (1, "/html[1]/body[1]/div[1]/p[2]"),
        (3, "/html[1]/body[1]/div[2]/ul[1]/li[2]"),
    ],
)
def test_xpath(block, path):
    page = cut(PAGE)
    assert page.xpath(page.elements[block]) == path


def _own_tree(page: Page, source: str) -> None:
    tree = lxml_html.document_fromstring(source)
    for block, text in enumerate(page.texts):
        [element] = tree.xpath(page.xpath(page.elements[block]))
        assert set("".join(text.split())) <= set("".join(element.itertext()))


@given(documents())
@settings(max_examples=60, deadline=None)
def test_an_xpath_leads_to_the_one_element_that_holds_the_text(source):
    _own_tree(cut(source), source)


def test_the_xpath_of_every_block_leads_to_its_text_on_the_shipped_pages(shipped_pages):
    assert shipped_pages
    for path in shipped_pages[:6]:
        source = path.read_text("utf-8")
        page = cut(source)
        tree = lxml_html.document_fromstring(source.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
        for block, text in enumerate(page.texts):
            found = tree.xpath(page.xpath(page.elements[block]))
            assert len(found) == 1
            assert text.split()[0] in " ".join(found[0].itertext())
