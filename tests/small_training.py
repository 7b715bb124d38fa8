"""A training that takes a second: few pages, small networks, one thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from threadpoolctl import threadpool_limits
from training_pages import labelled

from training import fit, lexical
from training.gold import GoldPage
from training.network import Settings

NAMES = (
    *("blog-div-soup", "consent-or-pay-de", "forum-thread", "gate-mid-story", "hard-gate-harbour"),
    *("japanese-member-gate", "journal-purchase", "meter-states-meridian", "open-news-jsonld"),
    "scrambled-filler-alpine",
)
"""Pages of all five folds; whichever two are held out, all four labels are left."""

SMALL = Settings(width=8, message=4, rounds=1, epochs=2, blank=0.1, pages=4)


@cache
def few_pages() -> tuple[GoldPage, ...]:
    """Ten of the pages written for this project."""
    return tuple(page for page in labelled(None) if page.id in NAMES)


@contextmanager
def quickly() -> Iterator[None]:
    """Networks of a few units, and a lexical stage that stops early: good for nothing but to see how it is made."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(fit, "SETTINGS", {"html": SMALL, "text": SMALL})
        patch.setattr(fit, "TEACHER", {"width": 10, "message": 5})
        patch.setattr(lexical, "ITERATIONS", 3)
        yield
