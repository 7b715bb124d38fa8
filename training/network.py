"""Pages with targets into a :class:`classifier.network.Network`: back-propagation with numpy, nothing else.

The network is small and its rounds are means over ranges and groups, which are sparse matrices; a framework would
bring gigabytes for a few hundred lines. The optimiser is AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) on a
cosine schedule with warm-up; what is kept is the running mean of the weights.

The same batches, settings and seed give the same weights on the same machine and BLAS.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.layout import Floats, Longs
from classifier.network import RANGES, VIEWS, Network, Surroundings, standardised
from training.align import UNKNOWN

Weights = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is fitted. Few epochs: sites differ more than blocks do."""

    width: int = 64
    """Numbers a block."""
    message: int = 32
    """Numbers a message."""
    rounds: int = 2
    epochs: int = 5
    rate: float = 2e-3
    decay: float = 0.02
    drop: float = 0.1
    """Share of the inputs and of the vectors that is blanked at random in training."""
    blank: float = 0.0
    """Share of the pages on which a group of inputs is blanked as a whole, for each group."""
    composed: float = 0.5
    """Share of the composed pages that an epoch sees."""
    pages: int = 16
    """Pages in a batch."""
    warm: float = 0.2
    """Share of the steps in which the rate rises."""
    kept: float = 0.998
    """Share of the running mean of the weights that a step keeps."""
    longest: float = 1.0
    """Gradients are shortened to this length."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Blocks of some pages, one behind the other; ``n`` in all."""

    inputs: Floats
    """(n, k) raw"""
    near: Surroundings
    owners: Longs
    """(n) number of each block's page in the batch, from 0"""
    labels: Floats
    """(n, labels) share of each label; zeros where the label is not known"""
    main: Floats
    """(n) share of main text, or UNKNOWN"""
    weight: Floats
    """(n) of the loss on main"""


def joined(parts: Sequence[Surroundings]) -> Surroundings:
    """Surroundings of several pages whose blocks lie one behind the other."""
    sizes = np.array([len(part.before) for part in parts])
    offsets = np.cumsum(sizes) - sizes
    groups = np.array([part.templates.max() + 1 for part in parts])
    ahead = np.cumsum(groups) - groups
    pairs = list(zip(parts, offsets.tolist(), strict=True))
    return Surroundings(
        starts=np.concatenate([part.starts + offset for part, offset in pairs]),
        ends=np.concatenate([part.ends + offset for part, offset in pairs]),
        templates=np.concatenate([part.templates + first for part, first in zip(parts, ahead.tolist(), strict=True)]),
        headings=np.concatenate([np.where(p.headings >= 0, p.headings + offset, -1) for p, offset in pairs]),
        before=np.concatenate([part.before + offset for part, offset in pairs]),
    )


class _Views:
    """``classifier.network.seen`` and its derivative, as sparse matrices."""

    def __init__(self, near: Surroundings) -> None:
        n = len(near.before)
        rows = np.arange(n * RANGES)
        share = (1.0 / (near.ends - near.starts)).astype(np.float32).T.ravel()
        columns = np.concatenate([near.ends.T.ravel(), near.starts.T.ravel()])
        values = np.concatenate([share, -share])
        self.ranges = sparse.csr_matrix((values, (np.tile(rows, 2), columns)), shape=(n * RANGES, n + 1))
        sizes = np.bincount(near.templates)
        ones = np.ones(n, np.float32)
        self.spread = sparse.csr_matrix((ones, (np.arange(n), near.templates)), shape=(n, len(sizes)))
        self.gather = sparse.csr_matrix(
            ((1 / sizes[near.templates]).astype(np.float32), (near.templates, np.arange(n))), shape=(len(sizes), n)
        )
        under = np.flatnonzero(near.headings >= 0)
        columns = np.concatenate([near.headings[under], near.before])
        rows = np.concatenate([under, n + np.arange(n)])
        self.picks = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(2 * n, n))

    def forward(self, vectors: Floats) -> Floats:
        n, width = vectors.shape
        views = np.empty((n, VIEWS, width), np.float32)
        sums = np.zeros((n + 1, width), np.float32)  # double in use; half the time here, for noise in the slopes
        np.cumsum(vectors, axis=0, out=sums[1:], dtype=np.float64)
        views[:, :RANGES] = (self.ranges @ sums).reshape(RANGES, n, width).swapaxes(0, 1)
        views[:, -3] = self.spread @ (self.gather @ vectors)
        views[:, -2:] = (self.picks @ vectors).reshape(2, n, width).swapaxes(0, 1)
        return views.reshape(n, VIEWS * width)

    def backward(self, slopes: Floats) -> Floats:
        n = len(slopes)
        views = slopes.reshape(n, VIEWS, -1)
        width = views.shape[2]
        ranges = np.ascontiguousarray(views[:, :RANGES].swapaxes(0, 1)).reshape(RANGES * n, width)
        back = self.ranges.T @ ranges
        out = np.cumsum(back[:0:-1], axis=0, dtype=np.float64)[::-1].astype(np.float32)
        out += self.gather.T @ (self.spread.T @ np.ascontiguousarray(views[:, -3]))
        out += self.picks.T @ np.ascontiguousarray(views[:, -2:].swapaxes(0, 1)).reshape(2 * n, width)
        return out


def fit_network(
    batches: Callable[[int], Iterable[Batch]],
    steps: int,
    mean: Floats,
    scale: Floats,
    outputs: int,
    how: Settings,
    groups: Sequence[Longs] = (),
    seed: int = 0,
) -> Network:
    """One network. ``batches(epoch)`` gives the batches of an epoch, ``steps`` is their number over all epochs;
    the first ``outputs - 1`` outputs are labels, the last is main text. ``groups`` are the inputs that are blanked
    together."""
    rng = np.random.default_rng(seed)
    weights = _start(rng, len(mean), outputs, how)
    kept = {name: value.copy() for name, value in weights.items()}
    momentum = {name: (np.zeros_like(value), np.zeros_like(value)) for name, value in weights.items()}
    step = 0
    for epoch in range(how.epochs):
        for batch in batches(epoch):
            slopes = gradient(weights, batch, standardised(batch.inputs, mean, np.float32(1) / scale), how, groups, rng)
            step += 1
            _descend(weights, slopes, momentum, step, _rate(step / max(steps, 1), how), how)
            for name, value in kept.items():
                value += (1 - min(how.kept, step / (step + 9))) * (weights[name] - value)
    return network_of([kept], mean, scale, how)


def network_of(members: Sequence[Weights], mean: Floats, scale: Floats, how: Settings) -> Network:
    """Fitted weights of one or more networks as what a model file holds."""
    heard = (len(members), how.width + VIEWS * how.message + 1, how.width)
    rounds = [np.stack([member[f"round{i}"] for member in members]) for i in range(how.rounds)]
    messages = [np.stack([member[f"message{i}"] for member in members]) for i in range(how.rounds)]
    return Network(
        mean,
        scale,
        entry=np.stack([member["entry"] for member in members], axis=1),
        messages=np.array(messages, np.float32).reshape(-1, len(members), how.width, how.message),
        rounds=np.array(rounds, np.float32).reshape(-1, *heard),
        exit=np.stack([member["exit"] for member in members]),
        outputs=np.stack([member["outputs"] for member in members]),
    )


def side_by_side(networks: Sequence[Network]) -> Network:
    """One network that gives the mean of the logits of several that were fitted on the same inputs."""
    first = networks[0]
    return Network(
        first.mean,
        first.scale,
        np.concatenate([network.entry for network in networks], axis=1),
        np.concatenate([network.messages for network in networks], axis=1),
        np.concatenate([network.rounds for network in networks], axis=1),
        np.concatenate([network.exit for network in networks]),
        np.concatenate([network.outputs for network in networks]),
    )


def _start(rng: np.random.Generator, inputs: int, outputs: int, how: Settings) -> Weights:
    """Weights and, as the last row of all but the messages', offsets: even within the root of the inputs' number."""
    shapes = {"entry": (inputs, how.width), "exit": (how.width, how.width), "outputs": (how.width, outputs)}
    shapes |= {f"round{i}": (how.width + VIEWS * how.message, how.width) for i in range(how.rounds)}
    weights = {
        name: rng.uniform(-1, 1, (rows + 1, columns)).astype(np.float32) / np.float32(np.sqrt(rows))
        for name, (rows, columns) in sorted(shapes.items())
    }
    for i in range(how.rounds):
        send = rng.uniform(-1, 1, (how.width, how.message)).astype(np.float32)
        weights[f"message{i}"] = send * np.float32(np.sqrt(3 / how.width))
    return weights


def _rate(done: float, how: Settings) -> float:
    """Learning rate after a share of all steps."""
    if done < how.warm:
        return how.rate * (0.04 + 0.96 * (1 - math.cos(math.pi * done / how.warm)) / 2)
    return how.rate * max((1 + math.cos(math.pi * (done - how.warm) / (1 - how.warm))) / 2, 1e-4)


def _descend(
    weights: Weights,
    slopes: Mapping[str, Floats],
    momentum: Mapping[str, tuple[Floats, Floats]],
    step: int,
    rate: float,
    how: Settings,
) -> None:
    length = float(np.sqrt(sum(float(np.square(slope).sum()) for slope in slopes.values())))
    shorten = np.float32(min(1.0, how.longest / (length + 1e-6)))
    for name, value in weights.items():
        first, second = momentum[name]
        slope = slopes[name] * shorten
        first += np.float32(0.1) * (slope - first)
        second += np.float32(0.001) * (np.square(slope) - second)
        value *= np.float32(1 - rate * how.decay)
        spread = np.sqrt(second / np.float32(1 - 0.999**step)) + np.float32(1e-8)
        value -= np.float32(rate / (1 - 0.9**step)) * first / spread


# -- derivatives ------------------------------------------------------------------------------------------------


def gradient(
    weights: Weights, batch: Batch, values: Floats, how: Settings, groups: Sequence[Longs], rng: np.random.Generator
) -> Weights:
    """Slope of the loss by every weight. ``values`` (n, k) are the standardised inputs; they are overwritten."""
    slopes: Weights = {}
    views = _Views(batch.near)
    _blank_groups(values, batch.owners, how.blank, groups, rng)
    _drop(values, how.drop, rng)
    vectors = np.maximum(_affine(values, weights["entry"]), 0)
    entered = vectors > 0
    steps = []
    for i in range(how.rounds):
        mask = _drop(vectors, how.drop, rng)
        centred = vectors - vectors.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
        normal = centred / spread
        heard = np.concatenate([normal, views.forward(normal @ weights[f"message{i}"])], axis=1)
        added = np.maximum(_affine(heard, weights[f"round{i}"]), 0)
        steps.append((mask, spread, normal, heard, added > 0))
        vectors = vectors + added
    last_mask = _drop(vectors, how.drop, rng)
    hidden = np.maximum(_affine(vectors, weights["exit"]), 0)
    logits = _affine(hidden, weights["outputs"])

    back = _loss_slopes(logits, batch)
    back = _back(slopes, "outputs", weights, hidden, back) * (hidden > 0)
    back = _back(slopes, "exit", weights, vectors, back) * last_mask
    for i, (mask, spread, normal, heard, positive) in reversed(list(enumerate(steps))):
        both = _back(slopes, f"round{i}", weights, heard, back * positive)
        sent = views.backward(np.ascontiguousarray(both[:, how.width :]))
        slopes[f"message{i}"] = normal.T @ sent
        inner = both[:, : how.width] + sent @ weights[f"message{i}"].T
        inner -= inner.mean(axis=1, keepdims=True) + normal * (inner * normal).mean(axis=1, keepdims=True)
        back = (back + inner / spread) * mask
    back = back * entered
    slopes["entry"] = _outer(values, back)
    return slopes


def _affine(values: Floats, weights: Floats) -> Floats:
    out: Floats = values @ weights[:-1]
    out += weights[-1]
    return out


def _outer(values: Floats, back: Floats) -> Floats:
    return np.concatenate([values.T @ back, back.sum(axis=0, keepdims=True)])


def _back(slopes: Weights, name: str, weights: Weights, values: Floats, back: Floats) -> Floats:
    slopes[name] = _outer(values, back)
    out: Floats = back @ weights[name][:-1].T
    return out


def _drop(values: Floats, share: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Blank a share of the values in place and raise the rest; what each was multiplied by (Srivastava et al. 2014)."""
    if not share:
        return np.ones((1, 1), np.float32)
    mask = (rng.random(values.shape, np.float32) >= share).astype(np.float32) / np.float32(1 - share)
    values *= mask
    return mask


def _blank_groups(
    values: Floats, owners: Longs, share: float, groups: Sequence[Longs], rng: np.random.Generator
) -> None:
    if not share:
        return
    count = int(owners[-1]) + 1
    for group in groups:
        rows = np.flatnonzero((rng.random(count) < share)[owners])
        if len(rows):
            values[np.ix_(rows, group)] = 0


def _loss_slopes(logits: Floats, batch: Batch) -> Floats:
    """Slopes of cross-entropy over the labels plus that of main text, per block of the batch."""
    n = np.float32(len(logits))
    back = np.zeros_like(logits)
    known = np.flatnonzero(batch.labels.any(axis=1))
    raised = np.exp(logits[known, :-1] - logits[known, :-1].max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    back[known, :-1] = (raised - batch.labels[known]) / n
    told = np.flatnonzero(batch.main != UNKNOWN)
    shares = 1 / (1 + np.exp(-np.clip(logits[told, -1], -40, 40)))
    back[told, -1] = (shares - batch.main[told]) * batch.weight[told] / n
    return back


def batches_of(
    order: Sequence[int], size: int, make: Callable[[Sequence[int]], Batch]
) -> Iterator[Batch]:
    """Batches of so many pages, in the order given."""
    for start in range(0, len(order), size):
        yield make(order[start : start + size])
