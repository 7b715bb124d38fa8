"""Points into inline SVG that follows the page's colours: no script, no outside resource."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Point = tuple[float, float]

WIDTH: Final = 360
HEIGHT: Final = 270
LEFT: Final = 46
RIGHT: Final = 10
TOP: Final = 12
BOTTOM: Final = 42
MAX_POINTS: Final = 150


@dataclass(frozen=True, slots=True)
class Line:
    """A series of a chart. ``tone`` is its colour's number in the page's style."""

    name: str
    points: Sequence[Point]
    tone: int = 0
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes measure, from where to where."""

    x: str
    y: str
    left: float = 0.0
    right: float = 1.0
    bottom: float = 0.0
    top: float = 1.0
    diagonal: bool = False
    """Draw the line on which both are equal."""

    def place(self, point: Point) -> tuple[float, float]:
        """Where a point lies in the picture."""
        across = (point[0] - self.left) / ((self.right - self.left) or 1)
        up = (point[1] - self.bottom) / ((self.top - self.bottom) or 1)
        x = LEFT + across * (WIDTH - LEFT - RIGHT)
        return round(x, 1), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1)


def chart(title: str, axes: Axes, lines: Sequence[Line]) -> str:
    """A picture with its title and legend as one figure."""
    legend = "".join(f'<li class="tone{line.tone}">{escape(line.name)}</li>' for line in lines)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(_frame(axes))}{''.join(_drawn(axes, lines))}</svg>"
        f'<ul class="legend">{legend}</ul></figure>'
    )


def _frame(axes: Axes) -> Iterator[str]:
    for step in range(6):
        share = step / 5
        x = axes.left + share * (axes.right - axes.left)
        value = axes.bottom + share * (axes.top - axes.bottom)
        across, up = axes.place((x, axes.bottom)), axes.place((axes.left, value))
        yield f'<path class="grid" d="M{LEFT} {up[1]}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 5}" y="{up[1] + 4}" text-anchor="end">{value:g}</text>'
        yield f'<text x="{across[0]}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{x:g}</text>'
    if axes.diagonal:
        yield _path("diagonal", axes, [(axes.left, axes.bottom), (axes.right, axes.top)])
    middle = (HEIGHT - BOTTOM) / 2
    yield f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axes.x)}</text>'
    yield f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>'


def _drawn(axes: Axes, lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        points = thinned(line.points)
        if points:
            yield _path(f"line tone{line.tone}", axes, points)
        if line.dots:
            for point in points:
                x, y = axes.place(point)
                yield f'<circle class="tone{line.tone}" cx="{x}" cy="{y}" r="3"/>'


def _path(kind: str, axes: Axes, points: Sequence[Point]) -> str:
    steps = "L".join("{} {}".format(*axes.place(point)) for point in points)
    return f'<path class="{kind}" d="M{steps}"/>'


def thinned(points: Sequence[Point]) -> list[Point]:
    """Evenly drawn points, as many as can be seen, with the first and the last.

    >>> len(thinned([(x / 1000, 0.0) for x in range(1000)])) <= MAX_POINTS
    True
    """
    if len(points) <= MAX_POINTS:
        return list(points)
    step = (len(points) - 1) / (MAX_POINTS - 1)
    return [points[round(index * step)] for index in range(MAX_POINTS)]
