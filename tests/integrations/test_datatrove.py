import gzip
import json
import pickle

import pytest

pytest.importorskip("datatrove")
pytest.importorskip("fastwarc")

from archives import LATIN, entries, write_warc
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.writers import JsonlWriter
from doc_examples import example, run_python

from classifier import Sieve
from classifier.bulk.inputs import find_files, read_files
from classifier.bulk.records import read_source
from classifier.integrations.datatrove import AccessFilter, SieveExtractor, SieveLabels, WarcPages

PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4
STEPS = [WarcPages("."), SieveExtractor(), SieveLabels(blocks=True), AccessFilter()]


def read_folder(folder):
    shards = [gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("*.jsonl.gz"))]
    return [json.loads(line) for shard in shards for line in shard.splitlines()]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datatrove")
    write_warc(folder / "crawl" / "one.warc.gz")
    return folder


def execute(folder, name, *steps):
    LocalPipelineExecutor(
        pipeline=[WarcPages(str(folder / "crawl")), *steps, JsonlWriter(str(folder / name))],
        logging_dir=str(folder / f"{name}-logs"),
    ).run()
    return read_folder(folder / name)


@pytest.fixture(scope="module")
def records(crawl):
    """What the library itself makes of the archive."""
    sieve = Sieve()
    files = find_files([str(crawl / "crawl" / "one.warc.gz")])
    return [json.loads(json.dumps(read_source(sieve, source))) for source in read_files(files)]


def test_labels_and_verdict_are_those_of_the_library(crawl, records):
    found = execute(crawl, "labelled", SieveLabels())
    expected = [record for record in records if record["text"]]
    assert [document["id"] for document in found] == [record["id"] for record in expected]
    assert [document["text"] for document in found] == [record["text"] for record in expected]
    for document, record in zip(found, expected, strict=True):
        given = document["metadata"]["pagesieve"]
        assert given == {name: record[name] for name in given}
        assert {name: document["metadata"][name] for name in ("url", "date", "status")} == {
            name: record[name] for name in ("url", "date", "status")
        }


def test_the_charset_of_http_counts(crawl):
    (page,) = (
        document for document in WarcPages(str(crawl / "crawl")).run() if document.metadata["url"].endswith("latin")
    )
    assert page.text == LATIN.decode("latin-1")


def test_what_is_no_page_is_counted(crawl):
    reader = WarcPages(str(crawl / "crawl"))
    assert len(list(reader.run())) == len(entries()) - 3
    assert reader.stats["skipped_NotHtml"].total == 2
    assert reader.stats["skipped_Empty"].total == 1


def test_documents_without_text_go_on_if_asked(crawl, records):
    found = execute(crawl, "kept", SieveLabels(keep_empty=True))
    assert len(found) == len(entries()) - 3
    empty = [document for document in found if not document.get("text")]
    assert empty and all(document["metadata"]["pagesieve"]["problem"] for document in empty)


def test_gated_pages_are_kept_out_and_written_elsewhere(crawl, records):
    gate = AccessFilter(exclusion_writer=JsonlWriter(str(crawl / "gated")))
    found = execute(crawl, "open", SieveLabels(keep_empty=True), gate)
    levels = {document["metadata"]["pagesieve"]["access"]["level"] for document in found}
    assert levels <= {"open", "metered"}
    out = read_folder(crawl / "gated")
    assert out and {document["metadata"]["filter_reason"] for document in out} == {"gated"}
    assert len(found) + len(out) == len(entries()) - 3


def test_the_extractor_gives_the_same_text(crawl, records):
    found = execute(crawl, "extracted", SieveExtractor())
    by_id = {record["id"]: record["text"] for record in records}
    assert len(found) == sum(bool(text) for text in by_id.values())
    assert all(document["text"] == by_id[document["id"]] for document in found)


def test_all_content_is_more_and_text_is_read_by_lines():
    page = f"<h1>Tide</h1><p>{PROSE}<p>{PROSE}"
    assert SieveExtractor().extract(page) == Sieve().read(page).text
    assert SieveExtractor(all_content=True).extract(page) == Sieve().read(page).content
    assert SieveExtractor(kind="text").extract(PROSE) == Sieve().read_text(PROSE).text
    assert SieveExtractor().extract("") == ""  # datatrove's warm-up


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_steps_can_be_pickled(step):
    SieveExtractor().extract("<p>a")
    again = pickle.loads(pickle.dumps(step))
    assert type(again) is type(step)


def test_the_filter_says_why():
    def verdict(access):
        return AccessFilter(keep=["open"]).filter(Document("", "1", metadata={"pagesieve": {"access": access}}))

    assert verdict({"level": "open"}) is True
    assert verdict({"level": "metered"}) == (False, "metered")
    assert verdict(None) == (False, "unread")
    with pytest.raises(ValueError, match="Document 1 has no verdict: AccessFilter must come after SieveLabels"):
        AccessFilter().filter(Document("", "1"))


def test_a_page_that_takes_too_long_costs_itself_alone():
    slow, quick = Document("<p>" + PROSE * 2_000, "slow"), Document(f"<p>{PROSE}", "quick")
    step = SieveLabels(keep_empty=True, seconds=0.02)
    found = {document.id: document.metadata["pagesieve"]["problem"] for document in step.run(iter([slow, quick]))}
    assert set(found) == {"slow", "quick"}
    assert found["slow"].startswith("TimedOut")


def test_blocks_are_kept_on_request(tiny_model, tmp_path):
    from classifier.modelfile import save_model

    save_model(tiny_model, tmp_path / "tiny.npz")
    page = Document(f"<p>{PROSE}", "1", metadata={"url": "https://a.example/", "status": 403})
    step = SieveLabels(blocks=True, markdown=True, keep_empty=True, model=str(tmp_path / "tiny.npz"))
    (found,) = step.run(iter([page]))
    kept = found.metadata["pagesieve"]
    expected = Sieve(tiny_model).read(f"<p>{PROSE}", url="https://a.example/", status=403)
    assert kept["blocks"] == [block.to_dict() for block in expected.blocks]
    assert "status" in [each["kind"] for each in kept["access"]["evidence"]]


def test_datatroves_own_reader_will_do(crawl):
    pytest.importorskip("magic")
    pytest.importorskip("cchardet")
    from datatrove.pipeline.readers import WarcReader

    pages = WarcReader(str(crawl / "crawl")).run()
    found = list(SieveLabels().run(pages))
    assert len(found) > 30
    assert all(document.metadata["pagesieve"]["access"] for document in found)


def test_the_example_of_the_document_runs(tmp_path, records):
    for name in ("one", "two"):
        write_warc(tmp_path / "crawl" / f"{name}.warc.gz")
    run = run_python(example("datatrove.md", "pipeline.py"), tmp_path)
    assert run.returncode == 0, run.stderr
    levels = [record["access"]["level"] for record in records if record["text"]]
    for name, wanted in (("pages", {"open", "metered"}), ("gated", {"gated"})):
        found = [document["metadata"]["pagesieve"]["access"]["level"] for document in read_folder(tmp_path / name)]
        assert sorted(found) == sorted(2 * [level for level in levels if level in wanted])
    assert set(levels) > {"gated"}
