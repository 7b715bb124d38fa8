"""How the cost of a page grows with its size, and what memory it takes, on generated pages and real ones."""

import ctypes
import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import thread_time
from typing import Final

import lxml.html
import numpy as np

from classifier.blocks import Limits
from training.charts import Axes, Line, Point, chart

WORDS: Final = "The harbour was quiet when the first boats came in, and nobody spoke of the storm. "

SHAPES: Final[Mapping[str, str]] = {
    "deep": "<div>" + WORDS,
    "wide": "<p>" + WORDS + "</p>",
    "one text": WORDS,
    "tiny blocks": "<li><a href=/a>one</a></li>",
    "attributes": "<p " + " ".join(f"data-a{i}=x{i}" for i in range(20)) + " class='a b'>" + WORDS + "</p>",
}
"""What each kind of page repeats."""

SIZES: Final = (200, 2_000, 20_000, 200_000, 2_000_000)
"""Characters of the pages: four orders of magnitude."""
UNBOUND: Final = Limits(
    max_bytes=1 << 30, max_elements=1 << 30, max_blocks=1 << 30, max_text=1 << 30, max_seconds=1e9
)
"""A limit would make the last pages cheaper than they are."""
STEEP: Final = 1.1
"""Largest slope in logarithms: what grows faster is quadratic somewhere."""

Growth = Mapping[str, Sequence[Point]]
"""Characters and seconds of CPU by shape."""


def page_of(shape: str, size: int) -> str:
    """A page of one kind, of about so many characters."""
    return "<body>" + SHAPES[shape] * max(1, size // len(SHAPES[shape]))


def measure_growth(read: Callable[[bytes], object], sizes: Sequence[int] = SIZES) -> Growth:
    """Time pages of all shapes and sizes; the best of three, of two where a page takes seconds."""
    return {shape: [_timed(read, page_of(shape, size)) for size in sizes] for shape in SHAPES}


def _timed(read: Callable[[bytes], object], html: str) -> Point:
    data, best = html.encode(), float("inf")
    for _ in range(2 if len(data) > 500_000 else 3):
        start = thread_time()
        read(data)
        best = min(best, thread_time() - start)
    return len(data), max(best, 1e-9)


def slope(points: Sequence[Point]) -> float:
    """By what power the time grows: from a hundredth of the largest page on, since below that all is overhead.

    >>> slope([(10, 9.0), (1_000, 1.0), (10_000, 10.0), (100_000, 100.0)])
    1.0
    """
    largest = max(size for size, _ in points)
    sizes, seconds = np.log([point for point in points if point[0] >= 0.009 * largest]).T
    return round(float(np.polyfit(sizes, seconds, 1)[0]), 3)


def growth_table(growth: Growth) -> str:
    """Milliseconds by shape and size, and the slopes, in Markdown."""
    sizes = [f"{size:,.0f}" for size, _ in next(iter(growth.values()))]
    lines = ["| ms of CPU, by characters | " + " | ".join(sizes) + " | slope |", "|---|" + "---:|" * (len(sizes) + 1)]
    for shape, points in growth.items():
        cells = [f"{seconds * 1e3:.2f}" for _, seconds in points]
        lines.append(f"| {shape} | {' | '.join(cells)} | {slope(points):.2f} |")
    return "\n".join(lines)


def growth_chart(growth: Growth) -> str:
    """The same as a picture: both axes in powers of ten, so that a straight line is a power."""
    lines = [
        Line(f"{shape}: {slope(points):.2f}", [*_in_tens(points)], tone, dots=True)
        for tone, (shape, points) in enumerate(growth.items())
    ]
    xs, ys = zip(*(point for line in lines for point in line.points), strict=True)
    axes = Axes(
        "characters, power of ten", "ms of CPU, power of ten",
        float(np.floor(min(xs))), float(np.ceil(max(xs))), float(np.floor(min(ys))), float(np.ceil(max(ys))),
    )  # fmt: skip
    return chart("Time against size", axes, lines)


def _in_tens(points: Sequence[Point]) -> Iterator[Point]:
    for size, seconds in points:
        yield float(np.log10(size)), float(np.log10(seconds * 1e3))


# -- memory -----------------------------------------------------------------------------------------------------


def peak(read: Callable[[bytes], object], data: bytes) -> int:
    """Bytes by which the resident memory of a forked process rises at most while it reads a page. Linux alone.

    The child's peak begins at what the parent holds, and whatever runs there copies pages of memory by counting
    references: a second child, which reads a page of one word, is what is taken off. What the parent holds free would
    count for nothing and is given back first.
    """
    gc.collect()
    with suppress(AttributeError, OSError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)
    return max(_peak(lambda: read(data)) - _peak(lambda: read(b"<p>word")), 0)


def _peak(action: Callable[[], object]) -> int:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action()
            os.write(write_end, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())
        finally:
            os._exit(0)  # no handler of the parent may run a second time
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told or 0) * 1024


def measure_memory(read: Callable[[bytes], object], pages: Mapping[str, bytes]) -> dict[str, tuple[int, int]]:
    """Peak bytes of lxml's tree of each page, and of ours; nothing where the system cannot tell."""
    if not sys.platform.startswith("linux"):
        return {}
    return {
        name: (peak(lxml.html.document_fromstring, data), peak(read, data)) for name, data in pages.items()
    }


def memory_table(found: Mapping[str, tuple[int, int]]) -> str:
    """Megabytes of each page, and what ours takes above the tree, in trees."""
    lines = ["| peak MB | lxml tree | ours | above, in trees |", "|---|---:|---:|---:|"]
    for name, (tree, ours) in found.items():
        above = f"{(ours - tree) / tree:.1f}" if tree else ""
        lines.append(f"| {name} | {tree / 1e6:.1f} | {ours / 1e6:.1f} | {above} |")
    return "\n".join(lines)
