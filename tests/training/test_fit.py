"""Networks fitted on what was chosen alone, and judged on sites that they never saw."""

from dataclasses import fields, replace

import numpy as np
import pytest
from small_training import SMALL, few_pages, quickly
from threadpoolctl import threadpool_limits
from training_pages import oracle

from classifier.features import GROUPS
from classifier.model import SCORES, input_names
from training import fit
from training.fit import Goals, Stack, TooFewPages, check_spread, cross_validate, input_groups
from training.samples import COMPOSED, UNKNOWN


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def stack():
    return oracle(few_pages()).stack


def scores_of(stack, seed=0):
    return np.random.default_rng(seed).normal(size=(len(stack.bags.owners), len(SCORES))).astype(np.float32)


def same(one, other):
    """Are two networks alike to the bit?"""
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


def lied(sample, rng):
    count = len(sample.page)
    return replace(sample, labels=rng.integers(0, 4, count), main=rng.random(count).astype(np.float32))


# -- one network -----------------------------------------------------------------------------------------------


def test_a_network_never_sees_pages_that_are_not_chosen(stack):
    rng = np.random.default_rng(3)
    chosen = np.arange(len(stack.samples)) % 3 > 0
    other = Stack([s if use else lied(s, rng) for s, use in zip(stack.samples, chosen.tolist(), strict=True)])
    scores = scores_of(stack)
    spoilt = np.where(chosen[stack.bags.owners][:, None], scores, 99)
    with quickly():
        first = fit.fit(stack, scores, chosen)
        assert same(first, fit.fit(other, spoilt, chosen))
        assert not same(first, fit.fit(stack, scores + 1, chosen))
    assert first.entry.shape[1:] == (1, SMALL.width)


def test_composed_pages_are_learned_from_and_never_measured(stack):
    composed = replace(stack.samples[0], id="x+0", corpus=COMPOSED, source=COMPOSED)
    both = Stack([*stack.samples, *[composed] * 6])
    assert both.real.tolist() == [True] * len(stack.samples) + [False] * 6
    rng = np.random.default_rng(0)
    everyone = np.ones(len(both.samples), np.bool_)
    sizes = [len(fit._epoch(both, everyone, rng)) - len(stack.samples) for _ in range(60)]
    assert min(sizes) < 3 < max(sizes)
    with quickly():
        found = cross_validate(both)
    assert not found.label_logits[both.rows(len(both.samples) - 1)].any()
    assert found.label_logits[both.rows(0)].any()


def test_groups_cover_every_input():
    groups = input_groups()
    assert np.concatenate(groups[:-1]).tolist() == list(range(len(input_names())))
    assert len(groups) == len(GROUPS) + 4
    assert all("class_" in input_names()[i] for i in groups[-1])
    assert len(groups[-1]) > 20


def test_a_batch_holds_what_its_samples_hold(stack):
    scores = scores_of(stack)
    batch = stack.batch([2, 0], scores, stack.goals)
    first, second = stack.samples[2], stack.samples[0]
    m = len(first.page)
    assert len(batch.labels) == m + len(second.page) == len(batch.inputs)
    labels = np.concatenate([first.labels, second.labels])
    np.testing.assert_array_equal(np.where(batch.labels.any(axis=1), batch.labels.argmax(axis=1), UNKNOWN), labels)
    np.testing.assert_array_equal(batch.inputs[:m, -len(SCORES) :], scores[stack.rows(2)])
    np.testing.assert_array_equal(batch.inputs[m:, : -len(SCORES)], second.values.astype(np.float32))
    assert batch.owners.tolist() == [0] * m + [1] * len(second.page)
    assert set(np.unique(batch.main)) <= {UNKNOWN, 0, 1}
    assert batch.near.before[m] == m


def test_teachers_speak_beside_the_truth_and_alone_where_none_is_known():
    truth = Goals(np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], np.float32), np.array([1, UNKNOWN, 0], np.float32))
    said = np.array([[0, 1, 0, 0], [0, 0, 0.25, 0.75], [np.nan] * 4], np.float32)
    taught = truth.taught(said, np.array([0.5, 0.1, np.nan], np.float32), 0.5)
    np.testing.assert_allclose(taught.labels, [[0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75], [0, 1, 0, 0]])
    np.testing.assert_allclose(taught.main, [0.75, 0.1, 0])


def test_teachers_change_what_is_learned(stack, monkeypatch):
    everyone = np.ones(len(stack.samples), np.bool_)
    with quickly():
        alone = fit.fit(stack, scores_of(stack), everyone)
        monkeypatch.setattr(fit, "TEACHERS", {"html": 1})
        taught = fit.fit(stack, scores_of(stack), everyone)
    assert (alone.entry.shape[1], taught.entry.shape[1]) == (1, 2)
    assert not np.array_equal(taught.entry[:, 0], alone.entry[:, 0])


# -- cross-validation ------------------------------------------------------------------------------------------


def test_predictions_of_a_fold_hang_on_no_truth_of_its_own(stack):
    rng = np.random.default_rng(3)
    fold = int(stack.folds[0])
    other = Stack([lied(s, rng) if f == fold else s for s, f in zip(stack.samples, stack.folds, strict=True)])
    with quickly():
        first, second = cross_validate(stack), cross_validate(other)
    held = stack.block_folds == fold
    assert first.label_logits.shape == (len(held), 4) and first.main_logits.shape == (len(held),)
    for part in ("scores", "main_logits", "label_logits"):
        one, two = getattr(first, part), getattr(second, part)
        np.testing.assert_array_equal(one[held], two[held], part)
        assert not np.array_equal(one[~held], two[~held]), part


def test_a_label_on_too_few_sites_is_named(stack):
    bare = [replace(s, labels=np.where(s.labels == 3, 1, s.labels)) for s in stack.samples]
    with pytest.raises(TooFewPages, match="Too few sites with paywall to train on"):
        check_spread(bare, stack.folds)


def test_rows_of_a_stack_come_apart_by_page(stack):
    count = len(stack.bags.owners)
    parts = list(stack.per_sample(np.arange(count)))
    assert [len(part) for part in parts] == [len(sample.page) for sample in stack.samples]
    assert np.concatenate(parts).tolist() == list(range(count))
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(np.arange(count)[stack.rows(index)], part)
