"""A long stream through the pool: does memory grow, and how long does a killed worker hold things up?

    python -m training.soak --pages 100000
    python -m training.soak --pages 50000 --alone corpora

The second form reads the pages in this process, by one ``Sieve`` that is never replaced: the pages of the corpora over
and over, and between them pages of which no two are alike.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from tqdm import tqdm

from classifier import Sieve
from classifier.bulk import Source, lost_record, record_reader
from classifier.bulk.pool import Pool
from training.corpora import available, load, read_bytes

PROSE: Final = "The harbour was quiet that morning and nobody could say when boat {} would come in. "
FIRST: Final = 5_000
BEFORE: Final = 100
"""Pages before a round number at which memory is looked at: workers are replaced at round numbers."""
KILLS: Final = 20
MOST_GROWTH: Final = 30.0
"""MB by which one ``Sieve`` may grow from the first look at memory to the last."""


def pages(count: int) -> Iterator[Source]:
    """Small pages, no two alike: each has words, a class and a tag that no other has."""
    for n in range(count):
        text = "".join(f"<p class=c{n}>{PROSE.format(n * 7 + i)}" for i in range(5))
        html = f"<title>Boat {n}</title><nav><a href=/{n}>Home</a></nav><x{n}>{text}</x{n}>"
        yield Source(str(n), html.encode(), url=f"https://a.example/{n}")


def resident(pid: int) -> float:
    """Resident memory of a process in MB; needs /proc."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def grow(count: int, jobs: int) -> list[tuple[int, float, float]]:
    """Pages read, and MB of this process and of its largest worker, about ``FIRST`` pages and every tenth of all."""
    marks = {mark - BEFORE for mark in (FIRST, *range(count // 10, count + 1, count // 10))}
    found = []
    with Pool(record_reader, lost_record, jobs=jobs) as pool:
        records = pool.map(pages(count))
        for number, record in enumerate(tqdm(records, total=count, unit="page", disable=None), 1):
            if record["problem"] and record["text"] is None:
                raise RuntimeError(f"page {number}: {record['problem']}")
            if number in marks:
                workers = [resident(worker.process.pid or 0) for worker in pool._workers]
                found.append((number, resident(os.getpid()), max(workers, default=0.0)))
                print("| {:,} | {:.1f} | {:.1f} |".format(*found[-1]), flush=True)
    return found


def mixed(corpora: Path) -> Iterator[bytes | str]:
    """Real pages and small ones in turn, without end."""
    files = [page.path for name in available(corpora) for page in load(name, corpora).pages]
    if not files:
        raise FileNotFoundError(f"No pages in {corpora}: name the folder of the unpacked corpora.")
    for path, small in zip(cycle(files), pages(sys.maxsize), strict=False):
        yield read_bytes(path)
        yield small.data


def grow_alone(count: int, corpora: Path) -> list[tuple[int, float]]:
    """Pages read by one ``Sieve``, and MB of this process, about ``FIRST`` pages and every tenth of all."""
    marks = {FIRST, *range(count // 10, count + 1, max(count // 10, 1)), count}
    sieve, found = Sieve(), []
    for number, data in enumerate(tqdm(islice(mixed(corpora), count), total=count, unit="page", disable=None), 1):
        sieve.read(data).to_dict()
        if number in marks:
            found.append((number, resident(os.getpid())))
            print("| {:,} | {:.1f} |".format(*found[-1]), flush=True)
    return found


def _reader_that_dies() -> Callable[[Source], dict[str, Any]]:
    read = record_reader()
    read(Source("", "<p>warm"))

    def run(source: Source) -> dict[str, Any]:
        if source.url is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(source)

    return run


def recover(count: int = KILLS) -> list[float]:
    """Seconds from the loss of a page, and of the only worker with it, to the record of the next page."""
    found = []
    with Pool(_reader_that_dies, lost_record, jobs=1, chunk=1) as pool:
        good = next(pages(1))
        records = pool.map(source for _ in range(count) for source in (good, Source("bad", "<p>x")))
        for _ in range(count):
            began = perf_counter()
            next(records)
            found.append(perf_counter() - began)
            next(records)
    return found[1:]  # the first is the start


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code: 1 if memory grew by more than a tenth, alone by more than 30 MB."""
    parser = argparse.ArgumentParser(prog="training.soak", description="Run a long stream through the pool.")
    parser.add_argument("--pages", type=int, default=100_000, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--alone", type=Path, metavar="CORPORA", help="in this process, and with the corpora's pages")
    options = parser.parse_args(arguments)
    if options.pages < 1:
        parser.error(f"--pages must be at least 1, not {options.pages}")
    if options.alone:
        print("| pages | MB |\n|---:|---:|", flush=True)
        try:
            sizes = [size for _, size in grow_alone(options.pages, options.alone)]
        except FileNotFoundError as error:
            parser.error(str(error))
        return int(sizes[-1] > sizes[0] + MOST_GROWTH)
    waits = recover()
    print(f"recovery from {len(waits)} killed workers: median {median(waits):.2f} s, worst {max(waits):.2f} s\n")
    print("| pages | MB, parent | MB, largest worker |\n|---:|---:|---:|", flush=True)
    found = grow(options.pages, options.jobs)
    first, last = found[0], found[-1]
    return int(any(after > 1.1 * before for before, after in zip(first[1:], last[1:], strict=True)))


if __name__ == "__main__":
    sys.exit(main())
