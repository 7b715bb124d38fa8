"""Would more labelled pages help, and what is each source of labels worth? Cross-validation with some of them hidden.

What is hidden is hidden from every stage that learns; what is measured is always the same: the labels of the gold pages
and the main text of the corpora's pages, by networks that saw nothing of their sites. The networks have no teachers
here, which would cost five times as much: it is six cross-validations as it is. Figures are of their bare word,
before any threshold is tuned.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.decide import DEFAULT_THRESHOLDS
from classifier.labels import LABELS
from classifier.model import sigmoid
from training.fit import Progress, Stack, cross_validate
from training.samples import COMPOSED, UNKNOWN, Sample
from training.tune import mean_f1

SHARES: Final = (0.25, 0.5, 1.0)
"""Shares of the sites with labelled pages that are learned from."""

Row = tuple[str, ...]
Hiding = Callable[[Sample], Sample | None]
"""A sample as it may be learned from; None if not at all."""


def learning_curve(
    samples: Sequence[Sample], seed: int = 0, progress: Progress = lambda _: None
) -> Iterator[tuple[int, dict[str, float]]]:
    """Number of labelled pages learned from, and figures, for each of ``SHARES``."""
    for share in SHARES:
        progress(f"learning from {share:.0%} of the labelled sites")
        hide = _share(share)
        pages = sum(_labelled(sample) and sample.corpus != COMPOSED for sample in map(hide, samples) if sample)
        yield pages, measured(samples, hide, seed, progress)


def sources(
    samples: Sequence[Sample], whole: Mapping[str, float], seed: int = 0, progress: Progress = lambda _: None
) -> Iterator[Row]:
    """Rows of a table: what is left out, then the figures; the first is the header, the second all, whose figures the
    learning curve ended with.
    """
    yield "learned from", *whole
    yield "all", *(f"{value:.3f}" for value in whole.values())
    for name, hide in hidings(samples).items():
        progress(f"sources: {name}")
        figures = measured(samples, hide, seed, progress)
        yield name, *(f"{value:.3f}" for value in figures.values())


def _labelled(sample: Sample) -> bool:
    return bool((sample.labels != UNKNOWN).any())


def _share(share: float) -> Hiding:
    def hide(sample: Sample) -> Sample | None:
        inside = zlib.crc32(f"learn:{sample.site}".encode()) % 1000 < share * 1000
        return sample if inside or not _labelled(sample) else _without_labels(sample)

    return hide


def _without_labels(sample: Sample) -> Sample | None:
    if sample.corpus == COMPOSED:
        return None
    return replace(sample, labels=np.full_like(sample.labels, UNKNOWN))


def hidings(samples: Sequence[Sample]) -> Mapping[str, Hiding]:
    """What is learned from, by name: all but one source."""
    gold = {sample.id for sample in samples if sample.corpus == "gold"}

    def of_gold(sample: Sample) -> bool:
        return sample.corpus == "gold" or (sample.corpus == COMPOSED and sample.id.rpartition("+")[0] in gold)

    return {
        "all but composed pages": lambda sample: None if sample.corpus == COMPOSED else sample,
        "all but our labels of the corpora's pages": lambda s: s if of_gold(s) else _without_labels(s),
        "all but the corpora's main texts": lambda sample: (
            sample if of_gold(sample) else replace(sample, main=np.full_like(sample.main, UNKNOWN))
        ),
    }


def measured(
    samples: Sequence[Sample], hide: Hiding, seed: int = 0, progress: Progress = lambda _: None
) -> dict[str, float]:
    """F1 of each label and their mean over gold's blocks, and word-F1 of the corpora's main text by blocks."""
    pairs = [(sample, shown) for sample in samples if (shown := hide(sample)) is not None]
    predictions = cross_validate(Stack([shown for _, shown in pairs], seed, taught=False), progress)
    truth, said, pages = [], [], []
    for index, (sample, _) in enumerate(pairs):
        rows = predictions.stack.rows(index)
        if sample.corpus == "gold":
            known = sample.labels != UNKNOWN
            truth.append(sample.labels[known])
            said.append(predictions.label_logits[rows].argmax(axis=1)[known])
        elif sample.corpus != COMPOSED and float((sample.main != UNKNOWN).mean()) > 0.5:
            pages.append((sample, sigmoid(predictions.main_logits[rows]), DEFAULT_THRESHOLDS))
    figures = label_f1(np.concatenate(truth), np.concatenate(said)) if truth else {}
    return figures | ({"main text": mean_f1(pages)} if pages else {})


def label_f1(truth: npt.NDArray[np.int64], said: npt.NDArray[np.int64]) -> dict[str, float]:
    """F1 of each label, and their mean.

    >>> label_f1(np.array([0, 1, 1, 3]), np.array([0, 1, 3, 3]))["paywall"]
    0.6666666666666666
    """
    table = np.bincount(truth * len(LABELS) + said, minlength=len(LABELS) ** 2).reshape(len(LABELS), -1)
    f1 = 2 * np.diag(table) / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1)
    return {**dict(zip(LABELS, f1.tolist(), strict=True)), "macro": float(f1.mean())}
