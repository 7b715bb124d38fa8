"""Labels of corpus pages: they come back as written, survive another segmentation, and are refused by line."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.blocks import cut
from classifier.labels import LABELS
from training.annotations import DIGITS, UNKNOWN, Annotation, block_digests, lay, read_annotations, write_annotations
from training.corpora import load, read_html

SHIPPED = Path(__file__).parents[2] / "datasets" / "annotations.jsonl"


def annotation(texts, labels, **named):
    given = {"corpus": "wcxb", "id": "1", "access": "open", "complete": True}
    return Annotation(**(given | named), digests=block_digests(texts), labels=tuple(labels))


@given(st.lists(st.lists(st.integers(0, 3), max_size=40), min_size=1, max_size=4))
def test_annotations_come_back_as_they_were_written(tmp_path_factory, pages):
    path = tmp_path_factory.mktemp("labels") / "a.jsonl"
    made = [annotation(map(str, range(len(labels))), labels, id=str(i)) for i, labels in enumerate(pages)]
    write_annotations(reversed(made), path)
    assert list(read_annotations(path).values()) == made


def test_labels_follow_their_blocks_into_another_segmentation():
    given = annotation(["Menu", "First block of it", "Share", "Second block of it"], [1, 0, 2, 0])
    page = cut("<p>New<p>menu<p>First block of it<p>Second  block<b> of it</b>")
    assert lay(given, page).tolist() == [UNKNOWN, 1, 0, 0]


def test_digests_are_short_and_tell_texts_apart():
    digests = block_digests(f"text {i}" for i in range(100))
    assert {len(digest) for digest in digests} == {DIGITS}
    assert len(set(digests)) > 95


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema 2"),
        ({"labels": "3n"}, "3 labels for 2 blocks"),
        ({"labels": "2x"}, "substring not found"),
        ({"access": "free"}, "'free' is unknown"),
        ({"blocks": None}, "labels for 1 blocks"),
    ],
)
def test_an_unsound_line_is_refused_by_its_number(tmp_path, change, reason):
    path = tmp_path / "a.jsonl"
    write_annotations([annotation("ab", [1, 1]), annotation("ab", [1, 1], id="2")], path)
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(ValueError, match=f"a.jsonl:2: .*{reason}"):
        read_annotations(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: name one"):
        read_annotations(tmp_path / "nowhere")


def test_the_file_that_ships_is_sound_and_holds_no_text():
    found = read_annotations(SHIPPED)
    labels = Counter(label for each in found.values() for label in each.labels)
    assert len(found) > 700
    assert min(labels[code] for code in range(len(LABELS))) > 150
    assert set().union(*(json.loads(line) for line in SHIPPED.open())) == {
        *("schema", "corpus", "id", "access", "complete", "labels", "blocks")
    }


def test_labels_of_corpus_pages_find_their_blocks(corpora):
    found = read_annotations(SHIPPED)
    pages = [page for page in load("fundus", corpora) if ("fundus", page.id) in found][:20]
    assert pages
    for page in pages:
        labels = lay(found["fundus", page.id], cut(read_html(page)))
        assert (labels != UNKNOWN).mean() > 0.99
