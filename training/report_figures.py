"""Figures as HTML: the headline table, confusion tables, groups and curves."""

from collections.abc import Mapping, Sequence

from classifier.labels import LABELS
from training.bootstrap import Figure
from training.charts import Axes, Line, chart
from training.evaluate import Figures, Groups
from training.formulas import LEVELS
from training.markup import Cells, plain, table
from training.mistakes import Mistakes, precision_recall
from training.targets import TARGETS, short_of, title_of

Learning = Sequence[tuple[int, Mapping[str, float]]]
"""Pages trained on, and figures by name."""


def headline_table(headline: Mapping[str, Figure]) -> str:
    """All figures with intervals and targets."""
    rows = [[title_of(name), *_figure(figure), *_target(name, figure)] for name, figure in headline.items()]
    return table(("", "figure", "95 % interval", "pages", "sites", "target", ""), rows)


def _figure(figure: Figure) -> Cells:
    interval = f"{figure.low:.3f} – {figure.high:.3f}"
    return f"<b>{figure.value:.4f}</b>", interval, str(figure.pages), str(figure.sites)


def _target(name: str, figure: Figure) -> Cells:
    target = TARGETS.get(name)
    if target is None:
        return "", ""
    verdict = "met" if target.met(figure.value) else "missed"
    return f"{'≤' if target.at_most else '≥'} {target.value:g}", f'<span class="{verdict}">{verdict}</span>'


def confusions(figures: Figures) -> str:
    """Tables of what was taken for what."""
    parts = []
    for name, heading, kinds in (
        ("gold.segments", "Labels: segments", (*LABELS, "none")),
        ("gold.words", "Labels: words", (*LABELS, "none")),
        ("access", "Access: pages", LEVELS),
    ):
        if name in figures.counts:
            rows = [_confusion_row(kinds, row, true) for true, row in enumerate(figures.counts[name])]
            parts.append(f"<h3>{heading}; rows are true, columns found</h3>{table(('', *kinds), rows)}")
    return "".join(parts)


def _confusion_row(kinds: Cells, row: Sequence[float], true: int) -> Cells:
    total = sum(row) or 1
    marks = ("<td class=hit>" if found == true else "<td>" for found in range(len(row)))
    cells = (
        f'{mark}{count:,.0f} <span class="faint">{count / total:.1%}</span></td>'
        for mark, count in zip(marks, row, strict=True)
    )
    return kinds[true], *cells


def group_table(groups: Groups) -> str:
    """Figures of each group of pages."""
    names = list(dict.fromkeys(name for figures in groups.values() for name in figures))
    rows = [
        [plain(group), _pages(figures), *(_short(figures.get(name)) for name in names)]
        for group, figures in groups.items()
    ]
    return table(("", "pages", *map(short_of, names)), rows)


def _pages(figures: Mapping[str, Figure]) -> str:
    return str(max(figure.pages for figure in figures.values()))


def _short(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return f'{figure.value:.3f} <span class="faint">{figure.low:.2f} – {figure.high:.2f}</span>'


def curves(figures: Figures, mistakes: Sequence[Mistakes]) -> str:
    """Precision over recall, and reliability, of each label."""
    lines = [
        Line(label, [(float(x), float(y)) for x, y in points], LABELS.index(label))
        for label, points in precision_recall(mistakes).items()
    ]
    drawn = [chart("Precision over recall, blocks", Axes("recall", "precision"), lines)] if lines else []
    axes = Axes("probability", "share of truths", diagonal=True)
    for tone, name in enumerate((*LABELS, "main")):
        if f"calibration.{name}" in figures.counts:
            points = _reliability(figures.counts[f"calibration.{name}"])
            drawn.append(chart(f"Reliability of {name}", axes, [Line(name, points, tone, dots=True)]))
    return f'<h3>Curves</h3><div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _reliability(counts: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Mean probability and share of truths of each bin that holds a block."""
    return [(share / n, truth / n) for n, share, truth in zip(*counts, strict=True) if n]


def learning_curve(learning: Learning) -> str:
    """Figures over the number of pages trained on."""
    names = list(dict.fromkeys(name for _, figures in learning for name in figures))
    lines = [
        Line(title_of(name), [(float(n), at[name]) for n, at in learning if name in at], tone % 5, dots=True)
        for tone, name in enumerate(names)
    ]
    axes = Axes("pages trained on", "figure", right=float(max(n for n, _ in learning)))
    return f'<h3>Learning curve</h3><div class="charts">{chart("Learning curve", axes, lines)}</div>'
