"""Pages with truth into what a model is fitted on: layout, features and targets of each block."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.blocks import cut
from classifier.features import featurise
from classifier.labels import CONTENT, PAYWALL, Label
from classifier.layout import Floats, Layout, Longs
from classifier.network import Surroundings, surroundings
from classifier.page import Page
from training.align import UNKNOWN as UNKNOWN
from training.align import align_segments, align_snippets, align_text
from training.annotations import lay
from training.compose import Fragment, compose
from training.corpora import CorpusPage, Truth, read_html
from training.gold import GoldPage

COMPOSED: Final = "composed"
"""Corpus of the samples that were put together for training (:mod:`training.compose`)."""

VARIANTS: Final = 2
"""Composed pages that are made from one labelled page."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One page, ready to be learned from; ``m`` blocks."""

    id: str
    corpus: str
    """``gold`` for labelled pages, else the name of the corpus."""
    source: str
    """As the labelled page names it."""
    site: str
    """Registered domain: the group that cross-validation never splits."""
    layout: Layout
    values: npt.NDArray[np.float16]
    """(m, features)"""
    labels: Longs
    """(m) index of the true label, or UNKNOWN"""
    main: Floats
    """(m) share of the block that belongs to the main text, or UNKNOWN"""

    @cached_property
    def near(self) -> Surroundings:
        """What each block sees."""
        return surroundings(self.layout)

    @property
    def page(self) -> Page:
        """The page as blocks."""
        return self.layout.page


def make_sample(
    id: str, corpus: str, source: str, site: str, page: Page, labels: Longs | None, main: Floats | None
) -> Sample:
    """Featurise one page; a truth that is not known is None."""
    layout = Layout(page)
    unknown = np.full(len(page), UNKNOWN)
    return Sample(
        id=id,
        corpus=corpus,
        source=source,
        site=site,
        layout=layout,
        values=np.clip(featurise(layout).values, -60_000, 60_000).astype(np.float16),
        labels=unknown if labels is None else labels,
        main=(unknown if main is None else main).astype(np.float32),
    )


def gold_sample(gold: GoldPage) -> Sample | None:
    """A labelled page; None for a page without a block."""
    page = cut(read_html(gold))
    if not len(page):
        return None
    labels, _ = align_segments(page, gold.segments)
    if not all(gold.settled):  # a model must not learn from what another one guessed
        guesses: list[tuple[str, Label]] = [
            (text, "navigation" if settled else "content")
            for (text, _), settled in zip(gold.segments, gold.settled, strict=True)
        ]
        labels[align_segments(page, guesses)[0] == CONTENT] = UNKNOWN
    main = None
    if gold.main is not None:
        inside = set(gold.main)
        marked: list[tuple[str, Label]] = [
            (text, "content" if i in inside else "navigation") for i, (text, _) in enumerate(gold.segments)
        ]
        main = (align_segments(page, marked)[0] == CONTENT).astype(np.float32)
    return make_sample(gold.id, "gold", gold.source, gold.site, page, labels, main)


def corpus_sample(source: CorpusPage) -> Sample | None:
    """A page of a public corpus with what is known of it; None if that is nothing, or the page has no block."""
    page = cut(read_html(source))
    if not len(page):
        return None
    main = _main(page, source.truth)
    labels = lay(source.annotation, page) if source.annotation else None
    if main is None and labels is None:
        return None
    return make_sample(source.id, source.source, source.source, source.site, page, labels, main)


def composed_samples(
    source: GoldPage | CorpusPage, sample: Sample, fragments: Sequence[Fragment]
) -> Iterator[Sample]:
    """The labelled page again with gates put into it; none of a page that has one, or whose labels are not known."""
    if not fragments or (sample.labels == PAYWALL).any() or (sample.labels == UNKNOWN).mean() > 0.5:
        return
    html = read_html(source)
    for variant in range(VARIANTS):
        seed = zlib.crc32(f"{sample.source}/{sample.id}+{variant}".encode())
        made = compose(html, sample.page, sample.labels, source.language, fragments, seed)
        if made is not None and len(made[0]):
            page, labels = made
            yield make_sample(f"{sample.id}+{variant}", COMPOSED, COMPOSED, sample.site, page, labels, None)


def _main(page: Page, truth: Truth) -> Floats | None:
    """Main text by whatever the corpus says: the whole of it, or snippets."""
    if truth.main is not None:
        if not truth.main.strip():
            return np.zeros(len(page), np.float32)
        main, report = align_text(page, truth.main)
        main[[block for block, _ in report.repeats]] = UNKNOWN
        if truth.headings or truth.summary:
            beside, _ = align_text(page, "\n".join((truth.title, *truth.headings, *truth.summary)))
            main = np.where((main < 0.5) & (beside >= 0.5), UNKNOWN, main)
        return main.astype(np.float32)
    if truth.with_ or truth.without:
        return align_snippets(page, truth.with_, truth.without)[0].astype(np.float32)
    return None
