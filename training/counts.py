"""Readings of pages, and the pages' truths, into counts that add up over pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from classifier.access import Access
from classifier.labels import LABELS
from training import formulas
from training.bootstrap import Floats, Formula, Tally
from training.corpora import CorpusPage, Truth
from training.formulas import BINS, LEVELS
from training.gold import GoldPage
from training.measures import confusion, lay_labels, paragraph_scores, snippet_counts, word_scores
from training.readings import Key, Reading, verdicts
from training.samples import UNKNOWN

AnyPage = GoldPage | CorpusPage

SHIPPED: Final = "pages"
"""Source of the pages that were written for this project."""


@dataclass(frozen=True, eq=False)
class Counted:
    """One corpus's pages, what was counted on them, and the figures to be made of it."""

    pages: Sequence[AnyPage]
    counts: Floats
    formulas: Mapping[str, Formula]
    tables: Mapping[str, slice] = field(default_factory=dict)
    """Columns to be kept as tables, in rows of as many columns as the table has."""

    @property
    def tally(self) -> Tally:
        """The counts with the pages' sites."""
        return Tally([page.site for page in self.pages], self.counts)


def count(read: Mapping[Key, Reading], pages: Sequence[AnyPage]) -> dict[str, Counted]:
    """Counts by the name of what is measured; what no page speaks of is left out."""
    return {name: part for name, part in _counted(read, pages) if part.pages}


def measured_golds(pages: Iterable[AnyPage]) -> list[GoldPage]:
    """The labelled pages that figures are of: those written for this project only if there are no others."""
    labelled = [page for page in pages if isinstance(page, GoldPage)]
    return [page for page in labelled if page.source != SHIPPED] or labelled


def _counted(read: Mapping[Key, Reading], pages: Sequence[AnyPage]) -> Iterator[tuple[str, Counted]]:
    corpora = [page for page in pages if isinstance(page, CorpusPage)]
    for name in ("wcxb", "readability"):
        known = [page for page in corpora if page.source == name and page.truth.main is not None]
        scores = [(*word_scores(_text(read, page), page.truth.main or ""), 1.0) for page in known]
        names = [f"{name}.{score}" for score in ("precision", "recall", "f1")]
        yield name, Counted(known, np.array(scores), formulas.means(*names))
    news = [page for page in corpora if page.source == "fundus" and page.truth.paragraphs]
    yield "fundus", _fundus(read, news)
    yield "trafilatura", _snippets(read, [page for page in corpora if page.source == "trafilatura"])
    labelled = [page for page in pages if isinstance(page, GoldPage)]
    measured = measured_golds(pages)
    yield "gold", gold_counts(read, measured)
    yield "access", access_counts(verdicts(read.values(), labelled), measured)
    yield "calibration.labels", _label_calibration(read, measured)
    yield "calibration.main", _main_calibration(read, corpora)


def _text(read: Mapping[Key, Reading], page: AnyPage) -> str:
    reading = read.get((page.source, page.id))
    return reading.text if reading else ""


def _fundus(read: Mapping[Key, Reading], pages: Sequence[CorpusPage]) -> Counted:
    found = [paragraph_scores(_text(read, page), page.truth.paragraphs, beside(page.truth)) for page in pages]
    names = [f"fundus.{name}" for name in ("precision", "recall", "f1", "beside", "whole")]
    scores = np.array([(*score.words, score.beside.f1, score.whole, 1.0) for score in found])
    return Counted(pages, scores, formulas.means(*names))


def beside(truth: Truth) -> str:
    """What belongs to an article and is no paragraph of it."""
    return "\n".join((truth.title, *truth.headings, *truth.summary))


def _snippets(read: Mapping[Key, Reading], pages: Sequence[CorpusPage]) -> Counted:
    found = [snippet_counts(_text(read, page), page.truth.with_, page.truth.without) for page in pages]
    counts = [(count.kept, count.lost, count.let_in) for count in found]
    made = {f"trafilatura.{name}": formula for name, formula in formulas.SNIPPETS.items()}
    return Counted(pages, np.array(counts, np.float64), made)


def gold_counts(read: Mapping[Key, Reading], pages: Sequence[GoldPage]) -> Counted:
    """Labels found under the labelled pages' segments."""
    half = len(LABELS) * (len(LABELS) + 1)
    segments, words = slice(0, half), slice(half, 2 * half)
    made = {
        name: _on(columns, formula)
        for unit, columns in (("segments", segments), ("words", words))
        for name, formula in formulas.label_formulas(f"gold.{unit}").items()
    }
    counts = np.array([_label_counts(read.get((page.source, page.id)), page) for page in pages], np.float64)
    return Counted(pages, counts, made, {"gold.segments": segments, "gold.words": words})


def _label_counts(reading: Reading | None, page: GoldPage) -> Floats:
    """Tables of true by found labels: by segments, then by words."""
    true = np.array([LABELS.index(label) for _, label in page.segments], np.int64)
    texts = reading.sample.page.texts if reading else []
    codes = reading.decision.labels.tolist() if reading else []
    votes = lay_labels([text for text, _ in page.segments], texts, codes)
    tables = [confusion(true, votes, by_words).ravel() for by_words in (False, True)]
    return np.concatenate(tables).astype(np.float64)


def _on(columns: slice, formula: Formula) -> Formula:
    """A formula on some of the columns."""
    return lambda totals: formula(totals[..., columns])


def access_counts(given: Mapping[Key, Access], pages: Sequence[GoldPage]) -> Counted:
    """Verdicts given on the labelled pages whose access level is known."""
    known = [page for page in pages if page.access != "unsure"]
    counts = np.zeros((len(known), len(LEVELS), len(LEVELS)))
    for row, page in zip(counts, known, strict=True):
        verdict = given.get((page.source, page.id), Access())
        row[LEVELS.index(page.access), LEVELS.index(verdict.level)] = 1
    made = {f"access.{name}": formula for name, formula in formulas.ACCESS.items()}
    return Counted(known, counts.reshape(len(known), len(LEVELS) ** 2), made, {"access": slice(None)})


def _label_calibration(read: Mapping[Key, Reading], pages: Sequence[GoldPage]) -> Counted:
    known = [page for page in pages if (page.source, page.id) in read]
    found = [read[page.source, page.id] for page in known]
    parts = {f"calibration.{name}": slice(i * 3 * BINS, (i + 1) * 3 * BINS) for i, name in enumerate(LABELS)}
    counts = []
    for reading in found:
        true = reading.sample.labels
        counts.append([_bins(reading.labels[:, i], true, true == i) for i in range(len(LABELS))])
    made = {name: _on(columns, formulas.calibration_error) for name, columns in parts.items()}
    return Counted(known, np.array(counts).reshape(len(known), len(LABELS) * 3 * BINS), made, parts)


def _main_calibration(read: Mapping[Key, Reading], pages: Sequence[CorpusPage]) -> Counted:
    known = [page for page in pages if (page.source, page.id) in read]
    found = [read[page.source, page.id] for page in known]
    counts = np.array([_bins(r.main, r.sample.main, r.sample.main >= 0.5) for r in found])
    made = {"calibration.main": formulas.calibration_error}
    return Counted(known, counts, made, {"calibration.main": slice(None)})


def _bins(shares: Any, truth: Any, right: Any) -> Floats:
    known = truth != UNKNOWN
    return formulas.bin_counts(shares[known], right[known])
