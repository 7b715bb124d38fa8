"""A page's features into probabilities.

Two stages. The *lexical* stage scores each block by linear models over its words and word pairs, over the tags and
class names around it, and over the words of the addresses that it links to. Its scores stand beside the features as
the input of one small network (:mod:`classifier.network`) that gives the logits of the four labels and of ``main``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import numpy as np

from classifier import features, words
from classifier.access import Coefficients
from classifier.blocks import cut
from classifier.columns import Columns
from classifier.labels import LABELS
from classifier.layout import Floats, Layout, Longs
from classifier.network import Network, surroundings
from classifier.words import WordTable, bag_sums

FORMAT: Final = 3
"""Raise when the arrays or the contract change shape; keep a reader for what has shipped."""

SCORES: Final = tuple(f"{source}_{target}" for source in ("words", "names", "links") for target in (*LABELS, "main"))
"""Columns of the lexical stage."""

PAIR_BITS: Final = 16
"""Word pairs are hashed into so many bits."""

NAME_LEVELS: Final = ((0, 1), (1, 3), (3, 6), (6, 40))
"""Ancestor levels whose names share one table of weights."""


@dataclass(frozen=True, eq=False)
class Lexical:
    """Linear scores of blocks by their words, by the tags and names around them, and by where they link to."""

    words: tuple[str, ...]
    word_weights: Floats
    """(1 + words + 2 ** PAIR_BITS, 5): row 0 is for unknown words, pairs come last."""
    names: tuple[str, ...]
    name_weights: Floats
    """(len(NAME_LEVELS), 1 + names, 5)"""
    links: tuple[str, ...]
    link_weights: Floats
    """(1 + links, 5)"""

    @cached_property
    def word_index(self) -> dict[str, int]:
        """Row of each word in ``word_weights``."""
        return {word: index for index, word in enumerate(self.words, 1)}

    @cached_property
    def name_index(self) -> dict[str, int]:
        """Row of each name in ``name_weights``."""
        return {name: index for index, name in enumerate(self.names, 1)}

    @cached_property
    def link_index(self) -> dict[str, int]:
        """Row of each word of an address in ``link_weights``."""
        return {word: index for index, word in enumerate(self.links, 1)}

    @cached_property
    def _word_table(self) -> WordTable:
        return WordTable(self.word_index)

    @cached_property
    def _name_table(self) -> WordTable:
        return WordTable(self.name_index)

    @cached_property
    def _link_table(self) -> WordTable:
        return WordTable(self.link_index)

    def scores(self, x: Layout) -> Floats:
        """(m, len(SCORES))"""
        return np.concatenate([self._word_scores(x), self._name_scores(x), self._link_scores(x)], axis=1)

    def _word_scores(self, x: Layout) -> Floats:
        # The table of weights is larger than the cache: each different word is fetched from it once.
        known = x.spellings_numbered(self._word_table)
        summed = bag_sums(self.word_weights.take(known, axis=0), x.word_places, x.word_counts)
        pairs = pair_ids(known.take(x.word_places), x.word_counts)
        summed += bag_sums(self.word_weights[len(self.words) + 1 :], pairs, np.maximum(x.word_counts - 1, 0))
        return np.asarray(summed / np.sqrt(np.maximum(x.word_counts, 1))[:, None], np.float32)

    @cached_property
    def _wide_names(self) -> Floats:
        """(1 + names, levels * 5) the weights of a name side by side"""
        return np.ascontiguousarray(self.name_weights.swapaxes(0, 1)).reshape(self.name_weights.shape[1], -1)

    def _name_scores(self, x: Layout) -> Floats:
        of_look = bag_sums(self._wide_names, x.looks_numbered(self._name_table), x.look_counts)
        return look_sums(of_look, x)

    def _link_scores(self, x: Layout) -> Floats:
        counts = x.links.words.counts
        summed = bag_sums(self.link_weights, x.links_numbered(self._link_table), counts)
        return x.links.means(summed / np.sqrt(np.maximum(counts, 1)).astype(np.float32)[:, None], len(x.page))


def pair_ids(ids: Longs, counts: Longs) -> Longs:
    """Hashes of neighbouring words inside each bag: (sum of counts - 1), each below 2 ** PAIR_BITS."""
    if words.rapid is not None:
        return np.asarray(words.rapid.pair_ids(ids, counts, PAIR_BITS))
    mixed = (ids[:-1] * 92_821 + ids[1:] * 68_917) & ((1 << PAIR_BITS) - 1)
    keep = np.ones(len(mixed), np.bool_)
    ends = np.cumsum(counts)[:-1] - 1
    keep[ends[(ends >= 0) & (ends < len(keep))]] = False
    return mixed[keep]


def look_sums(of_look: Floats, x: Layout) -> Floats:
    """(m, k) sums over the elements around each block, by the scores of their looks (looks, levels * k)."""
    bands = np.repeat(np.arange(len(NAME_LEVELS)), [high - low for low, high in NAME_LEVELS])
    width = of_look.shape[1] // len(NAME_LEVELS)
    if words.rapid is not None:
        return np.asarray(words.rapid.sum_looks(of_look, x.looks, x.chains.T, x.page.leaves, bands, width))
    levels = x.looks[x.chains.T[: len(bands)]]  # one row a level: sums run over whole rows
    leaves = x.looks[x.page.leaves][None]
    near = np.concatenate([levels * len(NAME_LEVELS) + bands[: len(levels), None], leaves * len(NAME_LEVELS)])
    return np.asarray(of_look.reshape(-1, width).take(near, axis=0).sum(axis=0))


# -- the whole model --------------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Contract:
    """What a model says of itself; kept as JSON beside its arrays, and checked before use."""

    feature_version: int
    feature_names: tuple[str, ...]
    labels: tuple[str, ...]
    thresholds: Mapping[str, float]
    access: Mapping[str, Any] | None
    """Coefficients of the access verdict, as :mod:`classifier.access` reads them; None for the hand-set prior."""
    data: Mapping[str, Any]
    """Corpora and their digests that the model was fitted on."""
    scores: Mapping[str, Any]
    """Cross-validated figures at the time of training."""
    name: str = "unnamed"
    licence: str = "MIT"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns the network's logits into probabilities that hold."""

    label_slope: float = 1.0
    main_slope: float = 1.0
    main_offset: float = 0.0

    def label_probabilities(self, logits: Floats) -> Floats:
        """(m, 4) from raw logits (m, 4)."""
        return softmax(logits * np.float32(self.label_slope))

    def main_probabilities(self, logits: Floats) -> Floats:
        """(m) from raw logits (m)."""
        return sigmoid(logits * np.float32(self.main_slope) + np.float32(self.main_offset))


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that turns a page's layout into probabilities."""

    contract: Contract
    lexical: Lexical
    network: Network
    """From the features and the lexical scores to a logit for each label, then for main text."""
    calibration: Calibration

    @cached_property
    def access(self) -> Coefficients | None:
        """Coefficients of the access verdict; None for the hand-set prior."""
        return None if self.contract.access is None else Coefficients.from_dict(self.contract.access)

    def predict(self, x: Layout) -> tuple[Floats, Floats]:
        """Label probabilities (m, 4), in the order of ``LABELS``, and that of belonging to the main text (m)."""
        if not len(x.page):
            return np.zeros((0, len(LABELS)), np.float32), np.zeros(0, np.float32)
        logits = self.network.logits(self._inputs(x), surroundings(x))
        found = self.calibration
        return found.label_probabilities(logits[:, :-1]), found.main_probabilities(logits[:, -1])

    def _inputs(self, x: Layout) -> Iterator[Columns]:
        yield from features.tables(x)
        yield Columns(SCORES, self.lexical.scores(x))


@cache
def input_names() -> tuple[str, ...]:
    """Names of the network's inputs."""
    return (*features.featurise(Layout(cut("<p>a"))).names, *SCORES)


def softmax(logits: Floats) -> Floats:
    """(m, k) shares from logits (m, k)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> Floats:
    """Probabilities from logits, of any shape."""
    shares: Floats = np.float32(1) / (np.float32(1) + np.exp(-np.clip(logits, -40, 40)))
    return shares
