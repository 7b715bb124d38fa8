"""The measures as formulas over totals that add up over pages: totals (..., k) into figures (...).
A figure of which the totals hold nothing (the F1 of a label that no segment has) is NaN.

What is counted on a page stands in :mod:`training.evaluate`; single figures of the same measures, with their
definitions, in :mod:`training.measures`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np

from classifier.labels import LABELS, NAVIGATION
from training.bootstrap import Floats, Formula
from training.measures import NONE

BINS: Final = 15
"""Equal-width bins of a reliability curve."""
LEVELS: Final = ("open", "metered", "gated")


def ratio(part: Floats, whole: Floats, otherwise: float = 0.0) -> Floats:
    """``part / whole``, and ``otherwise`` where there is no whole."""
    out: Floats = np.full(np.broadcast(part, whole).shape, otherwise)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def means(*names: str) -> dict[str, Formula]:
    """Means over pages, of counts whose columns are the named sums and then the number of pages."""
    return {name: partial(_mean, column) for column, name in enumerate(names)}


def _mean(column: int, totals: Floats) -> Floats:
    return ratio(totals[..., column], totals[..., -1])


# -- snippets: columns kept, lost, let in --------------------------------------------------------------------


def _snippet_precision(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 0] + totals[..., 2])


def _snippet_recall(totals: Floats) -> Floats:
    return ratio(totals[..., 0], totals[..., 0] + totals[..., 1])


def _snippet_f1(totals: Floats) -> Floats:
    return ratio(2 * totals[..., 0], 2 * totals[..., 0] + totals[..., 1] + totals[..., 2])


SNIPPETS: Final[Mapping[str, Formula]] = {
    "precision": _snippet_precision,
    "recall": _snippet_recall,
    "f1": _snippet_f1,
}


# -- labels: a table of gold labels by predicted ones, the last column for none ------------------------------


def label_parts(totals: Floats) -> tuple[Floats, Floats, Floats]:
    """Right, predicted and wanted (..., 4) of a table (..., 4 * 5); none is right for navigation."""
    table = totals.reshape(*totals.shape[:-1], len(LABELS), len(LABELS) + 1)
    right = np.diagonal(table[..., :NONE], axis1=-2, axis2=-1).copy()
    predicted = table[..., :NONE].sum(axis=-2)
    for part in (right, predicted):
        part[..., NAVIGATION] += table[..., NAVIGATION, NONE]
    return right, predicted, table.sum(axis=-1)


def label_formulas(prefix: str) -> dict[str, Formula]:
    """Macro-F1, and F1, precision and recall of each label."""
    found: dict[str, Formula] = {f"{prefix}.macro": macro_f1}
    for index, label in enumerate(LABELS):
        for name, score in (("f1", _label_f1), ("precision", _label_precision), ("recall", _label_recall)):
            found[f"{prefix}.{label}.{name}"] = partial(score, index)
    return found


def macro_f1(totals: Floats) -> Floats:
    """Mean F1 of the labels that the gold holds: a small group of pages may hold no gate."""
    right, predicted, wanted = label_parts(totals)
    scores = ratio(2 * right, predicted + wanted)
    return ratio(scores.sum(axis=-1, where=wanted > 0), (wanted > 0).sum(axis=-1))


def _label_f1(label: int, totals: Floats) -> Floats:
    right, predicted, wanted = label_parts(totals)
    score = ratio(2 * right, predicted + wanted)[..., label]
    return np.where(wanted[..., label] > 0, score, np.nan)


def _label_precision(label: int, totals: Floats) -> Floats:
    right, predicted, _ = label_parts(totals)
    return ratio(right, predicted)[..., label]


def _label_recall(label: int, totals: Floats) -> Floats:
    right, _, wanted = label_parts(totals)
    return ratio(right, wanted, np.nan)[..., label]


# -- access: a table (3 * 3) of true levels by found ones, in the order of LEVELS ----------------------------


def _levels(totals: Floats) -> Floats:
    return totals.reshape(*totals.shape[:-1], len(LEVELS), len(LEVELS))


def _access_precision(totals: Floats) -> Floats:
    """Of the pages called not open, how many are."""
    table = _levels(totals)
    return ratio(table[..., 1:, 1:].sum(axis=(-1, -2)), table[..., 1:].sum(axis=(-1, -2)))


def _access_recall(totals: Floats) -> Floats:
    """Of the pages not open, how many are called so."""
    table = _levels(totals)
    return ratio(table[..., 1:, 1:].sum(axis=(-1, -2)), table[..., 1:, :].sum(axis=(-1, -2)), np.nan)


def _access_f1(totals: Floats) -> Floats:
    table = _levels(totals)
    both, shut = table[..., 1:, 1:].sum(axis=(-1, -2)), table[..., 1:, :].sum(axis=(-1, -2))
    return np.where(shut > 0, ratio(2 * both, table[..., 1:].sum(axis=(-1, -2)) + shut), np.nan)


def _access_kind(totals: Floats) -> Floats:
    """Gated against metered: accuracy over the pages rightly found not open."""
    table = _levels(totals)[..., 1:, 1:]
    return ratio(np.trace(table, axis1=-2, axis2=-1), table.sum(axis=(-1, -2)), np.nan)


def _false_alarms(totals: Floats) -> Floats:
    """Share of the open pages that are called not open."""
    table = _levels(totals)
    return ratio(table[..., 0, 1:].sum(axis=-1), table[..., 0, :].sum(axis=-1), np.nan)


ACCESS: Final[Mapping[str, Formula]] = {
    "f1": _access_f1,
    "precision": _access_precision,
    "recall": _access_recall,
    "kind": _access_kind,
    "false_alarms": _false_alarms,
}


# -- calibration: for each bin, blocks, sum of probabilities, sum of truths ----------------------------------


def bin_counts(probabilities: Floats, truth: Floats) -> Floats:
    """(3 * BINS) what falls into each bin of a probability."""
    places = np.minimum((np.asarray(probabilities, np.float64) * BINS).astype(np.int64), BINS - 1)
    parts = (np.ones(len(places)), probabilities, truth)
    return np.concatenate([np.bincount(places, part, minlength=BINS) for part in parts])


def calibration_error(totals: Floats) -> Floats:
    """Expected calibration error: the mean distance of probability and share of truths, weighted by blocks.

    >>> float(calibration_error(bin_counts(np.array([0.9, 0.9]), np.array([1.0, 0.0])))).__round__(3)
    0.4
    """
    blocks, shares, truths = np.moveaxis(totals.reshape(*totals.shape[:-1], 3, BINS), -2, 0)
    return ratio(np.abs(shares - truths).sum(axis=-1), blocks.sum(axis=-1))
