"""The whole batch on one screen: files in, shards of records out, whatever a page does and whenever it is killed."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import classifier
from classifier.blocks import DEFAULT_LIMITS, Limits
from classifier.bulk.inputs import FIELDS, Fields, File, Format, find_files, read_files
from classifier.bulk.pool import Pool
from classifier.bulk.records import DEFAULT, Source, Wanted, lost_record, read_source
from classifier.bulk.shards import Row, Shards, Tally, To, locked, make_row
from classifier.modelfile import load_model
from classifier.sieve import Sieve


@dataclass(frozen=True, slots=True)
class Batch:
    """What decides about the output, byte for byte."""

    inputs: tuple[str, ...]
    """Files and folders; ``-`` is standard input."""
    out: Path
    format: Format | None = None
    """Of the inputs; by default their names tell it."""
    fields: Fields = FIELDS
    to: To = "jsonl"
    wanted: Wanted = DEFAULT
    shard_size: int = 10_000
    model: str | None = None
    text_model: str | None = None
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Result:
    """What a run leaves: counts over all records of the output, and its files."""

    tally: Tally
    shards: tuple[Path, ...]
    resumed: int
    """Records that an earlier run had done."""


def run(
    batch: Batch,
    *,
    jobs: int = 2,
    memory: int | None = None,
    show: Callable[[Tally], None] = lambda tally: None,
) -> Result:
    """Read every page that is not in a finished shard yet; ``show`` is called with the counts after each.

    :raises InputError: if an input or the output folder cannot be used.
    :raises ModelFileError: if a model cannot be used.
    :raises PoolError: if workers cannot be started.
    """
    files = find_files(batch.inputs, batch.format)
    with locked(batch.out):
        shards = Shards(batch.out, _arguments(batch, files), batch.to, batch.shard_size, batch.wanted)
        resumed = shards.done
        if not shards.complete:
            show(shards.tally)
            sources = islice(read_files(files, batch.fields, batch.limits.max_bytes), resumed, None)
            start, lost = partial(_row_reader, batch), partial(_lost_row, batch)
            with Pool(start, lost, jobs=jobs, seconds=2 * batch.limits.max_seconds, memory=memory) as pool:
                for row in pool.map(sources):
                    shards.add(row)
                    show(shards.tally)
            shards.finish()
    return Result(shards.tally, tuple(batch.out / name for name in shards.names), resumed)


def _row_reader(batch: Batch) -> Callable[[Source], Row]:
    """In a worker: a page into its row."""
    sieve = Sieve(batch.model, text_model=batch.text_model, limits=batch.limits)
    return lambda source: make_row(read_source(sieve, source, batch.wanted), batch.to)


def _lost_row(batch: Batch, source: Source, problem: str) -> Row:
    return make_row(lost_record(source, problem, batch.wanted), batch.to)


def _arguments(batch: Batch, files: Iterable[File]) -> dict[str, Any]:
    """All that decides about the bytes, for the manifest; models are loaded to see that they can be."""
    given = asdict(batch) | {
        "pagesieve": classifier.__version__,
        "inputs": _inputs_digest(files),
        "model": _model_digest(batch.model, "html"),
        "text_model": _model_digest(batch.text_model, "text"),
    }
    del given["out"]
    return given


def _inputs_digest(files: Iterable[File]) -> str:
    """Digest of the names, sizes and times of all files; they may hold more than can be read twice."""
    digest = hashlib.sha256()
    for file in files:
        facts = None if file.name == "-" else os.stat(file.name)
        digest.update(repr((file.name, facts and (facts.st_size, facts.st_mtime_ns))).encode())
    return digest.hexdigest()[:16]


def _model_digest(path: str | None, kind: str) -> str:
    if path is not None:
        load_model(path)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    shipped = resources.files("classifier") / "models" / f"{kind}.npz"
    return hashlib.sha256(shipped.read_bytes()).hexdigest()[:16]
