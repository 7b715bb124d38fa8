import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

import classifier
from classifier import cli
from classifier.labels import LABELS
from classifier.modelfile import save_model

ROOT = Path(__file__).parents[1]
PROSE = "The harbour was quiet that morning and nobody on the quay could say when the boat would come in."
PAGE = f"<title>Harbour</title><nav><a href=/>Home</a></nav><h1>Harbour</h1><p>{PROSE}</p><p>Été, {PROSE}</p>"


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory):
    """Path of the tiny model."""
    path = tmp_path_factory.mktemp("model") / "tiny.npz"
    save_model(tiny_model, path)
    return str(path)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE, "utf-8")
    return str(path)


@pytest.fixture
def run(model, capsys):
    """Runs the command with the tiny model; gives exit code, output and errors."""

    def run(name, *arguments):
        code = cli.main([name, "--model", model, *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def sentences(errors):
    """Lines of standard error, each of which is one sentence of the command's."""
    lines = errors.splitlines()
    assert all(line.startswith("pagesieve: ") for line in lines)
    assert "Traceback" not in errors
    return lines


# -- extract ---------------------------------------------------------------------------------------


def reading(model, **options):
    return classifier.Sieve(model).read(PAGE.encode(), **options)


@pytest.mark.parametrize("more", [(), ("--all-content",)])
def test_extract_in_every_format(run, page, model, more):
    found = reading(model, url="https://a.example/b")
    wide = bool(more)
    expected = {
        "text": found.content if wide else found.text,
        "markdown": found.markdown(all_content=wide),
        "html": found.html(all_content=wide),
        "json": json.dumps(found.to_dict(all_content=wide), ensure_ascii=False),
    }
    for name, output in expected.items():
        code, out, _ = run("extract", "--format", name, "--url", "https://a.example/b", *more, page)
        assert (code, out) == (cli.DONE, output + "\n")
    assert run("extract", *more, page)[1] == expected["text"] + "\n"


def test_links_are_kept_when_asked_for(run, model, tmp_path):
    source = f"<p><a href=/x>{PROSE}</a>"
    (tmp_path / "a.html").write_text(source)
    for links in (False, True):
        expected = classifier.Sieve(model).read(source).markdown(all_content=True, links=links)
        out = run(
            "extract", "--format", "markdown", "--all-content", *["--links"] * links, tmp_path / "a.html"
        )[1]
        assert out == expected + "\n"


def test_the_encoding_may_be_given(run, tmp_path):
    (tmp_path / "a.html").write_bytes("<p>Привет".encode("koi8-r"))
    out = run("label", "--encoding", "koi8-r", tmp_path / "a.html")[1]
    assert json.loads(out)["blocks"][0]["text"] == "Привет"


def test_a_problem_is_told_on_standard_error(run, tmp_path):
    (tmp_path / "a.html").write_text("<p>")
    code, out, errors = run("extract", tmp_path / "a.html")
    assert (code, out) == (cli.FAILED, "\n")
    assert sentences(errors) == [f"pagesieve: {tmp_path / 'a.html'}: the page holds no text"]


# -- label -----------------------------------------------------------------------------------------


def assert_label_schema(found):
    assert set(found) == {"id", "url", "problem", "encoding", "access", "metadata", "text", "blocks"}
    assert set(found["access"]) >= {"level", "probability", "declared", "complete", "evidence", "paywalled"}
    assert found["access"]["level"] in ("open", "metered", "gated")
    assert isinstance(found["metadata"], dict)
    assert found["blocks"]
    for block in found["blocks"]:
        assert set(block) == {"text", "label", "main", "probabilities", "main_probability", "xpath", "hidden"}
        assert block["label"] in LABELS
        assert isinstance(block["main"], bool)
        assert list(block["probabilities"]) == list(LABELS)
        assert sum(block["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert block["xpath"].startswith("/html[1]/")
        assert block["text"].strip()


def test_label_writes_one_object_a_page(run, page, tmp_path):
    other = tmp_path / "other.htm.gz"
    other.write_bytes(gzip.compress(PAGE.encode()))
    code, out, errors = run("label", "--url", "https://a.example/b", page, other)
    assert (code, errors) == (cli.DONE, "")
    first, second = map(json.loads, out.splitlines())
    for found in (first, second):
        assert_label_schema(found)
        assert found["url"] == "https://a.example/b"
    assert (first.pop("id"), second.pop("id")) == ("page", "other")
    assert first == second
    assert [block["text"] for block in first["blocks"]] == ["Home", "Harbour", PROSE, f"Été, {PROSE}"]


def test_plain_text_is_read_without_markup(run, tmp_path):
    (tmp_path / "a.txt").write_text(f"<p>Menu\n\n{PROSE}")
    code, out, _ = run("label", "--text", tmp_path / "a.txt")
    assert code == cli.DONE
    assert [block["text"] for block in json.loads(out)["blocks"]] == ["<p>Menu", PROSE]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.html", "b"), ("b.c.htm.gz", "b.c"), ("-", "-"), ("b.txt", "b"), ("b.pdf", "b.pdf"), ("b", "b")],
)
def test_ids(name, expected):
    assert cli.page_id(name) == expected


# -- show and info ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("colour", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_show(run, page, model, colour, coloured):
    code, out, _ = run("show", "--colour", colour, page)
    lines = out.splitlines()
    assert code == cli.DONE
    assert ("\x1b[" in out) == coloured
    for block, line in zip(reading(model).blocks, lines, strict=False):
        assert block.label in line
        assert block.text in line
        assert (" * " in line.split(block.text)[0]) == block.main
    assert lines[4].startswith("access: ")


def test_info(run, tiny_model):
    code, out, _ = run("info")
    found = json.loads(out)
    assert code == cli.DONE
    assert found["pagesieve"] == classifier.__version__
    assert {"python", "numpy", "lxml", "libxml2"} <= set(found)
    assert found["compiled"] == cli.compiled_modules()
    assert found["model"]["name"] == "tiny"
    assert found["model"]["labels"] == list(LABELS)
    assert found["model"]["features"] == len(tiny_model.contract.feature_names)
    assert found["model"]["thresholds"] == tiny_model.contract.thresholds


# -- input that cannot be read ---------------------------------------------------------------------


def test_the_rest_is_done_when_a_file_is_missing(run, page, tmp_path):
    code, out, errors = run("label", page, tmp_path / "absent.html", page)
    assert code == cli.FAILED
    assert len(out.splitlines()) == 2
    assert sentences(errors) == [f"pagesieve: {tmp_path / 'absent.html'}: no such file"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<p>not packed",
        gzip.compress(PAGE.encode())[:-9],
        gzip.compress(PAGE.encode())[:60] + b"\xff" * 60,
    ],
    ids=["empty", "plain", "truncated", "damaged"],
)
def test_a_damaged_gzip_file_is_one_sentence(run, tmp_path, page, data):
    (tmp_path / "a.html.gz").write_bytes(data)
    code, out, errors = run("label", tmp_path / "a.html.gz", page)
    assert code == cli.FAILED
    assert json.loads(out.splitlines()[-1])["id"] == "page"
    if data:
        [line] = sentences(errors)
        assert "a.html.gz: cannot be read (" in line


def test_a_gzip_bomb_is_unpacked_no_further_than_a_page_may_go(run, tmp_path):
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    tracemalloc.start()
    code, out, _ = run("label", tmp_path / "a.html.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == cli.FAILED
    assert json.loads(out)["problem"].startswith("PageTooLarge")
    assert peak < 60 << 20


def test_a_folder_is_one_sentence(run, tmp_path):
    code, out, errors = run("extract", tmp_path)
    assert (code, out) == (cli.FAILED, "")
    [line] = sentences(errors)
    assert str(tmp_path) in line


@pytest.mark.parametrize("name", ["extract", "label", "show", "info"])
def test_a_bad_model_is_one_sentence(capsys, page, tmp_path, name):
    (tmp_path / "m.npz").write_bytes(b"PK")
    for model in (tmp_path / "m.npz", tmp_path / "absent.npz"):
        code = cli.main([name, "--model", str(model), *([page] if name != "info" else [])])
        out, errors = capsys.readouterr()
        assert (code, out) == (cli.FAILED, "")
        [line] = sentences(errors)
        assert str(model) in line


def test_a_page_that_is_none_fails(run, tmp_path):
    (tmp_path / "a.html").write_bytes(b"%PDF-1.7")
    code, _, errors = run("extract", tmp_path / "a.html")
    assert code == cli.FAILED
    assert sentences(errors) == [f"pagesieve: {tmp_path / 'a.html'}: NotHtml: looks like PDF"]


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PAGE.encode())))
    code, out, _ = run("label", "-")
    assert code == cli.DONE
    assert json.loads(out)["id"] == "-"
    assert len(json.loads(out)["blocks"]) == 4


# -- usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["extract"],
        ["label"],
        ["show", "a", "b"],
        ["extract", "--format", "pdf", "a"],
        ["--no"],
    ],
    ids=" ".join,
)
def test_wrong_usage(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    out, errors = capsys.readouterr()
    assert caught.value.code == cli.USAGE
    assert out == ""
    assert errors.startswith("usage: pagesieve")


@pytest.mark.parametrize("arguments", [[], ["extract"], ["label"], ["show"], ["info"]], ids=" ".join)
def test_help_has_examples(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main([*arguments, "--help"])
    out, errors = capsys.readouterr()
    assert (caught.value.code, errors) == (cli.DONE, "")
    assert "examples:\n  " in out
    assert f"pagesieve {' '.join(arguments) or 'extract'}" in out.split("examples:")[1]


def test_the_examples_of_the_help_are_valid():
    parser = cli.make_parser()
    examples = [line.split("pagesieve ")[1] for line in cli.EPILOG.splitlines() if "pagesieve " in line]
    assert len(examples) >= 4
    for example in examples:
        parser.parse_args(example.split(" | ")[0].split(" > ")[0].split())


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pagesieve {classifier.__version__}\n"


# -- as a process ----------------------------------------------------------------------------------


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "classifier.cli", *arguments], cwd=ROOT, capture_output=True, **options
    )


def test_output_is_utf_8_wherever_it_goes(model, page):
    environment = os.environ | {
        "LC_ALL": "C",
        "PYTHONIOENCODING": "",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    found = process("label", "--model", model, page, env=environment)
    assert (found.returncode, found.stderr) == (0, b"")
    assert "Été" in found.stdout.decode("utf-8")


def test_a_reader_that_has_enough_is_no_error(model, page):
    command = [sys.executable, "-m", "classifier.cli", "label", "--model", model, *[page] * 60]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read()
    assert running.returncode == 0
    assert errors == b""


def test_the_model_that_ships_extracts_a_shipped_page(shipped_pages):
    [story] = [path for path in shipped_pages if path.stem == "gate-mid-story"]
    truth = json.loads(story.with_suffix(".json").read_text("utf-8"))
    found = process("extract", str(story))
    assert (found.returncode, found.stderr.decode()) == (0, "")
    text = found.stdout.decode("utf-8")
    main = [truth["segments"][i][0] for i in truth["main"]]
    assert sum(segment in text for segment in main) >= len(main) / 2


def test_the_model_that_ships_labels_the_shipped_pages(shipped_pages):
    found = process("label", *map(str, shipped_pages[:4]))
    lines = found.stdout.decode("utf-8").splitlines()
    assert (found.returncode, len(lines)) == (0, 4)
    for line, path in zip(lines, shipped_pages, strict=False):
        assert json.loads(line)["id"] == path.stem
        assert_label_schema(json.loads(line))


def test_the_installed_command(shipped_pages):
    command = shutil.which(
        "pagesieve", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if command is None:
        pytest.skip("the command pagesieve is not installed")
    found = subprocess.run([command, "label", "-"], input=shipped_pages[0].read_bytes(), capture_output=True)
    assert (found.returncode, found.stderr.decode()) == (0, "")
    assert_label_schema(json.loads(found.stdout))
    info = subprocess.run([command, "info"], capture_output=True)
    assert json.loads(info.stdout)["pagesieve"] == classifier.__version__
