import pytest
from gated_pages import GATE, PAID, SENTENCE, STORY, seen


def test_a_locked_part_is_looked_up_by_its_class():
    item = {**PAID, "hasPart": {"isAccessibleForFree": False, "cssSelector": ".locked, .more"}}
    whole = seen(f'<div class="a locked">{STORY}</div>', item=item)
    empty = seen(f'{STORY}<div class="locked"></div>', item=item)
    assert (whole["part_held"], whole["part_missing"]) == (1, 0)
    assert (empty["part_held"], empty["part_missing"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "shorter", "as_long"), [(440, False, True), (4000, True, False), (None, False, False)]
)
def test_the_text_is_held_against_its_declared_length(words, shorter, as_long):
    observed = seen(STORY, item={"@type": "Article", "wordCount": words})
    assert (observed["shorter_than_declared"] > 0, observed["as_long_as_declared"] > 0) == (shorter, as_long)


@pytest.mark.parametrize(
    ("end", "signal"),
    [("and then the boat…", "ellipsis"), ("and then the boat [...]", "ellipsis"), ("and then", "cut_off")],
)
def test_how_the_text_ends(end, signal):
    observed = seen(f"{STORY}<p>{SENTENCE} {end}</p>")
    assert {name for name in ("ellipsis", "cut_off") if observed[name]} == {signal}


def test_where_the_gate_stands():
    below, above = seen(STORY + GATE), seen(GATE + STORY)
    assert below["gate_at_end"] > 0.8
    assert below["gate_before"] == pytest.approx(1)
    assert (above["gate_at_end"], above["gate_before"]) == (0, 0)


def test_unfilled_placeholders_of_a_gate():
    assert seen(f"{STORY}<p>{{{{count}}}} free articles left</p>")["unfilled"] == 1
    assert seen(f"{STORY}<p>You have 2 free articles left</p>")["says_meter"] == 1


@pytest.mark.parametrize(
    ("gate", "wall"),
    [
        ("<p>Subscribe to continue reading</p><p>2 euros a month</p>", "paywall"),
        ("<p>Create a free account to continue reading</p>", "registration"),
        ("<p>Accept cookies, or read without tracking for 2 euros a month and subscribe</p>", "consent"),
    ],
)
def test_the_wall_is_named_after_what_the_gate_says(gate, wall):
    assert seen(STORY + gate).wall == wall


def test_words_of_a_robot_check_in_a_long_text_are_no_robot_check():
    assert seen(STORY.replace("quiet", "verify you are human")).wall == "none"
