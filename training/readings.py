"""Out-of-fold predictions into what a finished model says of each page whose site it never saw.

Calibration, thresholds and the coefficients of the access verdict are those fitted on the other folds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from classifier import extraction
from classifier.access import Access, gather, judge
from classifier.decide import DEFAULT_THRESHOLDS, Decision, decide
from classifier.layout import Floats
from classifier.model import Calibration
from training.fit import Predictions
from training.fit_access import AccessRow, fit_access
from training.gold import GoldPage
from training.samples import Sample
from training.tune import Tuned, tune

Key = tuple[str, str]
"""Source and id of a page."""

UNTUNED: Final = Tuned(Calibration(), DEFAULT_THRESHOLDS)


@dataclass(frozen=True, eq=False)
class Reading:
    """One page by a model that never saw its site; ``m`` blocks."""

    sample: Sample
    fold: int
    labels: Floats
    """(m, 4) calibrated probabilities"""
    main: Floats
    """(m)"""
    decision: Decision

    @property
    def key(self) -> Key:
        """As a page's source and id."""
        return self.sample.source, self.sample.id

    @cached_property
    def text(self) -> str:
        """The extracted main text."""
        return extraction.text(self.sample.page, self.decision.main)


def tune_folds(predictions: Predictions) -> list[Tuned]:
    """For each fold, what is tuned on all others."""
    folds = predictions.stack.folds
    return [tune(predictions, folds != fold) for fold in range(int(folds.max()) + 1)]


def readings(predictions: Predictions, tuned_by_fold: Sequence[Tuned] | None = None) -> Iterator[Reading]:
    """A reading of each sample. ``tuned_by_fold[i]`` is tuned without fold ``i``; None leaves all untuned.

    :raises ValueError: if a fold has no tuning.
    """
    stack = predictions.stack
    count = int(stack.folds.max()) + 1
    tuned = [UNTUNED] * count if tuned_by_fold is None else tuned_by_fold
    if len(tuned) < count:
        raise ValueError(f"{count} folds but {len(tuned)} tunings; give one for each fold (tune_folds).")
    labels, main = stack.per_sample(predictions.label_logits), stack.per_sample(predictions.main_logits)
    for sample, fold, label, share in zip(stack.samples, stack.folds.tolist(), labels, main, strict=True):
        calibration = tuned[fold].calibration
        shares = calibration.label_probabilities(label), calibration.main_probabilities(share)
        decision = decide(sample.layout, *shares, tuned[fold].thresholds)
        yield Reading(sample, fold, *shares, decision)


def verdicts(found: Iterable[Reading], golds: Iterable[GoldPage]) -> dict[Key, Access]:
    """Access verdict of each labelled page of known level, by coefficients fitted on other folds."""
    levels = {(page.source, page.id): page for page in golds if page.access != "unsure"}
    seen = [reading for reading in found if reading.key in levels]
    rows = [_row(reading, levels[reading.key]) for reading in seen]
    folds = np.array([reading.fold for reading in seen], np.int64)
    given: dict[Key, Access] = {}
    for fold in np.unique(folds).tolist():
        others = [row for row, place in zip(rows, folds, strict=True) if place != fold]
        coefficients = fit_access(others) if others else None
        for index in np.flatnonzero(folds == fold).tolist():
            given[seen[index].key] = judge(rows[index].observed, coefficients)
    return given


def _row(reading: Reading, page: GoldPage) -> AccessRow:
    assert page.access != "unsure"
    sample = reading.sample
    observed = gather(sample.page, reading.decision.shares, reading.main, url=page.url, layout=sample.layout)
    return AccessRow(observed, page.access, sample.site, sample.id)
