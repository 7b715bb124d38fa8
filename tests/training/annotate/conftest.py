"""A small folder of pages, a session over it, and a client that speaks to it as the annotation page does."""

import pytest

from classifier import Sieve


@pytest.fixture
def folder(tmp_path):
    from annotate_pages import PAGES

    pages = tmp_path / "pages"
    pages.mkdir()
    for name, html in PAGES.items():
        (pages / f"{name}.html").write_text(html, "utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def sieve(tiny_model):
    return Sieve(tiny_model)


@pytest.fixture
def session(folder, sieve):
    from training.annotate.session import Session

    return Session(folder / "pages", folder / "labels", sieve)


@pytest.fixture
def client(session):
    from annotate_pages import make_client

    return make_client(session)
