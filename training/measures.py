"""Each corpus's own measure, from its published definition, and ours on labels.

- ``word_scores``, ``mean_f1``: WCXB's. Bags of lower-cased ``\\w+``, F1 a page, mean over pages.
- ``snippet_counts``: trafilatura's. Snippets that must (not) stand in the output; counts add up over pages.
- ``paragraph_scores``: for fundus. The bag F1 against the paragraphs, and the share of them kept whole.
- ``lay_labels``, ``label_scores``: predicted labels under gold segments and their precision, recall and F1,
  by segments or by words, as ``shared/gold/score.py`` counts them.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from classifier.labels import LABELS, NAVIGATION
from training.align import match

Ints = npt.NDArray[np.int64]
Group = TypeVar("Group", bound=Hashable)


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean, each from 0 to 1."""

    precision: float
    recall: float
    f1: float


def _scores(right: float, predicted: float, wanted: float) -> Scores:
    precision = right / predicted if predicted else 0.0
    recall = right / wanted if wanted else 0.0
    return Scores(precision, recall, 2 * right / (predicted + wanted) if right else 0.0)


# -- WCXB ----------------------------------------------------------------------------------------------------

_WORD: Final = re.compile(r"\w+")


def word_scores(predicted: str, truth: str) -> Scores:
    """WCXB's word-level scores: the overlap of two bags of lower-cased ``\\w+``.

    Where the truth is empty, as on 21 pages of its dev split, only an empty prediction scores.

    >>> word_scores("The cat sat", "the cat sat down").f1.__round__(3)
    0.857
    """
    ours, theirs = Counter(_WORD.findall(predicted.lower())), Counter(_WORD.findall(truth.lower()))
    if not theirs:
        return Scores(0.0, 0.0, 0.0) if ours else Scores(1.0, 1.0, 1.0)
    return _scores((ours & theirs).total(), ours.total(), theirs.total())


def mean_f1(scores: Iterable[Scores]) -> float:
    """Mean F1 over pages (WCXB's headline figure, every page counting once); 0 for no page."""
    values = [score.f1 for score in scores]
    return sum(values) / len(values) if values else 0.0


def by_group(groups: Iterable[Group], scores: Iterable[Scores]) -> dict[Group, tuple[float, int]]:
    """Mean F1 and number of pages of each group (page types, languages), in order of appearance."""
    found: dict[Group, list[Scores]] = {}
    for group, score in zip(groups, scores, strict=True):
        found.setdefault(group, []).append(score)
    return {group: (mean_f1(values), len(values)) for group, values in found.items()}


# -- trafilatura ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Snippets by whether they must be kept and were."""

    kept: int = 0
    lost: int = 0
    let_in: int = 0
    kept_out: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.kept + other.kept,
            self.lost + other.lost,
            self.let_in + other.let_in,
            self.kept_out + other.kept_out,
        )

    @property
    def scores(self) -> Scores:
        """Over all snippets counted; trafilatura's evaluation takes no mean over pages."""
        return _scores(self.kept, self.kept + self.let_in, self.kept + self.lost)


def snippet_counts(output: str, with_: Sequence[str], without: Sequence[str]) -> Counts:
    """Count snippets as trafilatura's evaluation does: is each in the output, verbatim?

    >>> snippet_counts("The cat sat. Share", ["cat sat"], ["Share", "Menu"])
    Counts(kept=1, lost=0, let_in=1, kept_out=1)
    """
    kept = sum(snippet in output for snippet in with_)
    let_in = sum(snippet in output for snippet in without)
    return Counts(kept, len(with_) - kept, let_in, len(without) - let_in)


# -- fundus --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParagraphScores:
    """How well an output tells a news text's paragraphs."""

    words: Scores
    """The output's bag of words against that of all paragraphs: a heading costs precision."""
    beside: Scores
    """The same, but the words of title, headings and summary count neither way."""
    whole: float
    """Share of the paragraphs that stand in the output word by word."""


def paragraph_scores(output: str, paragraphs: Sequence[str], beside: str = "") -> ParagraphScores:
    """Scores of an output against the paragraphs that fundus's own test cases hold.

    The repository holds no measure of its own; this is WCXB's on words, so that figures can be compared over
    corpora, beside the plain question of how many paragraphs came through whole. ``beside`` is the text that is the
    article's but no paragraph: title, headings, summary.

    >>> paragraph_scores("One two. Three four. Share", ["One two.", "Three four!"]).whole
    1.0
    """
    text = f" {' '.join(_WORD.findall(output.lower()))} "
    wanted = [words for paragraph in paragraphs if (words := _WORD.findall(paragraph.lower()))]
    whole = sum(f" {' '.join(words)} " in text for words in wanted)
    return ParagraphScores(
        word_scores(output, "\n".join(paragraphs)),
        _scores_beside(output, "\n".join(paragraphs), beside),
        whole / len(wanted) if wanted else 1.0,
    )


def _scores_beside(output: str, truth: str, beside: str) -> Scores:
    ours, theirs, neutral = (Counter(_WORD.findall(text.lower())) for text in (output, truth, beside))
    right = (ours & theirs).total()
    return _scores(right, ours.total() - ((ours - theirs) & neutral).total(), theirs.total())


# -- labels, as shared/gold/score.py counts them -------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
NONE: Final = len(LABELS)
"""Column of the words that no predicted block holds. It is right for navigation alone."""


def lay_labels(segments: Sequence[str], blocks: Sequence[str], labels: Sequence[int]) -> Ints:
    """How many words of each gold segment carry which predicted label: (s, 5), the last column for none.

    ``score.py`` aligns with difflib, this with ``align.match``; they differ by less than .001.
    """
    ours = [_TOKEN.findall(text.lower()) for text in segments]
    theirs = [_TOKEN.findall(text.lower()) for text in blocks]
    owners = np.repeat(np.arange(len(ours)), [len(words) for words in ours])
    codes = np.repeat(np.asarray(labels, np.int64), [len(words) for words in theirs])
    votes = np.zeros((len(ours), len(LABELS) + 1), np.int64)
    for i, j, size in match([w for words in ours for w in words], [w for words in theirs for w in words]):
        np.add.at(votes, (owners[i : i + size], codes[j : j + size]), 1)
    votes[:, NONE] = [len(words) for words in ours] - votes[:, :NONE].sum(axis=1)
    return votes


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of each label, in the order of ``LABELS``, and how much of it the gold holds."""

    labels: tuple[Scores, ...]
    support: tuple[int, ...]

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels."""
        return sum(score.f1 for score in self.labels) / len(self.labels)


def label_scores(gold: Ints, votes: Ints, *, by_words: bool = False) -> LabelScores:
    """Scores of labels ``gold`` (s) under ``votes`` (s, 5): every segment counts once, or every word.

    A segment takes the label of most of its words. Segments without words do not count.

    >>> label_scores(np.array([0, 1]), np.array([[3, 1, 0, 0, 0], [0, 0, 0, 0, 2]])).labels[0].f1
    1.0
    """
    return scores_of(confusion(gold, votes, by_words))


def scores_of(confusion: Ints) -> LabelScores:
    """Scores of a table (4, 5) of gold labels by predicted ones, the last column for none."""
    right = np.diag(confusion).copy()
    right[NAVIGATION] += confusion[NAVIGATION, NONE]
    wanted = confusion.sum(axis=1)
    predicted = confusion[:, :NONE].sum(axis=0)
    predicted[NAVIGATION] += confusion[NAVIGATION, NONE]
    scores = tuple(_scores(*map(float, row)) for row in zip(right, predicted, wanted, strict=True))
    return LabelScores(scores, tuple(wanted.tolist()))


def confusion(gold: Ints, votes: Ints, by_words: bool) -> Ints:
    """(labels, labels + 1) segments, or words, by true and found label."""
    table = np.zeros((len(LABELS), len(LABELS) + 1), np.int64)
    if by_words:
        np.add.at(table, gold, votes)
        return table
    spoken = votes.any(axis=1)
    # argmax takes the first of equals, so a label wins over none
    np.add.at(table, (gold[spoken], votes[spoken].argmax(axis=1)), 1)
    return table
