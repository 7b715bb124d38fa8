"""``pagesieve train`` and ``pagesieve evaluate``, found by the main command through entry points."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from classifier.cli import DONE, USAGE, command
from classifier.modelfile import save_model
from training.train import NoPages, Trained, find_pages, train


def add_train(commands: Any) -> None:
    """Add ``train`` to the command."""
    parser = command(
        commands,
        "train",
        _train,
        "train models on labelled pages and public corpora",
        "  pagesieve train datasets/pages -o models/\n"
        "  pagesieve train datasets/pages --gold ../shared/gold --corpora corpora -o classifier/models",
    )
    _source_arguments(parser)
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder for html.npz and text.npz")


def _source_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path, help="folders of label files and pages")
    parser.add_argument("--gold", type=Path, help="folder of the gold set")
    parser.add_argument("--corpora", type=Path, help="folder that holds the unpacked corpora")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes for the features")


def _train(options: argparse.Namespace) -> int:
    started = time.monotonic()

    def progress(step: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {step}", file=sys.stderr)

    try:
        pages = find_pages(options.folders, options.gold, options.corpora)
    except (NoPages, FileNotFoundError, NotADirectoryError) as error:
        print(f"pagesieve: {error}", file=sys.stderr)
        return USAGE
    options.output.mkdir(parents=True, exist_ok=True)
    for kind in ("html", "text"):
        trained: Trained = train(pages, kind, seed=options.seed, jobs=options.jobs, progress=progress)
        target = options.output / f"{kind}.npz"
        save_model(trained.model, target)
        progress(f"{target}: {target.stat().st_size} bytes")
    return DONE
