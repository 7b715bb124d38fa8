"""A folder of pages under annotation: what each page is, what its label file says, and saving it.

Pages are known by their number in this run. No name that comes from outside ever becomes a path: the only files that
are read are those that stood in the folders at the start, and label files are named after them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier.cli import page_id, read_input
from classifier.decode import decode
from classifier.labels import LABELS
from classifier.sieve import Reading, Sieve
from training.annotate.labelstudio import export_task, labelled_texts, page_key, read_tasks
from training.annotate.order import expected_mistakes, page_order, uncertainties
from training.annotate.state import (
    CONFIRMED,
    CORRECTED,
    State,
    place,
    predicted_state,
    read_state,
    state_of,
    texts_of,
    to_record,
)
from training.annotate.view import coloured, rebuild
from training.corpora import declared_language, declared_url, site_of
from training.gold import SCHEMA, record_bytes, record_of, record_problems
from training.labelfile import NEW, read_bytes, revision, save

PAGE_ENDINGS: Final = (".html", ".html.gz")
_NAME_SHOWN: Final = 60
_OPEN_PAGES: Final = 6
"""Pages that are kept read; a page takes 10 ms to read again."""

Progress = Callable[[Iterable["PageFile"]], Iterable["PageFile"]]


class Conflict(Exception):
    """The label file is no longer the one on which a change was made."""


class Unsound(Exception):
    """The page cannot be annotated; the message says why."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page of the folder."""

    number: int
    id: str
    path: Path


@dataclass(slots=True)
class _Known:
    """What is kept of every page."""

    site: str = ""
    text: str = ""
    """Digest of its text, by which tasks of Label Studio without an id are recognised."""
    uncertain: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    settled: tuple[bool, ...] = ()
    problem: str | None = None


class Session:
    """Pages, their predictions and their label files. Safe to use from several threads.

    Raises ``FileNotFoundError`` where there is no folder or no page in it.
    """

    def __init__(self, pages: Path, labels: Path, sieve: Sieve, progress: Progress = lambda files: files) -> None:
        self.sieve = sieve
        self.labels = labels
        self.skipped: list[str] = []
        self.files = self._find(pages)
        labels.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._known = [_Known() for _ in self.files]
        self.read = lru_cache(_OPEN_PAGES)(self._read)
        self.template = lru_cache(_OPEN_PAGES)(self._template)
        for file in progress(self.files):
            self._look(file)

    def _find(self, folder: Path) -> tuple[PageFile, ...]:
        if not folder.is_dir():
            raise FileNotFoundError(f"No folder {folder}: name one that holds pages (.html or .html.gz).")
        root = folder.resolve()
        found: dict[str, Path] = {}
        for path in sorted(path for ending in PAGE_ENDINGS for path in folder.glob(f"*{ending}")):
            name = page_id(path.name)
            if not path.resolve().is_relative_to(root) or not path.is_file():
                self.skipped.append(f"{path.name!r} leads out of the folder or is no file.")
            elif name.encode("utf-8", "replace").decode("utf-8") != name or not name:
                self.skipped.append(f"{path.name!r} has a name that is not UTF-8.")
            elif name in found:
                self.skipped.append(f"{path.name!r} would share its labels with {found[name].name!r}.")
            else:
                found[name] = path
        if not found:
            raise FileNotFoundError(f"No pages in {folder}: put .html or .html.gz files there.")
        return tuple(PageFile(number, name, path) for number, (name, path) in enumerate(found.items()))

    def _look(self, file: PageFile) -> None:
        """Read a page once, for what is kept of it."""
        known = self._known[file.number]
        reading = self.read(file.number)
        known.site = site_of(declared_url(file.path)) or file.id
        known.text = page_key(reading.page.texts)
        known.uncertain = uncertainties(reading.probabilities)
        try:
            known.settled = self._load(file.number)[0].settled
        except Unsound as error:
            known.problem = str(error)
            known.settled = (False,) * len(reading.page)

    # -- pages --------------------------------------------------------------------------------------------------

    def _read(self, number: int) -> Reading:
        return self.sieve.read(self._bytes(number))

    def _bytes(self, number: int) -> bytes:
        return read_input(str(self.files[number].path))

    def _template(self, number: int) -> str:
        return rebuild(decode(self._bytes(number), None).text, self.read(number).page)

    def view(self, number: int, parent: str, nonce: str = "") -> str:
        """The page as it looks, blocks in the colours of their labels; clicks go to ``parent``."""
        try:
            labels = self._load(number)[0].labels
        except Unsound:
            labels = predicted_state(self.read(number)).labels
        return coloured(self.template(number), [LABELS[label] for label in labels], parent, nonce)

    def overview(self) -> list[dict[str, Any]]:
        """All pages, those first that are worth the most."""
        scores = [expected_mistakes(known.uncertain, known.settled) for known in self._known]
        order = page_order(scores, [known.site for known in self._known])
        return [self.summary(number) for number in order]

    def summary(self, number: int) -> dict[str, Any]:
        """How far one page is."""
        known = self._known[number]
        return {
            "number": number,
            "id": self.files[number].id,
            "blocks": len(known.settled),
            "settled": sum(known.settled),
            "mistakes": round(expected_mistakes(known.uncertain, known.settled), 1),
            "problem": known.problem,
        }

    def page(self, number: int) -> dict[str, Any]:
        """All that the annotation page shows of one page."""
        reading = self.read(number)
        try:
            state, strays, revised = self._load(number)
            problem = None
        except Unsound as error:
            state, strays, revised, problem = predicted_state(reading), (), NEW, str(error)
        access = reading.access
        return {
            "number": number,
            "id": self.files[number].id,
            "revision": revised,
            "problem": problem,
            "reading": reading.problem,
            "strays": [stray[:200] for stray in strays],
            "state": _sent(state),
            "predicted": {
                "labels": reading.decision.labels.tolist(),
                "main": np.flatnonzero(reading.decision.main).tolist(),
                "access": access.level,
                "accessProbability": round(access.probability, 2),
            },
            "blocks": [
                {"text": text, "hidden": block.hidden, "p": [round(p, 3) for p in block.probabilities.values()]}
                for text, block in zip(texts_of(reading.page), reading.blocks, strict=True)
            ],
            "containers": _containers(reading),
        }

    # -- label files --------------------------------------------------------------------------------------------

    def _label_path(self, number: int) -> Path:
        return self.labels / f"{self.files[number].id}.json"

    def _stored(self, number: int) -> tuple[bytes | None, dict[str, Any] | None]:
        """Bytes and record of the label file. Raises ``Unsound`` if it breaks the format or belongs elsewhere."""
        path = self._label_path(number)
        self._demand_same_page(number)
        if not path.exists():
            return None, None
        if not path.resolve().is_relative_to(self.labels.resolve()):
            raise Unsound(f"{path} leads out of the folder of labels; it is left alone.")
        try:
            data = read_bytes(path)
            record, lines = record_of(data, path)
        except (OSError, ValueError) as error:
            raise Unsound(f"{error} Mend the file or move it away; it is left alone.") from None
        for sentence in record_problems(record, path, lines, self.files[number].path.parent):
            raise Unsound(f"{sentence} Mend the file or move it away; it is left alone.")
        return data, record

    def _demand_same_page(self, number: int) -> None:
        copy, file = self._copy(number), self.files[number]
        if copy and read_input(str(copy)) != self._bytes(number):
            raise Unsound(f"{copy} is another page than {file.path}; give one of them another name.")

    def _copy(self, number: int) -> Path | None:
        """The page beside its label file, where those who train look for it."""
        name = self.files[number].id
        return next((copy for ending in PAGE_ENDINGS if (copy := self.labels / f"{name}{ending}").exists()), None)

    def _load(self, number: int) -> tuple[State, tuple[str, ...], str]:
        """State, segments without a place, and revision of the label file."""
        data, record = self._stored(number)
        reading = self.read(number)
        if record is None:
            return predicted_state(reading), (), NEW
        return *state_of(record, reading), revision(data)

    def save(self, number: int, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Write what a client sent.

        Raises ``Conflict`` if the file changed since its ``base``, ``Refused`` or ``Unsound`` as they say.
        """
        state = read_state(sent, len(self.read(number).page))
        with self._lock:
            data, record = self._stored(number)
            if revision(data) != sent.get("base"):
                raise Conflict
            return {"revision": self._write(number, state, record), "page": self.summary(number)}

    def _write(self, number: int, state: State, record: Mapping[str, Any] | None) -> str:
        file, reading = self.files[number], self.read(number)
        data = record_bytes(to_record(state, reading.page, record or self._head(file, reading)))
        if self._copy(number) is None:
            save(self.labels / file.path.name, file.path.read_bytes())
        save(self._label_path(number), data)
        self._known[number].settled = state.settled
        return revision(data)

    def _head(self, file: PageFile, reading: Reading) -> dict[str, Any]:
        """What a new label file says of the page itself."""
        url = declared_url(file.path)
        declared = reading.access.declared
        return {
            "schema": SCHEMA,
            "id": file.id,
            "url": url,
            "site": site_of(url) or None,
            "language": declared_language(file.path) or None,
            "access": "unsure",
            "complete": True,
            "declared": declared if declared in ("free", "paid") else None,
        }

    # -- Label Studio -------------------------------------------------------------------------------------------

    def export(self) -> list[dict[str, Any]]:
        """All sound pages as tasks of Label Studio."""
        tasks = []
        for file in self.files:
            if self._known[file.number].problem is None:
                tasks.append(export_task(file.id, self.read(file.number).page, self._load(file.number)[0]))
        return tasks

    def import_tasks(self, tasks: Any) -> dict[str, Any]:
        """Take over what people labelled in Label Studio. What was settled here stays; what has no place is named."""
        by_id = {file.id: file.number for file in self.files}
        by_text = {known.text: number for number, known in enumerate(self._known)}
        report: dict[str, Any] = {"pages": 0, "labels": 0, "problems": []}
        for task in read_tasks(tasks, report["problems"]):
            number = by_id.get(task.id, by_text.get(task.text, -1))
            if number < 0:
                report["problems"].append(f"Task {task.name}: no page here has its id or its text.")
                continue
            try:
                with self._lock:
                    self._import(number, task.results, report)
            except Unsound as error:
                report["problems"].append(str(error))
        return report

    def _import(self, number: int, results: list[Mapping[str, Any]], report: dict[str, Any]) -> None:
        reading = self.read(number)
        _, record = self._stored(number)
        state = self._load(number)[0]
        segments, access, notes = labelled_texts(results)
        found, missing = place(reading.page, segments)
        guessed = reading.decision.labels.tolist()
        labels, status, kept = list(state.labels), list(state.status), 0
        for block, label in enumerate(found.tolist()):
            if label < 0 or (state.settled[block] and labels[block] == label):
                continue
            if state.settled[block]:
                kept += 1
                continue
            labels[block], status[block] = label, CONFIRMED if label == guessed[block] else CORRECTED
            report["labels"] += 1
        before, state = state, replace(state, labels=tuple(labels), status=tuple(status))
        if access and state.access == "unsure":
            state = replace(state, access=access)
        if notes and not state.notes:
            state = replace(state, notes=notes)
        if state != before:
            self._write(number, state, record)
            report["pages"] += 1
        name = self.files[number].id
        if kept:
            report["problems"].append(f"{name}: {kept} blocks are labelled otherwise here, and stay so.")
        report["problems"] += [f"{name}: no place for {segments[index][0][:80]!r}." for index in missing]


def _sent(state: State) -> dict[str, Any]:
    return {
        "labels": list(state.labels),
        "status": list(state.status),
        "main": None if state.main is None else list(state.main),
        "access": state.access,
        "complete": state.complete,
        "notes": state.notes,
    }


def _containers(reading: Reading) -> list[tuple[str, int, int]]:
    """Elements that hold more than one block, as (name, first block, block behind the last), the outer first.

    Of several around the same blocks the innermost counts.
    """
    page = reading.page
    found: dict[tuple[int, int], str] = {}
    for tag, names, first, last in zip(page.tags, page.names, page.first.tolist(), page.last.tolist(), strict=True):
        if last - first > 1 and tag:
            name = names.split()[0] if names.split() else ""
            found[first, last] = f"{tag}.{name}"[:_NAME_SHOWN] if name else tag
    places = sorted(found, key=lambda place: (place[0], -place[1]))
    return [(found[place], *place) for place in places]
