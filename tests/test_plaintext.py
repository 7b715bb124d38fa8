import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.blocks import Limits, cut
from classifier.plaintext import read_lines

LINES = st.text(st.sampled_from(list("ab \t\n\r\x0b\x0c\x1c\u2028\x85é")), max_size=40)


def test_every_line_is_a_block_and_every_group_an_element():
    page = read_lines("one\ntwo\n\n\nthree\n \nfour\nfive")
    assert page.texts == ["one", "two", "three", "four", "five"]
    assert page.elements.tolist() == [3, 3, 4, 5, 5]
    assert page.tags == ["", "html", "body", "p", "p", "p"]
    assert page.first.tolist() == [0, 0, 0, 0, 2, 3]
    assert page.last.tolist() == [5, 5, 5, 2, 3, 5]
    assert page.truncated is None


def test_white_space_is_collapsed():
    assert read_lines("\ta \u00a0 b\r\nc ").texts == ["a b", "c"]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n"])
def test_blank_text_is_an_empty_page(text):
    page = read_lines(text)
    assert (len(page), page.tags, page.last.tolist()) == (0, ["", "html", "body"], [0, 0, 0])


def test_markup_is_text_here():
    assert read_lines("<p>a</p>").texts == ["<p>a</p>"]


def test_lone_surrogates_are_replaced_as_in_pages():
    assert read_lines("a\ud800b").texts == cut("a\ud800b").texts == ["a?b"]


def test_limits():
    words = "\n".join(["abcd"] * 10)
    page = read_lines(words, Limits(max_text=12))
    assert (page.texts, page.truncated) == (["abcd"] * 3, "max_text")
    page = read_lines(words, Limits(max_blocks=4))
    assert (page.texts, page.truncated) == (["abcd"] * 4, "max_blocks")
    page = read_lines(words, Limits(max_text=40, max_blocks=10))
    assert (len(page), page.truncated) == (10, None)


def test_a_limit_never_leaves_an_element_without_blocks():
    page = read_lines("ab\n\ncd", Limits(max_text=2))
    assert page.tags.count("p") == 1


@given(LINES)
def test_no_word_is_lost(text):
    page = read_lines(text)
    assert " ".join(page.texts).split() == text.split()
    assert all(line and line == " ".join(line.split()) for line in page.texts)


@given(LINES)
def test_elements_hold_their_blocks(text):
    page = read_lines(text)
    for block, element in enumerate(page.elements.tolist()):
        for outer in page.ancestors(element):
            assert page.first[outer] <= block < page.last[outer]
    assert (np.diff(page.elements) >= 0).all()
    assert len(page.tags) == len(page.parents) == len(page.names) == len(page.first) == len(page.last)
