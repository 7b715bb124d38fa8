import pytest

from classifier.bulk.inputs import find_files, read_files
from training import scale
from training.scale import BEGIN, END, Cost, mixed, summarise, table, write_into, write_warc


def costs():
    names = [*scale.TOOLS, "batch", "batch, 2 cores", "batch, blocks", "batch, Parquet"]
    found = {name: Cost(10.0, 10.0, (80 << 20, 60 << 20, 1 << 20)) for name in names}
    return found | {"batch": Cost(11.0, 11.0), "batch, 2 cores": Cost(5.5, 11.5), "trafilatura": Cost(40.0, 36.0)}


def test_figures_are_of_pages_and_seconds():
    report = summarise(costs(), 1000, {"HTML": 100.0})
    assert report["runs"]["library"]["pages_per_second"] == 100
    assert report["runs"]["library"]["cpu_ms"] == 10
    assert report["overhead_cpu"] == pytest.approx(0.1)
    assert report["two_cores"] == 2


def test_the_tables_hold_every_run_and_the_sums():
    report = {"machine": {"cpu": "x"}} | summarise(costs(), 1000, {"HTML": 100.0})
    text = table(report)
    assert all(f"| {name} |" in text for name in report["runs"])
    assert "| library | 100.0 | 100.0 | 10.00 | 80, 60 |" in text
    assert "+10.0% CPU" in text and "2.00 ×" in text
    assert "| trafilatura | 0.42 | 30,000 | $1,200 |" in text  # 36 ms a page


def test_what_it_takes_to_start_is_taken_off():
    assert Cost(10.0, 8.0, (5,)).less(Cost(2.0, 1.0, (3,))) == Cost(8.0, 7.0, (5,))


def test_corpora_are_mixed_evenly(tmp_path):
    found = {"a": [tmp_path / f"a{i}" for i in range(4)], "b": [tmp_path / f"b{i}" for i in range(2)]}
    assert [path.name for path in mixed(found, None)] == ["a0", "b0", "a1", "a2", "b1", "a3"]
    assert len(mixed(found, 3)) == 3


def test_the_archive_holds_the_pages(shipped_pages, tmp_path):
    pytest.importorskip("warcio")
    size = write_warc(shipped_pages[:3], tmp_path / "x.warc.gz")
    found = [source.data for source in read_files(find_files([str(tmp_path / "x.warc.gz")]))]
    assert found == [path.read_bytes() for path in shipped_pages[:3]]
    assert size == sum(map(len, found))


def test_figures_go_between_the_marks(tmp_path):
    path = tmp_path / "x.md"
    path.write_text(f"before\n{BEGIN}old{END}\nafter\n")
    write_into(path, "new")
    write_into(path, "newer")
    assert path.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="has no"):
        write_into(path, "new")
