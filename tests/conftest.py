"""What several test modules share."""

import os
from pathlib import Path

import numpy as np
import pytest

from classifier import features
from classifier.decide import DEFAULT_THRESHOLDS
from classifier.labels import LABELS
from classifier.model import (
    NAME_LEVELS,
    PAIR_BITS,
    Calibration,
    Contract,
    Lexical,
    Model,
    input_names,
)
from classifier.network import VIEWS, Network

SHIPPED = Path(__file__).parents[1] / "datasets" / "pages"


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of unpacked public corpora and test suites; tests that need it skip where there is none."""
    folder = Path(os.environ.get("PAGESIEVE_CORPORA") or Path(__file__).parents[1] / "corpora")
    if not folder.is_dir():
        pytest.skip(f"no corpora in {folder}; name their folder in PAGESIEVE_CORPORA")
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material that lies beside a developer's checkout."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"no shared material in {folder}")
    return folder


@pytest.fixture(scope="session")
def shipped_pages() -> list[Path]:
    """The pages written for this project."""
    return sorted(SHIPPED.glob("*.html"))


@pytest.fixture(scope="session")
def tiny_model() -> Model:
    """A model of every shape that matters, with random weights that are always the same."""
    return make_tiny_model(0)


def make_tiny_model(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    inputs = input_names()
    width = len(LABELS) + 1
    words = ("and", "harbour", "subscribe", "the", "u", "v", "été", "続")
    names = ("<a>", "<p>", "article", "nav", "paywall")

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.3, shape).astype(np.float16).astype(np.float32)

    word_weights = np.zeros((1 + len(words) + (1 << PAIR_BITS), width), np.float32)
    word_weights[: 1 + len(words)] = normal(1 + len(words), width)
    word_weights[rng.integers(0, len(word_weights), 500)] = normal(500, width)
    return Model(
        contract=Contract(
            feature_version=features.VERSION,
            feature_names=inputs,
            labels=LABELS,
            thresholds=DEFAULT_THRESHOLDS,
            access=None,
            data={"corpus": "none"},
            scores={"f1": 0.5},
            name="tiny",
        ),
        lexical=Lexical(words, word_weights, names, normal(len(NAME_LEVELS), 1 + len(names), width)),
        network=Network(
            mean=normal(len(inputs)),
            scale=np.abs(normal(len(inputs))) + 0.5,
            entry=normal(len(inputs) + 1, 2, 4),
            messages=normal(2, 2, 4, 3),
            rounds=normal(2, 2, 4 + VIEWS * 3 + 1, 4),
            exit=normal(2, 5, 4),
            outputs=normal(2, 5, width),
        ),
        calibration=Calibration(label_slope=0.75, main_slope=0.5, main_offset=-0.125),
    )
