"""A page's structure and text statistics as arrays, computed once and read by every feature group.

Subtrees are ranges of blocks, so that a sum over any container is the difference of two prefix sums.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import jsonld, words
from classifier.chars import CJK, COMMA, STOP, Chars, count_chars
from classifier.jsonld import Item
from classifier.links import Links, links_of
from classifier.page import Page
from classifier.words import Spelt, WordTable, bag_sums, hashes, spell, spell_looks

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

CJK_WORD: Final = 0.6
"""Words that one character of Chinese, Japanese or Korean counts for."""

HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))

TAG_NUMBERS: Final = {tag: number for number, tag in enumerate((*sorted(HEADINGS), "p", "li"), 1)}
"""Numbers of the box tags that are asked for by name; the headings come first."""

MAX_LEVELS: Final = 64
"""Containers around a block that are looked at, the innermost; 56 were the most among 4,362 pages."""

SENTENCE_WORDS: Final = 10
"""From here on a block with a full stop and few links counts as running text."""


@dataclass(eq=False)
class Layout:
    """One page's arrays; ``m`` blocks, ``n`` elements."""

    page: Page

    @cached_property
    def told(self) -> Chars:
        """What characters the texts hold."""
        return count_chars(self.page.texts)

    @cached_property
    def char_counts(self) -> Floats:
        """(m, classes) characters of each class."""
        return self.told.counts.astype(np.float32)

    @cached_property
    def chars(self) -> Floats:
        """(m) characters."""
        return np.asarray(self.told.counts.sum(axis=1), np.float32)

    @cached_property
    def words(self) -> list[list[str]]:
        """(m) the words of each block, case folded; CJK characters are words of their own."""
        return self._spelt.by_text()

    @cached_property
    def folded(self) -> list[str]:
        """(m) the texts, case folded."""
        return [*map(str.casefold, self.page.texts)]

    @cached_property
    def _spelt(self) -> Spelt:
        return spell(self.folded, cjk=bool(self.char_counts[:, CJK].any()))

    @cached_property
    def flat_words(self) -> list[str]:
        """The words of all blocks in a row."""
        return self._spelt.words()

    @property
    def word_counts(self) -> Longs:
        """(m) words as :attr:`words` has them."""
        return self._spelt.counts

    @cached_property
    def word_ends(self) -> Longs:
        """(m + 1) 0, then where each block's words end in :attr:`flat_words`."""
        ends = np.zeros(len(self.word_counts) + 1, np.int64)
        np.cumsum(self.word_counts, out=ends[1:])
        return ends

    @cached_property
    def _spelling_hashes(self) -> Longs:
        return hashes(self._spelt.spellings)

    def spellings_numbered(self, numbers: WordTable) -> Longs:
        """The number of each different word; :attr:`word_places` says where in the text they stand."""
        return numbers[self._spelling_hashes]

    @property
    def word_places(self) -> Longs:
        """Of each of :attr:`flat_words`, its place among the different words."""
        return self._spelt.places

    def told_apart(self, numbers: Mapping[str, int]) -> Longs:
        """The number of each different word by a dictionary: for the few words that one page asks for. What it does
        not hold gets 0."""
        spellings = self._spelt.spellings
        return np.fromiter(map(numbers.get, spellings, repeat(0)), np.int64, len(spellings))

    def word_sums(self, values: npt.NDArray[np.generic]) -> Floats:
        """(m, k) sums over the words of each block of what each different word counts (spellings, k)."""
        return bag_sums(values.astype(np.float32), self.word_places, self.word_counts)

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
        numbers = self.box_numbers
        return (numbers > 0) & (numbers <= len(HEADINGS))

    @cached_property
    def boxes(self) -> list[str]:
        """(m) tag of each block's element."""
        return [*map(self.page.tags.__getitem__, self.page.elements.tolist())]

    @cached_property
    def box_numbers(self) -> npt.NDArray[np.int8]:
        """(m) the number of each of :attr:`boxes` in ``TAG_NUMBERS``; 0 for the other tags."""
        return np.fromiter(map(TAG_NUMBERS.get, self.boxes, repeat(0)), np.int8, len(self.boxes))

    def in_box(self, tag: str) -> npt.NDArray[np.bool_]:
        """(m) is the block's element such a one? For the tags of ``TAG_NUMBERS``."""
        return np.equal(self.box_numbers, TAG_NUMBERS[tag])

    @cached_property
    def stats(self) -> Floats:
        """(m, 10) what is summed over containers: characters, those in links, words, 1, words of running text, is
        it running text, a ``<p>``, a heading; commas and stops; is it nearly all link.
        """
        chars, sentences = self.chars, self.sentences
        stats = np.empty((len(self.page), 10), np.float32)
        stats[:, 0] = chars
        np.minimum(self.page.link_chars, chars, out=stats[:, 1])
        stats[:, 2] = self.size
        stats[:, 3] = 1
        np.multiply(self.size, sentences, out=stats[:, 4])
        stats[:, 5] = sentences
        stats[:, 6] = self.in_box("p")
        stats[:, 7] = self.headings
        np.add(self.char_counts[:, COMMA], self.char_counts[:, STOP], out=stats[:, 8])
        stats[:, 9] = self.link_density > 0.8
        return stats

    @cached_property
    def stats_total(self) -> Floats:
        """(10) sums of :attr:`stats` over the page."""
        return np.asarray(self.stats.sum(axis=0))

    @cached_property
    def chains(self) -> npt.NDArray[np.int32]:
        """(m, levels) each block's element, its parent, and so on up to the root (0), or for ``MAX_LEVELS``."""
        return self._chains[0]

    @cached_property
    def depths(self) -> Longs:
        """(m) levels between the block and the root."""
        return self._chains[1]

    @cached_property
    def _chains(self) -> tuple[npt.NDArray[np.int32], Longs]:
        parents = self.page.parents
        level = self.page.elements
        if words.rapid is not None:
            chains, depths = words.rapid.chains(parents, level, MAX_LEVELS)
            return chains.T, depths
        levels = [level]
        depths = np.zeros(len(level), np.int64)
        while level.any():
            depths += level > 0
            level = parents[level]
            if len(levels) < MAX_LEVELS:
                levels.append(level)
        levels[-1] = level  # the root, from which all levels above are told
        return np.array(levels).T, depths

    def ancestor(self, level: int) -> npt.NDArray[np.int32]:
        """(m) the ancestor so many levels above each block's element; the root where there is none."""
        return self.chains[:, min(level, self.chains.shape[1] - 1)]

    def sums(self, values: Floats, containers: npt.NDArray[np.signedinteger[Any]]) -> Floats:
        """Sums of ``values`` (m, k) over the blocks of each container: shape of ``containers`` plus (k)."""
        if words.rapid is not None and containers.ndim == 1:
            return np.asarray(words.rapid.sum_ranges(values, self.page.first[containers], self.page.last[containers]))
        prefix = np.zeros((len(values) + 1, values.shape[1]))
        np.cumsum(values, axis=0, out=prefix[1:])
        ends, starts = self.page.last[containers], self.page.first[containers]
        total: Floats = (prefix.take(ends, axis=0) - prefix.take(starts, axis=0)).astype(np.float32)
        return total

    @cached_property
    def held(self) -> npt.NDArray[np.intp]:
        """(held) the elements around blocks, in order: all that is in :attr:`chains`."""
        around = np.zeros(len(self.page.tags), np.bool_)
        around[self.chains] = True
        around[0] = True
        return np.flatnonzero(around)

    @cached_property
    def held_chains(self) -> npt.NDArray[np.int32]:
        """:attr:`chains` as places in :attr:`held`: what is worked out once a container is picked by these."""
        places = np.zeros(len(self.page.tags), np.int32)
        places[self.held] = np.arange(len(self.held), dtype=np.int32)
        return places[self.chains]

    def levels(self, levels: Sequence[int]) -> npt.NDArray[np.int32]:
        """(m, levels) the ancestors at these levels as places in :attr:`held`."""
        top = self.chains.shape[1] - 1
        return self.held_chains[:, [min(level, top) for level in levels]]

    @property
    def look_index(self) -> dict[tuple[str, str], int]:
        """A number for each pair of tag and names, in order of appearance; 0 for elements without text."""
        return self._numbered_looks[0]

    @property
    def looks(self) -> Longs:
        """(n) number of each element's pair of tag and names: elements that look alike share it."""
        return self._numbered_looks[1]

    @cached_property
    def _numbered_looks(self) -> tuple[dict[tuple[str, str], int], Longs]:
        tags, names, some = self.page.tags, self.page.names, self._has_text
        if words.rapid is not None:
            index, looks = words.rapid.number_looks(tags, names, some)
            return index, looks
        held = some.tolist()
        pairs = [*zip(compress(tags, held), compress(names, held), strict=True)]
        seen = dict.fromkeys(pairs)
        seen.pop(("", ""), None)
        index = {pair: number for number, pair in enumerate(seen, 1)}
        looks = np.zeros(len(tags), np.int64)
        looks[some] = np.fromiter(map(index.get, pairs, repeat(0)), np.int64, len(pairs))
        return index, looks

    @cached_property
    def _has_text(self) -> npt.NDArray[np.bool_]:
        """(n) does the element hold a block, or begin one?"""
        some = self.page.last > self.page.first
        some[self.page.leaves] = True
        return some

    @cached_property
    def _spelt_looks(self) -> Spelt:
        return spell_looks([("", ""), *self.look_index])

    @cached_property
    def look_words(self) -> list[list[str]]:
        """The words of each look, by number: its tag as ``<tag>``, then those of its names."""
        return self._spelt_looks.by_text()

    @property
    def look_counts(self) -> Longs:
        """(looks) words of each look."""
        return self._spelt_looks.counts

    @cached_property
    def look_starts(self) -> Longs:
        """(looks) where the words of each look begin among those of all."""
        return np.asarray(self.look_counts.cumsum() - self.look_counts)

    def looks_with(self, numbers: WordTable) -> Longs:
        """(found) the look of each word that the table has: a look of several such words comes more than once."""
        words = self.looks_numbered(numbers).nonzero()[0]
        return np.asarray(self.look_starts.searchsorted(words, "right") - 1)

    @cached_property
    def _look_hashes(self) -> Longs:
        return hashes(self._spelt_looks.spellings)

    def looks_numbered(self, numbers: WordTable) -> Longs:
        """The number of each word of :attr:`look_words` in a row."""
        found: Longs = numbers[self._look_hashes].take(self._spelt_looks.places)
        return found

    @cached_property
    def links(self) -> Links:
        """Where the page's links lead."""
        return links_of(self.page)

    @cached_property
    def _link_hashes(self) -> Longs:
        return hashes(self.links.words.spellings)

    def links_numbered(self, numbers: WordTable) -> Longs:
        """The number of each word of the links' addresses in a row."""
        found: Longs = numbers[self._link_hashes].take(self.links.words.places)
        return found

    def inside(self, elements: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """(m) does the block lie in any of the elements?"""
        edges = np.zeros(len(self.page) + 1, np.int64)
        np.add.at(edges, self.page.first[elements], 1)
        np.add.at(edges, self.page.last[elements], -1)
        return np.asarray(np.cumsum(edges)[:-1] > 0)

    @cached_property
    def items(self) -> list[Item]:
        """The page's JSON-LD."""
        return jsonld.read(self.page.facts.json_ld)

    @cached_property
    def twins(self) -> Longs:
        """(n) siblings that look alike, the element itself included; those without text count as one look."""
        parents, looks = self.page.parents, self.looks
        key = parents.astype(np.int64) * (looks.max() + 1) + looks
        dressed = np.flatnonzero(looks)  # the others need no sorting: by their parents, they are counted
        twins = np.bincount(parents[looks == 0], minlength=len(looks))[parents]
        twins[dressed] = _group_sizes(key[dressed])
        return twins

    @cached_property
    def signatures(self) -> Longs:
        """(m) a number for each path of looks over six levels: blocks of one template share it."""
        key = np.zeros(len(self.page), np.int64)
        for level in range(6):
            key = key * 1_000_003 + self.looks[self.ancestor(level)]
        return _groups(key)[0]

    @cached_property
    def signature_sizes(self) -> Longs:
        """How many blocks bear each of :attr:`signatures`."""
        return np.bincount(self.signatures)

    def signature_sums(self, values: Floats) -> npt.NDArray[np.float64]:
        """(signatures, k) sums of ``values`` (m, k) over the blocks that share a signature."""
        width = values.shape[1]
        places = self.signatures[:, None] * width + np.arange(width)
        sums: npt.NDArray[Any] = np.bincount(places.ravel(), values.ravel(), len(self.signature_sizes) * width)
        return sums.reshape(-1, width)

    @cached_property
    def repeats(self) -> tuple[Floats, Floats]:
        """(m) how often the block's text stands on the page, and how often before it."""
        keys = self.folded
        before = np.zeros(len(keys), np.float32)
        counts = Counter(keys)
        if len(counts) < len(keys):
            seen = dict.fromkeys(counts, 0)
            for index, key in enumerate(keys):
                before[index] = seen[key]
                seen[key] += 1
        return np.fromiter(map(counts.__getitem__, keys), np.float32, len(keys)), before


def _groups(keys: Longs) -> tuple[Longs, Longs]:
    """A number for each key, equal ones sharing it, and the size of each group. Less than ``np.unique`` costs."""
    order = keys.argsort(kind="stable")
    ordered = keys[order]
    new = np.zeros(len(keys), np.int64)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:], casting="unsafe")
    group = np.empty(len(keys), np.int64)
    group[order] = new.cumsum()
    return group, np.bincount(group)


def _group_sizes(keys: Longs) -> Longs:
    """(keys) how many keys equal each."""
    group, sizes = _groups(keys)
    return sizes[group]
