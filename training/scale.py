"""What a stream of pages costs: pages a second and core, memory and bytes, from archives built of the corpora.

    python -m training.scale --corpora DIR [--write docs/scale.md]

Every tool reads the same WARC file in a process of its own that is held to one core (or two). What it takes to start
is measured on the first few pages and taken off. Seconds of CPU are of all processes of a run, its workers among them,
and do not depend on what else the machine does; seconds by the clock do. The best of all rounds counts.

Memory is read from /proc now and then. Every 20 ms, as once, took a fifth of a core: runs on one core left it the
other, and those on two seemed to gain a tenth less than they did.
"""

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any, Final

from classifier import Sieve
from classifier.bulk.inputs import find_files, read_files
from classifier.bulk.records import Source
from training.bench import find_pages, machine
from training.corpora import read_bytes

START_PAGES: Final = 16
SAMPLE_SECONDS: Final = 0.5
ADOPT_ORPHANS: Final = 36
"""``PR_SET_CHILD_SUBREAPER`` of Linux: processes whose parent is gone become ours, and we are told what they took."""
PAGE_SIZE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

DAY_PAGES: Final = 1_000_000
SNAPSHOT_PAGES: Final = 3_000_000_000
CORE_HOUR: Final = 0.04
"""US dollars for a virtual core and hour, rented on demand; an assumption to be replaced by your own."""

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Read = Callable[[Source], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    seconds: float
    cpu: float
    memory: tuple[int, ...] = ()
    """Highest resident bytes of each process, the largest first."""

    def less(self, start: "Cost") -> "Cost":
        """Without what it took to start."""
        return Cost(self.seconds - start.seconds, self.cpu - start.cpu, self.memory)


# -- the archive ---------------------------------------------------------------------------------------------


def write_warc(pages: Iterable[Path], path: Path) -> int:
    """Write saved pages as the responses of a gzipped WARC file; returns the bytes of HTML."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    size = 0
    with open(path, "wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number, page in enumerate(pages):
            data = read_bytes(page)
            size += len(data)
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            url = f"https://site-{number}.example/"
            writer.write_record(
                writer.create_warc_record(url, "response", payload=BytesIO(data), http_headers=headers)
            )
    return size


def mixed(found: dict[str, list[Path]], limit: int | None) -> list[Path]:
    """Pages of all corpora in turn, so that the start of the list is like the whole."""
    keyed = [((i + 0.5) / len(paths), path) for paths in found.values() for i, path in enumerate(paths)]
    paths = [path for _, path in sorted(keyed)]
    count = min(limit or len(paths), len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


# -- the tools -----------------------------------------------------------------------------------------------


def _nothing() -> Read:
    return lambda source: None


def _bare() -> Read:
    sieve = Sieve()
    return lambda source: sieve.read(source.data, url=source.url, encoding=source.content_type).text


def _trafilatura() -> Read:
    from trafilatura import extract

    return lambda source: extract(source.data)


def _resiliparse() -> Read:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    def read(source: Source) -> object:
        data = source.data if isinstance(source.data, bytes) else source.data.encode()
        return extract_plain_text(bytes_to_str(data, detect_encoding(data) or "utf-8"), main_content=True)

    return read


TOOLS: Final[dict[str, Callable[[], Read]]] = {
    "archive alone": _nothing,
    "library": _bare,
    "resiliparse": _resiliparse,
    "trafilatura": _trafilatura,
}
"""Each reads what our own inputs take from the archive."""


def loop(tool: str, warc: Path, count: int | None) -> None:
    """Read an archive with one of ``TOOLS``, page by page."""
    read = TOOLS[tool]()
    for source in islice(read_files(find_files([str(warc)])), count):
        try:
            read(source)
        except Exception:  # a peer may raise anything on an odd page
            continue


# -- a run and what it took ----------------------------------------------------------------------------------


@dataclass
class Watch:
    """The memory of all processes of a session, by looking at them now and then."""

    session: int
    memory: dict[int, int] = field(default_factory=dict)

    def until(self, over: Event) -> None:
        """Look again and again."""
        while not over.wait(SAMPLE_SECONDS):
            self.look()

    def look(self) -> None:
        """One look."""
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.session:
                pid = int(entry.name)
                self.memory[pid] = max(self.memory.get(pid, 0), int(fields[21]) * PAGE_SIZE)


def cost(command: Sequence[str], cores: int) -> Cost:
    """Run a command on so many cores; raises ``CalledProcessError`` if it fails."""
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    env = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1)
    began = perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, allowed)), *command],
        start_new_session=True,
        env=env,
        stdout=subprocess.DEVNULL,
    )
    watch, over = Watch(process.pid), Event()
    with ThreadPoolExecutor(1) as beside:
        beside.submit(watch.until, over)
        _, status, usage = os.wait4(process.pid, 0)
        over.set()
    seconds = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = sum(each.ru_utime + each.ru_stime for each in (usage, *_orphans()))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds, cpu, tuple(sorted(watch.memory.values(), reverse=True)))


def _orphans() -> Iterator[resource.struct_rusage]:
    """What each process took whose parent is gone, with its own children: workers, and what forked them."""
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return
        yield usage


def tool_command(tool: str, warc: Path) -> list[str]:
    """The command that reads an archive with one of ``TOOLS``."""
    return [sys.executable, "-m", "training.scale", "--run", tool, str(warc)]


def batch_command(warc: Path, out: Path, *options: str) -> list[str]:
    """``pagesieve batch`` on an archive, into a folder that is not there yet."""
    return [sys.executable, "-m", "classifier.cli", "batch", str(warc), "-o", str(out), "--quiet", *options]


def runs(warc: Path, work: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Name, cores and command of each run."""
    for tool in TOOLS:
        yield tool, 1, tool_command(tool, warc)
    kinds = {
        "batch": ("--jobs", "1"),
        "batch, 2 cores": ("--jobs", "2"),
        "batch, blocks": ("--jobs", "1", "--blocks"),
        "batch, Parquet": ("--jobs", "1", "--to", "parquet"),
    }
    for name, options in kinds.items():
        out = Path(tempfile.mkdtemp(dir=work))
        yield name, 1 + ("2 cores" in name), batch_command(warc, out, *options)


def measure(warc: Path, few: Path, work: Path, rounds: int) -> dict[str, Cost]:
    """The best of some rounds of each run, without what it takes to start."""
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        starts = {name: cost(command, cores) for name, cores, command in runs(few, work)}
        for name, cores, command in runs(warc, work):
            found = cost(command, cores).less(starts[name])
            print(f"{name}: {found.seconds:.1f} s, {found.cpu:.1f} CPU s", file=sys.stderr)
            known = best.get(name, found)
            best[name] = Cost(
                min(known.seconds, found.seconds), min(known.cpu, found.cpu), max(known.memory, found.memory)
            )
    return best


# -- the report ----------------------------------------------------------------------------------------------


def summarise(costs: dict[str, Cost], pages: int, sizes: dict[str, float]) -> dict[str, Any]:
    """Figures a page, and what they come to for a day and a snapshot."""
    library, batch, two = costs["library"], costs["batch"], costs["batch, 2 cores"]
    return {
        "pages": pages,
        "sizes": sizes,
        "runs": {
            name: {
                "pages_per_second": pages / found.seconds,
                "pages_per_cpu_second": pages / found.cpu,
                "cpu_ms": found.cpu / pages * 1e3,
                "memory_mb": [size / 2**20 for size in found.memory],
            }
            for name, found in costs.items()
        },
        "overhead_cpu": batch.cpu / library.cpu - 1,
        "overhead_clock": batch.seconds / library.seconds - 1,
        "two_cores": batch.seconds / two.seconds,
    }


def table(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    lines = [
        f"{report['pages']} pages; " + ", ".join(f"{key}: {value}" for key, value in report["machine"].items()),
        "",
        "| run | pages/s | pages/CPU s | CPU ms a page | MB by process |",
        "|---|---:|---:|---:|---|",
    ]
    for name, run in report["runs"].items():
        memory = ", ".join(f"{size:.0f}" for size in run["memory_mb"] if size >= 20)
        figures = "{pages_per_second:.1f} | {pages_per_cpu_second:.1f} | {cpu_ms:.2f}".format(**run)
        lines.append(f"| {name} | {figures} | {memory} |")
    lines += [
        "",
        f"`batch` over the bare library: {report['overhead_cpu']:+.1%} CPU, {report['overhead_clock']:+.1%} by the"
        f" clock. Two cores against one: {report['two_cores']:.2f} ×.",
        "",
        "| KB a page | |",
        "|---|---:|",
        *(f"| {name} | {size:.1f} |" for name, size in report["sizes"].items()),
        "",
        "| tool | cores for 1 million pages a day | core hours for 3 billion pages | at $0.04 |",
        "|---|---:|---:|---:|",
    ]
    for name in ("batch", "resiliparse", "trafilatura"):
        if name in report["runs"]:
            speed = report["runs"][name]["pages_per_cpu_second"]
            hours = SNAPSHOT_PAGES / speed / 3600
            cores = DAY_PAGES / 86_400 / speed
            lines.append(f"| {name} | {cores:.2f} | {hours:,.0f} | ${hours * CORE_HOUR:,.0f} |")
    return "\n".join(lines)


def write_into(path: Path, text: str) -> None:
    """Put the figures between the two marks of a document.

    :raises ValueError: if the document has no such marks.
    """
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no {BEGIN} and {END}.")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="training.scale", description="Measure what a stream of pages costs.")
    add = parser.add_argument
    add("--corpora", type=Path, metavar="DIR", help="folder of unpacked corpora (default: our own pages)")
    add("--pages", type=int, metavar="N", help="at most so many")
    add("--rounds", type=int, default=2, metavar="N", help="the best of so many counts (2)")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    add("--write", type=Path, metavar="FILE", help="put the tables into this document")
    add("--run", nargs=2, metavar=("TOOL", "WARC"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _options(arguments)
    if options.run:
        loop(options.run[0], Path(options.run[1]), None)
        return 0
    pages = mixed(find_pages(options.corpora), options.pages)
    with tempfile.TemporaryDirectory(prefix="pagesieve-scale-") as name:
        work = Path(name)
        warc, few = work / "pages.warc.gz", work / "few.warc.gz"
        html = write_warc(pages, warc)
        write_warc(pages[:START_PAGES], few)
        costs = measure(warc, few, work, options.rounds)
        count = len(pages)
        sizes = {"HTML": html / count / 1e3, "WARC, gzipped": warc.stat().st_size / count / 1e3}
        sizes |= {name: _written(warc, work, extra) / count / 1e3 for name, extra in WRITTEN.items()}
        report = {"machine": machine()} | summarise(costs, count - START_PAGES, sizes)
    text = table(report)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if options.write:
        write_into(options.write, text)
    return 0


WRITTEN: Final = {
    "records, JSON Lines": (),
    "records with blocks, JSON Lines": ("--blocks",),
    "records, Parquet": ("--to", "parquet"),
}


def _written(warc: Path, work: Path, options: Sequence[str]) -> int:
    out = Path(tempfile.mkdtemp(dir=work))
    subprocess.run(batch_command(warc, out, *options), check=True, stdout=subprocess.DEVNULL)
    return sum(path.stat().st_size for path in out.glob("part-*"))


if __name__ == "__main__":
    sys.exit(main())
