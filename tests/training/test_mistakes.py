"""Mistakes are where the labels differ, and their costs are what the mean recall lacks."""

from dataclasses import replace

import numpy as np
import pytest
from training_pages import labelled, oracle

from classifier.labels import LABELS
from training.mistakes import find_mistakes, precision_recall, weaknesses
from training.readings import readings


@pytest.fixture(scope="module")
def golds():
    return labelled(10)


@pytest.fixture(scope="module")
def noisy(golds):
    rng = np.random.default_rng(0)
    found = []
    for reading in readings(oracle(golds)):
        blur = rng.random(len(reading.main)) < 0.3
        codes = np.where(blur, rng.integers(0, 4, len(blur)), reading.decision.labels)
        found.append(replace(reading, decision=replace(reading.decision, labels=codes)))
    return found


def test_readings_that_are_right_hold_no_mistake(golds):
    mistakes = find_mistakes(readings(oracle(golds)), golds)
    assert len(mistakes) == len(golds)
    assert not any(len(each.wrong) for each in mistakes)
    assert all(weak.confused is None for weak in weaknesses(mistakes, lambda each: each.page_type))


def test_costs_add_up_to_what_the_mean_recall_lacks(golds, noisy):
    true = np.concatenate([reading.sample.labels for reading in noisy])
    given = np.concatenate([reading.decision.labels for reading in noisy])
    recalls = [float((given[true == label] == label).mean()) for label in range(len(LABELS))]
    total = sum(each.cost for each in find_mistakes(noisy, golds))
    assert total == pytest.approx(1 - np.mean(recalls))


def test_blocks_without_a_known_label_are_no_mistake(golds, noisy):
    blind = [replace(r, sample=replace(r.sample, labels=np.full(len(r.main), -1))) for r in noisy]
    assert not any(len(each.wrong) for each in find_mistakes(blind, golds))


def test_the_costliest_page_comes_first(golds, noisy):
    costs = [each.cost for each in find_mistakes(noisy, golds)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


def test_kinds_of_page_share_the_cost(golds, noisy):
    mistakes = find_mistakes(noisy, golds)
    weak = weaknesses(mistakes, lambda each: each.language)
    assert len(weak) > 1
    assert sum(each.cost_share for each in weak) == pytest.approx(1)
    assert sum(each.page_share for each in weak) == pytest.approx(1)
    assert sum(each.pages for each in weak) == len(golds)


def test_confused_counts_every_wrong_block(golds, noisy):
    for each in find_mistakes(noisy, golds):
        assert each.confused.total() == len(each.wrong)
        assert all(true != given for true, given in each.confused)


def test_a_perfect_ranking_has_full_precision_at_every_recall(golds):
    curves = precision_recall(find_mistakes(readings(oracle(golds)), golds))
    assert set(curves) == set(LABELS)
    for points in curves.values():
        assert points[0].tolist() == [1, 1]


def test_recall_only_grows_along_a_curve(golds):
    rng = np.random.default_rng(1)
    found = []
    for reading in readings(oracle(golds)):
        shares = rng.dirichlet(np.ones(4), len(reading.main)).astype(np.float32)
        found.append(replace(reading, labels=shares))
    for points in precision_recall(find_mistakes(found, golds)).values():
        assert (np.diff(points[:, 0]) >= 0).all()
        assert points[-1, 0] == pytest.approx(1)
        assert ((points >= 0) & (points <= 1)).all()
