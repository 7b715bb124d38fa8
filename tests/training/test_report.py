"""The report is one sound file that runs nothing, loads nothing and escapes everything."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from training_pages import labelled, oracle, written

from training.evaluate import evaluate
from training.readings import readings
from training.report import write_report

EVIL = '</td><script>alert("x")</script><img src=//evil.example/a.png>'
VOID = {"meta", "path", "circle"}


class Checker(HTMLParser):
    """Tags that do not close in order, and what could load or run something."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.outside = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.outside += [pair for pair in attrs if pair[0] in ("src", "href", "srcset", "onclick", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    pages = [*labelled(8), written(tmp_path_factory.mktemp("pages"))]
    found = list(readings(oracle(pages)))
    return pages, found


def report(path, pages, found, **more):
    write_report(path, evaluate(found, pages, {"wcxb": "0123abcd"}), found, pages, **more)
    return path.read_text(encoding="utf-8")


def spoiled(reading, text):
    """The reading with another text and wrong labels."""
    sample = reading.sample
    page = replace(sample.page, texts=[text] * len(sample.page))
    layout = replace(sample.layout, page=page)
    codes = (np.maximum(sample.labels, 0) + 1) % 4
    return replace(
        reading, sample=replace(sample, layout=layout), decision=replace(reading.decision, labels=codes)
    )


def test_the_report_is_sound_and_self_contained(material, tmp_path):
    html = report(tmp_path / "r.html", *material)
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert "script" not in checker.tags
    assert checker.outside == []
    assert not re.search(r"url\(|@import", html)
    for expected in ("How good is it?", "What to label next", "Precision over recall", "0123abcd",
                     "Reliability of main", "WCXB by page type", "gold by language"):  # fmt: skip
        assert expected in html


def test_texts_of_pages_are_escaped(material, tmp_path):
    pages, found = material
    bad = [spoiled(found[0], EVIL), *found[1:]]
    pages = [replace(pages[0], url=f"https://x.example/{EVIL}", page_type=EVIL), *pages[1:]]
    html = report(tmp_path / "r.html", pages, bad, tables={EVIL: [(EVIL,), (EVIL,)]}, title=EVIL)
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert not {"script", "img"} & checker.tags
    assert "&lt;script&gt;" in html


def test_text_that_no_file_can_hold_does_not_stop_the_report(material, tmp_path):
    pages, found = material
    html = report(tmp_path / "r.html", pages, [spoiled(found[0], "a\x00b\ud800c"), *found[1:]])
    assert "a\ufffdb\ufffdc" in html
    assert "\x00" not in html


def test_wrong_blocks_stand_in_place(material, tmp_path):
    pages, found = material
    html = report(tmp_path / "r.html", pages, [spoiled(found[0], "Tea on the quay"), *found[1:]])
    start = html.index("<details")
    known = int((found[0].sample.labels >= 0).sum())
    assert f"{known} of {known} blocks wrong" in html[start:]
    assert html.count("<details") == 1
    assert html.count("Tea on the quay") >= min(known, 40)


def test_a_learning_curve_and_more_tables_are_shown_when_given(material, tmp_path):
    plain = report(tmp_path / "a.html", *material)
    curve = [(10, {"wcxb.f1": 0.5}), (20, {"wcxb.f1": 0.6})]
    rich = report(
        tmp_path / "b.html", *material, learning=curve, tables={"Ablation": [("group", "F1"), ("a", "b")]}
    )
    assert "Learning curve" not in plain
    assert "Learning curve" in rich
    assert "<h3>Ablation</h3>" in rich


def test_corpora_alone_give_a_report_without_mistakes(material, tmp_path):
    pages, found = material
    html = report(tmp_path / "r.html", pages[-1:], found)
    assert "What to label next" not in html
    assert "main text, WCXB dev" in html
