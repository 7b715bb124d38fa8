"""A few corrected pages of a site into a correction of the base model for that site.

Logistic regression on the structural tokens of :mod:`classifier.sitemodel`, with the base's log-odds as offset and a
ridge that keeps all weights small: where the corrected pages say nothing, the base decides. One for the four labels,
one for the main text.

Measured with base predictions that never saw the site (``python -m training.adapt_figures``), word-F1 of the main
text, mean over sites. Settings were compared on the 35 hosts of WCXB with three pages or more, with an eye on the 6
publishers of fundus. Share of the base's error that is gone with two corrected pages, on WCXB and on fundus:

- The plain ridge of strength .3, 1, 3, 10: fundus -.41, -.40, .17, .19, WCXB .16 and .18 for the latter two. Publishers
  change their layouts, and what is learned of the old one does harm on the new: one lost .05 to .24.
- The same of strength 3, trusted only as far as a page's text stands in familiar places: .19 and .40, and no publisher
  worse. So of strength 10: .19 and .32.
- Title, description and headings as tokens that hold in any layout, strength 3: .19 and .40; as twice as heavy ones:
  .19 and .45; strength 1: .19 and .47.
- Both, and blocks weighed by the root of their words: .19 and .65. Strength .3: .17 and .70.
- Strength chosen by leaving one page out: .16 and .12; so chosen by F1: .15 and .02; no correction where it does harm
  to the page left out: .13 to .17 on WCXB, with as many hosts that lose. One page says too little.
- Paths of names alone: .08 and .19. Without positions: .17 and .27. Without texts: no difference.

These shares are of four choices of pages a site; those that follow, of six. With the base's log-odds whole: .15 and
.65, 7 hosts of WCXB lose more than .01, at worst .14; shrunk by a fifth while fitting, as kept: .16 and .65, 5 lose, at
worst .11, and with one corrected page .08 and .28 instead of .08 and .38. The hosts of WCXB that lose are of pages that
were chosen to be unlike each other, of which mostly one is left to measure on. No publisher of fundus loses.

On the base of a later day (words and names that learn in full; mean word-F1 .950 before) the kept settings remove .60
of fundus's error. Blind: of 24 settings (strength .3, 1, 3, 10; free tokens 1, 2, 4; base's share .8, 1), the best one
for each publisher by the five others alone removes .78; any of strength 1 or less removes .55 to .78; no publisher
loses more than .01 with any of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize

from classifier import extraction
from classifier.decide import decide
from classifier.labels import CONTENT, LABELS
from classifier.layout import Floats, Layout, Longs
from classifier.model import Model, sigmoid, softmax
from classifier.sitemodel import FAMILIAR, FREE, LEAST, OUTPUTS, Correction, main_log_odds, shifted, token_id, tokens
from training.measures import word_scores
from training.samples import UNKNOWN, Sample

STRENGTH: Final = 1.0
"""Of the ridge."""
FREE_SCALE: Final = 2.0
"""Factor of the tokens that hold in any layout."""
BASE_SHARE: Final = 0.8
"""Part of the base's log-odds that counts while fitting: it is less sure of the next page than of those corrected."""
STEPS: Final = 50
SMALL: Final = 0.01
"""Weights below are left out of the correction."""


class NothingToLearn(ValueError):
    """No page of the site has a label."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A corrected page and what the base says of it; ``m`` blocks."""

    layout: Layout
    labels: Longs
    """(m) index of the true label, or UNKNOWN"""
    main: Floats
    """(m) share of the block that belongs to the main text, or UNKNOWN"""
    base_labels: Floats
    """(m, 4)"""
    base_main: Floats
    """(m)"""

    @cached_property
    def tokens(self) -> list[list[str]]:
        """(m)"""
        return tokens(self.layout)


def lesson_of(sample: Sample, base: Model) -> Lesson:
    """A labelled page as a lesson. Without a statement about the main text, it is inferred from the labels: what is
    no content is no main text, and content that the base took for something else is.
    """
    labels, main = base.predict(sample.layout)
    truth = sample.main
    if (truth == UNKNOWN).all():
        missed = (sample.labels == CONTENT) & (labels.argmax(axis=1) != CONTENT)
        other = (sample.labels != CONTENT) & (sample.labels != UNKNOWN)
        truth = np.where(missed, 1, np.where(other, 0, UNKNOWN)).astype(np.float32)
    return Lesson(sample.layout, sample.labels, truth, labels, main)


# -- fitting ----------------------------------------------------------------------------------------------------


def fit_correction(lessons: Sequence[Lesson], about: Mapping[str, Any] | None = None) -> Correction:
    """The correction that a site's pages teach.

    :raises NothingToLearn: if none of their blocks has a label.
    """
    if not any((lesson.labels != UNKNOWN).any() or (lesson.main != UNKNOWN).any() for lesson in lessons):
        raise NothingToLearn("None of the pages has a label to learn from.")
    names, table = _table(lessons)
    weight = np.concatenate([np.sqrt(np.maximum(lesson.layout.size, 1)) / 3 for lesson in lessons])
    scale = np.array([FREE_SCALE if name[0] == FREE else 1.0 for name in names])
    scaled = table @ sparse.diags(scale)
    found = np.zeros((len(names), OUTPUTS))
    found[:, :-1] = _fit_labels(lessons, scaled, weight)
    found[:, -1] = _fit_main(lessons, scaled, weight)
    found *= scale[:, None]
    kept = {
        token_id(name): row.astype(np.float32)
        for name, row in zip(names, found, strict=True)
        if np.abs(row).max() >= SMALL or name.startswith(FAMILIAR)
    }
    return Correction(kept, {"pages": len(lessons), "blocks": len(weight), **(about or {})})


def _table(lessons: Iterable[Lesson]) -> tuple[list[str], Any]:
    """All tokens, and which block of all pages (rows) has which (columns)."""
    index: dict[str, int] = {}
    columns, starts = [], [0]
    for lesson in lessons:
        for own in lesson.tokens:
            columns += [index.setdefault(token, len(index)) for token in own]
            starts.append(len(columns))
    cells = np.ones(len(columns)), np.array(columns, np.int64), np.array(starts, np.int64)
    return list(index), sparse.csr_matrix(cells, shape=(len(starts) - 1, len(index)))


def _fit_labels(lessons: Sequence[Lesson], table: Any, weight: Floats) -> npt.NDArray[np.float64]:
    """(tokens, 4)"""
    truth = np.concatenate([lesson.labels for lesson in lessons])
    known = np.flatnonzero(truth != UNKNOWN)
    offset = np.log(np.maximum(np.concatenate([lesson.base_labels for lesson in lessons]), LEAST))[known]
    offset = offset * BASE_SHARE
    goal = np.eye(len(LABELS))[truth[known]]
    rows, own = table[known], weight[known, None]

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = flat.reshape(-1, len(LABELS))
        shares = softmax(rows @ weights + offset)
        total = -(own * goal * np.log(shares + 1e-12)).sum() + STRENGTH / 2 * (flat @ flat)
        return float(total), (rows.T @ (own * (shares - goal)) + STRENGTH * weights).ravel()

    return _least(loss, table.shape[1] * len(LABELS)).reshape(-1, len(LABELS))


def _fit_main(lessons: Sequence[Lesson], table: Any, weight: Floats) -> npt.NDArray[np.float64]:
    """(tokens)"""
    truth = np.concatenate([lesson.main for lesson in lessons])
    known = np.flatnonzero(truth != UNKNOWN)
    offset = main_log_odds(np.concatenate([lesson.base_main for lesson in lessons]))[known]
    offset = offset * BASE_SHARE
    goal = (truth[known] >= 0.5).astype(np.float64)
    rows, own = table[known], weight[known]

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = rows @ weights + offset
        total = (own * (np.logaddexp(0, logits) - goal * logits)).sum() + STRENGTH / 2 * (weights @ weights)
        return float(total), rows.T @ (own * (sigmoid(logits) - goal)) + STRENGTH * weights

    return _least(loss, table.shape[1])


def _least(loss: Any, size: int) -> npt.NDArray[np.float64]:
    found = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.asarray(found.x, np.float64)


# -- what it is worth -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worth:
    """Means over pages that were read by the base alone, and with a correction from other pages of the site."""

    pages: int
    labels_before: float
    labels_after: float
    """Share of the labelled blocks whose label is right."""
    main_before: float
    main_after: float
    """Word-F1 of the main text."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: round(float(getattr(self, name)), 4) for name in self.__slots__}
        return {**values, "pages": self.pages}


def leave_one_out(lessons: Sequence[Lesson], thresholds: Mapping[str, float]) -> Worth | None:
    """Each page read with a correction from the others; None for fewer than two pages."""
    if len(lessons) < 2:
        return None
    rows = []
    for held, lesson in enumerate(lessons):
        others = [other for place, other in enumerate(lessons) if place != held]
        rows.append((*score(lesson, None, thresholds), *score(lesson, fit_correction(others), thresholds)))
    before, main_before, after, main_after = np.nanmean(np.array(rows), axis=0).tolist()
    return Worth(len(lessons), before, after, main_before, main_after)


def score(lesson: Lesson, correction: Correction | None, thresholds: Mapping[str, float]) -> tuple[float, float]:
    """Share of right labels, NaN where none is known, and word-F1 of the main text over blocks whose truth is known."""
    labels, main = lesson.base_labels, lesson.base_main
    if correction is not None:
        labels, main = shifted(labels, main, correction.shifts_of(lesson.tokens, lesson.layout))
    decision = decide(lesson.layout, labels, main, thresholds)
    known = lesson.labels != UNKNOWN
    right = float((decision.labels == lesson.labels)[known].mean()) if known.any() else float("nan")
    sure = lesson.main != UNKNOWN
    page = lesson.layout.page
    truth = extraction.text(page, sure & (lesson.main >= 0.5))
    return right, word_scores(extraction.text(page, sure & decision.main), truth).f1
