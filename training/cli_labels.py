"""``pagesieve annotate`` and ``pagesieve check``, found by the main command through entry points."""

import argparse
import sys
from pathlib import Path
from typing import Any

from classifier.cli import DONE, FAILED, USAGE, InputError, command


def add_check(commands: Any) -> None:
    """Add ``check`` to the command."""
    parser = command(
        commands,
        "check",
        _check,
        "find every problem in label files, with its file and line",
        "  pagesieve check labels/\n  pagesieve check train/ test/   # finds pages that stand in both, too",
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path, help="label files beside their pages")


def _check(options: argparse.Namespace) -> int:
    check = _door("training.check", "train").check
    try:
        checked = check(options.folders)
    except FileNotFoundError as error:
        return _refuse(error)
    for sentence in checked.problems:
        print(sentence)
    for sentence in checked.notes:
        print(f"note: {sentence}", file=sys.stderr)
    faults = {0: "no problem", 1: "1 problem"}.get(len(checked.problems), f"{len(checked.problems)} problems")
    print(f"{checked.pages} pages, {checked.segments} segments: {faults}", file=sys.stderr)
    return FAILED if checked.problems else DONE


def add_annotate(commands: Any) -> None:
    """Add ``annotate`` to the command."""
    parser = command(
        commands,
        "annotate",
        _annotate,
        "open a local web page on which to correct the labels of pages",
        "  pagesieve annotate mypages/ --labels labels/\n"
        "  pagesieve annotate mypages/ --labels labels/ --model mine.npz --no-browser",
    )
    parser.add_argument("pages", metavar="PAGES", type=Path, help="folder of pages, .html or .html.gz")
    parser.add_argument("--labels", required=True, type=Path, help="folder for the label files; made if missing")
    parser.add_argument("--model", help="a model file instead of the one that ships")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")


def _annotate(options: argparse.Namespace) -> int:
    serve = _door("training.annotate.serve", "annotate").serve
    try:
        serve(options.pages, options.labels, options.model, port=options.port, browser=not options.no_browser)
    except (OSError, ValueError, OverflowError) as error:
        return _refuse(error)
    return DONE


def _door(module: str, extra: str) -> Any:
    """A module whose packages come with an extra. Raises ``InputError`` that names the extra if they are missing."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed: pip install 'pagesieve[{extra}]'") from None


def _refuse(error: Exception) -> int:
    print(f"pagesieve: {error}", file=sys.stderr)
    return USAGE
