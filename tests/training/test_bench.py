"""The bench on shipped pages: its rows, its clock, its bookkeeping. How fast anything is, no test asserts."""

import json
from pathlib import Path

import numpy as np
import pytest

from classifier import Model, Sieve, sieve
from training import bench, growth
from training.bench import (
    OURS,
    ROWS,
    SHIPPED,
    UNIT,
    StageClock,
    find_pages,
    main,
    make_tools,
    measure,
    summarise,
)

PAGES = [SHIPPED / "forum-thread.html", SHIPPED / "hard-gate-harbour.html"]


def test_every_stage_is_seen_at_work() -> None:
    times, failures = measure(PAGES, make_tools(Sieve(), peers=False))
    assert set(times) == {UNIT, OURS, *ROWS}
    assert not failures
    assert all(min(seconds) > 0 and len(seconds) == len(PAGES) for seconds in times.values())


def test_stages_add_up_to_the_whole() -> None:
    times, _ = measure(PAGES, make_tools(Sieve(), peers=False))
    for page, whole in enumerate(times[OURS]):
        assert sum(times[row][page] for row in ROWS) == pytest.approx(whole)


def test_the_bench_leaves_the_stages_as_they_were() -> None:
    before = sieve.cut, Model.predict
    measure(PAGES[:1], make_tools(Sieve(), peers=False))
    assert (sieve.cut, Model.predict) == before


def test_the_clock_charges_the_innermost_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(bench, "thread_time", lambda: now)
    clock = StageClock()

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    inner = clock.timed("inner", lambda: spend(2))
    outer = clock.timed("outer", lambda: (spend(1), inner(), spend(4)))
    assert clock.run(lambda data, text: (spend(8), outer()), b"", "")
    assert clock.seconds == {bench.REST: 8, "outer": 5, "inner": 2}


def test_a_stage_that_raises_is_closed() -> None:
    clock = StageClock()
    broken = clock.timed("broken", lambda: 1 / 0)
    assert not clock.run(lambda data, text: broken(), b"", "")
    assert clock.run(lambda data, text: None, b"", "")
    assert set(clock.seconds) == {bench.REST}


def test_tools_take_turns_and_failures_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WARM_UP", 0)
    order: list[str] = []

    def broken(data: bytes, text: str) -> None:
        order.append("broken")
        raise ValueError

    tools = {"first": lambda data, text: order.append("first"), "broken": broken}
    times, failures = measure([*PAGES, *PAGES], tools)
    assert order == ["first", "broken", "broken", "first"] * 2
    assert failures == {"broken": 4}
    assert len(times["broken"]) == 4


def test_ratios_are_to_the_unit() -> None:
    rows = summarise({UNIT: [1.0, 2.0, 9.0], OURS: [4.0, 4.0, 4.0], "peer": [1.0, 6.0, 29.0]})
    figures = {row["row"]: (row["median_ratio"], row["total_ratio"], row["share"]) for row in rows}
    assert figures == {UNIT: (1, 1, None), OURS: (2, 1, 1), "peer": (3, 3, None)}


def test_the_command_prints_and_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "bench.json"
    assert main(["--profile", "--pages", "2", "--json", str(written)]) == 0
    report = json.loads(written.read_text("utf-8"))
    corpus = report["corpora"]["datasets/pages"]
    printed = capsys.readouterr().out
    assert corpus["pages"] == 2
    assert [row["row"] for row in corpus["rows"]] == [UNIT, OURS, *ROWS]
    assert all(row["median_ratio"] > 0 and row["total_ratio"] > 0 for row in corpus["rows"])
    assert all(row["row"] in printed for row in corpus["rows"])
    assert f"numpy: {np.__version__}" in printed


def test_pages_are_found_by_corpus_and_evenly_spread(tmp_path: Path) -> None:
    folder = tmp_path / "wcxb" / "dev" / "html"
    folder.mkdir(parents=True)
    for number in range(10):
        (folder / f"{number}.html").write_text("<p>a")
    assert {name: [path.stem for path in paths] for name, paths in find_pages(tmp_path, 4).items()} == {
        "wcxb": ["0", "2", "5", "7"]
    }


@pytest.mark.parametrize("arguments", [["--pages", "0"], ["--corpora", "/no/such/folder"]])
def test_wrong_usage_names_what_is_wrong(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_charts_and_growth_go_into_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "measure_growth", lambda read: growth.measure_growth(read, (200, 2_000)))
    monkeypatch.setattr(bench, "page_of", lambda shape, size: growth.page_of(shape, 2_000))
    written, page = tmp_path / "bench.json", tmp_path / "bench.html"
    arguments = ["--profile", "--pages", "2", "--growth", "--json", str(written), "--html", str(page)]
    assert main(arguments) == 0
    report = json.loads(written.read_text("utf-8"))
    assert set(report["slopes"]) == set(growth.SHAPES)
    assert page.read_text("utf-8").count("<svg") == 2
    assert "<script" not in page.read_text("utf-8")
