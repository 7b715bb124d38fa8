"""The public suites as pages: html5lib-tests, the big list of naughty strings, JSONTestSuite, chardet.

PAGESIEVE_SUITES names the folder that holds them; without it these tests are skipped.
"""

import base64
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.invariants import assert_sound, assert_whole

from classifier import Sieve, jsonld
from classifier.model import Model

EVERY = 1 if os.environ.get("PAGESIEVE_HOSTILE") == "all" else 25
"""One input of so many is read by default."""


@pytest.fixture(scope="module")
def suites() -> Path:
    folder = Path(os.environ.get("PAGESIEVE_SUITES", ""))
    if not os.environ.get("PAGESIEVE_SUITES") or not folder.is_dir():
        pytest.skip("no public suites: name their folder in PAGESIEVE_SUITES")
    return folder


@pytest.fixture(scope="module")
def sieve(tiny_model: Model) -> Sieve:
    return Sieve(tiny_model, text_model=tiny_model)


def html5lib(suites: Path) -> Iterator[str | bytes]:
    for path in sorted(suites.glob("html5lib-tests/tree-construction/**/*.dat")):
        for case in path.read_bytes().split(b"#data\n")[1:]:
            yield case.partition(b"\n#errors")[0]
    for path in sorted(suites.glob("html5lib-tests/tokenizer/*.test")):
        for test in json.loads(path.read_text("utf-8")).get("tests", ()):
            text = test["input"]
            yield text.encode().decode("unicode_escape") if test.get("doubleEscaped") else text
    for path in sorted(suites.glob("html5lib-tests/encoding/**/*.dat")):
        for case in path.read_bytes().split(b"#data\n")[1:]:
            yield case.partition(b"#encoding\n")[0]


def naughty(suites: Path) -> Iterator[str]:
    for encoded in json.loads((suites / "blns" / "blns.base64.json").read_text()):
        text = base64.b64decode(encoded).decode("utf-8", "replace")
        yield f"<title>{text}</title><p>{text}<p class='{text}' id={text}><a href='{text}'>x</a>{text}"


def json_files(suites: Path) -> Iterator[bytes]:
    for path in sorted(suites.glob("JSONTestSuite/test_parsing/*.json")):
        yield path.read_bytes()
        yield b"<script type=application/ld+json>" + path.read_bytes() + b"</script><p>x"


def chardet_files(suites: Path) -> Iterator[bytes]:
    for path in sorted(suites.glob("chardet/tests/*/*")):
        yield path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "least"), [(html5lib, 8_000), (naughty, 500), (json_files, 600), (chardet_files, 400)]
)
def test_every_public_input_is_read_whole(kind, least: int, suites: Path, sieve: Sieve) -> None:
    inputs = list(kind(suites))
    assert len(inputs) >= least
    random.Random(0).shuffle(inputs)
    for source in inputs[::EVERY]:
        found = sieve.read(source, url="https://a.example/b")
        assert_sound(found)
        if isinstance(source, str):
            assert_whole(source, found)
        assert_sound(sieve.read_text(source))


def test_json_ld_survives_every_json_file(suites: Path) -> None:
    for path in sorted(suites.glob("JSONTestSuite/test_parsing/*.json")):
        json.dumps(jsonld.read([path.read_bytes().decode("utf-8", "surrogateescape")])).encode()
