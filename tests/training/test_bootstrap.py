"""Intervals over sites: they hold the figure, widen with fewer sites, and never split one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.bootstrap import Tally, estimate


def share(totals):
    return totals[..., 0] / totals[..., 1]


def tally(hits, sites):
    return Tally([f"{site}.example" for site in sites], np.array([[hit, 1.0] for hit in hits]))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=20))
def test_the_interval_holds_the_figure_and_stays_a_share(pages):
    hits, sites = zip(*pages, strict=True)
    figure = estimate(tally(hits, sites), {"share": share})["share"]
    assert 0 <= figure.low <= figure.value + 1e-9
    assert figure.value - 1e-9 <= figure.high <= 1
    assert (figure.pages, figure.sites) == (len(pages), len(set(sites)))


def test_pages_of_one_site_are_drawn_together():
    hits = [1.0, 0.0] * 20
    apart = estimate(tally(hits, range(40)), {"share": share})["share"]
    together = estimate(tally(hits, [page % 2 for page in range(40)]), {"share": share})["share"]
    assert apart.value == together.value == 0.5
    assert apart.high - apart.low < 0.4
    assert (together.low, together.high) == (0, 1)


def test_the_same_seed_gives_the_same_interval():
    pages = tally([0.1, 0.5, 0.9, 1.0], range(4))
    assert estimate(pages, {"share": share}, seed=3) == estimate(pages, {"share": share}, seed=3)


def test_only_keeps_pages_with_their_sites():
    part = tally([1.0, 0.0, 0.5], [7, 8, 9]).only(np.array([True, False, True]))
    assert list(part.sites) == ["7.example", "9.example"]
    assert part.totals.tolist() == [1.5, 2]


def test_what_the_pages_say_nothing_of_is_left_out():
    found = estimate(tally([1.0], [0]), {"share": share, "nothing": lambda totals: totals[..., 0] * np.nan})
    assert list(found) == ["share"]


def test_no_page_is_refused():
    with pytest.raises(ValueError, match="no page"):
        estimate(Tally([], np.zeros((0, 2))), {"share": share})
