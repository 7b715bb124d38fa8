"""``pagesieve train`` and ``pagesieve evaluate``, found by the main command through entry points."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from classifier.cli import DONE, FAILED, USAGE, command
from classifier.modelfile import save_model


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
    source_arguments(parser)
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder for html.npz and text.npz")


def source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what tells which pages to use."""
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path, help="folders of label files and pages")
    parser.add_argument("--gold", type=Path, help="folder of the gold set")
    parser.add_argument("--corpora", type=Path, help="folder that holds the unpacked corpora")
    parser.add_argument("--annotations", type=Path, help="labels for pages of the corpora (datasets/annotations.jsonl)")
    parser.add_argument("--gates", type=Path, help="fragments to compose training pages with (datasets/gates)")
    parser.add_argument("--cache", type=Path, help="folder that keeps featurised pages for the next run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes for the features")


def _refuse(error: Exception) -> int:
    print(f"pagesieve: {error}", file=sys.stderr)
    return USAGE


STEPS: Final = 9
"""Steps of one training: features, lexical scores, five folds, lexical stage and network on all pages."""


def _progress(steps: int = 0) -> Callable[[str], None]:
    """Steps as lines; of ``steps`` of them, where a person looks on, as a bar with the time left."""
    if steps and sys.stderr.isatty():
        from tqdm import tqdm

        shape = "{desc:44}{bar}{n_fmt}/{total_fmt}, {remaining} left"
        bar = tqdm(total=steps, file=sys.stderr, bar_format=shape, mininterval=0)

        def advance(step: str) -> None:
            bar.set_description_str(step[:42], refresh=False)
            bar.update()

        return advance
    started = time.monotonic()

    def progress(step: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {step}", file=sys.stderr)

    return progress


def _train(options: argparse.Namespace) -> int:
    from training.card import write_card
    from training.compose import read_fragments
    from training.evaluate import evaluate
    from training.fit import TooFewPages
    from training.readings import readings, tune_folds
    from training.train import find_pages, scored, train  # needs scikit-learn, which other commands do not

    progress = _progress(2 * STEPS + 2)
    try:
        pages = find_pages(options.folders, options.gold, options.corpora, options.annotations)
        fragments = read_fragments(options.gates) if options.gates else ()
        options.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        return _refuse(error)
    for kind in ("html", "text"):
        try:
            trained = train(
                pages,
                kind,
                seed=options.seed,
                jobs=options.jobs,
                fragments=fragments,
                cache=options.cache,
                progress=progress,
            )
        except TooFewPages as error:
            return _refuse(error)
        target = options.output / f"{kind}.npz"
        figures = None
        model = trained.model
        if kind == "html":  # the measures are of pages, not of lines
            found = readings(trained.predictions, tune_folds(trained.predictions))
            figures = evaluate(found, pages, seed=options.seed)
            model = scored(model, figures)
        save_model(model, target)
        write_card(target, model.contract, figures)
        progress(f"{target}: {target.stat().st_size} bytes")
    return DONE


def add_evaluate(commands: Any) -> None:
    """Add ``evaluate`` to the command."""
    parser = command(
        commands,
        "evaluate",
        _evaluate,
        "measure by cross-validation: every page read by a model that saw no page of its site",
        "  pagesieve evaluate datasets/pages\n"
        "  pagesieve evaluate datasets/pages --gold ../shared/gold --corpora corpora --report report.html",
    )
    source_arguments(parser)
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--report", type=Path, help="write the HTML report here")
    parser.add_argument(
        "--learning",
        action="store_true",
        help="with --report: a learning curve, and what each source of labels is worth: six cross-validations more",
    )
    parser.add_argument("--floors", type=Path, help="fail when a figure is below its floor in this file")
    parser.add_argument("--pin", action="store_true", help="write the floors file instead; never lowers a floor")
    parser.add_argument("--lower", action="store_true", help="with --pin: floors may sink")


def _evaluate(options: argparse.Namespace) -> int:
    from training.compose import read_fragments
    from training.evaluate import evaluate
    from training.fit import Stack, TooFewPages, cross_validate
    from training.floors import digests
    from training.importance import importances
    from training.learning import learning_curve, sources
    from training.readings import readings, tune_folds
    from training.report import write_report
    from training.train import find_pages, make_samples

    progress = _progress()
    try:
        pages = find_pages(options.folders, options.gold, options.corpora, options.annotations)
        fragments = read_fragments(options.gates) if options.gates else ()
        if options.floors and not options.pin and not options.floors.is_file():
            raise FileNotFoundError(f"No floors in {options.floors}: pin them first (--pin).")
    except (OSError, ValueError) as error:
        return _refuse(error)
    progress(f"features of {len(pages)} pages")
    try:
        samples = make_samples(pages, "html", options.jobs, fragments, options.cache)
        predictions = cross_validate(Stack(samples, options.seed), progress)
    except TooFewPages as error:
        return _refuse(error)
    progress("thresholds and figures")
    tuned = tune_folds(predictions)
    found = list(readings(predictions, tuned))
    figures = evaluate(found, pages, digests(options.corpora, options.gold), options.seed)
    print(figures.table())
    if options.json:
        options.json.write_text(json.dumps(figures.to_dict(), indent=1), encoding="utf-8")
    if options.report:
        rows = importances(predictions, tuned, progress)
        head = ("inputs", "macro-F1 of gold's blocks", "word-F1 of main text, by blocks")
        tables: dict[str, list[tuple[str, ...]]] = {"What the inputs are worth": [head, *rows]}
        curve = []
        if options.learning:
            curve = list(learning_curve(samples, options.seed, progress))
            worth = sources(samples, curve[-1][1], options.seed, progress)
            tables["What the sources of labels are worth"] = [*worth]
        write_report(options.report, figures, found, pages, learning=curve, tables=tables)
    return _hold_floors(figures, options) if options.floors else DONE


def _hold_floors(figures: Any, options: argparse.Namespace) -> int:
    from training.floors import check_floors, write_floors

    try:
        if options.pin:
            write_floors(figures, options.floors, lower=options.lower)
            return DONE
        below = check_floors(figures, options.floors)
    except ValueError as error:
        print(f"pagesieve: {error}", file=sys.stderr)
        return FAILED
    for sentence in below:
        print(f"pagesieve: {sentence}", file=sys.stderr)
    return FAILED if below else DONE
