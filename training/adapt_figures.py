"""What adapting to a site is worth: ``python -m training.adapt_figures --corpora corpora --gold ../shared/gold``.

Every site of a corpus with three pages or more is adapted on one, two or three of them and read on its others; the base
predictions are cross-validated, so that no base saw a page of the site. The truth taught is the corpus's own: on fundus
the paragraphs are main text and all else is not, headings and summary included, since that is what is measured.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import extraction
from classifier.decide import decide
from classifier.layout import Floats
from classifier.sitemodel import Correction, host_of, shifted
from training.adapt import Lesson, fit_correction
from training.align import align_text
from training.cli import source_arguments
from training.compose import read_fragments
from training.corpora import CorpusPage
from training.counts import AnyPage
from training.fit import Stack, cross_validate
from training.measures import word_scores
from training.readings import Reading, readings, tune_folds
from training.samples import UNKNOWN
from training.train import find_pages, make_samples
from training.tune import Tuned

LEAST_PAGES: Final = 3
DRAWS: Final = 6
"""Choices of pages to adapt on that are tried a site, at most."""
LOSS: Final = 0.01
"""A site that loses more is counted as worse."""


@dataclass(frozen=True, eq=False)
class Case:
    """A page as a lesson, and what is wanted of it."""

    lesson: Lesson
    truth: str
    thresholds: Mapping[str, float]

    def f1(self, correction: Correction | None = None) -> float:
        """Word-F1 of the main text, by the base or corrected."""
        x, labels, main = self.lesson.layout, self.lesson.base_labels, self.lesson.base_main
        if correction is not None:
            labels, main = shifted(labels, main, correction.shifts_of(self.lesson.tokens, x))
        kept = decide(x, labels, main, self.thresholds).main
        return word_scores(extraction.text(x.page, kept), self.truth).f1


@dataclass(frozen=True, slots=True)
class SiteWorth:
    """Mean F1 over a site's other pages and all choices of those adapted on."""

    site: str
    before: float
    after: float


def cases(
    found: Iterable[Reading], tuned: Sequence[Tuned], pages: Iterable[AnyPage], corpus: str
) -> dict[str, list[Case]]:
    """The pages of a corpus by site; those of WCXB by host: it drew on many parts of large domains."""
    known = {page.id: page for page in pages if isinstance(page, CorpusPage) and page.source == corpus}
    sites: dict[str, list[Case]] = {}
    for reading in found:
        page = known.get(reading.sample.id) if reading.sample.source == corpus else None
        if page is None or not page.truth.main:
            continue
        site = host_of(page.url or "") if corpus == "wcxb" else page.site
        sites.setdefault(site, []).append(_case(reading, page, tuned[reading.fold].thresholds))
    return {site: given for site, given in sites.items() if len(given) >= LEAST_PAGES}


def _case(reading: Reading, page: CorpusPage, thresholds: Mapping[str, float]) -> Case:
    sample, truth = reading.sample, page.truth.main or ""
    main: Floats = sample.main
    if page.truth.paragraphs:
        shares, report = align_text(sample.page, truth)
        shares[[block for block, _ in report.repeats]] = UNKNOWN
        main = shares.astype(np.float32)
    lesson = Lesson(sample.layout, sample.labels, main, reading.labels, reading.main)
    return Case(lesson, truth, thresholds)


def worths(sites: Mapping[str, Sequence[Case]], pages: int) -> Iterator[SiteWorth]:
    """What adapting on so many pages is worth, for each site that has more."""
    for site, given in sites.items():
        if len(given) <= pages:
            continue
        before = [case.f1() for case in given]
        scores = []
        for chosen in _draws(len(given), pages):
            correction = fit_correction([given[place].lesson for place in chosen])
            others = [place for place in range(len(given)) if place not in chosen]
            scores += [(before[place], given[place].f1(correction)) for place in others]
        yield SiteWorth(site, *np.mean(scores, axis=0).tolist())


def _draws(count: int, pages: int) -> list[tuple[int, ...]]:
    every = list(combinations(range(count), pages))
    if len(every) <= DRAWS:
        return every
    rng = np.random.default_rng(100 * count + pages)
    return [every[place] for place in sorted(rng.choice(len(every), DRAWS, replace=False).tolist())]


def summary(found: Sequence[SiteWorth]) -> dict[str, Any]:
    """Means over sites, the share of the error that is gone, and the site that lost most."""
    before, after = (float(np.mean([getattr(site, name) for site in found])) for name in ("before", "after"))
    worst = min(found, key=lambda site: site.after - site.before)
    return {
        "sites": len(found),
        "before": before,
        "after": after,
        "error_gone": 1 - (1 - after) / (1 - before) if before < 1 else 0.0,
        "worse": sum(site.after < site.before - LOSS for site in found),
        "worst_site": worst.site,
        "worst_change": worst.after - worst.before,
        "by_site": {site.site: [round(site.before, 4), round(site.after, 4)] for site in found},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.adapt_figures", description=__doc__)
    source_arguments(parser)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    pages = find_pages(options.folders, options.gold, options.corpora, options.annotations)
    fragments = read_fragments(options.gates) if options.gates else ()
    samples = make_samples(pages, "html", options.jobs, fragments, options.cache)
    predictions = cross_validate(Stack(samples, options.seed), lambda step: print(step, file=sys.stderr))
    tuned = tune_folds(predictions)
    found = list(readings(predictions, tuned))
    figures = {corpus: figures_of(cases(found, tuned, pages, corpus)) for corpus in ("fundus", "wcxb")}
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


def figures_of(sites: Mapping[str, Sequence[Case]]) -> dict[str, dict[str, Any]]:
    """Summaries by the number of pages adapted on."""
    found = {str(pages): list(worths(sites, pages)) for pages in (1, 2, 3)}
    return {pages: summary(sites_found) for pages, sites_found in found.items() if sites_found}


def table(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The figures as lines of a Markdown table."""
    lines = [
        "| corpus | pages | sites | F1 before | after | error gone | worse by > .01 | worst site |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for corpus, by_pages in figures.items():
        for pages, row in by_pages.items():
            lines.append(
                f"| {corpus} | {pages} | {row['sites']} | {row['before']:.3f} | {row['after']:.3f}"
                f" | {row['error_gone']:.0%} | {row['worse']} | {row['worst_change']:+.3f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
