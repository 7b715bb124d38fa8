"""Records as Arrow tables and Parquet files; needs pyarrow (``pip install 'pagesieve[parquet]'``)."""

from typing import TYPE_CHECKING

from classifier.bulk.records import Wanted
from classifier.labels import LABELS

if TYPE_CHECKING:
    import pyarrow


def arrow_schema(wanted: Wanted = Wanted()) -> "pyarrow.Schema":
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
        [pa.field(name, kind, nullable=name != "id") for name, kind in columns.items() if name not in left_out]
    )
