"""``pagesieve watch`` as the command runs it: a state that grows, changes told, bad lines named and passed over."""

import gzip
import json

import pytest
from streams import stream

from classifier import cli


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(cli, "entry_points", lambda group: [])


def lines(records):
    return "".join(json.dumps(each) + "\n" for each in records)


def run(*arguments):
    return cli.main(["watch", *map(str, arguments)])


def test_a_change_is_told_when_enough_was_read(tmp_path, capsys):
    records = list(stream(1, change=6))
    early, late, state = tmp_path / "early.jsonl", tmp_path / "late.jsonl.gz", tmp_path / "state.json"
    early.write_text(lines(records[:30]), "utf-8")
    late.write_bytes(gzip.compress(lines(records[30:]).encode()))
    assert run(state, early) == 0 and capsys.readouterr().out == ""
    assert run(state, late) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("a.example: changed 2026-03-07, 30 pages since: ")
    assert len(out) > 1 and all(line.startswith("  label 0.") for line in out[1:])
    assert run(state, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["site"] == "a.example" and told["annotate"][0]["url"].startswith("https://www.a.example/")


def test_states_of_two_workers_are_merged(tmp_path, capsys):
    records = list(stream(2, change=6))
    for place in (0, 1):
        (tmp_path / f"{place}.jsonl").write_text(lines(records[place::2]), "utf-8")
        run(tmp_path / f"{place}.json", tmp_path / f"{place}.jsonl")
    capsys.readouterr()
    assert run(tmp_path / "0.json", "--merge", tmp_path / "1.json", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pages"] == 30


def test_bad_lines_are_named_and_the_rest_is_counted(tmp_path, capsys):
    good = lines(stream(0, count=1))
    path = tmp_path / "r.jsonl"
    path.write_text(f"{good}tea\n\n[]\n{good}", "utf-8")
    assert run(tmp_path / "state.json", path, tmp_path / "none.jsonl") == 1
    err = capsys.readouterr().err.splitlines()
    assert err[0] == f"pagesieve: {path}:6: not JSON"
    assert err[1].startswith(f"pagesieve: {path}:8: no record of a page")
    assert err[2].endswith("none.jsonl: no such file") and len(err) == 3
    state = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert state["sites"]["a.example"]["2026-03-01"][0] == 10


def test_a_state_that_is_none_is_refused_and_kept(tmp_path, capsys):
    state = tmp_path / "state.json"
    state.write_text("tea", "utf-8")
    assert run(state) == 2
    assert "no state of pagesieve watch" in capsys.readouterr().err and state.read_text("utf-8") == "tea"
    assert run(tmp_path / "none" / "state.json") == 2
    assert "cannot be written" in capsys.readouterr().err
