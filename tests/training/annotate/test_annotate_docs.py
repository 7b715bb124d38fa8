"""What docs/annotate.md shows is what there is."""

import re
import shlex
import sys
import types
from pathlib import Path

import pytest
from annotate_pages import PAGES

from classifier.cli import main
from training.annotate import server

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "annotate.md").read_text("utf-8")
STATIC = ROOT / "training" / "annotate" / "static"


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("pagesieve")]


def test_every_command_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    served = []
    stub = types.SimpleNamespace(run=lambda **arguments: served.append(arguments))
    monkeypatch.setattr("training.annotate.serve.make_server", lambda *_: stub)
    monkeypatch.setattr("webbrowser.open", served.append)
    monkeypatch.chdir(tmp_path)
    for name, page in (("mypages", "tea"), ("labels", "tea"), ("train", "milk"), ("test", "salt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{page}.html").write_text(PAGES[page], "utf-8")
    for folder, text in (("train", "Milk"), ("test", "Salt"), ("labels", "Tea")):
        html = next((tmp_path / folder).glob("*.html"))
        html.write_text(f"<p>{text}", "utf-8")
        html.with_suffix(".json").write_text(
            f'{{"id": "{html.stem}", "url": null, "site": null, "access": "open", "complete": true, "declared": null,'
            f' "segments": [["{text}", "content"]]}}'
        )
    assert len(commands()) == 3
    for command in commands():
        assert main(shlex.split(command)[1:]) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{43}", served[0])
    assert list(served[1]) == ["sockets"]
    assert served[0] in capsys.readouterr().out


def test_the_keys_of_the_docs_are_those_of_the_page():
    shown = (STATIC / "annotate.html").read_text("utf-8")
    known = set(re.findall(r"<kbd>(.)</kbd>", shown))
    documented = set(re.findall(r"`(\S)`", DOCS.split("| key |")[1].split("The mouse")[0]))
    assert documented - {"c"} <= known
    handled = (STATIC / "annotate.js").read_text("utf-8")
    assert all(f'{key}"' in handled or re.search(rf"\b{key}[:,]", handled) for key in documented - set("1234c↓↑"))


def test_the_screenshot_is_there_and_small():
    picture = ROOT / "docs" / "annotate.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000


def test_static_files_need_nothing_from_outside():
    for path in STATIC.iterdir():
        assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org)\w+\.", path.read_text("utf-8")), path
    assert "innerHTML" not in (STATIC / "annotate.js").read_text("utf-8")
    assert {name for name, _ in server._STATIC.values()} == {path.name for path in STATIC.iterdir()}


@pytest.mark.parametrize("package", ["uvicorn", "starlette"])
def test_a_missing_package_is_one_sentence_that_names_the_extra(tmp_path, monkeypatch, capsys, package):
    for name in [one for one in sys.modules if one.startswith(("training.annotate", package))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["annotate", str(tmp_path), "--labels", str(tmp_path)]) == 1
    assert "pip install 'pagesieve[annotate]'" in capsys.readouterr().err


def test_a_folder_without_pages_and_a_bad_port_are_wrong_usage(tmp_path, capsys):
    assert main(["annotate", str(tmp_path), "--labels", str(tmp_path / "labels")]) == 2
    assert "No pages in" in capsys.readouterr().err
    (tmp_path / "a.html").write_text("<p>x")
    assert main(["annotate", str(tmp_path), "--labels", str(tmp_path / "labels"), "--port", "70000"]) == 2
    assert "pagesieve: " in capsys.readouterr().err
