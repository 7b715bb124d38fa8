"""A page's structure and text statistics as arrays, computed once and read by every feature group.

Subtrees are ranges of blocks, so that a sum over any container is the difference of two prefix sums.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.page import Page
from classifier.words import split_name, split_words

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

CHAR_CLASSES: Final = ("other", "digit", "upper", "lower", "stop", "comma", "space", "cjk", "money", "quote", "symbol")
OTHER, DIGIT, UPPER, LOWER, STOP, COMMA, SPACE, CJK, MONEY, QUOTE, SYMBOL = range(len(CHAR_CLASSES))

CJK_WORD: Final = 0.6
"""Words that one character of Chinese, Japanese or Korean counts for."""

HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))

SENTENCE_WORDS: Final = 10
"""From here on a block with a full stop and few links counts as running text."""


@cache
def _char_classes() -> npt.NDArray[np.uint8]:
    """(65536) class of each character of the Basic Multilingual Plane."""
    table = np.full(1 << 16, SYMBOL, np.uint8)
    for code in range(1 << 16):
        char = chr(code)
        if char.isdigit():
            table[code] = DIGIT
        elif char.isupper():
            table[code] = UPPER
        elif char.isalpha():
            table[code] = LOWER
        elif char.isspace():
            table[code] = SPACE
    for low, high in ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF)):
        table[low : high + 1] = CJK
    for characters, kind in (
        (".!?…。！？؟।", STOP),
        (",;:、，；：،", COMMA),
        ("$€£¥₹₽₩%", MONEY),
        ("\"'«»“”‘’„「」『』()", QUOTE),
        ("-–_/&@#", OTHER),
    ):
        table[[ord(char) for char in characters]] = kind
    return table


@dataclass(eq=False)
class Layout:
    """One page's arrays; ``m`` blocks, ``n`` elements."""

    page: Page

    @cached_property
    def points(self) -> npt.NDArray[np.uint32]:
        """Code points of all blocks in a row."""
        return np.frombuffer("".join(self.page.texts).encode("utf-32-le", "surrogatepass"), np.uint32)

    @cached_property
    def codes(self) -> tuple[npt.NDArray[np.uint8], Longs]:
        """Class of every character of all blocks in a row, and where each block starts (m + 1)."""
        texts = self.page.texts
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        classes = _char_classes()[np.minimum(self.points, 0xFFFF)]
        return classes, np.concatenate(([0], np.cumsum(lengths)))

    @cached_property
    def char_counts(self) -> Floats:
        """(m, classes) characters of each class."""
        classes, starts = self.codes
        kinds = len(CHAR_CLASSES)
        owner = np.repeat(np.arange(0, len(self.page) * kinds, kinds), np.diff(starts))
        counts = np.bincount(owner + classes, minlength=len(self.page) * kinds)
        return counts.reshape(-1, kinds).astype(np.float32)

    @cached_property
    def chars(self) -> Floats:
        """(m) characters."""
        return np.diff(self.codes[1]).astype(np.float32)

    @cached_property
    def words(self) -> list[list[str]]:
        """(m) the words of each block, case folded; CJK characters are words of their own."""
        return split_words(self.page.texts, cjk=bool(self.char_counts[:, CJK].any()))

    @cached_property
    def flat_words(self) -> list[str]:
        """The words of all blocks in a row."""
        return list(chain.from_iterable(self.words))

    @cached_property
    def word_counts(self) -> Longs:
        """(m) words as :attr:`words` has them."""
        return np.fromiter(map(len, self.words), np.int64, len(self.words))

    @cached_property
    def size(self) -> Floats:
        """(m) length in words of a spaced script: CJK characters count less than a word."""
        cjk = self.char_counts[:, CJK]
        return (self.word_counts - cjk * (1 - CJK_WORD)).astype(np.float32)

    @cached_property
    def link_density(self) -> Floats:
        """(m) share of the characters that stand in links."""
        return np.minimum(self.page.link_chars / np.maximum(self.chars, 1), 1).astype(np.float32)

    @cached_property
    def sentences(self) -> npt.NDArray[np.bool_]:
        """(m) is the block running text?"""
        stops = self.char_counts[:, STOP] > 0
        return (self.size >= SENTENCE_WORDS) & stops & (self.link_density < 0.35)

    @cached_property
    def headings(self) -> npt.NDArray[np.bool_]:
        """(m) is the block a heading?"""
        return np.array([self.page.tags[i] in HEADINGS for i in self.page.elements.tolist()], np.bool_)

    @cached_property
    def stats(self) -> Floats:
        """(m, 10) what is summed over containers: characters, those in links, words, 1, words of running text, is
        it running text, a ``<p>``, a heading; commas and stops; is it nearly all link.
        """
        box = [self.page.tags[i] for i in self.page.elements.tolist()]
        return np.stack(
            [
                self.chars,
                np.minimum(self.page.link_chars, self.chars),
                self.size,
                np.ones(len(box)),
                np.where(self.sentences, self.size, 0),
                self.sentences,
                np.array([tag == "p" for tag in box]),
                self.headings,
                self.char_counts[:, COMMA] + self.char_counts[:, STOP],
                self.link_density > 0.8,
            ],
            axis=1,
        ).astype(np.float32)

    @cached_property
    def chains(self) -> npt.NDArray[np.int32]:
        """(m, levels) each block's element, its parent, and so on up to the root (0)."""
        parents = self.page.parents
        level = self.page.elements
        levels = [level]
        while level.any():
            level = parents[level]
            levels.append(level)
        return np.stack(levels, axis=1)

    @cached_property
    def depths(self) -> Longs:
        """(m) levels between the block and the root."""
        return np.asarray((self.chains > 0).sum(axis=1), np.int64)

    def ancestor(self, level: int) -> npt.NDArray[np.int32]:
        """(m) the ancestor so many levels above each block's element; the root where there is none."""
        return self.chains[:, min(level, self.chains.shape[1] - 1)]

    def sums(self, values: Floats, containers: npt.NDArray[np.int32]) -> Floats:
        """Sums of ``values`` (m, k) over the blocks of each container: shape of ``containers`` plus (k)."""
        prefix = np.zeros((len(values) + 1, *values.shape[1:]), np.float64)
        np.cumsum(values, axis=0, out=prefix[1:])
        total = prefix[self.page.last[containers]] - prefix[self.page.first[containers]]
        return total.astype(np.float32)

    @cached_property
    def look_index(self) -> dict[tuple[str, str], int]:
        """A number for each pair of tag and names, in order of appearance; 0 for elements without text."""
        pairs = zip(self.page.tags, self.page.names, self._has_text.tolist(), strict=True)
        seen = dict.fromkeys((tag, names) for tag, names, some in pairs if some)
        seen.pop(("", ""), None)
        return {pair: number for number, pair in enumerate(seen, 1)}

    @cached_property
    def _has_text(self) -> npt.NDArray[np.bool_]:
        """(n) does the element hold a block, or begin one?"""
        some = self.page.last > self.page.first
        some[self.page.leaves] = True
        return some

    @cached_property
    def looks(self) -> Longs:
        """(n) number of each element's pair of tag and names: elements that look alike share it."""
        pairs = zip(self.page.tags, self.page.names, strict=True)
        index = self.look_index
        looks = np.array([index.get(pair, 0) for pair in pairs], np.int64)
        return np.where(self._has_text, looks, 0)

    @cached_property
    def look_words(self) -> list[list[str]]:
        """The words of each look, by number: its tag as ``<tag>``, then those of its names."""
        looks = self.look_index
        return [["<>"], *([f"<{tag}>", *split_name(names)] if names else [f"<{tag}>"] for tag, names in looks)]

    @cached_property
    def twins(self) -> Longs:
        """(n) siblings that look alike, the element itself included."""
        key = self.page.parents.astype(np.int64) * (self.looks.max() + 1) + self.looks
        return _group_sizes(key)

    @cached_property
    def signatures(self) -> Longs:
        """(m) a number for each path of looks over six levels: blocks of one template share it."""
        key = np.zeros(len(self.page), np.int64)
        for level in range(6):
            key = key * 1_000_003 + self.looks[self.ancestor(level)]
        index: Longs = np.unique(key, return_inverse=True)[1]
        return index

    @cached_property
    def repeats(self) -> tuple[Floats, Floats]:
        """(m) how often the block's text stands on the page, and how often before it."""
        seen: dict[str, int] = {}
        before = np.empty(len(self.page), np.float32)
        keys = [text.casefold() for text in self.page.texts]
        for index, key in enumerate(keys):
            before[index] = seen.get(key, 0)
            seen[key] = seen.get(key, 0) + 1
        return np.fromiter(map(seen.__getitem__, keys), np.float32, len(keys)), before


def _group_sizes(keys: Longs) -> Longs:
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[index]
