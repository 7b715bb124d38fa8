"""Readings of labelled pages into where they are wrong: the worst pages, the kinds of page that cost most.

What a wrong block costs is its share of all blocks of its true label, over the four labels: the costs of all
pages add up to what the mean recall lacks. So a gate that was missed weighs more than an entry of a menu.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.labels import LABELS
from classifier.layout import Floats, Longs
from training.counts import AnyPage, measured_golds
from training.evaluate import language_group, page_types
from training.readings import Reading
from training.samples import UNKNOWN

WORST: Final = 30
STEPS: Final = 101
"""Recalls at which a precision is kept."""


@dataclass(frozen=True, eq=False)
class Mistakes:
    """A labelled page, its reading, and which blocks came out wrong."""

    reading: Reading
    url: str | None
    site: str
    page_type: str
    language: str
    wrong: Longs
    """Indices of the blocks."""
    cost: float

    @property
    def known(self) -> int:
        """Blocks whose label is known."""
        return int((self.reading.sample.labels != UNKNOWN).sum())

    @property
    def confused(self) -> Counter[tuple[str, str]]:
        """How often each true label was taken for each other one."""
        true, given = self.reading.sample.labels, self.reading.decision.labels
        return Counter((LABELS[true[i]], LABELS[given[i]]) for i in self.wrong.tolist())


@dataclass(frozen=True, slots=True)
class Weakness:
    """A kind of page, and what it costs."""

    name: str
    pages: int
    page_share: float
    cost_share: float
    confused: tuple[str, str] | None
    """The commonest mistake: true label, and what was given."""

    @property
    def excess(self) -> float:
        """How much more such a page costs than the mean page."""
        return self.cost_share / self.page_share


def find_mistakes(found: Iterable[Reading], pages: Sequence[AnyPage]) -> list[Mistakes]:
    """The mistakes of each labelled page that is measured, the costliest page first."""
    golds = {(page.source, page.id): page for page in measured_golds(pages)}
    types = page_types(pages)
    read = [reading for reading in found if reading.key in golds]
    support: npt.NDArray[np.float64] = np.zeros(len(LABELS))
    for reading in read:
        known = reading.sample.labels[reading.sample.labels != UNKNOWN]
        support += np.bincount(known, minlength=len(LABELS))
    prices = 1 / (len(LABELS) * np.maximum(support, 1))
    mistakes = []
    for reading in read:
        page, true = golds[reading.key], reading.sample.labels
        wrong = np.flatnonzero((true != UNKNOWN) & (true != reading.decision.labels))
        cost = float(prices[true[wrong]].sum())
        language = language_group(page.language)
        mistakes.append(Mistakes(reading, page.url, page.site, types[reading.key], language, wrong, cost))
    return sorted(mistakes, key=lambda each: (-each.cost, each.reading.key))


def weaknesses(mistakes: Sequence[Mistakes], kind: Callable[[Mistakes], str]) -> list[Weakness]:
    """What each kind of page costs, the costliest first."""
    groups: dict[str, list[Mistakes]] = {}
    for each in mistakes:
        groups.setdefault(kind(each), []).append(each)
    total = sum(each.cost for each in mistakes) or 1.0
    made = [_weakness(name, group, len(mistakes), total) for name, group in groups.items()]
    return sorted(made, key=lambda each: (-each.cost_share, each.name))


def _weakness(name: str, group: Sequence[Mistakes], pages: int, total: float) -> Weakness:
    confused = sum((each.confused for each in group), Counter[tuple[str, str]]())
    return Weakness(
        name=name,
        pages=len(group),
        page_share=len(group) / pages,
        cost_share=sum(each.cost for each in group) / total,
        confused=confused.most_common(1)[0][0] if confused else None,
    )


def precision_recall(mistakes: Iterable[Mistakes]) -> Mapping[str, Floats]:
    """For each label, (points, 2) recall and precision at thresholds of its probability."""
    read = [each.reading for each in mistakes]
    if not read:
        return {}
    true = np.concatenate([reading.sample.labels for reading in read])
    shares = np.concatenate([reading.labels for reading in read])[true != UNKNOWN]
    true = true[true != UNKNOWN]
    curves = {label: _curve(shares[:, index], true == index) for index, label in enumerate(LABELS)}
    return {label: curve for label, curve in curves.items() if len(curve)}


def _curve(shares: Floats, truth: npt.NDArray[np.bool_]) -> Floats:
    if not truth.any():
        return np.zeros((0, 2), np.float32)
    order = np.argsort(-shares, kind="stable")
    right = np.cumsum(truth[order])
    # equal probabilities are one threshold
    ends = np.flatnonzero(np.diff(shares[order], append=-1.0))
    recall, precision = right[ends] / right[-1], right[ends] / (ends + 1)
    # most thresholds of a rare label lie at a recall near 1: keep the first that reaches each step
    kept = np.unique(np.searchsorted(recall, np.linspace(0, 1, STEPS)))
    return np.column_stack([recall[kept], precision[kept]]).astype(np.float32)
