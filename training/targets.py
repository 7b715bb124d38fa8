"""What each figure is called, and where it should be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Target:
    """The least value of a figure, or the greatest."""

    value: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Is the target reached?"""
        return value <= self.value if self.at_most else value >= self.value


TARGETS: Final[Mapping[str, Target]] = {
    "wcxb.f1": Target(0.89),
    "trafilatura.f1": Target(0.945),
    "fundus.f1": Target(0.97),
    "gold.segments.macro": Target(0.88),
    "gold.segments.content.f1": Target(0.93),
    "gold.segments.navigation.f1": Target(0.96),
    "gold.segments.ad.f1": Target(0.75),
    "gold.segments.paywall.f1": Target(0.80),
    "access.f1": Target(0.85),
    "access.kind": Target(0.85),
    "access.false_alarms": Target(0.03, at_most=True),
    "calibration.content": Target(0.02, at_most=True),
    "calibration.navigation": Target(0.02, at_most=True),
    "calibration.ad": Target(0.02, at_most=True),
    "calibration.paywall": Target(0.02, at_most=True),
    "calibration.main": Target(0.02, at_most=True),
}

CORPORA: Final[Mapping[str, str]] = {
    "wcxb": "main text, WCXB dev: words",
    "readability": "main text, readability.js: words",
    "fundus": "main text, fundus: words",
    "trafilatura": "main text, trafilatura: snippets",
    "gold.segments": "labels, by segment",
    "gold.words": "labels, by word",
    "access": "access",
    "calibration": "calibration error",
}

MEASURES: Final[Mapping[str, str]] = {
    "f1": "F1",
    "macro": "macro-F1",
    "whole": "paragraphs kept whole",
    "beside": "F1 with title, headings and summary neutral",
    "kind": "gated against metered, accuracy",
    "false_alarms": "open pages called not open",
}


def title_of(name: str) -> str:
    """A figure's name in words.

    >>> title_of("gold.segments.ad.f1"), title_of("access.kind")
    ('labels, by segment: ad F1', 'access: gated against metered, accuracy')
    """
    corpus = next((prefix for prefix in CORPORA if name.startswith(f"{prefix}.")), "")
    title = CORPORA.get(corpus, "")
    return f"{title}{' ' if ': ' in title else ': ' if title else ''}{_words(name[len(corpus) :])}"


def short_of(name: str) -> str:
    """The last part of a figure's name in words, for a column.

    >>> short_of("gold.segments.ad.f1"), short_of("wcxb.f1")
    ('ad F1', 'F1')
    """
    corpus = next((prefix for prefix in CORPORA if name.startswith(f"{prefix}.")), "")
    return _words(name[len(corpus) :])


def at_most(name: str) -> bool:
    """Is the figure an error, the better the smaller?"""
    return name.startswith("calibration.") or name.endswith("false_alarms")


def _words(tail: str) -> str:
    return " ".join(MEASURES.get(part, part) for part in tail.split(".") if part)
