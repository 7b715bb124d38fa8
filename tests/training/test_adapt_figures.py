"""Figures of adapting: every site on its other pages, with means, and the site that lost most."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from training_pages import TEXT, written

from classifier.decide import DEFAULT_THRESHOLDS
from training.adapt_figures import DRAWS, SiteWorth, _draws, cases, figures_of, summary, table
from training.readings import Reading
from training.samples import corpus_sample


def test_all_choices_are_tried_or_some_of_them_always_the_same():
    assert _draws(3, 2) == [(0, 1), (0, 2), (1, 2)]
    assert len(_draws(9, 3)) == DRAWS == len(set(_draws(9, 3))) and _draws(9, 3) == _draws(9, 3)


def test_the_summary_names_the_site_that_lost_most():
    found = summary([SiteWorth("a", 0.8, 0.9), SiteWorth("b", 0.6, 0.58)])
    assert (found["worst_site"], found["worse"], found["sites"]) == ("b", 1, 2)
    assert found["error_gone"] == pytest.approx(0.04 / 0.3)
    assert found["worst_change"] == pytest.approx(-0.02)


def test_a_base_that_errs_alike_on_all_pages_is_mended(tmp_path):
    pages = []
    for number in range(4):
        page = written(tmp_path, f"p{number}", "fundus", html=f"<main><p>{TEXT}</p><h2>Tea</h2></main><p>{TEXT} Share")
        pages.append(replace(page, site="tea.example"))
    found = []
    for page in pages:
        sample = corpus_sample(page)
        count = len(sample.page)
        shares = np.full((count, 4), 0.25, np.float32)
        found.append(Reading(sample, 0, shares, np.full(count, 0.7, np.float32), None))
    tuned = [SimpleNamespace(thresholds=DEFAULT_THRESHOLDS)]
    assert cases(found, tuned, [], "fundus") == {}
    sites = cases(found, tuned, pages, "fundus")
    assert {site: len(given) for site, given in sites.items()} == {"tea.example": 4}
    figures = figures_of(sites)
    assert list(figures) == ["1", "2", "3"] and figures["2"]["after"] > figures["2"]["before"]
    assert "| fundus | 2 | 1 |" in table({"fundus": figures})
