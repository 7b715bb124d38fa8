"""The command as it is run."""

import gzip
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bulk_archives import html_response, page, write_warc

from classifier import Sieve, cli
from classifier.bulk import Source, Wanted, read_source
from classifier.bulk.shards import read_back

COMMAND = [sys.executable, "-m", "classifier.cli", "batch"]


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Runs the command in an empty folder; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(["batch", "--jobs", "1", *map(str, arguments)])
        found = capsys.readouterr()
        assert "Traceback" not in found.err
        return code, found.out, found.err

    return run


@pytest.fixture
def lines(tmp_path):
    """A file of 20 pages and some that cannot be read."""
    records = [{"id": f"p{i}", "html": page(i), "url": f"https://a.example/{i}"} for i in range(20)]
    records[3] = {"id": "none"}
    records[5] = {"id": "void", "html": ""}
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def records(folder):
    return [record for path in sorted(Path(folder).glob("part-*")) for record in read_back(path)]


def test_records_are_those_of_the_library(run, lines):
    code, _, errors = run(lines, "-o", "out", "--blocks", "--markdown", "--shard-size", 8)
    assert code == 1  # a line holds no page
    assert errors.startswith("pagesieve: 20 records: 18 read, 1 skipped, 1 failed; levels open 18; problems ")
    found = records("out")
    wanted = Wanted(markdown=True, blocks=True)
    for number in (0, 19):
        source = Source(f"p{number}", page(number), url=f"https://a.example/{number}")
        assert found[number] == read_source(Sieve(), source, wanted)
    assert [found[number]["id"] for number in (3, 5)] == ["none", "void"]
    assert sorted(contents("out")) == ["manifest.json", *(f"part-0000{i}.jsonl.gz" for i in range(3))]


def test_the_number_of_jobs_does_not_show(run, lines):
    run(lines, "-o", "one", "--shard-size", 7)
    run(lines, "-o", "two", "--shard-size", 7, "--jobs", 2)
    assert contents("one") == contents("two")


def test_summary_and_problems(run, lines):
    code, out, errors = run(lines, "-o", "out", "--quiet", "--summary", "-", "--problems", "bad.jsonl")
    assert (code, errors) == (1, "")
    summary = json.loads(out)
    assert summary["levels"] == {"open": 18} and summary["problems"] == {"BrokenLine": 1, "Empty": 1}
    assert (summary["records"], summary["shards"], summary["resumed"]) == (20, 1, 0)
    assert summary["bytes"] == sum(path.stat().st_size for path in Path("out").glob("part-*"))
    bad = [json.loads(line) for line in Path("bad.jsonl").read_text().splitlines()]
    assert [(each["id"], each["problem"].partition(":")[0]) for each in bad] == [("none", "BrokenLine"), ("void", "Empty")]
    again = run(lines, "-o", "out", "--quiet", "--summary", "s.json")
    assert again == (1, "", "")
    assert json.loads(Path("s.json").read_text())["resumed"] == 20


def test_what_is_skipped_is_no_failure(run, tmp_path):
    pytest.importorskip("warcio")
    with open("x.warc.gz", "wb") as file:
        image = ("https://a.example/i", b"\x89PNG", [("Content-Type", "image/png")], "200 OK")
        write_warc(file, [html_response(1), image, html_response(2)], [("https://a.example/w", "Plain words.\n" * 3)])
    assert run("x.warc.gz", "-o", "out")[0] == 0
    found = records("out")
    assert [record["id"] for record in found] == [f"<urn:uuid:{i}>" for i in (2, 5, 8, 10)]
    assert found[0]["digest"].startswith("sha1:") and found[0]["date"] == "2026-01-01T00:00:02Z"
    assert found[1]["problem"] == "NotHtml: image/png"
    assert found[3]["shares"] and found[2]["metadata"]["title"] == "Page 2"


def test_parquet_holds_the_same(run, lines):
    parquet = pytest.importorskip("pyarrow.parquet")
    run(lines, "-o", "json", "--blocks")
    run(lines, "-o", "parquet", "--blocks", "--to", "parquet", "--shard-size", 9)
    tables = [parquet.read_table(path) for path in sorted(Path("parquet").glob("*.parquet"))]
    assert [len(table) for table in tables] == [9, 9, 2]
    assert [row for table in tables for row in table.to_pylist()] == records("json")
    run(lines, "-o", "parquet", "--blocks", "--to", "parquet", "--shard-size", 9, "--problems", "bad.jsonl", "--quiet")
    assert len(Path("bad.jsonl").read_text().splitlines()) == 2


# -- wrong usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nowhere.warc"], 2, "pagesieve: nowhere.warc: no such file or folder"),
        (["page.pdf"], 2, "pagesieve: page.pdf: its name does not tell what it holds; give --format"),
        (["p.html", "-o", "full"], 2, "pagesieve: full: holds files but no manifest.json; give an empty or a new folder"),
        (["p.html", "-o", "p.html"], 1, "pagesieve: p.html: File exists"),
        (["p.html", "--model", "no.npz"], 1, "pagesieve: no.npz: "),
    ],
)
def test_wrong_usage_is_one_sentence(run, arguments, code, sentence):
    Path("full").mkdir()
    Path("full/x").touch()
    Path("page.pdf").touch()
    Path("p.html").write_text("<p>x")
    found = run(*arguments, *(() if "-o" in arguments else ("-o", "out")))
    assert found[0] == code and found[1] == ""
    assert found[2].startswith(sentence) and found[2].count("\n") == 1


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_numbers_are_checked(run, value, capsys):
    with pytest.raises(SystemExit) as error:
        run("p.html", "-o", "out", "--jobs", value)
    assert error.value.code == 2
    assert "--jobs" in capsys.readouterr().err


def test_other_arguments_for_the_same_folder_are_refused(run, lines):
    run(lines, "-o", "out")
    before = contents("out")
    code, _, errors = run(lines, "-o", "out", "--blocks", "--seconds", 4)
    assert code == 2 and "wanted was" in errors and "limits was" in errors
    lines.write_text(lines.read_text() + "\n")
    code, _, errors = run(lines, "-o", "out")
    assert code == 2 and "inputs was" in errors
    assert contents("out") == before


# -- killed ----------------------------------------------------------------------------------------


PAGES = [json.dumps({"id": f"p{i}", "html": page(i)}).encode() + b"\n" for i in range(110)]
ARGUMENTS = ["-", "--format", "jsonl", "--shard-size", "7", "--jobs", "2", "--quiet", "-o"]


def feed(folder, count=None):
    """Run the command on some of the pages; without ``count`` on all, to the end."""
    process = subprocess.Popen([*COMMAND, *ARGUMENTS, str(folder)], stdin=subprocess.PIPE, start_new_session=True)
    process.stdin.write(b"".join(PAGES[:count]))
    if count is None:
        process.stdin.close()
        assert process.wait(120) == 0
    else:
        process.stdin.flush()  # and left open: it waits for more
    return process


def done(folder):
    path = folder / "manifest.json"
    return len(json.loads(path.read_bytes())["shards"]) if path.exists() else -1


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    feed(folder)
    return contents(folder)


@pytest.mark.parametrize(("shards", "whole_group"), [((0, 2), True), ((1, 3), False), ((4,), True)])
def test_killed_and_started_again_it_ends_as_if_undisturbed(undisturbed, tmp_path, shards, whole_group):
    """``kill -9`` to the command, or to it and its workers, whenever so many shards are done, again and again."""
    folder = tmp_path / "out"
    for count in shards:
        process = feed(folder, 100)
        wait_for(lambda count=count: done(folder) >= count)
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stdin.close()
        assert not json.loads((folder / "manifest.json").read_bytes())["complete"]
    feed(folder)
    assert contents(folder) == undisturbed


def test_ctrl_c_says_how_to_go_on(undisturbed, tmp_path):
    folder = tmp_path / "out"
    process = subprocess.Popen(
        [*COMMAND, *ARGUMENTS, str(folder)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    process.stdin.write(b"".join(PAGES[:100]))
    process.stdin.flush()
    wait_for(lambda: done(folder) >= 1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[1] == b"pagesieve: stopped; the same command goes on from here\n"
    assert process.returncode == 130
    feed(folder)
    assert contents(folder) == undisturbed


def test_the_bar_shows_counts_on_a_terminal(tmp_path):
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    (tmp_path / "p.html").write_text(page(1))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    subprocess.run([*COMMAND, "p.html", "-o", "out"], cwd=tmp_path, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert re.search(rb"1page \[.*s/?(page)?.*open=1", shown)


def test_gzipped_lines_can_be_read_by_anyone(run, lines):
    run(lines, "-o", "out")
    text = gzip.decompress(Path("out/part-00000.jsonl.gz").read_bytes()).decode()
    assert [json.loads(line)["id"] for line in text.splitlines()][:2] == ["p0", "p1"]
