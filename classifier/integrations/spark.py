"""Spark: a column of pages, or WARC files, into the records that ``pagesieve batch`` writes.

    read_pages(df, html_col="html", url_col="url").where("access.level = 'open'")

    python -m classifier.integrations.spark crawl/*.warc.gz -o records

Pages go through ``mapInArrow``, an iterator of record batches on each worker. There a process that may be killed reads
them (:class:`~classifier.bulk.pool.Pool`): it loads the model once and lives as long as Spark's worker, over all its
tasks. A page that cannot be read, or that kills the process, is a row with a ``problem``; no page fails a task.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from tempfile import NamedTemporaryFile
from typing import Any, Final, Literal

import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession, functions

from classifier.bulk.inputs import File, find_files, read_files
from classifier.bulk.parquet import arrow_schema
from classifier.bulk.pool import SECONDS, Pool
from classifier.bulk.records import DEFAULT, Source, Wanted, lost_record, record_reader
from classifier.bulk.shards import SKIPPED
from classifier.cli import DONE, FAILED, InputError
from classifier.modelfile import ModelFileError, load_model

ROWS: Final = 64
"""Rows of an Arrow batch: each holds a whole page, so Spark's 10,000 would not fit."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What is done to a page on a worker."""

    wanted: Wanted = DEFAULT
    model: str | None = None
    """Path, to be found on each worker; ``None`` for the model that ships."""
    text_model: str | None = None
    seconds: float = SECONDS


def read_pages(
    df: DataFrame,
    html_col: str | None = "html",
    *,
    text_col: str | None = None,
    id_col: str | None = None,
    url_col: str | None = None,
    date_col: str | None = None,
    encoding_col: str | None = None,
    status_col: str | None = None,
    wanted: Wanted = DEFAULT,
    model: str | None = None,
    text_model: str | None = None,
    seconds: float = SECONDS,
) -> DataFrame:
    """A row of :func:`spark_schema` for each row of ``df``, in its order within a partition.

    ``html_col`` is binary (decoded as everywhere, by ``encoding_col`` first) or string; ``encoding_col`` is a charset
    or content type, ``status_col`` the HTTP status. Without ``id_col`` the id is the URL. ``model`` and ``text_model``
    are paths that are there on each worker; ``seconds`` is the time for one page.

    :raises ValueError: if ``df`` has no such column.
    """
    given = {
        "html": html_col,
        "text": text_col,
        "id": id_col or url_col,
        "url": url_col,
        "date": date_col,
        "encoding": encoding_col,
        "status": status_col,
    }
    columns = {role: name for role, name in given.items() if name is not None}
    missing = [name for name in dict.fromkeys(columns.values()) if name not in df.columns]
    if missing or not (html_col or text_col):
        has = ", ".join(df.columns)
        raise ValueError(f"The frame has no column {', '.join(missing) or 'of pages'}; it has {has}.")
    # By their roles from here on: mapInArrow does not get along with names that hold a dot.
    pages = df.select(*(functions.col(f"`{name}`").alias(role) for role, name in columns.items()))
    read = partial(read_rows, reader=Reader(wanted, model, text_model, seconds))
    return pages.mapInArrow(read, spark_schema(wanted))


def read_archives(spark: SparkSession, paths: Sequence[str], reader: Reader | None = None) -> DataFrame:
    """The rows of all pages in WARC and WET files, a task a file; paths as every worker sees them.

    Paths with a scheme (``s3://…``) are fetched with fsspec, whole, before they are read.
    """
    reader = reader or Reader()
    rows = spark.sparkContext.parallelize([(path,) for path in paths], max(1, len(paths)))
    frame = spark.createDataFrame(rows, "path string")
    return frame.mapInArrow(partial(read_paths, reader=reader), spark_schema(reader.wanted))


def spark_schema(wanted: Wanted = DEFAULT) -> str:
    """The columns of a row, as Spark's DDL; the same as in ``pagesieve batch --to parquet``.

    >>> spark_schema()[:44]
    'id string not null, url string, date string,'
    """
    return ", ".join(
        f"{field.name} {_ddl(field.type)}{'' if field.nullable else ' not null'}" for field in arrow_schema(wanted)
    )


def _ddl(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {_ddl(field.type)}' for field in kind)}>"
    if pa.types.is_list(kind):
        return f"array<{_ddl(kind.value_type)}>"
    return {"int32": "int", "bool": "boolean"}.get(str(kind), str(kind))


# -- on a worker -------------------------------------------------------------------------------------------------


def read_rows(batches: Iterable[pa.RecordBatch], reader: Reader) -> Iterator[pa.RecordBatch]:
    """What ``mapInArrow`` calls for a partition of pages, in columns named html, text, id and so on."""
    rows = (row for batch in batches for part in _parts(batch) for row in part.to_pylist())
    return _records((_source(row) for row in rows), reader)


def read_paths(batches: Iterable[pa.RecordBatch], reader: Reader) -> Iterator[pa.RecordBatch]:
    """What ``mapInArrow`` calls for a partition of archives."""
    paths = (path for batch in batches for path in batch.column(0).to_pylist())
    return _records((source for path in paths for source in _archive(path)), reader)


def _records(sources: Iterable[Source], reader: Reader) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(reader.wanted)
    records = _pool(reader).map(sources)
    while held := list(islice(records, ROWS)):
        yield pa.RecordBatch.from_pylist(held, schema)


@cache
def _pool(reader: Reader) -> Pool[Source, dict[str, Any]]:
    """One for all tasks of a worker; its process ends with the worker's."""
    start = partial(record_reader, reader.wanted, _found(reader.model), _found(reader.text_model))
    return Pool(start, partial(lost_record, wanted=reader.wanted), jobs=1, seconds=reader.seconds)


def _found(model: str | None) -> str | None:
    """The path of a model that may have been sent along with the job."""
    return model if model is None or os.path.exists(model) else SparkFiles.get(os.path.basename(model))


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Few rows at a time become Python values, however many Spark put into its batch."""
    for start in range(0, batch.num_rows, ROWS):
        yield batch.slice(start, ROWS)


def _source(row: Mapping[str, Any]) -> Source:
    html, text, name, status = map(row.get, ("html", "text", "id", "status"))
    date: Any = row.get("date")
    kind: Literal["html", "text"] = "text" if html is None and text is not None else "html"
    data = text if kind == "text" else html
    return Source(
        id="" if name is None else str(name),
        data="" if data is None else data,
        kind=kind,
        url=row.get("url"),
        date=date.isoformat() if hasattr(date, "isoformat") else date,
        content_type=row.get("encoding"),
        status=None if status is None else int(status),
        problem="Empty: the row holds no page" if data is None else None,
    )


def _archive(path: str) -> Iterator[Source]:
    """The pages of one file; one that cannot be had is a source that says so."""
    if "://" not in path:
        yield from read_files([File(path, "warc", path)])
        return
    try:
        import fsspec

        with NamedTemporaryFile(suffix=".warc") as local:
            with fsspec.open(path, "rb") as remote:
                shutil.copyfileobj(remote, local)
            local.flush()
            yield from read_files([File(local.name, "warc", path)])
    except Exception as error:  # each file system has its own
        yield Source(path, b"", problem=f"BrokenInput: {path}: {type(error).__name__}: {error}")


# -- the job -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m classifier.integrations.spark``; returns its exit code."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        paths = [path for given in options.archives for path in _expanded(given)]
        return _run(paths, options)
    except (InputError, ModelFileError) as error:
        print(f"pagesieve: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m classifier.integrations.spark",
        description="Read WARC and WET files into a folder of Parquet files, with Spark.",
        epilog="exit codes: 0 every record was read or skipped (not HTML, empty), 1 some failed, 2 wrong usage",
    )
    add = parser.add_argument
    add("archives", metavar="WARC", nargs="+", help="file or folder that every worker sees, or a URL for fsspec")
    add("-o", "--out", metavar="OUT", required=True, help="folder or URL that Spark can write to")
    add("--overwrite", action="store_true", help="replace what is there")
    add("--markdown", action="store_true", help="put Markdown into the rows")
    add("--blocks", action="store_true", help="put the labelled blocks into the rows")
    add("--all-content", action="store_true", help="all content, not the main text alone")
    add("--model", metavar="FILE", help="a model for pages instead of the one that ships, on every worker")
    add("--text-model", metavar="FILE", help="a model for plain text instead of the one that ships")
    add("--seconds", type=float, default=SECONDS, metavar="N", help=f"time for a page ({SECONDS:g})")
    return parser


def _expanded(given: str) -> list[str]:
    """A URL as it is; the archives of a folder.

    :raises InputError: if there is no such file.
    """
    if "://" in given:
        return [given]
    return [os.path.abspath(file.name) for file in find_files([given], "warc" if os.path.isfile(given) else None)]


def _run(paths: Sequence[str], options: argparse.Namespace) -> int:
    wanted = Wanted(options.markdown, options.blocks, options.all_content)
    reader = Reader(wanted, options.model, options.text_model, options.seconds)
    spark = SparkSession.builder.appName("pagesieve").getOrCreate()
    try:
        for model in filter(None, map(_found, (reader.model, reader.text_model))):
            load_model(model)  # its sentence now, and not a stack of Java's
        mode = "overwrite" if options.overwrite else "errorifexists"
        read_archives(spark, paths, reader).write.mode(mode).option("compression", "zstd").parquet(options.out)
        return _report(spark.read.parquet(options.out), options.out)
    finally:
        spark.stop()


def _report(rows: DataFrame, out: str) -> int:
    """Say how many there are of what; gives the exit code."""
    problem = "split(problem, ':')[0] as problem"
    found = rows.selectExpr("access.level as level", problem).groupBy("level", "problem").count().collect()
    read = sum(row["count"] for row in found if row["level"])
    skipped = sum(row["count"] for row in found if not row["level"] and row["problem"] in SKIPPED)
    failed = sum(row["count"] for row in found) - read - skipped
    print(
        f"pagesieve: {read + skipped + failed} records: {read} read, {skipped} skipped, {failed} failed; in {out}",
        file=sys.stderr,
    )
    return FAILED if failed else DONE


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find by reference what they run, and keep what it caches.
    from classifier.integrations import spark as job

    sys.exit(job.main())
