"""Pages in, a model out: the same bytes each time, one that reads a page, and that says what it was made of."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from small_training import few_pages, quickly
from training_pages import FOLDER, written

from classifier import load_model
from classifier.access import Coefficients
from classifier.labels import LABELS
from classifier.modelfile import save_model
from classifier.sieve import Sieve
from training.corpora import read_html
from training.gold import read_pages, write_jsonl
from training.samples import UNKNOWN
from training.train import NoPages, access_rows, describe, find_pages, make_samples, train


@pytest.fixture(scope="module", params=["html", "text"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def trained(kind):
    with quickly():
        return train(few_pages(), kind, jobs=1)


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    save_model(trained.model, path)
    return path


# -- training --------------------------------------------------------------------------------------------------


def test_the_same_pages_and_seed_give_the_same_bytes(kind, saved, tmp_path):
    for seed in (0, 1):
        with quickly():
            again = train(few_pages(), kind, seed=seed, jobs=1)
        save_model(again.model, tmp_path / "again.npz")
        assert ((tmp_path / "again.npz").read_bytes() == saved.read_bytes()) == (seed == 0)


def test_the_model_reads_a_page(kind, saved):
    sieve = Sieve(saved, text_model=saved)
    page = few_pages()[0]
    if kind == "html":
        reading = sieve.read(read_html(page), url=page.url)
    else:
        reading = sieve.read_text("\n".join(text for text, _ in page.segments))
    assert len(reading.blocks) > 20
    assert all(sum(block.probabilities.values()) == pytest.approx(1, abs=1e-4) for block in reading.blocks)


def test_the_contract_says_what_the_model_was_made_of(kind, trained, saved):
    contract = load_model(saved).contract
    assert contract.name == f"pagesieve {kind}"
    assert contract.labels == LABELS
    assert dict(contract.thresholds) == dict(trained.tuned.thresholds)
    assert contract.data == describe(trained.predictions.stack.samples)
    assert contract.data["pages"] == {"gold": len(few_pages()) * (1 if kind == "html" else 2)}
    assert isinstance(load_model(saved).access, Coefficients)


def test_the_model_carries_the_calibration(trained):
    assert trained.model.calibration == trained.tuned.calibration


def test_steps_are_told(tmp_path):
    told = []
    with quickly():
        train([*few_pages(), written(tmp_path)], "html", jobs=1, progress=told.append)
    assert told[0] == "features of 11 pages"
    assert len(told) == len(set(told))
    assert any("fold 2 of" in step for step in told)


# -- samples ---------------------------------------------------------------------------------------------------


def test_samples_come_in_the_order_of_their_pages(tmp_path):
    pages = [*few_pages() * 5, written(tmp_path, "void", html="<title>x</title>"), written(tmp_path)]
    assert [sample.id for sample in make_samples(pages, "html", jobs=1)] == [p.id for p in few_pages() * 5] + ["tea"]
    texts = make_samples(pages[-12:], "text", jobs=1)
    assert [sample.id for sample in texts] == [page.id for page in few_pages() for _ in range(2)]


def test_a_description_counts_and_digests(tmp_path):
    samples = make_samples([*few_pages(), written(tmp_path)], "html", jobs=1)
    found = describe(samples)
    assert found["pages"] == {"gold": len(few_pages()), "wcxb": 1}
    assert found["sites"] == len(few_pages()) + 1
    labels = Counter(label for sample in samples for label in sample.labels.tolist())
    assert found["labelled_blocks"] == {name: labels[code] for code, name in enumerate(LABELS)}
    assert min(found["labelled_blocks"].values()) > 10
    assert found["main_blocks"] == sum((sample.main != UNKNOWN).sum() for sample in samples)
    assert describe(samples) == found
    told = replace(samples[0], labels=np.where(samples[0].labels == 0, 1, samples[0].labels))
    renamed = replace(samples[0], id="other")
    digests = {describe([first, *samples[1:]])["sha256"] for first in (samples[0], told, renamed)}
    assert len(digests) == 3


def test_the_cache_of_samples_is_used_and_bounded(tmp_path, monkeypatch):
    pages = few_pages()[:2]

    def kept():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("output.pkl")}

    first = make_samples(pages, jobs=1, cache=tmp_path)
    before = kept()
    again = make_samples(pages, jobs=1, cache=tmp_path)
    assert [len(sample.page) for sample in again] == [len(sample.page) for sample in first]
    assert before and kept() == before
    monkeypatch.setattr("training.train.MOST_CACHED", "1K")
    make_samples(pages, jobs=1, cache=tmp_path)
    assert not kept()


@pytest.mark.parametrize("kind", ["html"], indirect=True)
def test_access_is_learned_from_pages_whose_level_is_known(trained, tmp_path):
    first, *rest = few_pages()
    pages = [replace(first, access="unsure"), *rest, written(tmp_path)]
    rows = list(access_rows(trained.predictions, trained.tuned, pages))
    assert [index for index, _ in rows] == list(range(1, len(few_pages())))
    assert [row.level for _, row in rows] == [page.access for page in rest]


# -- finding pages ---------------------------------------------------------------------------------------------


def test_pages_of_folders_and_of_the_gold_set_are_found(tmp_path):
    assert find_pages([FOLDER], None, None) == list(read_pages(FOLDER))
    pages = tmp_path / "dev" / "pages"
    pages.mkdir(parents=True)
    gold = [replace(page, source="elsewhere") for page in few_pages()[:2]]
    write_jsonl(gold, tmp_path / "dev.jsonl")
    for page in gold:
        (pages / page.path.name).write_bytes(page.path.read_bytes())
    found = find_pages([FOLDER], tmp_path, None)
    assert len(found) == len(read_pages(FOLDER)) + 2
    assert [(page.source, page.id) for page in found[-2:]] == [("elsewhere", page.id) for page in gold]


def test_only_corpora_with_a_truth_are_read(tmp_path):
    case = tmp_path / "readability" / "test" / "test-pages" / "tea"
    case.mkdir(parents=True)
    (case / "source.html").write_text("<p>The tea went cold.", "utf-8")
    (case / "expected.html").write_text("<p>The tea went cold.", "utf-8")
    fixture = tmp_path / "postlight" / "fixtures"
    fixture.mkdir(parents=True)
    (fixture / "www.example.com.html").write_text("<p>No truth here.", "utf-8")
    assert [(page.source, page.id) for page in find_pages([], None, tmp_path)] == [("readability", "tea")]


def test_no_pages_is_one_clear_sentence(tmp_path):
    (tmp_path / "corpora").mkdir()
    with pytest.raises(NoPages) as error:
        find_pages([tmp_path], None, tmp_path / "corpora")
    assert str(error.value) == (
        f"No labelled pages in {tmp_path}, {tmp_path / 'corpora'}; name a folder of label files (datasets/README.md)."
    )
    with pytest.raises(FileNotFoundError, match="No folder"):
        find_pages([tmp_path / "nowhere"], None, None)
