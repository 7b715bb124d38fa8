"""The walk of docs/adapt.md as it stands there, through the installed command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "adapt.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The folder in which all commands of the page ran, and what they printed."""
    command = Path(sys.executable).with_name("pagesieve")
    if not command.exists() or b"adapt" not in subprocess.run([command, "--help"], capture_output=True).stdout:
        pytest.skip("the command pagesieve is not installed beside this Python")
    folder = tmp_path_factory.mktemp("walk")
    (folder / "datasets").symlink_to(ROOT / "datasets")
    environment = {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    script = "\n".join(text for kind, text in BLOCKS if kind == "sh")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return folder, run.stdout


def test_the_walk_ends_in_a_better_extraction(walked):
    folder, out = walked
    before, after = (folder / f"{name}.txt" for name in ("before", "after"))
    assert "On the second Friday" in before.read_text("utf-8")  # a teaser of another story
    assert "On the second Friday" not in after.read_text("utf-8")
    assert "has asked for the doors to be left open" in after.read_text("utf-8")
    assert "ferry-post.example: 2 pages" in out and re.search("main text, labelled pages.* better", out)
    assert (folder / "state.json").is_file()


def test_the_python_of_the_page_runs(walked, monkeypatch):
    monkeypatch.chdir(walked[0])
    names = {}
    exec("\n".join(text for kind, text in BLOCKS if kind == "python"), names)
    assert names["changes"](names["state"]) == []
    assert names["state"].sites["a.example"]["2026-03-01"].pages == 2


def test_links_of_the_page_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", DOC):
        assert (ROOT / "docs" / target).exists()
