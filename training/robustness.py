"""How pagesieve and its peers stand hostile pages: ``python -m training.robustness`` prints and writes the table.

Every case of :mod:`training.hostile` is read by each tool in a process of its own, with limits on its time and
memory. A tool that is not installed is left out; readability-lxml, which cannot be installed beside pagesieve, is
run by another interpreter: ``PAGESIEVE_READABILITY=/path/to/venv/bin/python``. ``PAGESIEVE_MODEL`` names another
model than the one that ships.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any, Final

from training.hostile import AFTER, BEFORE, CASES, Case

SECONDS: Final = 20
WAIT: Final = 15
"""Wall time that may pass for each CPU second, on a machine that has other things to do."""
MEMORY: Final = 2 << 30
"""CPU time and address space that a case may take before its process is killed."""

ROOT: Final = Path(__file__).parents[1]
TABLE_START: Final = "<!-- table: robustness -->"
TABLE_END: Final = "<!-- end of table -->"

Texts = tuple[str, str | None]
"""All text that a tool returned, and what it reported as not read."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one tool made of one case."""

    tool: str
    case: str
    ended: str
    """``result``, ``documented`` or ``other`` for an exception, ``killed`` for a process that had to be stopped."""
    before: bool = False
    after: bool = False
    reported: str | None = None
    """The limit or the reason that the tool names, or its exception."""
    cpu: float = 0.0
    """Seconds, without start-up."""
    peak: float = 0.0
    """MB of the whole process at its largest, libraries and model included."""

    @property
    def kept(self) -> bool:
        """Did both paragraphs come out?"""
        return self.before and self.after

    @property
    def lost(self) -> bool:
        """Text went missing and nothing was said."""
        return self.ended == "result" and CASES[self.case].shown and not self.kept and not self.reported


# -- the tools: each gets bytes and a charset -----------------------------------------------------------------


def _pagesieve() -> tuple[Callable[[bytes, str | None], Texts], tuple[type[Exception], ...]]:
    from classifier import LimitExceeded, Sieve

    sieve = Sieve(os.environ.get("PAGESIEVE_MODEL"))
    sieve.model("html")

    def read(data: bytes, charset: str | None) -> Texts:
        reading = sieve.read(data, url="https://a.example/b", encoding=charset)
        json.dumps(reading.to_dict(all_content=True), allow_nan=False).encode()
        reading.markdown(all_content=True, links=True).encode()
        reading.html(all_content=True).encode()
        return "\n".join(reading.page.texts), reading.problem

    return read, (LimitExceeded,)


def _trafilatura() -> tuple[Callable[[bytes, str | None], Texts], tuple[type[Exception], ...]]:
    from trafilatura import extract

    return lambda data, _: (extract(data) or "", None), ()


def _resiliparse() -> tuple[Callable[[bytes, str | None], Texts], tuple[type[Exception], ...]]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    def read(data: bytes, _: str | None) -> Texts:
        return extract_plain_text(bytes_to_str(data, detect_encoding(data) or "utf-8"), main_content=True), None

    return read, ()


def _readability() -> tuple[Callable[[bytes, str | None], Texts], tuple[type[Exception], ...]]:
    from readability import Document
    from readability.readability import Unparseable

    return lambda data, _: (Document(data).summary(), None), (Unparseable,)


TOOLS: Final[dict[str, Callable[[], tuple[Callable[[bytes, str | None], Texts], tuple[type[Exception], ...]]]]] = {
    "pagesieve": _pagesieve,
    "trafilatura": _trafilatura,
    "resiliparse": _resiliparse,
    "readability-lxml": _readability,
}


# -- one case in its own process ------------------------------------------------------------------------------


def run_case(tool: str, name: str) -> Result:
    """Read one case in a new process; whatever becomes of that process is the result."""
    python = os.environ.get("PAGESIEVE_READABILITY", sys.executable) if tool == "readability-lxml" else sys.executable
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.NamedTemporaryFile() as file:
        file.write(CASES[name].make())
        file.flush()
        command = [python, "-m", "training.robustness", "--child", tool, name, file.name]
        try:
            child = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS * WAIT, env=environment, cwd=ROOT
            )
        except subprocess.TimeoutExpired:
            return Result(tool, name, "killed", reported=f"hung for {SECONDS * WAIT} s", cpu=SECONDS)
    if -child.returncode in (signal.SIGXCPU, signal.SIGKILL):
        return Result(tool, name, "killed", reported=f"took {SECONDS} CPU s", cpu=SECONDS)
    if child.returncode or not child.stdout:
        return Result(tool, name, "killed", reported=f"code {child.returncode}: {child.stderr.strip()[-120:]}")
    return Result(tool, name, **json.loads(child.stdout))


def _child(tool: str, name: str, path: str) -> None:
    import resource

    read, documented = TOOLS[tool]()
    data = Path(path).read_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    start = process_time()
    until = int(start) + SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, until + 1))
    found: dict[str, Any]
    try:
        text, problem = read(data, CASES[name].charset)
        words = " ".join(text.split())
        found = {"ended": "result", "before": BEFORE in words, "after": AFTER in words, "reported": problem}
    except Exception as error:  # any exception of any tool is a result here
        kind = "documented" if isinstance(error, documented) else "other"
        found = {"ended": kind, "reported": f"{type(error).__name__}: {error}"[:200]}
    found["cpu"] = round(process_time() - start, 3)
    found["peak"] = round(_peak(), 1)
    print(json.dumps(found))


def _peak() -> float:
    """Most memory that this process held, in MB. Linux starts ``getrusage``'s figure at what the parent held."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status names no VmHWM: run this on Linux.")


# -- the table ------------------------------------------------------------------------------------------------


def installed(tool: str) -> bool:
    """Can the tool be run?"""
    python = os.environ.get("PAGESIEVE_READABILITY", sys.executable) if tool == "readability-lxml" else sys.executable
    module = {"pagesieve": "classifier", "readability-lxml": "readability"}.get(tool, tool)
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, cwd=ROOT).returncode == 0


def table(results: list[Result]) -> str:
    """The figures of each tool as a Markdown table."""
    shown = sum(case.shown for case in CASES.values() if case in _cases(results))
    lines = [
        f"| tool | cases | ended | documented error | other exception | killed | text kept (of {shown}) "
        "| lost unreported | worst CPU s | peak MB |",
        "|---|" + "---|" * 9,
    ]
    for tool in dict.fromkeys(result.tool for result in results):
        lines.append("| " + " | ".join(_row(tool, [result for result in results if result.tool == tool])) + " |")
    return "\n".join(lines)


def _cases(results: list[Result]) -> list[Case]:
    return [CASES[name] for name in dict.fromkeys(result.case for result in results)]


def _row(tool: str, own: list[Result]) -> Iterator[str]:
    ended = [result for result in own if result.ended != "killed"]
    slowest = max(ended, key=lambda result: result.cpu)
    largest = max(ended, key=lambda result: result.peak)
    yield from (tool, str(len(own)), str(sum(result.ended == "result" for result in own)))
    for kind in ("documented", "other", "killed"):
        yield str(sum(result.ended == kind for result in own))
    yield str(sum(result.kept and CASES[result.case].shown for result in own))
    yield str(sum(result.lost for result in own))
    yield f"{slowest.cpu:.1f} ({slowest.case})"
    yield f"{largest.peak:.0f} ({largest.case})"


def write_table(path: Path, text: str) -> None:
    """Put the table between its two marks in a document."""
    document = path.read_text(encoding="utf-8")
    before, _, rest = document.partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    path.write_text(f"{before}{TABLE_START}\n\n{text}\n\n{TABLE_END}{after}", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; the exit code is 1 if pagesieve failed one."""
    parser = argparse.ArgumentParser(prog="python -m training.robustness", description=__doc__)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--cases", nargs="+", default=list(CASES), metavar="CASE", help="names, or beginnings of names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result to FILE")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table into FILE, such as docs/robustness.md"
    )
    options = parser.parse_args(arguments)
    if options.child:
        _child(*options.child)
        return 0
    names = [name for name in CASES if name.startswith(tuple(options.cases))]
    results = []
    for tool in filter(installed, options.tools):
        for name in names:
            results.append(run_case(tool, name))
            print(_line(results[-1]), file=sys.stderr, flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    text = table(results)
    print(text)
    if options.write:
        write_table(options.write, text)
    return int(any(not passed(result) for result in results if result.tool == "pagesieve"))


def passed(result: Result) -> bool:
    """Does a result meet the bar: an end within 5 CPU seconds and 300 MB, no text lost in silence?"""
    return result.ended in ("result", "documented") and not result.lost and result.cpu <= 5 and result.peak <= 300


def _line(result: Result) -> str:
    text = "kept" if result.kept else "LOST" if result.lost else "-"
    return (
        f"{result.tool:17}{result.case:28}{result.ended:11}{text:6}{result.cpu:7.2f} s{result.peak:7.0f} MB"
        f"  {result.reported or ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
