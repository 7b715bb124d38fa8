"""A truth laid over freshly cut blocks, with a report of what found no place.

``align_text`` lays a main text over a page (a share of each block's words), ``align_segments`` labelled runs
of text (a label for each block), ``align_snippets`` sentences that must or must not be kept (1, 0 or -1 for
each block). Each returns ``(array of one value a block, report)``.

All three work on words: truths and pages differ in white space, punctuation and mark-up, hardly ever in
words. Words are matched in order. Python's ``difflib`` alone is quadratic where a page repeats itself, so
runs of words that are unique on both sides are matched first (patience diff), and ``difflib`` closes what
lies between them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.labels import LABELS, Label
from classifier.page import Page
from classifier.words import split_words

UNKNOWN: Final = -1
"""In place of a label or a share of main text that nobody knows."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KEPT: Final = 0.5
"""Share of its words from which a block counts as main text."""
CANDIDATE: Final = 0.4
"""Share of its trigrams that must stand in the truth: keeps stray words of menus out of the alignment."""
SHORT: Final = 3
"""Blocks with fewer words have no trigram; their neighbours decide."""
REPEAT: Final = 8
"""Words from which a block with the same words as another is its repetition, not a coincidence."""

_PASSES: Final = 3
"""Rounds of laying what is left over what is left, for truths that tell a page in another order."""

_ANCHORS: Final = ((6, True), (3, True), (6, False))
"""Runs to look for, in this order: how many words long, and must they be unique?"""
_MAX_PAIRS: Final = 100_000
"""Pairs of equal words up to which a gap is left to difflib."""


@dataclass(frozen=True, slots=True)
class TextReport:
    """What of a main text found no place, and which blocks say again what another block was matched for."""

    words: int
    placed: int
    """Words of the truth that were matched in blocks which count as main text."""
    missing: tuple[str, ...]
    """Paragraphs (lines) of the truth less than half of whose words were placed."""
    repeats: tuple[tuple[int, int], ...]
    """(block, the matched block that has the same words): neither surely main text nor surely not."""

    @property
    def share(self) -> float:
        """Share of the truth's words that found a place; 1 if there were none."""
        return self.placed / self.words if self.words else 1.0


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """Which labelled segments found no place, and which blocks got no label."""

    missing: tuple[int, ...]
    """Segments less than half of whose words stand in a block."""
    mixed: tuple[int, ...]
    """Blocks over which segments of several labels lie; they took that of most words."""
    unlabelled: tuple[int, ...]
    """Blocks with words that no segment explains."""


@dataclass(frozen=True, slots=True)
class SnippetReport:
    """Which snippets found no place, or too many to say which one is meant."""

    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]


# -- a main text ---------------------------------------------------------------------------------------------


def align_text(page: Page, truth: str) -> tuple[Floats, TextReport]:
    """Share (m) of each block's words that stand in the main text ``truth``.

    A block counts as main text from ``KEPT``. Text that stands twice in the page is matched
    once; the report names the other copy.

    >>> from classifier.blocks import cut
    >>> align_text(cut("<p>Menu<p>The cat sat down.<p>Share"), "The cat sat down")[0].tolist()
    [0.0, 1.0, 0.0]
    """
    blocks = split_words(page.texts)
    lines = [line for line in truth.splitlines() if line.strip()]
    lined = split_words(lines)
    wanted = list(chain.from_iterable(lined))
    lengths = np.array([len(block) for block in blocks], np.float64)
    matched = np.zeros(len(blocks))
    found = np.full(len(wanted), -1, np.int64)
    candidates = _candidates(blocks, wanted)
    for _ in range(_PASSES):
        placed = _lay(blocks, candidates, wanted, matched, found)
        candidates = [block for block in candidates if matched[block] < KEPT * lengths[block]]
        if not placed or not candidates:
            break
    shares: Floats = matched / np.maximum(lengths, 1)
    _drop_strays(shares, lengths, found)
    return shares, _text_report(blocks, shares, lines, lined, found)


def _lay(
    blocks: list[list[str]], candidates: list[int], wanted: list[str], matched: Floats, found: Ints
) -> bool:
    """Match the candidates' words with those of the truth that have no place yet; whether any found one."""
    matched[candidates] = 0
    found[np.isin(found, candidates)] = -1
    open_ = np.flatnonzero(found < 0)
    words, owners = _flat(blocks, candidates)
    runs = match(words, [wanted[place] for place in open_])
    for i, j, size in runs:
        for k in range(size):
            matched[owners[i + k]] += 1
            found[open_[j + k]] = owners[i + k]
    return bool(runs)


def _candidates(blocks: list[list[str]], wanted: list[str]) -> list[int]:
    """Blocks that may hold main text: by their trigrams, or all of a short block's words in one run."""
    runs = {size: set(_runs(wanted, size)) for size in range(1, SHORT + 1)}
    kept = []
    for index, block in enumerate(blocks):
        own = _runs(block, min(len(block), SHORT))
        known = runs.get(min(len(block), SHORT), set())
        if own and sum(run in known for run in own) >= CANDIDATE * len(own):
            kept.append(index)
    return kept


def _runs(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(size)), strict=False)) if size else []


def _flat(blocks: list[list[str]], indices: Iterable[int]) -> tuple[list[str], list[int]]:
    words: list[str] = []
    owners: list[int] = []
    for index in indices:
        words += blocks[index]
        owners += [index] * len(blocks[index])
    return words, owners


def _drop_strays(shares: Floats, lengths: Floats, found: Ints) -> None:
    """Take back short blocks that were matched in the midst of text which has no place of its own.

    A word or two of a menu stands in many a truth. It is trusted if what comes right before or after it in
    the truth was found nearby in the page.
    """
    for block in np.flatnonzero((shares > 0) & (lengths < SHORT)):
        places = np.flatnonzero(found == block)
        around = found[max(places[0] - 1, 0) : places[-1] + 2]
        near = np.abs(around[(around >= 0) & (around != block)] - block)
        if not len(near) or near.min() > _NEAR:
            shares[block] = 0.0
            found[places] = -1


_NEAR: Final = 12


def _text_report(
    blocks: list[list[str]], shares: Floats, lines: list[str], lined: list[list[str]], found: Ints
) -> TextReport:
    placed = (found >= 0) & (shares[found] >= KEPT) if len(shares) else found >= 0
    ends = np.cumsum([len(words) for words in lined])
    missing = tuple(
        line
        for line, words, end in zip(lines, lined, ends, strict=True)
        if words and placed[end - len(words) : end].mean() < KEPT
    )
    first: dict[tuple[str, ...], int] = {}
    for index in np.flatnonzero(shares >= KEPT).tolist():
        if len(blocks[index]) >= REPEAT:
            first.setdefault(tuple(blocks[index]), index)
    repeats = tuple(
        (index, first[key])
        for index, key in enumerate(map(tuple, blocks))
        if key in first and shares[index] < KEPT
    )
    return TextReport(len(found), int(placed.sum()), missing, repeats)


# -- labelled segments ---------------------------------------------------------------------------------------


def align_segments(page: Page, segments: Sequence[tuple[str, Label]]) -> tuple[Ints, SegmentReport]:
    """Label (m, index into ``LABELS``) of each block by the segments over it; -1 where none lies.

    >>> from classifier.blocks import cut
    >>> truth = [("Menu", "navigation"), ("The cat sat.", "content")]
    >>> align_segments(cut("<p>Menu<p>The cat sat.<p>Oops"), truth)[0]
    array([ 1,  0, -1])
    """
    blocks = split_words(page.texts)
    runs = split_words([text for text, _ in segments])
    words, owners = _flat(blocks, range(len(blocks)))
    wanted, sources = _flat(runs, range(len(runs)))
    codes = [LABELS.index(label) for _, label in segments]
    votes = np.zeros((len(blocks), len(LABELS)), np.int64)
    placed = np.zeros(len(runs), np.int64)
    for i, j, size in match(words, wanted):
        for k in range(size):
            votes[owners[i + k], codes[sources[j + k]]] += 1
            placed[sources[j + k]] += 1
    _place_moved(blocks, runs, codes, votes, placed)
    labels = np.where(votes.any(axis=1), votes.argmax(axis=1), -1).astype(np.int64)
    report = SegmentReport(
        missing=tuple(i for i, run in enumerate(runs) if 2 * placed[i] < len(run)),
        mixed=tuple(np.flatnonzero((votes > 0).sum(axis=1) > 1).tolist()),
        unlabelled=tuple(i for i, block in enumerate(blocks) if block and labels[i] < 0),
    )
    return labels, report


def _place_moved(
    blocks: list[list[str]], runs: list[list[str]], codes: list[int], votes: Ints, placed: Ints
) -> None:
    """Give segments that the order left without a place to unlabelled blocks with exactly their words."""
    free: dict[tuple[str, ...], list[int]] = {}
    for index, block in enumerate(blocks):
        if block and not votes[index].any():
            free.setdefault(tuple(block), []).append(index)
    for source, run in enumerate(runs):
        if not placed[source] and (places := free.get(tuple(run))):
            votes[places.pop(0), codes[source]] += len(run)
            placed[source] = len(run)


# -- snippets ------------------------------------------------------------------------------------------------

_LONG: Final = 4
"""Words from which a snippet is unmistakable wherever it stands."""


def align_snippets(page: Page, with_: Sequence[str], without: Sequence[str]) -> tuple[Ints, SnippetReport]:
    """1 (m) for blocks that hold a snippet of ``with_``, 0 for those that hold one of ``without``, else -1.

    A snippet must be found once to say which block is main text. One of ``without`` counts wherever it
    stands, unless it is but a few words of a longer block. A block that both claim is unknown.

    >>> from classifier.blocks import cut
    >>> page = cut("<p>Share this<p>The cat sat on the mat.<p>More cats")
    >>> align_snippets(page, ["cat sat on"], ["Share"])[0]
    array([ 0,  1, -1])
    """
    blocks = split_words(page.texts)
    text = _Text(blocks)
    claims = np.zeros((2, len(blocks)), np.bool_)
    missing, ambiguous = [], []
    for claim, snippets in ((1, with_), (0, without)):
        for snippet, run in zip(snippets, split_words(list(snippets)), strict=True):
            places = text.find(run)
            sure = [place for place in places if _is_sure(claim, place, places, blocks, run)]
            claims[claim, list(chain.from_iterable(sure))] = True
            if not places:
                missing.append(snippet)
            elif not sure:
                ambiguous.append(snippet)
    known = claims[0] ^ claims[1]
    return np.where(known, claims[1], -1).astype(np.int64), SnippetReport(tuple(missing), tuple(ambiguous))


def _is_sure(claim: int, place: range, places: list[range], blocks: list[list[str]], run: list[str]) -> bool:
    if claim:
        return len(set(places)) == 1
    return len(run) >= _LONG or 3 * len(run) >= sum(len(blocks[block]) for block in place)


class _Text:
    """The words of all blocks as one string, in which snippets are looked up."""

    def __init__(self, blocks: list[list[str]]) -> None:
        texts = ["".join(f" {word}" for word in block) for block in blocks]
        self.starts = np.cumsum([0, *map(len, texts)])
        self.text = "".join(texts) + " "

    def find(self, run: list[str]) -> list[range]:
        """The blocks over which each occurrence reaches. The last word of a long snippet may be cut off."""
        wanted = "".join(f" {word}" for word in run) + ("" if len(run) >= _LONG else " ")
        places = []
        at = self.text.find(wanted) if run else -1
        while at >= 0:
            first, last = np.searchsorted(self.starts, (at, at + len(wanted.rstrip()) - 1), "right") - 1
            places.append(range(int(first), int(last) + 1))
            at = self.text.find(wanted, at + 1)
        return places


# -- words in order ------------------------------------------------------------------------------------------


Span = tuple[int, int, int, int]
Run = tuple[int, int, int]


def match(a: Sequence[str], b: Sequence[str]) -> list[Run]:
    """Runs ``(i, j, size)`` with ``a[i:i+size] == b[j:j+size]``, ascending in both, none overlapping.

    Near-linear on real pages. What repeats itself without any unique run stays unmatched but for its ends.

    >>> match("the cat sat".split(), "a cat sat down".split())
    [(1, 1, 2)]
    """
    found: list[Run] = []
    todo: list[Span] = [(0, len(a), 0, len(b))]
    while todo:
        span = todo.pop()
        if span[0] == span[1] or span[2] == span[3]:
            continue
        if runs := _anchored_runs(a, b, span):
            todo += _gaps(runs, span)
        else:
            runs = _rest(a, b, span)
        found += runs
    return sorted(found)


def _anchored_runs(a: Sequence[str], b: Sequence[str], span: Span) -> list[Run]:
    """Runs around words that stand once on either side of the span, the longer kind of anchor first.

    Where all that both sides share stands twice (a page that holds its article again, for narrow screens),
    occurrences are paired in their order.
    """
    for size, unique in _ANCHORS:
        ours, theirs = _places(a, span[0], span[1], size), _places(b, span[2], span[3], size)
        pairs = [
            pair
            for key, places in ours.items()
            if key in theirs and not (unique and len(places) + len(theirs[key]) > 2)
            for pair in zip(places, theirs[key], strict=False)
        ]
        if pairs:
            return _grown(a, b, _ascending(sorted(pairs)), span)
    return []


def _places(words: Sequence[str], start: int, end: int, size: int) -> dict[tuple[str, ...], list[int]]:
    """Where each run of ``size`` words begins."""
    places: dict[tuple[str, ...], list[int]] = {}
    for at, key in enumerate(zip(*(words[start + k : end] for k in range(size)), strict=False), start):
        places.setdefault(key, []).append(at)
    return places


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence that ascends in both (patience sorting); ``pairs`` ascend in the first."""
    tops: list[int] = []
    heads: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        before.append(heads[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        heads[pile : pile + 1] = [index]
    chosen = []
    index = heads[-1]
    while index >= 0:
        chosen.append(pairs[index])
        index = before[index]
    return chosen[::-1]


def _grown(a: Sequence[str], b: Sequence[str], anchors: list[tuple[int, int]], span: Span) -> list[Run]:
    """Anchors grown to both sides as far as the words agree."""
    runs: list[Run] = []
    i_done, j_done = span[0], span[2]
    for i, j in anchors:
        if i < i_done or j < j_done:
            continue
        start = 0
        while i - start > i_done and j - start > j_done and a[i - start - 1] == b[j - start - 1]:
            start += 1
        end = 0
        while i + end < span[1] and j + end < span[3] and a[i + end] == b[j + end]:
            end += 1
        runs.append((i - start, j - start, start + end))
        i_done, j_done = i + end, j + end
    return runs


def _gaps(runs: list[Run], span: Span) -> list[Span]:
    """What lies before, between and after the runs."""
    ends = [(span[0], span[2]), *((i + size, j + size) for i, j, size in runs)]
    starts = [*((i, j) for i, j, _ in runs), (span[1], span[3])]
    return [(i, ii, j, jj) for (i, j), (ii, jj) in zip(ends, starts, strict=True)]


def _rest(a: Sequence[str], b: Sequence[str], span: Span) -> list[Run]:
    """Runs of a span without anchors: by difflib where that is cheap, else what its two ends have in
    common."""
    ours, theirs = a[span[0] : span[1]], b[span[2] : span[3]]
    counts = Counter(theirs)
    if sum(counts[word] for word in ours) <= _MAX_PAIRS:
        blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
        return [(span[0] + i, span[2] + j, size) for i, j, size in blocks if size]
    shorter = min(len(ours), len(theirs))
    head = next((k for k in range(shorter) if ours[k] != theirs[k]), shorter)
    tail = next((k for k in range(shorter - head) if ours[-1 - k] != theirs[-1 - k]), shorter - head)
    runs = [(span[0], span[2], head), (span[1] - tail, span[3] - tail, tail)]
    return [run for run in runs if run[2]]
