"""The command ``pagesieve batch``."""

import argparse
import json
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NoReturn

from tqdm import tqdm

from classifier.blocks import DEFAULT_LIMITS, Limits
from classifier.bulk.inputs import FORMATS, Fields
from classifier.bulk.pool import PoolError
from classifier.bulk.records import Wanted
from classifier.bulk.run import Batch, Result, run
from classifier.bulk.shards import ENDINGS, Tally, read_back
from classifier.cli import DONE, FAILED, USAGE, InputError, command

EXAMPLES: Final = """\
  pagesieve batch crawl.warc.gz -o out
  pagesieve batch pages/ more.jsonl.zst -o out --to parquet --blocks --jobs 8
  zcat dump.jsonl.gz | pagesieve batch - --format jsonl --html-field body -o out --summary -

A run that was stopped goes on where it was when it is started again with the same arguments.
exit codes: 0 every record was read or skipped (not HTML, empty), 1 some failed, 2 wrong usage, 130 interrupted"""


def add_batch(commands: Any) -> None:
    """Add ``batch`` to the command line."""
    help = "read folders, JSON Lines and web archives into shards of records"
    parser = command(commands, "batch", _batch, help, EXAMPLES)
    add = parser.add_argument
    add("inputs", metavar="INPUT", nargs="+", help="folder or file, .gz and .zst too; - for standard input")
    add("-o", "--out", type=Path, metavar="DIR", required=True, help="folder for the shards")
    add("--format", choices=FORMATS, help="of the inputs, where names do not tell; warc stands for WET, too")
    for name in ("html", "text", "url", "id"):
        add(f"--{name}-field", default=name, metavar="NAME", help=f"JSON Lines field of the {name} ({name})")
    add("--to", choices=tuple(ENDINGS), default="jsonl", help="what to write: gzipped JSON Lines, or Parquet")
    add("--markdown", action="store_true", help="put Markdown into the records")
    add("--blocks", action="store_true", help="put the labelled blocks into the records")
    add("--all-content", action="store_true", help="all content, not the main text alone")
    add("--model", metavar="FILE", help="a model for pages instead of the one that ships")
    add("--text-model", metavar="FILE", help="a model for plain text instead of the one that ships")
    add("--jobs", type=_positive, default=_cores(), metavar="N", help="worker processes (all cores)")
    add("--shard-size", type=_positive, default=10_000, metavar="N", help="records of a shard (10000)")
    add("--seconds", type=_positive, default=DEFAULT_LIMITS.max_seconds, metavar="N",
        help="time for a page; twice that, and its worker is killed (5)")  # fmt: skip
    add("--memory", type=_positive, metavar="MB", help="address space of a worker (no limit)")
    add("--problems", metavar="FILE", help="list the records that have a problem there, as JSON Lines")
    add("--summary", metavar="FILE", help="write the counts there as JSON; - for standard output")
    add("--quiet", action="store_true", help="no progress bar and no closing sentence")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value


_positive.__name__ = "number"  # argparse names it in its message


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _batch(options: argparse.Namespace) -> int:
    batch = Batch(
        inputs=tuple(options.inputs),
        out=options.out,
        format=options.format,
        fields=Fields(options.html_field, options.text_field, options.url_field, options.id_field),
        to=options.to,
        wanted=Wanted(options.markdown, options.blocks, options.all_content),
        shard_size=options.shard_size,
        model=options.model,
        text_model=options.text_model,
        limits=Limits(max_seconds=options.seconds),
    )
    began = perf_counter()
    try:
        result = _shown_run(batch, options)
        summary = _summary(result, batch, perf_counter() - began)
        _report(result, summary, options)
    except InputError as error:
        return _complain(str(error), USAGE)
    except PoolError as error:
        return _complain(str(error), FAILED)
    except OSError as error:
        return _complain(f"{error.filename or options.out}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _complain("stopped; the same command goes on from here", 130)
    return FAILED if result.tally.failed else DONE


def _shown_run(batch: Batch, options: argparse.Namespace) -> Result:
    with ExitStack() as stack:
        bars: list[tqdm[NoReturn]] = []

        def show(tally: Tally) -> None:
            if not bars:  # the first call tells what an earlier run has done
                bars.append(stack.enter_context(_bar(tally.records)))
            counts = tally.levels | tally.problems
            bars[0].set_postfix_str(" ".join(f"{name}={count}" for name, count in counts.items()), refresh=False)
            bars[0].update(tally.records - bars[0].n)

        memory = options.memory and options.memory << 20
        return run(batch, jobs=options.jobs, memory=memory, show=_nothing if options.quiet else show)


def _bar(done: int) -> "tqdm[NoReturn]":
    return tqdm(initial=done, unit="page", file=sys.stderr, disable=None, mininterval=0.5)


def _nothing(tally: Tally) -> None:
    """Show nothing."""


def _summary(result: Result, batch: Batch, seconds: float) -> dict[str, Any]:
    fresh = result.tally.records - result.resumed
    return {
        "out": str(batch.out),
        **result.tally.to_dict(),
        "shards": len(result.shards),
        "bytes": sum(path.stat().st_size for path in result.shards),
        "resumed": result.resumed,
        "seconds": round(seconds, 2),
        "pages_per_second": round(fresh / seconds, 1),
    }


def _report(result: Result, summary: dict[str, Any], options: argparse.Namespace) -> None:
    if options.problems:
        with open(options.problems, "w", encoding="utf-8") as file:
            for record in (
                record for path in result.shards for record in read_back(path) if record["problem"]
            ):
                head = {name: record[name] for name in ("id", "url", "problem")}
                file.write(json.dumps(head, ensure_ascii=False) + "\n")
    if options.summary == "-":
        print(json.dumps(summary, indent=2))
    elif options.summary:
        Path(options.summary).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    if not options.quiet:
        counts = "{records} records: {read} read, {skipped} skipped, {failed} failed".format(**summary)
        for name in ("levels", "problems"):
            if summary[name]:
                counts += f"; {name} " + ", ".join(f"{key} {count}" for key, count in summary[name].items())
        print(f"pagesieve: {counts}", file=sys.stderr)


def _complain(sentence: str, code: int) -> int:
    with suppress(OSError):
        print(f"pagesieve: {sentence}", file=sys.stderr)
    return code
