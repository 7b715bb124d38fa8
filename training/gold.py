"""Labelled pages: every run of visible text in document order, with its label and what the page's access is.

``read_gold(folder)`` reads ``dev.jsonl`` beside ``dev/pages/ID.html.gz`` (a page a line),
``read_pages(folder)`` reads pairs of ``NAME.json`` and ``NAME.html`` as in ``datasets/pages``; both give
:class:`GoldPage`. ``write_page`` and ``write_jsonl`` write what these read. A file that breaks the format is
refused with its line: labels that are slightly wrong cost more than a stop.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from classifier.labels import LABELS, Label
from training.corpora import declared_language, declared_url, site_of

Access = Literal["open", "metered", "gated", "unsure"]
Declared = Literal["free", "paid"]

SCHEMA: Final = 1
"""Version of the format. Raise it when a field changes its meaning, and keep reading the older one here."""

_GAP: Final = re.compile(r"[\s,]*")
_REQUIRED: Final = ("id", "url", "site", "access", "complete", "declared", "segments")
_OPTIONAL: Final = ("schema", "language", "page_type", "main", "source", "file", "picked_as")


@dataclass(frozen=True, slots=True)
class GoldPage:
    """A page whose every run of visible text is labelled."""

    id: str
    source: str
    """Where the page comes from: a repository, or ``pages`` for those written for this project."""
    path: Path
    url: str | None
    site: str
    """Registered domain, as ``corpora.site_of`` groups it."""
    page_type: str | None
    language: str | None
    access: Access
    complete: bool
    """Is the main text whole in the HTML?"""
    declared: Declared | None
    """What the page's metadata claims."""
    segments: tuple[tuple[str, Label], ...]
    main: tuple[int, ...] | None = None
    """Indices of the segments that make the main text; ``None`` where nobody said."""


def read_gold(folder: str | Path, split: str = "dev") -> tuple[GoldPage, ...]:
    """Pages of ``folder/SPLIT.jsonl``, whose HTML lies in ``folder/SPLIT/pages/ID.html.gz``.

    Raises ``FileNotFoundError`` without the file, ``ValueError`` with file and line for an unsound record.
    """
    root = Path(folder)
    return tuple(_read_jsonl(root / f"{split}.jsonl", root / split / "pages"))


def read_pages(folder: str | Path) -> tuple[GoldPage, ...]:
    """Pages of ``folder/NAME.json`` + ``folder/NAME.html`` (or ``.html.gz``), by name.

    Raises ``FileNotFoundError`` if the folder is missing, ``ValueError`` with file and line for an
    unsound file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}: name one that holds NAME.json beside NAME.html.")
    return tuple(read_page(path) for path in sorted(root.glob("*.json")))


def read_page(path: Path) -> GoldPage:
    """The page of one label file. Raises ``ValueError`` with file and line if it is not sound."""
    text = path.read_text(encoding="utf-8")
    record = _parse(text, path, 1)
    _check_keys(record, f"{path}:1")
    page = _checked(record, path, _segment_lines(text, len(record["segments"])), path.parent)
    if page.id != path.stem:
        raise ValueError(f"{path}:1: id {page.id!r} differs from the file's name; make them the same.")
    return page


def write_page(page: GoldPage, path: Path) -> None:
    """Write a page's labels to ``path``, a segment a line, so that a corrected label is a one-line change."""
    head = _record(page)
    segments = ",\n".join("  " + json.dumps(pair, ensure_ascii=False) for pair in head.pop("segments"))
    main = head.pop("main", None)
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    lines.append(f' "segments": [\n{segments}\n ]')
    if main is not None:
        lines.append(f' "main": {json.dumps(main)}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_jsonl(pages: Iterable[GoldPage], path: Path) -> None:
    """Write pages as one JSON object a line, as ``read_gold`` and ``score.py`` read them."""
    with path.open("w", encoding="utf-8") as file:
        for page in pages:
            file.write(json.dumps(_record(page), ensure_ascii=False) + "\n")


def _record(page: GoldPage) -> dict[str, Any]:
    record: dict[str, Any] = {"schema": SCHEMA}
    for key in ("id", "source", "url", "site", "language", "page_type", "access", "complete", "declared"):
        record[key] = getattr(page, key)
    record["segments"] = [list(pair) for pair in page.segments]
    if page.main is not None:
        record["main"] = list(page.main)
    return record


# -- reading and checking ------------------------------------------------------------------------------------


def _read_jsonl(path: Path, folder: Path) -> Iterator[GoldPage]:
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}: name the folder that holds the gold pages.")
    seen: dict[str, int] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = _parse(line, path, number)
            _check_keys(record, f"{path}:{number}")
            page = _checked(record, path, [number] * (len(record["segments"]) + 1), folder)
            if page.id in seen:
                raise ValueError(f"{path}:{number}: id {page.id!r} stands in line {seen[page.id]} already.")
            seen[page.id] = number
            yield page


def _parse(text: str, path: Path, line: int) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        at = line + getattr(error, "lineno", 1) - 1
        raise ValueError(f"{path}:{at}: not JSON ({getattr(error, 'msg', error)}).") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path}:{line}: a page must be a JSON object, not {type(record).__name__}.")
    return record


def _segment_lines(text: str, count: int) -> list[int]:
    """Line of the whole, then of each of ``count`` segments, so that an error can name it."""
    lines = [1]
    at = text.find("[", text.find('"segments"')) + 1
    for _ in range(count):
        start = next(_GAP.finditer(text, at)).end()
        lines.append(text.count("\n", 0, start) + 1)
        at = json.JSONDecoder().raw_decode(text, start)[1]
    return lines


def _checked(record: dict[str, Any], path: Path, lines: list[int], folder: Path) -> GoldPage:
    """The page of a record with sound keys. ``lines``: the record's, then those of its segments."""
    where = f"{path}:{lines[0]}"
    for index, segment in enumerate(record["segments"]):
        _check_segment(segment, index, f"{path}:{lines[index + 1]}")
    if record.get("main") is not None:
        _check_main(record["main"], record["segments"], where)
    name = record["id"]
    html = next((p for p in (folder / f"{name}.html", folder / f"{name}.html.gz") if p.is_file()), None)
    if html is None:
        raise ValueError(f"{where}: neither {name}.html nor {name}.html.gz lies in {folder}.")
    # asked in the same order as by corpora.py, so that a page is in one group wherever it comes from
    url = record["url"] or declared_url(html)
    return GoldPage(
        id=name,
        source=record.get("source", "pages"),
        path=html,
        url=url,
        site=site_of(url) or record["site"] or f"gold:{name}",
        page_type=record.get("page_type"),
        language=record["language"] if "language" in record else declared_language(html),
        access=record["access"],
        complete=record["complete"],
        declared=record["declared"],
        segments=tuple((text, label) for text, label in record["segments"]),
        main=None if record.get("main") is None else tuple(record["main"]),
    )


def _check_keys(record: dict[str, Any], where: str) -> None:
    for key in _REQUIRED:
        if key not in record:
            raise ValueError(f"{where}: the key {key!r} is missing.")
    for key in record:
        if key not in _REQUIRED and key not in _OPTIONAL:
            raise ValueError(f"{where}: unknown key {key!r}; known are {', '.join(_REQUIRED + _OPTIONAL)}.")
    if record.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(f"{where}: schema {record['schema']!r}, but this version reads {SCHEMA}.")
    if not isinstance(record["id"], str) or not record["id"] or "/" in record["id"]:
        raise ValueError(f"{where}: id must be a name without '/', not {record['id']!r}.")
    for key in ("url", "site", "language", "page_type"):
        if not isinstance(record.get(key), str | None):
            raise ValueError(f"{where}: {key} must be a string or null, not {record[key]!r}.")
    for key, known in (
        ("access", get_args(Access)),
        ("complete", (True, False)),
        ("declared", ("free", "paid", None)),
    ):
        if not any(
            record[key] is value or (isinstance(value, str) and record[key] == value) for value in known
        ):
            choices = ", ".join(json.dumps(value) for value in known)
            raise ValueError(f"{where}: {key} is {json.dumps(record[key])}; known are {choices}.")
    if not isinstance(record["segments"], list):
        raise ValueError(f"{where}: segments must be a list of [text, label].")


def _check_segment(segment: Any, index: int, where: str) -> None:
    if (
        not isinstance(segment, list)
        or len(segment) != 2
        or not all(isinstance(part, str) for part in segment)
    ):
        raise ValueError(f"{where}: segment {index} must be [text, label], not {json.dumps(segment)[:80]}.")
    text, label = segment
    if not text.strip():
        raise ValueError(f"{where}: segment {index} has no text.")
    if label not in LABELS:
        raise ValueError(f"{where}: segment {index} has label {label!r}; known are {', '.join(LABELS)}.")


def _check_main(main: Any, segments: list[list[str]], where: str) -> None:
    if not isinstance(main, list) or not all(type(i) is int and 0 <= i < len(segments) for i in main):
        raise ValueError(
            f"{where}: main must be a list of indices of segments, from 0 to {len(segments) - 1}."
        )
    if main != sorted(set(main)):
        raise ValueError(f"{where}: main must be in ascending order, each index once.")
    for i in main:
        if segments[i][1] != "content":
            raise ValueError(
                f"{where}: main holds segment {i}, which is labelled {segments[i][1]}, not content."
            )
