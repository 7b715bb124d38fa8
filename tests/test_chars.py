import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.chars import (
    CHAR_CLASSES,
    CJK,
    COMMA,
    DIGIT,
    LOWER,
    MAX_OPENERS,
    MONEY,
    OPENERS,
    OTHER,
    QUOTE,
    SPACE,
    STOP,
    SYMBOL,
    UPPER,
    count_chars,
)


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("aéßжאع", LOWER),
        ("AÉЖ", UPPER),
        ("0٣", DIGIT),
        (" \t\n\u00a0\u3000", SPACE),
        (".!?…。؟।", STOP),
        (",;:、،", COMMA),
        ("续続가かカ", CJK),
        ("$€%", MONEY),
        ("\"'«“「", QUOTE),
        ("-–_/@#", OTHER),
        ("*+→\U0001f600\U0001f1e9", SYMBOL),
    ],
)
def test_character_classes(characters, kind):
    expected = np.zeros(len(CHAR_CLASSES))
    expected[LOWER] = 2
    expected[kind] += len(characters)
    assert count_chars([f"x{characters}x"]).counts.tolist() == [expected.tolist()]


@given(st.lists(st.text(min_size=1)))
def test_every_character_is_counted_once_and_openers_are_where_they_stand(texts):
    found = count_chars(texts)
    assert found.counts.sum(axis=1).tolist() == [*map(len, texts)]
    assert found.ending.tolist() == [ord(text[-1]) for text in texts]
    assert found.breaks.tolist() == [text.count("\n") for text in texts]
    assert found.addresses.tolist() == [text.count("@") for text in texts]
    places = [[i, at] for i, text in enumerate(texts) for at, char in enumerate(text) if char in OPENERS]
    assert found.openers.tolist() == places


def test_ends_and_glue_by_hand():
    found = count_chars(["TitleChevron", "Bar", "wait..", "..", "no."])
    assert found.glued.tolist() == [1, 1, 0, 0, 0]
    assert found.dotted.tolist() == [False, False, True, False, False]
    assert found.first.tolist() == [UPPER, UPPER, LOWER, STOP, LOWER]
    assert found.last.tolist() == [LOWER, LOWER, STOP, STOP, STOP]


def test_no_texts_have_no_characters():
    assert [len(part) for part in count_chars([])] == [0] * 9


def test_placeholders_are_looked_for_at_so_many_places_and_no_more():
    assert len(count_chars(["<" * MAX_OPENERS + "[["]).openers) == MAX_OPENERS
