"""Strict JSON with places, and saves that leave the old file or the new one."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.labelfile import MAX_BYTES, MAX_DEPTH, NEW, LabelFileError, parse, read_bytes, revision, save

SUITES = Path(os.environ.get("PAGESIEVE_SUITES") or Path(__file__).parents[2] / ".cache" / "suites")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(VALUES, st.booleans(), st.sampled_from((None, 1)))
def test_what_python_writes_is_read_as_it_was(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse(text, "x") == value
    assert parse(text.encode("utf-8"), "x") == value


@settings(max_examples=300)
@given(st.text("[]{}\",:0123456789.-+eEtrufalsn\\ \n\u00e9", max_size=30))
def test_what_python_refuses_is_refused(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(LabelFileError):
            parse(text, "x")
    else:
        try:
            assert parse(text, "x", unique=False) == expected
        except LabelFileError:
            assert "inf" in str(expected) or "nan" in str(expected) or len(text) > 400 or not encodable(expected)


def encodable(value):
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (b'{"a": 1, "a": 2}', "1:10", "stands twice"),
        (b'{"a": NaN}', "1:7", "no JSON value begins with 'N'"),
        (b"[1,\n -Infinity]", "2:2", "no JSON value begins with '-'"),
        (b'["a",\n "\\ud800"]', "2:2", "half of a surrogate pair"),
        (b'["\\udc00\\ud800"]', "1:2", "half of a surrogate pair"),
        (b'["\xff"]', "1:3", "not UTF-8"),
        (b'{"a":\n "\xc3\xa9\xed\xa0\x80"}', "2:4", "not UTF-8"),
        (b"[1,]", "1:4", "no JSON value begins with ']'"),
        (b"{} {}", "1:4", "nothing may follow"),
        (b"", "1:1", "a JSON value is missing"),
        (b"[1 2]", "1:4", "',' or ']' is missing"),
        (b'{"a" 1}', "1:6", "':' is missing"),
        (b'["a\nb"]', "1:2", "no sound string"),
        (b"[01]", "1:3", "',' or ']' is missing"),
        (b"[1e999]", "1:2", "beyond all bounds"),
        (b"[" + b"9" * 5000 + b"]", "1:2", "beyond all bounds"),
        (b"\xef\xbb\xbf{}", "1:1", "no JSON value begins with '\\ufeff'"),
        (b"[" * 100_000, f"1:{MAX_DEPTH + 1}", "nested deeper"),
        (b'[{"":' * 50_000, "1:", "nested deeper"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(text, place, what):
    with pytest.raises(LabelFileError) as caught:
        parse(text, "tea.json")
    assert str(caught.value).startswith(f"tea.json:{place}")
    assert what in str(caught.value)


def test_lines_count_on_from_where_the_text_stands():
    with pytest.raises(LabelFileError, match=r"dev\.jsonl:7:2: "):
        parse(b"{", "dev.jsonl", 7)


def test_the_public_suite_of_json_texts():
    folder = SUITES / "JSONTestSuite" / "test_parsing"
    if not folder.is_dir():
        pytest.skip(f"no JSONTestSuite in {folder}")
    wrong, counts = [], {"y": 0, "n": 0}
    for file in sorted(folder.iterdir()):
        kind = file.name[0]
        try:
            parse(file.read_bytes(), file.name, unique=False)
            outcome = "y"
        except LabelFileError:
            outcome = "n"
        if kind != "i":
            counts[kind] += 1
            if outcome != kind:
                wrong.append(file.name)
    assert not wrong
    assert counts == {"y": 95, "n": 188}


def test_naughty_strings_come_back():
    file = SUITES / "blns" / "blns.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    strings = json.loads(file.read_text("utf-8"))
    assert len(strings) > 500
    assert parse(json.dumps(strings, ensure_ascii=False).encode("utf-8"), "x") == strings


def test_a_truncated_file_is_refused_at_every_byte():
    whole = '{"id": "tea", "segments": [["Té is hot.", "content"]], "main": [0]}'.encode()
    parse(whole, "x")
    for size in range(len(whole)):
        with pytest.raises(LabelFileError):
            parse(whole[:size], "x")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(LabelFileError, match="more than a label file may have"):
        read_bytes(path)


# -- saving --------------------------------------------------------------------------------------------------


def test_a_save_replaces_the_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.json"
    save(path, b"old and longer")
    save(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0o666 & ~current_umask() & 0o077


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failed_save_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    save(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_revisions_tell_states_apart():
    assert revision(None) == NEW
    assert len({revision(None), revision(b""), revision(b"a"), revision(b"b")}) == 4


KILLED = """
    import os, sys
    from pathlib import Path
    from training import labelfile

    path, points = Path(sys.argv[1]), int(sys.argv[2])
    old, new = b"old" * 1000, b"new" * 1500

    def save_until(stop):
        # Each call, line and return inside save(), in Python's own modules too, is a point to die at.
        seen = 0
        def trace(frame, event, argument):
            nonlocal seen
            seen += 1
            if seen == stop:
                os._exit(9)
            return trace
        sys.settrace(trace)
        labelfile.save(path, new)
        sys.settrace(None)
        return seen

    labelfile.save(path, new)  # what is imported or cached on the way is no part of the count
    total = save_until(None)
    killed, states = 0, set()
    for point in range(points):
        labelfile.save(path, old)
        pid = os.fork()
        if not pid:
            save_until(1 + point * total // points)
            os._exit(0)
        killed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
        found = path.read_bytes()
        assert found in (old, new), (point, found[:40])
        states.add(found[:3].decode())
    left = [one for one in path.parent.iterdir() if one != path]
    assert all(one.name.startswith(".") and one.suffix == ".partial" for one in left), left
    print(killed, total, *sorted(states))
"""


def test_whatever_moment_a_save_is_killed_at_the_file_is_old_or_new(tmp_path):
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "a.json"), "200"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert run.returncode == 0, run.stderr
    killed, total, *states = run.stdout.split()
    assert int(killed) == 200
    assert int(total) >= 100
    assert states == ["new", "old"]
