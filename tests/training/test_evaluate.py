"""Figures of readings that are all right, all wrong or missing; and the gold's own scorer says the same."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_pages import SHARE, TEXT, labelled, oracle, written

from classifier.labels import LABELS
from training.evaluate import evaluate, language_group, page_types
from training.readings import UNTUNED, readings, tune_folds, verdicts


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    corpora = [written(folder, f"{source}{i}", source) for source in
               ("wcxb", "fundus", "trafilatura", "readability") for i in range(2)]  # fmt: skip
    return [*labelled(), *corpora]


@pytest.fixture(scope="module")
def right(pages):
    return list(readings(oracle(pages)))


def test_readings_that_are_right_score_full_marks(pages, right):
    headline = evaluate(right, pages).headline
    for name in ("wcxb.f1", "readability.f1", "fundus.f1", "fundus.whole", "trafilatura.f1"):
        assert headline[name].value == 1, name
    # blocks that hold two labels cost the oracle a little
    assert headline["gold.segments.macro"].value > 0.97
    assert headline["gold.words.macro"].value > 0.97
    assert headline["calibration.main"].value < 0.01
    assert headline["wcxb.f1"].pages == 2


def test_readings_that_are_wrong_score_nothing(pages):
    headline = evaluate(readings(oracle(pages, sure=-9.0)), pages).headline
    assert headline["wcxb.f1"].value < 0.3
    assert headline["trafilatura.f1"].value == 0
    assert headline["gold.segments.content.f1"].value < 0.1
    assert headline["calibration.content"].value > 0.2
    assert headline["calibration.main"].value > 0.9


def test_a_page_without_a_reading_counts_with_an_empty_output(pages, right, tmp_path):
    empty = written(tmp_path, "void", html="<title>x</title>")
    figure = evaluate(right, [*pages, empty]).headline["wcxb.f1"]
    assert (figure.value, figure.pages) == (pytest.approx(2 / 3), 3)
    nothing = replace(empty, truth=replace(empty.truth, main=""))
    assert evaluate(right, [*pages, nothing]).headline["wcxb.f1"].value == 1


def test_pages_that_are_not_given_are_not_measured(pages, right):
    headline = evaluate(right, [page for page in pages if page.source == "trafilatura"]).headline
    assert {name.split(".")[0] for name in headline} == {"trafilatura", "calibration"}


def test_shipped_pages_step_back_behind_a_gold_set(pages, right):
    golds = labelled()
    gold = replace(golds[0], source="elsewhere")
    found = [replace(r, sample=replace(r.sample, source="elsewhere")) if r.key == ("pages", gold.id) else r
             for r in right]  # fmt: skip
    assert evaluate(found, [gold, *golds[1:]]).headline["gold.segments.macro"].pages == 1
    assert evaluate(right, golds).headline["gold.segments.macro"].pages == len(golds)


def test_no_truth_is_refused(right):
    with pytest.raises(ValueError, match="None of the pages has a truth"):
        evaluate(right, [])


def test_the_figures_agree_with_the_golds_own_scorer(pages, right, tmp_path):
    path = Path(__file__).parents[3] / "shared" / "gold" / "score.py"
    if not path.is_file():
        pytest.skip(f"no scorer at {path}")
    spec = importlib.util.spec_from_file_location("gold_score", path)
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    rng = np.random.default_rng(0)
    noisy = []
    for reading in right:
        codes = np.where(rng.random(len(reading.main)) < 0.2, rng.integers(0, 4, len(reading.main)),
                         reading.decision.labels)  # fmt: skip
        noisy.append(replace(reading, decision=replace(reading.decision, labels=codes)))
    read = {reading.key: reading for reading in noisy}
    pairs = []
    for page in labelled():
        reading = read[page.source, page.id]
        blocks = [
            {"text": text, "label": LABELS[code]}
            for text, code in zip(reading.sample.page.texts, reading.decision.labels, strict=True)
        ]
        pairs += [(gold, best, 1) for _, gold, best, *_ in scorer.aligned(page.segments, blocks)]
    headline = evaluate(noisy, pages).headline
    for label, (precision, recall, f1, _) in scorer.f1s(pairs).items():
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            assert headline[f"gold.segments.{label}.{name}"].value == pytest.approx(value, abs=0.005)


def test_groups_add_up_to_the_whole(pages, right):
    figures = evaluate(right, pages)
    for heading, name in (("gold by language", "gold.segments.macro"), ("WCXB by page type", "wcxb.f1")):
        groups = figures.groups[heading].values()
        assert sum(group[name].pages for group in groups) == figures.headline[name].pages


def test_figures_can_be_written_and_shown(pages, right):
    figures = evaluate(right, pages, {"wcxb": "abc"})
    record = json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    assert record["headline"]["wcxb.f1"]["value"] == 1
    assert record["data"] == {"wcxb": "abc"}
    assert np.array(record["counts"]["access"]).shape == (3, 3)
    shown = figures.table()
    assert "main text, WCXB dev: words F1" in shown
    assert "WCXB by page type" in shown
    assert "met" in shown


def test_a_page_type_comes_from_the_same_address(tmp_path):
    page = written(tmp_path, "shop", page_type="product")
    gold = replace(labelled(1)[0], url=page.url, page_type=None)
    stranger = replace(gold, id="other", url="https://else.example/")
    types = page_types([gold, stranger, page])
    assert types["pages", gold.id] == "product"
    assert types["pages", "other"] == "unknown"


def test_languages_fall_into_groups():
    assert [language_group(code) for code in ("en", "nb", "pt", "zh", "pl")] == [
        "English",
        "German, Dutch, Scandinavian",
        "Romance",
        "Japanese, Korean, Chinese",
        "other languages",
    ]


# -- readings ------------------------------------------------------------------------------------------------


def test_each_fold_is_read_with_its_own_tuning(pages):
    predictions = oracle(pages)
    count = int(predictions.stack.folds.max()) + 1
    nothing = replace(UNTUNED, thresholds={**UNTUNED.thresholds, "main_words": 1e9})
    found = list(readings(predictions, [nothing, *[UNTUNED] * (count - 1)]))
    held = [reading for reading in found if reading.fold == 0]
    assert held
    assert not any(reading.decision.main.any() for reading in held)
    assert any(reading.decision.main.any() for reading in found if reading.fold)


def test_a_reading_holds_the_main_text(right):
    text = next(reading.text for reading in right if reading.key == ("wcxb", "wcxb0"))
    assert TEXT in text
    assert SHARE not in text


def test_too_few_tunings_are_refused(pages):
    with pytest.raises(ValueError, match="give one for each fold"):
        next(readings(oracle(pages), [UNTUNED]))


def test_tuning_of_a_fold_does_not_see_it(pages):
    predictions = oracle(pages)
    before = tune_folds(predictions)
    held = predictions.stack.block_folds == 0
    predictions.label_logits[held] *= -1
    predictions.main_logits[held] *= -1
    after = tune_folds(predictions)
    assert after[0] == before[0] or vars_of(after[0]) == vars_of(before[0])
    assert any(vars_of(a) != vars_of(b) for a, b in zip(after[1:], before[1:], strict=True))


def vars_of(tuned):
    return tuned.calibration.label_slope, tuned.calibration.main_slope, tuned.calibration.main_offset, dict(tuned.thresholds)


def test_no_verdict_is_fitted_on_its_own_fold(right, monkeypatch):
    fold_of = {reading.sample.id: reading.fold for reading in right}
    seen = []

    def fit(rows):
        seen.append({fold_of[row.id] for row in rows})

    monkeypatch.setattr("training.readings.fit_access", fit)
    golds = labelled()
    verdicts(right, golds)
    folds = {fold_of[page.id] for page in golds}
    assert seen == [folds - {fold} for fold in sorted(folds)]


def test_verdicts_are_given_where_the_level_is_known(right):
    golds = labelled()
    unsure = replace(golds[0], access="unsure")
    given = verdicts(right, [unsure, *golds[1:]])
    assert set(given) == {("pages", page.id) for page in golds[1:]}
    assert {verdict.level for verdict in given.values()} <= {"open", "metered", "gated"}
