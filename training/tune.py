"""Out-of-fold predictions into the calibration and the thresholds that a model carries.

Whoever reports a figure tunes on other folds than those that the figure is of: ``tune`` takes the samples to use.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from classifier.decide import DEFAULT_THRESHOLDS, decide
from classifier.labels import LABELS, NAVIGATION
from classifier.layout import Floats, Longs
from classifier.model import Calibration, softmax
from training.fit import Predictions
from training.samples import UNKNOWN, Sample

WEIGHTS: Final = (0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0)
"""Factors tried for the probability of each label but navigation, which stays at 1."""

MAIN_POWER: Final = (1.0, 1.15, 1.3, 1.5)
MAIN_LEAST: Final = (0.1, 0.2, 0.3)
MAIN_WORDS: Final = (4.0, 8.0, 15.0, 25.0)
"""Values tried for the thresholds of the main text."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """The calibration of the logits, and thresholds for :func:`classifier.decide.decide`."""

    calibration: Calibration
    thresholds: Mapping[str, float]


def tune(predictions: Predictions, chosen: npt.NDArray[np.bool_]) -> Tuned:
    """Calibrate and choose thresholds on the chosen samples (samples)."""
    stack = predictions.stack
    chosen = chosen & stack.real
    rows = chosen[stack.bags.owners]
    labels, main = stack.bags.labels, stack.bags.main
    labelled = rows & (labels != UNKNOWN)
    # gold alone sets the balance of the labels: the pages of corpora were picked by other rules and hold few gates
    gold = labelled & np.array([sample.corpus == "gold" for sample in stack.samples])[stack.bags.owners]
    slope = _temperature(predictions.label_logits[labelled], labels[labelled])
    with_main = rows & (main != UNKNOWN)
    main_slope, main_offset = _line(predictions.main_logits[with_main], main[with_main] >= 0.5)
    calibration = Calibration(slope, main_slope, main_offset)
    weights = _label_weights(calibration.label_probabilities(predictions.label_logits[gold]), labels[gold])
    shares = list(stack.per_sample(calibration.main_probabilities(predictions.main_logits)))
    pages = [(stack.samples[i], shares[i]) for i in np.flatnonzero(chosen).tolist() if _is_whole(stack.samples[i])]
    return Tuned(calibration, {**DEFAULT_THRESHOLDS, **weights, **_main_thresholds(pages)})


def _temperature(logits: Floats, labels: Longs) -> float:
    """The slope that makes the labels' log-likelihood largest."""
    if not len(labels):
        return 1.0

    def loss(slope: float) -> float:
        shares = softmax(logits * np.float32(slope))
        return float(-np.log(shares[np.arange(len(labels)), labels] + 1e-9).mean())

    return float(minimize_scalar(loss, bounds=(0.1, 3.0), method="bounded").x)


def _line(logits: Floats, truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logistic regression of the truth on its logit (Platt 1999)."""
    if len(np.unique(truth)) < 2:
        return 1.0, 0.0
    fitted = LogisticRegression(C=1e6).fit(logits[:, None], truth)
    return max(float(fitted.coef_[0, 0]), 0.05), float(fitted.intercept_[0])


def macro_f1(labels: Longs, found: Longs) -> float:
    """Mean F1 of the four labels."""
    table = np.bincount(labels * len(LABELS) + found, minlength=len(LABELS) ** 2).reshape(len(LABELS), -1)
    right = np.diag(table)
    return float(np.mean(2 * right / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1)))


def _label_weights(shares: Floats, labels: Longs) -> dict[str, float]:
    """Factors that make macro-F1 largest, one label at a time, twice around."""
    weights = np.ones(len(LABELS), np.float32)
    if not len(labels):
        return {}
    for _, label in product(range(2), range(len(LABELS))):
        if label == NAVIGATION:
            continue
        scores = []
        for weight in WEIGHTS:
            weights[label] = weight
            scores.append(macro_f1(labels, (shares * weights).argmax(axis=1)))
        weights[label] = WEIGHTS[int(np.argmax(scores))]
    return {f"weight_{name}": round(float(w), 3) for name, w in zip(LABELS, weights, strict=True)}


def _is_whole(sample: Sample) -> bool:
    """Does the truth say of most blocks whether they are main text?"""
    return float((sample.main != UNKNOWN).mean()) > 0.5


def _main_thresholds(pages: list[tuple[Sample, Floats]]) -> dict[str, float]:
    """Thresholds that make the mean word-F1 of the pages largest."""
    if not pages:
        return {}
    names, grids = ("main_power", "main_least", "main_words"), (MAIN_POWER, MAIN_LEAST, MAIN_WORDS)
    trials = [dict(zip(names, trial, strict=True)) for trial in product(*grids)]
    return max(trials, key=lambda trial: mean_f1((*page, {**DEFAULT_THRESHOLDS, **trial}) for page in pages))


def mean_f1(pages: Iterable[tuple[Sample, Floats, Mapping[str, float]]]) -> float:
    """Mean F1 over the words of pages, by the lengths of their blocks: probabilities of main text, thresholds."""
    return float(np.mean([_word_f1(sample, shares, thresholds) for sample, shares, thresholds in pages]))


def _word_f1(sample: Sample, shares: Floats, thresholds: Mapping[str, float]) -> float:
    """F1 over words, by the lengths of the blocks."""
    x = sample.layout
    kept = decide(x, np.zeros((len(shares), len(LABELS)), np.float32), shares, thresholds).main
    truth = x.size * np.maximum(sample.main, 0)
    if not truth.any():
        return float(not kept.any())
    return float(2 * truth[kept].sum() / float(x.size[kept].sum() + truth.sum()))
