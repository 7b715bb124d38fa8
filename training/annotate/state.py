"""A page's labels while a person works on them: every block with its label and how it came by it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, get_args

import numpy as np

from classifier.inline import clean
from classifier.labels import CONTENT, LABELS, Label
from classifier.page import Page
from classifier.sieve import Reading
from training.align import Ints, align_segments
from training.gold import Access, Status

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
PREDICTED, CORRECTED, CONFIRMED = range(len(STATUSES))
ACCESS: Final[tuple[Access, ...]] = get_args(Access)
MAX_NOTES: Final = 20_000
"""Characters of the notes on a page."""


class Refused(ValueError):
    """What came is no state of this page; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class State:
    """Labels and what belongs to them, for the ``m`` blocks of a page."""

    labels: tuple[int, ...]
    """(m) index into ``LABELS``"""
    status: tuple[int, ...]
    """(m) index into ``STATUSES``"""
    main: tuple[int, ...] | None
    """Blocks of the main text; ``None`` where nobody said."""
    access: Access
    """``unsure`` where nobody said."""
    complete: bool
    notes: str

    @property
    def settled(self) -> tuple[bool, ...]:
        """(m) whether a person stands behind the label."""
        return tuple(status != PREDICTED for status in self.status)


def predicted_state(reading: Reading) -> State:
    """What the model says of a page that nobody has looked at."""
    labels = tuple(reading.decision.labels.tolist())
    complete = reading.access.complete is not False
    return State(labels, (PREDICTED,) * len(labels), None, "unsure", complete, "")


def state_of(record: Mapping[str, Any], reading: Reading) -> tuple[State, tuple[str, ...]]:
    """A sound label record laid over the page as it is cut now, and the segments that found no place.

    Blocks that no segment explains keep the model's label; nothing is guessed from their neighbours.
    """
    guess = predicted_state(reading)
    head = {"access": record["access"], "complete": record["complete"], "notes": record.get("notes") or ""}
    rows = _rows(record)
    main = record.get("main")
    if [row.text for row in rows] == texts_of(reading.page):
        labels = tuple(LABELS.index(row.label) for row in rows)
        status = tuple(row.status for row in rows)
        return State(labels, status, None if main is None else tuple(main), **head), ()
    found, missing = place(reading.page, [(row.text, row.label) for row in rows])
    placed = [row for index, row in enumerate(rows) if index not in set(missing)]
    labels = tuple(int(new) if new >= 0 else old for new, old in zip(found, guess.labels, strict=True))
    laid = replace(guess, labels=labels, status=_laid_status(reading.page, placed, found.tolist()), **head)
    if main is not None:
        laid = replace(laid, main=_where(reading.page, placed, lambda row: row.main))
    return laid, tuple(rows[index].text for index in missing)


@dataclass(frozen=True, slots=True)
class _Row:
    """One segment of a label file with all that is said of it."""

    text: str
    label: Label
    status: int
    path: str
    main: bool


def _rows(record: Mapping[str, Any]) -> list[_Row]:
    segments = record["segments"]
    status = record.get("status") or ["confirmed"] * len(segments)
    paths = record.get("paths") or [""] * len(segments)
    main = set(record.get("main") or ())
    return [
        _Row(text, label, STATUSES.index(one), path, index in main)
        for index, ((text, label), one, path) in enumerate(zip(segments, status, paths, strict=True))
    ]


def place(page: Page, segments: Sequence[tuple[str, Label]]) -> tuple[Ints, tuple[int, ...]]:
    """Label of each block (m), -1 where no segment lies, and which segments found no place.

    Those do not count at all: a word of theirs that stands elsewhere too must not label that.
    """
    labels, report = align_segments(page, segments)
    if report.missing:
        stray = set(report.missing)
        labels, _ = align_segments(page, [one for index, one in enumerate(segments) if index not in stray])
    return labels, report.missing


def _laid_status(page: Page, rows: Sequence[_Row], found: Sequence[int]) -> tuple[int, ...]:
    """Statuses by text and path, by text alone, else ``confirmed`` where a settled segment lies."""
    by_place = {(row.text, row.path): row.status for row in rows}
    by_text = {row.text: row.status for row in rows}
    settled = set(_where(page, rows, lambda row: row.status != PREDICTED))
    laid = []
    for block, (text, path) in enumerate(zip(texts_of(page), page.xpaths(page.elements), strict=True)):
        fallback = by_text.get(text, CONFIRMED if block in settled else PREDICTED)
        laid.append(by_place.get((text, path), fallback) if found[block] >= 0 else PREDICTED)
    return tuple(laid)


def _where(page: Page, rows: Sequence[_Row], chosen: Callable[[_Row], bool]) -> tuple[int, ...]:
    """Blocks over which mostly chosen segments lie."""
    marked: list[tuple[str, Label]] = [(row.text, "content" if chosen(row) else "navigation") for row in rows]
    return tuple(np.flatnonzero(align_segments(page, marked)[0] == CONTENT).tolist())


def texts_of(page: Page) -> list[str]:
    """The blocks' texts as label files hold them: white space collapsed, encodable."""
    return [clean(" ".join(text.split())) for text in page.texts]


def to_record(state: State, page: Page, head: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a label file: ``head``'s keys, and the state's segments over the page."""
    main = state.main and [block for block in state.main if state.labels[block] == CONTENT]
    record = dict(head) | {
        "access": state.access,
        "complete": state.complete,
        "segments": [[text, LABELS[label]] for text, label in zip(texts_of(page), state.labels, strict=True)],
        "main": None if main is None else list(main),
        "status": [STATUSES[status] for status in state.status],
        "paths": page.xpaths(page.elements),
        "notes": state.notes,
    }
    return {key: value for key, value in record.items() if not (key in ("main", "notes") and value in (None, ""))}


def read_state(sent: Mapping[str, Any], blocks: int) -> State:
    """The state that a client sent. Raises ``Refused`` if it is not one of a page with so many blocks."""
    main = sent.get("main")
    _demand(_codes(sent.get("labels"), blocks, len(LABELS)), "labels must hold a number from 0 to 3 for each block")
    _demand(_codes(sent.get("status"), blocks, len(STATUSES)), "status must hold a number from 0 to 2 for each block")
    _demand(main is None or _ascending(main, blocks), "main must be a list of blocks in ascending order, or null")
    _demand(sent.get("access") in ACCESS, f"access must be one of {', '.join(ACCESS)}")
    _demand(type(sent.get("complete")) is bool, "complete must be true or false")
    notes = sent.get("notes")
    _demand(
        isinstance(notes, str) and len(notes) <= MAX_NOTES, f"notes must be text of at most {MAX_NOTES} characters"
    )
    return State(
        labels=tuple(sent["labels"]),
        status=tuple(sent["status"]),
        main=None if main is None else tuple(main),
        access=sent["access"],
        complete=sent["complete"],
        notes=clean(sent["notes"]),
    )


def _demand(sound: bool, sentence: str) -> None:
    if not sound:
        raise Refused(f"{sentence[0].upper()}{sentence[1:]}.")


def _codes(values: Any, count: int, codes: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(type(v) is int and 0 <= v < codes for v in values)


def _ascending(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and all(type(v) is int and 0 <= v < count for v in values)
        and all(a < b for a, b in pairwise(values))
    )
