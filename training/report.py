"""Figures and mistakes into one HTML file that needs nothing else: no script, no outside resource.

It answers three questions, in this order: how good is it, where is it wrong, what should be labelled next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from training.counts import AnyPage
from training.evaluate import Figures
from training.markup import CSS, Cells, plain, table
from training.mistakes import WORST, Mistakes, find_mistakes
from training.readings import Reading
from training.report_figures import Learning, confusions, curves, group_table, headline_table, learning_curve
from training.report_mistakes import advice, page_mistakes


def write_report(
    path: Path,
    figures: Figures,
    found: Iterable[Reading],
    pages: Sequence[AnyPage],
    *,
    learning: Learning = (),
    tables: Mapping[str, Sequence[Cells]] | None = None,
    title: str = "pagesieve: evaluation",
) -> None:
    """Write the report. ``tables`` are more of them by heading (importances, ablations), header row first."""
    mistakes = find_mistakes(found, pages)
    body = "\n".join(_sections(figures, mistakes, learning, tables or {}))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{plain(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{CSS}</style></head>\n<body><h1>{plain(title)}</h1>\n{body}\n</body></html>\n"
    )
    path.write_text(html, encoding="utf-8", errors="replace")


def _sections(
    figures: Figures, mistakes: Sequence[Mistakes], learning: Learning, tables: Mapping[str, Sequence[Cells]]
) -> Iterator[str]:
    yield (
        "<p>Every page was read by a model that saw no page of its site, with thresholds and calibration "
        "from other sites as well. Intervals hold 95 of 100 draws of as many sites.</p>"
    )
    yield "<h2>How good is it?</h2>" + headline_table(figures.headline)
    yield confusions(figures)
    yield curves(figures, mistakes)
    yield "".join(
        f"<h3>{plain(heading)}</h3>{group_table(groups)}" for heading, groups in figures.groups.items()
    )
    if learning:
        yield learning_curve(learning)
    for heading, rows in tables.items():
        yield f"<h3>{plain(heading)}</h3>" + table(rows[0], [[plain(c) for c in row] for row in rows[1:]])
    if mistakes:
        yield "<h2>What to label next</h2>" + advice(mistakes)
        yield f"<h2>Where is it wrong? The {min(WORST, len(mistakes))} costliest pages</h2>"
        yield "\n".join(page_mistakes(each) for each in mistakes[:WORST] if len(each.wrong))
    data = "".join(f"<li>{plain(name)}: {plain(digest)}</li>" for name, digest in figures.data.items())
    if data:
        yield f'<h2>Data</h2><p>SHA-256 over names and sizes.</p><ul class="faint">{data}</ul>'
