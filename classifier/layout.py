"""A page's structure and text statistics as arrays, computed once and read by every feature group.

Subtrees are ranges of blocks, so that a sum over any container is the difference of two prefix sums.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, count, repeat
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier import jsonld, words
from classifier.chars import CJK, COMMA, STOP, Chars, count_chars
from classifier.jsonld import Item
from classifier.links import Links, links_of
from classifier.page import Ints, Page
from classifier.words import Spelt, WordTable, bag_sums, hashes, spell, spell_looks

measure: ModuleType | None
try:
    from classifier import measure
except ImportError:  # installed without a compiler
    measure = None

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CJK_WORD: Final = 0.6
"""Words that one character of Chinese, Japanese or Korean counts for."""

HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))

TAG_NUMBERS: Final = {tag: number for number, tag in enumerate((*sorted(HEADINGS), "p", "li"), 1)}
"""Numbers of the box tags that are asked for by name; the headings come first."""

MAX_LEVELS: Final = 64
"""Containers around a block that are looked at, the innermost; 56 were the most among 4,362 pages."""

SENTENCE_WORDS: Final = 10
SENTENCE_LINKS: Final = 0.35
"""From so many words on a block with a full stop, and with a smaller share of links, counts as running text."""

NEARLY_ALL: Final = 0.8
"""From here on a block's share of links counts it as linked."""


class Basics(NamedTuple):
    """What is counted in each of ``m`` blocks."""

    chars: Floats
    """(m) characters"""
    char_counts: Floats
    """(m, classes) characters of each class"""
    size: Floats
    """(m) length in words of a spaced script: CJK characters count less than a word"""
    link_density: Floats
    """(m) share of the characters that stand in links"""
    sentences: Flags
    """(m) is the block running text?"""
    headings: Flags
    """(m) is the block a heading?"""
    stats: Floats
    """(m, 10) what is summed over containers: characters, those in links, words, 1, words of running text, is it
    running text, a ``<p>``, a heading; commas and stops; is it nearly all link"""
    upto: Doubles
    """(m + 1, 10) sums of ``stats`` over the blocks before"""


def count_basics(counts: Longs, word_counts: Longs, link_chars: Ints, boxes: Longs) -> Basics:
    """From the characters of each class (m, classes), the words, the linked characters and the numbers of the box tags,
    (m) each."""
    if measure is not None:
        bounds = (1 - CJK_WORD, SENTENCE_WORDS, SENTENCE_LINKS, NEARLY_ALL, len(HEADINGS), TAG_NUMBERS["p"])
        return Basics(*measure.basics(counts, word_counts, link_chars, boxes, *bounds))
    chars = np.asarray(counts.sum(axis=1), np.float32)
    char_counts = counts.astype(np.float32)
    size = (word_counts - char_counts[:, CJK] * (1 - CJK_WORD)).astype(np.float32)
    link_density = np.minimum(link_chars / np.maximum(chars, 1), 1).astype(np.float32)
    sentences = (size >= SENTENCE_WORDS) & (char_counts[:, STOP] > 0) & (link_density < SENTENCE_LINKS)
    headings = (boxes > 0) & (boxes <= len(HEADINGS))
    stats = np.empty((len(chars), 10), np.float32)
    stats[:, 0] = chars
    np.minimum(link_chars, chars, out=stats[:, 1])
    stats[:, 2] = size
    stats[:, 3] = 1
    np.multiply(size, sentences, out=stats[:, 4])
    stats[:, 5] = sentences
    stats[:, 6] = boxes == TAG_NUMBERS["p"]
    stats[:, 7] = headings
    np.add(char_counts[:, COMMA], char_counts[:, STOP], out=stats[:, 8])
    stats[:, 9] = link_density > NEARLY_ALL
    return Basics(chars, char_counts, size, link_density, sentences, headings, stats, running_sums(stats))


def running_sums(values: Floats) -> Doubles:
    """(m + 1, k) sums of the rows of ``values`` (m, k) before each, and of all."""
    if measure is not None:
        return np.asarray(measure.running_sums(values))
    upto = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=upto[1:])
    return upto


def tag_numbers(page: Page, elements: Ints, numbers: dict[str, int]) -> Longs:
    """The number of each element's tag; -1 where it has none."""
    if measure is not None:
        return np.asarray(measure.tag_numbers(page.tags, elements, numbers))
    tags = map(page.tags.__getitem__, elements.tolist())
    return np.fromiter(map(numbers.get, tags, repeat(-1)), np.int64, len(elements))


@dataclass(eq=False)
class Layout:
    """One page's arrays; ``m`` blocks, ``n`` elements."""

    page: Page

    @cached_property
    def told(self) -> Chars:
        """What characters the texts hold."""
        return count_chars(self.page.texts)

    @cached_property
    def basics(self) -> Basics:
        """What is counted in each block."""
        return count_basics(self.told.counts, self.word_counts, self.page.link_chars, self.box_numbers)

    @property
    def char_counts(self) -> Floats:
        """(m, classes) characters of each class."""
        return self.basics.char_counts

    @property
    def chars(self) -> Floats:
        """(m) characters."""
        return self.basics.chars

    @property
    def size(self) -> Floats:
        """(m) length in words of a spaced script."""
        return self.basics.size

    @property
    def link_density(self) -> Floats:
        """(m) share of the characters that stand in links."""
        return self.basics.link_density

    @property
    def sentences(self) -> Flags:
        """(m) is the block running text?"""
        return self.basics.sentences

    @property
    def headings(self) -> Flags:
        """(m) is the block a heading?"""
        return self.basics.headings

    @property
    def stats(self) -> Floats:
        """(m, 10) what is summed over containers."""
        return self.basics.stats

    @property
    def stats_total(self) -> Floats:
        """(10) sums of :attr:`stats` over the page."""
        return np.asarray(self.basics.upto[-1], np.float32)

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
        return spell(self.folded, cjk=bool(self.told.counts[:, CJK].any()))

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

    def told_apart(self, numbers: dict[str, int]) -> Longs:
        """The number of each different word by a dictionary: for the few words that one page asks for. What it does
        not hold gets 0."""
        spellings = self._spelt.spellings
        if words.rapid is not None:
            return np.asarray(words.rapid.told_apart(spellings, numbers))
        return np.fromiter(map(numbers.get, spellings, repeat(0)), np.int64, len(spellings))

    def word_sums(self, values: npt.NDArray[np.generic]) -> Floats:
        """(m, k) sums over the words of each block of what each different word counts (spellings, k)."""
        return bag_sums(values.astype(np.float32), self.word_places, self.word_counts)

    @cached_property
    def box_numbers(self) -> Longs:
        """(m) the number of the tag of each block's element in ``TAG_NUMBERS``; -1 for the other tags."""
        return tag_numbers(self.page, self.page.elements, TAG_NUMBERS)

    def in_box(self, tag: str) -> Flags:
        """(m) is the block's element such a one? For the tags of ``TAG_NUMBERS``."""
        return np.equal(self.box_numbers, TAG_NUMBERS[tag])

    @cached_property
    def chains(self) -> npt.NDArray[np.int32]:
        """(m, levels) each block's element, its parent, and so on up to the root (0), or for ``MAX_LEVELS``."""
        return self._chains[0]

    @cached_property
    def depths(self) -> Longs:
        """(m) levels between the block and the root."""
        return self._chains[1]

    @cached_property
    def _chains(self) -> tuple[npt.NDArray[np.int32], Longs, Flags]:
        """Chains, depths, and (n) does the element stand in a chain?"""
        parents = self.page.parents
        level = self.page.elements
        if measure is not None:
            chains, depths, around = measure.chains(parents, level, MAX_LEVELS)
            return chains.T, depths, around
        levels = [level]
        depths = np.zeros(len(level), np.int64)
        while level.any():
            depths += level > 0
            level = parents[level]
            if len(levels) < MAX_LEVELS:
                levels.append(level)
        levels[-1] = level  # the root, from which all levels above are told
        around = np.zeros(len(parents), np.bool_)
        around[np.array(levels)] = True
        around[0] = True
        return np.array(levels).T, depths, around

    def ancestor(self, level: int) -> npt.NDArray[np.int32]:
        """(m) the ancestor so many levels above each block's element; the root where there is none."""
        return self.chains[:, min(level, self.chains.shape[1] - 1)]

    def sums(self, values: Floats, containers: npt.NDArray[np.signedinteger[Any]]) -> Floats:
        """Sums of ``values`` (m, k) over the blocks of each container: shape of ``containers`` plus (k)."""
        upto = running_sums(values)
        ends, starts = self.page.last[containers], self.page.first[containers]
        total: Floats = (upto.take(ends, axis=0) - upto.take(starts, axis=0)).astype(np.float32)
        return total

    @property
    def around(self) -> Flags:
        """(n) does the element stand in any of :attr:`chains`?"""
        return self._chains[2]

    @cached_property
    def held(self) -> npt.NDArray[np.intp]:
        """(held) the elements around blocks, in order: all that is in :attr:`chains`."""
        return np.flatnonzero(self.around)

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
        if measure is not None:
            index, looks = measure.number_looks(tags, names, some)
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
        if measure is not None:
            return np.asarray(measure.twins(parents, looks))
        key = parents.astype(np.int64) * (looks.max() + 1) + looks
        dressed = np.flatnonzero(looks)  # the others need no sorting: by their parents, they are counted
        twins = np.bincount(parents[looks == 0], minlength=len(looks))[parents]
        twins[dressed] = _group_sizes(key[dressed])
        return twins

    @cached_property
    def signatures(self) -> Longs:
        """(m) a number for each path of looks over six levels, in order of appearance: blocks of one template share
        it."""
        if measure is not None:
            return np.asarray(measure.signatures(self.looks, self.chains.T))
        key = np.zeros(len(self.page), np.int64)
        for level in range(6):
            key = key * 1_000_003 + self.looks[self.ancestor(level)]
        keys = key.tolist()
        numbers = dict(zip(dict.fromkeys(keys), count()))
        return np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))

    def signature_sums(self, values: Floats) -> Doubles:
        """(signatures, k) sums of ``values`` (m, k) over the blocks that share a signature."""
        width = values.shape[1]
        places = self.signatures[:, None] * width + np.arange(width)
        sums: npt.NDArray[Any] = np.bincount(places.ravel(), values.ravel())
        return sums.reshape(-1, width)

    @cached_property
    def repeats(self) -> tuple[Floats, Floats]:
        """(m) how often the block's text stands on the page, and how often before it."""
        keys = self.folded
        if measure is not None:
            times, earlier = measure.repeats(keys)
            return times, earlier
        before = np.zeros(len(keys), np.float32)
        counts = Counter(keys)
        if len(counts) < len(keys):
            seen = dict.fromkeys(counts, 0)
            for index, key in enumerate(keys):
                before[index] = seen[key]
                seen[key] += 1
        return np.fromiter(map(counts.__getitem__, keys), np.float32, len(keys)), before


def _group_sizes(keys: Longs) -> Longs:
    """(keys) how many keys equal each. Less than ``np.unique`` costs."""
    order = keys.argsort(kind="stable")
    ordered = keys[order]
    new = np.zeros(len(keys), np.int64)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:], casting="unsafe")
    group = np.empty(len(keys), np.int64)
    group[order] = new.cumsum()
    sizes: Longs = np.bincount(group)[group]
    return sizes
