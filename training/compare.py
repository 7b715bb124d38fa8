"""A challenger against a champion on the same pages: better, worse or no difference, figure by figure.

The intervals come from a paired bootstrap over sites and are widened so that all of them hold at once in 95 of 100
cases: a gate that asks twenty questions must not fail by chance at one of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from classifier.access import Access, gather, judge
from classifier.decide import decide
from classifier.model import Model
from classifier.sitemodel import SiteModel
from training import formulas
from training.bootstrap import Difference, paired
from training.corpora import CorpusPage
from training.counts import AnyPage, Counted, access_counts, count, gold_counts
from training.gold import GoldPage
from training.measures import word_scores
from training.readings import Key, Reading
from training.samples import Sample, corpus_sample, gold_sample
from training.targets import at_most, title_of

Verdict = Literal["better", "worse", "no difference"]

DOUBT: Final = 0.05
FIGURES: Final = (
    *("labels.macro", "labels.content.f1", "labels.navigation.f1", "labels.ad.f1", "labels.paywall.f1"),
    *("labelled.f1", "access.f1", "access.false_alarms"),
    *("wcxb.f1", "fundus.f1", "trafilatura.f1", "readability.f1"),
)
"""What is compared, as far as the pages speak of it."""

TITLES: Final = {"labelled.f1": "main text, labelled pages: words F1"}


class NothingToCompare(ValueError):
    """No page has a truth to measure against, or two have the same name."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both models."""

    name: str
    difference: Difference
    verdict: Verdict

    @property
    def title(self) -> str:
        """The figure's name in words."""
        return TITLES.get(self.name) or title_of(self.name.replace("labels.", "gold.segments.", 1))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {key: round(v, 4) if isinstance(v, float) else v for key, v in asdict(self.difference).items()}
        return {"name": self.name, "verdict": self.verdict, "difference": round(self.difference.value, 4), **values}


def compare(champion: Model | SiteModel, challenger: Model | SiteModel, pages: Sequence[AnyPage]) -> list[Compared]:
    """Both models on all pages; figures in the order of :data:`FIGURES`.

    :raises NothingToCompare: if no page has a truth, or two pages have the same id.
    """
    samples = dict(_samples(pages))
    sides = [_counted(model, samples, pages) for model in (champion, challenger)]
    wanted: dict[str, tuple[Counted, Counted, str]] = {}
    for part, before in sides[0].items():
        for figure in before.formulas:
            name = figure.replace("gold.segments.", "labels.", 1)
            if name in FIGURES:
                wanted[name] = before, sides[1][part], figure
    if not wanted:
        raise NothingToCompare("None of the pages has a truth to compare on; give labelled pages or corpora.")
    return [_compared(name, *wanted[name], DOUBT / len(wanted)) for name in FIGURES if _speaks(name, wanted)]


def _speaks(name: str, wanted: Mapping[str, tuple[Counted, Counted, str]]) -> bool:
    if name not in wanted:
        return False
    before, after, figure = wanted[name]
    totals = (float(side.formulas[figure](side.tally.totals)) for side in (before, after))
    return not any(map(np.isnan, totals))


def _compared(name: str, before: Counted, after: Counted, figure: str, doubt: float) -> Compared:
    found = paired(before.tally, after.tally, {figure: before.formulas[figure]}, doubt)[figure]
    sign = -1 if at_most(name) else 1
    low, high = sorted((sign * found.low, sign * found.high))
    verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "no difference"
    return Compared(name, found, verdict)


def table(compared: Iterable[Compared]) -> str:
    """The comparison as lines for the terminal."""
    lines = [f"{'':48} {'before':>7} {'after':>7} {'difference':>10} {'interval':>18}  pages  sites"]
    for each in compared:
        d = each.difference
        interval = f"[{d.low:+.4f}, {d.high:+.4f}]"
        lines.append(
            f"{each.title:48} {d.before:7.4f} {d.after:7.4f} {d.value:+10.4f} {interval:>18} {d.pages:6} {d.sites:6}"
            f"  {each.verdict}"
        )
    return "\n".join(lines)


# -- reading ----------------------------------------------------------------------------------------------------


def _samples(pages: Iterable[AnyPage]) -> Iterator[tuple[Key, tuple[Sample, str | None]]]:
    seen: set[Key] = set()
    for page in pages:
        key = page.source, page.id
        if key in seen:
            raise NothingToCompare(f"Two pages of {page.source} are called {page.id}; give each its own id.")
        seen.add(key)
        sample = gold_sample(page) if isinstance(page, GoldPage) else corpus_sample(page)
        if sample is not None:
            yield key, (sample, page.url)


def _counted(
    model: Model | SiteModel, samples: Mapping[Key, tuple[Sample, str | None]], pages: Sequence[AnyPage]
) -> dict[str, Counted]:
    read: dict[Key, Reading] = {}
    verdicts: dict[Key, Access] = {}
    for key, (sample, url) in samples.items():
        own = model.of_page(sample.page.facts, url) if isinstance(model, SiteModel) else model
        labels, main = own.predict(sample.layout)
        decision = decide(sample.layout, labels, main, own.contract.thresholds)
        read[key] = Reading(sample, 0, labels, main, decision)
        observed = gather(sample.page, decision.shares, main, url=url, layout=sample.layout)
        verdicts[key] = judge(observed, own.access)
    golds = [page for page in pages if isinstance(page, GoldPage)]
    parts = count(read, [page for page in pages if isinstance(page, CorpusPage)])
    if golds:
        parts |= {"gold": gold_counts(read, golds), "access": access_counts(verdicts, golds)}
        parts["labelled"] = _main_counts(read, golds)
    return {name: part for name, part in parts.items() if len(part.pages)}


def _main_counts(read: Mapping[Key, Reading], golds: Iterable[GoldPage]) -> Counted:
    """Word-F1 of the main text of the labelled pages that say which segments make it."""
    known = [page for page in golds if page.main is not None]
    rows = []
    for page in known:
        reading = read.get((page.source, page.id))
        truth = "\n".join(page.segments[place][0] for place in page.main or ())
        rows.append((word_scores(reading.text if reading else "", truth).f1, 1.0))
    return Counted(known, np.array(rows), formulas.means("labelled.f1"))
