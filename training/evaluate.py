"""Readings of pages into the figures that the project is judged by, each with an interval over sites.

``evaluate(found, pages)`` measures the pages given: those of public corpora by each corpus's own measure,
labelled ones as ``shared/gold/score.py`` does, the access verdict and the calibration. A page without a
reading (its HTML gave no block) counts with an empty output. Pages written for this project are left out as
soon as there are other labelled ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from classifier.labels import LABELS
from training.bootstrap import Figure, estimate
from training.counts import AnyPage, Counted, count
from training.formulas import BINS, LEVELS
from training.readings import Key, Reading
from training.targets import TARGETS, short_of, title_of

Groups = Mapping[str, Mapping[str, Figure]]
"""Figures by name, for each group."""

LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "English": ("en",),
    "German, Dutch, Scandinavian": ("de", "nl", "da", "no", "nb", "nn", "sv", "is"),
    "Romance": ("fr", "it", "es", "pt", "ro", "ca", "gl"),
    "Japanese, Korean, Chinese": ("ja", "ko", "zh"),
}
OTHERS: Final = "other languages"
WIDTHS: Final = {"calibration": BINS, "gold": len(LABELS) + 1, "access": len(LEVELS)}
"""Columns of the tables that are kept, by the first part of their name."""
BY_GROUP: Final = ("gold.segments.macro", *(f"gold.segments.{label}.f1" for label in LABELS))


@dataclass(frozen=True, eq=False)
class Figures:
    """Everything measured in one evaluation."""

    headline: Mapping[str, Figure]
    groups: Mapping[str, Groups] = field(default_factory=dict)
    """Heading to group to figures."""
    counts: Mapping[str, list[list[float]]] = field(default_factory=dict)
    """The totals behind: confusion tables (rows true, columns found), and (blocks, shares, truths) by bin."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Digest of each corpus."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "headline": {name: figure.to_dict() for name, figure in self.headline.items()},
            "groups": {
                heading: {
                    group: {name: figure.to_dict() for name, figure in figures.items()}
                    for group, figures in groups.items()
                }
                for heading, groups in self.groups.items()
            },
            "counts": dict(self.counts),
            "data": dict(self.data),
        }

    def table(self) -> str:
        """Everything as lines for the terminal."""
        return "\n".join((*self._headlines(), *self._group_lines()))

    def _headlines(self) -> Iterator[str]:
        yield f"{'':56} {'':>6} {'95 % interval':>16}  {'target':>7}  pages"
        for name, figure in self.headline.items():
            goal = TARGETS.get(name)
            bound = f"{'≤' if goal.at_most else '≥'} {goal.value:.3f}" if goal else ""
            verdict = "" if not goal else "met" if goal.met(figure.value) else "missed"
            yield f"{title_of(name):56} {_shown(figure)}  {bound:>7} {figure.pages:6} {verdict}".rstrip()

    def _group_lines(self) -> Iterator[str]:
        for heading, groups in self.groups.items():
            names = list(dict.fromkeys(name for figures in groups.values() for name in figures))
            yield ""
            yield f"{heading:30} {'pages':>5} {' '.join(f'{short_of(name):>24}' for name in names)}"
            for group, figures in groups.items():
                pages = max(figure.pages for figure in figures.values())
                cells = (_shown(figures[name]) if name in figures else "–" for name in names)
                yield f"  {group:28} {pages:5} {' '.join(f'{cell:>24}' for cell in cells)}"


def _shown(figure: Figure) -> str:
    return f"{figure.value:.4f} [{figure.low:.3f}, {figure.high:.3f}]"


def evaluate(
    found: Iterable[Reading], pages: Sequence[AnyPage], data: Mapping[str, str] | None = None, seed: int = 0
) -> Figures:
    """Measure readings against the truths of ``pages``; ``data`` are digests to be kept beside the figures.

    :raises ValueError: if no page given has a truth that can be measured.
    """
    read = {reading.key: reading for reading in found}
    counted = count(read, pages)
    if not counted:
        raise ValueError("None of the pages has a truth to measure against; give labelled pages or corpora.")
    headline: dict[str, Figure] = {}
    counts: dict[str, list[list[float]]] = {}
    for part in counted.values():
        headline |= estimate(part.tally, part.formulas, seed)
        for name, columns in part.tables.items():
            width = WIDTHS[name.split(".")[0]]
            counts[name] = part.tally.totals[columns].reshape(-1, width).tolist()
    return Figures(headline, dict(_groups(counted, pages, seed)), counts, data or {})


# -- groups --------------------------------------------------------------------------------------------------


def language_group(language: str | None) -> str:
    """The group in which a page's language is reported.

    >>> language_group("sv"), language_group(None)
    ('German, Dutch, Scandinavian', 'other languages')
    """
    return next((group for group, codes in LANGUAGES.items() if language in codes), OTHERS)


def page_types(pages: Iterable[AnyPage]) -> dict[Key, str]:
    """Page type of each page; a labelled page that names none takes that of the same address in a corpus."""
    known = list(pages)
    by_url = {page.url: page.page_type for page in known if page.url and page.page_type}
    return {(p.source, p.id): p.page_type or by_url.get(p.url or "") or "unknown" for p in known}


def _groups(
    counted: Mapping[str, Counted], pages: Sequence[AnyPage], seed: int
) -> Iterator[tuple[str, Groups]]:
    types = page_types(pages)

    def type_of(page: AnyPage) -> str:
        return types[page.source, page.id]

    def language_of(page: AnyPage) -> str:
        return language_group(page.language)

    for name, heading, of, wanted in (
        ("wcxb", "WCXB by page type", type_of, ("wcxb.precision", "wcxb.recall", "wcxb.f1")),
        ("gold", "gold by page type", type_of, BY_GROUP),
        ("gold", "gold by language", language_of, BY_GROUP),
        ("access", "access by language", language_of, ("access.f1", "access.false_alarms")),
    ):
        if name in counted:
            part = counted[name]
            groups = np.array([of(page) for page in part.pages])
            made = {figure: part.formulas[figure] for figure in wanted}
            sizes = zip(*np.unique(groups, return_counts=True), strict=True)
            order = sorted(sizes, key=lambda pair: -pair[1])
            found = {str(group): estimate(part.tally.only(groups == group), made, seed) for group, _ in order}
            yield heading, {group: figures for group, figures in found.items() if figures}
