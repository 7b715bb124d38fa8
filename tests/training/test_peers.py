"""Peers are asked once for a page, and their failures do not stop a comparison."""

from pathlib import Path

import pytest

from training import peers
from training.corpora import CorpusPage


@pytest.fixture
def page(tmp_path: Path) -> CorpusPage:
    path = tmp_path / "page.html"
    path.write_text("<p>tea", encoding="utf-8")
    return CorpusPage("1", "wcxb", path, None, "tea.de", None, None)


def test_outputs_are_kept_on_disk(page: CorpusPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def extract(html: str) -> str:
        asked.append(html)
        return html.upper()

    monkeypatch.setitem(peers._TOOLS, "shout", ("numpy", lambda: extract))
    for _ in range(2):
        assert peers.outputs("shout", [page], tmp_path / "cache") == {"1": "<P>TEA"}
    assert asked == ["<p>tea"]
    assert peers.outputs("shout", [page], None) == {"1": "<P>TEA"}
    assert len(asked) == 2


def test_a_failing_peer_gives_an_empty_text_and_a_warning(
    page: CorpusPage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def extract(html: str) -> str:
        raise RecursionError("too deep")

    monkeypatch.setitem(peers._TOOLS, "fragile", ("numpy", lambda: extract))
    assert peers.outputs("fragile", [page], None) == {"1": ""}
    assert "wcxb 1: RecursionError: too deep" in caplog.text


def test_an_unknown_peer_is_named(page: CorpusPage) -> None:
    with pytest.raises(ValueError, match="no peer 'tea': known are trafilatura"):
        peers.outputs("tea", [page], None)


def test_a_peer_that_is_not_installed_says_what_to_install(
    page: CorpusPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> peers.Extract:
        raise ImportError("no such module")

    monkeypatch.setitem(peers._TOOLS, "absent", ("absent-package", missing))
    with pytest.raises(ImportError, match=r"pip install 'pagesieve\[peers\]'"):
        peers.outputs("absent", [page], None)


@pytest.mark.parametrize("tool", ["trafilatura", "resiliparse", "readability-lxml"])
def test_each_peer_finds_the_story(tool: str, tmp_path: Path) -> None:
    pytest.importorskip({"readability-lxml": "readability"}.get(tool, tool))
    sentence = "The ferry left the harbour at noon with nine sheep on board, and nobody waved from the pier. "
    story = f"<p>{sentence * 4}</p>" * 4
    path = tmp_path / "page.html"
    path.write_text(f"<html><body><nav>Menu</nav><article><h1>Ferry</h1>{story}</article>", encoding="utf-8")
    text = peers.outputs(tool, [CorpusPage("1", "wcxb", path, None, "tea.de", None, None)], None)["1"]
    assert sentence.strip() in text
    assert "Menu" not in text
