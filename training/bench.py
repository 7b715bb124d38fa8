"""What a page costs: ours by stages, beside the parse that nobody can do without and other extractors.

    python -m training.bench --corpora DIR

All tools read the same page one behind the other before the next page comes, in an order that rotates: what
else the machine does then meets all of them alike. Seconds are those of CPU, so that waiting for a core counts for
nobody. The unit is lxml's parse and ``text_content()``. Times
hold what it costs to free what was built. Ours starts from bytes; the peers, at their defaults, get decoded
text and are spared that part. Totals of our stages add up to our total; their medians need not.
"""

import os

# numpy's BLAS reads these when it is loaded: one core for everybody
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import gc
import json
import platform
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any, Final
from unittest.mock import patch

import lxml.html
from lxml import etree
from tqdm import tqdm

from classifier import Sieve, extraction, features, model, sieve
from classifier.cli import compiled_modules
from classifier.decode import decode
from classifier.model import Lexical, Model
from training.charts import Axes, Line, chart
from training.corpora import LAYOUT, read_bytes
from training.growth import (
    UNBOUND,
    growth_chart,
    growth_table,
    measure_growth,
    measure_memory,
    memory_table,
    page_of,
    slope,
)
from training.markup import CSS, plain
from training.markup import table as html_table

Tool = Callable[[bytes, str], object]
"""Reads a page, given as bytes and as the text that they decode to."""
Times = dict[str, list[float]]
"""Seconds by row of the table, one figure a page."""
Row = dict[str, Any]

UNIT: Final = "lxml parse + text_content()"
OURS: Final = "pagesieve"
REST: Final = "rest, tear-down"
STAGES: Final[tuple[tuple[str, Any, str], ...]] = (
    ("decode", sieve, "decode"),
    ("cut", sieve, "cut"),
    ("layout, features", features, "measured"),
    ("layout, features", model, "surroundings"),
    ("model: lexical", Lexical, "scores"),
    ("model: network", Model, "predict"),
    ("decide", sieve, "decide"),
    ("access", sieve, "gather"),
    ("access", sieve, "judge"),
    ("metadata", sieve, "read_metadata"),
    ("text", extraction, "text"),
)
"""Each stage, and where its function is looked up. What that calls of other stages counts for those."""

ROWS: Final = (*dict.fromkeys(stage for stage, _, _ in STAGES), REST)
CORPORA: Final = ("wcxb", "trafilatura")
SHIPPED: Final = Path(__file__).parents[1] / "datasets" / "pages"
WARM_UP: Final = 3


class StageClock:
    """Counts seconds for the innermost stage that is at work."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open = [REST]
        self._since = thread_time()

    def tick(self) -> None:
        """Charge the time since the last tick to the stage at work."""
        now = thread_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def run(self, tool: Tool, data: bytes, text: str) -> bool:
        """Count the seconds of one run of ``tool`` from zero; did it succeed?"""
        gc.collect()  # nobody pays for the litter of another
        self.tick()
        self.seconds.clear()
        try:
            tool(data, text)
        except Exception:  # a peer may raise anything on an odd page
            return False
        finally:
            self.tick()
        return True

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which opens and closes its stage."""

        @wraps(function)
        def run(*arguments: Any, **options: Any) -> Any:
            self.tick()
            self._open.append(stage)
            try:
                return function(*arguments, **options)
            finally:
                self.tick()
                self._open.pop()

        return run

    def installed(self) -> ExitStack:
        """A context in which the stages of :mod:`classifier` are timed."""
        stack = ExitStack()
        for stage, owner, name in STAGES:
            stack.enter_context(patch.object(owner, name, self.timed(stage, getattr(owner, name))))
        return stack


def find_pages(folder: Path | None, limit: int | None = None) -> dict[str, list[Path]]:
    """Pages by corpus, at most ``limit`` of each, evenly spread; those that ship without ``folder``.

    Raises ``FileNotFoundError`` if there is none.
    """
    found = {"datasets/pages": sorted(SHIPPED.glob("*.html"))}
    if folder is not None:
        found = {name: sorted((folder / name).glob(LAYOUT[name]["pages"])) for name in CORPORA}
    if not any(found.values()):
        raise FileNotFoundError(f"No page of {' or '.join(found)} in {folder or SHIPPED.parents[1]}.")
    return {name: _spread(paths, limit or len(paths)) for name, paths in found.items() if paths}


def _spread(paths: list[Path], limit: int) -> list[Path]:
    count = min(limit, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def _resiliparse() -> Tool:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda data, text: extract_plain_text(text, main_content=True)


def _trafilatura() -> Tool:
    from trafilatura import extract

    return lambda data, text: extract(text)


PEERS: Final[dict[str, Callable[[], Tool]]] = {"resiliparse": _resiliparse, "trafilatura": _trafilatura}


def make_tools(reader: Sieve, peers: bool = True) -> dict[str, Tool]:
    """What to time, by name; a peer that is not installed is left out."""
    tools: dict[str, Tool] = {
        UNIT: lambda data, text: lxml.html.document_fromstring(data).text_content(),
        OURS: lambda data, text: reader.read(data).text,
    }
    for name, make in PEERS.items() if peers else ():
        with suppress(ImportError):
            tools[name] = make()
    return tools


def measure(paths: Sequence[Path], tools: dict[str, Tool]) -> tuple[Times, Counter[str]]:
    """Seconds of each tool, and of our stages, on every page; and how often a tool raised.

    A page on which a tool raised counts with the time that took.
    """
    names = list(tools)
    times: Times = {row: [] for name in names for row in ((name, *ROWS) if name == OURS else (name,))}
    failures: Counter[str] = Counter()
    clock = StageClock()
    with clock.installed():
        for path in paths[:WARM_UP]:
            for tool in tools.values():
                clock.run(tool, data := read_bytes(path), decode(data).text)
        gc.freeze()  # what is loaded by now need not be looked through before every run
        for number, path in enumerate(tqdm(paths, unit="page", disable=None)):
            data = read_bytes(path)
            text = decode(data).text
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                failures[name] += not clock.run(tools[name], data, text)
                times[name].append(sum(clock.seconds.values()))
                for row in ROWS if name == OURS else ():
                    times[row].append(clock.seconds[row])
        gc.unfreeze()
    return times, +failures


def summarise(times: Times) -> list[Row]:
    """Figures of each row of the table; ratios are to the unit, shares are of our total."""
    unit, ours = times[UNIT], sum(times[OURS])
    return [
        {
            "row": row,
            "median_ms": median(seconds) * 1e3,
            "median_ratio": median(seconds) / median(unit),
            "total_s": sum(seconds),
            "total_ratio": sum(seconds) / sum(unit),
            "share": sum(seconds) / ours if row in (OURS, *ROWS) else None,
        }
        for row, seconds in times.items()
    ]


def table(rows: list[Row]) -> str:
    """The rows in Markdown; our stages are set off by a dash."""
    lines = ["| | median ms | × unit | total s | × unit | share |", "|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        name = f"– {row['row']}" if row["row"] in ROWS else row["row"]
        share = "" if row["share"] is None else f"{row['share']:.1%}"
        figures = "{median_ms:.3f} | {median_ratio:.2f} | {total_s:.2f} | {total_ratio:.2f}".format(**row)
        lines.append(f"| {name} | {figures} | {share} |")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """Processor, system and versions that the figures belong to."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    cpus = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    found = {
        "cpu": cpus[0] if cpus else platform.processor() or platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libxml2": ".".join(map(str, etree.LIBXML_VERSION)),
        "compiled": ", ".join(compiled_modules()) or "nothing",
    }
    for package in ("pagesieve", "numpy", "lxml", "resiliparse", "trafilatura"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed (pip install '.[peers]')"
    return found


def page_chart(name: str, times: Times) -> str:
    """Our cost and the peers' on each page, in units, the pages in order of that: all of them, not a median alone."""
    lines = []
    for tone, tool in enumerate(tool for tool in times if tool not in (UNIT, *ROWS)):
        ratios = sorted(seconds / unit for seconds, unit in zip(times[tool], times[UNIT], strict=True))
        points = [(rank / max(len(ratios) - 1, 1), min(ratio, WORST)) for rank, ratio in enumerate(ratios)]
        lines.append(Line(tool, points, tone))
    return chart(name, Axes("share of the pages", "units", top=WORST), lines)


WORST: Final = 40.0
"""Where the chart of the pages ends, in units."""


def write_page(path: Path, report: dict[str, Any], charts: Sequence[str]) -> None:
    """The report as one HTML file that needs nothing else."""
    sections = [f"<p>{plain(key)}: {plain(value)}</p>" for key, value in report["machine"].items()]
    for name, corpus in report["corpora"].items():
        header = ("", "median ms", "× unit", "total s", "× unit")
        keys = ("median_ms", "median_ratio", "total_s", "total_ratio")
        rows = [[plain(row["row"]), *(f"{row[key]:.2f}" for key in keys)] for row in corpus["rows"]]
        sections.append(f"<h2>{plain(name)}, {corpus['pages']} pages</h2>{html_table(header, rows)}")
    sections.append(f'<div class="charts">{"".join(charts)}</div>')
    head = f'<meta charset="utf-8"><title>pagesieve: cost of a page</title><style>{CSS}</style>'
    body = "\n".join(sections)
    path.write_text(f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n', "utf-8")


def _grown(model: str | None, found: dict[str, list[Path]]) -> tuple[dict[str, Any], str]:
    """Time and memory against size: figures for the report, and the chart. Memory is that of some real pages, too."""
    read = Sieve(model, limits=UNBOUND).read
    growth = measure_growth(read)
    pages = {f"{shape}, 1 MB": page_of(shape, 1_000_000).encode() for shape in growth}
    real = sorted((path for paths in found.values() for path in paths), key=lambda path: path.stat().st_size)
    for share in (0.5, 0.9, 0.99):
        data = read_bytes(real[int(share * len(real))])
        pages[f"page of {len(data) / 1e6:.2f} MB, larger than {share:.0%}"] = data
    memory = measure_memory(read, pages)
    print(f"\n{growth_table(growth)}\n\n{memory_table(memory)}")
    slopes = {shape: slope(points) for shape, points in growth.items()}
    return {"growth": growth, "slopes": slopes, "memory": memory}, growth_chart(growth)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="training.bench", description="Time a page, tool by tool.")
    add = parser.add_argument
    add("--corpora", type=Path, metavar="DIR", help="folder of unpacked corpora (default: our own pages)")
    add("--pages", type=int, metavar="N", help="at most so many of each corpus")
    add("--profile", action="store_true", help="our stages beside the unit, without peers")
    add("--model", metavar="FILE", help="a model file instead of the one that ships")
    add("--growth", action="store_true", help="time and memory against size, too, on generated pages")
    add("--html", type=Path, metavar="FILE", help="write tables and charts there")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    if options.pages is not None and options.pages < 1:
        parser.error(f"--pages must be at least 1, not {options.pages}")
    try:
        options.found = find_pages(options.corpora, options.pages)
    except FileNotFoundError as error:
        parser.error(str(error))
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _options(arguments)
    tools = make_tools(Sieve(options.model), peers=not options.profile)
    report: dict[str, Any] = {"machine": machine(), "corpora": {}}
    print("\n".join(f"{key}: {value}" for key, value in report["machine"].items()))
    charts = []
    for name, paths in options.found.items():
        times, failures = measure(paths, tools)
        rows = summarise(times)
        report["corpora"][name] = {"pages": len(paths), "failures": failures, "rows": rows}
        print(f"\n{name}, {len(paths)} pages\n\n{table(rows)}")
        for tool, count in failures.items():
            print(f"{tool} raised on {count} of them.")
        charts.append(page_chart(name, times))
    if options.growth:
        grown, picture = _grown(options.model, options.found)
        report |= grown
        charts.append(picture)
    if options.html:
        write_page(options.html, report, charts)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
