"""Labelled pages as plain text, the way that crawls without a DOM hold them: what the text model learns from."""

import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from classifier.labels import CONTENT, LABELS, NAVIGATION, Label
from classifier.plaintext import read_lines
from training.samples import UNKNOWN, Sample, make_sample

LONG: Final = 60
"""Characters from which a line counts as a paragraph, which many extractors part by blank lines."""

MIN_GLUED: Final = 4
MAX_GLUED: Final = 40
"""So many short menu or icon texts in a row may run into one line."""

Line = tuple[str, Label]


def text_samples(sample: Sample) -> Iterator[Sample]:
    """The blocks of a labelled page as lines, laid out in two ways; none for a page whose labels are not known.

    A WET record has a line a segment and no blank lines; other extractors part paragraphs, or all segments, by blank
    lines, and some run icon names and menus together. Which way a page is laid out hangs on its id alone.
    """
    known = (sample.labels != UNKNOWN).tolist()
    if sum(known) <= len(known) / 2:
        return
    pairs = zip(sample.page.texts, sample.labels.tolist(), known, strict=True)
    lines: list[Line] = [(" ".join(text.split()), LABELS[label]) for text, label, some in pairs if some]
    chance = random.Random(zlib.crc32(sample.id.encode()))
    yield _laid_out(sample, lines, "wet", chance)
    yield _laid_out(sample, list(_glued(lines, chance)), chance.choice(("paragraphs", "parted")), chance)


def _laid_out(sample: Sample, lines: Sequence[Line], layout: str, chance: random.Random) -> Sample:
    cut = read_lines("\n".join(_with_blanks(lines, layout, chance)))
    labels = np.array([LABELS.index(label) for _, label in lines], np.int64)[: len(cut)]
    main = (labels == CONTENT).astype(np.float32)
    return make_sample(sample.id, sample.corpus, sample.source, sample.site, cut, labels, main)


def _with_blanks(lines: Sequence[Line], layout: str, chance: random.Random) -> Iterator[str]:
    for text, _ in lines:
        yield text
        if layout == "parted" or (layout == "paragraphs" and (len(text) > LONG or chance.random() < 0.2)):
            yield ""


def _glued(lines: Sequence[Line], chance: random.Random) -> Iterator[Line]:
    """Some runs of short navigation texts without the white space between them."""
    run: list[str] = []
    for text, label in [*lines, ("", LABELS[CONTENT])]:
        if label == LABELS[NAVIGATION] and len(text) <= 24 and len(run) < MAX_GLUED:
            run.append(text)
            continue
        if len(run) >= MIN_GLUED and chance.random() < 0.5:
            yield "".join(run), LABELS[NAVIGATION]
        else:
            yield from ((part, LABELS[NAVIGATION]) for part in run)
        run = []
        if text:
            yield text, label
