"""A correction mends what the base got wrong on a site, and leaves alone what nobody corrected."""

from dataclasses import replace

import layouts
import numpy as np
import pytest
from layouts import LAYOUTS

from classifier.labels import CONTENT, NAVIGATION
from classifier.modelfile import default_model
from training.adapt import NothingToLearn, Worth, fit_correction, leave_one_out, lesson_of, score
from training.gold import read_pages
from training.samples import UNKNOWN, gold_sample

THRESHOLDS = default_model("html").contract.thresholds


def lessons_of(folder):
    return [lesson_of(gold_sample(page), default_model("html")) for page in read_pages(folder)]


@pytest.fixture(scope="module", params=list(LAYOUTS))
def lessons(request, tmp_path_factory):
    """The five pages of an invented site, as the shipped model reads them."""
    return lessons_of(layouts.write(request.param, tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def ferry():
    return lessons_of(layouts.ROOT / "ferry-post")


def test_two_pages_of_a_new_layout_halve_the_error_on_the_others(lessons):
    correction = fit_correction(lessons[:2])
    before = np.array([score(lesson, None, THRESHOLDS) for lesson in lessons[2:]])
    after = np.array([score(lesson, correction, THRESHOLDS) for lesson in lessons[2:]])
    assert (1 - after.mean(axis=0) <= (1 - before.mean(axis=0)) / 2 + 1e-9).all()
    assert (after >= before - 0.01).all()


def test_the_same_pages_give_the_same_correction(ferry):
    first, second = fit_correction(ferry[:2]), fit_correction(ferry[:2])
    assert first.weights.keys() == second.weights.keys()
    assert all(np.array_equal(first.weights[key], second.weights[key]) for key in first.weights)
    assert first.about["pages"] == 2


def test_a_base_that_is_right_and_sure_is_hardly_moved(ferry):
    sure = [
        replace(
            lesson,
            base_labels=np.where(np.eye(4)[lesson.labels] > 0, 0.9997, 0.0001).astype(np.float32),
            base_main=np.where(lesson.main >= 0.5, 0.9999, 0.0001).astype(np.float32),
        )
        for lesson in ferry
    ]
    assert np.abs(fit_correction(sure[:2]).shifts(sure[2].layout)).max() < 0.5


def test_pages_without_labels_teach_nothing(ferry):
    unknown = np.full(len(ferry[0].labels), UNKNOWN)
    with pytest.raises(NothingToLearn):
        fit_correction([replace(ferry[0], labels=unknown, main=unknown.astype(np.float32))])


def test_labels_alone_or_main_text_alone_can_be_learned(ferry):
    lesson = ferry[0]
    unknown = np.full(len(lesson.labels), UNKNOWN)
    labels = np.array(list(fit_correction([replace(lesson, main=unknown.astype(np.float32))]).weights.values()))
    assert labels[:, :-1].any() and not labels[:, -1].any()
    main = np.array(list(fit_correction([replace(lesson, labels=unknown)]).weights.values()))
    assert main[:, -1].any() and not main[:, :-1].any()


def test_without_a_statement_the_main_text_is_inferred_from_the_labels():
    page = read_pages(layouts.ROOT / "ferry-post")[0]
    sample = gold_sample(replace(page, main=None))
    lesson = lesson_of(sample, default_model("html"))
    assert (lesson.main[sample.labels == NAVIGATION] == 0).all()
    content = lesson.main[sample.labels == CONTENT]
    missed = lesson.base_labels.argmax(axis=1)[sample.labels == CONTENT] != CONTENT
    assert ((content == 1) == missed).all() and (content[~missed] == UNKNOWN).all()


def test_the_worth_is_measured_on_pages_left_out(ferry):
    assert leave_one_out(ferry[:1], THRESHOLDS) is None
    worth = leave_one_out(ferry[:3], THRESHOLDS)
    assert worth.pages == 3 and worth.main_after > worth.main_before
    assert worth.to_dict().keys() == set(Worth.__slots__)
    by_hand = [score(ferry[0], fit_correction(ferry[1:2]), THRESHOLDS), score(ferry[1], fit_correction(ferry[:1]), THRESHOLDS)]
    two = leave_one_out(ferry[:2], THRESHOLDS)
    assert (two.labels_after, two.main_after) == pytest.approx(np.mean(by_hand, axis=0))
