"""The examples of docs/batch.md, as they stand there."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bulk_archives import html_response, page, write_warc

from classifier.bulk.parquet import arrow_schema
from classifier.bulk.records import Wanted
from classifier.bulk.shards import SKIPPED

DOCS = Path(__file__).parents[2] / "docs" / "batch.md"
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```", DOCS.read_text("utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples find what they read; the first have been run there."""
    pytest.importorskip("warcio")
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("docs")
    (folder / "pages").mkdir()
    (folder / "pages" / "1.html").write_text(page(1))
    with gzip.open(folder / "dump.jsonl.gz", "wt") as file:
        for number in range(3):
            file.write(json.dumps({"id": number, "body": page(number), "link": "https://a.example/"}) + "\n")
    with open(folder / "crawl.warc.gz", "wb") as file:
        write_warc(file, [html_response(1), html_response(2)])
    for _, commands in EXAMPLES:
        if commands.startswith("pagesieve"):
            env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
            subprocess.run(["bash", "-euc", commands], cwd=folder, env=env, check=True)
    return folder


def test_the_commands_write_what_they_say(folder):
    counts = {
        path.name: json.loads((path / "manifest.json").read_text())["shards"][0]["records"] for path in folder.glob("out*")
    }
    assert counts == {"out": 1, "out-warc": 2, "out-parquet": 3, "out-stdin": 3}


@pytest.mark.parametrize("code", [code for language, code in EXAMPLES if language == "python"])
def test_the_scripts_run(folder, code):
    (folder / "example.py").write_text(code)
    run = subprocess.run([sys.executable, "example.py"], cwd=folder, check=True, capture_output=True, text=True)
    assert run.stderr == ""


def test_every_example_is_run():
    assert [language for language, _ in EXAMPLES] == ["sh", "sh", "python", "python", "python"]
    assert EXAMPLES[0][1].startswith("pip install")


def test_every_field_is_explained():
    pytest.importorskip("pyarrow")
    named = set(re.findall(r"`(\w+)`", DOCS.read_text("utf-8")))
    assert set(arrow_schema(Wanted(True, True, True)).names) | SKIPPED <= named
