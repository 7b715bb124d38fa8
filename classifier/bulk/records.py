"""One page of a stream, and the record that it becomes: the same keys in every door that writes records."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np

from classifier.access import Access
from classifier.blocks import DEFAULT_LIMITS, Limits
from classifier.inline import clean
from classifier.labels import LABELS, Label
from classifier.sieve import Reading, Sieve


@dataclass(frozen=True, slots=True)
class Source:
    """One page to be read."""

    id: str
    """WARC-Record-ID, file stem, or the id of the JSONL record."""
    data: bytes | str
    kind: Literal["html", "text"] = "html"
    url: str | None = None
    date: str | None = None
    """ISO 8601, as the archive gives it."""
    content_type: str | None = None
    """As HTTP gave it; the charset is taken from it."""
    status: int | None = None
    digest: str | None = None
    """WARC-Payload-Digest."""
    problem: str | None = None
    """Why it cannot be read (not HTML, empty…), if that was found before reading."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a record holds beside the default."""

    markdown: bool = False
    blocks: bool = False
    all_content: bool = False
    """``text`` and ``markdown`` hold all content, not the main text alone."""


DEFAULT: Final = Wanted()


def read_source(sieve: Sieve, source: Source, wanted: Wanted = DEFAULT) -> dict[str, Any]:
    """The record of a page. Never raises for a page: one that fails is a record with a ``problem``.

    >>> found = read_source(Sieve(), Source("1", "", problem="NotHtml: image/png"))
    >>> found["problem"], found["text"]
    ('NotHtml: image/png', None)
    """
    if source.problem:
        return record(source, None, wanted, source.problem)
    try:
        if source.kind == "text":
            reading = sieve.read_text(source.data, url=source.url, encoding=source.content_type)
        else:
            reading = sieve.read(
                source.data, url=source.url, encoding=source.content_type, status=source.status
            )
        return record(source, reading, wanted)
    except Exception as error:  # whatever a page does, it costs that page alone
        return record(source, None, wanted, f"{type(error).__name__}: {error}")


def record_reader(
    wanted: Wanted = DEFAULT,
    model: str | None = None,
    text_model: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Callable[[Source], dict[str, Any]]:
    """:func:`read_source` with a sieve of its own, for a worker."""
    return partial(read_source, Sieve(model, text_model=text_model, limits=limits), wanted=wanted)


def lost_record(source: Source, problem: str, wanted: Wanted = DEFAULT) -> dict[str, Any]:
    """The record of a page that could not be read."""
    return record(source, None, wanted, problem)


def record(
    source: Source, reading: Reading | None, wanted: Wanted = DEFAULT, problem: str | None = None
) -> dict[str, Any]:
    """Plain values for JSON. What only a reading can tell is ``None`` where there is none; ``problem`` says why.

    ``shares`` are shares of the page's characters by decided label; ``confidence`` is the probability that the
    model gave to what was decided, averaged over the characters.
    """
    head = {
        "id": clean(source.id),
        "url": _cleaned(source.url),
        "date": _cleaned(source.date),
        "digest": _cleaned(source.digest),
        "status": source.status,
        "problem": _cleaned(problem or (reading.problem if reading else None)),
    }
    return head | (_read(reading, wanted) if reading else _unread(wanted))


def _read(reading: Reading, wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"text": reading.content if wanted.all_content else reading.text}
    if wanted.markdown:
        found["markdown"] = reading.markdown(all_content=wanted.all_content)
    found["access"] = _access(reading.access)
    found["metadata"] = asdict(reading.metadata) | {"author": list(reading.metadata.author)}
    found["shares"], found["confidence"] = _shares(reading)
    found["language"] = reading.metadata.language
    if wanted.blocks:
        found["blocks"] = [block.to_dict() for block in reading.blocks]
    return found


def _access(access: Access) -> dict[str, Any]:
    evidence = [
        {"kind": each.kind, "where": clean(each.where), "excerpt": clean(each.excerpt), "weight": each.weight}
        for each in access.evidence
    ]
    return {
        "level": access.level,
        "probability": round(access.probability, 4),
        "declared": access.declared,
        "complete": access.complete,
        "wall": access.wall,
        "paywalled": access.paywalled,
        "evidence": evidence,
    }


def _unread(wanted: Wanted) -> dict[str, Any]:
    names = ["text", "markdown", "access", "metadata", "shares", "confidence", "language", "blocks"]
    left_out = {name for name in ("markdown", "blocks") if not getattr(wanted, name)}
    return dict.fromkeys(name for name in names if name not in left_out)


def _shares(reading: Reading) -> tuple[Mapping[Label, float] | None, float | None]:
    """Shares by label and confidence; ``None`` for a page without text."""
    chars = np.fromiter(map(len, reading.page.texts), float, len(reading.page))
    total = chars.sum()
    if not total:
        return None, None
    labels = reading.decision.labels
    shares = np.bincount(labels, chars, len(LABELS)) / total
    certain = reading.probabilities[np.arange(len(labels)), labels] @ chars / total
    by_label = {label: round(share, 4) for label, share in zip(LABELS, shares.tolist(), strict=True)}
    return by_label, round(float(certain), 4)


def _cleaned(text: str | None) -> str | None:
    return text and clean(text)
