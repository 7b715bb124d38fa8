"""The formulas over totals say what the single measures say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.access import Access, Observed
from classifier.labels import LABELS
from training import formulas
from training.fit_access import AccessRow, score_access
from training.measures import Counts, scores_of

TABLES = st.lists(st.integers(0, 9), min_size=20, max_size=20).map(lambda cells: np.array(cells, np.int64))


@given(TABLES)
def test_labels_are_scored_as_the_measure_does(table):
    known = scores_of(table.reshape(4, 5))
    made = formulas.label_formulas("x")
    for label, scores, support in zip(LABELS, known.labels, known.support, strict=True):
        for name in ("f1", "precision", "recall"):
            value = float(made[f"x.{label}.{name}"](table.astype(float)))
            if support:
                assert value == pytest.approx(getattr(scores, name))
            elif name != "precision":
                assert np.isnan(value)
    if all(known.support):
        assert float(made["x.macro"](table.astype(float))) == pytest.approx(known.macro_f1)


@given(st.lists(TABLES, min_size=1, max_size=4))
def test_many_totals_at_once_give_what_each_gives(tables):
    rows = np.array(tables, np.float64)
    for formula in formulas.label_formulas("x").values():
        np.testing.assert_allclose(formula(rows), [formula(row) for row in rows])


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_snippets_are_scored_as_the_measure_does(kept, lost, let_in):
    known = Counts(kept, lost, let_in).scores
    for name, formula in formulas.SNIPPETS.items():
        assert float(formula(np.array([kept, lost, let_in], float))) == pytest.approx(getattr(known, name))


LEVEL = st.sampled_from(formulas.LEVELS)


@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=20))
def test_access_is_scored_as_in_training(pairs):
    rows = [AccessRow(Observed(), true, "a.example") for true, _ in pairs]
    known = score_access(rows, [Access(level) for _, level in pairs])
    table = np.zeros((3, 3))
    for true, level in pairs:
        table[formulas.LEVELS.index(true), formulas.LEVELS.index(level)] += 1
    for name, value in (("f1", known.f1), ("precision", known.precision), ("recall", known.recall),
                        ("kind", known.kind_accuracy), ("false_alarms", known.false_alarms)):  # fmt: skip
        made = float(formulas.ACCESS[name](table.ravel()))
        assert np.isnan(made) or made == pytest.approx(value)
        if table[:, 1:].any() and table[1:, 1:].any() and table[0].any():
            assert not np.isnan(made)


def test_calibration_error_counts_each_bin_by_its_blocks():
    shares = np.array([0.05, 0.05, 0.95, 1.0])
    truth = np.array([0.0, 0.0, 1.0, 0.0])
    # first bin: mean .05 against 0; last: mean .975 against .5
    expected = 0.5 * 0.05 + 0.5 * 0.475
    assert float(formulas.calibration_error(formulas.bin_counts(shares, truth))) == pytest.approx(expected)


def test_bins_add_up_over_pages():
    rng = np.random.default_rng(0)
    shares, truth = rng.random(50), rng.integers(0, 2, 50).astype(float)
    apart = formulas.bin_counts(shares[:20], truth[:20]) + formulas.bin_counts(shares[20:], truth[20:])
    np.testing.assert_allclose(apart, formulas.bin_counts(shares, truth))
