"""What is hidden is hidden from all that learns; what is measured stays the same."""

from dataclasses import replace

import numpy as np
import pytest
from small_training import few_pages, quickly

from training import learning
from training.learning import SHARES, hidings, label_f1, learning_curve, measured, sources
from training.samples import COMPOSED, UNKNOWN
from training.train import make_samples


@pytest.fixture(scope="module")
def samples():
    return make_samples(few_pages(), jobs=1)


def test_a_share_of_the_sites_keeps_its_labels(samples):
    kept = {share: {s.id for s in samples if (learning._share(share)(s).labels != UNKNOWN).any()} for share in SHARES}
    assert kept[0.25] <= kept[0.5] <= kept[1.0] == {sample.id for sample in samples}
    assert len(kept[0.5]) < len(samples)


def test_composed_pages_of_a_hidden_site_are_gone(samples):
    composed = [replace(sample, corpus=COMPOSED) for sample in samples]
    shown = [learning._share(0.5)(sample) for sample in composed]
    assert {s.site for s in shown if s} == {s.site for s in samples if (learning._share(0.5)(s).labels >= 0).any()}


def test_sources_hide_what_they_name(samples):
    corpus = replace(samples[0], corpus="wcxb", main=np.ones(len(samples[0].page), np.float32))
    ours, theirs = (replace(samples[0], corpus=COMPOSED, id=f"{name}+0") for name in (samples[0].id, "theirs"))
    found = hidings(samples)
    assert found["all but composed pages"](ours) is None
    annotations = found["all but our labels of the corpora's pages"]
    assert (annotations(corpus).labels == UNKNOWN).all() and annotations(theirs) is None
    assert annotations(samples[0]) is samples[0] and annotations(ours) is ours
    assert (found["all but the corpora's main texts"](corpus).main == UNKNOWN).all()


def test_figures_are_of_the_gold_pages_whatever_is_hidden(samples, monkeypatch):
    seen = []
    monkeypatch.setattr(learning, "label_f1", lambda truth, said: seen.append(len(truth)) or label_f1(truth, said))
    with quickly():
        figures = measured(samples, lambda sample: sample)
        measured([*samples, replace(samples[0], corpus=COMPOSED)], hidings(samples)["all but composed pages"])
    assert seen == [sum(int((sample.labels != UNKNOWN).sum()) for sample in samples)] * 2
    assert set(figures) == {"content", "navigation", "ad", "paywall", "macro"}


def test_the_curve_and_the_table(samples, monkeypatch):
    monkeypatch.setattr(learning, "measured", lambda samples, hide, *_: {"macro": 0.5})
    assert [pages for pages, _ in learning_curve(samples)][-1] == len(samples)
    rows = list(sources(samples, {"macro": 0.5}))
    assert rows[0] == ("learned from", "macro") and [row[0] for row in rows[1:]] == ["all", *hidings(samples)]
