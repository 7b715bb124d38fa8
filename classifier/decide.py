"""Probabilities into decisions: a label for each block, and which blocks are the main text.

The thresholds come with the model. What the model said stays beside what was decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.labels import CONTENT, LABELS, PAYWALL
from classifier.layout import Floats, Layout, Longs
from classifier.phrasebook import holds_ad_mark

DEFAULT_THRESHOLDS: Final[Mapping[str, float]] = {
    **{f"weight_{label}": 1.0 for label in LABELS},
    "main_power": 1.0,
    "main_least": 0.2,
    "main_words": 15.0,
}
"""``weight_LABEL`` multiplies a label's probability before the largest wins. Probabilities of main text are raised to
``main_power`` before the page's best blocks are chosen; ``main_least`` is that below which no block is main text; a
page that is expected to hold fewer than ``main_words`` words of it holds none."""

MARK_WORDS: Final = 16
MARK_SURE: Final = 0.8

GAP_BLOCKS: Final = 4
GAP_LIKELY: Final = 0.15
"""So many blocks or fewer that stand between two of a gate belong to it, if each is a gate with this probability and
none was taken for content."""

_LEAST: Final = np.float32(1e-9)

REPEAT_WORDS: Final = 8
"""A block of so many words that stands a second time is returned once."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided for the ``m`` blocks of a page."""

    labels: Longs
    """(m) index into ``LABELS``"""
    shares: Floats
    """(m, 4) the probabilities at the balance of labels that was decided at: what the verdict on access goes by"""
    main: npt.NDArray[np.bool_]
    """(m) is it returned as main text?"""
    content: npt.NDArray[np.bool_]
    """(m) is it returned when all content is asked for?"""
    empty: str | None
    """Why no main text is returned; None if there is some."""


def decide(x: Layout, labels: Floats, main: Floats, thresholds: Mapping[str, float]) -> Decision:
    """Decide on label probabilities (m, 4) and main probabilities (m)."""
    shares = balanced(labels, thresholds)
    chosen = _with_gaps_closed(labels, _without_marks(x, labels, shares))
    words = np.maximum(x.size, 0.5)
    expected = float((words * main).sum())
    fresh = ~repeats(x)
    if not len(main):
        return Decision(chosen, shares, fresh, fresh, "the page holds no text")
    if expected < thresholds["main_words"]:
        nothing = np.zeros(len(main), np.bool_)
        return Decision(chosen, shares, nothing, fresh & (chosen == 0), "the page holds next to no main text")
    likely = main >= thresholds["main_least"]
    kept = best_expected_f1(main ** np.float32(thresholds["main_power"]), words) & likely & fresh
    empty = None if kept.any() else "no block is likely enough to be main text"
    return Decision(chosen, shares, kept, fresh & (chosen == 0), empty)


def balanced(labels: Floats, thresholds: Mapping[str, float]) -> Floats:
    """(m, 4) probabilities with the weights of their labels, of sum 1.

    The model learns mostly from pages without gates; the weights are chosen on pages where gates are not rare. The
    verdict on access goes by these: F1 of "not open" .633, by the calibrated probabilities .597 (one network, folds).

    >>> balanced(np.array([[0.6, 0, 0, 0.4]]), DEFAULT_THRESHOLDS | {"weight_paywall": 3.0}).round(2)
    array([[0.33, 0.  , 0.  , 0.67]], dtype=float32)
    """
    weighed = labels * np.array([thresholds[f"weight_{label}"] for label in LABELS], np.float32)
    return np.asarray(weighed / np.maximum(weighed.sum(axis=1, keepdims=True), _LEAST), np.float32)


def _without_marks(x: Layout, labels: Floats, shares: Floats) -> Longs:
    """(m) the label of the largest share, but a short block that bears the mark of an advertisement is no paywall
    unless the model is sure of it.

    The mark of a sponsored box beside a gate drowns in the gate's words. Of 567 segments of the gold set with at most
    ``MARK_WORDS`` words and an ad phrase one is paywall.
    """
    chosen: Longs = shares.argmax(axis=1)
    doubtful = (chosen == PAYWALL) & (labels[:, PAYWALL] < MARK_SURE) & (x.word_counts <= MARK_WORDS)
    for block in np.flatnonzero(doubtful).tolist():
        if holds_ad_mark(x.words[block]):
            chosen[block] = np.delete(shares[block], PAYWALL).argmax()
    return chosen


def _with_gaps_closed(labels: Floats, chosen: Longs) -> Longs:
    """(m) the labels, with short gaps inside a gate closed: an offer's price or date looks like nothing by itself."""
    gates = np.flatnonzero(chosen == PAYWALL)
    for before, after in pairwise(gates.tolist()):
        gap = slice(before + 1, after)
        short = 1 < after - before <= GAP_BLOCKS + 1
        if short and (labels[gap, PAYWALL] >= GAP_LIKELY).all() and (chosen[gap] != CONTENT).all():
            chosen[gap] = PAYWALL
    return chosen


def best_expected_f1(main: Floats, words: Floats) -> npt.NDArray[np.bool_]:
    """(m) the likeliest blocks, as many as make the expected word-F1 of the page largest.

    With blocks taken in order of their probability p, F1 is expected at 2 Σ w p / (Σ w + W), where W is the expected
    length of the main text. On a page of which the model is sure this is a threshold of .5; on one where all is
    doubtful it keeps more.
    """
    order = np.argsort(-main, kind="stable")
    gained = np.cumsum((words * main)[order])
    score = 2 * gained / (np.cumsum(words[order]) + gained[-1])
    kept = np.zeros(len(main), np.bool_)
    kept[order[: int(score.argmax()) + 1]] = True
    return kept


def repeats(x: Layout) -> npt.NDArray[np.bool_]:
    """(m) does the block repeat an earlier one of some length?"""
    return (x.repeats[1] > 0) & (x.size >= REPEAT_WORDS)
