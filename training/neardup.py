"""Pages that say almost the same: found by MinHash, then counted exactly.

The same article under two addresses makes a figure look better than it is when one copy is learned from and the other
is measured. What is compared is the text that pages are about; menus and footers are alike on every page of a site.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifier.words import split_words

SHINGLE: Final = 4
"""Words that are taken together: long enough that pages do not share them by chance."""
NEAR: Final = 0.8
"""Share of common shingles (Jaccard) from which two texts are near-duplicates."""
SHORTEST: Final = 20
"""Words below which a text says too little to be compared: "Page not found" may stand twice."""

_BANDS: Final = 16
_ROWS: Final = 4
"""Two texts that share 0.8 meet in one of 16 bands of 4 hashes with probability 0.9998; at 0.4 it is a third."""
_PRIME: Final = np.uint64((1 << 31) - 1)

Hashes = npt.NDArray[np.uint64]


class Twins(NamedTuple):
    """Two texts, by index, and the share of shingles that they have in common."""

    first: int
    second: int
    share: float


def near_duplicates(texts: Sequence[str], *, near: float = NEAR) -> list[Twins]:
    """All pairs of texts that share at least ``near`` of their shingles, in order.

    >>> tale = "once there was a clock that nobody in the whole of the town had ever heard strike the hour of noon"
    >>> [twins[:2] for twins in near_duplicates([tale, "", tale + " again", tale[::-1]])]
    [(0, 2)]
    """
    shingles = [_shingles(words) for words in split_words(list(texts))]
    found = []
    for first, second in sorted(_candidates(shingles)):
        a, b = shingles[first], shingles[second]
        common = len(np.intersect1d(a, b, assume_unique=True))
        share = common / (len(a) + len(b) - common)
        if share >= near:
            found.append(Twins(first, second, share))
    return found


def _shingles(words: list[str]) -> Hashes:
    """Hashes (k) of all runs of words, each once; none of a text that is too short."""
    if len(words) < SHORTEST:
        return np.empty(0, np.uint64)
    runs = zip(*(words[k:] for k in range(SHINGLE)), strict=False)
    return np.unique(np.fromiter((crc32(" ".join(run).encode()) for run in runs), np.uint64))


def _candidates(shingles: Sequence[Hashes]) -> set[tuple[int, int]]:
    """Pairs that agree in all rows of a band of their MinHash signatures."""
    rng = np.random.default_rng(0)
    factors, offsets = rng.integers(1, int(_PRIME), (2, _BANDS * _ROWS, 1), np.uint64)
    buckets: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, hashes in enumerate(shingles):
        if not len(hashes):
            continue
        signature = ((hashes % _PRIME * factors + offsets) % _PRIME).min(axis=1).reshape(_BANDS, _ROWS)
        for band, rows in enumerate(signature):
            buckets[band, rows.tobytes()].append(index)
    return {pair for bucket in buckets.values() for pair in _pairs(bucket)}


_CROWD: Final = 200
"""Texts in a bucket from which each is compared with its neighbours alone, so that 10,000 copies cost no 50 million
comparisons: the report still names every one of them."""


def _pairs(bucket: list[int]) -> Iterator[tuple[int, int]]:
    return combinations(bucket, 2) if len(bucket) < _CROWD else pairwise(bucket)
