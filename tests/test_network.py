"""What each block sees, against a naive reference; networks side by side; inputs that lie far out."""

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import documents

import classifier.network
from classifier.blocks import cut
from classifier.columns import Columns
from classifier.layout import Layout
from classifier.network import (
    CLIP,
    LEVELS,
    RANGES,
    REACHES,
    VIEWS,
    Network,
    Said,
    affine,
    normalised,
    standardised,
    surroundings,
)

PAGE = "<h2>one</h2><ul><li>a<li>b</ul><div><p>c<p>d <b>e</b></div><p>f"


def layout(html=PAGE):
    return Layout(cut(html))


def naive_views(x, vectors):
    """(m, VIEWS, d), block by block."""
    page, near = x.page, surroundings(x)
    rows = []
    for block, own in enumerate(vectors):
        views = []
        for level in LEVELS:
            element = page.elements[block]
            for _ in range(level):
                element = page.parents[element]
            views.append(vectors[page.first[element] : page.last[element]].mean(axis=0))
        views.append(vectors.mean(axis=0))
        views += [vectors[max(block - reach, 0) : block + reach + 1].mean(axis=0) for reach in REACHES]
        views.append(vectors[near.templates == near.templates[block]].mean(axis=0))
        above = [i for i in range(block + 1) if page.tags[page.elements[i]] in ("h1", "h2", "h3", "h4", "h5", "h6")]
        views.append(vectors[above[-1]] if above else np.zeros_like(own))
        views.append(vectors[max(block - 1, 0)])
        rows.append(views)
    return np.array(rows)


def check_views(x):
    vectors = np.random.default_rng(1).normal(size=(len(x.page), 1, 3)).astype(np.float32)
    said = Said(vectors, surroundings(x))
    found = said.heard(slice(None)).reshape(-1, VIEWS, 3)
    np.testing.assert_allclose(found, naive_views(x, vectors[:, 0]), rtol=1e-4, atol=1e-5)


def test_what_blocks_see():
    check_views(layout())
    assert VIEWS == RANGES + 3


@given(documents())
@settings(max_examples=60, deadline=None)
def test_what_blocks_of_any_page_see(source):
    x = layout(source)
    if len(x.page):
        check_views(x)


def random_network(members, inputs=4, width=5, rounds=2, seed=0):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(0, 0.5, shape).astype(np.float32)

    return Network(
        mean=normal(inputs),
        scale=np.abs(normal(inputs)) + 0.5,
        entry=normal(inputs + 1, members, width),
        messages=normal(rounds, members, width, 3),
        rounds=normal(rounds, members, width + VIEWS * 3 + 1, width),
        exit=normal(members, width + 1, width),
        outputs=normal(members, width + 1, 3),
    )


def alone(network, member):
    return Network(
        network.mean,
        network.scale,
        network.entry[:, member : member + 1],
        network.messages[:, member : member + 1],
        network.rounds[:, member : member + 1],
        network.exit[member : member + 1],
        network.outputs[member : member + 1],
    )


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_networks_side_by_side_give_the_mean_of_their_logits(rounds):
    x = layout()
    network = random_network(3, rounds=rounds)
    inputs = np.random.default_rng(2).normal(size=(len(x.page), 4)).astype(np.float32)
    near = surroundings(x)
    each = [alone(network, i).logits(inputs, near) for i in range(3)]
    assert np.ptp(each, axis=0).max() > 0.01
    np.testing.assert_allclose(network.logits(inputs, near), np.mean(each, axis=0), rtol=1e-4, atol=1e-5)


def test_slices_and_shared_rows_change_nothing(monkeypatch):
    x = layout()
    near, network = surroundings(x), random_network(2)
    inputs = np.random.default_rng(2).normal(size=(len(x.page), 4)).astype(np.float32)
    inputs[:, 1:3] = inputs[[0, 1, 1, 0, 1, 0], 1:3]
    expected = network.logits(inputs, near)
    monkeypatch.setattr(classifier.network, "SLICE", 2)
    parts = [
        Columns((), inputs[:, :1].copy()),
        Columns((), inputs[:2, 1:3].copy(), np.array([0, 1, 1, 0, 1, 0])),
        Columns((), inputs[:, 3:].copy()),
    ]
    np.testing.assert_allclose(network.logits(iter(parts), near), expected, rtol=1e-4, atol=1e-5)


def test_a_network_without_rounds_is_a_perceptron():
    x = layout()
    network = random_network(1, rounds=0)
    inputs = np.random.default_rng(3).normal(size=(len(x.page), 4)).astype(np.float32)
    values = np.clip((inputs - network.mean) / network.scale, -CLIP, CLIP)
    for weights in (network.entry[:, 0], network.exit[0]):
        values = np.maximum(values @ weights[:-1] + weights[-1], 0)
    wanted = values @ network.outputs[0, :-1] + network.outputs[0, -1]
    np.testing.assert_allclose(network.logits(inputs, surroundings(x)), wanted, rtol=1e-5, atol=1e-6)


def test_far_inputs_are_clipped():
    given = np.array([[5, 1e30, -1e30]], np.float32)
    found = standardised(given, np.ones(3, np.float32), np.full(3, 0.5, np.float32))
    assert found.tolist() == [[2, CLIP, -CLIP]]


def test_normalised_vectors_have_mean_0_and_variance_1():
    found = normalised(np.random.default_rng(4).normal(3, 7, (5, 2, 64)).astype(np.float32))
    np.testing.assert_allclose(found.mean(axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(axis=-1), 1, rtol=1e-3)
    assert normalised(np.zeros((1, 1, 3), np.float32)).tolist() == [[[0, 0, 0]]]


def test_affine_by_hand():
    weights = np.array([[[2.0], [1.0]], [[3.0], [-1.0]]], np.float32)
    assert affine(np.array([[[5.0], [7.0]]], np.float32), weights).tolist() == [[[11], [20]]]
