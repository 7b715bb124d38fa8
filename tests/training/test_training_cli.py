"""``pagesieve train`` and ``evaluate`` as the command runs them, found by the entry points of pyproject.toml."""

import io
import json
import shutil
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from small_training import few_pages, quickly

from classifier import cli, load_model
from classifier.labels import LABELS
from training import cli as training_cli

GROUP = "pagesieve.commands"


@pytest.fixture(autouse=True, scope="module")
def declared():
    """The commands that pyproject.toml declares, whether or not the package is installed."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    points = [EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "entry_points", lambda group: points if group == GROUP else [])
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten pages with their label files."""
    root = tmp_path_factory.mktemp("pages")
    for page in few_pages():
        for path in (page.path, page.path.with_suffix(".json")):
            shutil.copy(path, root)
    return root


def run(*arguments):
    with quickly():
        return cli.main([str(argument) for argument in arguments])


def one_sentence(capsys):
    """What the command said on standard error, which must be one sentence and nothing else."""
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("pagesieve: ") and err.count("\n") == 1 and err.endswith(".\n")
    return err


# -- train -----------------------------------------------------------------------------------------------------


def test_train_writes_both_models(folder, tmp_path, capsys):
    target = tmp_path / "new" / "models"
    assert run("train", folder, "-o", target, "--jobs", 1) == 0
    written = {f"{kind}.{ending}" for kind in ("html", "text") for ending in ("npz", "card.html", "card.json")}
    assert {path.name for path in target.iterdir()} == written
    measured = {kind: json.loads((target / f"{kind}.card.json").read_text("utf-8"))["figures"] for kind in ("html", "text")}
    assert 0 < measured["html"]["gold.segments.macro"]["value"] <= 1 and measured["text"] is None
    for kind in ("html", "text"):
        assert load_model(target / f"{kind}.npz").contract.name == f"pagesieve {kind}"
    out, err = capsys.readouterr()
    assert not out
    assert str(target / "text.npz") in err
    assert cli.main(["label", "--model", str(target / "html.npz"), str(few_pages()[0].path)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["id"] == few_pages()[0].id
    assert {block["label"] for block in record["blocks"]} <= set(LABELS)


def test_train_needs_an_output(folder, capsys):
    with pytest.raises(SystemExit) as error:
        run("train", folder)
    assert error.value.code == 2
    assert "-o" in capsys.readouterr().err


# -- evaluate --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(folder, tmp_path_factory):
    """Exit code of one evaluation that pins floors, and the folder of what it wrote."""
    target = tmp_path_factory.mktemp("figures")
    written = "--json", target / "figures.json", "--report", target / "report.html", "--floors", target / "floors.json"
    return run("evaluate", folder, "--jobs", 1, *written, "--pin"), target


def test_evaluate_writes_figures_report_and_floors(evaluated):
    code, target = evaluated
    assert code == 0
    headline = json.loads((target / "figures.json").read_text("utf-8"))["headline"]
    macro = headline["gold.segments.macro"]
    assert 0 < macro["value"] <= 1 and macro["pages"] == len(few_pages())
    assert "pagesieve: evaluation" in (target / "report.html").read_text("utf-8")
    assert json.loads((target / "floors.json").read_text("utf-8"))["figures"].keys() == headline.keys()


def test_evaluate_holds_the_floors(evaluated, folder, tmp_path, capsys):
    _, target = evaluated
    assert run("evaluate", folder, "--jobs", 1, "--floors", target / "floors.json") == 0
    out, err = capsys.readouterr()
    assert "95 % interval" in out and "pagesieve:" not in err
    record = json.loads((target / "floors.json").read_text("utf-8"))
    record["figures"]["gold.segments.macro"] = 1.1
    (tmp_path / "floors.json").write_text(json.dumps(record), "utf-8")
    assert run("evaluate", folder, "--jobs", 1, "--floors", tmp_path / "floors.json") == 1
    below = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pagesieve:")]
    assert len(below) == 1 and "below its floor of 1.1000" in below[0]


# -- wrong usage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_missing_folder_is_one_sentence(command, tmp_path, capsys):
    output = ("-o", tmp_path / "models") if command == "train" else ()
    assert run(command, tmp_path / "nowhere", *output) == 2
    assert "nowhere" in one_sentence(capsys)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_folder_without_pages_is_one_sentence(command, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    output = ("-o", tmp_path / "models") if command == "train" else ()
    assert run(command, tmp_path / "empty", *output) == 2
    assert f"No labelled pages in {tmp_path / 'empty'};" in one_sentence(capsys)
    assert not (tmp_path / "models").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_person_sees_a_bar_with_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = training_cli._progress(3)
    for step in ("features of 2 pages", "lexical scores", "network, fold 1 of 5"):
        progress(step)
    assert "network, fold 1 of 5" in terminal.getvalue()
    assert "3/3" in terminal.getvalue() and " left" in terminal.getvalue()
