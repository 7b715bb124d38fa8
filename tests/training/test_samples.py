"""What a page's truth says of each block, and what it leaves unknown."""

from dataclasses import replace

import numpy as np
import pytest
from small_training import few_pages
from training_pages import SHARE, TEXT, written

from classifier.blocks import cut
from classifier.labels import LABELS
from training.corpora import Truth
from training.gold import read_pages
from training.samples import UNKNOWN, corpus_sample, gold_sample, make_sample

SECOND = "Buses take the long way round by the old lock, and the ferry runs at night for as long as the work lasts."
STORY = f"<nav><a href=/>Home</a></nav><h1>Bridge closed</h1><p>{TEXT}</p><h2>By bus</h2><p>{SECOND}</p>"
LABEL_FILE = """{"id": "bridge", "url": null, "site": "bridge.example", "access": "open", "complete": true,
 "declared": null, "segments": [["Home", "navigation"], ["Bridge closed", "content"], ["%s", "content"],
 ["By bus", "content"], ["%s", "content"]]%s}"""


def story(folder, html=STORY, **truth):
    return replace(written(folder, "bridge", html=html), truth=Truth(**truth))


def gold(folder, html=STORY, main=""):
    (folder / "bridge.html").write_text(html, "utf-8")
    (folder / "bridge.json").write_text(LABEL_FILE % (TEXT, SECOND, main), "utf-8")
    return read_pages(folder)[0]


def truth_of(sample):
    return sample.main.tolist()


# -- labelled pages --------------------------------------------------------------------------------------------


def test_a_labelled_page_gives_labels_and_no_main_text_unless_told(tmp_path):
    sample = gold_sample(gold(tmp_path))
    assert [LABELS[code] for code in sample.labels] == ["navigation", *["content"] * 4]
    assert truth_of(sample) == [UNKNOWN] * 5
    assert (sample.id, sample.corpus, sample.source, sample.site) == ("bridge", "gold", "pages", "bridge.example")


def test_main_text_of_a_labelled_page_are_the_segments_named(tmp_path):
    assert truth_of(gold_sample(gold(tmp_path, main=', "main": [2, 4]'))) == [0, 0, 1, 0, 1]
    assert truth_of(gold_sample(gold(tmp_path, main=', "main": []'))) == [0, 0, 0, 0, 0]


def test_a_block_that_nobody_labelled_is_unknown(tmp_path):
    sample = gold_sample(gold(tmp_path, html=STORY + "<p>Nobody wrote of this line</p>"))
    assert sample.labels.tolist() == [1, 0, 0, 0, 0, UNKNOWN]


def test_a_page_without_a_block_gives_no_sample(tmp_path):
    assert gold_sample(gold(tmp_path, html="<title>x</title>")) is None
    assert corpus_sample(story(tmp_path, html="<title>x</title>", main=TEXT)) is None


@pytest.mark.parametrize("page", few_pages(), ids=lambda page: page.id)
def test_pages_written_for_this_project_become_samples(page):
    sample = gold_sample(page)
    count = len(sample.page)
    assert sample.labels.shape == sample.main.shape == (count,)
    assert (sample.labels != UNKNOWN).mean() > 0.95
    assert set(np.unique(sample.main)) == {0, 1}
    assert (sample.labels[sample.main == 1] == LABELS.index("content")).all()


# -- corpora ---------------------------------------------------------------------------------------------------


def test_a_whole_truth_tells_main_text_from_the_rest(tmp_path):
    sample = corpus_sample(story(tmp_path, main=f"Bridge closed\n{TEXT}\nBy bus\n{SECOND}"))
    assert truth_of(sample) == [0, 1, 1, 1, 1]
    assert set(sample.labels) == {UNKNOWN}
    assert (sample.corpus, sample.source, sample.site) == ("wcxb", "wcxb", "bridge.example")


@pytest.mark.parametrize("nothing", ["", " \n"])
def test_an_empty_truth_says_that_there_is_no_main_text(tmp_path, nothing):
    assert truth_of(corpus_sample(story(tmp_path, main=nothing))) == [0] * 5


@pytest.mark.parametrize(
    "beside",
    [{"title": "Bridge closed", "headings": ("By bus",)}, {"headings": ("By bus",), "summary": ("Bridge closed",)}],
)
def test_headings_and_summaries_beside_a_truth_are_unknown(tmp_path, beside):
    main = f"{TEXT}\n{SECOND}"
    assert truth_of(corpus_sample(story(tmp_path, main=main))) == [0, 0, 1, 0, 1]
    assert truth_of(corpus_sample(story(tmp_path, main=main, **beside))) == [0, UNKNOWN, 1, UNKNOWN, 1]


def test_text_that_stands_twice_is_main_text_once_and_unknown_once(tmp_path):
    found = truth_of(corpus_sample(story(tmp_path, html=f"{STORY}<p>{TEXT}</p>", main=f"{TEXT}\n{SECOND}")))
    assert sorted([found[2], found[5]]) == [UNKNOWN, 1]


def test_snippets_say_what_is_in_and_what_is_out(tmp_path):
    page = story(tmp_path, html=f"{STORY}<p>{SHARE}</p>", with_=(TEXT[:40],), without=(SHARE,))
    assert truth_of(corpus_sample(page)) == [UNKNOWN, UNKNOWN, 1, UNKNOWN, UNKNOWN, 0]


def test_a_page_without_truth_gives_no_sample(tmp_path):
    assert corpus_sample(story(tmp_path)) is None


# -- features --------------------------------------------------------------------------------------------------


def test_features_are_finite_in_half_precision():
    page = cut("<p>" + "harbour " * 200_000 + "<p>a" + "<div>" * 300 + "b")
    sample = make_sample("long", "gold", "pages", "long.example", page, None, None)
    assert sample.values.dtype == np.float16 and len(sample.values) == len(page) == 3
    assert np.isfinite(sample.values).all()
    assert (sample.labels.tolist(), truth_of(sample)) == ([UNKNOWN] * 3, [UNKNOWN] * 3)


def test_guesses_that_nobody_confirmed_are_not_learned_from(tmp_path):
    page = replace(gold(tmp_path), main=None)
    status = ["confirmed"] * len(page.segments)
    status[0] = "predicted"
    known = gold_sample(page).labels
    guessed = gold_sample(replace(page, status=tuple(status))).labels
    assert guessed[0] == UNKNOWN and known[0] != UNKNOWN
    assert (guessed[1:] == known[1:]).all()
