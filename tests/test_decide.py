import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.blocks import cut
from classifier.decide import (
    DEFAULT_THRESHOLDS,
    GAP_BLOCKS,
    GAP_LIKELY,
    REPEAT_WORDS,
    best_expected_f1,
    decide,
    repeats,
)
from classifier.labels import AD, CONTENT, LABELS, NAVIGATION, PAYWALL
from classifier.layout import Layout
from classifier.plaintext import read_lines

TEN = "one two three four five six seven eight nine ten"


def layout(*texts):
    return Layout(read_lines("\n".join(texts)))


def certain(*chosen):
    """Label probabilities of a model that is sure."""
    return np.eye(len(LABELS), dtype=np.float32)[list(chosen)]


def decided(texts, main, labels=None, **thresholds):
    main = np.array(main, np.float32)
    labels = certain(*[CONTENT] * len(texts)) if labels is None else labels
    return decide(layout(*texts), labels, main, DEFAULT_THRESHOLDS | thresholds)


# -- labels --------------------------------------------------------------------------------------------------


def test_the_likeliest_label_wins():
    found = decided([TEN] * 4, [1] * 4, certain(PAYWALL, CONTENT, AD, NAVIGATION))
    assert found.labels.tolist() == [PAYWALL, CONTENT, AD, NAVIGATION]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Sponsored Content", AD),
        ("About sponsored content: this text was commissioned by a ministry", AD),
        ("Subscribe to continue reading", PAYWALL),
        ("Sponsored content " + "and then a word " * 5, PAYWALL),
    ],
)
def test_a_short_block_with_the_mark_of_an_ad_is_no_paywall(text, label):
    shares = np.array([[0.1, 0.1, 0.3, 0.5]], np.float32)
    assert decided([text], [0], shares).labels.tolist() == [label]


@pytest.mark.parametrize(("weight", "label"), [(0.99, CONTENT), (1.01, PAYWALL), (0, CONTENT)])
def test_on_both_sides_of_a_labels_weight(weight, label):
    shares = np.array([[0.4, 0.1, 0.1, 0.4]], np.float32)
    assert decided([TEN], [1], shares, weight_paywall=weight).labels.tolist() == [label]


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_every_label_has_its_own_weight(label):
    shares = np.full((1, 4), 0.25, np.float32)
    assert decided([TEN], [1], shares, **{f"weight_{LABELS[label]}": 1.5}).labels.tolist() == [label]


# -- main text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("least", "kept"), [(0.29, [True, True]), (0.31, [True, False])])
def test_on_both_sides_of_the_least_probability(least, kept):
    assert decided([TEN, TEN + " x"], [0.4, 0.3], main_least=least, main_words=1).main.tolist() == kept


@pytest.mark.parametrize(("words", "empty"), [(9.9, False), (10.1, True)])
def test_on_both_sides_of_the_least_words(words, empty):
    found = decided([TEN + " " + TEN], [0.5], main_words=words, main_least=0.1)
    assert found.main.tolist() == [not empty]
    assert found.empty == ("the page holds next to no main text" if empty else None)


def test_a_page_without_text():
    found = decided([], [])
    assert found.empty == "the page holds no text"
    assert found.labels.shape == found.main.shape == found.content.shape == (0,)
    assert found.main.dtype == found.content.dtype == np.bool_


def test_a_page_without_a_likely_block():
    found = decided([TEN] * 5, [0.4] * 5, main_least=0.5, main_words=1)
    assert not found.main.any()
    assert found.empty == "no block is likely enough to be main text"


def test_content_is_what_is_labelled_content_whatever_main_says():
    labels = certain(CONTENT, AD, CONTENT)
    found = decided([TEN, TEN + " a", "byline"], [0.9, 0.01, 0.01], labels, main_words=5)
    assert found.main.tolist() == [True, False, False]
    assert found.content.tolist() == [True, False, True]
    nothing = decided([TEN, TEN + " a", "byline"], [0, 0, 0], labels)
    assert nothing.content.tolist() == [True, False, True]
    assert not nothing.main.any()


# -- repeats -------------------------------------------------------------------------------------------------


def test_a_long_text_is_returned_once():
    found = decided([TEN, "short", TEN.upper(), "short"], [0.9] * 4)
    assert found.main.tolist() == [True, True, False, True]
    assert found.content.tolist() == [True, True, False, True]


@pytest.mark.parametrize("words", [REPEAT_WORDS - 1, REPEAT_WORDS])
def test_on_both_sides_of_the_length_of_repeats(words):
    text = "x " * words
    assert repeats(layout(text, text, text)).tolist() == [False] + [words >= REPEAT_WORDS] * 2


# -- expected F1 ---------------------------------------------------------------------------------------------

BLOCKS = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 60)), min_size=1, max_size=9)


def expected_f1(kept, main, words):
    return 2 * (words * main)[kept].sum() / (words[kept].sum() + (words * main).sum())


@given(BLOCKS.filter(lambda blocks: any(p for p, _ in blocks)))
def test_no_other_choice_has_a_higher_expected_f1(blocks):
    main = np.array([p / 100 for p, _ in blocks])
    words = np.array([w for _, w in blocks], float)
    found = expected_f1(best_expected_f1(main, words), main, words)
    choices = [[bool(mask >> i & 1) for i in range(len(blocks))] for mask in range(1, 1 << len(blocks))]
    assert found == pytest.approx(max(expected_f1(np.array(kept), main, words) for kept in choices))


@given(BLOCKS)
def test_the_likeliest_blocks_are_kept(blocks):
    main = np.array([p / 100 for p, _ in blocks], np.float32)
    words = np.array([w for _, w in blocks], np.float32)
    with np.errstate(all="raise"):
        kept = best_expected_f1(main, words)
    assert kept.any()
    assert not (~kept).any() or main[kept].min() >= main[~kept].max()


def test_a_sure_page_keeps_what_is_likelier_than_half_and_a_doubtful_one_nearly_all():
    words = np.full(6, 10.0)
    assert best_expected_f1(np.array([1, 1, 1, 0, 0.35, 0.55]), words).tolist() == [True] * 3 + [
        False,
        False,
        True,
    ]
    assert best_expected_f1(np.array([0.3, 0.2, 0.1, 0.25, 0.3, 0.2]), words).sum() >= 5


@given(st.lists(st.sampled_from(["a", TEN, TEN + " x", "続" * 30]), max_size=7), st.data())
def test_every_decision_keeps_its_promises(texts, data):
    share = st.floats(0, 1, width=32)
    main = data.draw(st.lists(share, min_size=len(texts), max_size=len(texts)))
    labels = np.array(data.draw(st.lists(st.tuples(*[share] * 4), min_size=len(texts), max_size=len(texts))))
    found = decided(texts, main, labels.reshape(-1, 4).astype(np.float32))
    assert (found.empty is None) == bool(found.main.any())
    assert (found.labels[found.content] == CONTENT).all()
    assert not (found.main & repeats(layout(*texts))).any()
    assert not found.main[np.array(main) < DEFAULT_THRESHOLDS["main_least"] - 1e-6].any()


def test_a_decision_works_on_pages_too():
    x = Layout(cut(f"<p>{TEN}<p>{TEN}"))
    assert decide(x, certain(CONTENT, CONTENT), np.ones(2, np.float32), DEFAULT_THRESHOLDS).main.tolist() == [
        True,
        False,
    ]


# -- gates ---------------------------------------------------------------------------------------------------


def gate_with(*inside, likely=0.2):
    """Labels of a gate's first and last block and of what stands between them."""
    between = np.full((len(inside), 4), (1 - likely) / 6, np.float32)
    between[np.arange(len(inside)), list(inside)] = (1 - likely) * 2 / 3
    between[:, PAYWALL] = likely
    shares = np.concatenate([certain(PAYWALL), between, certain(PAYWALL)])
    texts = [f"text {i}" for i in range(len(shares))]
    return decided(texts, [0] * len(texts), shares).labels.tolist()[1:-1]


def test_a_short_gap_inside_a_gate_is_closed():
    assert gate_with(NAVIGATION) == [PAYWALL]
    assert gate_with(NAVIGATION, AD, NAVIGATION, NAVIGATION) == [PAYWALL] * GAP_BLOCKS


def test_what_is_long_or_content_or_no_gate_at_all_stays():
    assert gate_with(*[NAVIGATION] * (GAP_BLOCKS + 1)) == [NAVIGATION] * (GAP_BLOCKS + 1)
    assert gate_with(NAVIGATION, CONTENT) == [NAVIGATION, CONTENT]
    assert gate_with(NAVIGATION, likely=GAP_LIKELY - 0.01) == [NAVIGATION]
    assert gate_with() == []
