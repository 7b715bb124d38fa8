"""Heads out of scikit-learn's perceptrons, merged, fitted on what is known alone, and judged on what they never saw."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from small_training import SMALL, few_pages, quickly
from threadpoolctl import threadpool_limits
from training_pages import oracle, written

from classifier.model import CLIP, Perceptron, sigmoid, softmax
from training import fit
from training.fit import (
    PSEUDO_WEIGHT,
    Stack,
    cross_validate,
    fit_head,
    fit_label_head,
    merge,
    perceptron_of,
    predict_rows,
)
from training.samples import UNKNOWN


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def stack():
    return oracle(few_pages()).stack


def table(rows=300, columns=7, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (rows, columns)).astype(np.float16)


def same(one, other):
    """Are two heads alike to the bit?"""
    ours, theirs = ((h.mean, h.scale, *h.perceptron.weights, *h.perceptron.biases) for h in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


# -- perceptrons -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(9,), (12, 5)])
@pytest.mark.parametrize("classes", [2, 4])
def test_a_perceptron_says_what_scikit_learn_says(classes, hidden):
    values = table().astype(np.float32)
    goal = np.abs(values[:, 0] * 2).astype(np.int64) % classes
    theirs = MLPClassifier(hidden, max_iter=200, tol=1e-2, random_state=1).fit(values, goal)
    logits = perceptron_of(theirs).logits(values)
    wanted = theirs.predict_proba(values)
    ours = softmax(logits) if classes > 2 else np.hstack([1 - sigmoid(logits), sigmoid(logits)])
    assert logits.shape == (300, classes if classes > 2 else 1)
    assert np.ptp(wanted[:, 0]) > 0.2
    np.testing.assert_allclose(ours, wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("sizes", [(7, 5, 4), (7, 6, 3, 1), (7, 6, 5, 3, 4)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_merged_perceptrons_give_the_mean_of_their_logits(sizes, count):
    rng = np.random.default_rng(len(sizes))

    def member():
        weights = [rng.normal(size=shape).astype(np.float32) for shape in pairwise(sizes)]
        return Perceptron(tuple(weights), tuple(rng.normal(size=size).astype(np.float32) for size in sizes[1:]))

    members = [member() for _ in range(count)]
    values = table().astype(np.float32)
    wanted = np.mean([member.logits(values) for member in members], axis=0)
    merged = merge(members)
    assert {layer.dtype for layer in (*merged.weights, *merged.biases)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(merged.logits(values), wanted, rtol=1e-4, atol=1e-4)


# -- one head --------------------------------------------------------------------------------------------------


def test_a_head_never_sees_blocks_that_are_unknown_or_not_chosen():
    values, rng = table(), np.random.default_rng(1)
    targets, weight = rng.integers(0, 4, len(values)), rng.random(len(values)).astype(np.float32)
    chosen = rng.random(len(values)) < 0.8
    targets[:100:3] = UNKNOWN
    first = fit_head((values,), targets, weight, chosen, SMALL)
    unseen = ~chosen | (targets == UNKNOWN)
    spoilt = np.where(unseen[:, None], np.float16(5000), values)
    assert same(first, fit_head((spoilt,), targets, np.where(unseen, 99, weight), chosen, SMALL))
    kept = ~unseen
    everyone = np.ones(kept.sum(), np.bool_)
    assert same(first, fit_head((values[kept],), targets[kept], weight[kept], everyone, SMALL))
    assert not same(first, fit_head((values + np.float16(1),), targets, weight, chosen, SMALL))


def test_a_block_is_main_text_from_half_of_its_words():
    values = table()
    everyone, weight = np.ones(len(values), np.bool_), np.ones(len(values), np.float32)
    shares = np.random.default_rng(2).random(len(values)).astype(np.float32)
    shares[0] = 0.5
    by_share = fit_head((values,), shares, weight, everyone, SMALL)
    assert same(by_share, fit_head((values,), (shares >= 0.5).astype(np.int64), weight, everyone, SMALL))
    assert not same(by_share, fit_head((values,), (shares > 0.5).astype(np.int64), weight, everyone, SMALL))


def test_a_head_learns_and_takes_raw_values_of_several_tables():
    values = table(2000) * np.float16(50) + np.float16(100)
    goal = (values[:, 0] > 100).astype(np.int64)
    everyone, weight = np.ones(len(values), np.bool_), np.ones(len(values), np.float32)
    constant = np.full((len(values), 1), 3, np.float16)
    tables = values[:, :2], constant, values[:, 2:]
    head = fit_head(tables, goal, weight, everyone, replace(SMALL, epochs=20, batch=64, rate=0.01))
    some = np.arange(len(values)) % 3 == 0
    logits = predict_rows(head, tables, some)
    assert logits.shape == (some.sum(), 1)
    assert ((logits[:, 0] > 0) == goal[some]).mean() > 0.9
    np.testing.assert_allclose(head.mean[:2], values[:, :2].mean(axis=0, dtype=np.float32), rtol=1e-3)
    far = [np.full((1, 8), value, np.float32) for value in (head.mean + 2 * CLIP * head.scale, 1e6)]
    assert np.isfinite(far[0]).all() and np.array_equal(*map(head.logits, far))


# -- the label head --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Labelled pages, and pages whose main text alone is known."""
    folder = tmp_path_factory.mktemp("corpus")
    return oracle([*few_pages(), *(written(folder, f"page{i}") for i in range(6))]).stack


def even(stack):
    return np.ones(len(stack.bags.labels), np.float32), np.ones(len(stack.bags.labels), np.bool_)


def test_without_unlabelled_pages_the_teacher_is_the_label_head(stack):
    weight, everyone = even(stack)
    with quickly():
        found = fit_label_head(stack, (stack.values,), everyone)
        assert same(found, fit_head((stack.values,), stack.bags.labels, weight, everyone, SMALL))


def test_unlabelled_pages_that_are_held_out_are_not_used(mixed, monkeypatch):
    monkeypatch.setattr(fit, "PSEUDO_SHARE", 1.0)
    weight, everyone = even(mixed)
    labelled = mixed.bags.labels != UNKNOWN
    with quickly():
        teacher = fit_head((mixed.values,), mixed.bags.labels, weight, everyone, SMALL)
        assert same(teacher, fit_label_head(mixed, (mixed.values,), labelled))
        assert not same(teacher, fit_label_head(mixed, (mixed.values,), everyone))


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_teacher_labels_whole_pages_for_the_head_that_ships(mixed, monkeypatch, share):
    asked = []

    def spy(tables, targets, weight, chosen, how):
        asked.append((targets.copy(), weight.copy()))
        return fit_head(tables, targets, weight, chosen, how)

    monkeypatch.setattr(fit, "PSEUDO_SHARE", share)
    monkeypatch.setattr(fit, "fit_head", spy)
    before = mixed.bags.labels.copy()
    with quickly():
        fit_label_head(mixed, (mixed.values,), even(mixed)[1])
    (truth, level), (goals, weights) = asked
    np.testing.assert_array_equal(mixed.bags.labels, before)
    np.testing.assert_array_equal(truth, before)
    assert (level == 1).all()
    known = before != UNKNOWN
    np.testing.assert_array_equal(goals[known], before[known])
    assert (weights[known] == 1).all()
    added = (goals != UNKNOWN) & ~known
    assert (weights[added] <= PSEUDO_WEIGHT).all() and (weights[added] > PSEUDO_WEIGHT / 16 - 1e-6).all()
    bare = [i for i, sample in enumerate(mixed.samples) if sample.corpus != "gold"]
    taken = {i for i in bare if added[mixed.bags.owners == i].any()}
    assert all(added[mixed.bags.owners == i].all() for i in taken)
    assert len(taken) == len(bare) if share == 1 else 0 < len(taken) < len(bare)


# -- cross-validation ------------------------------------------------------------------------------------------


def test_scores_and_main_logits_of_a_fold_hang_on_no_truth_of_its_own(stack):
    rng = np.random.default_rng(3)
    fold = int(stack.folds[0])

    def lie(sample):
        count = len(sample.page)
        return replace(sample, labels=rng.integers(0, 4, count), main=rng.random(count).astype(np.float32))

    other = Stack([lie(s) if f == fold else s for s, f in zip(stack.samples, stack.folds, strict=True)])
    with quickly():
        first, second = cross_validate(stack), cross_validate(other)
    held = stack.block_folds == fold
    assert first.label_logits.shape == (len(held), 4) and first.main_logits.shape == (len(held),)
    for part in ("scores", "main_logits"):
        one, two = getattr(first, part), getattr(second, part)
        np.testing.assert_array_equal(one[held], two[held], part)
        assert not np.array_equal(one[~held], two[~held]), part


def test_rows_of_a_stack_come_apart_by_page(stack):
    parts = list(stack.per_sample(np.arange(len(stack.values))))
    assert [len(part) for part in parts] == [len(sample.page) for sample in stack.samples]
    assert np.concatenate(parts).tolist() == list(range(len(stack.values)))
    carried = stack.spread(stack.values[:, :2].astype(np.float32), lambda sample, values: values + len(sample.page))
    sizes = np.repeat(stack.ends - np.concatenate([[0], stack.ends[:-1]]), np.diff(stack.ends, prepend=0))
    np.testing.assert_allclose(carried, stack.values[:, :2] + sizes[:, None], rtol=1e-3)
