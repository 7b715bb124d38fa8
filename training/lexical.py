"""The lexical stage: vocabularies and linear weights over words and names, and their out-of-fold scores."""

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
from training.samples import UNKNOWN, Sample

MIN_SITES: Final = 4
"""A word that fewer sites use tells one site from another, not one label from another."""

WORD_STRENGTH: Final = 0.3
NAME_STRENGTH: Final = 0.01
LINK_STRENGTH: Final = 0.1
"""Inverse regularisation of the linear models."""

PAGE_WEIGHT: Final = 150.0
"""Sum of the weights of a page's blocks: about the blocks of a page, so that they weigh 1 on average."""

ITERATIONS: Final = 20
MAX_BLOCKS: Final = 120_000
"""Evenly drawn; more cost minutes and gave nothing."""


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

    def fit(self, chosen: npt.NDArray[np.bool_]) -> Lexical:
        """Weights from the chosen samples (samples) alone."""
        rows = np.flatnonzero(chosen[self.owners])
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
    is_main = np.where(main == UNKNOWN, UNKNOWN, main >= 0.5)
    for target, columns in ((labels, slice(0, len(LABELS))), (is_main, slice(-1, None))):
        rows = np.flatnonzero(target != UNKNOWN)
        rows = rows[:: 1 + len(rows) // MAX_BLOCKS]
        if not len(rows):
            continue
        linear = LogisticRegression(C=strength, max_iter=ITERATIONS)
        with warnings.catch_warnings(), threadpool_limits(1):  # sparse sums gain nothing from threads
            warnings.simplefilter("ignore", ConvergenceWarning)
            linear.fit(bags[rows], target[rows].astype(np.int64), weight[rows])
        out[:, columns] = linear.coef_.T
    return out.astype(np.float16).astype(np.float32)
