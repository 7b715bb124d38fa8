"""Sparse bags for fitting agree with the lexical stage that ships; what too few sites use is left out."""

from dataclasses import replace

import numpy as np
import pytest
from small_training import few_pages, quickly

from classifier.blocks import cut
from classifier.model import NAME_LEVELS, PAIR_BITS, SCORES
from training.lexical import MIN_SITES, PAGE_WEIGHT, make_bags
from training.samples import COMPOSED, UNKNOWN, make_sample
from training.train import make_samples


def page(site, html, labels=None):
    cut_page = cut(html)
    known = None if labels is None else np.array(labels)
    return make_sample(site, "gold", "pages", site, cut_page, known, None)


@pytest.fixture(scope="module", params=["html", "text"])
def samples(request):
    odd = [page("odd.example", "<p>—<p>続きを読む<p>OK<p>" + "harbour " * 300), page("one.example", "<b>—</b>")]
    return [*make_samples(few_pages(), request.param, jobs=1), *odd]


@pytest.fixture(scope="module")
def bags(samples):
    return make_bags(samples)


@pytest.fixture(scope="module")
def fitted(bags, samples):
    with quickly():
        return bags.fit(np.ones(len(samples), np.bool_))


def test_bags_score_a_page_as_the_lexical_stage_does(samples, bags, fitted):
    alike = len(set(samples[0].layout.look_words[-1])) == 1 and not fitted.links  # lines of text without markup
    assert fitted.word_weights.any() and fitted.name_weights.any() != alike
    for index, sample in enumerate(samples):
        ours = bags.scores(fitted, np.arange(len(samples)) == index)
        assert ours.shape == (len(sample.page), len(SCORES))
        np.testing.assert_allclose(ours, fitted.scores(sample.layout), atol=1e-4, err_msg=sample.id)


def test_pages_are_scored_one_behind_the_other(samples, bags, fitted):
    chosen = np.arange(len(samples)) % 2 == 0
    parts = [fitted.scores(sample.layout) for sample, take in zip(samples, chosen, strict=True) if take]
    np.testing.assert_allclose(bags.scores(fitted, chosen), np.concatenate(parts), atol=1e-4)


def test_weights_have_the_shapes_of_a_model_and_survive_half_precision(bags, fitted):
    assert fitted.word_weights.shape == (1 + len(fitted.words) + (1 << PAIR_BITS), 5)
    assert fitted.name_weights.shape == (len(NAME_LEVELS), 1 + len(fitted.names), 5)
    assert fitted.link_weights.shape == (1 + len(fitted.links), 5)
    for weights in (fitted.word_weights, fitted.name_weights, fitted.link_weights):
        np.testing.assert_array_equal(weights.astype(np.float16), weights)
    assert (fitted.words, fitted.names) == (bags.vocabulary.words, bags.vocabulary.names)


def test_every_page_weighs_alike(samples, bags):
    sums = np.bincount(bags.owners, bags.weight)
    np.testing.assert_allclose(sums, np.full(len(samples), PAGE_WEIGHT), rtol=1e-4)
    assert bags.weight.min() > 0


def test_fitting_sees_the_chosen_pages_alone(samples, bags):
    chosen = np.arange(len(samples)) < 8
    outside = ~chosen[bags.owners]
    lies = replace(bags, labels=np.where(outside, 3, bags.labels), main=np.where(outside, 1, bags.main))
    with quickly():
        one, two = bags.fit(chosen), lies.fit(chosen)
    np.testing.assert_array_equal(one.word_weights, two.word_weights)
    np.testing.assert_array_equal(one.name_weights, two.name_weights)
    np.testing.assert_array_equal(one.link_weights, two.link_weights)


# -- the vocabulary --------------------------------------------------------------------------------------------


def sites(html, count, pages_each=1):
    return [page(f"site{i}.example", html) for i in range(count) for _ in range(pages_each)]


def test_words_of_fewer_sites_than_needed_are_left_out():
    common = sites("<p class=teaser>harbour bridge", MIN_SITES)
    rare = sites("<h2 class=gate>lantern oil", MIN_SITES - 1, pages_each=4)
    vocabulary = make_bags([*common, *rare]).vocabulary
    assert vocabulary.words == ("bridge", "harbour")
    assert "teaser" in vocabulary.names and "<p>" in vocabulary.names
    assert not {"gate", "<h2>"} & set(vocabulary.names)


def test_numbers_and_endless_words_are_left_out():
    vocabulary = make_bags(sites(f"<p>1984 ٣ covid19 {'a' * 30} {'b' * 31}", MIN_SITES)).vocabulary
    assert vocabulary.words == ("a" * 30, "covid19")


def test_the_vocabulary_sees_no_truth():
    made = sites("<p>harbour<p>bridge", MIN_SITES)
    told = [replace(sample, labels=np.array([0, 3]), main=np.array([1, 0], np.float32)) for sample in made]
    one, two = make_bags(made).vocabulary, make_bags(told).vocabulary
    assert (one.words, one.names, one.links) == (two.words, two.names, two.links)


def test_pages_without_truth_give_weights_of_zero():
    made = sites("<p>harbour<p>bridge", MIN_SITES)
    bags = make_bags(made)
    assert set(bags.labels) == {UNKNOWN} and set(bags.main) == {UNKNOWN}
    fitted = bags.fit(np.ones(len(made), np.bool_))
    assert not (fitted.word_weights.any() or fitted.name_weights.any() or fitted.link_weights.any())


def test_a_word_that_goes_with_a_label_speaks_for_it():
    made = [
        page(f"site{i}.example", "<p>harbour<p>menu<p>sponsored<p>subscribe", [0, 1, 2, 3]) for i in range(MIN_SITES)
    ]
    bags = make_bags(made)
    fitted = bags.fit(np.ones(len(made), np.bool_))
    scores = fitted.scores(made[0].layout)[:, :4]
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_composed_pages_teach_only_labels_that_no_other_page_has():
    html = "<p>harbour<p>menu<p>sponsored<p>subscribe"
    real = [page(f"site{i}.example", html, [0, 1, 2, UNKNOWN]) for i in range(MIN_SITES)]
    made = [replace(page(f"more{i}.example", html, [1, 0, 2, UNKNOWN]), corpus=COMPOSED) for i in range(MIN_SITES)]
    everyone = np.ones(2 * MIN_SITES, np.bool_)
    both = make_bags([*real, *made])
    alone = make_bags([*real, *(replace(one, labels=np.full(4, UNKNOWN)) for one in made)])
    np.testing.assert_array_equal(both.fit(everyone).word_weights, alone.fit(everyone).word_weights)
    gates = [replace(one, labels=np.array([0, 1, 2, 3])) for one in made]
    scores = make_bags([*real, *gates]).fit(everyone).scores(made[0].layout)
    assert scores[:, 3].argmax() == 3
