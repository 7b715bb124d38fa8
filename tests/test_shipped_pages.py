"""The pages written for this project: each has its labels, and the labels cover exactly what a visitor could see."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from classifier.labels import LABELS

FOLDER = Path(__file__).parents[1] / "datasets" / "pages"
PAGES = sorted(FOLDER.glob("*.html"))
KEYS = {
    "schema", "id", "url", "site", "language", "page_type", "access", "complete", "declared", "segments", "main",
}  # fmt: skip
PAGE_TYPES = {"article", "forum", "product", "collection", "listing", "documentation", "service", "other"}
SILENT = frozenset(("script", "style", "template", "noscript"))
# The format's own list, kept apart from classifier.blocks: the label files must not change with the code.
BREAKING_TAGS = """
    address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup option p pre search section select
    summary table tbody td tfoot th thead title tr ul"""
BREAKING = frozenset(BREAKING_TAGS.split())


class Segments(HTMLParser):
    """Cuts the body of a well-formed page into its segments, without lxml."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.pieces: list[str] = []
        self.breaks = 0
        self.in_body = False
        self.silent = 0
        self.feed(source)
        self.close()
        self.end()

    def end(self) -> None:
        text = " ".join("".join(self.pieces).split())
        if text:
            self.found.append(text)
        self.pieces, self.breaks = [], 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_body |= tag == "body"
        self.silent += tag in SILENT
        if tag == "br":
            self.pieces.append(" ")
            self.breaks += 1
        if tag in BREAKING or self.breaks > 1:
            self.end()

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT
        if tag in BREAKING:
            self.end()

    def handle_data(self, data: str) -> None:
        if self.in_body and not self.silent:
            self.pieces.append(data)
            if data.strip():
                self.breaks = 0


def labels_of(page: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(page.with_suffix(".json").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize(
    ("source", "segments"),
    [
        ("<p>one <b>two</b><i>three</i></p>four", ["one twothree", "four"]),
        ("a<br>b<br> <br>c", ["a b", "c"]),
        ("<svg><title>Arrow</title></svg>on<template>no</template><script>'no'</script>", ["Arrow", "on"]),
        ("<noscript><p>no</p></noscript><p hidden>yes<p>unclosed", ["yes", "unclosed"]),
    ],
)
def test_the_reference_cuts_as_the_format_says(source: str, segments: list[str]) -> None:
    assert Segments(f"<title>no</title><body>{source}</body>").found == segments


def test_there_are_enough_pages() -> None:
    assert len(PAGES) >= 24


def test_pages_and_label_files_belong_together() -> None:
    assert {page.stem for page in PAGES} == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_label_file_keeps_the_schema(page: Path) -> None:
    labels = labels_of(page)
    assert set(labels) == KEYS
    assert labels["schema"] == 1
    assert labels["id"] == page.stem
    host = urlsplit(labels["url"]).hostname or ""
    assert f".{host}".endswith("." + labels["site"]) and labels["site"].endswith(".example")
    assert labels["page_type"] in PAGE_TYPES
    assert labels["access"] in {"open", "metered", "gated"}
    assert isinstance(labels["complete"], bool)
    assert labels["declared"] in {"free", "paid", None}
    declared_language = re.search(r'<html[^>]* lang="(\w+)', page.read_text("utf-8"))
    assert labels["language"] == (declared_language[1] if declared_language else "en")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_segment_has_a_known_label(page: Path) -> None:
    assert {label for _, label in labels_of(page)["segments"]} <= set(LABELS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_segments_are_the_visible_text(page: Path) -> None:
    assert [text for text, _ in labels_of(page)["segments"]] == Segments(page.read_text("utf-8")).found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_main_text_is_part_of_the_content(page: Path) -> None:
    labels = labels_of(page)
    main = labels["main"]
    assert main == sorted(set(main))
    assert {labels["segments"][index][1] for index in main} <= {"content"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_access_fits_the_labels(page: Path) -> None:
    labels = labels_of(page)
    gate = any(label == "paywall" for _, label in labels["segments"])
    assert gate == (labels["access"] != "open")
    if gate:
        assert labels["complete"] == (labels["access"] == "metered")


def test_each_site_comes_once() -> None:
    assert [site for site, n in Counter(labels_of(page)["site"] for page in PAGES).items() if n > 1] == []


def test_each_label_occurs() -> None:
    assert {label for page in PAGES for _, label in labels_of(page)["segments"]} == set(LABELS)


def test_no_long_sentence_stands_on_two_pages() -> None:
    """A model should not learn one page's boilerplate from another."""
    count = Counter(
        text for page in PAGES for text in {t for t, _ in labels_of(page)["segments"] if len(t) > 30}
    )
    assert [text for text, n in count.items() if n > 1] == []
