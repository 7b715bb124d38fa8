"""What a crawl's statistics tell: quiet sites stay quiet, changes are found, states merge in any order and stay small."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import record, stream

from classifier import drift
from classifier.drift import (
    MAX_PERIODS,
    WIDTH,
    Doubtful,
    Period,
    State,
    StateError,
    changes,
    load_state,
    save_state,
    site_of,
    watch,
)

PAGE = {
    "id": "1",
    "url": "https://a.example/1",
    "blocks": [
        {
            "text": "tea",
            "label": "content",
            "main": True,
            "probabilities": {"content": 0.75},
            "xpath": "/html[1]/body[1]/p[2]",
        }
    ],
}


# -- changes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", range(0, 40, 20))
def test_a_site_that_changes_nothing_but_its_stories_is_left_alone(start):
    for seed in range(start, start + 20):
        assert changes(watch(stream(seed))) == []


@pytest.mark.parametrize("seed", range(10))
def test_a_new_template_is_found_on_its_day(seed):
    (change,) = changes(watch(stream(seed, change=6)))
    assert (change.site, change.since, change.pages) == ("a.example", "2026-03-07", 30)
    assert change.signs and all(abs(before - after) >= drift.LEAST_MOVE for _, before, after in change.signs)


def test_the_pages_to_label_are_the_least_certain_since_the_change():
    records = list(stream(3, change=6))
    (change,) = changes(watch(records))
    named = [page.id for page in change.annotate]
    since = {each["id"] for each in records if each["date"] >= "2026-03-07"}
    assert named and set(named) <= since
    assert list(change.annotate) == sorted(change.annotate)


def test_records_without_a_date_are_counted_by_number():
    records = [{**each, "date": None} for each in stream(1, change=6, count=16)]
    state = watch(records)
    assert sorted(state.sites["a.example"]) == [f"#{n:09}" for n in (1, 21, 41, 61)]
    (change,) = changes(state)
    assert change.since in ("#21", "#41")  # the 31st page is the first of the new template
    assert change.to_dict()["since"] == change.since


def test_a_model_that_grows_unsure_is_a_change():
    def doubted(each, number):
        blocks = [
            {**block, "probabilities": {block["label"]: block["probabilities"][block["label"]] - 0.25 * (number >= 30)}}
            for block in each["blocks"]
        ]
        return {**each, "blocks": blocks}

    records = [doubted(each, number) for number, each in enumerate(stream(5))]
    (change,) = changes(watch(records))
    assert "confidence" in {name for name, _, _ in change.signs}


@pytest.mark.parametrize("pages", range(0, drift.LEAST_PAGES))
def test_few_pages_prove_nothing(pages):
    rng = random.Random(0)
    records = [record(rng, "a.example", n, "old", "2026-03-01") for n in range(40)]
    records += [record(rng, "a.example", n, "new", "2026-03-02") for n in range(pages)]
    assert changes(watch(records)) == []


def test_each_site_is_judged_alone():
    records = [*stream(1, change=6, site="a.example"), *stream(2, site="b.example")]
    random.Random(0).shuffle(records)
    assert [change.site for change in changes(watch(records))] == ["a.example"]


# -- merging ----------------------------------------------------------------------------------------------------

whole = st.integers(0, 1000)
periods = st.builds(
    Period,
    st.integers(1, 50),
    st.lists(whole, min_size=WIDTH, max_size=WIDTH).map(tuple),
    st.lists(whole, min_size=WIDTH, max_size=WIDTH).map(tuple),
    st.lists(st.builds(Doubtful, st.integers(0, 9), st.sampled_from("abcd"), st.just("")), max_size=5).map(
        lambda pages: tuple(sorted(set(pages))[: drift.MAX_DOUBTFUL])
    ),
)
keys = st.sampled_from([f"2026-03-{day:02}" for day in range(1, 10)] + [f"#{n:09}" for n in (1, 21)])
states = st.builds(
    State,
    st.dictionaries(st.sampled_from([f"{c}.example" for c in "abcdef"]), st.dictionaries(keys, periods, min_size=1, max_size=6), max_size=5),
    st.dictionaries(st.sampled_from([f"{c}.example" for c in "abcdef"]), st.integers(0, 99), max_size=3),
)


@pytest.fixture
def tight(monkeypatch):
    """Bounds that a small state meets."""
    monkeypatch.setattr(drift, "MAX_SITES", 3)
    monkeypatch.setattr(drift, "MAX_PERIODS", 4)


@settings(max_examples=60, deadline=None)
@given(states, states, states)
def test_merging_is_associative_and_commutative(a, b, c):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift, "MAX_SITES", 3)
        patch.setattr(drift, "MAX_PERIODS", 4)
        a, b, c = (state.merged(State()) for state in (a, b, c))
        assert a.merged(b) == b.merged(a)
        assert a.merged(b).merged(c) == a.merged(b.merged(c))
        assert a.merged(State()) == a


def test_workers_find_together_what_one_finds():
    records = list(stream(4, change=6))
    parts = [watch(records[place::3]) for place in range(3)]
    assert parts[2].merged(parts[0]).merged(parts[1]) == watch(records)
    assert watch(records[30:], watch(records[:30])) == watch(records)


def test_a_state_stays_small(tight):
    rng = random.Random(0)
    seen = [f"s{n}.example" for n in range(20)]
    records = [record(rng, site, n, date=f"2026-03-{n + 1:02}") for n in range(9) for site in seen]
    state = watch(records)
    assert len(state.sites) == 3
    assert all(sorted(found) == [f"2026-03-{day:02}" for day in (6, 7, 8, 9)] for found in state.sites.values())
    assert state.sites.keys() == watch(records[::-1]).sites.keys()


def test_the_bounds_hold_a_crawl():
    assert drift.MAX_SITES >= 10_000 and MAX_PERIODS >= 14


# -- records ----------------------------------------------------------------------------------------------------


def test_a_page_is_counted_in_whole_thousandths():
    (period,) = watch([PAGE]).sites["a.example"].values()
    values = dict(zip(drift.SCALARS, period.sums, strict=False))
    assert (values["content"], values["main"], values["confidence"], values["ad"]) == (1000, 1000, 750, 0)
    assert sum(period.sums[len(drift.SCALARS) :]) == 1000
    assert period.squares == tuple(value**2 for value in period.sums)
    assert period.doubtful == (Doubtful(750, "1", "https://a.example/1"),)


def test_positions_in_a_path_make_no_template():
    moved = json.loads(json.dumps(PAGE).replace("p[2]", "p[7]"))
    assert watch([PAGE]) == watch([moved])


@pytest.mark.parametrize(
    ("record", "site"),
    [
        ({"url": "https://WWW.a.example/1"}, "a.example"),
        ({"url": None, "metadata": {"canonical_url": "http://b.example"}}, "b.example"),
        ({"url": "http://[", "metadata": None}, ""),
        ({"url": 7}, ""),
        ({}, ""),
    ],
)
def test_the_site_of_a_record(record, site):
    assert site_of(record) == site


def test_pages_without_address_or_text_are_passed_over():
    assert watch([{**PAGE, "url": None}, {**PAGE, "blocks": []}]) == State()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        "tea",
        {"url": "https://a.example"},
        {**PAGE, "blocks": [{"text": "tea"}]},
        {**PAGE, "blocks": [{**PAGE["blocks"][0], "label": "tea", "probabilities": {"tea": 1}}]},
        {**PAGE, "blocks": 7},
    ],
)
def test_what_is_no_record_is_refused_and_the_rest_counted(bad):
    with pytest.raises(StateError, match="no record"):
        watch([bad])
    refused = []
    assert watch([PAGE, bad, PAGE], None, refused.append) == watch([PAGE, PAGE])
    assert len(refused) == 1


# -- the file ---------------------------------------------------------------------------------------------------


def test_a_state_survives_its_file(tmp_path):
    state = watch([*stream(1, change=6), {**PAGE, "id": "\ud800"}])
    save_state(state, tmp_path / "state.json")
    loaded = load_state(tmp_path / "state.json")
    assert changes(loaded) == changes(state)
    assert loaded.undated == {"a.example": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def damaged(change):
    content = {"format": 1, "sites": {"a.example": {"2026-03-01": [1, [0] * WIDTH, [0] * WIDTH, []]}}, "undated": {}}
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "[]", "{}", "[" * 10_000, "\ud800"),
        damaged(lambda c: c.update(format=2)),
        damaged(lambda c: c["sites"]["a.example"].update({"tea": [1, [0] * WIDTH, [0] * WIDTH, []]})),
        damaged(lambda c: c["sites"]["a.example"].update({"2026-03-01": [0, [0] * WIDTH, [0] * WIDTH, []]})),
        damaged(lambda c: c["sites"]["a.example"].update({"2026-03-01": [1, [0], [0] * WIDTH, []]})),
        damaged(lambda c: c["sites"]["a.example"].update({"2026-03-01": [1, [-1] * WIDTH, [0] * WIDTH, []]})),
        damaged(lambda c: c["sites"]["a.example"].update({"2026-03-01": [1, [0.5] * WIDTH, [0] * WIDTH, []]})),
        damaged(lambda c: c["sites"]["a.example"].update({"2026-03-01": [1, [0] * WIDTH, [0] * WIDTH, [7]]})),
        damaged(lambda c: c.update(undated={"a.example": "1"})),
        damaged(lambda c: c.update(sites=[])),
    ],
)
def test_what_is_no_state_is_refused_in_one_sentence(text, tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(StateError) as caught:
        load_state(path)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).endswith(".")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300 + len(str(path))


def test_the_damage_is_what_is_refused(tmp_path):
    path = tmp_path / "state.json"
    path.write_text(damaged(lambda content: None), "utf-8")
    assert load_state(path).sites["a.example"]["2026-03-01"].pages == 1


def test_a_state_that_is_not_there_or_cannot_be_written(tmp_path):
    with pytest.raises(StateError, match="cannot be read"):
        load_state(tmp_path / "none.json")
    with pytest.raises(StateError, match="cannot be written"):
        save_state(State(), tmp_path / "none" / "state.json")
