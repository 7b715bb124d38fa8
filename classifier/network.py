"""Inputs of a page's blocks into logits: a small network in which every block sees the blocks around it.

Each block's inputs become a vector of some dozens of numbers. In a few rounds every block sends a shorter one, its
message, and every vector is changed by the means of the messages around it: those from the containers that hold the
block, from its template, its neighbours, the heading above and the page. What surrounds a block is fixed by the page's
structure (:func:`surroundings`), what to make of it is learned. This is message passing on the page's graph (Gilmer et
al. 2017, arXiv:1704.01212); the normalisation is that of Ba et al. (2016, arXiv:1607.06450) without scale and offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from classifier import words
from classifier.layout import Floats, Layout, Longs

LEVELS: Final = (0, 1, 2, 3, 5)
"""Containers around the block whose means it sees: so many levels above its element."""

REACHES: Final = (2, 6)
"""Neighbours on both sides whose means it sees."""

RANGES: Final = len(LEVELS) + 1 + len(REACHES)
VIEWS: Final = RANGES + 3
"""Messages that a block hears in a round: the ranges', its template's, its heading's, that of the block before."""

CLIP: Final = 6.0
"""Standardised inputs are clipped here: one odd page must not leave the range that training saw."""

_TINY: Final = np.float32(1e-5)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where each of ``m`` blocks looks."""

    starts: Longs
    """(m, RANGES) first block of each range"""
    ends: Longs
    """(m, RANGES) one behind the last"""
    templates: Longs
    """(m) number of the block's template, from 0"""
    headings: Longs
    """(m) the nearest heading at or above the block; -1 where there is none"""
    before: Longs
    """(m) the block before; the first has itself"""

    @cached_property
    def distinct(self) -> tuple[Longs, Longs, Longs]:
        """Starts and ends of the ranges that differ, and (m, RANGES) which of them each block sees."""
        keys, inverse = np.unique(self.starts * (len(self.before) + 1) + self.ends, return_inverse=True)
        return keys // (len(self.before) + 1), keys % (len(self.before) + 1), inverse.reshape(-1, RANGES)

    @cached_property
    def by_template(self) -> tuple[Longs, Longs]:
        """(m) the blocks in the order of their templates, and (templates + 1) where each of these begins there."""
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.templates))])
        return np.argsort(self.templates, kind="stable"), starts


def surroundings(x: Layout) -> Surroundings:
    """What the blocks of one page see."""
    m = len(x.page)
    order = np.arange(m)
    around = np.stack([x.ancestor(level) for level in LEVELS], axis=1)
    starts = np.empty((m, RANGES), np.int64)
    ends = np.empty((m, RANGES), np.int64)
    starts[:, : len(LEVELS)], ends[:, : len(LEVELS)] = x.page.first[around], x.page.last[around]
    starts[:, len(LEVELS)], ends[:, len(LEVELS)] = 0, m
    for column, reach in enumerate(REACHES, len(LEVELS) + 1):
        starts[:, column], ends[:, column] = np.maximum(order - reach, 0), np.minimum(order + reach + 1, m)
    above = np.maximum.accumulate(np.where(x.headings, order, -1))
    return Surroundings(starts, np.maximum(ends, starts + 1), x.signatures, above, np.maximum(order - 1, 0))


@dataclass(frozen=True, eq=False)
class Network:
    """Weights of ``s`` networks that are run side by side and whose logits are averaged; ``d`` numbers a block, ``e`` a
    message."""

    mean: Floats
    """(k) of the inputs"""
    scale: Floats
    """(k)"""
    entry: Floats
    """(k + 1, s, d) inputs to vectors; the last row of each of these is added"""
    messages: Floats
    """(rounds, s, d, e)"""
    rounds: Floats
    """(rounds, s, d + VIEWS * e + 1, d) from a block's own vector and the messages that it hears"""
    exit: Floats
    """(s, d + 1, d)"""
    outputs: Floats
    """(s, d + 1, outputs)"""

    def logits(self, inputs: Floats | Sequence[Floats], near: Surroundings) -> Floats:
        """(m, outputs) from raw inputs (m, k), whole or in parts, of one page, or of several with what each sees."""
        values = standardised([inputs] if isinstance(inputs, np.ndarray) else inputs, self.mean, self.scale)
        flat = values @ self.entry[:-1].reshape(len(self.mean), -1)
        flat += self.entry[-1].reshape(-1)
        vectors = np.maximum(flat, 0, out=flat).reshape(-1, *self.entry.shape[1:])
        for message, weights in zip(self.messages, self.rounds, strict=True):
            own = normalised(vectors)
            heard = seen(product(own, message), near)
            vectors = vectors + np.maximum(affine(np.concatenate([own, heard], axis=2), weights), 0)
        told = affine(np.maximum(affine(vectors, self.exit), 0), self.outputs)
        return np.asarray(told.mean(axis=1), np.float32)


def standardised(parts: Sequence[Floats], mean: Floats, scale: Floats) -> Floats:
    """(m, k) inputs as the network takes them; ``parts`` are (m, some of k), in order."""
    factors = 1 / scale
    if words.rapid is not None:
        return np.asarray(words.rapid.standardise(parts, mean, factors, CLIP))
    values = np.empty((len(parts[0]), len(mean)), np.float32)
    start = 0
    for part in parts:
        end = start + part.shape[1]
        np.subtract(part, mean[start:end], out=values[:, start:end])
        start = end
    values *= factors
    return np.clip(values, -CLIP, CLIP, out=values)


def product(values: Floats, weights: Floats) -> Floats:
    """(m, s, out) from values (m, s, in), by the weights (s, in, out) of each network."""
    out = np.empty((len(values), len(weights), weights.shape[2]), np.float32)
    for i, part in enumerate(weights):
        np.matmul(values[:, i], part, out=out[:, i])
    return out


def affine(values: Floats, weights: Floats) -> Floats:
    """The same with the last row of the weights (s, in + 1, out) added."""
    out = product(values, weights[:, :-1])
    out += weights[:, -1]
    return out


def normalised(vectors: Floats) -> Floats:
    """(m, s, d) vectors of mean 0 and variance 1."""
    centred: Floats = vectors - vectors.mean(axis=-1, keepdims=True)
    centred /= np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _TINY)
    return centred


def seen(messages: Floats, near: Surroundings) -> Floats:
    """(m, s, VIEWS * e) what each block hears of the messages (m, s, e)."""
    m, members, width = messages.shape
    flat = messages.reshape(m, members * width)
    if words.rapid is not None:
        views = words.rapid.hear(flat, near.starts, near.ends, near.templates, near.headings, near.before)
    else:
        views = _heard(flat, near)
    return np.asarray(views.reshape(m, VIEWS, members, width).swapaxes(1, 2).reshape(m, members, VIEWS * width))


def _heard(messages: Floats, near: Surroundings) -> Floats:
    """(m, VIEWS, k) what each block hears of the messages (m, k)."""
    starts, ends, ranges = near.distinct
    order, first = near.by_template
    templates = _means(messages.take(order, axis=0), first[:-1], first[1:])
    silence = np.zeros((1, messages.shape[1]), np.float32)
    rows = np.concatenate([_means(messages, starts, ends), templates, messages, silence])
    own = len(starts) + len(templates)
    headings = np.where(near.headings >= 0, own + near.headings, len(rows) - 1)
    whom = np.column_stack((ranges, len(starts) + near.templates, headings, own + near.before))
    return np.asarray(rows.take(whom, axis=0))


def _means(messages: Floats, starts: Longs, ends: Longs) -> Floats:
    """(ranges, k) means of the messages (m, k) over ranges of them."""
    sums = np.zeros((len(messages) + 1, messages.shape[1]))
    np.cumsum(messages, axis=0, out=sums[1:])
    shares = 1 / (ends - starts)
    return ((sums.take(ends, axis=0) - sums.take(starts, axis=0)) * shares[:, None]).astype(np.float32)
