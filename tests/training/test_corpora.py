"""Each corpus is read in its authors' layout; what is broken is told."""

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import corpora as module
from training.corpora import LAYOUT, Truth, available, load, read_html, site_of
from training.gold import read_gold

MANIFEST = Path(__file__).parents[2] / "datasets" / "corpora.toml"
NEWS = '<html lang="en-GB"><head><link rel="canonical" href="https://www.tidepost.example/a"></head><body><p>'


def _write(path: Path, content: str | dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# -- sites ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.nzz.ch/a?b=//c.de", "nzz.ch"),
        ("http://news.bbc.co.uk:80/", "bbc.co.uk"),
        ("https://tea.blogspot.com/2020", "tea.blogspot.com"),
        ("www.tea.de", "tea.de"),
        ("https://www.tidepost.example/", "tidepost.example"),
        ("http://192.168.0.7/x", "192.168.0.7"),
        ("https://user:word@WWW.Tea.DE./", "tea.de"),
        ("localhost", ""),
        ("http://[broken", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_site_is_the_registered_domain(url: str | None, site: str) -> None:
    assert site_of(url) == site


@given(st.text())
def test_any_text_has_a_site_or_the_default(url: str) -> None:
    assert site_of(url, "none")


def test_sites_are_told_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    module._suffixes.cache_clear()
    assert site_of("https://a.b.co.jp/") == "b.co.jp"


# -- loaders -------------------------------------------------------------------------------------------------


def test_wcxb_gives_main_text_snippets_and_type(tmp_path: Path) -> None:
    truth = {"main_content": "Tea.", "with": ["Te"], "without": ["Menu"], "title": None}
    kind = {"page_type": {"primary": "forum"}}
    record = {"url": "https://a.tea.de/x", "ground_truth": truth, "_internal": kind}
    _write(tmp_path / "wcxb/dev/ground-truth/0001.json", record)
    html = _write(tmp_path / "wcxb/dev/html/0001.html", f"{NEWS}Tea.")
    (page,) = load("wcxb", tmp_path)
    assert (page.id, page.source, page.path) == ("0001", "wcxb", html)
    assert (page.site, page.page_type, page.language) == ("tea.de", "forum", "en")
    assert page.truth == Truth(main="Tea.", with_=("Te",), without=("Menu",))


def test_wcxb_tells_what_is_broken_or_missing(tmp_path: Path) -> None:
    root = tmp_path / "wcxb/dev"
    _write(root / "ground-truth/1.json", "{")
    _write(root / "html/1.html", "x")
    _write(root / "ground-truth/2.json", {"ground_truth": {"main_content": ""}})
    _write(root / "ground-truth/3.json", {"url": "https://tea.de", "ground_truth": {}})
    _write(root / "html/3.html", "x")
    _write(root / "html/4.html", "x")
    _write(root / "ground-truth/5.json", {"ground_truth": {"main_content": ""}})
    _write(root / "html/5.html", "")
    corpus = load("wcxb", tmp_path)
    assert [(page.id, page.truth.main) for page in corpus] == [("3", "")]
    expected = (
        ("1.json", "no readable JSON"),
        ("2.html", "missing"),
        ("3.json", "no main_content"),
        ("5.html", "empty"),
        ("4.html", "no truth"),
    )
    for (name, reason), problem in zip(expected, corpus.problems, strict=True):
        assert name in problem and reason in problem


def test_trafilatura_finds_pages_in_both_folders(tmp_path: Path) -> None:
    root = tmp_path / "trafilatura/tests"
    records = {
        "https://tea.de/1": {"file": "one.html", "with": ["a"], "without": ["b"]},
        "https://tea.de/2": {"file": "two.html", "with": [], "without": []},
        "https://tea.de/3": {"file": "three.html", "with": [], "without": []},
        "https://tea.de/4": {},
    }
    _write(root / "evaldata.json", records)
    _write(root / "cache/one.html", "x")
    _write(root / "eval/two.html", "x")
    _write(root / "eval/four.html", "x")
    corpus = load("trafilatura", tmp_path)
    assert [(page.id, page.truth) for page in corpus] == [
        ("one", Truth(with_=("a",), without=("b",))),
        ("two", Truth()),
    ]
    for name, problem in zip(("three.html", "tea.de/4", "four.html"), corpus.problems, strict=True):
        assert name in problem


def _entry(*paragraphs: str) -> dict[str, Any]:
    first = {"headline": [], "paragraphs": paragraphs[:1]}
    second = {"headline": ["Head"], "paragraphs": paragraphs[1:]}
    return {"title": "Title", "body": {"summary": ["Sum"], "sections": [first, second]}}


def test_fundus_pairs_versions_with_dates_and_history_with_text(tmp_path: Path) -> None:
    root = tmp_path / "fundus"
    folder = root / "tests/resources/parser/test_data/gb"
    versions = {"V1": _entry("Old one.", "Old two."), "V2": _entry("New one.", "New two.")}
    _write(folder / "TidePost.json", versions)
    _write(folder / "TidePost_2023_01_02.html", f"{NEWS}Old one.<p>Old two.")
    _write(folder / "TidePost_2025_01_02.html", f"{NEWS}New one.<p>New two.")
    _write(root / "history/TIDEPOST_2024_01_02.html", f"{NEWS}New one.<p>New two!")
    _write(root / "history/TidePost.html", f"{NEWS}Something else.")
    corpus = load("fundus", tmp_path)
    assert [(page.id, page.truth.main) for page in corpus] == [
        ("gb/TidePost_2023_01_02", "Old one.\n\nOld two."),
        ("gb/TidePost_2025_01_02", "New one.\n\nNew two."),
        ("history/TIDEPOST_2024_01_02", "New one.\n\nNew two."),
        ("history/TidePost", None),
    ]
    truth = corpus.pages[0].truth
    assert truth.paragraphs == ("Old one.", "Old two.")
    assert (truth.headings, truth.summary) == (("Head",), ("Sum",))
    assert {page.site for page in corpus} == {"tidepost.example"}
    (problem,) = corpus.problems
    assert "history/TidePost.html" in problem


def test_readability_reads_the_text_of_its_expected_page(tmp_path: Path) -> None:
    folder = tmp_path / "readability/test/test-pages/tea"
    _write(folder / "source.html", "<p>Menu<p>One <b>two</b><p>three")
    _write(folder / "expected.html", "<div><p>One <b>two</b></p><p>three</p></div>")
    _write(folder / "expected-metadata.json", {"title": "Tea"})
    (page,) = load("readability", tmp_path)
    assert (page.id, page.site) == ("tea", "rd:tea")
    assert page.truth == Truth(main="One two\n\nthree", title="Tea")


def test_postlight_knows_the_site_from_the_file_if_the_page_is_silent(tmp_path: Path) -> None:
    _write(tmp_path / "postlight/fixtures/www.tea.co.uk--second.html", "<p>x")
    (page,) = load("postlight", tmp_path)
    assert (page.site, page.url, page.truth.main) == ("tea.co.uk", None, None)


def test_an_unknown_or_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no corpus 'tea': known are wcxb, trafilatura"):
        load("tea", tmp_path)
    with pytest.raises(FileNotFoundError, match="unpack the corpus wcxb there"):
        load("wcxb", tmp_path)
    assert available(tmp_path) == []


def test_packed_pages_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "page.html.gz"
    path.write_bytes(gzip.compress('<html lang="de"><meta charset="utf-8"><p>Käse'.encode()))
    page = module._page("postlight", "page", path, url=None)
    assert read_html(page).endswith("Käse")
    assert page.language == "de"


# -- the manifest and the corpora themselves -----------------------------------------------------------------


def test_the_manifest_tells_the_layout_that_is_read() -> None:
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    stated = {
        name: {key: table[key] for key in ("pages", "truth", "history") if key in table}
        for name, table in manifest.items()
    }
    assert stated == LAYOUT
    for table in manifest.values():
        assert {"repository", "commit", "licence", "count", "means"} <= table.keys()


@pytest.mark.parametrize("name", LAYOUT)
def test_every_page_of_a_corpus_is_read(corpora: Path, name: str) -> None:
    corpus = load(name, corpora)
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    assert len(corpus) == manifest[name]["count"]
    assert len({page.id for page in corpus}) == len(corpus)
    assert all(page.site for page in corpus)


def test_a_page_is_in_one_group_in_gold_and_in_its_corpus(corpora: Path) -> None:
    folder = Path(__file__).parents[3] / "shared" / "gold"
    if not folder.is_dir():
        pytest.skip(f"no gold pages in {folder}")
    sites = {page.id: page.site for page in read_gold(folder)}
    names = ("wcxb", "trafilatura", "fundus", "postlight")
    ours = {page.path.name: page.site for name in names for page in load(name, corpora)}
    owners = ("Murrough-Foley", "adbar", "flairNLP", "postlight")
    compared = 0
    for line in (folder / "dev.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        name = record["file"].rpartition("/")[2].removesuffix(".gz")
        if record["source"].startswith(owners) and name in ours:
            assert sites[record["id"]] == ours[name], record["file"]
            compared += 1
    assert compared > 300
