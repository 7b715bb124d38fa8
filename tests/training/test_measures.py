"""The measures agree with what the corpora's authors define, on cases small enough to count by hand."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.labels import AD, CONTENT, LABELS, NAVIGATION, PAYWALL
from training.measures import (
    NONE,
    Counts,
    by_group,
    label_scores,
    lay_labels,
    mean_f1,
    paragraph_scores,
    snippet_counts,
    word_scores,
)

TEXTS = st.text(st.sampled_from("ab c"), max_size=12)


def test_word_scores_count_a_word_as_often_as_both_sides_have_it() -> None:
    scores = word_scores("Tea tea tea milk", "tea TEA sugar")
    assert scores.precision == 2 / 4
    assert scores.recall == 2 / 3
    assert scores.f1 == pytest.approx(4 / 7)


@pytest.mark.parametrize(("predicted", "f1"), [("", 1.0), ("tea", 0.0), (" … ", 1.0)])
def test_an_empty_truth_wants_an_empty_prediction(predicted: str, f1: float) -> None:
    assert word_scores(predicted, "").f1 == f1


def test_an_empty_prediction_of_a_text_scores_nothing() -> None:
    assert word_scores("", "tea") == (0.0, 0.0, 0.0)


@given(TEXTS, TEXTS)
def test_word_scores_are_symmetric_shares(one: str, other: str) -> None:
    scores, swapped = word_scores(one, other), word_scores(other, one)
    assert 0 <= scores.f1 <= 1
    assert scores.f1 == swapped.f1
    assert (scores.precision, scores.recall) == (swapped.recall, swapped.precision)
    assert word_scores(one, one).f1 == 1


def test_by_group_takes_the_mean_of_each_group() -> None:
    scores = [word_scores("a", "a"), word_scores("a", "b"), word_scores("b", "b")]
    assert by_group(["article", "article", "forum"], scores) == {"article": (0.5, 2), "forum": (1.0, 1)}
    assert mean_f1(scores) == pytest.approx(2 / 3)
    assert mean_f1([]) == 0


def test_snippet_counts_add_up_over_pages() -> None:
    first = snippet_counts("One fine day. Menu", ["fine day", "bad day"], ["Menu"])
    second = snippet_counts("Another", ["Another"], ["Login", "Share"])
    assert first + second == Counts(kept=2, lost=1, let_in=1, kept_out=2)
    assert (first + second).scores == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert Counts().scores.f1 == 0


def test_snippets_are_matched_verbatim() -> None:
    assert snippet_counts("One\nfine day", ["One fine"], []).kept == 0


def test_paragraphs_are_whole_only_word_by_word() -> None:
    output = "Heading\nIt rains cats,\nand dogs. He said"
    scores = paragraph_scores(output, ["It rains cats and dogs!", "He sai"])
    assert scores.whole == 0.5
    assert scores.words.recall == 6 / 7
    assert scores.words.precision == 6 / 8
    assert scores.beside == scores.words


def test_headings_beside_the_paragraphs_count_neither_way() -> None:
    output = "Heading\nRain rain\nShare"
    found = paragraph_scores(output, ["Rain"], beside="heading summary rain")
    assert found.words.precision == 1 / 4
    assert found.beside.precision == 1 / 2  # one rain is wanted, the heading and the other rain are neutral
    assert found.beside.recall == 1


def test_each_word_of_a_segment_votes_for_the_label_of_its_block() -> None:
    votes = lay_labels(["one two three", "four", "—"], ["one two", "three"], [CONTENT, AD])
    assert votes.tolist() == [[2, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]


def test_text_left_out_is_right_for_navigation_alone() -> None:
    gold = np.array([NAVIGATION, CONTENT, PAYWALL])
    votes = np.zeros((3, 5), np.int64)
    votes[:, NONE] = 4
    scores = label_scores(gold, votes)
    assert scores.labels[NAVIGATION] == (1.0, 1.0, 1.0)
    assert scores.labels[CONTENT] == scores.labels[PAYWALL] == (0.0, 0.0, 0.0)
    assert scores.support == (1, 1, 0, 1)
    assert scores.macro_f1 == 0.25


def test_words_weigh_a_long_segment_more() -> None:
    gold = np.array([CONTENT, CONTENT])
    votes = np.array([[9, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    assert label_scores(gold, votes).labels[CONTENT].recall == 0.5
    assert label_scores(gold, votes, by_words=True).labels[CONTENT].recall == 0.9


def _score() -> ModuleType:
    path = Path(__file__).parents[3] / "shared" / "gold" / "score.py"
    if not path.is_file():
        pytest.skip(f"no scorer at {path}")
    spec = importlib.util.spec_from_file_location("score", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["score"] = module
    spec.loader.exec_module(module)
    return module


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 40), min_size=1, max_size=9), st.integers(0, 3)), max_size=6),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.sets(st.integers(0, 5)),
)
def test_scores_are_those_of_the_gold_scorer(
    pages: list[tuple[list[int], int]], predicted: list[int], dropped: set[int]
) -> None:
    score = _score()
    # every word is told apart, so that both alignments are the same
    texts = [" ".join(f"w{i}x{word}" for word in sorted(set(words))) for i, (words, _) in enumerate(pages)]
    gold = np.array([label for _, label in pages], np.int64)
    kept = [i for i in range(len(pages)) if i not in dropped]
    votes = lay_labels(texts, [texts[i] for i in kept], [predicted[i] for i in kept])
    segments = [[text, LABELS[label]] for text, label in zip(texts, gold, strict=True)]
    blocks = [{"text": texts[i], "label": LABELS[predicted[i]]} for i in kept]
    rows = list(score.aligned(segments, blocks))
    by_segment = [(label, best, 1) for _, label, best, _, _ in rows]
    by_word = [(label, other, n) for _, label, _, _, counts in rows for other, n in counts.items()]
    for pairs, by_words in ((by_segment, False), (by_word, True)):
        theirs = score.f1s(pairs)
        ours = label_scores(gold, votes, by_words=by_words)
        for label, row, support in zip(LABELS, ours.labels, ours.support, strict=True):
            assert (*row, support) == pytest.approx(theirs[label])
