"""Truths are laid over pages so that each block gets what is its own."""

import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.blocks import cut
from classifier.labels import AD, CONTENT, NAVIGATION
from training.align import KEPT, align_segments, align_snippets, align_text, match
from training.corpora import load, read_html
from training.measures import mean_f1, word_scores

WORDS = st.lists(st.sampled_from("abcde"), max_size=30)

LONG = "The ferry left the harbour at noon with nine sheep and one piano on board."
OTHER = "Nobody on the pier could say afterwards who had paid for the crossing."


def _page(*paragraphs: str) -> str:
    return "".join(f"<p>{paragraph}" for paragraph in paragraphs)


def _kept(html: str, truth: str) -> list[str]:
    page = cut(html)
    shares, _ = align_text(page, truth)
    return [text for text, share in zip(page.texts, shares, strict=True) if share >= KEPT]


# -- words in order ------------------------------------------------------------------------------------------


@given(WORDS, WORDS)
def test_runs_are_equal_ascend_and_do_not_overlap(a: list[str], b: list[str]) -> None:
    i_done = j_done = 0
    for i, j, size in match(a, b):
        assert size > 0
        assert i >= i_done and j >= j_done
        assert a[i : i + size] == b[j : j + size]
        i_done, j_done = i + size, j + size


@given(WORDS)
def test_a_text_matches_itself_whole(words: list[str]) -> None:
    assert sum(size for *_, size in match(words, words)) == len(words)


@given(st.lists(st.integers(), unique=True, max_size=40), st.data())
def test_what_was_left_out_does_not_disturb_the_rest(numbers: list[int], data: st.DataObject) -> None:
    words = [str(number) for number in numbers]
    kept = [word for word in words if data.draw(st.booleans())]
    assert sum(size for *_, size in match(words, kept)) == len(kept)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (["x"] * 20_000, ["x"] * 20_000),
        (["x", "y"] * 10_000, ["y", "y", "x"] * 7_000),
        ([str(i % 50) for i in range(20_000)], [str(i % 49) for i in range(20_000)]),
    ],
    ids=["one word", "two words", "cycles"],
)
def test_repetitive_text_of_20k_words_takes_no_more_than_seconds(a: list[str], b: list[str]) -> None:
    start = time.process_time()
    match(a, b)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("copies", [(2, 1), (1, 2), (2, 2)])
def test_a_long_text_that_stands_twice_is_matched_though_no_run_is_unique(copies: tuple[int, int]) -> None:
    words = random.Random(7).choices("abcdefghijklmnopqrstuvwxyz", k=3000)
    runs = match(["Top", *words * copies[0], "End"], ["Title", *words * copies[1], "Author"])
    assert sum(size for *_, size in runs) >= 0.99 * len(words) * min(copies)


# -- a main text ---------------------------------------------------------------------------------------------


def test_blocks_of_the_main_text_are_told_from_the_rest() -> None:
    html = _page("Home News Sport", LONG, "Advertisement", OTHER, "All rights reserved by the shipping news")
    assert _kept(html, f"{LONG}\n\n{OTHER}") == [LONG, OTHER]


def test_punctuation_case_and_marks_do_not_matter() -> None:
    html = "<p>The <b>ferry</b> left the harbour&nbsp;at noon … with nine sheep &amp; one piano"
    assert len(_kept(html, "THE FERRY LEFT THE HARBOUR; AT NOON WITH NINE SHEEP ONE PIANO")) == 1


def test_text_that_stands_twice_counts_once_and_is_reported() -> None:
    page = cut(_page(LONG, "Menu", LONG, OTHER))
    shares, report = align_text(page, f"{LONG}\n{OTHER}")
    kept = np.flatnonzero(shares >= KEPT).tolist()
    assert len(kept) == 2 and 3 in kept
    (twin,) = {0, 2} - set(kept)
    assert report.repeats == ((twin, kept[0]),)


def test_a_page_that_holds_its_article_twice_keeps_one_copy_whole() -> None:
    article = [f"Sentence {i} of the story tells what happened in chapter {i} to the crew." for i in range(9)]
    assert _kept(_page(*article, "Print version", *article), "\n".join(article)) == article


def test_short_lines_count_where_the_truth_has_them_beside_their_neighbours() -> None:
    truth = f"{LONG}\nPrice: 9\nDay two\n{OTHER}"
    html = _page("Day two", *["A menu entry without any use"] * 15, LONG, "Price: 9", "Day two", OTHER)
    page = cut(html)
    shares, _ = align_text(page, truth)
    assert np.flatnonzero(shares >= KEPT).tolist() == [16, 17, 18, 19]


def test_a_short_line_far_from_what_surrounds_it_in_the_truth_is_a_coincidence() -> None:
    truth = f"{OTHER}\nDay two\nA line that the page has lost\n{LONG}"
    assert _kept(_page("Day two", *["A menu entry without any use"] * 15, LONG), truth) == [LONG]


def test_paragraphs_in_another_order_find_their_places() -> None:
    paragraphs = [LONG, OTHER, "A third paragraph speaks of the weather and of the price of piano strings."]
    assert _kept(_page(*paragraphs), "\n".join(reversed(paragraphs))) == paragraphs


def test_a_truth_without_place_is_reported_line_by_line() -> None:
    page = cut(_page(LONG))
    _, report = align_text(page, f"{LONG}\n\n{OTHER}")
    assert report.missing == (OTHER,)
    assert report.words == report.placed + 13
    assert report.share == pytest.approx(15 / 28)


@pytest.mark.parametrize(("html", "truth"), [("", ""), ("", LONG), (_page(LONG), ""), (_page("…"), "…")])
def test_nothing_on_either_side_gives_zeros(html: str, truth: str) -> None:
    page = cut(html)
    shares, report = align_text(page, truth)
    assert shares.tolist() == [0.0] * len(page)
    assert report.placed == 0


def test_chinese_is_aligned_by_characters() -> None:
    story = "渡轮在中午离开港口,船上有九只羊和一架钢琴。"
    assert _kept(_page("首页", story, "登录注册"), story) == [story]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(3, 12), st.booleans()), min_size=1, max_size=8))
def test_blocks_of_words_of_their_own_are_always_found(shape: list[tuple[int, bool]]) -> None:
    texts = [" ".join(f"w{i}n{k}" for k in range(size)) for i, (size, _) in enumerate(shape)]
    truth = "\n".join(text for text, (_, main) in zip(texts, shape, strict=True) if main)
    shares, report = align_text(cut(_page(*texts)), truth)
    assert shares.tolist() == [float(main) for _, main in shape]
    assert not report.missing and not report.repeats


# -- labelled segments ---------------------------------------------------------------------------------------


def test_segments_label_the_blocks_under_them() -> None:
    page = cut(_page("Menu", LONG, "Subscribe to our letter", "…", "Unheard-of icon"))
    labels, report = align_segments(
        page,
        [("Menu", "navigation"), (LONG, "content"), ("Subscribe to our letter", "ad"), ("Gone text", "ad")],
    )
    assert labels.tolist() == [NAVIGATION, CONTENT, AD, -1, -1]
    assert report.missing == (3,)
    assert report.unlabelled == (4,)


def test_a_block_under_two_labels_takes_that_of_most_words() -> None:
    page = cut("<p>by Ann Example, reporter of the house <a href=x>Follow</a>")
    labels, report = align_segments(
        page, [("by Ann Example, reporter of the house", "content"), ("Follow", "navigation")]
    )
    assert labels.tolist() == [CONTENT]
    assert report.mixed == (0,)


def test_blocks_that_share_a_segment_all_get_its_label() -> None:
    labels, _ = align_segments(cut("<p>one two<p>three four"), [("one two three four", "ad")])
    assert labels.tolist() == [AD, AD]


def test_a_segment_out_of_order_goes_to_the_block_with_its_words() -> None:
    html = _page("Footer words here", LONG, OTHER)
    labels, report = align_segments(
        cut(html), [(LONG, "content"), (OTHER, "content"), ("Footer words here", "navigation")]
    )
    assert labels.tolist() == [NAVIGATION, CONTENT, CONTENT]
    assert report.missing == ()


# -- snippets ------------------------------------------------------------------------------------------------


def _snippets(html: str, with_: list[str], without: list[str]) -> list[int]:
    labels: list[int] = align_snippets(cut(html), with_, without)[0].tolist()
    return labels


def test_snippets_say_something_of_their_blocks_and_nothing_of_others() -> None:
    assert _snippets(_page(LONG, "Share this", OTHER), ["nine sheep and"], ["Share this"]) == [1, 0, -1]


def test_a_snippet_that_must_be_kept_but_stands_twice_says_nothing() -> None:
    page = cut(_page("nine sheep", LONG))
    labels, report = align_snippets(page, ["nine sheep"], [])
    assert labels.tolist() == [-1, -1]
    assert report.ambiguous == ("nine sheep",)


def test_a_word_to_leave_out_does_not_damn_the_paragraph_that_holds_it() -> None:
    assert _snippets(_page("Harbour", LONG), [], ["Harbour"]) == [0, -1]


def test_a_block_claimed_by_both_is_unknown() -> None:
    assert _snippets(_page(LONG), ["left the harbour at"], ["sheep and one piano"]) == [-1]


def test_a_snippet_over_several_blocks_claims_them_all() -> None:
    assert _snippets(_page("one two", "three four", "five"), ["two three four"], []) == [1, 1, -1]


def test_a_long_snippet_may_break_off_within_a_word_and_a_short_one_may_not() -> None:
    assert _snippets(_page(LONG), ["nine sheep and one pia"], []) == [1]
    assert _snippets(_page("Abonnement"), [], ["Abo"]) == [-1]


def test_snippets_without_a_place_are_reported() -> None:
    assert align_snippets(cut(_page(LONG)), ["not there"], ["…"])[1].missing == ("not there", "…")


# -- on the corpora ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step", "without_text", "floor"),
    [
        ("wcxb", 5, set(), 0.98),
        ("fundus", 1, {"kr/HankookIlbo_2026_01_29"}, 0.999),
        ("readability", 1, {"005-unescape-html-entities"}, 0.998),
    ],
)
def test_an_oracle_that_keeps_the_aligned_blocks_tells_the_truth(
    corpora: Path, name: str, step: int, without_text: set[str], floor: float
) -> None:
    scores = []
    for source in load(name, corpora).pages[::step]:
        if source.truth.main and source.id not in without_text:
            html = read_html(source)
            scores.append(word_scores("\n".join(_kept(html, source.truth.main)), source.truth.main))
    assert mean_f1(scores) >= floor
