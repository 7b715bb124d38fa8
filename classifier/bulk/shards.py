"""Rows into shards that are whole or not there, and a manifest of those that are done.

A shard is cut after so many rows, never by time. It is written under a temporary name, flushed to disk, renamed, and
only then entered in the manifest, which is replaced in the same way. So whenever a run is killed, what the manifest
names is whole, and the next run writes the rest byte for byte as the first would have.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, Protocol

from classifier.bulk.records import Wanted
from classifier.cli import InputError

To = Literal["jsonl", "parquet"]

ENDINGS: Final[Mapping[To, str]] = {"jsonl": ".jsonl.gz", "parquet": ".parquet"}
MANIFEST: Final = "manifest.json"
LEVEL: Final = 4
"""Of gzip: .22 ms and 3.8 KB a record, where level 6 takes .53 ms for 3.6 KB, in the one process that all wait for."""
FORMAT: Final = 1
"""Goes up when a manifest can no longer be read as before."""

SKIPPED: Final = frozenset(("NotHtml", "Empty"))
"""Reasons for which a record is passed over without that being a failure."""


class Row(NamedTuple):
    """A record on its way to a shard, and what is counted of it."""

    data: Any
    """A line of JSON as bytes, or the record itself for Parquet."""
    read: bool
    level: str | None
    problem: str | None


def make_row(record: Mapping[str, Any], to: To) -> Row:
    """The row of a record."""
    data: Any = record
    if to == "jsonl":
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    access = record["access"]
    return Row(data, record["text"] is not None, access and access["level"], record["problem"])


@dataclass
class Tally:
    """Counts over rows: each was read, skipped, or failed."""

    read: int = 0
    skipped: int = 0
    failed: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    """Access levels of what was read."""
    problems: Counter[str] = field(default_factory=Counter)
    """By the problem's name: what stands before its colon."""

    @property
    def records(self) -> int:
        """How many there were."""
        return self.read + self.skipped + self.failed

    def add(self, row: Row) -> None:
        """Count a row."""
        reason = row.problem and row.problem.partition(":")[0]
        if row.read:
            self.read += 1
        elif reason in SKIPPED:
            self.skipped += 1
        else:
            self.failed += 1
        if row.level:
            self.levels[row.level] += 1
        if reason:
            self.problems[reason] += 1

    def merge(self, counts: Mapping[str, Any]) -> None:
        """Add the counts of another, as given by :meth:`to_dict`."""
        self.read += counts["read"]
        self.skipped += counts["skipped"]
        self.failed += counts["failed"]
        self.levels.update(counts["levels"])
        self.problems.update(counts["problems"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in an order that does not depend on the rows'."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("levels", "problems")}
        return {
            "records": self.records,
            "read": self.read,
            "skipped": self.skipped,
            "failed": self.failed,
        } | counts


class Writer(Protocol):
    """Writes one shard into an open file; :meth:`close` leaves the file open."""

    def write(self, data: Any, /) -> object:
        """Add the data of one row."""

    def close(self) -> None:
        """Write what is held back."""


def _writer(to: To, file: IO[bytes], wanted: Wanted) -> Writer:
    if to == "jsonl":
        return gzip.GzipFile("", "wb", LEVEL, file, mtime=0)  # neither name nor time: same rows, same bytes
    from classifier.bulk.parquet import ParquetShard

    return ParquetShard(file, wanted)


class Shards:
    """The output folder of a run. ``arguments`` is all that decides about the bytes, as plain values for JSON.

    :raises InputError: if the folder was begun with other arguments, is in use, or holds something else.
    """

    def __init__(self, folder: Path, arguments: Mapping[str, Any], to: To, size: int, wanted: Wanted) -> None:
        self.folder, self.to, self.size, self.wanted = folder, to, size, wanted
        self.tally = Tally()
        """Of all shards, those of earlier runs among them, and of the rows that are not yet in one."""
        self._manifest: dict[str, Any] = {
            "format": FORMAT,
            "arguments": json.loads(json.dumps(arguments)),
            "complete": False,
            "shards": [],
        }
        self._file: IO[bytes] | None = None
        self._writer: Writer | None = None
        self._counts = Tally()
        self._open()

    @property
    def names(self) -> list[str]:
        """Files of the finished shards, in order."""
        return [shard["name"] for shard in self._manifest["shards"]]

    @property
    def done(self) -> int:
        """Records in finished shards."""
        return sum(shard["records"] for shard in self._manifest["shards"])

    @property
    def complete(self) -> bool:
        """Is there nothing left to do?"""
        return bool(self._manifest["complete"])

    def add(self, row: Row) -> None:
        """Write a row, and close the shard if it is full."""
        if self._file is None or self._writer is None:
            self._counts = Tally()
            self._file = open(self.folder / _temporary(self._name), "wb")  # noqa: SIM115
            self._writer = _writer(self.to, self._file, self.wanted)
        self._writer.write(row.data)
        self._counts.add(row)
        self.tally.add(row)
        if self._counts.records == self.size:
            self._cut()

    def finish(self) -> None:
        """Close the last shard; the output is complete."""
        if self._file is not None:
            self._cut()
        self._manifest["complete"] = True
        self._save_manifest()

    @property
    def _name(self) -> str:
        return f"part-{len(self.names):05}{ENDINGS[self.to]}"

    def _cut(self) -> None:
        file, writer, name = self._file, self._writer, self._name
        assert file is not None and writer is not None
        writer.close()
        size = file.tell()
        _settle(file, self.folder / name)
        self._file = self._writer = None
        self._manifest["shards"].append({"name": name, "bytes": size} | self._counts.to_dict())
        self._save_manifest()

    # -- the folder --------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(_temporary("*")):
            left.unlink()
        if (self.folder / MANIFEST).exists():
            self._go_on(_load_manifest(self.folder / MANIFEST))
        elif any(self.folder.iterdir()):
            raise InputError(f"{self.folder}: holds files but no {MANIFEST}; give an empty or a new folder")
        else:
            self._save_manifest()

    def _go_on(self, before: dict[str, Any]) -> None:
        then, now = before["arguments"], self._manifest["arguments"]
        differ = sorted(name for name in then | now if then.get(name) != now.get(name))
        if differ:
            shown = "; ".join(
                f"{name} was {_short(then.get(name))}, now {_short(now.get(name))}" for name in differ
            )
            raise InputError(
                f"{self.folder}: was begun otherwise ({shown}); give another folder, or delete it"
            )
        for shard in before["shards"]:
            if not (self.folder / shard["name"]).exists():
                raise InputError(
                    f"{self.folder}: {shard['name']} is missing; give another folder, or delete it"
                )
            self.tally.merge(shard)
        self._manifest = before

    def _save_manifest(self) -> None:
        with open(self.folder / _temporary(MANIFEST), "wb") as file:
            file.write(json.dumps(self._manifest, indent=1).encode() + b"\n")
            _settle(file, self.folder / MANIFEST)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep another run out of the folder meanwhile, where the system can; the lock ends with the process.

    :raises InputError: if another run is at work there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(f"{folder}: another run is writing there") from None
    finally:
        os.close(handle)


def _load_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        if manifest["format"] == FORMAT:
            return manifest
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path}: is no manifest of this version; give another folder, or delete it")


def _temporary(name: str) -> str:
    return f".{name}.tmp"


def _settle(file: IO[bytes], path: Path) -> None:
    """Put a file that has been written under a temporary name on disk, and then in its place."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    os.replace(file.name, path)
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _short(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


# -- reading back --------------------------------------------------------------------------------------------


def read_back(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a shard; of Parquet, their heads alone."""
    if path.name.endswith(ENDINGS["parquet"]):
        from classifier.bulk.parquet import read_heads

        yield from read_heads(path)
        return
    with gzip.open(path, "rb") as lines:
        yield from map(json.loads, lines)
