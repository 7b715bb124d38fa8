"""Predictions for the pages written for this project, as right or as wrong as a test wants them."""

from pathlib import Path

import numpy as np

from classifier.labels import LABELS
from training.corpora import CorpusPage, Truth
from training.fit import Predictions, Stack
from training.gold import read_pages
from training.samples import corpus_sample, gold_sample

FOLDER = Path(__file__).parents[1] / "datasets" / "pages"
TEXT = "The harbour bridge closes for a week while crews replace the steel plates beneath both of its lanes."
SHARE = "Share this"


def written(folder, name="tea", source="wcxb", page_type="article", main=TEXT, html=None):
    """A page of a corpus: a menu, a sentence, a share link."""
    path = folder / f"{name}.html"
    path.write_text(html or f"<nav><a href=/>Home</a></nav><main><p>{TEXT}</p></main><p>{SHARE}</p>", "utf-8")
    truth = Truth(main=main, paragraphs=(TEXT,), with_=(TEXT[:30],), without=(SHARE,))
    return CorpusPage(
        name, source, path, f"https://{name}.example/", f"{name}.example", page_type, "en", truth
    )


def labelled(count=12):
    return list(read_pages(FOLDER))[:count]


def oracle(pages, sure=9.0):
    """Predictions that know the truth, or, with a ``sure`` below 0, its contrary."""
    samples = [corpus_sample(page) if isinstance(page, CorpusPage) else gold_sample(page) for page in pages]
    stack = Stack([sample for sample in samples if sample is not None])
    labels = np.concatenate([sample.labels for sample in stack.samples])
    main = np.concatenate([sample.main for sample in stack.samples])
    known = np.where(main >= 0, main >= 0.5, labels == 0)
    right = np.arange(len(LABELS)) == labels[:, None]
    logits = np.where(right, sure, 0).astype(np.float32)
    return Predictions(
        stack, logits, np.where(known, sure, -sure).astype(np.float32), np.zeros((len(main), 10))
    )
