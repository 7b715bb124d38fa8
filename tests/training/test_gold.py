"""Labelled pages come back as they were written, and unsound ones are refused with their line."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.labels import LABELS
from training.gold import GoldPage, read_gold, read_page, read_pages, write_jsonl, write_page

RECORD: dict[str, Any] = {
    "schema": 1,
    "id": "tea",
    "url": "https://www.tea.example/1",
    "site": "tea.example",
    "language": "en",
    "page_type": "article",
    "access": "open",
    "complete": True,
    "declared": None,
    "segments": [["Menu", "navigation"], ["Tea is hot.", "content"]],
    "main": [1],
}


def _write(folder: Path, **changes: Any) -> Path:
    (folder / "tea.html").write_text("<p>Menu<p>Tea is hot.", encoding="utf-8")
    record = {key: value for key, value in (RECORD | changes).items() if value is not ...}
    path = folder / "tea.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_a_page_comes_with_its_file_and_site(tmp_path: Path) -> None:
    page = read_page(_write(tmp_path))
    assert page.path == tmp_path / "tea.html"
    assert (page.site, page.source, page.main) == ("tea.example", "pages", (1,))
    assert page.segments == (("Menu", "navigation"), ("Tea is hot.", "content"))
    assert read_pages(tmp_path) == (page,)


def test_the_site_is_that_of_the_url_whatever_the_record_says(tmp_path: Path) -> None:
    assert read_page(_write(tmp_path, site="www.tea.example")).site == "tea.example"
    assert read_page(_write(tmp_path, url=None, site="fundus:tea")).site == "fundus:tea"


SEGMENTS = st.lists(st.tuples(st.text(min_size=1).filter(str.strip), st.sampled_from(LABELS)), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(SEGMENTS, st.sampled_from(("open", "metered", "gated", "unsure")), st.booleans())
def test_what_is_written_is_read_again(tmp_path: Path, segments: Any, access: Any, complete: bool) -> None:
    first = read_page(_write(tmp_path))
    main = tuple(i for i, (_, label) in enumerate(segments) if label == "content")
    page = replace(first, segments=tuple(segments), access=access, complete=complete, main=main)
    write_page(page, tmp_path / "tea.json")
    assert read_page(tmp_path / "tea.json") == page
    folder = tmp_path / "dev" / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tea.html.gz").write_bytes(gzip.compress(b"<p>x"))
    write_jsonl([page], tmp_path / "dev.jsonl")
    assert read_gold(tmp_path) == (replace(page, path=folder / "tea.html.gz"),)


def test_a_segment_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = _write(tmp_path)
    write_page(read_page(path), path)
    assert '  ["Tea is hot.", "content"]' in path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"access": ...}, "1: the key 'access' is missing"),
        ({"acess": "open"}, "1: unknown key 'acess'"),
        ({"schema": 2}, "1: schema 2, but this version reads 1"),
        ({"id": "coffee"}, "1: .*coffee"),
        ({"id": "../tea"}, "1: id must be a name without '/'"),
        ({"url": 7}, "1: url must be a string or null"),
        ({"access": "closed"}, '1: access is "closed"; known are "open", "metered"'),
        ({"complete": 1}, "1: complete is 1; known are true, false"),
        ({"declared": "yes"}, '1: declared is "yes"'),
        ({"segments": {}}, "1: segments must be a list"),
        ({"main": [0]}, "1: main holds segment 0, which is labelled navigation"),
        ({"main": [2]}, "1: main must be a list of indices of segments, from 0 to 1"),
        ({"main": [1, 1]}, "1: main must be in ascending order"),
    ],
)
def test_an_unsound_record_is_refused_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=rf"tea\.json:{sentence}"):
        read_page(_write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("segment", "sentence"),
    [
        ('["Ad", "advert"]', "segment 2 has label 'advert'; known are content, navigation, ad, paywall"),
        ('[" ", "ad"]', "segment 2 has no text"),
        ('["Ad"]', r"segment 2 must be \[text, label\]"),
        ("[1, 2]", r"segment 2 must be \[text, label\]"),
    ],
)
def test_a_wrong_segment_is_named_with_its_line(tmp_path: Path, segment: str, sentence: str) -> None:
    path = _write(tmp_path)
    write_page(read_page(path), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if "Tea is hot." in line)
    lines[at] += ","
    lines.insert(at + 1, segment)
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"tea\.json:{at + 2}: {sentence}"):
        read_page(path)


def test_a_page_without_its_html_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path)
    (tmp_path / "tea.html").unlink()
    with pytest.raises(ValueError, match=r"neither tea\.html nor tea\.html\.gz"):
        read_page(path)


def _gold(folder: Path, *lines: str) -> Path:
    pages = folder / "dev" / "pages"
    pages.mkdir(parents=True)
    for name in ("a", "b"):
        (pages / f"{name}.html.gz").write_bytes(gzip.compress(b"<html lang=de><p>x"))
    (folder / "dev.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def _line(name: str, **changes: Any) -> str:
    return json.dumps({k: v for k, v in RECORD.items() if k != "language"} | {"id": name} | changes)


def test_gold_errors_name_the_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dev\.jsonl:3: segment 0 has label 'x'"):
        read_gold(_gold(tmp_path, _line("a"), "", _line("b", segments=[["t", "x"]], main=None)))


def test_an_id_stands_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dev\.jsonl:2: id 'a' stands in line 1 already"):
        read_gold(_gold(tmp_path, _line("a"), _line("a")))


@pytest.mark.parametrize("line", ["{", "[]", ""])
def test_a_line_that_is_no_object_is_refused_and_an_empty_one_passed_over(tmp_path: Path, line: str) -> None:
    folder = _gold(tmp_path, _line("a"), line)
    if line:
        with pytest.raises(ValueError, match=r"dev\.jsonl:2:"):
            read_gold(folder)
    else:
        (page,) = read_gold(folder)
        assert page.language == "de"


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No file .*dev\.jsonl"):
        read_gold(tmp_path)
    with pytest.raises(FileNotFoundError, match="No folder"):
        read_pages(tmp_path / "none")


def test_the_project_s_own_pages_are_sound() -> None:
    folder = Path(__file__).parents[2] / "datasets" / "pages"
    pages = read_pages(folder)
    assert len(pages) == len(list(folder.glob("*.html")))
    assert all(isinstance(page, GoldPage) and page.segments for page in pages)


def test_the_shared_gold_pages_are_sound() -> None:
    folder = Path(__file__).parents[3] / "shared" / "gold"
    if not folder.is_dir():
        pytest.skip(f"no gold pages in {folder}")
    assert len(read_gold(folder)) == 395


def test_who_set_a_label_where_and_why_is_kept(tmp_path: Path) -> None:
    page = read_page(_write(tmp_path, status=["predicted", "corrected"], paths=["/p[1]", "/p[2]"], notes="Odd."))
    assert page.settled == (False, True)
    write_page(page, tmp_path / "tea.json")
    assert read_page(tmp_path / "tea.json") == page
    assert read_page(_write(tmp_path)).settled == (True, True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": ["predicted"]}, "status must be a list that holds one of predicted, corrected, confirmed for each"),
        ({"status": ["predicted", "sure"]}, "status must be"),
        ({"paths": ["/p[1]", 2]}, "paths must be a list that holds an XPath for each of the 2 segments"),
        ({"notes": 1}, "notes must be a string or null"),
    ],
)
def test_unsound_lists_beside_the_segments_are_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=rf"tea\.json:1: {sentence}"):
        read_page(_write(tmp_path, **changes))


def test_who_wants_the_rest_gets_it_with_a_sentence_for_what_was_left_out(tmp_path: Path) -> None:
    folder = _gold(tmp_path, _line("a"), "{", _line("b", access="shut"), _line("a"), _line("b"))
    problems: list[str] = []
    assert [page.id for page in read_gold(folder, problems=problems)] == ["a", "b"]
    assert [sentence.split(": ")[0].rpartition("/")[2] for sentence in problems] == [
        "dev.jsonl:2:2",
        "dev.jsonl:3",
        "dev.jsonl:4",
    ]
    problems.clear()
    _write(tmp_path)
    (tmp_path / "bad.json").write_text("[", encoding="utf-8")
    assert [page.id for page in read_pages(tmp_path, problems)] == ["tea"]
    assert len(problems) == 1 and "bad.json:1:2" in problems[0]


def test_a_value_that_looks_like_the_key_does_not_shift_lines(tmp_path: Path) -> None:
    path = _write(tmp_path, source="segments", notes='see "segments": [', segments=[["a", "ad"], ["b", "x"]])
    text = path.read_text(encoding="utf-8").replace('["b"', '\n["b"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"tea\.json:2: segment 1 has label 'x'"):
        read_page(path)
