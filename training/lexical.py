"""The lexical stage: vocabularies and linear weights over words and names, and their out-of-fold scores.

Words, names and addresses are fitted on real pages alone, scaled by how rare they are. Average precision of words and
of names alone on gold's ads and gates, folds by site:

=======================================================  ==========  ==========
softmax over words; over tags and names                  words       names
=======================================================  ==========  ==========
unscaled, 20 steps, with composed pages (the old way)    .198, .051  .267, .034
  100 steps; 60 for names, without composed pages        .307, .136  .410, .287
  and all rare blocks, rare labels weighing more         .353, .194
scaled by rarity, 100 steps; 50                          .369, .271  .456, .396
  without composed pages                                 .383, .300
rarity to the power of 1.5, 2 ** 16 pairs                .372, .304  .466, .428
=======================================================  ==========  ==========

The beginnings of words (4, 5, 6 letters, hashed) added nothing: .358, .204 unscaled. Embeddings of 16 numbers with a
hidden layer of 32, trained with PyTorch on unscaled words: .361, .238 where the linear weights gave .362, .197.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from classifier.labels import LABELS
from classifier.layout import Floats, Layout, Longs
from classifier.model import NAME_LEVELS, PAIR_BITS, Lexical, pair_ids
from training.samples import COMPOSED, UNKNOWN, Sample

MIN_SITES: Final = 4
"""A word that fewer sites use tells one site from another, not one label from another."""

WORD_STRENGTH: Final = 0.1
NAME_STRENGTH: Final = 0.01
LINK_STRENGTH: Final = 0.1
"""Inverse regularisation of the linear models."""

RARITY: Final = 1.5
"""Power of a word's inverse document frequency, by which it is scaled: else the rare words, which tell ads and gates,
learn far more slowly than the common ones."""
BALANCE: Final = 0.25
"""How far the labels' weights are evened out: 0 not at all, 1 wholly."""

PAGE_WEIGHT: Final = 150.0
"""Sum of the weights of a page's blocks: about the blocks of a page, so that they weigh 1 on average."""

ITERATIONS: Final = 60
MAX_BLOCKS: Final = 120_000
"""Of a label, evenly drawn; all of them gave nothing."""


@dataclass(frozen=True, eq=False)
class Bags:
    """Words, names and addresses of all blocks of some samples as sparse counts, to be fitted on any part of them."""

    vocabulary: Lexical
    """Words, names and words of addresses, with no weights yet."""
    words: sparse.csr_matrix
    names: sparse.csr_matrix
    links: sparse.csr_matrix
    owners: Longs
    """(blocks) index of each block's sample"""
    labels: Longs
    main: Floats
    weight: Floats
    real: npt.NDArray[np.bool_]
    """(samples) was the page found, not composed?"""

    def fit(self, chosen: npt.NDArray[np.bool_]) -> Lexical:
        """Weights from the chosen samples (samples) alone; from composed ones only where a label stands in no other.

        Written gates teach the network where gates stand, but few of the words that real ones use.
        """
        rows = np.flatnonzero((chosen & self.real)[self.owners])
        every = np.flatnonzero(chosen[self.owners])
        if set(self.labels[every]) - set(self.labels[rows]) - {UNKNOWN}:
            rows = every
        targets = self.labels[rows], self.main[rows], self.weight[rows]
        by_level = _weights_of(self.names[rows], *targets, NAME_STRENGTH)
        return replace(
            self.vocabulary,
            word_weights=_weights_of(self.words[rows], *targets, WORD_STRENGTH),
            name_weights=by_level.reshape(len(NAME_LEVELS), -1, by_level.shape[1]),
            link_weights=_weights_of(self.links[rows], *targets, LINK_STRENGTH),
        )

    def scores(self, lexical: Lexical, chosen: npt.NDArray[np.bool_]) -> Floats:
        """What ``lexical.scores`` gives for the chosen samples, one behind the other."""
        rows = np.flatnonzero(chosen[self.owners])
        flat = lexical.name_weights.reshape(-1, lexical.name_weights.shape[2])
        parts = (self.words, lexical.word_weights), (self.names, flat), (self.links, lexical.link_weights)
        return np.concatenate([np.asarray(bags[rows] @ weights) for bags, weights in parts], axis=1)


def make_bags(samples: Sequence[Sample]) -> Bags:
    """Vocabulary and counts of all blocks. The vocabulary sees no truth, so that one serves all folds."""
    words = _common(samples, lambda x: x.flat_words)
    names = _common(samples, lambda x: [word for look in x.look_words for word in look])
    links = _common(samples, lambda x: x.links.words.spellings)
    empty = Lexical(
        words,
        np.zeros((1 + len(words) + (1 << PAIR_BITS), 1), np.float32),
        names,
        np.zeros((len(NAME_LEVELS), 1 + len(names), 1), np.float32),
        links,
        np.zeros((1 + len(links), 1), np.float32),
    )
    return Bags(
        vocabulary=empty,
        words=sparse.vstack([word_bags(empty, sample.layout) for sample in samples], "csr"),
        names=sparse.vstack([name_bags(empty, sample.layout) for sample in samples], "csr"),
        links=sparse.vstack([link_bags(empty, sample.layout) for sample in samples], "csr"),
        owners=np.repeat(np.arange(len(samples)), [len(sample.page) for sample in samples]),
        labels=np.concatenate([sample.labels for sample in samples]),
        main=np.concatenate([sample.main for sample in samples]),
        weight=np.concatenate([_weights(sample) for sample in samples]),
        real=np.array([sample.corpus != COMPOSED for sample in samples], np.bool_),
    )


def _weights(sample: Sample) -> Floats:
    """Every page counts alike; within it, blocks by the root of their length."""
    size = np.sqrt(sample.layout.size + 1)
    return np.asarray(size / size.sum() * PAGE_WEIGHT, np.float32)


def _common(samples: Iterable[Sample], words_of: Callable[[Layout], Iterable[str]]) -> tuple[str, ...]:
    sites = defaultdict(set)
    for sample in samples:
        for word in set(words_of(sample.layout)):
            if len(word) <= 30:
                sites[word].add(sample.site)
    return tuple(sorted(word for word, where in sites.items() if len(where) >= MIN_SITES and not word.isdigit()))


def word_bags(lexical: Lexical, x: Layout) -> sparse.csr_matrix:
    """(m, rows of word_weights) words and pairs of each block, scaled as the lexical stage does."""
    ids = np.array([lexical.word_index.get(word, 0) for word in x.flat_words], np.int64)
    pairs = pair_ids(ids, x.word_counts) + len(lexical.words) + 1
    pair_counts = np.maximum(x.word_counts - 1, 0)
    blocks = np.arange(len(x.page))
    rows = np.concatenate([np.repeat(blocks, x.word_counts), np.repeat(blocks, pair_counts)])
    values = (1 / np.sqrt(np.maximum(x.word_counts, 1))).astype(np.float32)[rows]
    shape = (len(x.page), len(lexical.word_weights))
    return sparse.csr_matrix((values, (rows, np.concatenate([ids, pairs]))), shape=shape)


def name_bags(lexical: Lexical, x: Layout) -> sparse.csr_matrix:
    """(m, levels * rows of name_weights) tags and names around each block."""
    width = lexical.name_weights.shape[1]
    counts = np.fromiter(map(len, x.look_words), np.int64, len(x.look_words))
    ids = np.array([lexical.name_index.get(word, 0) for words in x.look_words for word in words], np.int64)
    looks = sparse.csr_matrix(
        (np.ones(len(ids), np.float32), ids, np.concatenate([[0], np.cumsum(counts)])), shape=(len(counts), width)
    )
    parts = []
    for low, high in NAME_LEVELS:
        near = x.looks[x.chains[:, low:high]]
        if low == 0:
            near = np.concatenate([near, x.looks[x.page.leaves][:, None]], axis=1)
        rows = np.repeat(np.arange(len(x.page)), near.shape[1])
        pick = sparse.csr_matrix(
            (np.ones(near.size, np.float32), (rows, near.ravel())), shape=(len(x.page), len(counts))
        )
        parts.append(pick @ looks)
    return sparse.hstack(parts, "csr")


def link_bags(lexical: Lexical, x: Layout) -> sparse.csr_matrix:
    """(m, rows of link_weights) words of the addresses that each block links to, scaled as the lexical stage does."""
    links, width = x.links, len(lexical.link_weights)
    counts = links.words.counts
    ids = np.array([0, *(lexical.link_index.get(word, 0) for word in links.words.spellings)], np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)])
    words = sparse.csr_matrix((values, ids[links.words.places + 1], starts), shape=(len(counts), width))
    share = (1 / np.bincount(links.blocks, minlength=len(x.page)).clip(1)).astype(np.float32)[links.blocks]
    pick = sparse.csr_matrix((share, (links.blocks, links.targets)), shape=(len(x.page), len(counts)))
    return pick @ words


def _weights_of(bags: sparse.csr_matrix, labels: Longs, main: Floats, weight: Floats, strength: float) -> Floats:
    """(features, labels + 1) weights of one softmax over the labels and one logistic for main."""
    out = np.zeros((bags.shape[1], len(LABELS) + 1), np.float32)
    rarity = _rarity(bags)
    scaled = sparse.csr_matrix(bags @ sparse.diags(rarity))
    is_main = np.where(main == UNKNOWN, UNKNOWN, main >= 0.5).astype(np.int64)
    for target, first in ((labels, 0), (is_main, len(LABELS) - 1)):  # of main's two values, the second has weights
        rows, heavier = _drawn(target, weight)
        if len(np.unique(target[rows])) < 2:
            continue
        linear = LogisticRegression(C=strength, max_iter=ITERATIONS)
        with warnings.catch_warnings(), threadpool_limits(1):  # sparse sums gain nothing from threads
            warnings.simplefilter("ignore", ConvergenceWarning)
            linear.fit(scaled[rows], target[rows].astype(np.int64), heavier)
        known = linear.classes_ if len(linear.classes_) > 2 else linear.classes_[1:]
        out[:, first + known] = linear.coef_.T * rarity[:, None]
    return out.astype(np.float16).astype(np.float32)


def _rarity(bags: sparse.csr_matrix) -> Floats:
    """(features) inverse document frequencies, as scales about 1."""
    found = np.bincount(bags.indices, minlength=bags.shape[1])
    return np.asarray((np.log((bags.shape[0] + 1) / (found + 1)) / 5) ** RARITY, np.float32)


def _drawn(target: Longs, weight: Floats) -> tuple[Longs, Floats]:
    """Blocks whose target is known, those of frequent values thinned, and their weights (drawn)."""
    rows, weights = [], []
    known = [np.flatnonzero(target == value) for value in np.unique(target[target != UNKNOWN])]
    sums = [float(weight[of].sum()) for of in known]
    for of, total in zip(known, sums, strict=True):
        step = 1 + len(of) // MAX_BLOCKS
        rows.append(of[::step])
        weights.append(weight[of[::step]] * step * (np.mean(sums) / total) ** BALANCE)
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    drawn = np.concatenate(rows)
    order = drawn.argsort()
    return drawn[order], np.concatenate(weights)[order].astype(np.float32)
