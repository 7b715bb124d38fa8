"""Pages with truth into what a model is fitted on: layout, features and targets of each block."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.blocks import cut
from classifier.features import featurise
from classifier.layout import Floats, Layout, Longs
from classifier.page import Page
from training.align import align_segments, align_snippets, align_text
from training.corpora import CorpusPage, Truth, read_html
from training.gold import GoldPage

UNKNOWN: Final = -1


@dataclass(frozen=True, eq=False)
class Sample:
    """One page, ready to be learned from; ``m`` blocks."""

    id: str
    corpus: str
    site: str
    """Registered domain: the group that cross-validation never splits."""
    layout: Layout
    values: npt.NDArray[np.float16]
    """(m, features)"""
    labels: Longs
    """(m) index of the true label, or UNKNOWN"""
    main: Floats
    """(m) share of the block that belongs to the main text, or UNKNOWN"""

    @property
    def page(self) -> Page:
        return self.layout.page


def make_sample(id: str, corpus: str, site: str, page: Page, labels: Longs | None, main: Floats | None) -> Sample:
    """Featurise one page; a truth that is not known is None."""
    layout = Layout(page)
    unknown = np.full(len(page), UNKNOWN)
    return Sample(
        id=id,
        corpus=corpus,
        site=site,
        layout=layout,
        values=np.clip(featurise(layout).values, -60_000, 60_000).astype(np.float16),
        labels=unknown if labels is None else labels,
        main=(unknown if main is None else main).astype(np.float32),
    )


def stack_values(samples: Iterable[Sample]) -> Floats:
    """(blocks of all samples, features)"""
    return np.concatenate([sample.values for sample in samples]).astype(np.float32)


def gold_samples(pages: Iterable[GoldPage]) -> Iterator[Sample]:
    """Labelled pages as samples; a page without a block gives none."""
    for gold in pages:
        page = cut(read_html(gold))
        if len(page):
            labels, _ = align_segments(page, gold.segments)
            yield make_sample(gold.id, "gold", gold.site, page, labels, None)


def corpus_samples(pages: Iterable[CorpusPage]) -> Iterator[Sample]:
    """Pages of a public corpus that have a truth about their main text."""
    for source in pages:
        page = cut(read_html(source))
        if not len(page):
            continue
        main = _main(page, source.truth)
        if main is not None:
            yield make_sample(source.id, source.source, source.site, page, None, main)


def _main(page: Page, truth: Truth) -> Floats | None:
    """Main text by whatever the corpus says: the whole of it, or snippets."""
    if truth.main is not None:
        if not truth.main.strip():  # nothing to learn from, but to be measured on
            return np.full(len(page), UNKNOWN, np.float32)
        main, report = align_text(page, truth.main)
        main[[block for block, _ in report.repeats]] = UNKNOWN
        if truth.headings or truth.summary:
            beside, _ = align_text(page, "\n".join((truth.title, *truth.headings, *truth.summary)))
            main = np.where((main < 0.5) & (beside >= 0.5), UNKNOWN, main)
        return main
    if truth.with_ or truth.without:
        return align_snippets(page, truth.with_, truth.without)[0].astype(np.float32)
    return None
