import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.words import WordTable, bag_sums, hashes, split_name, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n…—!", []),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("snake_case is_two", ["snake", "case", "is", "two"]),
        ("l'été 2024", ["l", "été", "2024"]),
        ("続きを読む abc", ["続", "き", "を", "読", "む", "abc"]),
        ("iPhone15を買う", ["iphone15", "を", "買", "う"]),
        ("구독하기", ["구", "독", "하", "기"]),
        ("читать далее", ["читать", "далее"]),
        ("a\ud800b", ["a", "b"]),
    ],
)
def test_words(text, words):
    assert split_words([text]) == [words]


def test_without_cjk_a_run_stays_whole():
    assert split_words(["続き abc"], cjk=False) == [["続き", "abc"]]


@given(st.lists(st.text(st.characters(max_codepoint=0x3000))))
def test_cjk_makes_no_difference_where_there_is_none(texts):
    assert split_words(texts, cjk=False) == split_words(texts)


@given(st.text())
def test_words_hold_every_letter_and_digit_in_order(text):
    [words] = split_words([text])
    assert "".join(words) == "".join(c for c in text.casefold() if c.isalnum())


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("", []),
        ("c-paywall-notice articleBody2", ["c", "paywall", "notice", "article", "body"]),
        ("sharing widget", ["sharing", "widget"]),
        ("XMLReader", ["xml", "reader"]),
        ("innerHTML", ["inner", "html"]),
        ("AdBox", ["ad", "box"]),
        ("shadow header loading", ["shadow", "header", "loading"]),
        ("post__title--large", ["post", "title", "large"]),
        ("h1 col-md-12", ["h", "col", "md"]),
        ("статья-текст", ["статья", "текст"]),
    ],
)
def test_names(name, tokens):
    assert split_name(name) == tokens


@given(st.text(st.sampled_from("abAB-_ 12"), max_size=30))
def test_tokens_hold_every_letter_of_a_name(name):
    assert "".join(split_name(name)) == "".join(c for c in name.lower() if c.isalpha())


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 99)), st.lists(st.text(max_size=3)))
def test_a_table_finds_what_a_dictionary_finds(numbers, words):
    words += list(numbers)
    assert WordTable(numbers)[hashes(words)].tolist() == [numbers.get(word, 0) for word in words]


def test_equal_bytes_of_other_widths_are_other_words():
    words = [*"2欲", "2k", "4x", "破"]
    assert len({*hashes(words).tolist()}) == len(words)
    assert WordTable({"2k": 1})[hashes(words)].tolist() == [0, 0, 1, 0, 0]


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1))
def test_bag_sums_are_sums_of_rows(bags):
    weights = np.random.default_rng(1).normal(size=(10, 3)).astype(np.float32)
    naive = np.array([weights[bag].sum(axis=0) if bag else np.zeros(3) for bag in bags])
    ids = np.array([each for bag in bags for each in bag], np.int64)
    found = bag_sums(weights, ids, np.array([*map(len, bags)], np.int64))
    np.testing.assert_allclose(found, naive, rtol=1e-4, atol=1e-5)
