from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import documents

from classifier.access import PRIOR, Coefficients
from classifier.blocks import cut
from classifier.features import featurise
from classifier.labels import LABELS
from classifier.layout import Layout
from classifier.model import (
    NAME_LEVELS,
    PAIR_BITS,
    SCORES,
    Calibration,
    input_names,
    pair_ids,
    sigmoid,
    softmax,
)
from classifier.network import surroundings
from classifier.plaintext import read_lines

PAGE = """<body class="article"><nav class=nav><ul><li><a href=/plans/x>The harbour</a><li><a href=//b.example>One</a></ul>
</nav><h1>The harbour</h1><p class=paywall>Subscribe and the <b>harbour</b> and the été.<p>42</p>
<p>!</p></body>"""

BAGS = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=8)


def flat(bags):
    ids = np.array([i for bag in bags for i in bag], np.int64)
    return ids, np.array([len(bag) for bag in bags], np.int64)


def naive_pair(a, b):
    return (a * 92_821 + b * 68_917) % 2**PAIR_BITS


# -- bags ----------------------------------------------------------------------------------------------------


@given(BAGS)
def test_pairs_stay_inside_their_bag(bags):
    naive = [naive_pair(a, b) for bag in bags for a, b in pairwise(bag)]
    assert pair_ids(*flat(bags)).tolist() == naive


def test_pairs_have_an_order():
    assert pair_ids(np.array([1, 2]), np.array([2])) != pair_ids(np.array([2, 1]), np.array([2]))


@given(st.lists(st.integers(0, 1 << 17), min_size=2, max_size=9))
def test_pairs_are_rows_of_the_table(ids):
    pairs = pair_ids(np.array(ids), np.array([len(ids)]))
    assert ((pairs >= 0) & (pairs < 1 << PAIR_BITS)).all()


# -- lexical stage -------------------------------------------------------------------------------------------


def naive_scores(lexical, page, x):
    rows = []
    for block in range(len(page)):
        ids = [lexical.words.index(w) + 1 if w in lexical.words else 0 for w in x.words[block]]
        pairs = [naive_pair(a, b) + 1 + len(lexical.words) for a, b in pairwise(ids)]
        words = sum((lexical.word_weights[i] for i in ids + pairs), np.zeros(5)) / max(len(ids), 1) ** 0.5
        above = [*page.ancestors(page.elements[block])]
        above += [0] * (x.chains.shape[1] - len(above))
        names = np.zeros(5)
        for (low, high), weights in zip(NAME_LEVELS, lexical.name_weights, strict=True):
            for element in above[low:high] + ([int(page.leaves[block])] if low == 0 else []):
                for word in x.look_words[x.looks[element]]:
                    names += weights[lexical.names.index(word) + 1 if word in lexical.names else 0]
        found = [x.links.words.by_text()[target] for target in x.links.targets[x.links.blocks == block].tolist()]
        links = np.zeros(5)
        for told in found:
            ids = [lexical.links.index(word) + 1 if word in lexical.links else 0 for word in told]
            links += sum(lexical.link_weights[i] for i in ids) / len(ids) ** 0.5 / len(found)
        rows.append(np.concatenate([words, names, links]))
    return np.array(rows)


def test_scores_equal_a_naive_reference(tiny_model):
    page = cut(PAGE)
    x = Layout(page)
    scores = tiny_model.lexical.scores(x)
    assert scores.shape == (len(page), len(SCORES))
    assert scores.any(axis=0).all()
    np.testing.assert_allclose(scores, naive_scores(tiny_model.lexical, page, x), rtol=1e-3, atol=1e-4)


@given(documents(list("uvw!9続")))
@settings(max_examples=40, deadline=None)
def test_scores_of_any_page_equal_a_naive_reference(tiny_model, source):
    page = cut(source)
    x = Layout(page)
    if len(page):
        expected = naive_scores(tiny_model.lexical, page, x)
        np.testing.assert_allclose(tiny_model.lexical.scores(x), expected, rtol=1e-3, atol=1e-3)


# -- probabilities ---------------------------------------------------------------------------------------------------


def test_softmax_by_hand():
    np.testing.assert_allclose(softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]])
    assert softmax(np.array([[1e30, -1e30]], np.float32)).tolist() == [[1, 0]]


def test_sigmoid_by_hand():
    np.testing.assert_allclose(sigmoid(np.array([0, np.log(3), -np.log(3)])), [0.5, 0.75, 0.25])
    extremes = sigmoid(np.array([-1e30, 1e30], np.float32))
    assert extremes[0] < 1e-9
    assert extremes[1] == 1


# -- the whole model -----------------------------------------------------------------------------------------


def assert_probabilities(labels, main, m):
    assert (labels.shape, main.shape) == ((m, len(LABELS)), (m,))
    assert ((labels >= 0) & (labels <= 1)).all()
    assert ((main >= 0) & (main <= 1)).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)


def test_probabilities(tiny_model):
    labels, main = tiny_model.predict(Layout(cut(PAGE)))
    assert_probabilities(labels, main, 6)
    assert len(np.unique(main)) > 1


def test_predict_is_its_stages_one_after_the_other(tiny_model):
    x = Layout(cut(PAGE))
    values = np.concatenate([featurise(x).values, tiny_model.lexical.scores(x)], axis=1)
    logits = tiny_model.network.logits(values, surroundings(x))
    labels, main = tiny_model.predict(x)
    np.testing.assert_allclose(labels, softmax(logits[:, :4] * 0.75), rtol=1e-5)
    np.testing.assert_allclose(main, sigmoid(logits[:, 4] * 0.5 - 0.125), rtol=1e-5)


def test_names_of_the_inputs():
    names = input_names()
    assert names == (*featurise(Layout(cut(PAGE))).names, *SCORES)
    assert len(set(names)) == len(names)


def test_a_calibration_by_hand():
    found = Calibration(label_slope=2, main_slope=0.5, main_offset=1)
    np.testing.assert_allclose(found.label_probabilities(np.log([[1.0, 3.0]])), [[0.1, 0.9]])
    np.testing.assert_allclose(found.main_probabilities(np.array([-2.0, 4.0])), sigmoid(np.array([0.0, 3.0])))


@pytest.mark.parametrize("page", [cut(""), cut("<p> </p>"), read_lines("")])
def test_an_empty_page(tiny_model, page):
    assert_probabilities(*tiny_model.predict(Layout(page)), 0)


def test_a_page_of_one_block(tiny_model):
    assert_probabilities(*tiny_model.predict(Layout(cut("a"))), 1)
    assert_probabilities(*tiny_model.predict(Layout(read_lines("!"))), 1)


@given(documents())
@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("error")
def test_every_page_gets_probabilities_and_the_same_ones_twice(tiny_model, source):
    page = cut(source)
    labels, main = tiny_model.predict(Layout(page))
    assert_probabilities(labels, main, len(page))
    again = tiny_model.predict(Layout(cut(source)))
    assert (again[0] == labels).all()
    assert (again[1] == main).all()


def test_access_coefficients_come_from_the_contract(tiny_model):
    from dataclasses import replace

    assert tiny_model.access is None
    contract = replace(tiny_model.contract, access=PRIOR.to_dict())
    assert replace(tiny_model, contract=contract).access == Coefficients.from_dict(PRIOR.to_dict())
