"""Counts of pages into figures with 95 % intervals, by resampling whole sites.

Every measure here is a formula over counts that add up over pages. So a resample of sites is a weighted sum
of the sites' counts, and a thousand of them are one product of matrices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Formula = Callable[[Floats], Floats]
"""Totals (..., k) into figures (...)."""

RESAMPLES: Final = 1_000
TAILS: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure between 0 and 1 with its 95 % interval."""

    value: float
    low: float
    high: float
    pages: int
    sites: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "pages": self.pages,
            "sites": self.sites,
        }


@dataclass(frozen=True, eq=False)
class Tally:
    """What was counted on each page."""

    sites: Sequence[str]
    """(pages)"""
    counts: Floats
    """(pages, k), additive"""

    @property
    def totals(self) -> Floats:
        """(k)"""
        totals: Floats = self.counts.sum(axis=0)
        return totals

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Tally":
        """The tally of the chosen pages (pages)."""
        sites = [site for site, keep in zip(self.sites, chosen, strict=True) if keep]
        return Tally(sites, self.counts[chosen])


def estimate(tally: Tally, formulas: Mapping[str, Formula], seed: int = 0) -> dict[str, Figure]:
    """Each formula's figure over all pages, and where it lies in 95 of 100 draws of as many sites.

    The draws are moved by the distance of their median from the figure: measures of error that cannot be
    negative come out larger on a resample than on the sample. A figure of which the pages say nothing (NaN)
    is left out, and so is a draw.

    >>> tally = Tally(["a.example", "a.example", "b.example"], np.array([[1.0, 1], [0, 1], [1, 1]]))
    >>> estimate(tally, {"share": lambda totals: totals[..., 0] / totals[..., 1]})["share"].value.__round__(3)
    0.667

    :raises ValueError: if there is no page.
    """
    if not len(tally.counts):
        raise ValueError("There is no page to measure on.")
    names, owners = np.unique(tally.sites, return_inverse=True)
    by_site = np.zeros((len(names), tally.counts.shape[1]))
    np.add.at(by_site, owners, tally.counts)
    chances = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), chances, RESAMPLES)
    resampled = drawn @ by_site
    totals = tally.totals
    found = {}
    for name, formula in formulas.items():
        value, draws = float(formula(totals)), formula(resampled)
        if np.isnan(value):
            continue
        low, high = np.nanquantile(draws, TAILS) - (np.nanmedian(draws) - value)
        found[name] = Figure(value, max(float(low), 0.0), min(float(high), 1.0), len(tally.sites), len(names))
    return found


# -- two models on the same pages -------------------------------------------------------------------------------

PAIRED_RESAMPLES: Final = 4_000
ENOUGH_SITES: Final = 5
"""With fewer sites, pages are drawn instead: two or three sites cannot tell how sites differ."""
ENOUGH: Final = 3
"""With fewer sites or pages than this, nothing can be told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two models on the same pages, and where the difference lies."""

    before: float
    after: float
    low: float
    high: float
    pages: int
    sites: int
    unit: str
    """What was drawn: ``sites`` or ``pages``."""

    @property
    def value(self) -> float:
        """After less before."""
        return self.after - self.before


def paired(
    before: Tally, after: Tally, formulas: Mapping[str, Formula], doubt: float = 0.05, seed: int = 0
) -> dict[str, Difference]:
    """Each formula's figure in two tallies of the same pages, and an interval of the difference that holds all but
    ``doubt`` of the draws. Both are drawn alike, so that what makes a page hard for both cancels out.

    A figure of which the pages say nothing (NaN) is left out.

    :raises ValueError: if the tallies are not of the same pages, or of none.
    """
    if list(before.sites) != list(after.sites) or not len(before.counts):
        raise ValueError("Two models can be compared only on the same pages, and on one at least.")
    names, owners = np.unique(before.sites, return_inverse=True)
    unit = "sites" if len(names) >= ENOUGH_SITES else "pages"
    units = owners if unit == "sites" else np.arange(len(owners))
    count = int(units.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), PAIRED_RESAMPLES)
    draws = []
    for tally in (before, after):
        summed = np.zeros((count, tally.counts.shape[1]))
        np.add.at(summed, units, tally.counts)
        draws.append(drawn @ summed)
    found = {}
    for name, formula in formulas.items():
        values = float(formula(before.totals)), float(formula(after.totals))
        if np.isnan(values).any():
            continue
        low, high = np.nanquantile(formula(draws[1]) - formula(draws[0]), (doubt / 2, 1 - doubt / 2))
        if count < ENOUGH:
            low, high = -1.0, 1.0
        found[name] = Difference(*values, float(low), float(high), len(owners), len(names), unit)
    return found
