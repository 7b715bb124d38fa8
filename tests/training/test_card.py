"""The card says what its model is made of, and is one file that needs nothing else."""

import hashlib
import json

from lxml import html
from training_pages import labelled, oracle

from classifier.modelfile import save_model
from training.card import LIMITS, USES, card, write_card
from training.evaluate import evaluate
from training.readings import readings


def figures():
    pages = labelled()
    return evaluate(list(readings(oracle(pages))), pages)


def test_both_files_stand_beside_the_model(tiny_model, tmp_path):
    model = tmp_path / "mine.npz"
    save_model(tiny_model, model)
    measured = figures()
    page, data = write_card(model, tiny_model.contract, measured)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.card.html", "mine.card.json", "mine.npz"]
    record = json.loads(data.read_text("utf-8"))
    assert record["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert record["figures"] == measured.to_dict()["headline"] and record["name"] == "tiny"
    assert record["thresholds"] == dict(tiny_model.contract.thresholds)
    text = html.fromstring(page.read_bytes()).text_content()
    assert record["sha256"] in text and all(sentence in text for sentence in (*USES, *LIMITS))
    assert "macro-F1" in text and "cross-validation" in text


def test_the_page_needs_nothing_else(tiny_model, tmp_path):
    model = tmp_path / "mine.npz"
    save_model(tiny_model, model)
    page = write_card(model, tiny_model.contract, figures())[0].read_text("utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_a_model_that_was_not_measured_says_so(tiny_model, tmp_path):
    model = tmp_path / "mine.npz"
    save_model(tiny_model, model)
    assert card(model, tiny_model.contract)["figures"] is None
    assert "Nothing was measured" in write_card(model, tiny_model.contract)[0].read_text("utf-8")
