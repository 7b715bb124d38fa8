"""Slopes against differences of the loss; what the loss does not see; a network that learns; the same bytes twice."""

from dataclasses import fields, replace

import numpy as np
import pytest

from classifier.blocks import cut
from classifier.layout import Layout
from classifier.network import surroundings
from training.network import (
    Batch,
    Settings,
    _start,
    batches_of,
    fit_network,
    gradient,
    joined,
    network_of,
    side_by_side,
)

HTML = "<div class=a><h2>t</h2><p class=x>one two<p class=x>three <b>f</b></div><ul><li>a<li>b<li>c</ul><p>end"
INPUTS = 7
SMALL = Settings(width=5, message=4, rounds=2, drop=0)


def make_batch(seed=0, pages=(HTML, "<p>x" + HTML)):
    layouts = [Layout(cut(html)) for html in pages]
    rng = np.random.default_rng(seed)
    near = joined([surroundings(x) for x in layouts])
    n = len(near.before)
    return Batch(
        rng.normal(size=(n, INPUTS)),
        near,
        np.repeat(np.arange(len(layouts)), [len(x.page) for x in layouts]),
        shares(rng.integers(-1, 4, n)),
        rng.choice([-1, 0, 0.25, 1], n),
        rng.random(n),
    )


def shares(labels):
    """(n, 4) all for the label; zeros for an unknown one."""
    return np.where(labels[:, None] == np.arange(4), 1.0, 0.0)


def logits_of(weights, batch, how=SMALL):
    network = network_of([weights], np.zeros(INPUTS), np.ones(INPUTS), how)
    return network.logits(batch.inputs.copy(), batch.near).astype(np.float64)


def loss(weights, batch):
    total = 0.0
    for logits, label, main, weight in zip(
        logits_of(weights, batch), batch.labels, batch.main, batch.weight, strict=True
    ):
        total -= (label * (logits[:4] - np.log(np.exp(logits[:4]).sum()))).sum()
        if main >= 0:
            share = 1 / (1 + np.exp(-logits[4]))
            total -= weight * (main * np.log(share) + (1 - main) * np.log(1 - share))
    return total / len(batch.labels)


@pytest.fixture
def weights():
    start = _start(np.random.default_rng(5), INPUTS, 5, SMALL)
    return {name: value.astype(np.float64) for name, value in start.items()}


@pytest.mark.parametrize("name", ["entry", "message0", "message1", "round0", "round1", "exit", "outputs"])
def test_slopes_are_the_differences_of_the_loss(weights, name):
    batch, rng = make_batch(), np.random.default_rng(6)
    slopes = gradient(weights, batch, batch.inputs.copy(), SMALL, (), rng)
    assert slopes.keys() == weights.keys()
    strong = np.argsort(-np.abs(slopes[name]).ravel())[:4].tolist() + rng.integers(0, weights[name].size, 4).tolist()
    for flat in strong:
        place = np.unravel_index(flat, weights[name].shape)
        before, step = weights[name][place], 2e-3
        sides = []
        for side in (step, -step):
            weights[name][place] = before + side
            sides.append(loss(weights, batch))
        weights[name][place] = before
        assert slopes[name][place] == pytest.approx((sides[0] - sides[1]) / 2 / step, rel=2e-2, abs=2e-4)
    assert np.abs(slopes[name]).max() > 1e-3


def test_unknown_blocks_have_no_slope(weights):
    batch = make_batch()
    blind = replace(batch, labels=np.zeros_like(batch.labels), main=np.full_like(batch.main, -1))
    slopes = gradient(weights, blind, batch.inputs.copy(), SMALL, (), np.random.default_rng(0))
    assert not any(slope.any() for slope in slopes.values())


def test_pages_of_a_batch_do_not_see_each_other(weights):
    batch = make_batch()
    apart = [make_batch(pages=(html,)) for html in (HTML, "<p>x" + HTML)]
    first = len(apart[0].labels)
    for part, rows in zip(apart, (slice(None, first), slice(first, None)), strict=True):
        own = replace(part, inputs=batch.inputs[rows])
        np.testing.assert_allclose(logits_of(weights, own), logits_of(weights, batch)[rows], rtol=1e-4, atol=1e-5)


def fitted(seed=0, epochs=60, how=SMALL):
    """A network that is to find the blocks whose page holds a large first input: no block can tell alone."""
    rng = np.random.default_rng(7)
    made = []
    for number in range(16):
        batch = make_batch(number, (HTML,))
        inputs = rng.normal(size=batch.inputs.shape).astype(np.float32)
        big = number % 2
        inputs[rng.integers(len(inputs)), 0] = 4 * big
        made.append(replace(batch, inputs=inputs, labels=shares(np.full(len(inputs), big)), main=np.full(len(inputs), -1.0)))
    how = replace(how, epochs=epochs, rate=0.01, warm=0.1, kept=0.9)
    groups = [np.arange(1, 3)]
    mean, scale = np.zeros(INPUTS, np.float32), np.ones(INPUTS, np.float32)
    return fit_network(lambda _: iter(made), epochs * len(made), mean, scale, 5, how, groups, seed), made


def test_a_network_learns_what_only_the_surroundings_tell():
    network, made = fitted()
    right = [(network.logits(b.inputs, b.near)[:, :4].argmax(axis=1) == b.labels.argmax(axis=1)).mean() for b in made]
    assert np.mean(right) > 0.95


def arrays(network):
    return [getattr(network, field.name) for field in fields(network)]


def test_the_same_seed_gives_the_same_weights():
    how = replace(SMALL, drop=0.2, blank=0.3)
    first, again, other = (fitted(seed, 2, how)[0] for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(arrays(first), arrays(again), strict=True))
    assert not np.array_equal(first.entry, other.entry)
    both = side_by_side([first, other])
    batch = make_batch()
    mean = (first.logits(batch.inputs, batch.near) + other.logits(batch.inputs, batch.near)) / 2
    np.testing.assert_allclose(both.logits(batch.inputs, batch.near), mean, rtol=1e-4, atol=1e-5)


def test_batches_hold_every_page_once():
    assert list(batches_of([3, 1, 2], 2, list)) == [[3, 1], [2]]
