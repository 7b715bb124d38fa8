"""Floors hold what was reached, tighten by themselves, and sink only on request."""

import json
from dataclasses import replace

import pytest

from training.bootstrap import Figure
from training.evaluate import Figures
from training.floors import MARGIN, check_floors, digests, write_floors


def figures(f1=0.9, alarms=0.02, data="abc"):
    def figure(value):
        return Figure(value, value, value, 9, 9)

    headline = {"wcxb.f1": figure(f1), "access.false_alarms": figure(alarms)}
    return Figures(headline, data={"wcxb": data})


def pinned(path):
    return json.loads(path.read_text())["figures"]


def test_a_figure_may_sink_by_the_margin_alone(tmp_path):
    path = tmp_path / "floors.json"
    write_floors(figures(), path)
    assert check_floors(figures(), path) == []
    assert check_floors(figures(0.9 - MARGIN / 2, 0.02 + MARGIN / 2), path) == []
    below = check_floors(figures(0.9 - 2 * MARGIN), path)
    assert below == ["main text, WCXB dev: words F1 is 0.8940, below its floor of 0.8970."]
    above = check_floors(figures(alarms=0.03), path)
    assert above == ["access: open pages called not open is 0.0300, above its ceiling of 0.0230."]


def test_floors_tighten_but_never_loosen(tmp_path):
    path = tmp_path / "floors.json"
    write_floors(figures(), path)
    write_floors(figures(0.899, 0.021), path)
    assert pinned(path) == {"wcxb.f1": 0.897, "access.false_alarms": 0.023}
    write_floors(figures(0.95, 0.01), path)
    assert pinned(path) == {"wcxb.f1": 0.947, "access.false_alarms": 0.013}


def test_a_lower_floor_needs_a_word(tmp_path):
    path = tmp_path / "floors.json"
    write_floors(figures(), path)
    with pytest.raises(ValueError, match=r"below its floor.*lower=True"):
        write_floors(figures(0.8), path)
    assert pinned(path)["wcxb.f1"] == 0.897
    write_floors(figures(0.8), path, lower=True)
    assert pinned(path)["wcxb.f1"] == 0.797


def test_a_figure_that_is_not_measured_any_more_is_named(tmp_path):
    path = tmp_path / "floors.json"
    write_floors(figures(), path)
    less = replace(figures(), headline={"wcxb.f1": figures().headline["wcxb.f1"]})
    assert check_floors(less, path) == [
        "access: open pages called not open was not measured, but has a floor."
    ]
    with pytest.raises(ValueError, match="was not measured"):
        write_floors(less, path)


def test_other_data_are_named(tmp_path):
    path = tmp_path / "floors.json"
    write_floors(figures(), path)
    [sentence] = check_floors(figures(data="def"), path)
    assert sentence.startswith("The files of wcxb are not those")


def test_missing_or_broken_floors_are_refused(tmp_path):
    path = tmp_path / "floors.json"
    with pytest.raises(FileNotFoundError, match="write them first"):
        check_floors(figures(), path)
    path.write_text('{"figures": 3}')
    with pytest.raises(ValueError, match="holds no floors"):
        check_floors(figures(), path)


def test_digests_change_with_names_and_sizes(tmp_path):
    pages = tmp_path / "gold" / "dev" / "pages"
    pages.mkdir(parents=True)
    (pages / "a.html").write_text("tea")
    fixtures = tmp_path / "corpora" / "postlight" / "fixtures"
    fixtures.mkdir(parents=True)
    first = digests(tmp_path / "corpora", tmp_path / "gold")
    assert set(first) == {"postlight", "gold"}
    (pages / "a.html").write_text("milk")
    second = digests(tmp_path / "corpora", tmp_path / "gold")
    (pages / "a.html").rename(pages / "b.html")
    third = digests(tmp_path / "corpora", tmp_path / "gold")
    assert len({first["gold"], second["gold"], third["gold"]}) == 3
    assert first["postlight"] == third["postlight"]
    assert digests(None, None) == {}
