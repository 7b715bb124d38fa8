"""What to look at first: the blocks and pages of which the model is least certain.

A block's uncertainty is the share of probability that its label did not get: what the model itself expects to be
wrong. A page's is the sum over the blocks that nobody has settled, the number of mistakes to expect. Further pages of
one site wait behind those of others, for they repeat each other's mistakes.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifier.layout import Floats


def uncertainties(probabilities: Floats) -> npt.NDArray[np.float32]:
    """Of each block (m), from 0 (sure) to 0.75 (no idea); ``probabilities`` are (m, 4)."""
    found: npt.NDArray[np.float32] = (1 - probabilities.max(axis=1, initial=0.25)).astype(np.float32)
    return found


def expected_mistakes(uncertain: npt.NDArray[np.float32], settled: Sequence[bool]) -> float:
    """Mistakes to expect among the blocks (m) that are not settled."""
    return float(uncertain[~np.asarray(settled, np.bool_)].sum())


def page_order(scores: Sequence[float], sites: Sequence[str]) -> list[int]:
    """Indices of pages, the most rewarding first: a site's second page counts half, its third a third.

    >>> page_order([3.0, 2.0, 2.5], ["a.example", "b.example", "a.example"])
    [0, 1, 2]
    """
    seen: Counter[str] = Counter()
    worth = {}
    for index in sorted(range(len(scores)), key=lambda index: (-scores[index], index)):
        seen[sites[index]] += 1
        worth[index] = scores[index] / seen[sites[index]]
    return sorted(worth, key=lambda index: (-worth[index], index))
