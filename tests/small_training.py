"""A training that takes a second: few pages, small heads, one thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from threadpoolctl import threadpool_limits
from training_pages import labelled

from training import fit, lexical
from training.fit import HeadSettings
from training.gold import GoldPage

NAMES = (
    *("blog-div-soup", "consent-or-pay-de", "forum-thread", "gate-mid-story", "hard-gate-harbour"),
    *("japanese-member-gate", "journal-purchase", "meter-states-meridian", "open-news-jsonld"),
    "scrambled-filler-alpine",
)
"""Pages of all five folds; whichever two are held out, all four labels are left."""

SMALL = HeadSettings((8,), epochs=2, members=2)


@cache
def few_pages() -> tuple[GoldPage, ...]:
    """Ten of the pages written for this project."""
    return tuple(page for page in labelled(None) if page.id in NAMES)


@contextmanager
def quickly() -> Iterator[None]:
    """Heads of a few units, and a lexical stage that stops early: good for nothing but to see how it is made."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        for head in ("MAIN_HEAD", "TEACHER", "LABEL_HEAD"):
            patch.setattr(fit, head, SMALL)
        patch.setattr(lexical, "ITERATIONS", 3)
        yield
