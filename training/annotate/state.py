"""A page's labels while a person works on them: every block with its label and how it came by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import numpy as np

from classifier.inline import clean
from classifier.labels import CONTENT, LABELS
from classifier.page import Page
from classifier.sieve import Reading
from training.align import align_segments
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
    page = reading.page
    segments = [(text, label) for text, label in record["segments"]]
    status = [STATUSES.index(one) for one in record.get("status") or ["confirmed"] * len(segments)]
    guess = predicted_state(reading)
    common = {
        "access": record["access"],
        "complete": record["complete"],
        "notes": record.get("notes") or "",
    }
    if [text for text, _ in segments] == texts_of(page):
        labels = tuple(LABELS.index(label) for _, label in segments)
        main = record.get("main")
        return State(labels, tuple(status), None if main is None else tuple(main), **common), ()
    found, report = align_segments(page, segments)
    labels = tuple(int(new) if new >= 0 else old for new, old in zip(found, guess.labels, strict=True))
    laid = replace(guess, labels=labels, status=_laid_status(page, record, status, found.tolist()), **common)
    if record.get("main") is not None:
        laid = replace(laid, main=_laid_main(page, record))
    return laid, tuple(segments[index][0] for index in report.missing)


def _laid_status(page: Page, record: Mapping[str, Any], status: Sequence[int], found: list[int]) -> tuple[int, ...]:
    """Statuses by text and path, by text alone, else ``confirmed`` where a settled segment lies."""
    texts = [text for text, _ in record["segments"]]
    paths = record.get("paths") or [""] * len(texts)
    by_place = dict(zip(zip(texts, paths, strict=True), status, strict=True))
    by_text = dict(zip(texts, status, strict=True))
    settled = align_segments(
        page, [(text, "content" if one != PREDICTED else "ad") for text, one in zip(texts, status, strict=True)]
    )[0]
    laid = []
    for text, path, label, sure in zip(texts_of(page), page.xpaths(page.elements), found, settled, strict=True):
        fallback = CONFIRMED if label >= 0 and sure == CONTENT else PREDICTED
        laid.append(by_place.get((text, path), by_text.get(text, fallback)) if label >= 0 else PREDICTED)
    return tuple(laid)


def _laid_main(page: Page, record: Mapping[str, Any]) -> tuple[int, ...]:
    inside = set(record["main"])
    marked = [(text, "content" if i in inside else "ad") for i, (text, _) in enumerate(record["segments"])]
    return tuple(np.flatnonzero(align_segments(page, marked)[0] == CONTENT).tolist())  # type: ignore[arg-type]


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
        and all(a < b for a, b in zip(values, values[1:], strict=False))
    )
