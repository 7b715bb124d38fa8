"""Folds that never split a site, and lexical scores that never saw the page they are for."""

import zlib
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Final

import numpy as np

from classifier.layout import Floats, Longs
from training.lexical import Bags
from training.samples import Sample

FOLDS: Final = 5


def site_folds(samples: Sequence[Sample], folds: int = FOLDS, seed: int = 0) -> Longs:
    """(samples) fold of each sample, by a hash of its site: the same site falls into the same fold in every run."""
    return np.array([zlib.crc32(f"{seed}:{sample.site}".encode()) % folds for sample in samples], np.int64)


def blind_scores(bags: Bags, folds: Longs) -> dict[tuple[int, int], tuple[Longs, Floats]]:
    """Lexical scores for training and testing without a leak.

    For each pair of folds a <= b: the blocks of both folds, scored by weights fitted on the other folds alone. With
    fold a held out for testing, the pair (a, a) scores the test pages, and the pairs (a, b) the training pages of b.
    """
    found = {}
    for pair in combinations_with_replacement(range(int(folds.max()) + 1), 2):
        held = np.isin(folds, pair)
        found[pair] = np.flatnonzero(held[bags.owners]), bags.scores(bags.fit(~held), held)
    return found
