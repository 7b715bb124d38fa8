"""Near-duplicates are found and named by the share that they really have in common."""

import numpy as np

from training import neardup
from training.neardup import SHINGLE, near_duplicates


def text(seed, words=300):
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(0, 10_000, words))


def test_copies_are_found_and_others_are_not():
    texts = [text(0), text(1), text(0), text(2)]
    assert [(a, b, share) for a, b, share in near_duplicates(texts)] == [(0, 2, 1.0)]


def test_the_share_is_exact():
    words = text(0).split()
    changed = [*words[:150], "changed", *words[151:]]
    ((a, b, share),) = near_duplicates([" ".join(words), " ".join(changed)])
    common = len(words) - SHINGLE + 1 - SHINGLE
    assert (a, b) == (0, 1)
    assert share == common / (common + 2 * SHINGLE)


def test_pages_just_above_the_bar_are_found_by_and_large():
    found = 0
    for seed in range(40):
        words = text(seed).split()
        cut = words[: round(0.84 * len(words))]
        found += len(near_duplicates([" ".join(words), " ".join(cut)]))
    assert found >= 38


def test_texts_that_say_too_little_are_not_compared():
    assert near_duplicates(["Page not found"] * 5 + [""] * 5) == []


def test_a_crowd_of_copies_is_reported_without_comparing_all(monkeypatch):
    monkeypatch.setattr(neardup, "_CROWD", 10)
    found = near_duplicates([text(0)] * 50)
    assert {a for a, _, _ in found} | {b for _, b, _ in found} == set(range(50))
    assert len(found) == 49


def test_other_scripts_count_as_words():
    story = "新しい橋は来年の春に完成し港と島を結ぶ予定であると市長が発表した"
    assert len(near_duplicates([story, story + "。"])) == 1
