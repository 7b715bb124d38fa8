"""Samples into a model, and honest predictions for the same samples by cross-validation.

Order of work: folds by site; lexical scores that never saw the page they are for; one network for labels and main text
together. What is measured is the cross-validated predictions; what ships is fitted on all pages by the same steps.

Tried on the way here, folds by site (word-F1 on WCXB by blocks, untuned; macro-F1 of gold's blocks). All of one table
were measured on the same pages:

===========================================================  ======  =====
two of five folds, one network each                           WCXB   gold
===========================================================  ======  =====
three perceptrons on spread scores and stacked (the old way)  .850    .762
no rounds: the block's own inputs alone, d 64                 .860    .636
two rounds, d 64                                              .865    .734
  with 370 more labelled pages (``annotations.jsonl``)        .863    .738
  and composed pages with 112 fragments                       .865    .777
  and composed pages with 748 fragments                       .865    .772
  and groups of inputs blanked on a tenth of the pages        .865    .775
two rounds, d 96, all of these                                .868    .775
===========================================================  ======  =====

- On all five folds, two networks with messages of 64, 720 labelled pages, 902 fragments, by the corpora's own measures
  and tuned: WCXB .8763, fundus .939, trafilatura .947, gold macro-F1 .740 (ad .578, paywall .512). With messages of 96
  and 748 fragments .8806, .945, .947, .730; of 32 .8752, .941, -, .748: paywall moved by .04 between any two.
- On all five folds, one network with messages of 32, untuned (WCXB and fundus by blocks; F1 of content, navigation, ad,
  paywall; negative log-likelihood of gold's labels): without addresses .8699 .9464, .913 .954 .565 .492, .237; with
  them .8668 .9488, .914 .955 .583 .483, .225; with 1,532 instead of 720 labelled pages, 1,212 fragments, and addresses
  for their links .8694 .9465, .929 .961 .604 .490, .196; the next three runs, with nearly the same data, lay between
  .209 and .216, .588 and .605 (ad), .393 and .490 (paywall): so far chance moves a single network.
- 347 written advertisements among the fragments, drawn as often as before: .8694 .9472, .924 .960 .605 .490, .209: out.
- Three epochs instead of six: .8662 .9398, .912 .956 .573 .434, .213; with a quarter of the inputs dropped .228.
- On these data, tuned (WCXB, fundus by blocks; gold's macro-F1; F1 of "not open"): two larger networks .8730 .9459 .743
  .602; one small one that they taught .8731 .9521 .734 .633; one small one that nobody taught .8725 .9447 .739 .674;
  the last two side by side .8742 .9481 .740 .706; all four .8735 .9507 .741 .643. The last two (the one that
  nobody taught fitted anew, with the page's own address) shipped for a while: by the corpora's measures .879, .943,
  trafilatura .953, gold .746, "not open" .628.
- All of the above on a lexical stage that had stopped too early (:mod:`training.lexical`). With it mended, one small
  network alone, tuned, by the corpora's measures: WCXB .8787, fundus .942, trafilatura .953, gold .800 (content .933,
  navigation .963, ad .674, paywall .629), "not open" .674. That ships: 6 minutes of fitting in place of 30, and half
  the network's time a page.
- On the mended stage, one network on all five folds, untuned (WCXB, fundus by blocks; gold's macro-F1; average
  precision of ads and of gates): of 96 numbers a block .8704 .947 .793 (.738 .695); of 64 .8724 .946 .788 (.725 .678);
  of 64 without ``containers``, ``repetition``, ``position`` .8707 .940 .784 (.722 .646): these stay.
- The same with 254 more labelled pages, the last of the corpora: of 64 .8709 .945 .795 (.727 .679), within chance of
  the above. With inputs of what the page declares of access, its gate's scripts and the part that it declares as
  locked: of 64 .8724 .945 .792 (.722 .664), of 96 .8707 .944 .797 (.722 .685), of 64 with messages of 20 .869 .944 .787
  (.711 .682), two of these side by side .8705 .945 .787 (.720 .683): all out.
- On 1,874 labelled pages, untuned, of 64: all 599 inputs .8715 .945 .786 (.728 .662); without roles and names within
  two levels (55 inputs), containers at levels 3, 5, 6, 10 (48) and the third neighbours (18) .8699 .948 .795 (.724
  .678); with these roles, without levels 3, 5, 6, 8, 10 (60) and the second and third neighbours (36) .8692 .946 .797
  (.724 .687); without any of them (151) .8719 .945 .798 (.722 .683); of 48 then .8703 .945 .796 (.728 .662), of 64
  with messages of 24 .8713 .945 .791 (.722 .640). Nothing beyond chance: the 448 inputs that are left and 64 ship.
- Blanking ``containers``, ``repetition`` or ``neighbours`` in a network that met blanked groups in training costs .002
  or less: to be left out together, and measured, when time matters more.
- Without the groups ``containers`` and ``neighbours`` (two folds): WCXB .863 to .861, content F1 .903 to .894: kept.
- Three rounds instead of two: WCXB .865 to .866, gold .775 to .767: two.
- Perceptrons of scikit-learn gave .8735 on all of WCXB by its own measure, tuned; boosted trees .8654 on the same
  inputs. ``HistGradientBoostingClassifier`` took 150 s a fold on gold alone and was stopped.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from classifier.blocks import cut
from classifier.features import GROUPS
from classifier.labels import LABELS
from classifier.layout import Floats, Layout, Longs
from classifier.model import SCORES, Lexical, sigmoid, softmax
from classifier.network import Network
from training.folds import blind_scores, site_folds
from training.lexical import Bags, make_bags
from training.network import Batch, Settings, batches_of, fit_network, joined, side_by_side
from training.samples import UNKNOWN, Sample

Progress = Callable[[str], None]

SETTINGS: Final[Mapping[str, Settings]] = {
    "html": Settings(width=64, message=32, rounds=2, epochs=6, blank=0.1, composed=0.5),
    "text": Settings(width=96, message=32, rounds=2, epochs=6, blank=0.1, composed=0.5),
}
"""Of the networks for pages, and for text without markup."""

TEACHERS: Final[Mapping[str, int]] = {"html": 0, "text": 0}
"""Larger networks of different seeds that are fitted first, and whose mean word one that ships learns from. What
two gave before the lexical stage was mended stands above; they take five times as long to train."""
TEACHER: Final[Mapping[str, int]] = {"width": 128, "message": 64}
"""Settings of theirs that differ."""
JOBS: Final = 2
"""Networks that are fitted at once, a thread each."""
TAUGHT: Final = 0.5
"""Weight of their word beside the truth, where that is known; elsewhere it is all there is."""


@dataclass(frozen=True, eq=False)
class Goals:
    """What a network is to say of all blocks."""

    labels: Floats
    """(blocks, 4) share of each label; zeros where the label is not known"""
    main: Floats
    """(blocks) share of main text, or UNKNOWN"""

    def taught(self, labels: Floats, main: Floats, share: float) -> "Goals":
        """With what teachers say: probabilities of labels (blocks, 4) and main text (blocks), NaN for the blocks that
        they were not asked about. Where the truth is known, they count for ``share``; elsewhere they are all there is.
        """
        asked = ~np.isnan(main)
        known, told = self.labels.any(axis=1), self.main != UNKNOWN
        parts = np.where(asked, np.where(known, share, 1), 0).astype(np.float32)[:, None]
        mixed = self.labels * (1 - parts) + np.nan_to_num(labels) * parts
        blended = np.where(told, self.main * (1 - share) + main * share, main)
        return Goals(mixed, np.where(asked, blended, self.main).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Stack:
    """All blocks of all samples, one behind the other."""

    samples: Sequence[Sample]
    seed: int = 0
    kind: str = "html"
    taught: bool = True
    """Are larger networks fitted first, to teach?"""

    @property
    def how(self) -> Settings:
        """Settings of the networks for this kind of input."""
        return SETTINGS[self.kind]

    @cached_property
    def folds(self) -> Longs:
        """(samples)"""
        return site_folds(self.samples, seed=self.seed)

    @cached_property
    def bags(self) -> Bags:
        """Words and names of all blocks."""
        return make_bags(self.samples)

    @cached_property
    def ends(self) -> Longs:
        """(samples) blocks up to and including each sample's."""
        return np.cumsum([len(sample.page) for sample in self.samples])

    @cached_property
    def block_folds(self) -> Longs:
        """(blocks)"""
        return self.folds[self.bags.owners]

    @cached_property
    def real(self) -> npt.NDArray[np.bool_]:
        """(samples) was the page found, not composed?"""
        return self.bags.real

    def rows(self, index: int) -> slice:
        """The blocks of one sample among those of all."""
        return slice(int(self.ends[index]) - len(self.samples[index].page), int(self.ends[index]))

    def per_sample(self, values: Floats) -> Iterator[Floats]:
        """Rows of each sample out of rows of all blocks."""
        yield from np.split(values, self.ends[:-1])

    def inputs(self, index: int, scores: Floats) -> Floats:
        """(m, inputs) of one sample; ``scores`` are the lexical ones of all blocks."""
        return np.concatenate([self.samples[index].values.astype(np.float32), scores[self.rows(index)]], axis=1)

    @cached_property
    def goals(self) -> Goals:
        """What is known of all blocks."""
        labels = np.zeros((len(self.bags.labels), len(LABELS)), np.float32)
        known = np.flatnonzero(self.bags.labels != UNKNOWN)
        labels[known, self.bags.labels[known]] = 1
        main = np.where(self.bags.main == UNKNOWN, UNKNOWN, self.bags.main >= 0.5)
        return Goals(labels, main.astype(np.float32))

    def batch(self, chosen: Sequence[int], scores: Floats, goals: Goals) -> Batch:
        """Some samples as one batch; ``goals`` are those of all blocks."""
        samples = [self.samples[i] for i in chosen]
        rows = [self.rows(i) for i in chosen]
        return Batch(
            inputs=np.concatenate([self.inputs(i, scores) for i in chosen]),
            near=joined([sample.near for sample in samples]),
            owners=np.repeat(np.arange(len(samples)), [len(sample.page) for sample in samples]),
            labels=np.concatenate([goals.labels[part] for part in rows]),
            main=np.concatenate([goals.main[part] for part in rows]),
            weight=np.concatenate([self.bags.weight[part] for part in rows]),
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """What networks that never saw a sample's site said of its blocks; ``blocks`` of all samples in a row."""

    stack: Stack
    label_logits: Floats
    """(blocks, 4)"""
    main_logits: Floats
    """(blocks)"""
    scores: Floats
    """(blocks, len(SCORES)) lexical scores, out of fold"""
    networks: Sequence[Network] = ()
    """Of each fold, the one that saw nothing of it"""


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
    """Predictions for each sample by a model of the samples of other folds; composed samples are never held out.

    :raises TooFewPages: if a label is known on too few sites.
    """
    check_spread(stack.samples, stack.folds)
    progress("lexical scores")
    blind = blind_scores(stack.bags, stack.folds)
    count = int(stack.folds.max()) + 1
    blocks = len(stack.bags.owners)
    logits = np.zeros((blocks, len(LABELS) + 1), np.float32)
    own = np.zeros((blocks, len(SCORES)), np.float32)
    for fold in range(count):
        rows, values = blind[fold, fold]
        own[rows] = values

    def held_out(fold: int) -> Network:
        progress(f"network, fold {fold + 1} of {count}")
        scores = _scores_without(blind, fold, count, blocks)
        network = fit(stack, scores, stack.folds != fold)
        asked = (stack.folds == fold) & stack.real
        rows = np.flatnonzero(asked[stack.bags.owners])
        logits[rows] = said(stack, scores, asked, network)[rows]
        return network

    with threadpool_limits(1):  # a thread a network: products so small gain little from more
        networks = Parallel(JOBS, backend="threading")(delayed(held_out)(fold) for fold in range(count))
    return Predictions(stack, logits[:, :-1], logits[:, -1], own, networks)


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
    network: Network


def fit_all(predictions: Predictions, progress: Progress = lambda _: None) -> Fitted:
    """Lexical stage and network on all samples; the network learns on out-of-fold scores of the stage before."""
    stack = predictions.stack
    everything = np.ones(len(stack.samples), np.bool_)
    progress("lexical stage on all pages")
    lexical = stack.bags.fit(everything)
    progress("network on all pages")
    with threadpool_limits(1):
        return Fitted(lexical, fit(stack, predictions.scores, everything, JOBS))


def fit(stack: Stack, scores: Floats, chosen: npt.NDArray[np.bool_], jobs: int = 1) -> Network:
    """The network on the chosen samples (samples), with the lexical scores of all blocks.

    It learns from the truth alone. With ``TEACHERS`` there are two side by side: one learns from larger networks, too,
    that were fitted on the same samples (Hinton et al. 2015, arXiv:1503.02531) and also speak of the blocks whose truth
    nobody knows.
    """
    teacher = replace(stack.how, **TEACHER)
    numbers = range(1, 1 + TEACHERS[stack.kind] * stack.taught)
    teachers = Parallel(jobs, backend="threading")(
        delayed(_fit_one)(stack, scores, chosen, teacher, stack.goals, number) for number in numbers
    )
    goals = [stack.goals]
    if teachers:
        word = said(stack, scores, chosen, side_by_side(teachers))
        goals = [stack.goals.taught(softmax(word[:, :-1]), sigmoid(word[:, -1]), TAUGHT), stack.goals]
    members = Parallel(jobs, backend="threading")(
        delayed(_fit_one)(stack, scores, chosen, stack.how, goal, number)
        for goal, number in zip(goals, (0, 1 + len(teachers)), strict=False)
    )
    return side_by_side(members)


def said(stack: Stack, scores: Floats, chosen: npt.NDArray[np.bool_], network: Network) -> Floats:
    """(blocks, 5) logits of a network for the blocks of the chosen samples (samples); NaN for the others."""
    logits = np.full((len(stack.bags.owners), len(LABELS) + 1), np.nan, np.float32)
    for index in np.flatnonzero(chosen).tolist():
        logits[stack.rows(index)] = network.logits(stack.inputs(index, scores), stack.samples[index].near)
    return logits


def _fit_one(
    stack: Stack, scores: Floats, chosen: npt.NDArray[np.bool_], how: Settings, goals: Goals, member: int
) -> Network:
    rng = np.random.default_rng((stack.seed, member))
    orders = [_epoch(stack, chosen, rng) for _ in range(how.epochs)]
    mean, scale = _spread_of_inputs(stack, scores, chosen)
    return fit_network(
        lambda epoch: batches_of(orders[epoch], how.pages, lambda part: stack.batch(part, scores, goals)),
        sum(-(-len(order) // how.pages) for order in orders),
        mean,
        scale,
        len(LABELS) + 1,
        how,
        input_groups(),
        seed=stack.seed * 1000 + member,
    )


def _epoch(stack: Stack, chosen: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[int]:
    """The samples of one epoch in their order: all that were chosen, of the composed ones some."""
    drawn = rng.random(len(stack.samples)) < stack.how.composed
    order: list[int] = rng.permutation(np.flatnonzero(chosen & (stack.real | drawn))).tolist()
    return order


def _spread_of_inputs(stack: Stack, scores: Floats, chosen: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Mean and spread of the inputs over the blocks of a tenth of the samples, at least 200 of them."""
    some = np.flatnonzero(chosen & stack.real)
    some = some[:: max(1, min(10, len(some) // 200))]
    values = np.concatenate([stack.inputs(i, scores) for i in some.tolist()])
    return values.mean(axis=0, dtype=np.float64).astype(np.float32), values.std(axis=0) + np.float32(0.01)


def input_groups() -> list[Longs]:
    """Places of the inputs that are blanked together: groups of features, words, names, addresses, class vocabulary."""
    x = Layout(cut("<p>a"))
    parts = [group(x).names for group in GROUPS.values()]
    each = len(LABELS) + 1
    parts += [SCORES[start : start + each] for start in range(0, len(SCORES), each)]
    ends = np.cumsum([len(part) for part in parts])
    groups = [np.arange(end - len(part), end) for part, end in zip(parts, ends.tolist(), strict=True)]
    names = [name for part in parts for name in part]
    return [*groups, np.array([i for i, name in enumerate(names) if "class_" in name], np.int64)]
