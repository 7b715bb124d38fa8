"""Where links lead: kinds of addresses, their words, and means over the links of a block."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import documents

from classifier.blocks import cut
from classifier.links import MAX_ADDRESS, SHAPES, links_of, site_of

CANONICAL = "<link rel=canonical href='https://www.daily.example/news/harbour-opens'>"


def told(href, head=CANONICAL):
    """Words and shape of one address on a page."""
    found = links_of(cut(f'{head}<p><a href="{href}">text</a>'))
    (words,), (shape,) = found.words.by_text(), found.shapes.tolist()
    return words, dict(zip(SHAPES, shape, strict=True))


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("/abo/plans?utm_source=gate", ["0own", "abo", "plans", "utm", "source", "gate"]),
        ("https://daily.example/login", ["0own", "login"]),
        ("https://Shop.Other.example/Deal", ["0out", "shop", "other", "example", "deal"]),
        ("//ads.other.example/x1", ["0out", "ads", "other", "example", "x1"]),
        ("#comments", ["0here"]),
        ("", ["0here"]),
        ("javascript:openGate()", ["0script"]),
        ("mailto:desk@daily.example", ["0contact"]),
        ("/%C3%A9t%C3%A9", ["0own", "été"]),
    ],
)
def test_words_of_an_address(href, words):
    assert told(href)[0] == words


@pytest.mark.parametrize(
    ("href", "shapes"),
    [
        ("https://other.example/", {"outside"}),
        ("#top", {"fragment"}),
        ("javascript:void(0)", {"script"}),
        ("tel:0123", {"contact"}),
        ("/", {"home"}),
        ("https://daily.example", {"home"}),
        ("/news/harbour-opens/", {"depth", "slug", "here", "beside"}),
        ("/news/", {"depth", "beside"}),
        ("/sport/cup-2026?page=2", {"depth", "slug", "digits", "query"}),
    ],
)
def test_shape_of_an_address(href, shapes):
    assert {name for name, value in told(href)[1].items() if value} == shapes


def test_without_a_canonical_address_the_site_is_the_one_most_links_name():
    many = "".join(f"<a href='https://a.example/{i}'>x</a>" for i in range(3))
    found = links_of(cut(f"{many}<a href='https://b.example'>y</a>"))
    assert [words[0] for words in found.words.by_text()] == ["0own"] * 3 + ["0out"]


def test_where_links_are_relative_a_full_address_leads_elsewhere():
    found = links_of(cut("<a href=/a>x</a><a href=/b>x</a><a href='https://b.example'>y</a>"))
    assert [words[0] for words in found.words.by_text()] == ["0own", "0own", "0out"]


def test_addresses_are_told_once_and_means_are_over_links():
    page = cut("<p><a href=/a>x</a> and <a href='#'>y</a><p>none<p><a href=/a>z</a>")
    found = links_of(page)
    assert (found.blocks.tolist(), found.targets.tolist()) == ([0, 0, 2], [0, 1, 0])
    means = found.means(np.array([[4.0], [8.0]], np.float32), len(page))
    assert means.tolist() == [[6], [0], [4]]


def test_a_link_around_blocks_belongs_to_each():
    assert links_of(cut("<a href=/a><p>one<p>two</a><p>three")).blocks.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com.au", "example.com.au"),
        ("user@www.example.org:8080", "example.org"),
        ("zeit.de", "zeit.de"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_site_of_a_host(host, site):
    assert site_of(host) == site


@given(st.text(max_size=2 * MAX_ADDRESS))
def test_no_address_is_refused(href):
    page = cut("<p><a href='/x'>text</a>")
    page.hrefs.update(dict.fromkeys(page.hrefs, href))
    found = links_of(page)
    assert np.isfinite(found.shapes).all() and found.words.counts[0] >= 1


@given(documents(list("ab")))
def test_blocks_of_links_ascend(source):
    page = cut(source)
    blocks = links_of(page).blocks
    assert (np.diff(blocks) >= 0).all() and (blocks < len(page)).all()
