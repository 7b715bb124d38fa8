"""A short run of every fuzz target with a fixed seed, and all that was ever found.

PAGESIEVE_FUZZ sets the number of inputs a target; ``make fuzz`` runs the targets for longer.
"""

import os
import random
from itertools import islice
from pathlib import Path

import pytest

from classifier.modelfile import save_model
from training import fuzz

SCALE = int(os.environ.get("PAGESIEVE_FUZZ", "0"))
NUMBERS = {"page": 60, "jsonld": 2_000, "model": 300, "labels": 2_000}
FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.*"))


@pytest.fixture(scope="module")
def targets(tiny_model):
    return fuzz.targets(tiny_model)


@pytest.mark.parametrize("name", NUMBERS)
def test_mutations_find_nothing(name: str, targets, tiny_model, tmp_path) -> None:
    target, make_seeds, words = targets[name]
    seeds = make_seeds()
    if name == "model":
        save_model(tiny_model, tmp_path / "tiny.npz")
        seeds = [(tmp_path / "tiny.npz").read_bytes()]
    assert seeds
    number = SCALE or NUMBERS[name]
    tried, failed = fuzz.run(target, islice(fuzz.inputs(seeds, words, 7), number), 3_600, tmp_path / "findings")
    assert (tried, failed) == (number, 0), sorted((tmp_path / "findings").glob("*"))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_stays_mended(path: Path, targets) -> None:
    targets[path.name.partition("-")[0]][0](path.read_bytes())


def test_findings_are_kept() -> None:
    assert len(FINDINGS) >= 2


def test_a_failure_is_written_down(tmp_path: Path) -> None:
    def fail_on_b(data: bytes) -> None:
        if data == b"b":
            raise RuntimeError("no")

    assert fuzz.run(fail_on_b, iter([b"a", b"b", b"c"]), 60, tmp_path / "f") == (3, 1)
    assert [path.read_bytes() for path in (tmp_path / "f").iterdir()] == [b"b"]


def test_mutations_repeat_for_a_seed_and_differ_from_it() -> None:
    def first(seed: int) -> list[bytes]:
        return list(islice(fuzz.inputs([b"<p>a few words"], fuzz.HTML, seed), 50))

    assert first(1) == first(1) != first(2)
    assert len(set(first(1))) > 45
    assert fuzz.mutated(b"", fuzz.JSON, random.Random(3)) is not None
