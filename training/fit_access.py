"""Pages with a known access level into the coefficients of the verdict, and honest figures for them.

Fifty pages that are not open against thirty signals: so the regressions are strongly regularised, and a
signal's weight starts from ``access.PRIOR`` and is never turned against it.

Tried and dropped: regressions that know no prior (F1 .770 against .800 over six seeds of folds, and a worse
balance of gated against metered, .868 against 1.0).

Tried: the 720 annotated corpus pages as lessons too. They hold few gates, and F1 of "not open" on gold was .659 with
them, .706 without (between two trainings that differ in the network's settings as well).
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from classifier.access import PRIOR, SIGNALS, Access, Coefficients, Level, Observed, judge

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
STRENGTH: Final = 0.01
"""``C`` of both regressions: from .001 to .1 the F1 on gold stays within .02."""
TRUST: Final = 5.0
"""How much less than a signal the prior's score is held back."""
MAX_FALSE_ALARMS: Final = 0.03
"""Share of the open pages that the threshold may turn away."""
MIN_PAGES: Final = 5
"""Pages of each kind below which a regression is not fitted and the prior stays."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A page as the verdict sees it, with the truth."""

    observed: Observed
    level: Level
    site: str
    """Registered domain: the group that cross-validation never splits."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class AccessScores:
    """Figures over the pages of all folds."""

    precision: float
    recall: float
    f1: float
    """Of "not open"."""
    false_alarms: float
    """Share of the open pages that are called not open."""
    kind_accuracy: float
    """Gated against metered, over the pages rightly found not open."""
    kind_balanced: float
    """The same, each of the two kinds counting half."""
    wrong: tuple[tuple[str, Level, Access], ...]
    """(id, true level, verdict) of each page that came out wrong."""


def fit_access(rows: Sequence[AccessRow], seed: int = 0) -> Coefficients:
    """Coefficients and thresholds from pages with known levels.

    The threshold of "not open" is the best by F1 among those which turn away at most ``MAX_FALSE_ALARMS`` of
    the open pages, judged by folds of sites. With fewer than ``MIN_PAGES`` pages of a kind the prior's
    weights stay.
    """
    values = np.stack([row.observed.vector for row in rows])
    shut = np.array([row.level != "open" for row in rows])
    gated = np.array([row.level == "gated" for row in rows])
    not_open, kind = PRIOR.not_open, PRIOR.gated
    threshold = PRIOR.not_open_from
    if _enough(shut):
        not_open = _fit(values, shut, PRIOR.not_open, seed)
        threshold = _threshold(_out_of_fold(values, shut, _folds(rows, seed + 1), seed), shut)
    if _enough(gated[shut]):
        kind = _fit(values[shut], gated[shut], PRIOR.gated, seed, balanced=True)
    return Coefficients(not_open, kind, not_open_from=threshold)


def cross_validate(
    rows: Sequence[AccessRow],
    seed: int = 0,
    fit: Callable[[Sequence[AccessRow], int], Coefficients] = fit_access,
) -> AccessScores:
    """Figures on sites that the coefficients never saw."""
    folds = _folds(rows, seed)
    verdicts: dict[int, Access] = {}
    for fold in np.unique(folds).tolist():
        coefficients = fit([row for row, place in zip(rows, folds, strict=True) if place != fold], seed)
        for index in np.flatnonzero(folds == fold).tolist():
            verdicts[index] = judge(rows[index].observed, coefficients)
    return score_access(rows, [verdicts[index] for index in range(len(rows))])


def score_access(rows: Sequence[AccessRow], verdicts: Sequence[Access]) -> AccessScores:
    """Figures of given verdicts, one a row."""
    pairs = [(row.level, verdict.level) for row, verdict in zip(rows, verdicts, strict=True)]
    shut = sum(true != "open" for true, _ in pairs)
    called = sum(found != "open" for _, found in pairs)
    both = [(true, found) for true, found in pairs if "open" not in (true, found)]
    hits = [true == found for true, found in both]
    by_kind = [[true == found for true, found in both if true == kind] for kind in ("metered", "gated")]
    return AccessScores(
        precision=len(both) / max(called, 1),
        recall=len(both) / max(shut, 1),
        f1=2 * len(both) / max(shut + called, 1),
        false_alarms=(called - len(both)) / max(len(pairs) - shut, 1),
        kind_accuracy=_mean(hits),
        kind_balanced=_mean([_mean(kind) for kind in by_kind if kind]),
        wrong=tuple(
            (row.id, row.level, verdict)
            for row, verdict in zip(rows, verdicts, strict=True)
            if row.level != verdict.level
        ),
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _enough(truth: Bools) -> bool:
    return bool(min(truth.sum(), (~truth).sum()) >= MIN_PAGES)


def _folds(rows: Sequence[AccessRow], seed: int) -> npt.NDArray[np.int64]:
    return np.array([zlib.crc32(f"{seed}:{row.site}".encode()) % FOLDS for row in rows], np.int64)


def _fit(
    values: Floats, truth: Bools, prior: Mapping[str, float], seed: int, *, balanced: bool = False
) -> dict[str, float]:
    """One regression on the prior's score and standardised signals, as weights of the signals as they are.

    The score's own weight is hardly held back, those of the signals are: few pages correct it a little.
    """
    known = np.array([prior[name] for name in SIGNALS])
    score = values @ known
    trusted = TRUST / max(float(score.std()), 1e-9)
    kept = values.std(axis=0) > 0
    while True:
        scaler = StandardScaler().fit(values[:, kept])
        table = np.column_stack([(score - score.mean()) * trusted, scaler.transform(values[:, kept])])
        model = LogisticRegression(
            C=STRENGTH, class_weight="balanced" if balanced else None, random_state=seed, max_iter=1_000
        ).fit(table, truth)
        share = max(float(model.coef_[0, 0]), 0.0) * trusted
        weights = share * known
        weights[kept] += model.coef_[0, 1:] / scaler.scale_
        against = kept & (weights * np.sign(known) < 0)
        if not against.any():
            break
        kept &= ~against
    bias = (
        model.intercept_[0] - share * score.mean() - (model.coef_[0, 1:] * scaler.mean_ / scaler.scale_).sum()
    )
    return {"bias": float(bias), **dict(zip(SIGNALS, weights.tolist(), strict=True))}


def _out_of_fold(values: Floats, truth: Bools, folds: npt.NDArray[np.int64], seed: int) -> Floats:
    found = np.full(len(values), float(truth.mean()))
    for fold in np.unique(folds):
        rest = folds != fold
        if _enough(truth[rest]):
            weights = _fit(values[rest], truth[rest], PRIOR.not_open, seed)
            score = values[~rest] @ np.array([weights[name] for name in SIGNALS]) + weights["bias"]
            found[~rest] = 1 / (1 + np.exp(-score))
    return found


def _threshold(probabilities: Floats, truth: Bools) -> float:
    """The best threshold by F1 that keeps false alarms in bounds."""
    best, best_f1 = 0.5, -1.0
    for threshold in np.arange(0.1, 0.91, 0.02).tolist():
        called = probabilities >= threshold
        if called[~truth].mean() > MAX_FALSE_ALARMS:
            continue
        f1 = 2 * (called & truth).sum() / max(called.sum() + truth.sum(), 1)
        if f1 > best_f1:
            best, best_f1 = threshold, f1
    return round(best, 2)
