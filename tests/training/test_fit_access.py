import numpy as np
import pytest

from classifier.access import PRIOR, SIGNALS, Observed, Sign, judge
from training.fit_access import AccessRow, cross_validate, fit_access, score_access


def rows(count=120, seed=0):
    """Pages of three kinds: gates show in the gate signals, cut texts in a short main text."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        level = ("open", "open", "metered", "gated")[index % 4]
        gate = 0.0 if level == "open" else 0.6 + 0.3 * rng.random()
        signs = (
            Sign("gate_peak", gate),
            Sign("gate_words", gate + 0.1 * rng.random()),
            Sign("main_words", (0.8 if level == "gated" else 1.6) + 0.2 * rng.random()),
            Sign("vendor", float(level == "open")),
        )
        found.append(AccessRow(Observed(signs), level, f"site{index // 3}.example", str(index)))
    return found


def test_the_fitted_coefficients_tell_the_kinds_apart():
    coefficients = fit_access(rows())
    assert [judge(row.observed, coefficients).level for row in rows(seed=1)] == [
        row.level for row in rows(seed=1)
    ]


def test_fitting_is_reproducible():
    assert fit_access(rows(), seed=3) == fit_access(rows(), seed=3)


def test_training_never_turns_a_known_sign_around():
    fitted = fit_access(rows())
    for weights, prior in ((fitted.not_open, PRIOR.not_open), (fitted.gated, PRIOR.gated)):
        assert all(weights[name] * prior[name] >= 0 for name in SIGNALS)


def test_too_few_pages_leave_the_prior():
    few = [row for row in rows() if row.level == "open"]
    assert fit_access(few) == PRIOR


def test_cross_validation_scores_every_page_once_and_never_trains_on_its_site():
    trained = []

    def fit(part, seed):
        trained.append({row.site for row in part})
        return fit_access(part, seed)

    pages = rows()
    scores = cross_validate(pages, fit=fit)
    assert scores.f1 == pytest.approx(1, abs=0.05)
    assert scores.kind_accuracy == pytest.approx(1, abs=0.05)
    sites = {row.site for row in pages}
    held_out = [sites - seen for seen in trained]
    assert set().union(*held_out) == sites
    assert sum(map(len, held_out)) == len(sites)


def test_scores_by_hand():
    truth = rows(8)
    verdicts = [judge(Observed())] * 4 + [judge(row.observed, fit_access(rows())) for row in truth[4:]]
    scores = score_access(truth, verdicts)
    assert (scores.precision, scores.recall, scores.false_alarms) == (1, 0.5, 0)
    assert scores.f1 == pytest.approx(2 / 3)
    assert [(name, level) for name, level, _ in scores.wrong] == [("2", "metered"), ("3", "gated")]
