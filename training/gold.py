"""Labelled pages: every run of visible text in document order, with its label and what the page's access is.

``read_gold(folder)`` reads ``dev.jsonl`` beside ``dev/pages/ID.html.gz`` (a page a line),
``read_pages(folder)`` reads pairs of ``NAME.json`` and ``NAME.html`` as in ``datasets/pages``; both give
:class:`GoldPage`. ``write_page`` and ``write_jsonl`` write what these read, whole or not at all. A file that breaks the
format is refused with its line: labels that are slightly wrong cost more than a stop. Who wants the rest all the same
passes a list, which gets a sentence for each page that was left out.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, get_args

from classifier.labels import LABELS, Label
from training.corpora import declared_language, declared_url, site_of
from training.labelfile import parse, read_bytes, save

Access = Literal["open", "metered", "gated", "unsure"]
Declared = Literal["free", "paid"]
Status = Literal["predicted", "corrected", "confirmed"]

SCHEMA: Final = 1
"""Version of the format. Raise it when a field changes its meaning, and keep reading the older one here."""

_GAP: Final = re.compile(r"[\s,]*")
_REQUIRED: Final = ("id", "url", "site", "access", "complete", "declared", "segments")
_OPTIONAL: Final = (
    *("schema", "language", "page_type", "main", "source", "file", "picked_as"),
    *("status", "paths", "notes"),
)
_MEMBER: Final = re.compile(r'[\s,]*(?=")')
_COLON: Final = re.compile(r"\s*:\s*")


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
    status: tuple[Status, ...] | None = None
    """How each segment came by its label; ``None`` where a person set them all."""
    paths: tuple[str, ...] | None = None
    """XPath of each segment's block when it was labelled."""
    notes: str = ""
    """What the person who labelled the page wrote about it."""

    @property
    def settled(self) -> tuple[bool, ...]:
        """Whether a person stands behind each segment's label."""
        return tuple(one != "predicted" for one in self.status or ("confirmed",) * len(self.segments))


def read_gold(folder: str | Path, split: str = "dev", problems: list[str] | None = None) -> tuple[GoldPage, ...]:
    """Pages of ``folder/SPLIT.jsonl``, whose HTML lies in ``folder/SPLIT/pages/ID.html.gz``.

    Raises ``FileNotFoundError`` without the file, ``ValueError`` with file and line for an unsound record; with a
    list for ``problems`` the sentence goes there, and the rest is read.
    """
    root = Path(folder)
    return tuple(page for _, page in read_lines(root / f"{split}.jsonl", root / split / "pages", problems))


def read_pages(folder: str | Path, problems: list[str] | None = None) -> tuple[GoldPage, ...]:
    """Pages of ``folder/NAME.json`` + ``folder/NAME.html`` (or ``.html.gz``), by name.

    Raises ``FileNotFoundError`` if the folder is missing, ``ValueError`` with file and line for an
    unsound file; with a list for ``problems`` the sentence goes there, and the rest is read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}: name one that holds NAME.json beside NAME.html.")
    pages = []
    for path in sorted(root.glob("*.json")):
        try:
            pages.append(read_page(path))
        except ValueError as error:
            _report(error, problems)
    return tuple(pages)


def _report(error: ValueError, problems: list[str] | None) -> None:
    if problems is None:
        raise error
    problems.append(str(error))


def read_page(path: Path) -> GoldPage:
    """The page of one label file. Raises ``ValueError`` with file and line if it is not sound."""
    return page_of(read_bytes(path), path)


def page_of(data: bytes, path: Path) -> GoldPage:
    """The page of a label file's bytes. ``path`` says where they belong. Raises as ``read_page`` does."""
    record, lines = record_of(data, path)
    for sentence in record_problems(record, path, lines, path.parent):
        raise ValueError(sentence)
    return _page(record, path.parent)


def record_of(data: bytes, path: Path) -> tuple[dict[str, Any], list[int]]:
    """The JSON object of a label file, and the line of the whole, then of each segment.

    Raises ``ValueError`` with file, line and column if it is not strict JSON.
    """
    record = _parse(data, path, 1)
    segments = record.get("segments")
    return record, segment_lines(data.decode("utf-8"), len(segments) if isinstance(segments, list) else 0)


def write_page(page: GoldPage, path: Path) -> None:
    """Write a page's labels to ``path``, a segment a line, so that a corrected label is a one-line change."""
    save(path, page_bytes(page))


def page_bytes(page: GoldPage) -> bytes:
    """What ``write_page`` writes."""
    return record_bytes(_record(page))


def record_bytes(record: Mapping[str, Any]) -> bytes:
    """The bytes of a label file that holds this record."""
    lines = [f" {json.dumps(key)}: {_lines(key, value)}" for key, value in record.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")


def _lines(key: str, value: Any) -> str:
    """The value as JSON; what has an entry a segment gets a line for each."""
    if key not in ("segments", "paths"):
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in value) + "\n ]"


def write_jsonl(pages: Iterable[GoldPage], path: Path) -> None:
    """Write pages as one JSON object a line, as ``read_gold`` and ``score.py`` read them."""
    lines = [json.dumps(_record(page), ensure_ascii=False) + "\n" for page in pages]
    save(path, "".join(lines).encode("utf-8"))


def _record(page: GoldPage) -> dict[str, Any]:
    record: dict[str, Any] = {"schema": SCHEMA}
    for key in ("id", "source", "url", "site", "language", "page_type", "access", "complete", "declared"):
        record[key] = getattr(page, key)
    record["segments"] = [list(pair) for pair in page.segments]
    for key in ("main", "status", "paths"):
        if getattr(page, key) is not None:
            record[key] = list(getattr(page, key))
    if page.notes:
        record["notes"] = page.notes
    return record


# -- reading and checking ------------------------------------------------------------------------------------


def read_lines(path: Path, folder: Path, problems: list[str] | None = None) -> Iterator[tuple[int, GoldPage]]:
    """Line and page of each record of a file that holds a page a line; their HTML lies in ``folder``.

    Raises as ``read_gold`` does, or fills ``problems``.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}: name the folder that holds the gold pages.")
    seen: dict[str, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = _parse(line.rstrip(b"\r\n"), path, number)
            except ValueError as error:
                _report(error, problems)
                continue
            unsound = [*_line_problems(record, path, number, folder, seen)]
            for sentence in unsound:
                _report(ValueError(sentence), problems)
            if not unsound:
                seen[record["id"]] = number
                yield number, _page(record, folder)


def _line_problems(
    record: dict[str, Any], path: Path, number: int, folder: Path, seen: dict[str, int]
) -> Iterator[str]:
    segments = record.get("segments")
    lines = [number] * (1 + len(segments) if isinstance(segments, list) else 1)
    yield from record_problems(record, path, lines, folder)
    name = record.get("id")
    if isinstance(name, str) and name in seen:
        yield f"{path}:{number}: id {name!r} stands in line {seen[name]} already."


def _parse(text: bytes, path: Path, line: int) -> dict[str, Any]:
    record = parse(text, str(path), line)
    if not isinstance(record, dict):
        raise ValueError(f"{path}:{line}: a page must be a JSON object, not {type(record).__name__}.")
    return record


def segment_lines(text: str, count: int) -> list[int]:
    """Line of the whole, then of each of ``count`` segments, so that an error can name it."""
    lines = [1]
    at = _segments_start(text) if count else 0
    line = 1 + text.count("\n", 0, at)
    for _ in range(count):
        start = next(_GAP.finditer(text, at)).end()
        line += text.count("\n", at, start)
        lines.append(line)
        at = json.JSONDecoder().raw_decode(text, start)[1]
        line += text.count("\n", start, at)
    return lines


def _segments_start(text: str) -> int:
    """Where the first segment of a sound record is looked for: of the record itself, not of an object inside it."""
    decode = json.JSONDecoder().raw_decode
    at, found = text.index("{") + 1, 0
    while (member := _MEMBER.match(text, at)) is not None:
        key, at = decode(text, member.end())
        start = _COLON.match(text, at).end()  # type: ignore[union-attr]  # it was parsed before
        if key == "segments":  # of several, the last one counts
            found = start + 1
        at = decode(text, start)[1]
    return found


def _page(record: dict[str, Any], folder: Path) -> GoldPage:
    """The page of a sound record."""
    name = record["id"]
    html = _html_of(name, folder)
    assert html is not None, "record_problems has looked"
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
        status=None if record.get("status") is None else tuple(record["status"]),
        paths=None if record.get("paths") is None else tuple(record["paths"]),
        notes=record.get("notes") or "",
    )


def _html_of(name: str, folder: Path) -> Path | None:
    return next((p for p in (folder / f"{name}.html", folder / f"{name}.html.gz") if p.is_file()), None)


def record_problems(record: dict[str, Any], path: Path, lines: list[int], folder: Path) -> Iterator[str]:
    """A sentence with file and line for all that breaks the format. ``lines``: the record's, then each segment's.

    ``folder`` is where the page's HTML must lie.
    """
    where = f"{path}:{lines[0]}"
    unsound = list(_key_problems(record, where))
    yield from unsound
    if isinstance(record.get("segments"), list):
        for index, segment in enumerate(record["segments"]):
            if sentence := _segment_problem(segment, index):
                unsound.append(sentence)
                yield f"{path}:{lines[index + 1]}: {sentence}"
    if unsound:
        return  # what follows rests on it
    yield from (f"{where}: {sentence}" for sentence in _list_problems(record))
    name = record["id"]
    if path.suffix == ".json" and name != path.stem:
        yield f"{where}: id {name!r} differs from the file's name; make them the same."
    elif _html_of(name, folder) is None:
        yield f"{where}: neither {name}.html nor {name}.html.gz lies in {folder}."


def _key_problems(record: dict[str, Any], where: str) -> Iterator[str]:
    for key in _REQUIRED:
        if key not in record:
            yield f"{where}: the key {key!r} is missing."
    for key in record:
        if key not in _REQUIRED and key not in _OPTIONAL:
            yield f"{where}: unknown key {key!r}; known are {', '.join(_REQUIRED + _OPTIONAL)}."
    if record.get("schema", SCHEMA) != SCHEMA:
        yield f"{where}: schema {record['schema']!r}, but this version reads {SCHEMA}."
    if "id" in record and (not isinstance(record["id"], str) or not record["id"] or "/" in record["id"]):
        yield f"{where}: id must be a name without '/', not {record['id']!r}."
    for key in ("url", "site", "language", "page_type", "notes"):
        if not isinstance(record.get(key), str | None):
            yield f"{where}: {key} must be a string or null, not {record[key]!r}."
    for key, known in (
        ("access", get_args(Access)),
        ("complete", (True, False)),
        ("declared", ("free", "paid", None)),
    ):
        value = record.get(key, known[0])
        if not any(value is one or (isinstance(one, str) and value == one) for one in known):
            choices = ", ".join(json.dumps(one) for one in known)
            yield f"{where}: {key} is {json.dumps(value)[:80]}; known are {choices}."
    if not isinstance(record.get("segments", []), list):
        yield f"{where}: segments must be a list of [text, label]."


def _segment_problem(segment: Any, index: int) -> str | None:
    if not isinstance(segment, list) or len(segment) != 2 or not all(isinstance(part, str) for part in segment):
        return f"segment {index} must be [text, label], not {json.dumps(segment)[:80]}."
    text, label = segment
    if not text.strip():
        return f"segment {index} has no text."
    if label not in LABELS:
        return f"segment {index} has label {label!r}; known are {', '.join(LABELS)}."
    return None


def _list_problems(record: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the lists that go with the segments."""
    segments = record["segments"]
    if record.get("main") is not None:
        yield from islice(_main_problems(record["main"], segments), 1)
    for key, sound, what in (
        ("status", lambda one: one in get_args(Status), f"one of {', '.join(get_args(Status))}"),
        ("paths", lambda one: isinstance(one, str), "an XPath"),
    ):
        value = record.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or len(value) != len(segments) or not all(map(sound, value)):
            yield f"{key} must be a list that holds {what} for each of the {len(segments)} segments."


def _main_problems(main: Any, segments: list[list[str]]) -> Iterator[str]:
    if not isinstance(main, list) or not all(type(i) is int and 0 <= i < len(segments) for i in main):
        yield f"main must be a list of indices of segments, from 0 to {len(segments) - 1}."
        return
    if main != sorted(set(main)):
        yield "main must be in ascending order, each index once."
    for i in main:
        if segments[i][1] != "content":
            yield f"main holds segment {i}, which is labelled {segments[i][1]}, not content."
