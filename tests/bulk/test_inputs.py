import gzip
import io
import json
import sys

import pytest
from bulk_archives import PROSE, html_response, page, write_warc

from classifier.bulk import inputs
from classifier.bulk.inputs import Fields, find_files, read_files, read_jsonl, read_warc
from classifier.cli import InputError

LIBRARIES = ("fastwarc", "warcio")


def sources(*names, **options):
    return list(read_files(find_files(map(str, names)), **options))


def problems(found):
    return [source.problem and source.problem.partition(":")[0] for source in found]


# -- files and folders -----------------------------------------------------------------------------


def test_a_folder_gives_its_pages_by_path(tmp_path):
    for name in ("b.html", "a/index.htm", "c.HTML.gz", "a/z.html", "note.txt", "a.json", "picture.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        data = f"<p>{name}".encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = sources(tmp_path)
    assert [source.id for source in found] == ["a/index", "a/z", "b", "c.HTML"]
    assert [source.data for source in found] == [b"<p>a/index.htm", b"<p>a/z.html", b"<p>b.html", b"<p>c.HTML.gz"]
    assert {source.kind for source in found} == {"html"}


def test_a_format_takes_every_file_of_a_folder(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1").write_text("plain")
    (tmp_path / "x" / "2.x").write_text("text")
    assert [file.name[-3:] for file in find_files([str(tmp_path)], "text")] == ["x/1", "2.x"]


def test_a_text_file_is_text_where_it_is_named(tmp_path):
    (tmp_path / "1.txt").write_text("plain")
    assert sources(tmp_path / "1.txt")[0].kind == "text"


@pytest.mark.parametrize("name", ["nowhere.html", "nowhere/"])
def test_what_is_not_there_is_named(name):
    with pytest.raises(InputError, match=rf"^{name}: no such file or folder$"):
        find_files([name])


def test_a_folder_without_pages_is_named(tmp_path):
    (tmp_path / "x.png").touch()
    with pytest.raises(InputError, match="holds no file of a known kind"):
        find_files([str(tmp_path)])


@pytest.mark.parametrize("name", ["page.pdf", "-"])
def test_a_name_that_tells_no_format_asks_for_one(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.pdf").touch()
    with pytest.raises(InputError, match="give --format"):
        find_files([name])


def test_pages_over_the_limit_and_empty_ones_are_told_before_reading(tmp_path):
    (tmp_path / "a.html").write_text("x" * 11)
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    (tmp_path / "c.html").write_text(" \n ")
    (tmp_path / "d.html").write_text("x" * 10)
    found = sources(tmp_path, max_bytes=10)
    assert problems(found) == ["PageTooLarge", "PageTooLarge", "Empty", None]
    assert [source.data for source in found] == [b"", b"", b"", b"x" * 10]


def test_a_broken_file_is_a_source_that_names_it_and_the_rest_goes_on(tmp_path):
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(b"<p>a" * 99)[:-9])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1, "html": "<p>x"}\n' * 500)[:-30])
    (tmp_path / "c.html").write_text("<p>c")
    found = sources(tmp_path)
    assert problems(found)[0] == problems(found)[-2] == "BrokenInput"
    assert "a.html.gz" in found[0].problem
    assert found[-1].id == "c"


# -- JSON Lines ------------------------------------------------------------------------------------


def jsonl(*lines, max_bytes=1000, fields=inputs.FIELDS):
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return list(read_jsonl(io.BytesIO(data), "x.jsonl", fields, max_bytes))


def test_lines_become_sources():
    found = jsonl(
        {"id": "a", "html": "<p>x", "url": "https://a.example/"},
        b"",
        {"text": "plain", "html": "", "id": 7},
        {"html": "<p>y", "text": "ignored", "url": 3},
    )
    assert [(s.id, s.data, s.kind, s.url) for s in found] == [
        ("a", "<p>x", "html", "https://a.example/"),
        ("7", "plain", "text", None),
        ("x.jsonl:4", "<p>y", "html", None),
    ]


def test_fields_have_the_names_that_are_given():
    found = jsonl({"key": 1, "body": "<p>x", "link": "u"}, fields=Fields("body", "words", "link", "key"))
    assert (found[0].id, found[0].data, found[0].url, found[0].problem) == ("1", "<p>x", "u", None)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "BrokenLine: line 2 is not JSON (Expecting"),
        (b"\xff\xfe{}", "BrokenLine: line 2 is not JSON ("),
        (b"[" * 100_000, "BrokenLine: line 2 is not JSON (maximum recursion"),
        (b"[1]", "BrokenLine: line 2 is not an object"),
        (b"{}", "BrokenLine: line 2 has no string 'html' or 'text'"),
        (b'{"html": 3}', "BrokenLine: line 2 has no string 'html' or 'text'"),
        (b'{"html": ""}', "Empty: "),
        (json.dumps({"html": "x" * 1001}).encode(), "PageTooLarge: "),
        (b'{"html": "' + b"x" * 1_200_000 + b'"}', "PageTooLarge: line 2 is over"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(line, problem):
    first, bad, last = jsonl({"html": "<p>1", "id": 1}, line, {"html": "<p>3", "id": 3})
    assert (first.data, last.data) == ("<p>1", "<p>3")
    assert bad.problem.startswith(problem)


# -- archives --------------------------------------------------------------------------------------


@pytest.fixture(params=LIBRARIES)
def library(request, monkeypatch):
    pytest.importorskip("warcio")
    pytest.importorskip(request.param)
    monkeypatch.setattr(inputs, "_has", lambda package: package in (request.param, "zstandard"))
    return request.param


HTML = [("Content-Type", "text/html")]
RESPONSES = [
    html_response(1),
    ("https://a.example/gone", b"<p>Pay first", [("Content-Type", "text/html; charset=cp1251")], "402 Payment Required"),
    ("https://a.example/png", b"\x89PNG", [("Content-Type", "image/png")], "200 OK"),
    ("https://a.example/gz", gzip.compress(b"<p>packed", mtime=0), [*HTML, ("Content-Encoding", "gzip")], "200 OK"),
    ("https://a.example/bad", b"\x1f\x8bnot gzip", [*HTML, ("Content-Encoding", "gzip")], "200 OK"),
    ("https://a.example/ch", b"4\r\n<p>c\r\n0\r\n\r\n", [*HTML, ("Transfer-Encoding", "chunked")], "200 OK"),
    ("https://a.example/empty", b"", HTML, "200 OK"),
    ("https://a.example/text", b"plain", [("Content-Type", "Text/Plain")], "200 OK"),
    ("https://a.example/none", b"<p>no type", [], "200 OK"),
    ("https://a.example/long", b"<p>" + b"x" * 5000, HTML, "200 OK"),
    html_response(2),
]


def archive(**options):
    file = io.BytesIO()
    write_warc(file, RESPONSES, [("https://a.example/w", "Größe\nzählt")], **options)
    return file.getvalue()


def stream(data):
    raw = io.BytesIO(data)
    return io.BufferedReader(gzip.GzipFile(fileobj=raw) if data.startswith(b"\x1f\x8b") else raw)


@pytest.mark.parametrize("packed", [True, False])
def test_an_archive_keeps_its_identity(library, packed):
    found = list(read_warc(stream(archive(gzip=packed)), 4000))
    assert [source.url.rpartition("/")[2] for source in found] == (
        "1 gone png gz bad ch empty text none long 2 w".split()
    )
    assert problems(found) == [None] * 2 + ["NotHtml"] + [None] * 3 + ["Empty", None, None, "PageTooLarge", None, None]
    first, gone = found[:2]
    assert (first.id, first.date, first.status) == ("<urn:uuid:2>", "2026-01-01T00:00:02Z", 200)
    assert first.data == page(1).encode() and first.digest.startswith("sha1:")
    assert (gone.status, gone.content_type) == (402, "text/html; charset=cp1251")
    assert [source.data for source in found[3:6]] == [b"<p>packed", b"\x1f\x8bnot gzip", b"<p>c"]
    assert [source.kind for source in found[7:9]] == ["text", "html"]
    wet = found[-1]
    assert (wet.kind, wet.data.decode(), wet.content_type) == ("text", "Größe\nzählt", "utf-8")


def test_both_libraries_give_the_same(monkeypatch):
    found = []
    for library in LIBRARIES:
        pytest.importorskip(library)
        monkeypatch.setattr(inputs, "_has", lambda package, library=library: package == library)
        found.append(list(read_warc(stream(archive()), 4000)))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["x.warc.gz", "x.warc", "x.warc.wet.gz", "x.warc.zst"])
def test_archives_are_known_by_name(library, name, tmp_path):
    data = archive(gzip=name.endswith(".gz"))
    if name.endswith(".zst"):
        data = pytest.importorskip("zstandard").compress(data)
    (tmp_path / name).write_bytes(data)
    assert len(sources(tmp_path / name)) == len(RESPONSES) + 1


@pytest.mark.parametrize("packed", [True, False])
def test_an_archive_that_is_cut_anywhere_in_a_page_says_so(library, packed, tmp_path):
    """Neither library does by itself: both hand out the half that is there."""
    data = archive(gzip=packed)
    whole = sources_of(data, tmp_path)
    lengths = range(len(data) - 1, 600, -(37 if packed else 211))
    assert len(lengths) > 50
    for length in lengths:
        found = sources_of(data[:length], tmp_path)
        said = [source for source in found if source.problem and source.problem.startswith(("CutRecord", "BrokenInput"))]
        kept = [source for source in found if source not in said]
        assert kept == whole[: len(kept)]  # no half of a page is taken for the whole
        assert len(said) <= 1
        if packed and not is_whole(data[:length]):
            assert said


def sources_of(data, folder):
    (folder / "x.warc").write_bytes(data)
    return sources(folder / "x.warc")


def is_whole(data):
    try:
        return bool(gzip.decompress(data))
    except (EOFError, OSError):
        return False


@pytest.mark.parametrize("data", [b"", b"no archive at all", b"\x1f\x8b\x08\x00", bytes(100), gzip.compress(b"no", mtime=0)])
def test_what_is_no_archive_says_so(library, data, tmp_path):
    assert problems(sources_of(data, tmp_path)) == ["BrokenInput"]


def test_a_record_without_http_is_not_html(library):
    from warcio.warcwriter import WARCWriter

    file = io.BytesIO()
    writer = WARCWriter(file, gzip=True)
    dns = writer.create_warc_record("dns:a", "response", payload=io.BytesIO(b"20 a"), warc_content_type="text/dns")
    writer.write_record(dns)
    assert [source.problem for source in read_warc(stream(file.getvalue()))] == ["NotHtml: text/dns"]


@pytest.mark.parametrize(("name", "package"), [("x.warc.gz", "fastwarc or warcio"), ("x.jsonl.zst", "zstandard")])
def test_a_missing_package_is_named_before_anything_is_read(name, package, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "_has", lambda package: False)
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"{name}: needs {package}: pip install 'pagesieve\[warc\]'"):
        find_files([str(tmp_path / name)])


@pytest.mark.parametrize("name", ["x.jsonl.zst", "x.html.zst"])
def test_zstandard_is_unpacked_across_frames(name, tmp_path):
    zstandard = pytest.importorskip("zstandard")
    line = json.dumps({"html": PROSE}).encode() + b"\n"
    (tmp_path / name).write_bytes(zstandard.compress(line) + zstandard.compress(line))
    found = sources(tmp_path / name)
    assert [len(source.data) for source in found] == ([len(PROSE)] * 2 if "jsonl" in name else [2 * len(line)])


@pytest.mark.parametrize(
    ("format", "data"), [("warc", lambda: archive(gzip=False)), ("jsonl", lambda: b'{"html": "<p>x"}'), ("html", lambda: b"<p>x")]
)
@pytest.mark.parametrize("packed", [True, False])
def test_standard_input_is_read(format, data, packed, monkeypatch):
    if format == "warc":
        pytest.importorskip("warcio")
    given = gzip.compress(data()) if packed else data()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert problems(read_files(find_files(["-"], format)))[0] is None
