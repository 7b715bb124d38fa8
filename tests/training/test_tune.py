"""Calibration and thresholds find what was hidden in made-up predictions, and look at the chosen samples alone."""

from dataclasses import replace

import numpy as np
import pytest
from small_training import few_pages
from threadpoolctl import threadpool_limits
from training_pages import oracle, written

from classifier.decide import DEFAULT_THRESHOLDS
from classifier.labels import LABELS, NAVIGATION
from classifier.model import sigmoid, softmax
from training.fit import Predictions, Stack
from training.samples import UNKNOWN
from training.tune import MAIN_LEAST, MAIN_POWER, MAIN_WORDS, WEIGHTS, macro_f1, tune


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def right():
    return oracle(few_pages())


def everyone(predictions):
    return np.ones(len(predictions.stack.samples), np.bool_)


def noisy(right, seed=0, scale=3.0):
    """Predictions that are often right, with too few votes for paywall and ad."""
    rng = np.random.default_rng(seed)
    labels = right.label_logits / 3 + rng.normal(0, scale / 2, right.label_logits.shape) - np.array([0, 0, 2, 2])
    main = right.main_logits / 9 * scale + rng.normal(0, scale, len(right.main_logits)) + 1
    return Predictions(right.stack, labels.astype(np.float32), main.astype(np.float32), right.scores)


def drawn(right, slope, main_slope, offset, seed=0):
    """Predictions whose truth was drawn from them, by known slopes and a known offset."""
    rng = np.random.default_rng(seed)
    samples, labels, main = [], [], []
    for sample in right.stack.samples * 5:
        count = len(sample.page)
        logits = rng.normal(0, 3, (count, 4)).astype(np.float32)
        line = rng.normal(0, 3, count).astype(np.float32)
        shares = softmax(logits * slope)
        truth = (shares.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=3)
        inside = rng.random(count) < sigmoid(line * main_slope + offset)
        samples.append(replace(sample, labels=truth, main=inside.astype(np.float32)))
        labels.append(logits)
        main.append(line)
    stack = Stack(samples)
    return Predictions(stack, np.concatenate(labels), np.concatenate(main), np.zeros((sum(map(len, main)), 10)))


# -- calibration -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slope", "main_slope", "offset"), [(0.5, 0.6, 1.5), (1.5, 1.2, -0.7)])
def test_calibration_finds_the_slopes_that_the_truth_was_drawn_by(right, slope, main_slope, offset):
    predictions = drawn(right, slope, main_slope, offset)
    tuned = tune(predictions, everyone(predictions))
    assert tuned.calibration.label_slope == pytest.approx(slope, rel=0.1)
    assert tuned.calibration.main_slope == pytest.approx(main_slope, rel=0.12)
    assert tuned.calibration.main_offset == pytest.approx(offset, abs=0.2)


def test_logits_twice_as_large_give_the_same_probabilities(right):
    once = noisy(right)
    twice = Predictions(once.stack, once.label_logits * 2, once.main_logits * 2, once.scores)
    one, two = tune(once, everyone(once)), tune(twice, everyone(twice))
    assert two.calibration.label_slope == pytest.approx(one.calibration.label_slope / 2, rel=1e-3)
    np.testing.assert_allclose(
        one.calibration.label_probabilities(once.label_logits), two.calibration.label_probabilities(twice.label_logits), atol=1e-3
    )
    np.testing.assert_allclose(
        one.calibration.main_probabilities(once.main_logits), two.calibration.main_probabilities(twice.main_logits), atol=1e-3
    )


def test_logits_that_speak_against_the_truth_are_flattened_but_never_turned(right):
    wrong = oracle(few_pages(), sure=-9.0)
    tuned = tune(wrong, everyone(wrong))
    assert 0.1 <= tuned.calibration.label_slope < 0.11
    assert tuned.calibration.main_slope == 0.05


# -- thresholds ------------------------------------------------------------------------------------------------


def test_weights_raise_the_macro_f1(right):
    predictions = noisy(right)
    tuned = tune(predictions, everyone(predictions))
    labels = right.stack.bags.labels
    known = labels != UNKNOWN
    shares = tuned.calibration.label_probabilities(predictions.label_logits)[known]
    weights = np.array([tuned.thresholds[f"weight_{label}"] for label in LABELS])
    before = macro_f1(labels[known], shares.argmax(axis=1))
    after = macro_f1(labels[known], (shares * weights).argmax(axis=1))
    assert after > before + 0.01
    assert tuned.thresholds["weight_paywall"] > 1


@pytest.mark.parametrize("seed", range(3))
def test_thresholds_are_among_those_tried(right, seed):
    predictions = noisy(right, seed)
    found = tune(predictions, everyone(predictions)).thresholds
    assert found.keys() == DEFAULT_THRESHOLDS.keys()
    grids = {f"weight_{label}": WEIGHTS for label in LABELS}
    grids |= {"main_power": MAIN_POWER, "main_least": MAIN_LEAST, "main_words": MAIN_WORDS}
    for name, value in found.items():
        assert any(value == pytest.approx(tried, abs=1e-3) for tried in grids[name]), name
    assert found[f"weight_{LABELS[NAVIGATION]}"] == 1


def test_a_page_without_main_text_raises_the_words_that_are_expected_of_one(tmp_path):
    """A link list that the head half takes for main text: its expected words decide."""
    page = written(tmp_path, main="", html="<p>Harbour bridge<p>Ferry times<p>Old lock<p>Night bus<p>Cold tea")
    predictions = oracle([page])
    halfway = Predictions(predictions.stack, predictions.label_logits, np.zeros(5, np.float32), predictions.scores)
    assert tune(halfway, everyone(halfway)).thresholds["main_words"] > 5


def test_snippets_alone_choose_no_threshold_of_the_main_text(tmp_path):
    page = written(tmp_path)
    snippets = replace(page, truth=replace(page.truth, main=None, without=()))
    predictions = oracle([snippets])
    assert dict(tune(predictions, everyone(predictions)).thresholds) == dict(DEFAULT_THRESHOLDS)


def test_without_labels_nothing_is_tuned_of_them(tmp_path):
    predictions = oracle([written(tmp_path)])
    tuned = tune(predictions, everyone(predictions))
    assert tuned.calibration.label_slope == 1
    assert all(tuned.thresholds[f"weight_{label}"] == 1 for label in LABELS)
    nobody = tune(predictions, ~everyone(predictions))
    assert (nobody.calibration.label_slope, nobody.calibration.main_slope, nobody.calibration.main_offset) == (1, 1, 0)
    assert dict(nobody.thresholds) == dict(DEFAULT_THRESHOLDS)


def test_samples_that_are_not_chosen_change_nothing(right):
    predictions = noisy(right)
    chosen = np.arange(len(right.stack.samples)) % 2 == 0
    rows = chosen[right.stack.bags.owners]
    rng = np.random.default_rng(5)

    def lie(sample):
        count = len(sample.page)
        return replace(sample, labels=rng.integers(0, 4, count), main=rng.random(count).astype(np.float32))

    samples = right.stack.samples
    stack = Stack([s if take else lie(s) for s, take in zip(samples, chosen, strict=True)])
    labels = np.where(rows[:, None], predictions.label_logits, rng.normal(0, 9, (len(rows), 4))).astype(np.float32)
    main = np.where(rows, predictions.main_logits, -predictions.main_logits)
    other = Predictions(stack, labels, main, predictions.scores)
    assert vars(tune(other, chosen)) == vars(tune(predictions, chosen))
    assert vars(tune(other, ~chosen)) != vars(tune(predictions, ~chosen))


def test_macro_f1_counts_every_label_alike():
    truth = np.array([0] * 97 + [1, 2, 3])
    assert macro_f1(truth, truth) == 1
    assert macro_f1(truth, np.zeros(100, np.int64)) == pytest.approx(2 * 97 / 197 / 4)
