"""The text of a gated news page as a crawler got it must come out right, line by line."""

from pathlib import Path

import pytest

from classifier import Block, Sieve


@pytest.fixture(scope="module")
def blocks(shared: Path) -> tuple[Block, ...]:
    source = next((shared / "seed").glob("*.txt"))
    return Sieve().read_text(source.read_bytes()).blocks


def labels_of(blocks: tuple[Block, ...], *parts: str) -> list[str]:
    found = [block.label for block in blocks if any(part in block.text for part in parts)]
    assert len(found) >= len(parts)
    return found


def test_icon_names_are_navigation(blocks: tuple[Block, ...]) -> None:
    assert blocks[0].label == "navigation"
    assert "Chevron" in blocks[0].text


def test_the_article_is_content(blocks: tuple[Block, ...]) -> None:
    begin = next(i for i, block in enumerate(blocks) if block.text.startswith("Putin says"))
    end = next(i for i, block in enumerate(blocks) if block.text.startswith("Sponsored"))
    assert {block.label for block in blocks[begin:end]} == {"content"}
    assert all(block.main for block in blocks[begin:end])


def test_the_sponsor_is_an_ad(blocks: tuple[Block, ...]) -> None:
    assert set(labels_of(blocks, "Sponsored Content", "This content was commissioned")) == {"ad"}


def test_the_gate_is_paywall(blocks: tuple[Block, ...]) -> None:
    parts = ("{{numberArticlesLeft}}", "last free article", "Unlimited access", "Try 3 months", "Offer ends")
    parts += ("trial period has expired", "You need a subscription", "See all offers", "full access to the")
    assert set(labels_of(blocks, *parts)) == {"paywall"}


def test_the_gate_is_not_returned_as_text(shared: Path) -> None:
    reading = Sieve().read_text(next((shared / "seed").glob("*.txt")).read_bytes())
    assert "numberArticlesLeft" not in reading.text
    assert "Kommersant" in reading.text
    assert (reading.access.level, reading.access.wall) == ("metered", "paywall")
