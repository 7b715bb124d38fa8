"""Finds the phrases of the lexicon in a page's words: one dictionary look-up a word, the rest on numbers."""

from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier import lexicon, words
from classifier.layout import Floats, Layout, Longs
from classifier.words import WordTable, split_words

PHRASE_KINDS: Final = tuple(kind for kind in lexicon.KINDS if kind != "stopwords")

NUMBERS: Final = 10_000
"""Numbers below this stand for the ``0`` of a phrase."""

_SIEVE_BITS: Final = 16
"""Pairs of words are sieved by a table of so many bits before any is looked up."""


@dataclass(frozen=True, eq=False)
class Book:
    """The lexicon as numbers: each word that stands in a phrase or is a stop word has one, from 1."""

    index: dict[str, int]
    table: WordTable
    """The same, for many words at once."""
    stop: npt.NDArray[np.bool_]
    """(words + 1)"""
    alone: dict[int, tuple[int, ...]]
    """Word to the kinds of the phrases that it is by itself."""
    starts: dict[tuple[int, int], list[tuple[list[int], int]]]
    """The first two words of longer phrases to (words, kind)."""
    leads: npt.NDArray[np.bool_]
    """(words + 1) does a longer phrase begin so?"""
    sieve: npt.NDArray[np.bool_]
    """(2 ** _SIEVE_BITS) is there a phrase whose first two words hash to this?"""


@cache
def book() -> Book:
    """The whole lexicon, read once."""
    index: dict[str, int] = {}
    number = index.setdefault("0", 1)
    index.update({str(value): number for value in range(NUMBERS)})
    alone: dict[int, list[int]] = {}
    starts: dict[tuple[int, int], list[tuple[list[int], int]]] = {}
    stop_words = [word for group in lexicon.load_phrases("stopwords").values() for word in group]
    stop_ids = [index.setdefault(word, len(index)) for word in stop_words]
    for kind, name in enumerate(PHRASE_KINDS):
        phrases = [phrase for group in lexicon.load_phrases(name).values() for phrase in group]
        for phrase in {tuple(parts) for parts in split_words(phrases) if parts}:
            ids = [index.setdefault(word, len(index)) for word in phrase]
            if len(ids) == 1:
                alone.setdefault(ids[0], []).append(kind)
            else:
                starts.setdefault((ids[0], ids[1]), []).append((ids, kind))
    stop = np.zeros(max(index.values()) + 1, np.bool_)
    stop[stop_ids] = True
    sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
    pairs = np.array(list(starts), np.int64)
    sieve[_hashes(pairs[:, 0], pairs[:, 1])] = True
    leads = np.zeros(len(stop), np.bool_)
    leads[pairs[:, 0]] = True
    kinds_alone = {word: tuple(kinds) for word, kinds in alone.items()}
    return Book(index, WordTable(index), stop, kinds_alone, starts, leads, sieve)


def _hashes(first: Longs, second: Longs) -> Longs:
    hashes: Longs = (first * 92_821 + second * 68_917) & ((1 << _SIEVE_BITS) - 1)
    return hashes


def word_ids(x: Layout) -> Longs:
    """The number of each different word of the page; 0 for those that the lexicon does not know."""
    return x.spellings_numbered(book().table)


def phrase_hits(x: Layout, ids: Longs) -> Floats:
    """(m, kinds) phrases of each kind that the block holds; ``ids`` as :func:`word_ids` gives them."""
    known = book()
    ids = ids.take(x.word_places)
    hits = np.zeros((len(x.page), len(PHRASE_KINDS)), np.float32)
    if not len(ids):
        return hits
    if words.rapid is not None:
        words.rapid.count_phrases(ids, x.word_counts, hits, *_packed())
        return hits
    owners = np.repeat(np.arange(len(x.page)), x.word_counts)
    single = np.flatnonzero(_alone(len(known.stop))[ids])
    for word, owner in zip(ids[single].tolist(), owners[single].tolist(), strict=True):
        for kind in known.alone[word]:
            hits[owner, kind] += 1
    pairs = np.flatnonzero(known.leads[ids[:-1]] & (ids[1:] > 0))
    pairs = pairs[known.sieve[_hashes(ids[pairs], ids[pairs + 1])]]
    owned = owners[pairs]
    spoken = ids.tolist()
    for place, owner, last in zip(pairs.tolist(), owned.tolist(), x.word_ends[owned + 1].tolist(), strict=True):
        for phrase, kind in known.starts.get((spoken[place], spoken[place + 1]), ()):
            end = place + len(phrase)
            if end <= last and spoken[place:end] == phrase:
                hits[owner, kind] += 1
    return hits


@cache
def _packed() -> tuple[npt.NDArray[np.generic], ...]:
    """The book as the compiled part reads it: flat arrays, and where each word's or pair's part of them begins."""
    known = book()
    alone = [known.alone.get(word, ()) for word in range(len(known.stop))]
    ordered = sorted(known.starts.items())
    phrases = [found for _, found_at in ordered for found in found_at]
    flat = (
        _starts([*map(len, alone)]),
        [kind for kinds in alone for kind in kinds],
        _starts([len(found) for _, found in ordered]),
        _starts([len(phrase) for phrase, _ in phrases]),
        [word for phrase, _ in phrases for word in phrase],
        [kind for _, kind in phrases],
    )
    pairs = np.array([first << 32 | second for (first, second), _ in ordered], np.int64)
    alone_starts, kinds, *rest = (np.array(part, np.int32) for part in flat)
    return known.leads.view(np.uint8), alone_starts, kinds, pairs, *rest


def _starts(lengths: list[int]) -> list[int]:
    """0, then where each of the parts ends."""
    return [0, *accumulate(lengths)]


def holds_ad_mark(spoken: list[str]) -> bool:
    """Does a phrase that marks advertisements stand among the words?

    >>> holds_ad_mark(["sponsored", "content"]), holds_ad_mark(["subscribe", "now"])
    (True, False)
    """
    known = book()
    ids = [known.index.get(word, 0) for word in spoken]
    mark = PHRASE_KINDS.index("ad")
    if any(mark in known.alone.get(number, ()) for number in ids):
        return True
    starts = ((place, known.starts.get(pair, ())) for place, pair in enumerate(pairwise(ids)))
    return any(
        kind == mark and ids[place : place + len(phrase)] == phrase for place, found in starts for phrase, kind in found
    )


@cache
def _alone(size: int) -> npt.NDArray[np.bool_]:
    """(words + 1) is the word a phrase by itself?"""
    table = np.zeros(size, np.bool_)
    table[list(book().alone)] = True
    return table
