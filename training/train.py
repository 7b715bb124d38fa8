"""The whole of training on one screen: labelled pages and corpora in, a model and its honest predictions out."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from joblib import Memory, Parallel, delayed

from classifier import features
from classifier.access import PRIOR, gather
from classifier.decide import balanced
from classifier.labels import LABELS
from classifier.model import Contract, Model, input_names
from training.annotations import read_annotations
from training.compose import Fragment
from training.corpora import CorpusPage, available, load
from training.evaluate import Figures
from training.fit import Fitted, Predictions, Stack, cross_validate, fit_all
from training.fit_access import AccessRow, fit_access
from training.gold import GoldPage, read_gold, read_pages
from training.plainlines import text_samples
from training.samples import UNKNOWN, Sample, composed_samples, corpus_sample, gold_sample
from training.tune import Tuned, tune

Kind = Literal["html", "text"]
AnyPage = GoldPage | CorpusPage
Progress = Callable[[str], None]

WITH_TRUTH: Final = ("wcxb", "fundus", "trafilatura", "readability")
"""Corpora that say what the main text is."""

CHUNK: Final = 20

MOST_CACHED: Final = "25G"
"""What the cache of samples may hold on disk; those used last stay. All corpora take about 10 GB."""


class NoPages(ValueError):
    """Nothing to train on."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, and what its making showed."""

    model: Model
    predictions: Predictions
    tuned: Tuned


def find_pages(
    folders: Sequence[Path], gold: Path | None, corpora: Path | None, annotations: Path | None = None
) -> list[AnyPage]:
    """Labelled pages of the folders and of the gold set, and the pages of all corpora that lie there.

    ``annotations`` is a file of labels for pages of the corpora (:mod:`training.annotations`).

    :raises NoPages: if there is none.
    """
    known = read_annotations(annotations) if annotations else {}
    pages: list[AnyPage] = []
    for folder in folders:
        pages += read_pages(folder)
    if gold is not None:
        pages += read_gold(gold)
    if corpora is not None:
        if not corpora.is_dir():
            raise FileNotFoundError(f"No folder {corpora}: name one that holds the unpacked corpora.")
        for name in available(corpora):
            if name in WITH_TRUTH:
                pages += (
                    replace(page, annotation=known.get((name, page.id))) for page in load(name, corpora).pages
                )
    if not pages:
        where = ", ".join(map(str, [*folders, *filter(None, (gold, corpora))]))
        where = f" in {where}" if where else ""
        raise NoPages(f"No labelled pages{where}; name a folder of label files (datasets/README.md).")
    return pages


def make_samples(
    pages: Sequence[AnyPage],
    kind: Kind = "html",
    jobs: int = 2,
    fragments: Sequence[Fragment] = (),
    cache: Path | None = None,
) -> list[Sample]:
    """Featurise pages over several processes, in their order; pages without text or truth give no sample.

    ``fragments`` are put into labelled pages, which gives further samples for training. ``cache`` is a folder in which
    finished samples are kept for the next run, as long as neither the pages nor the code changes.
    """
    chunks = [pages[i : i + CHUNK] for i in range(0, len(pages), CHUNK)]
    code = code_digest() if cache else ""
    work = Memory(cache, verbose=0).cache(_samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib tells how long it takes to write a large result
        done = Parallel(jobs)(delayed(work)(chunk, kind, tuple(fragments), code, _stamps(chunk)) for chunk in chunks)
    if cache:  # what older code made would stay for good
        Memory(cache, verbose=0).reduce_size(bytes_limit=MOST_CACHED)
    return [sample for samples in done for sample in samples]


def _stamps(pages: Iterable[AnyPage]) -> tuple[tuple[int, int], ...]:
    """Sizes and times of the pages' files: what a kept sample hangs on beside the record."""
    stats = (page.path.stat() for page in pages)
    return tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)


def code_digest() -> str:
    """Digest of all code and word lists that samples are made by."""
    found = hashlib.sha256()
    for package in ("classifier", "training"):
        root = Path(str(resources.files(package)))
        for path in sorted([*root.glob("*.py"), *root.glob("lexicon/*.txt"), *root.glob("*.pyx")]):
            found.update(path.read_bytes())
    return found.hexdigest()


def _samples(
    pages: Iterable[AnyPage], kind: Kind, fragments: Sequence[Fragment], code: str, stamps: object
) -> list[Sample]:
    return list(_each(pages, kind, fragments))


def _each(pages: Iterable[AnyPage], kind: Kind, fragments: Sequence[Fragment]) -> Iterator[Sample]:
    for page in pages:
        sample = gold_sample(page) if isinstance(page, GoldPage) else corpus_sample(page)
        if sample is None:
            continue
        made = [sample, *composed_samples(page, sample, fragments)]
        if kind == "html":
            yield from made
        else:
            yield from (line for each in made for line in text_samples(each))


def train(
    pages: Sequence[AnyPage],
    kind: Kind,
    *,
    seed: int = 0,
    jobs: int = 2,
    fragments: Sequence[Fragment] = (),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> Trained:
    """Fit one model. The same pages and seed give the same model."""
    progress(f"features of {len(pages)} pages")
    stack = Stack(make_samples(pages, kind, jobs, fragments, cache), seed, kind)
    predictions = cross_validate(stack, progress)
    everyone = np.ones(len(stack.samples), np.bool_)
    tuned = tune(predictions, everyone)
    fitted = fit_all(predictions, progress)
    access = access_coefficients(predictions, tuned, pages, everyone)
    contract = Contract(
        feature_version=features.VERSION,
        feature_names=input_names(),
        labels=LABELS,
        thresholds=tuned.thresholds,
        access=access,
        data=describe(stack.samples),
        scores={},
        name=f"pagesieve {kind}",
    )
    return Trained(assemble(contract, fitted, tuned), predictions, tuned)


def scored(model: Model, figures: Figures) -> Model:
    """The model with what it was measured at in its contract."""
    scores = {name: round(figure.value, 4) for name, figure in figures.headline.items()}
    return replace(model, contract=replace(model.contract, scores=scores))


def assemble(contract: Contract, fitted: Fitted, tuned: Tuned) -> Model:
    """The fitted parts with their calibration."""
    return Model(contract, fitted.lexical, fitted.network, tuned.calibration)


def access_rows(predictions: Predictions, tuned: Tuned, pages: Iterable[AnyPage]) -> Iterator[tuple[int, AccessRow]]:
    """Index of the sample, and what the verdict sees of it, for each labelled page whose access level is known."""
    gold = {(page.source, page.id): page for page in pages if isinstance(page, GoldPage)}
    stack = predictions.stack
    labels = stack.per_sample(tuned.calibration.label_probabilities(predictions.label_logits))
    main = stack.per_sample(tuned.calibration.main_probabilities(predictions.main_logits))
    for index, (sample, label, kept) in enumerate(zip(stack.samples, labels, main, strict=True)):
        page = gold.get((sample.source, sample.id))
        if page is None or page.access == "unsure":
            continue
        observed = gather(sample.page, balanced(label, tuned.thresholds), kept, url=page.url, layout=sample.layout)
        yield index, AccessRow(observed, page.access, sample.site, sample.id)


def access_coefficients(
    predictions: Predictions, tuned: Tuned, pages: Iterable[AnyPage], chosen: Any
) -> dict[str, Any]:
    """Coefficients of the verdict from the chosen samples (samples)."""
    rows = [row for index, row in access_rows(predictions, tuned, pages) if chosen[index]]
    return (fit_access(rows) if rows else PRIOR).to_dict()


def describe(samples: Sequence[Sample]) -> dict[str, Any]:
    """Pages and blocks by corpus, and a digest of all texts and truths."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.corpus}/{sample.id}\0".encode())
        digest.update("\n".join(sample.page.texts).encode("utf-8", "replace"))
        digest.update(sample.labels.tobytes() + sample.main.tobytes())
    labels = np.concatenate([sample.labels for sample in samples])
    return {
        "sha256": digest.hexdigest(),
        "pages": dict(Counter(sample.corpus for sample in samples)),
        "sites": len({sample.site for sample in samples}),
        "labelled_blocks": {name: int((labels == i).sum()) for i, name in enumerate(LABELS)},
        "main_blocks": int(sum((sample.main != UNKNOWN).sum() for sample in samples)),
    }
