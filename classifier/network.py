"""Inputs of a page's blocks into logits: a small network in which every block sees the blocks around it.

Each block's inputs become a vector of some dozens of numbers. In a few rounds every block sends a shorter one, its
message, and every vector is changed by the means of the messages around it: those from the containers that hold the
block, from its template, its neighbours, the heading above and the page. What surrounds a block is fixed by the page's
structure (:func:`surroundings`), what to make of it is learned. This is message passing on the page's graph (Gilmer et
al. 2017, arXiv:1704.01212); the normalisation is that of Ba et al. (2016, arXiv:1607.06450) without scale and offset.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

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
    def table(self) -> tuple[Longs, Longs, Longs]:
        """Starts and ends of the ranges that differ, and (m, VIEWS) whom each block hears: rows of the ranges' means,
        then the templates', then the blocks' own messages, then silence.
        """
        m = len(self.before)
        keys, inverse = np.unique(self.starts * (m + 1) + self.ends, return_inverse=True)
        templates = len(keys) + self.templates
        own = len(keys) + int(self.templates.max()) + 1
        headings = np.where(self.headings >= 0, own + self.headings, own + m)
        heard = np.column_stack((inverse.reshape(m, RANGES), templates, headings, own + self.before))
        return keys // (m + 1), keys % (m + 1), heard


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

    def logits(self, inputs: Floats, near: Surroundings) -> Floats:
        """(m, outputs) from raw inputs (m, k) of one page, or of several with what each sees."""
        values = standardised(inputs, self.mean, self.scale)
        members, width = self.entry.shape[1:]
        flat = values @ self.entry[:-1].reshape(len(self.mean), -1) + self.entry[-1].reshape(-1)
        vectors = np.maximum(flat, 0).reshape(-1, members, width)
        for message, weights in zip(self.messages, self.rounds, strict=True):
            own = normalised(vectors)
            heard = seen(product(own, message), near)
            vectors = vectors + np.maximum(affine(np.concatenate([own, heard], axis=2), weights), 0)
        told = affine(np.maximum(affine(vectors, self.exit), 0), self.outputs)
        return np.asarray(told.mean(axis=1), np.float32)


def standardised(inputs: Floats, mean: Floats, scale: Floats) -> Floats:
    """(m, k) inputs as the network takes them."""
    values = inputs - mean
    values /= scale
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
    starts, ends, heard = near.table
    sums = np.zeros((m + 1, members, width))
    np.cumsum(messages, axis=0, out=sums[1:])
    ranges = ((sums[ends] - sums[starts]) / (ends - starts)[:, None, None]).astype(np.float32)
    silence = np.zeros((1, members, width), np.float32)
    rows = np.concatenate([ranges, template_means(messages, near.templates), messages, silence])
    views = np.empty((m, members, VIEWS, width), np.float32)
    for member in range(members):
        views[:, member] = rows[:, member].take(heard, axis=0)
    return views.reshape(m, members, VIEWS * width)


def template_means(messages: Floats, templates: npt.NDArray[np.int64]) -> Floats:
    """(templates, s, e) mean message of each template."""
    order = np.argsort(templates, kind="stable")
    sizes = np.bincount(templates)
    starts = np.cumsum(sizes) - sizes
    return np.asarray(np.add.reduceat(messages[order], starts, axis=0) / sizes[:, None, None], np.float32)
