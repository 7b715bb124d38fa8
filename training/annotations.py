"""Labels of our own for pages of the public corpora: facts about pages that lie elsewhere, without their text.

``datasets/annotations.jsonl`` holds a page a line: corpus, id, what its access is, and for each block a short digest
of its text with its label. Labels are laid over freshly cut blocks by these digests in order, so that they survive a
change of the segmentation; what finds no place stays unlabelled.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

import numpy as np

from classifier.labels import LABELS
from classifier.layout import Longs
from classifier.page import Page
from training.align import UNKNOWN, match

Access = Literal["open", "metered", "gated", "unsure"]
ACCESS: Final[tuple[Access, ...]] = ("open", "metered", "gated", "unsure")

DIGITS: Final = 4
"""Hexadecimal digits of a digest. Order decides with them: neighbours that happen to agree are rare."""

_CODES: Final = "".join(label[0] for label in LABELS)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a reader said of one page of a corpus."""

    corpus: str
    id: str
    access: Access
    complete: bool
    digests: tuple[str, ...]
    """Of the blocks as they were cut when they were labelled."""
    labels: tuple[int, ...]
    """Index into ``LABELS`` of each."""


def block_digests(texts: Iterable[str]) -> tuple[str, ...]:
    """A short digest of each text, whatever its case and white space.

    >>> block_digests(["One  two", "one two"])[0] == block_digests(["One  two", "one two"])[1]
    True
    """
    plain = (" ".join(text.split()).casefold().encode("utf-8", "replace") for text in texts)
    return tuple(hashlib.sha256(text).hexdigest()[:DIGITS] for text in plain)


def lay(annotation: Annotation, page: Page) -> Longs:
    """(m) label of each block, or UNKNOWN."""
    labels = np.full(len(page), UNKNOWN, np.int64)
    known = np.array(annotation.labels, np.int64)
    for there, here, size in match(list(annotation.digests), list(block_digests(page.texts))):
        labels[here : here + size] = known[there : there + size]
    return labels


def write_annotations(annotations: Iterable[Annotation], path: Path) -> None:
    """Write a page a line, in the order of corpus and id."""
    lines = (json.dumps(_record(each)) for each in sorted(annotations, key=lambda each: (each.corpus, each.id)))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_annotations(path: str | Path) -> dict[tuple[str, str], Annotation]:
    """Annotations by corpus and id.

    Raises ``FileNotFoundError`` without the file, ``ValueError`` with file and line for an unsound record.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"No file {path}: name one such as datasets/annotations.jsonl.")
    found: dict[tuple[str, str], Annotation] = {}
    with Path(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                annotation = _parsed(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path}:{number}: no annotation of a page ({error}).") from None
            found[annotation.corpus, annotation.id] = annotation
    return found


def _record(annotation: Annotation) -> dict[str, object]:
    return {
        "schema": 1,
        "corpus": annotation.corpus,
        "id": annotation.id,
        "access": annotation.access,
        "complete": annotation.complete,
        "labels": _runs(annotation.labels),
        "blocks": "".join(annotation.digests),
    }


def _runs(labels: Sequence[int]) -> str:
    """Labels as runs: ``12n3c`` is twelve blocks of navigation, then three of content."""
    return "".join(f"{len(list(run))}{_CODES[label]}" for label, run in groupby(labels))


def _parsed(record: dict[str, object]) -> Annotation:
    if record["schema"] != 1:
        raise ValueError(f"schema {record['schema']!r} is unknown")
    labels: list[int] = []
    count = ""
    for char in str(record["labels"]):
        if char.isdigit():
            count += char
        else:
            labels += [_CODES.index(char)] * int(count)
            count = ""
    blocks = str(record["blocks"])
    digests = tuple(blocks[i : i + DIGITS] for i in range(0, len(blocks), DIGITS))
    if len(digests) != len(labels):
        raise ValueError(f"{len(labels)} labels for {len(digests)} blocks")
    access = next((known for known in ACCESS if known == record["access"]), None)
    if access is None:
        raise ValueError(f"access {record['access']!r} is unknown")
    return Annotation(
        str(record["corpus"]), str(record["id"]), access, bool(record["complete"]), digests, tuple(labels)
    )
