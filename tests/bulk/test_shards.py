import gzip
import json
import os

import pytest

from classifier.bulk import Wanted, shards
from classifier.bulk.shards import Row, Shards, Tally, locked, make_row, read_back
from classifier.cli import InputError

ARGUMENTS = {"inputs": "x", "shard_size": 3}
PLAIN = Wanted()


def rows(count):
    return [Row(b'{"id": "%d", "problem": null}\n' % i, True, "open", None) for i in range(count)]


def open_shards(folder, arguments=ARGUMENTS, size=3):
    return Shards(folder, arguments, "jsonl", size, PLAIN)


def write(folder, count, size=3):
    """Write rows from where the folder stands, as a run does."""
    opened = open_shards(folder, size=size)
    for row in rows(count)[opened.done :]:
        opened.add(row)
    opened.finish()
    return opened


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_shards_are_cut_by_number_of_rows(tmp_path):
    opened = write(tmp_path, 7)
    assert list(contents(tmp_path)) == ["manifest.json", *(f"part-0000{i}.jsonl.gz" for i in range(3))]
    lines = [gzip.decompress((tmp_path / name).read_bytes()).count(b"\n") for name in opened.names]
    assert lines == [3, 3, 1]
    assert opened.complete and opened.done == 7 == opened.tally.records
    assert [record["id"] for name in opened.names for record in read_back(tmp_path / name)] == list("0123456")


def test_the_bytes_do_not_tell_when_or_where(tmp_path, monkeypatch):
    write(tmp_path / "a", 7)
    monkeypatch.setattr("time.time", lambda: 1e9)
    write(tmp_path / "b", 7)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_no_rows_make_no_shard(tmp_path):
    assert write(tmp_path, 0).complete
    assert list(contents(tmp_path)) == ["manifest.json"]


class Killed(BaseException):
    """Nothing after it runs, as after ``kill -9``."""


CALLS = ("fsync", "replace", "open", "close")


def count_calls(folder):
    """How many calls a run makes that a kill can fall between."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, 1 << 30, calls)
        write(folder, 5)
    return len(calls)


def die_at(patch, number, calls):
    """Let the process be killed right before, or right after, one of its calls to the system."""
    def counted(name, real):
        def call(*arguments, **options):
            calls.append(name)
            if len(calls) == number:
                raise Killed
            found = real(*arguments, **options)
            if len(calls) == -number:
                raise Killed
            return found

        return call

    for name in CALLS:
        patch.setattr(shards.os, name, counted(name, getattr(os, name) if name != "fsync" else int))


def test_a_run_killed_between_any_two_steps_ends_as_an_undisturbed_one(tmp_path):
    total = count_calls(tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert total > 20
    for number in [*range(1, total + 1), *range(-total, 0)]:
        folder = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patch:
            die_at(patch, number, [])
            with pytest.raises(Killed):
                write(folder, 5)
        for name, data in contents(folder).items():
            assert name.startswith(".") or name == "manifest.json" or data == whole[name]  # whole or not there
        write(folder, 5)
        assert contents(folder) == whole


def test_a_run_killed_again_and_again_ends_so_too(tmp_path):
    write(tmp_path / "whole", 20)
    for stop in (4, 5, 11, 20):
        opened = open_shards(tmp_path / "x")
        for row in rows(20)[opened.done : stop]:
            opened.add(row)
    write(tmp_path / "x", 20)
    assert contents(tmp_path / "x") == contents(tmp_path / "whole")


def test_a_finished_folder_is_left_alone(tmp_path):
    before = write(tmp_path, 7)
    opened = open_shards(tmp_path)
    assert (opened.complete, opened.done, opened.tally) == (True, 7, before.tally)


# -- refusals --------------------------------------------------------------------------------------


def test_other_arguments_are_refused_by_name(tmp_path):
    open_shards(tmp_path)
    with pytest.raises(InputError, match=r'shard_size was 3, now 4; words was null, now "x+\.\.\.\); give another'):
        open_shards(tmp_path, ARGUMENTS | {"shard_size": 4, "words": "x" * 99})


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(InputError, match="holds files but no manifest"):
        open_shards(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}'])
def test_a_foreign_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="is no manifest of this version"):
        open_shards(tmp_path)


def test_a_shard_that_is_gone_is_named(tmp_path):
    write(tmp_path, 7)
    (tmp_path / "part-00001.jsonl.gz").unlink()
    with pytest.raises(InputError, match=r"part-00001\.jsonl\.gz is missing"):
        open_shards(tmp_path)


def test_two_runs_do_not_share_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    with locked(tmp_path / "x"):  # noqa: SIM117 (the first is held while the second is tried)
        with pytest.raises(InputError, match="another run"), locked(tmp_path / "x"):
            pass
    with locked(tmp_path / "x"):
        pass


# -- counting --------------------------------------------------------------------------------------


def test_rows_are_counted_by_outcome_level_and_problem():
    tally = Tally()
    for row in (
        Row(b"", True, "open", None),
        Row(b"", True, "gated", "max_text"),
        Row(b"", False, None, "NotHtml: image/png"),
        Row(b"", False, None, "Empty: nothing"),
        Row(b"", False, None, "WorkerDied: killed by SIGKILL"),
    ):
        tally.add(row)
    counts = tally.to_dict()
    assert counts == {
        "records": 5,
        "read": 2,
        "skipped": 2,
        "failed": 1,
        "levels": {"gated": 1, "open": 1},
        "problems": {"Empty": 1, "NotHtml": 1, "WorkerDied": 1, "max_text": 1},
    }
    twice = Tally()
    twice.merge(counts)
    twice.merge(counts)
    assert (twice.records, twice.levels["open"], twice.problems["Empty"]) == (10, 2, 2)


def test_a_row_holds_a_line_or_the_record():
    record = {"text": "é\u2028", "access": {"level": "open"}, "problem": None}
    row = make_row(record, "jsonl")
    assert row == Row(row.data, True, "open", None)
    assert json.loads(row.data) == record and row.data.count(b"\n") == 1 and row.data.endswith(b"\n")
    assert make_row(record, "parquet").data is record
    assert make_row({"text": None, "access": None, "problem": "Empty"}, "jsonl")[1:] == (False, None, "Empty")
