"""Records as Arrow tables and Parquet files; needs pyarrow (``pip install 'pagesieve[parquet]'``)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from classifier.bulk.records import DEFAULT, Wanted
from classifier.labels import LABELS

if TYPE_CHECKING:
    import pyarrow


GROUP: Final = 1_000
"""Records of a row group: what is held in memory."""


def arrow_schema(wanted: Wanted = DEFAULT) -> "pyarrow.Schema":
    """The columns of a record, in its order; every one but ``id`` may be null."""
    import pyarrow as pa

    text, real, flag = pa.string(), pa.float64(), pa.bool_()

    def struct(**fields: pa.DataType) -> pa.DataType:
        return pa.struct(list(fields.items()))

    labels = pa.struct([(label, real) for label in LABELS])
    columns = {
        **dict.fromkeys(("id", "url", "date", "digest"), text),
        "status": pa.int32(),
        "problem": text,
        "text": text,
        "markdown": text,
        "access": struct(
            level=text,
            probability=real,
            declared=text,
            complete=flag,
            wall=text,
            paywalled=flag,
            evidence=pa.list_(struct(kind=text, where=text, excerpt=text, weight=real)),
        ),
        "metadata": struct(
            title=text,
            site_name=text,
            author=pa.list_(text),
            published=text,
            modified=text,
            language=text,
            canonical_url=text,
            description=text,
            kind=text,
        ),
        "shares": labels,
        "confidence": real,
        "language": text,
        "blocks": pa.list_(
            struct(
                text=text,
                label=text,
                main=flag,
                probabilities=labels,
                main_probability=real,
                xpath=text,
                hidden=flag,
            )
        ),
    }
    left_out = {name for name in ("markdown", "blocks") if not getattr(wanted, name)}
    return pa.schema(
        [
            pa.field(name, kind, nullable=name != "id")
            for name, kind in columns.items()
            if name not in left_out
        ]
    )


class ParquetShard:
    """Writes records into an open file as Parquet, packed with zstd; the same records give the same bytes."""

    def __init__(self, file: IO[bytes], wanted: Wanted = DEFAULT) -> None:
        import pyarrow.parquet

        self._schema = arrow_schema(wanted)
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._held: list[Mapping[str, Any]] = []

    def write(self, record: Mapping[str, Any], /) -> None:
        """Add a record."""
        self._held.append(record)
        if len(self._held) == GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is held back, and the end of the file, which stays open."""
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.Table.from_pylist(self._held, self._schema))
        self._held.clear()


def read_heads(path: Path) -> Iterator[dict[str, Any]]:
    """Id, url and problem of each record of a file."""
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(path).iter_batches(columns=["id", "url", "problem"]):
        yield from batch.to_pylist()
