"""``pagesieve adapt`` and ``pagesieve compare``, found by the main command through entry points."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.cli import DONE, FAILED, USAGE, command
from classifier.model import Model
from classifier.modelfile import default_model, load_model
from classifier.sitemodel import SiteModel, load_any, load_site_model, save_site_model

if TYPE_CHECKING:
    from training.counts import AnyPage
    from training.gold import GoldPage

BASE = "base"
"""The name of the model that ships."""


def _refuse(error: Exception) -> int:
    print(f"pagesieve: {error}", file=sys.stderr)
    return USAGE


def _labelled(paths: Iterable[Path]) -> "list[GoldPage]":
    """The pages of label files and of folders of them.

    :raises ValueError: if there is none, or one is not sound.
    """
    from training.gold import read_page, read_pages

    given = list(paths)
    pages: list[GoldPage] = []
    for path in given:
        pages += [read_page(path)] if path.suffix == ".json" else read_pages(path)
    if given and not pages:
        raise ValueError(f"No labelled pages in {', '.join(map(str, given))}; annotate some (datasets/README.md).")
    return pages


# -- adapt ------------------------------------------------------------------------------------------------------


def add_adapt(commands: Any) -> None:
    """Add ``adapt`` to the command."""
    parser = command(
        commands,
        "adapt",
        _adapt,
        "teach the model a site's layout from a few corrected pages",
        "  pagesieve adapt labels/ --site example.com -o example.npz\n"
        "  pagesieve adapt labels/ --all-sites --merge others.npz -o sites.npz\n"
        "  pagesieve extract --model example.npz page.html",
    )
    parser.add_argument("labels", metavar="LABELS", nargs="+", type=Path, help="label files, or folders of them")
    parser.add_argument("--site", action="append", default=[], help="registered domain; may be given again")
    parser.add_argument("--all-sites", action="store_true", help="every site that the labels hold")
    parser.add_argument("--base", type=Path, help="model to correct, instead of the one that ships")
    parser.add_argument("--merge", action="append", default=[], type=Path, help="site model whose sites are kept too")
    parser.add_argument("-o", "--output", required=True, type=Path, help="the site model to write")


def _adapt(options: argparse.Namespace) -> int:
    from training.adapt import NothingToLearn, fit_correction, leave_one_out, lesson_of
    from training.samples import gold_sample

    try:
        pages = _labelled(options.labels)
        sites = _chosen([page.site for page in pages], options.site, options.all_sites)
        base = load_model(options.base) if options.base else default_model("html")
        model = SiteModel(base, {}, options.base.name if options.base else None)
        for path in options.merge:
            model = model.merged(load_site_model(path, base))
    except (OSError, ValueError) as error:
        return _refuse(error)
    corrections = dict(model.corrections)
    for site in sites:
        samples = (gold_sample(page) for page in pages if page.site == site)
        lessons = [lesson_of(sample, base) for sample in samples if sample is not None]
        worth = leave_one_out(lessons, base.contract.thresholds)
        try:
            corrections[site] = fit_correction(lessons, {"held_out": worth.to_dict()} if worth else {})
        except NothingToLearn as error:
            return _refuse(ValueError(f"{site}: {error}"))
        print(_worth_line(site, len(lessons), worth))
    try:
        save_site_model(SiteModel(base, corrections, model.base_file), options.output)
    except OSError as error:
        return _refuse(error)
    if options.base and options.base.resolve().parent != options.output.resolve().parent:
        print(f"pagesieve: keep a copy of {options.base} beside {options.output}: it is its base.", file=sys.stderr)
    return DONE


def _chosen(found: Sequence[str], wanted: Sequence[str], every: bool) -> list[str]:
    """The sites to adapt to, of those that the labels hold."""
    held = Counter(found)
    if every or (not wanted and len(held) == 1):
        return sorted(held)
    names = ", ".join(f"{name} ({count})" for name, count in held.most_common(5))
    if not wanted:
        raise ValueError(f"The labels are of {len(held)} sites; choose with --site or --all-sites: {names}.")
    for site in wanted:
        if site not in held:
            raise ValueError(f"No labelled page is of {site}; there are pages of {names}.")
    return sorted(set(wanted))


def _worth_line(site: str, pages: int, worth: Any) -> str:
    if worth is None:
        return f"{site}: 1 page; label a second one to see what the correction is worth"
    return (
        f"{site}: {pages} pages; each read with a correction from the others: main text F1"
        f" {worth.main_before:.3f} -> {worth.main_after:.3f}, labels right"
        f" {worth.labels_before:.3f} -> {worth.labels_after:.3f}"
    )


# -- compare ----------------------------------------------------------------------------------------------------


def add_compare(commands: Any) -> None:
    """Add ``compare`` to the command."""
    parser = command(
        commands,
        "compare",
        _compare,
        "say whether one model is better than another on the same pages; exit 1 if it is worse in anything",
        "  pagesieve compare base example.npz --on labels/\n"
        "  pagesieve compare base mine.npz --on labels/ --corpora corpora --json comparison.json",
    )
    parser.add_argument("champion", metavar="CHAMPION", help=f"model file, site model, or {BASE}: the one that ships")
    parser.add_argument("challenger", metavar="CHALLENGER", help="the same")
    parser.add_argument("--on", metavar="LABELS", nargs="+", default=[], type=Path, help="label files, or folders")
    parser.add_argument("--gold", type=Path, help="folder of the gold set")
    parser.add_argument("--corpora", type=Path, help="folder that holds the unpacked corpora")
    parser.add_argument("--json", type=Path, help="write the figures here")


def _compare(options: argparse.Namespace) -> int:
    from training.compare import NothingToCompare, compare, table
    from training.train import find_pages

    try:
        pages: list[AnyPage] = [*_labelled(options.on)]
        if options.gold or options.corpora or not pages:
            pages = [*pages, *find_pages([], options.gold, options.corpora)]
        models = [_model(name) for name in (options.champion, options.challenger)]
        compared = compare(models[0], models[1], pages)
    except (OSError, ValueError, NothingToCompare) as error:
        return _refuse(error)
    print(table(compared))
    if options.json:
        record = [each.to_dict() for each in compared]
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    worse = [each.title for each in compared if each.verdict == "worse"]
    if worse:
        print(f"pagesieve: {options.challenger} is worse in {', '.join(worse)}.", file=sys.stderr)
    return FAILED if worse else DONE


def _model(name: str) -> Model | SiteModel:
    return default_model("html") if name == BASE else load_any(name)
