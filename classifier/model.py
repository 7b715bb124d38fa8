"""A page's features into probabilities.

Two stages. The *lexical* stage scores each block by a linear model over its words and word pairs, and by another over
the tags and class names around it. Its scores, carried to containers and neighbours (``features.spread``), stand
beside the features as the input of two small perceptrons: one for the four labels, one for ``main``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import numpy as np

from classifier import features
from classifier.access import Coefficients
from classifier.blocks import cut
from classifier.labels import LABELS
from classifier.layout import Floats, Layout, Longs
from classifier.words import WordTable

FORMAT: Final = 1
"""Raise when the arrays or the contract change shape; keep a reader for what has shipped."""

SCORES: Final = tuple(f"{source}_{target}" for source in ("words", "names") for target in (*LABELS, "main"))
"""Columns of the lexical stage."""

PAIR_BITS: Final = 15
"""Word pairs are hashed into so many bits."""

NAME_LEVELS: Final = ((0, 1), (1, 3), (3, 6), (6, 40))
"""Ancestor levels whose names share one table of weights."""


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Layers of weights; hidden layers are rectified, the last gives logits."""

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def logits(self, values: Floats) -> Floats:
        """(m, outputs) from standardised features (m, k)."""
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ weights + biases, 0)
        return values @ self.weights[-1] + self.biases[-1]


@dataclass(frozen=True, eq=False)
class Lexical:
    """Linear scores of blocks by their words, and by the tags and names around them."""

    words: tuple[str, ...]
    word_weights: Floats
    """(1 + words + 2 ** PAIR_BITS, 5): row 0 is for unknown words, pairs come last."""
    names: tuple[str, ...]
    name_weights: Floats
    """(len(NAME_LEVELS), 1 + names, 5)"""

    @cached_property
    def word_index(self) -> dict[str, int]:
        """Row of each word in ``word_weights``."""
        return {word: index for index, word in enumerate(self.words, 1)}

    @cached_property
    def name_index(self) -> dict[str, int]:
        """Row of each name in ``name_weights``."""
        return {name: index for index, name in enumerate(self.names, 1)}

    @cached_property
    def _word_table(self) -> WordTable:
        return WordTable(self.word_index)

    @cached_property
    def _name_table(self) -> WordTable:
        return WordTable(self.name_index)

    def scores(self, x: Layout) -> Floats:
        """(m, len(SCORES))"""
        return np.concatenate([self._word_scores(x), self._name_scores(x)], axis=1)

    def _word_scores(self, x: Layout) -> Floats:
        known = x.numbered(self._word_table)
        pairs = pair_ids(known, x.word_counts) + len(self.words) + 1
        summed = bag_sums(self.word_weights, known, x.word_counts)
        summed += bag_sums(self.word_weights, pairs, np.maximum(x.word_counts - 1, 0))
        return np.asarray(summed / np.sqrt(np.maximum(x.word_counts, 1))[:, None], np.float32)

    def _name_scores(self, x: Layout) -> Floats:
        ids = x.looks_numbered(self._name_table)
        of_look = np.add.reduceat(self.name_weights.take(ids, axis=1), x.look_starts, axis=1)
        # One row a level: sums run over whole rows. Each band of levels has its own copy of the looks.
        levels = x.looks[x.chains.T[: NAME_LEVELS[-1][1]]]
        bands = np.repeat(np.arange(len(NAME_LEVELS)), [high - low for low, high in NAME_LEVELS])
        levels += bands[: len(levels), None] * len(x.look_starts)
        near = np.concatenate([levels, x.looks[x.page.leaves][None]])
        return np.asarray(of_look.reshape(-1, of_look.shape[2]).take(near, axis=0).sum(axis=0))


def pair_ids(ids: Longs, counts: Longs) -> Longs:
    """Hashes of neighbouring words inside each bag: (sum of counts - 1), each below 2 ** PAIR_BITS."""
    mixed = (ids[:-1] * 92_821 + ids[1:] * 68_917) & ((1 << PAIR_BITS) - 1)
    keep = np.ones(len(mixed), np.bool_)
    ends = np.cumsum(counts)[:-1] - 1
    keep[ends[(ends >= 0) & (ends < len(keep))]] = False
    return mixed[keep]


def bag_sums(weights: Floats, ids: Longs, counts: Longs) -> Floats:
    """(bags, k) sums of the rows of ``weights`` that each bag's ids name; bags lie one behind the other."""
    total = np.zeros((len(counts), weights.shape[1]), np.float32)
    filled = np.flatnonzero(counts)
    if len(filled):
        starts = (np.cumsum(counts) - counts)[filled]
        total[filled] = np.add.reduceat(weights.take(ids, axis=0), starts, axis=0)
    return total


# -- the whole model --------------------------------------------------------------------------------------------

CLIP: Final = 6.0
"""Standardised features are clipped here: one odd page must not leave the range that training saw."""


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


@dataclass(frozen=True, eq=False)
class Head:
    """A perceptron with the standardisation of its inputs and the calibration of its logits."""

    mean: Floats
    scale: Floats
    perceptron: Perceptron
    slope: float = 1.0
    offset: float = 0.0

    def logits(self, values: Floats) -> Floats:
        """(m, outputs) calibrated logits from raw inputs (m, k)."""
        return self.calibrated(self.raw_logits(values))

    def raw_logits(self, values: Floats) -> Floats:
        """(m, outputs) logits as fitted, from raw inputs (m, k)."""
        return self.perceptron.logits(np.clip((values - self.mean) / self.scale, -CLIP, CLIP))

    def calibrated(self, logits: Floats) -> Floats:
        """Raw logits of any shape as calibrated ones."""
        return logits * np.float32(self.slope) + np.float32(self.offset)


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that turns a page's layout into probabilities."""

    contract: Contract
    lexical: Lexical
    main_head: Head
    """From the features and the spread lexical scores."""
    label_head: Head
    """From the same, and the main head's logit in its context."""

    @cached_property
    def access(self) -> Coefficients | None:
        """Coefficients of the access verdict; None for the hand-set prior."""
        return None if self.contract.access is None else Coefficients.from_dict(self.contract.access)

    def predict(self, x: Layout) -> tuple[Floats, Floats]:
        """Label probabilities (m, 4), in the order of ``LABELS``, and that of belonging to the main text (m)."""
        if not len(x.page):
            return np.zeros((0, len(LABELS)), np.float32), np.zeros(0, np.float32)
        table = features.featurise(x).values
        context = features.spread(x, self.lexical.scores(x), SCORES).values
        values = np.concatenate([table, context], axis=1)
        raw = self.main_head.raw_logits(values)[:, 0]
        around = main_context(x, raw).values  # raw, as the label head saw it in training
        labels = self.label_head.logits(np.concatenate([values, around], axis=1))
        return softmax(labels), sigmoid(self.main_head.calibrated(raw))


def main_context(x: Layout, logits: Floats) -> features.Columns:
    """The main head's logit (m) carried to what surrounds each block."""
    return features.spread(x, np.clip(logits, -8, 8)[:, None], ("main_head",))


@cache
def input_names() -> tuple[str, ...]:
    """Names of the label head's inputs; the main head takes all but the last ones, those of its own context."""
    x = Layout(cut("<p>a"))
    scores = np.zeros((1, len(SCORES)), np.float32)
    parts = features.featurise(x), features.spread(x, scores, SCORES), main_context(x, scores[:, 0])
    return tuple(name for part in parts for name in part.names)


def main_inputs() -> int:
    """How many of the inputs the main head takes."""
    return sum(not name.endswith("_main_head") for name in input_names())


def softmax(logits: Floats) -> Floats:
    """(m, k) shares from logits (m, k)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> Floats:
    """Probabilities from logits, of any shape."""
    shares: Floats = np.float32(1) / (np.float32(1) + np.exp(-np.clip(logits, -40, 40)))
    return shares
