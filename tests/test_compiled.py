"""The compiled modules give what their source gives: they are the same source."""

import importlib
import inspect
import os
import pickle
import sys
import tracemalloc
from dataclasses import asdict
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from strategies import documents

from classifier import Sieve, blocks, chars, features, layout, links, sieve, words
from classifier.blocks import Limits
from classifier.cli import compiled_modules
from classifier.layout import Layout
from classifier.model import look_sums
from classifier.network import Said, normalised, standardised, surroundings
from classifier.page import Page
from classifier.phrasebook import phrase_hits, word_ids
from classifier.plaintext import read_lines
from training.corpora import read_bytes

PAGES = sorted((Path(__file__).parents[1] / "datasets" / "pages").glob("*.html"))

needs_compiled = pytest.mark.skipif(
    "classifier.blocks" not in compiled_modules(),
    reason="classifier.blocks runs from its .py here (an install in place is not compiled)",
)


def from_source(module: ModuleType) -> ModuleType:
    """A second copy of a module, run from the .py beside the compiled one."""
    name = f"{module.__name__}_from_source"
    spec = spec_from_file_location(name, Path(str(module.__file__)).parent / f"{module.__name__.split('.')[-1]}.py")
    assert spec is not None
    assert spec.loader is not None
    pure = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(pure)
    return pure


@pytest.fixture(scope="module")
def pure() -> ModuleType:
    return from_source(blocks)


def record(page: Page) -> dict[str, Any]:
    """Every column of a page, with its type, comparable."""
    return {
        name: (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in vars(page).items()
    }


def test_info_names_what_has_no_python_code() -> None:
    for name in ("blocks", "structure", "page", "labels"):
        module = importlib.import_module(f"classifier.{name}")
        from_python = str(module.__file__).endswith(".py")
        assert (module.__name__ not in compiled_modules()) == from_python


@needs_compiled
def test_compiled_code_is_what_runs(pure: ModuleType) -> None:
    assert str(blocks.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    assert not inspect.isfunction(blocks.cut)
    assert inspect.isfunction(pure.cut)


@needs_compiled
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_compiled_module_cuts_as_its_source_does(path: Path, pure: ModuleType) -> None:
    html = path.read_text("utf-8")
    assert record(blocks.cut(html)) == record(pure.cut(html))


@needs_compiled
@pytest.mark.parametrize(
    "limits",
    [
        {"max_elements": 20},
        {"max_depth": 4},
        {"max_attributes": 1},
        {"max_text": 50},
        {"max_seconds": 1e-9},
    ],
    ids=str,
)
def test_the_compiled_module_stops_where_its_source_does(limits: dict[str, Any], pure: ModuleType) -> None:
    for path in PAGES:
        html = path.read_text("utf-8")
        assert record(blocks.cut(html, Limits(**limits))) == record(pure.cut(html, pure.Limits(**limits)))


needs_rapid = pytest.mark.skipif(words.rapid is None, reason="classifier.rapid is not compiled here")


def spelt(found: words.Spelt) -> tuple[list[str], list[int], list[int]]:
    return found.spellings, found.places.tolist(), found.counts.tolist()


def without_compiled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words, "rapid", None)
    patch.setattr(layout, "measure", None)


def pure_and_compiled(function: Any, *given: Any, **options: Any) -> tuple[Any, Any]:
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        expected = spelt(function(*given, **options))
    return expected, spelt(function(*given, **options))


@needs_rapid
@pytest.mark.parametrize("cjk", [False, True])
@given(st.lists(st.text(st.sampled_from("ab_1²é欲ー\u3099ガ.\0 \U00020000\U0001f600٣ǅß") | st.characters())))
def test_compiled_words_are_those_of_the_expressions(cjk: bool, texts: list[str]) -> None:
    expected, found = pure_and_compiled(words.spell, [text.casefold() for text in texts], cjk=cjk)
    assert found == expected


@needs_rapid
@given(st.lists(st.text(st.sampled_from("aB.{@\n١欲\U0001f600") | st.characters(codec=None), min_size=1)))
def test_compiled_counts_are_those_of_numpy(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        patch.setattr(chars, "MAX_OPENERS", 3)
        expected = chars.count_chars(texts)
        patch.undo()
        patch.setattr(chars, "MAX_OPENERS", 3)
        found = chars.count_chars(texts)
    for wanted, got in zip(expected, found, strict=True):
        assert wanted.tolist() == got.tolist() and wanted.dtype == got.dtype


SAID = st.sampled_from("subscribe to read already a subscriber sign up for our newsletter 3 0 9999 10000 x log in".split())


@needs_rapid
@given(st.lists(st.lists(SAID, min_size=1).map(" ".join), min_size=1))
def test_compiled_phrases_and_numbers_are_those_of_dictionaries(lines: list[str]) -> None:
    def found() -> tuple[list[list[float]], list[int]]:
        x = Layout(read_lines("\n".join(lines)))
        return phrase_hits(x, word_ids(x)).tolist(), word_ids(x).tolist()

    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        expected = found()
    assert found() == expected


@needs_rapid
@given(st.dictionaries(st.text(max_size=3), st.integers(1, 99)), st.lists(st.text(max_size=3)))
def test_compiled_tables_find_what_numpy_finds(numbers: dict[str, int], asked: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        hashed, expected = words.hashes(asked), words.WordTable(numbers)[words.hashes(asked)]
    assert words.hashes(asked).tolist() == hashed.tolist()
    assert words.WordTable(numbers)[hashed].tolist() == expected.tolist()


@needs_rapid
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_compiled_sums_are_those_of_numpy(path: Path) -> None:
    rng = np.random.default_rng(0)

    def found() -> list[Any]:
        x = Layout(blocks.cut(path.read_text("utf-8")))
        messages = rng.normal(size=(len(x.page), 2, 6)).astype(np.float32)
        weights = rng.normal(size=(len(x.words), 5)).astype(np.float32)
        looks = rng.normal(size=(len(x.look_counts), 4 * 5)).astype(np.float32)
        parts = (
            *(words.bag_sums(weights, x.word_places % len(weights), x.word_counts), look_sums(looks, x)),
            *(Said(messages, surroundings(x)).heard(slice(3, None)), x.sums(x.stats, x.held), x.looks),
            *(x.chains, x.depths, x.around, x.twins, *x.repeats, *x.basics),
            normalised(messages),
            standardised(x.stats, *rng.uniform(0.1, 2, (2, 10)).astype(np.float32)),
        )
        return [[(part.dtype, part.tolist()) for part in parts], [*x.look_index.items()]]

    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        expected = found()
    rng = np.random.default_rng(0)
    assert found() == expected


def tables(x: Layout) -> list[tuple[object, ...]]:
    """The features' very bits, lest 0 be taken for -0."""
    near = [part.tolist() for part in vars(surroundings(x)).values()]
    found = features.tables(x)
    return [*((each.names, each.values.tobytes(), each.rows is None or each.rows.tolist()) for each in found), (near,)]


def check_features(html: str) -> None:
    page = blocks.cut(html)
    if len(page):
        with pytest.MonkeyPatch.context() as patch:
            without_compiled(patch)
            expected = tables(Layout(page))
        assert tables(Layout(page)) == expected


@needs_rapid
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_compiled_features_are_those_of_numpy(path: Path) -> None:
    check_features(path.read_text("utf-8"))


HEAD = "<title>News of the u v</title><meta name=description content='w x 続'><h1>x</h1>"


@needs_rapid
@given(documents(), st.sampled_from(["", HEAD, "<p hidden>Sign in? {{x}} 42, ABc…<a href=/a-1>続き。</a>" * 30]))
def test_compiled_features_of_any_page_are_those_of_numpy(html: str, before: str) -> None:
    check_features(before + html)


@needs_rapid
@pytest.mark.parametrize("html", ["<div>" * 100 + "a" + "<p>b" * 3, "<h1>" * 40 + "a. " * 40 + "</h1>b", "続" * 99])
def test_compiled_features_of_odd_pages_are_those_of_numpy(html: str) -> None:
    check_features(html)


def everything(reader: Sieve, html: bytes) -> tuple[object, ...]:
    reading = reader.read(html)
    shares = reading.probabilities.tobytes(), reading.main_probabilities.tobytes()
    return (*shares, reading.text, reading.access, record(reading.page))


@needs_compiled
def test_readings_are_those_of_pure_python_on_the_corpora(corpora: Path, pure: ModuleType) -> None:
    """Every tenth page; all with PAGESIEVE_COMPARE=all."""
    paths = sorted(path for path in corpora.glob("**/*.htm*") if path.is_file() and path.stat().st_size)
    reader = Sieve()
    for path in paths[:: 1 if os.environ.get("PAGESIEVE_COMPARE") == "all" else 10]:
        html = read_bytes(path)
        with pytest.MonkeyPatch.context() as patch:
            without_compiled(patch)
            patch.setattr(sieve, "cut", pure.cut)
            expected = everything(reader, html)
        assert everything(reader, html) == expected, path


PARTS = st.sampled_from("http: // / ? # - _ + . a.b own path 1 ٣ \n é : 9".split(" "))


@needs_rapid
@given(st.lists(PARTS).map("".join), st.sampled_from(["", "/own", "/own/path"]))
def test_compiled_addresses_are_those_of_the_expression(href: str, own: str) -> None:
    link = f"<link rel=canonical href='http://a.b{own}'><p><a href='{href}'>x</a><a href='{href}/'>y</a>"
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        parts, expected = links.split_address(href), links.links_of(blocks.cut(link))
    found = links.links_of(blocks.cut(link))
    assert links.split_address(href) == parts
    assert spelt(found.words) == spelt(expected.words)
    assert found.shapes.tolist() == expected.shapes.tolist()


@needs_rapid
@given(st.lists(st.tuples(st.text(max_size=3), st.text(st.sampled_from("abABZz01_-²éÉ欲İǅ٣ ") | st.characters()))))
def test_compiled_names_are_those_of_the_expression(looks: list[tuple[str, str]]) -> None:
    expected, found = pure_and_compiled(words.spell_looks, looks)
    assert found == expected


@needs_rapid
def test_compiled_words_are_numbered_beyond_the_first_tables() -> None:
    texts = [" ".join(f"w{number % 3000}x" for number in range(start, start + 500)) for start in range(0, 9_000, 400)]
    expected, found = pure_and_compiled(words.spell, texts, cjk=True)
    assert found == expected and len(found[0]) == 3000


ODD = [
    *("", " ", "x", "<", "<p", "</p>", "<!doctype html>", "<!-- a", "<![CDATA[a]]>", "\ufeff<p>mark", "a\x00b<p>\x00"),
    *("<p>a\ud800b", "<p>&amp;&nbsp;&#x1F600;&bogus;", "<meta charset=utf-16><p>é", "<p>\x1c \x85a\xa0", "<svg:a x:y=1>b"),
    '<a href="/x" href="/y" itemprop=url>two</a><i content=c itemprop=i>', "<p class>a<b hidden>c</b><i style>d",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "x"><body> <p> a </p> <b> c</b> </body>',
    f"<{'long' * 20} {'name' * 20}=1>a<p {' '.join(f'a{i}={i}' for i in range(1_200))} class=c>b",
    "<noscript> a </noscript><textarea> \n b </textarea><pre> \n <b> \n</b></pre>" + "<p>é ü " * 30_000,
    "<p> a  b\n\tc <b> d</b>\x1ce <i>\x1f\x0b</i>f\x01<p>" + "ab  c\n" * 2_000,
]  # fmt: skip


@needs_compiled
@pytest.mark.parametrize("html", ODD, ids=range(len(ODD)))
def test_odd_pages_are_cut_alike(html: str, pure: ModuleType) -> None:
    assert record(blocks.cut(html)) == record(pure.cut(html))
    assert record(blocks.cut(html.encode("utf-8", "replace"))) == record(blocks.cut(html))


def compared_sax() -> ModuleType:
    try:
        return importlib.import_module("classifier.sax")
    except ImportError as error:
        if "libxml2" not in str(error):  # that it was not compared is a reason to skip; any other is a fault
            raise
        pytest.skip(str(error))


@needs_compiled
@pytest.mark.parametrize("path", PAGES[:5], ids=lambda path: path.stem)
def test_lxml_s_own_interface_serves_the_compiled_target(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html = path.read_text("utf-8")
    expected = record(blocks.cut(html))
    monkeypatch.setattr(blocks, "_direct_parser", lambda: None)
    assert record(blocks.cut(html)) == expected


@needs_compiled
def test_events_come_straight_from_libxml2_where_that_was_compared() -> None:
    sax = compared_sax()
    oldest, newest = sax.COMPARED
    assert oldest <= etree.LIBXML_VERSION < newest
    assert blocks._direct_parser() is sax.Parser


@needs_compiled
def test_what_a_target_raises_is_raised() -> None:
    sax = compared_sax()
    parser = sax.Parser(blocks._Target(Limits(), None))
    with pytest.raises(TypeError):
        parser.feed(b"<html><body><script>a")
    with pytest.raises(TypeError):
        sax.Parser(None)


@needs_compiled
def test_text_that_comes_piece_by_piece_takes_no_object_a_character() -> None:
    tracemalloc.start()
    try:
        blocks.cut("<" * 300_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 300_000 * 30  # a string of its own takes 50


@needs_compiled
def test_limits_are_the_same_record(pure: ModuleType) -> None:
    limits = Limits(max_depth=7)
    assert repr(limits) == repr(pure.Limits(max_depth=7))
    assert asdict(limits) == asdict(pure.Limits(max_depth=7))
    assert pickle.loads(pickle.dumps(limits)) == limits
    assert len({limits, Limits(max_depth=7)}) == 1
    with pytest.raises(AttributeError):
        limits.max_depth = 8  # type: ignore[misc]
