"""How the time of a page grows with its size: ``python -m training.scaling`` fits CPU ~ n^k for 25 shapes of input.

An exponent of 1 is linear, of 2 quadratic. Limits on the size of pages are lifted, so that none of them hides growth.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Final

from classifier import Limits, Sieve
from classifier.blocks import DEFAULT_LIMITS

SIZES: Final = (10_000, 20_000, 40_000, 80_000, 160_000)
BAR: Final = 1.35
LIFTED: Final[Limits] = replace(
    DEFAULT_LIMITS, max_bytes=1 << 30, max_elements=1 << 30, max_blocks=1 << 30, max_text=1 << 30, max_seconds=1e9
)

SHAPES: Final[dict[str, Callable[[int], str]]] = {
    "paragraphs": lambda n: "<p>some words of text" * n,
    "breaks": lambda n: "word<br>" * n,
    "double_breaks": lambda n: "word<br><br>" * n,
    "nested_divs": lambda n: "<div>" * n,
    "nested_divs_with_text": lambda n: "<div>w" * n,
    "nested_spans": lambda n: "<span>w" * n,
    "closed_divs": lambda n: "<div>" * n + "</div>" * n,
    "unclosed_bold": lambda n: "<b>w" * n,
    "unclosed_links": lambda n: "<a href=/x>w" * n,
    "links": lambda n: "<a href=/x>w</a> " * n,
    "list_items": lambda n: "<ul>" + "<li>w" * n,
    "nested_lists": lambda n: "<ul><li>w" * n,
    "cells": lambda n: "<table><tr>" + "<td>w" * n,
    "rows": lambda n: "<table>" + "<tr><td>w<td>v" * n,
    "nested_tables": lambda n: "<table><tr><td>w" * n,
    "misnested": lambda n: "<b><p><i></b></p></i>" * n,
    "attributes": lambda n: "<p " + "".join(f"a{i}=1 " for i in range(n)) + ">w",
    "distinct_tags": lambda n: "".join(f"<t{i}>w</t{i}>" for i in range(n)),
    "distinct_classes": lambda n: "".join(f"<p class=c{i}>w" for i in range(n)),
    "text": lambda n: "<p>" + "some words of text " * n,
    "one_word": lambda n: "<p>" + "x" * n * 10,
    "less_than": lambda n: "<" * n * 10,
    "entities": lambda n: "<p>" + "&amp;&#65;" * n,
    "comments": lambda n: "<!-- x -->" * n,
    "end_tags": lambda n: "</p></div></b>" * n,
    "metas": lambda n: "<meta name=author content=x>" * n,
    "json_ld_list": lambda n: "<script type=application/ld+json>[" + '{"@type":"Article"},' * n + "]</script>",
    "json_ld_quotes": lambda n: "<script type=application/ld+json>" + '"a' * n + "\\</script>",
    "scripts": lambda n: "<script>x</script>" * n,
    "headings": lambda n: "<h2>w</h2>" * n,
}
"""Pages of ``n`` units."""


def exponent(seconds: dict[int, float]) -> float:
    """The slope of log seconds over log size, by least squares.

    >>> round(exponent({10: 0.5, 100: 50.0}), 6)
    2.0
    """
    points = [(math.log(size), math.log(max(time, 1e-4))) for size, time in seconds.items()]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope: float = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    return slope


def measure(sieve: Sieve, shape: Callable[[int], str], rounds: int) -> dict[int, float]:
    """CPU seconds of this process for each size, the least of some rounds."""
    found = {}
    for size in SIZES:
        html = shape(size)
        times = []
        for _ in range(rounds):
            start = process_time()
            sieve.read(html)
            times.append(process_time() - start)
        found[size] = min(times)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the exponent of each shape; the exit code is 1 if one is over the bar."""
    parser = argparse.ArgumentParser(prog="python -m training.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES), metavar="SHAPE")
    options = parser.parse_args(arguments)
    sieve = Sieve(os.environ.get("PAGESIEVE_MODEL"), limits=LIFTED)
    sieve.read("<p>load the model")
    print(f"| shape | k | {' | '.join(f'{size:,}' for size in SIZES)} |\n|---|---|{'---|' * len(SIZES)}")
    worst = 0.0
    for name in options.shapes:
        seconds = measure(sieve, SHAPES[name], options.rounds)
        worst = max(worst, exponent(seconds))
        columns = " | ".join(f"{time:.3f} s" for time in seconds.values())
        print(f"| {name} | {exponent(seconds):.2f} | {columns} |", flush=True)
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
