"""Inputs of a page's blocks into logits: a small network in which every block sees the blocks around it.

Each block's inputs become a vector of some dozens of numbers. In a few rounds every block sends a shorter one, its
message, and every vector is changed by the means of the messages around it: those from the containers that hold the
block, from its template, its neighbours, the heading above and the page. What surrounds a block is fixed by the page's
structure (:func:`surroundings`), what to make of it is learned. This is message passing on the page's graph (Gilmer et
al. 2017, arXiv:1704.01212); the normalisation is that of Ba et al. (2016, arXiv:1607.06450) without scale and offset.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from classifier import layout, words
from classifier.columns import Columns
from classifier.layout import Floats, Layout, Longs, running_sums

LEVELS: Final = (0, 1, 2, 3, 5)
"""Containers around the block whose means it sees: so many levels above its element."""

REACHES: Final = (2, 6)
"""Neighbours on both sides whose means it sees."""

RANGES: Final = len(LEVELS) + 1 + len(REACHES)
VIEWS: Final = RANGES + 3
"""Messages that a block hears in a round: the ranges', its template's, its heading's, that of the block before."""

CLIP: Final = 6.0
"""Standardised inputs are clipped here: one odd page must not leave the range that training saw."""

SLICE: Final = 1_024
"""Blocks for which inputs and what they hear are held at once. By this, and by tables that are taken one by one, a page
of 11,000 blocks takes 21 MB where it took 71."""

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
    def template_sizes(self) -> Longs:
        """(templates) blocks of each"""
        return np.bincount(self.templates)

    @cached_property
    def whom(self) -> Longs:
        """(m, VIEWS) whom each block hears, by place among the ranges, the templates, all blocks, and silence"""
        starts, _, ranges = self.distinct
        own = len(starts) + len(self.template_sizes)
        headings = np.where(self.headings >= 0, own + self.headings, own + len(self.before))
        return np.column_stack((ranges, len(starts) + self.templates, headings, own + self.before))


def surroundings(x: Layout) -> Surroundings:
    """What the blocks of one page see."""
    m = len(x.page)
    if layout.measure is not None:
        page = x.page
        found = layout.measure.surroundings(page.first, page.last, x.chains.T, x.headings, LEVELS, REACHES)
        starts, ends, above, before = found
        return Surroundings(starts, ends, x.signatures, above, before)
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

    @cached_property
    def _factors(self) -> Floats:
        return np.float32(1) / self.scale

    def logits(self, inputs: Floats | Iterable[Columns], near: Surroundings) -> Floats:
        """(m, outputs) from raw inputs (m, k), whole or in parts, of one page, or of several with what each sees."""
        parts = [Columns((), inputs)] if isinstance(inputs, np.ndarray) else inputs
        vectors, width = self._entered(parts, len(near.before)), self.entry.shape[-1]
        for message, weights in zip(self.messages, self.rounds, strict=True):
            own = _by_slices(normalised, vectors, width)
            said = Said(product(own, message), near)
            for rows in _slices(len(own)):
                told = product(own[rows], weights[:, :width])
                told += product(said.heard(rows), weights[:, width:-1])
                told += weights[:, -1]
                vectors[rows] += np.maximum(told, 0, out=told)
        told = _by_slices(self._left, vectors, self.outputs.shape[-1])
        return np.asarray(told.mean(axis=1), np.float32)

    def _left(self, vectors: Floats) -> Floats:
        """(m, s, outputs) from the vectors of blocks that have heard of the others."""
        told = affine(vectors, self.exit)
        return affine(np.maximum(told, 0, out=told), self.outputs)

    def _entered(self, parts: Iterable[Columns], m: int) -> Floats:
        """(m, s, d) vectors of blocks that have heard of no other."""
        entry = self.entry.reshape(len(self.entry), -1)
        flat = np.repeat(entry[-1:], m, axis=0)
        start = 0
        for part in parts:
            end = start + part.values.shape[1]
            told = np.empty((len(part.values), entry.shape[1]), np.float32)
            for rows in _slices(len(told)):
                values = standardised(part.values[rows], self.mean[start:end], self._factors[start:end])
                np.matmul(values, entry[start:end], out=told[rows])
            flat += told if part.rows is None else told.take(part.rows, axis=0)
            start = end
        return np.maximum(flat, 0, out=flat).reshape(-1, *self.entry.shape[1:])


def _slices(m: int) -> Iterator[slice]:
    return (slice(start, start + SLICE) for start in range(0, m, SLICE))


def _by_slices(function: Callable[[Floats], Floats], values: Floats, width: int) -> Floats:
    """(m, s, width) what the function makes of the values (m, s, ...), of some blocks at a time."""
    if len(values) <= SLICE:
        return function(values)
    found = np.empty((*values.shape[:2], width), np.float32)
    for rows in _slices(len(values)):
        found[rows] = function(values[rows])
    return found


def standardised(values: Floats, mean: Floats, factors: Floats) -> Floats:
    """(m, k) inputs as the network takes them; ``factors`` are 1 by the scale."""
    if words.rapid is not None:
        return np.asarray(words.rapid.standardise(values, mean, factors, CLIP))
    shifted = values - mean
    shifted *= factors
    return np.clip(shifted, -CLIP, CLIP, out=shifted)


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
    if words.rapid is not None:
        return np.asarray(words.rapid.normalise(vectors, _TINY))
    width = np.float32(vectors.shape[-1])
    centred: Floats = vectors - _sums(vectors) / width
    centred /= np.sqrt(_sums(np.square(centred)) / width + _TINY)
    return centred


def _sums(values: Floats) -> Floats:
    """(..., 1) sums of the last axis, half to half: an order that the compiled twin can keep, unlike numpy's own."""
    while (width := values.shape[-1]) > 1:
        half = width // 2
        summed = values[..., :half] + values[..., half : 2 * half]
        if width % 2:
            summed[..., 0] += values[..., -1]
        values = summed
    return values


class Said:
    """What the blocks of a page say, (m, s, e), as it is heard by others."""

    def __init__(self, messages: Floats, near: Surroundings) -> None:
        self.near = near
        self.members, self.width = messages.shape[1:]
        self.messages = messages.reshape(len(messages), -1)
        self.upto = running_sums(self.messages)
        self.templates = template_means(self.messages, near)

    def heard(self, rows: slice) -> Floats:
        """(rows, s, VIEWS * e) what these blocks hear."""
        near = self.near
        if words.rapid is not None:
            where = near.starts, near.ends, near.templates, near.headings, near.before
            start, stop, _ = rows.indices(len(self.messages))
            views = words.rapid.hear(self.messages, self.upto, self.templates, *where, start, stop)
        else:
            views = self._rows.take(near.whom[rows], axis=0)
        shape = (-1, self.members, VIEWS * self.width)
        return np.asarray(views.reshape(-1, VIEWS, self.members, self.width).swapaxes(1, 2).reshape(shape))

    @cached_property
    def _rows(self) -> Floats:
        """All that can be heard, as ``Surroundings.whom`` counts it."""
        starts, ends, _ = self.near.distinct
        sums = self.upto.take(ends, axis=0) - self.upto.take(starts, axis=0)
        ranges = (sums * (1 / (ends - starts))[:, None]).astype(np.float32)
        silence = np.zeros((1, self.messages.shape[1]), np.float32)
        return np.concatenate([ranges, self.templates, self.messages, silence])


def template_means(messages: Floats, near: Surroundings) -> Floats:
    """(templates, k) means of the messages (m, k) of each template's blocks."""
    if words.rapid is not None:
        return np.asarray(words.rapid.template_means(messages, near.templates, near.template_sizes))
    width = messages.shape[1]
    places = near.templates[:, None] * width + np.arange(width)
    sums = np.bincount(places.ravel(), messages.ravel()).reshape(-1, width)
    return np.asarray(sums * (1 / near.template_sizes)[:, None], np.float32)
