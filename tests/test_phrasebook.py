import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifier import lexicon
from classifier.layout import Layout
from classifier.phrasebook import PHRASE_KINDS, book, phrase_hits, word_ids
from classifier.plaintext import read_lines
from classifier.words import split_words


def found_in(page):
    x = Layout(page)
    return phrase_hits(x, word_ids(x))


def hits(text):
    """Kinds of phrases that one block holds, with their number."""
    [row] = found_in(read_lines(text))
    return {kind: int(n) for kind, n in zip(PHRASE_KINDS, row, strict=True) if n}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("gate", "Subscribe to continue reading!"),
        ("gate", "Dieser Artikel ist exklusiv für Abonnenten."),
        ("gate", "3 FREE articles remaining? No: 3 free articles left."),
        ("truncation", "Read more"),
        ("truncation", "Jetzt weiterlesen"),
        ("truncation", "続きを読む"),
        ("ad", "- Advertisement -"),
        ("ad", "WERBUNG"),
        ("ad", "広告"),
        ("consent", "We use cookies, of course"),
        ("consent", "Wir nutzen Cookies"),
        ("consent", "クッキーを使用しています"),
        ("navigation", "Skip to content"),
        ("promo", "Jetzt Newsletter abonnieren"),
        ("related", "Ähnliche Beiträge"),
        ("related", "関連記事"),
        ("share", "Share this"),
        ("legal", "All rights reserved."),
        ("byline", "Written by"),
    ],
)
def test_phrases_by_kind_in_several_languages(kind, text):
    assert hits(text).get(kind, 0) >= 1


@pytest.mark.parametrize(
    "text", ["shareholder", "cookie", "widget", "cookies unused", "read. never more", "4 and 20"]
)
def test_a_phrase_is_made_of_whole_words_side_by_side(text):
    assert hits(text) == {}


def test_a_phrase_does_not_run_over_the_end_of_a_block():
    found = found_in(read_lines("please read\nmore of it"))
    assert not found[:, PHRASE_KINDS.index("truncation")].any()


def test_any_number_stands_for_a_number():
    assert hits("2 free articles left").get("gate")
    assert hits("17 free articles left").get("gate")
    assert "gate" not in hits("two free articles left")


NUMERAL = re.compile("0|[1-9][0-9]{0,3}")


def naive_hits(page):
    """Every phrase tried at every place."""
    found = np.zeros((len(page), len(PHRASE_KINDS)))
    for kind, name in enumerate(PHRASE_KINDS):
        phrases = [phrase for group in lexicon.load_phrases(name).values() for phrase in group]
        for phrase in {tuple(words) for words in split_words(phrases)}:
            for block, words in enumerate(split_words(page.texts)):
                for at in range(len(words) - len(phrase) + 1):
                    pairs = zip(words[at : at + len(phrase)], phrase, strict=True)
                    # any number of a phrase stands for any other: "0 kommentar" and "1 kommentar" are two phrases
                    found[block, kind] += all(a == b or (NUMERAL.fullmatch(a) and NUMERAL.fullmatch(b)) for a, b in pairs)
    return found


SOME_PHRASES = [
    phrase
    for kind in PHRASE_KINDS
    for language in ("en", "de", "ja")
    for phrase in lexicon.load_phrases(kind).get(language, ())[:3]
]


@given(
    st.lists(
        st.sampled_from([*SOME_PHRASES, "the", "7", ".", "の", "\n", "read", "free articles left"]),
        max_size=8,
    )
)
@example(["copyright 0", "kommentar schreiben"])
@settings(max_examples=12, deadline=None)
def test_phrase_hits_equal_a_naive_reference(pieces):
    page = read_lines(" ".join(pieces))
    if len(page):
        assert found_in(page).tolist() == naive_hits(page).tolist()


def test_words_that_the_lexicon_does_not_know_have_no_number():
    x = Layout(read_lines("zzyzx the 7 9999 10000"))
    unknown, the, seven, thousands, many = word_ids(x)
    assert unknown == many == 0
    assert seven == thousands == book().index["0"]
    assert book().stop[the]
    assert not book().stop[[unknown, seven]].any()


def test_a_page_of_no_words_holds_no_phrase():
    assert not found_in(read_lines("!\n?")).any()
    assert found_in(read_lines("")).shape == (0, len(PHRASE_KINDS))


@pytest.mark.parametrize("kind", PHRASE_KINDS)
def test_every_phrase_of_the_lexicon_is_found(kind):
    phrases = [phrase for group in lexicon.load_phrases(kind).values() for phrase in group]
    found = found_in(read_lines("\n".join(phrases)))
    missed = [phrase for phrase, n in zip(phrases, found[:, PHRASE_KINDS.index(kind)], strict=True) if not n]
    assert missed == []
