"""Word lists and patterns as data: one text file a kind, with a ``[section]`` per language or subject.

Phrases are in normal form: case folded, words parted by single spaces as ``classifier.words.split_words``
parts them, ``0`` for any number. Chinese, Japanese and Korean (no spaces), Hindi and Thai stand as they are
read, since there each character, or each vowel sign, parts words.
"""

import functools
import importlib.resources
import re
from typing import Final

KINDS: Final = (
    "gate",
    "offer",
    "truncation",
    "ad",
    "promo",
    "consent",
    "navigation",
    "share",
    "related",
    "comments",
    "legal",
    "byline",
    "blocked",
    "stopwords",
)


def load_phrases(kind: str) -> dict[str, tuple[str, ...]]:
    """Phrases of one of ``KINDS`` by language code; read-only, as every caller gets the same dictionary.

    >>> "read more" in load_phrases("truncation")["en"]
    True
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of phrases is called {kind!r}; choose one of {', '.join(KINDS)}")
    return load_sections(kind)


@functools.cache
def load_sections(name: str) -> dict[str, tuple[str, ...]]:
    """Entries of the file ``name``.txt by section, in the file's order. Raises FileNotFoundError if absent.

    >>> "paywall" in load_sections("classnames")["gate"]
    True
    """
    sections: dict[str, list[str]] = {}
    for line in _lines(name):
        if line.startswith("[") and line.endswith("]"):
            entries = sections.setdefault(line[1:-1], [])
        else:
            entries.append(line)
    return {section: tuple(entries) for section, entries in sections.items()}


@functools.cache
def placeholder_pattern() -> re.Pattern[str]:
    """Matches template placeholders that were never filled in, such as ``{{title}}`` or ``%1$s``.

    >>> placeholder_pattern().search("Hello ${user.name}!").group()
    '${user.name}'
    """
    return re.compile("|".join(f"(?:{line})" for line in _lines("placeholders")))


def _lines(name: str) -> list[str]:
    """Lines that say something: neither empty nor a comment."""
    text = importlib.resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]
