import io

import pytest

from classifier import Sieve
from classifier.bulk import Source, Wanted, read_source
from classifier.bulk.parquet import GROUP, ParquetShard, arrow_schema, read_heads

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def records(shipped_pages):
    sieve = Sieve()
    wanted = Wanted(markdown=True, blocks=True)
    sources = [Source(path.stem, path.read_bytes(), status=200) for path in shipped_pages[:6]]
    return [read_source(sieve, source, wanted) for source in (*sources, Source("bad", b"", problem="Empty: nothing"))]


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(markdown=True), Wanted(blocks=True), Wanted(True, True, True)])
def test_the_schema_holds_the_keys_of_a_record_in_order(wanted):
    for source in (Source("1", "<p>text"), Source("1", "", problem="Empty")):
        assert arrow_schema(wanted).names == list(read_source(Sieve(), source, wanted))


def test_nested_fields_are_those_of_a_record(records):
    schema = arrow_schema(Wanted(markdown=True, blocks=True))
    for name in ("access", "metadata", "shares"):
        assert [field.name for field in schema.field(name).type] == list(records[0][name])
    blocks = schema.field("blocks").type.value_type
    assert [field.name for field in blocks] == list(records[0]["blocks"][0])


def test_records_come_back_as_they_were(records, tmp_path):
    path = tmp_path / "x.parquet"
    write(path, records)
    assert pq.read_table(path).to_pylist() == records
    heads = [{name: record[name] for name in ("id", "url", "problem")} for record in records]
    assert list(read_heads(path)) == heads
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_same_records_give_the_same_bytes(records, tmp_path):
    for name in "ab":
        write(tmp_path / name, records)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_memory_holds_one_group():
    file = io.BytesIO()
    shard = ParquetShard(file)
    record = read_source(Sieve(), Source("1", "", problem="Empty"))
    for _ in range(GROUP + 1):
        shard.write(record)
    assert len(shard._held) == 1
    shard.close()
    assert pq.ParquetFile(io.BytesIO(file.getvalue())).metadata.num_row_groups == 2


def write(path, records):
    with open(path, "wb") as file:
        shard = ParquetShard(file, Wanted(markdown=True, blocks=True))
        for record in records:
            shard.write(record)
        shard.close()
