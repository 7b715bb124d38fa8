"""What several test modules share."""

import os
from pathlib import Path

import pytest
from tiny_model import make_tiny_model

from classifier.model import Model

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
