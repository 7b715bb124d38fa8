"""What several test modules share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of unpacked public corpora and test suites; tests that need it skip where there is none."""
    folder = Path(os.environ.get("PAGESIEVE_CORPORA") or Path(__file__).parents[1] / "corpora")
    if not folder.is_dir():
        pytest.skip(f"no corpora in {folder}; name their folder in PAGESIEVE_CORPORA")
    return folder
