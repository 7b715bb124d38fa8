"""A site is in one fold, always the same; and no score of a block hangs on the truth of its own fold."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_training import few_pages, quickly
from training_pages import oracle

from classifier.model import SCORES
from training.folds import FOLDS, blind_scores, site_folds


def folds_of(sites, **how):
    return site_folds([SimpleNamespace(site=site) for site in sites], **how).tolist()


@given(st.lists(st.text(max_size=12)), st.integers(1, 9), st.integers(0, 5))
def test_no_site_is_in_two_folds(sites, folds, seed):
    found = folds_of(sites, folds=folds, seed=seed)
    assert len(set(zip(sites, found, strict=True))) == len(set(sites))
    assert all(0 <= fold < folds for fold in found)


def test_a_site_is_in_the_same_fold_in_every_run():
    sites = ["harbour.example", "münster.example", "続き.example", "gold:42", ""]
    assert folds_of(sites) == PINNED
    assert folds_of(sites[::-1]) == PINNED[::-1]


PINNED = [1, 0, 0, 0, 3]
"""Other folds would make other figures of the same pages."""


def test_sites_are_spread_over_all_folds_and_a_seed_moves_them():
    sites = [f"site{i}.example" for i in range(500)]
    first, second = folds_of(sites), folds_of(sites, seed=1)
    assert min(np.bincount(first, minlength=FOLDS)) > 60
    assert 0.6 < np.mean(np.array(first) != second) < 0.95


# -- scores without a leak -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bags():
    return oracle(few_pages()).stack.bags


@pytest.fixture(scope="module")
def folds():
    return np.arange(len(few_pages())) % 4


@pytest.fixture(scope="module")
def blind(bags, folds):
    with quickly():
        return blind_scores(bags, folds)


def test_each_pair_of_folds_scores_the_blocks_of_both(bags, folds, blind):
    assert set(blind) == {(a, b) for a in range(4) for b in range(a, 4)}
    for pair, (rows, scores) in blind.items():
        assert rows.tolist() == np.flatnonzero(np.isin(folds[bags.owners], pair)).tolist()
        assert scores.shape == (len(rows), len(SCORES))
        assert scores.std(axis=0).min() > 0


@pytest.mark.parametrize("pair", [(1, 1), (0, 2)])
def test_scores_of_a_pair_hang_on_no_truth_of_the_pair(bags, folds, blind, pair):
    rng = np.random.default_rng(0)
    inside = np.isin(folds[bags.owners], pair)
    others = replace(
        bags,
        labels=np.where(inside, rng.integers(0, 4, len(inside)), bags.labels),
        main=np.where(inside, rng.random(len(inside)), bags.main).astype(np.float32),
        weight=np.where(inside, 9, bags.weight).astype(np.float32),
    )
    with quickly():
        found = blind_scores(others, folds)
    changed = {key for key, (_, scores) in found.items() if not np.array_equal(scores, blind[key][1])}
    # whoever holds out both folds of the pair saw no lie; all others did
    assert changed == {key for key in blind if not set(pair) <= set(key)}


def test_a_fold_without_a_page_has_no_scores(bags, folds):
    with quickly():
        found = blind_scores(bags, np.where(folds == 1, 2, folds))
    assert len(found[1, 1][0]) == 0
    np.testing.assert_array_equal(found[1, 2][1], found[2, 2][1])
