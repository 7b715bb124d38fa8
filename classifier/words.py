"""Text into words: case-folded runs of letters and digits; a character each in Chinese, Japanese and Korean."""

import re
from collections.abc import Collection, Mapping
from itertools import chain, count, islice
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

rapid: ModuleType | None
try:
    from classifier import rapid
except ImportError:  # installed without a compiler
    rapid = None

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_SPACED: Final = re.compile(r"[^\W_]+")
_MIXED: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_NAME: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[^\W\d_a-zA-Z]+")


def split_words(texts: list[str], *, cjk: bool = True) -> list[list[str]]:
    """The words of each text. Without ``cjk`` such runs stay whole, which is faster where there are none.

    >>> split_words(["Don't panic, 42!", "続き"])
    [['don', 't', 'panic', '42'], ['続', 'き']]
    """
    return [*map((_MIXED if cjk else _SPACED).findall, map(str.casefold, texts))]


def split_name(name: str) -> list[str]:
    """The words of a class or an id.

    >>> split_name("c-paywall-notice articleBody2")
    ['c', 'paywall', 'notice', 'article', 'body']
    """
    return [token.lower() for token in _NAME.findall(name)]


class Spelt(NamedTuple):
    """The words of many texts, each spelling once."""

    spellings: list[str]
    """In order of appearance."""
    places: Longs
    """Of each word of all texts in a row, its place among the spellings."""
    counts: Longs
    """Words of each text."""

    def words(self) -> list[str]:
        """The words of all texts in a row."""
        return [*map(self.spellings.__getitem__, self.places.tolist())]

    def by_text(self) -> list[list[str]]:
        """The words of each text."""
        words = iter(self.words())
        return [[*islice(words, count)] for count in self.counts.tolist()]


def spell(folded: list[str], *, cjk: bool = True) -> Spelt:
    """The words of texts that are case folded, as :func:`split_words` finds them."""
    if rapid is not None:
        return Spelt(*rapid.spell(folded, cjk))
    return _spelt([*map((_MIXED if cjk else _SPACED).findall, folded)])


def spell_looks(looks: list[tuple[str, str]]) -> Spelt:
    """The words of pairs of a tag and names: ``<tag>``, then those of :func:`split_name`."""
    if rapid is not None:
        return Spelt(*rapid.spell_looks(looks))
    return _spelt([[f"<{tag}>", *split_name(names)] if names else [f"<{tag}>"] for tag, names in looks])


def _spelt(words: list[list[str]]) -> Spelt:
    flat = [*chain.from_iterable(words)]
    places = dict(zip(dict.fromkeys(flat), count()))
    counts = np.fromiter(map(len, words), np.int64, len(words))
    return Spelt([*places], np.fromiter(map(places.__getitem__, flat), np.int64, len(flat)), counts)


_LENGTH_FACTOR: Final = 0x1E3779B97F4A7C15


def hashes(words: Collection[str]) -> Longs:
    """A hash of each word, 64 bits: by these, a :class:`WordTable` finds many words at once.

    Python's own looks at the bytes of a string, whatever their width: to it, ``2k`` and ``欲`` are the same. Their
    lengths are not.
    """
    if rapid is not None:
        return np.asarray(rapid.hashes(words))
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    return np.fromiter(map(hash, words), np.int64, len(words)) + lengths * _LENGTH_FACTOR


def bag_sums(weights: Floats, ids: Longs, counts: Longs) -> Floats:
    """(bags, k) sums of the rows of ``weights`` that each bag's ids name; bags lie one behind the other."""
    if rapid is not None:
        return np.asarray(rapid.sum_bags(weights, ids, counts))
    upto = np.zeros((len(ids) + 1, weights.shape[1]))
    np.cumsum(weights.take(ids, axis=0), axis=0, out=upto[1:])
    ends = np.cumsum(counts)
    return np.asarray(upto.take(ends, axis=0) - upto.take(ends - counts, axis=0), np.float32)


class WordTable:
    """The numbers of many words, from 1; what has none gets 0.

    Words are told apart by their hashes of 64 bits alone. They lie in an open-addressed table, small enough for the
    cache: a binary search among 45,000 words took twice as long, a dictionary six times.

    >>> WordTable({"tea": 7})[hashes(["milk", "tea"])].tolist()
    [0, 7]
    """

    def __init__(self, numbers: Mapping[str, int]) -> None:
        keys = hashes(numbers)
        size = 1 << (2 * len(keys) + 1).bit_length()
        self._mask = size - 1
        self._keys, self._numbers = np.zeros(size, np.int64), np.zeros(size, np.int32)
        owners = np.zeros(size, np.int64)
        self._steps = 0
        """No word lies farther from its place than this."""
        waiting = np.arange(len(keys))
        while len(waiting):  # each asks for its place, then for the next one; of several, the last asker has it
            places = (keys[waiting] + self._steps) & self._mask
            free = owners[places] == 0
            owners[places[free]] = waiting[free] + 1
            waiting = waiting[owners[places] != waiting + 1]
            self._steps += 1
        taken = np.flatnonzero(owners)
        self._keys[taken] = keys[owners[taken] - 1]
        self._numbers[taken] = np.fromiter(numbers.values(), np.int32, len(numbers))[owners[taken] - 1]

    def __getitem__(self, hashes: Longs) -> Longs:
        if rapid is not None:
            return np.asarray(rapid.find(self._keys, self._numbers, hashes))
        places = hashes & self._mask
        found: Longs = self._numbers.take(places).astype(np.int64)
        others = self._keys.take(places) != hashes
        waiting = np.flatnonzero(others & (found > 0))
        found[others] = 0
        for step in range(1, self._steps):
            if not len(waiting):
                break
            places = (hashes[waiting] + step) & self._mask
            numbers, met = self._numbers[places], self._keys[places] == hashes[waiting]
            found[waiting[met]] = numbers[met]
            waiting = waiting[~met & (numbers > 0)]
        return found
