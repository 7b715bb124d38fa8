import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("pyspark")
pytest.importorskip("pyarrow")
pytest.importorskip("pandas")  # pyspark asks for it, whatever it does
pytest.importorskip("fastwarc")

import pyarrow as pa
import pyarrow.parquet
from archives import LATIN, entries, write_warc
from doc_examples import ROOT, example

from classifier import Sieve
from classifier.bulk.parquet import arrow_schema
from classifier.bulk.records import Source, Wanted, read_source
from classifier.bulk.run import Batch, run
from classifier.integrations import spark as door
from classifier.modelfile import save_model

PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4
EVERYTHING = Wanted(markdown=True, blocks=True, all_content=True)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark") / "crawl"
    write_warc(folder / "one.warc.gz")
    whole = (folder / "one.warc.gz").read_bytes()
    (folder / "two.warc.gz").write_bytes(whole[: len(whole) // 2])  # cut off in a record
    return [str(folder / "one.warc.gz"), str(folder / "two.warc.gz")]


def batch_rows(inputs, out, wanted):
    """What ``pagesieve batch`` writes."""
    result = run(Batch(tuple(inputs), out, to="parquet", wanted=wanted), jobs=1)
    return [row for shard in result.shards for row in pyarrow.parquet.read_table(shard).to_pylist()]


def plain(frame):
    return [row.asDict(recursive=True) for row in frame.collect()]


@pytest.mark.parametrize("wanted", [Wanted(), EVERYTHING], ids=["default", "everything"])
def test_archives_give_the_rows_of_batch(spark, archives, tmp_path, wanted):
    found = plain(door.read_archives(spark, archives, door.Reader(wanted)))
    assert found == batch_rows(archives, tmp_path / "out", wanted)
    assert len(found) > len(entries())
    assert {"BrokenInput", "NotHtml", "Empty"} <= {(row["problem"] or "").partition(":")[0] for row in found}


def test_columns_give_the_rows_of_the_library(spark):
    pages = [
        ("1", f"<title>Tide</title><p>{PROSE}".encode(), "https://a.example/", "text/html; charset=utf-8", 200),
        ("2", LATIN, "https://b.example/", "iso-8859-1", 403),
        ("3", b"", None, None, None),
        ("4", b"%PDF-1.7\n" + bytes(range(256)), None, None, None),
        ("5", None, None, None, None),
        *((str(n), f"<p>{n} {PROSE}".encode(), None, None, None) for n in range(6, 30)),
    ]
    frame = spark.createDataFrame(pages, "key string, page binary, address string, kind string, code int")
    found = plain(
        door.read_pages(
            frame.coalesce(1), "page", id_col="key", url_col="address", encoding_col="kind", status_col="code"
        )
    )
    sieve = Sieve()
    for row, (key, page, address, kind, code) in zip(found, pages, strict=True):
        problem = "Empty: the row holds no page" if page is None else None
        source = Source(key, page or b"", url=address, content_type=kind, status=code, problem=problem)
        assert row == json.loads(json.dumps(read_source(sieve, source)))
    assert found[0]["metadata"]["title"] == "Tide"
    assert found[4]["problem"] == "Empty: the row holds no page"


def test_text_dates_and_odd_names(spark):
    frame = spark.sql(
        "select cast(null as string) as `a.html`, 'Home' as text, date'2026-11-24' as day, 7 as id union all"
        f" select '<p>{PROSE}', null, null, null"
    )
    rows = door.read_pages(frame.coalesce(1), "a.html", text_col="text", date_col="day", id_col="id").collect()
    assert [(row.id, row.date) for row in rows] == [("7", "2026-11-24"), ("", None)]
    assert rows[0].access is not None
    assert rows[1].text == PROSE.strip()


def test_the_schema_is_that_of_the_records(spark):
    frame = spark.createDataFrame([("<p>a",)], "html string")
    for wanted in (Wanted(), EVERYTHING):
        schema = door.read_pages(frame, wanted=wanted).schema
        assert schema.fieldNames() == arrow_schema(wanted).names
    assert "struct<level: string" in door.spark_schema()


def test_missing_columns_are_named(spark):
    frame = spark.createDataFrame([("<p>a",)], "body string")
    with pytest.raises(ValueError, match="The frame has no column html, u; it has body"):
        door.read_pages(frame, url_col="u")
    with pytest.raises(ValueError, match="The frame has no column of pages; it has body"):
        door.read_pages(frame, None)


def test_a_page_that_hangs_is_a_row_and_no_failed_task(spark):
    pages = [("quick", f"<p>{PROSE}"), ("slow", "<p>" + PROSE * 3_000), ("last", f"<p>{PROSE}")]
    frame = spark.createDataFrame(pages, "id string, html string").coalesce(1)
    rows = {row.id: row.problem for row in door.read_pages(frame, id_col="id", seconds=0.05).collect()}
    assert rows["slow"] == "TimedOut: not done after 0.05 s"
    assert list(rows) == ["quick", "slow", "last"]


def test_a_model_is_loaded_once_for_all_tasks_of_a_worker(spark):
    """The pool, and with it the process that holds the model, stays from one task to the next."""

    def pools(batches):
        from classifier.integrations.spark import Reader, _pool

        for batch in batches:
            rows = list(door.read_rows([batch], Reader()))
            pids = [worker.process.pid for worker in _pool(Reader())._workers]
            yield pa.RecordBatch.from_pylist([{"worker": os.getpid(), "reader": pids[0], "rows": rows[0].num_rows}])

    frame = spark.createDataFrame([(f"<p>{n} {PROSE}",) for n in range(40)], "html string").repartition(8)
    seen = frame.mapInArrow(pools, "worker long, reader long, rows long").collect()
    readers = {}
    for row in seen:
        readers.setdefault(row.worker, set()).add(row.reader)
    assert sum(row.rows for row in seen) == 40
    assert len(readers) <= 2 and all(len(found) == 1 for found in readers.values())


def test_a_model_that_was_sent_along_is_found(spark, tiny_model, tmp_path):
    path = tmp_path / "sent-along.npz"
    save_model(tiny_model, path)
    spark.sparkContext.addFile(str(path))
    frame = spark.createDataFrame([(f"<p>{PROSE}",)], "html string")
    (row,) = plain(door.read_pages(frame, model="sent-along.npz"))
    assert row == json.loads(json.dumps(read_source(Sieve(tiny_model), Source("", f"<p>{PROSE}"))))


def test_urls_are_fetched(spark, archives):
    pytest.importorskip("fsspec")
    paths = [f"file://{archives[0]}", "file:///nowhere.warc.gz", "nothing://x"]
    found = plain(door.read_archives(spark, paths))
    assert found[:-2] == plain(door.read_archives(spark, archives[:1]))
    assert [row["problem"].partition(": ")[0] for row in found[-2:]] == ["BrokenInput"] * 2


# -- the job ---------------------------------------------------------------------------------------


def quiet_spark(folder):
    """Environment for a Spark of its own."""
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    (conf / "spark-defaults.conf").write_text(
        "spark.master local[2]\nspark.ui.enabled false\nspark.driver.host 127.0.0.1\n"
        "spark.driver.bindAddress 127.0.0.1\n"
    )
    return {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_CONF_DIR": str(conf)}


def test_the_job_of_the_document_runs(spark, tmp_path):
    write_warc(tmp_path / "crawl" / "one.warc.gz")
    code = example("spark.md", "job.sh").replace("python ", f"{sys.executable} ", 1)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=tmp_path,
        env=quiet_spark(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    count = len(entries())
    assert f"pagesieve: {count} records: " in ran.stderr and " 0 failed; in records" in ran.stderr
    assert "Traceback" not in ran.stderr
    rows = pyarrow.parquet.read_table(tmp_path / "records").to_pylist()
    expected = batch_rows([str(tmp_path / "crawl" / "one.warc.gz")], tmp_path / "batch", Wanted())
    assert rows == expected


def test_the_example_of_the_document_runs(spark, capsys):
    exec(example("spark.md", "pages.py"), {"__name__": "__main__"})  # in the session that is there already
    assert "|https://example.com/tide|Tide " in capsys.readouterr().out


def test_missing_files_are_named(capsys, tmp_path):
    assert door.main([str(tmp_path / "none.warc.gz"), "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"pagesieve: {tmp_path / 'none.warc.gz'}: no such file or folder\n"
