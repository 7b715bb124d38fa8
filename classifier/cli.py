"""The command ``pagesieve``: pages in, text, labels and verdicts out. The only module of the package that prints."""

import argparse
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import classifier
from classifier.blocks import DEFAULT_LIMITS, cut
from classifier.drift import Change, State, StateError, changes, load_state, save_state, watch
from classifier.labels import Label
from classifier.modelfile import ModelFileError, default_model
from classifier.sieve import Reading, Sieve
from classifier.sitemodel import SiteModel, load_any

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes: all went well; some input failed; the command was used wrongly."""

EPILOG: Final = """\
exit codes: 0 done, 1 some input failed (the rest was done), 2 wrong usage

examples:
  pagesieve extract page.html
  pagesieve extract --format markdown --url https://example.com/a page.html
  curl -s https://example.com/ | pagesieve extract -
  pagesieve label pages/*.html.gz > labels.jsonl
  pagesieve show page.html
"""

COLOURS: Final[dict[Label, str]] = {"content": "32", "navigation": "34", "ad": "33", "paywall": "31"}


class InputError(Exception):
    """An input that could not be read; the message is one sentence for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # pages are in any language, whatever the locale
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except (ModelFileError, InputError) as error:
        print(f"pagesieve: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    return code


def make_parser() -> argparse.ArgumentParser:
    """The command line, with the subcommands of packages that add some."""
    parser = argparse.ArgumentParser(
        prog="pagesieve",
        description="Label the blocks of web pages as content, navigation, ad or paywall, and extract by the labels.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pagesieve {classifier.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_extract(commands)
    _add_label(commands)
    _add_show(commands)
    _add_info(commands)
    _add_watch(commands)
    for found in sorted(entry_points(group="pagesieve.commands"), key=lambda point: point.name):
        found.load()(commands)
    return parser


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, examples: str
) -> argparse.ArgumentParser:
    """Add a subcommand with its examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _page_arguments(parser: argparse.ArgumentParser, many: bool) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+" if many else 1, help="page, .gz too; - for standard input")
    parser.add_argument("--url", help="where the page was found")
    parser.add_argument("--encoding", help="charset or content type that came with it")
    parser.add_argument("--text", action="store_true", help="the input is plain text, not HTML")
    parser.add_argument("--model", help="a model file instead of the one that ships")


def _add_extract(commands: Any) -> None:
    parser = command(
        commands,
        "extract",
        _extract,
        "print the main text of pages",
        "  pagesieve extract page.html\n  pagesieve extract --format json --all-content page.html",
    )
    _page_arguments(parser, many=True)
    parser.add_argument("--format", choices=("text", "markdown", "html", "json"), default="text")
    parser.add_argument("--all-content", action="store_true", help="all content, not the main text alone")
    parser.add_argument("--links", action="store_true", help="keep links in Markdown")


def _add_label(commands: Any) -> None:
    parser = command(
        commands,
        "label",
        _label,
        "print one JSON object a page: access, metadata and labelled blocks",
        "  pagesieve label page.html\n  pagesieve label --text record.txt",
    )
    _page_arguments(parser, many=True)


def _add_show(commands: Any) -> None:
    parser = command(
        commands, "show", _show, "show the blocks of a page in colour", "  pagesieve show page.html | less -R"
    )
    _page_arguments(parser, many=False)
    parser.add_argument("--colour", choices=("auto", "always", "never"), default="auto")


def _add_info(commands: Any) -> None:
    parser = command(commands, "info", _info, "print versions and the model's contract as JSON", "  pagesieve info")
    parser.add_argument("--model", help="a model file instead of the one that ships")


def _add_watch(commands: Any) -> None:
    parser = command(
        commands,
        "watch",
        _watch,
        "say which sites of a crawl changed their layout, since when, and which pages to label first",
        "  pagesieve label pages/*.html > monday.jsonl\n"
        "  pagesieve watch state.json monday.jsonl\n"
        "  pagesieve watch state.json --merge other-worker.json --json",
    )
    parser.add_argument("state", metavar="STATE", type=Path, help="what is known so far; made if it is not there")
    parser.add_argument("readings", metavar="READINGS", nargs="*", help="JSONL of pagesieve label; .gz, - too")
    parser.add_argument("--merge", metavar="STATE", action="append", default=[], type=Path, help="another worker's")
    parser.add_argument("--json", action="store_true", help="print one JSON object a changed site")


# -- commands ---------------------------------------------------------------------------------------------------


def _extract(options: argparse.Namespace) -> int:
    def show(name: str, reading: Reading) -> None:
        print(_rendered(reading, options))
        if reading.problem:
            _warn(f"{name}: {reading.problem}")

    return _each(options, show)


def _rendered(reading: Reading, options: argparse.Namespace) -> str:
    if options.format == "markdown":
        return reading.markdown(all_content=options.all_content, links=options.links)
    if options.format == "html":
        return reading.html(all_content=options.all_content)
    if options.format == "json":
        return json.dumps(reading.to_dict(all_content=options.all_content), ensure_ascii=False)
    return reading.content if options.all_content else reading.text


def _label(options: argparse.Namespace) -> int:
    def show(name: str, reading: Reading) -> None:
        print(json.dumps({"id": page_id(name)} | reading.to_dict(), ensure_ascii=False))

    return _each(options, show)


def page_id(name: str) -> str:
    """The file's name without folder and endings.

    >>> page_id("pages/42.html.gz")
    '42'
    """
    base = Path(name).name
    for ending in (".gz", ".html", ".htm", ".txt"):
        base = base.removesuffix(ending)
    return base


def _show(options: argparse.Namespace) -> int:
    coloured = options.colour == "always" or (options.colour == "auto" and sys.stdout.isatty())

    def show(name: str, reading: Reading) -> None:
        for block in reading.blocks:
            mark = "*" if block.main else " "
            line = f"{block.label:10} {block.probabilities[block.label]:.2f} {mark} {' '.join(block.text.split())}"
            print(f"\x1b[{COLOURS[block.label]}m{line}\x1b[0m" if coloured else line)
        access = reading.access
        print(f"access: {access.level} ({access.probability:.2f}), declared: {access.declared}")
        for evidence in access.evidence:
            print(f"  {evidence.kind} {evidence.weight:+.2f} {evidence.where}: {evidence.excerpt}")
        if reading.problem:
            _warn(f"{name}: {reading.problem}")

    return _each(options, show)


def _info(options: argparse.Namespace) -> int:
    import lxml.etree
    import numpy

    model = load_any(options.model) if options.model else default_model("html")
    contract = model.contract
    print(
        json.dumps(
            {
                "pagesieve": classifier.__version__,
                "python": sys.version.split()[0],
                "numpy": numpy.__version__,
                "lxml": lxml.etree.__version__,
                "libxml2": ".".join(map(str, lxml.etree.LIBXML_VERSION)),
                "compiled": compiled_modules(),
                "model": {
                    "name": contract.name,
                    "licence": contract.licence,
                    "labels": contract.labels,
                    "feature_version": contract.feature_version,
                    "features": len(contract.feature_names),
                    "thresholds": contract.thresholds,
                    "data": contract.data,
                    "scores": contract.scores,
                },
                "sites": _sites(model) if isinstance(model, SiteModel) else {},
            },
            indent=2,
        )
    )
    return DONE


def _sites(model: SiteModel) -> dict[str, Any]:
    """What a site model says of each of its sites."""
    return {
        site: {**correction.about, "tokens": len(correction.weights)} for site, correction in model.corrections.items()
    }


def _watch(options: argparse.Namespace) -> int:
    try:
        state = load_state(options.state) if options.state.exists() else State()
        for other in options.merge:
            state = state.merged(load_state(other))
    except StateError as error:
        _warn(str(error))
        return USAGE
    refused: list[str] = []
    for name in _progress(options.readings):
        source = _Records(name, refused)
        try:
            state = watch(source, state, source.refuse)
        except InputError as error:
            refused.append(str(error))
    for sentence in refused:
        _warn(sentence)
    try:
        save_state(state, options.state)
    except StateError as error:
        _warn(str(error))
        return USAGE
    for change in changes(state):
        print(json.dumps(change.to_dict(), ensure_ascii=False) if options.json else _told(change))
    return FAILED if refused else DONE


@dataclass
class _Records:
    """The objects of a JSONL file, read line by line; what is none is refused with its line."""

    name: str
    refused: list[str]
    line: int = 0

    def refuse(self, error: Exception) -> None:
        self.refused.append(f"{self.name}:{self.line}: {error}")

    def __iter__(self) -> Iterator[Any]:
        try:
            with _opened(self.name) as file:
                for self.line, text in enumerate(file, 1):
                    yield from self._parsed(text)
        except FileNotFoundError:
            raise InputError(f"{self.name}: no such file") from None
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.name}: cannot be read ({getattr(error, 'strerror', None) or error})") from error

    def _parsed(self, text: bytes) -> Iterator[Any]:
        if not text.strip():
            return
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            self.refuse(ValueError("not JSON"))
            return
        yield record


def _opened(name: str) -> Any:
    if name == "-":
        return nullcontext(sys.stdin.buffer)
    return gzip.open(name) if name.endswith(".gz") else open(name, "rb")


def _told(change: Change) -> str:
    signs = "; ".join(f"{name} {before:.2f} -> {after:.2f}" for name, before, after in change.signs)
    pages = "".join(f"\n  label {page.confidence / 1000:.2f} {page.id} {page.url}".rstrip() for page in change.annotate)
    return f"{change.site}: changed {change.since}, {change.pages} pages since: {signs}{pages}"


def compiled_modules() -> list[str]:
    """The modules of the package that run compiled, by full name; none where it was installed without a compiler."""
    cut("<p>")  # some are loaded with the first page
    files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
    return sorted(
        name
        for name, file in files.items()
        if name.startswith("classifier.") and file.endswith(tuple(EXTENSION_SUFFIXES))
    )


# -- input and output -------------------------------------------------------------------------------------------


def _each(options: argparse.Namespace, show: Callable[[str, Reading], None]) -> int:
    """Read every file and show it; a file that cannot be read is reported and the rest goes on."""
    sieve = Sieve(options.model, text_model=options.model if options.text else None)
    code = DONE
    for name in _progress(options.files):
        try:
            data = read_input(name)
        except InputError as error:
            _warn(str(error))
            code = FAILED
            continue
        if options.text:
            reading = sieve.read_text(data, url=options.url, encoding=options.encoding)
        else:
            reading = sieve.read(data, url=options.url, encoding=options.encoding)
        show(name, reading)
        if not len(reading.page):
            code = FAILED
    return code


def read_input(name: str) -> bytes:
    """The bytes of a file or of standard input, unpacked if gzipped, and then as far as a page may go."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        if not name.endswith(".gz"):
            return data
        return gzip.GzipFile(fileobj=io.BytesIO(data)).read(DEFAULT_LIMITS.max_bytes + 1)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _progress(names: Iterable[str]) -> Iterator[str]:
    names = list(names)
    if len(names) < 2 or not sys.stderr.isatty():
        yield from names
        return
    from tqdm import tqdm

    yield from tqdm(names, unit="page", file=sys.stderr)


def _warn(sentence: str) -> None:
    print(f"pagesieve: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
