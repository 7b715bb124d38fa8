"""Segments laid out as plain text: no word lost or doubled, labels that fit the lines, the same in every run."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_training import few_pages

from classifier.labels import LABELS
from training.plainlines import MAX_GLUED, MIN_GLUED, text_samples
from training.samples import UNKNOWN

MENU = ("Home", "News", "Sport", "Weather", "Travel", "Contact")
STORY = "The harbour bridge closes for a week while crews replace the steel plates beneath its lanes."

texts = st.lists(
    st.sampled_from(["Home", "a b", "  News\n now ", "\u2028x\x85y", "続き", STORY]), min_size=1, max_size=3
)
segments = st.lists(
    st.tuples(st.one_of(texts.map(" ".join), st.text(max_size=30)), st.sampled_from(LABELS)), max_size=60
)


def page(segments, id="page", site="page.example"):
    """As much of a sample as is read of it."""
    labels = np.array([LABELS.index(label) for _, label in segments], np.int64)
    blocks = SimpleNamespace(texts=[text for text, _ in segments])
    return SimpleNamespace(id=id, corpus="gold", source="pages", site=site, page=blocks, labels=labels)


def known(segments):
    """Blocks always hold some text."""
    return [(text, label) for text, label in segments if text.strip()]


def lines_of(sample):
    return [(text, LABELS[code]) for text, code in zip(sample.page.texts, sample.labels, strict=True)]


def letters(lines):
    """All that is not white space, a pair of character and label each."""
    return [(character, label) for text, label in lines for character in "".join(text.split())]


def readable(segments):
    """Segments as the reader of plain text sees them: no lone surrogates."""
    return [(text.encode("utf-8", "replace").decode(), label) for text, label in segments]


@given(segments, st.text("abc", min_size=1, max_size=3))
def test_every_word_stands_once_and_keeps_its_label(segments, id):
    segments = known(segments)
    samples = list(text_samples(page(segments, id)))
    wanted = letters(readable(segments))
    assert len(samples) == (2 if wanted else 0)
    for sample in samples:
        assert letters(lines_of(sample)) == wanted
        np.testing.assert_array_equal(sample.main, sample.labels == LABELS.index("content"))
        assert len(sample.values) == len(sample.page)


@given(segments)
def test_the_first_layout_has_a_line_a_segment_and_one_group(segments):
    segments = known(segments)
    for sample in list(text_samples(page(segments)))[:1]:
        spaced = [(" ".join(text.split()), label) for text, label in readable(segments)]
        assert lines_of(sample) == [line for line in spaced if line[0]]
        assert len(np.unique(sample.page.elements)) == 1


@pytest.mark.parametrize("written", few_pages(), ids=lambda page: page.id)
def test_the_layout_hangs_on_the_id_alone(written):
    pages = (page(written.segments, written.id, site) for site in (written.site, "else.example"))
    one, two = (list(text_samples(each)) for each in pages)
    for first, second in zip(one, two, strict=True):
        assert lines_of(first) == lines_of(second)
        np.testing.assert_array_equal(first.page.elements, second.page.elements)
    assert [sample.id for sample in one] == [written.id] * 2


def layouts(segments, count=30):
    """The second layout of pages that differ in their id."""
    return [list(text_samples(page(segments, f"page{i}")))[1] for i in range(count)]


def test_some_ids_part_paragraphs_and_some_every_line():
    found = layouts([(STORY, "content"), ("Short line", "content"), ("Another", "ad")] * 4)
    groups = {len(np.unique(sample.page.elements)) for sample in found}
    assert max(groups) == 12 and len(groups) > 2
    for sample in found:
        starts = np.flatnonzero(np.diff(sample.page.elements)) + 1
        assert {1, 4, 7, 10} <= set(starts.tolist()), "a paragraph ends a group"


def glued(segments):
    return [[text for text, _ in lines_of(sample)] for sample in layouts(segments)]


def test_runs_of_short_menu_texts_are_glued_on_some_pages():
    found = glued([(text, "navigation") for text in MENU] + [(STORY, "content")])
    together, apart = ["".join(MENU), STORY], [*MENU, STORY]
    assert all(lines in (together, apart) for lines in found)
    assert 5 < found.count(together) < 25


@pytest.mark.parametrize(
    "segments",
    [
        [(text, "navigation") for text in MENU[: MIN_GLUED - 1]],
        [(text, "content") for text in MENU],
        [(text, label) for text in MENU for label in ("navigation", "ad")],
        [(f"{text} {'x' * 24}", "navigation") for text in MENU],
    ],
    ids=["too few", "content", "mixed", "long"],
)
def test_other_runs_are_never_glued(segments):
    assert all(lines == [text for text, _ in segments] for lines in glued(segments))


def test_endless_menus_run_into_several_lines():
    found = glued([(f"<{i}>", "navigation") for i in range(3 * MAX_GLUED)])
    assert max(line.count("<") for lines in found for line in lines) == MAX_GLUED


def test_a_page_whose_labels_are_not_known_gives_no_lines():
    whole = page([(STORY, "content"), ("Home", "navigation"), ("News", "navigation")])
    whole.labels[1:] = UNKNOWN
    assert list(text_samples(whole)) == []
    whole.labels[1] = 1
    assert next(lines_of(sample) for sample in text_samples(whole)) == [(STORY, "content"), ("Home", "navigation")]
