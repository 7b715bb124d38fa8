"""Samples into a model, and honest predictions for the same samples by cross-validation.

Order of work: folds by site; lexical scores that never saw the page they are for; the main head on every page that has
a truth about its main text; the label head on the labelled pages, with the main head's out-of-fold logit as an input.
What is measured is the cross-validated predictions; what ships is fitted on all pages by the same steps.

Tried, with figures by cross-validation (5 folds by site; word-F1 on WCXB pages with a truth; macro-F1 of gold blocks):

- One perceptron of 128-64 units: .872 to .876 by seed and weighting; the mean of two: .882; of seven: .884.
- On all 1,497 WCXB pages, as shipped: three of 64-32 units .8735, two of 128-64 .8736; the smaller are cheaper.
- L2 of .001 or .01: .872, .8745. Two, three or four epochs: .875, .875, .872.
- Weights of blocks equal within a page, or by length: no difference beyond that between seeds.
- Label head without the main head's logit: .703 against .709. 128-64 units: .702; 64-32: .708; three of them: .711.
- Only the 450 inputs of the largest first-layer weights instead of all 709: .713 against .712 (300: .701).
- A second stage on the label probabilities of the block's surroundings was not finished.
- ``HistGradientBoostingClassifier`` took 150 s a fold on gold alone and was stopped.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from classifier.features import spread
from classifier.labels import LABELS
from classifier.layout import Floats, Longs
from classifier.model import CLIP, SCORES, Head, Lexical, Perceptron, main_context, softmax
from training.folds import blind_scores, site_folds
from training.lexical import Bags, make_bags
from training.samples import UNKNOWN, Sample

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How one head is fitted. Few epochs and little capacity: sites differ more than blocks do."""

    hidden: tuple[int, ...] = (128, 64)
    epochs: int = 4
    strength: float = 1e-3
    """L2 regularisation (``alpha``)"""
    rate: float = 1e-3
    batch: int = 512
    members: int = 2
    """Perceptrons of different seeds, merged into one that averages their logits."""


MAIN_HEAD: Final = HeadSettings((64, 32), epochs=3, strength=0.01, members=3)
TEACHER: Final = HeadSettings((64, 32), epochs=5, strength=0.1, members=3)
LABEL_HEAD: Final = HeadSettings((64, 32), epochs=4, strength=0.03, members=3)

PSEUDO_SHARE: Final = 0.25
"""Share of the pages without labels that the teacher labels for the label head; all of them gain little more."""

PSEUDO_WEIGHT: Final = 0.4
"""Weight of a block so labelled, times the square of the teacher's certainty."""


@dataclass(frozen=True, eq=False)
class Stack:
    """All blocks of all samples, one behind the other."""

    samples: Sequence[Sample]
    seed: int = 0

    @cached_property
    def folds(self) -> Longs:
        """(samples)"""
        return site_folds(self.samples, seed=self.seed)

    @cached_property
    def bags(self) -> Bags:
        """Words and names of all blocks."""
        return make_bags(self.samples)

    @cached_property
    def values(self) -> npt.NDArray[np.float16]:
        """(blocks, features)"""
        return np.concatenate([sample.values for sample in self.samples])

    @cached_property
    def ends(self) -> Longs:
        """(samples) blocks up to and including each sample's."""
        return np.cumsum([len(sample.page) for sample in self.samples])

    @cached_property
    def block_folds(self) -> Longs:
        """(blocks)"""
        return self.folds[self.bags.owners]

    def per_sample(self, values: Floats) -> Iterator[Floats]:
        """Rows of each sample out of rows of all blocks."""
        yield from np.split(values, self.ends[:-1])

    def spread(self, scores: Floats, carry: Callable[[Sample, Floats], Floats]) -> npt.NDArray[np.float16]:
        """Scores of all blocks carried to what surrounds each, page by page."""
        pages = zip(self.samples, self.per_sample(scores), strict=True)
        return np.concatenate([carry(s, part.astype(np.float32)).astype(np.float16) for s, part in pages])


@dataclass(frozen=True, eq=False)
class Predictions:
    """What heads that never saw a sample's site said of its blocks; ``blocks`` of all samples in a row."""

    stack: Stack
    label_logits: Floats
    """(blocks, 4)"""
    main_logits: Floats
    """(blocks)"""
    scores: Floats
    """(blocks, len(SCORES)) lexical scores, out of fold"""


def spread_lexical(sample: Sample, scores: Floats) -> Floats:
    """Lexical scores (m, k) of a page in their context."""
    return spread(sample.layout, scores, SCORES).values


def spread_main(sample: Sample, logits: Floats) -> Floats:
    """The main head's logits (m) of a page in their context."""
    return main_context(sample.layout, logits).values


class TooFewPages(ValueError):
    """A truth is known on too few sites to be learned without the folds that are held out."""


def check_spread(samples: Sequence[Sample], folds: Longs) -> None:
    """Is every label, and main text and its contrary, left whichever two folds are held out?

    :raises TooFewPages: if not, with what is missing.
    """
    found: dict[str, set[int]] = {name: set() for name in (*LABELS, "main text", "other than main text")}
    for sample, fold in zip(samples, folds.tolist(), strict=True):
        inside = sample.main[sample.main != UNKNOWN] >= 0.5
        known = {LABELS[code] for code in np.unique(sample.labels[sample.labels != UNKNOWN])}
        for name in known | {("other than main text", "main text")[part] for part in np.unique(inside).tolist()}:
            found[name].add(fold)
    few = [name for name, places in found.items() if len(places) < 3]
    if few:
        raise TooFewPages(f"Too few sites with {', '.join(few)} to train on; give labelled pages of more sites.")


def cross_validate(stack: Stack, progress: Progress = lambda _: None) -> Predictions:
    """Predictions for each sample by a model of the samples of other folds.

    Lexical scores and main logits of a fold owe nothing to its truth. The label head does at second order: its other
    inputs are main logits of the training folds, from heads that saw the main text of the held one.

    :raises TooFewPages: if a label is known on too few sites.
    """
    check_spread(stack.samples, stack.folds)
    bags = stack.bags
    progress("lexical scores")
    blind = blind_scores(bags, stack.folds)
    count = int(stack.folds.max()) + 1
    main = np.zeros(len(bags.owners), np.float32)
    labels = np.zeros((len(main), len(LABELS)), np.float32)
    contexts = []
    for fold in range(count):
        progress(f"main head, fold {fold + 1} of {count}")
        context = stack.spread(_scores_without(blind, fold, count, len(main)), spread_lexical)
        contexts.append(context)
        held = stack.block_folds == fold
        head = fit_head((stack.values, context), bags.main, bags.weight, ~held, MAIN_HEAD)
        main[held] = predict_rows(head, (stack.values, context), held)[:, 0]
    around = stack.spread(main, spread_main)
    for fold in range(count):
        progress(f"label head, fold {fold + 1} of {count}")
        held = stack.block_folds == fold
        tables = (stack.values, contexts[fold], around)
        labels[held] = predict_rows(fit_label_head(stack, tables, ~held), tables, held)
    own = np.zeros((len(main), len(SCORES)), np.float32)
    for fold in range(count):
        rows, values = blind[fold, fold]
        own[rows] = values
    return Predictions(stack, labels, main, own)


def _scores_without(
    blind: dict[tuple[int, int], tuple[Longs, Floats]], fold: int, count: int, blocks: int
) -> Floats:
    """(blocks, len(SCORES)) scores by weights that saw neither ``fold`` nor the block's own fold."""
    out = np.zeros((blocks, len(SCORES)), np.float32)
    for other in range(count):
        rows, values = blind[min(fold, other), max(fold, other)]
        out[rows] = values
    return out


@dataclass(frozen=True, eq=False)
class Fitted:
    """The parts of a model that come from the samples."""

    lexical: Lexical
    main_head: Head
    label_head: Head


def fit_all(predictions: Predictions, progress: Progress = lambda _: None) -> Fitted:
    """Lexical stage and heads on all samples; the heads learn on the out-of-fold scores of the stage before."""
    stack, bags = predictions.stack, predictions.stack.bags
    everything = np.ones(len(bags.owners), np.bool_)
    progress("lexical stage on all pages")
    lexical = bags.fit(np.ones(len(stack.samples), np.bool_))
    context = stack.spread(predictions.scores, spread_lexical)
    progress("main head on all pages")
    main_head = fit_head((stack.values, context), bags.main, bags.weight, everything, MAIN_HEAD)
    around = stack.spread(predictions.main_logits, spread_main)
    progress("label head on all pages")
    tables = (stack.values, context, around)
    return Fitted(lexical, main_head, fit_label_head(stack, tables, everything))


def fit_label_head(stack: Stack, tables: "Tables", chosen: npt.NDArray[np.bool_]) -> Head:
    """The label head on the chosen blocks: a teacher learns from the labelled pages, and labels pages of other sites
    for the head that ships.

    Labelled pages are few, sites without labels many. On gold, by cross-validation, macro-F1 of the blocks rose from
    .720 to .727, that of paywall from .52 to .55.
    """
    labels = stack.bags.labels
    even = np.ones(len(labels), np.float32)
    teacher = fit_head(tables, labels, even, chosen, TEACHER)
    drawn = np.random.default_rng(stack.seed).random(len(stack.samples)) < PSEUDO_SHARE
    unlabelled = drawn & np.array([not (sample.labels != UNKNOWN).any() for sample in stack.samples])
    rows = np.flatnonzero(unlabelled[stack.bags.owners] & chosen)
    if not len(rows):
        return teacher
    shares = softmax(predict_rows(teacher, tables, np.isin(np.arange(len(labels)), rows)))
    goals, weights = labels.copy(), even
    goals[rows] = shares.argmax(axis=1)
    weights[rows] = PSEUDO_WEIGHT * shares.max(axis=1) ** 2
    return fit_head(tables, goals, weights, chosen, LABEL_HEAD)


Tables = tuple[npt.NDArray[np.float16], ...]


def fit_head(
    tables: Tables, targets: npt.NDArray[Any], weight: Floats, chosen: npt.NDArray[np.bool_], how: HeadSettings
) -> Head:
    """A head on the chosen blocks whose target is known. Targets are labels, or shares of main text."""
    rows = np.flatnonzero(chosen & (targets != UNKNOWN))
    values = rows_of(tables, rows)
    mean, scale = values.mean(axis=0), values.std(axis=0) + np.float32(0.01)
    values -= mean
    values /= scale
    np.clip(values, -CLIP, CLIP, out=values)
    known = np.asarray(targets[rows])
    goal = known.astype(np.int64) if known.dtype.kind == "i" else (known.astype(np.float32) >= 0.5).astype(np.int64)
    members = [_fit_one(values, goal, weight[rows], how, seed) for seed in range(how.members)]
    return Head(mean, scale, merge(members))


def _fit_one(values: Floats, goal: Longs, weight: Floats, how: HeadSettings, seed: int) -> Perceptron:
    classifier = MLPClassifier(
        how.hidden,
        alpha=how.strength,
        learning_rate_init=how.rate,
        batch_size=min(how.batch, len(values)),
        max_iter=how.epochs,
        n_iter_no_change=how.epochs + 1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(values, goal, sample_weight=weight)
    return perceptron_of(classifier)


def perceptron_of(classifier: MLPClassifier) -> Perceptron:
    """The weights of a fitted scikit-learn perceptron."""
    weights = tuple(np.ascontiguousarray(layer, np.float32) for layer in classifier.coefs_)
    return Perceptron(weights, tuple(layer.astype(np.float32) for layer in classifier.intercepts_))


def merge(members: Sequence[Perceptron]) -> Perceptron:
    """One perceptron whose logits are the mean of the members' logits: their layers side by side."""
    if len(members) == 1:
        return members[0]
    weights, biases = [np.concatenate([member.weights[0] for member in members], axis=1)], []
    for layer in range(len(members[0].weights)):
        biases.append(np.concatenate([member.biases[layer] for member in members]))
        if 0 < layer < len(members[0].weights) - 1:
            weights.append(_diagonal([member.weights[layer] for member in members]))
    weights.append(np.concatenate([member.weights[-1] for member in members]) / np.float32(len(members)))
    biases[-1] = np.asarray(np.mean([member.biases[-1] for member in members], axis=0, dtype=np.float32))
    return Perceptron(tuple(weights), tuple(biases))


def _diagonal(blocks: Sequence[Floats]) -> Floats:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    out = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)), np.float32)
    row = column = 0
    for block in blocks:
        out[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return out


def rows_of(tables: Tables, rows: Longs) -> Floats:
    """Rows of several tables side by side."""
    return np.concatenate([table[rows] for table in tables], axis=1).astype(np.float32)


def predict_rows(head: Head, tables: Tables, chosen: npt.NDArray[np.bool_]) -> Floats:
    """Logits (chosen blocks, outputs), a slice at a time."""
    rows = np.flatnonzero(chosen)
    parts = np.array_split(rows, len(rows) // 50_000 + 1)
    return np.concatenate([head.logits(rows_of(tables, part)) for part in parts])
