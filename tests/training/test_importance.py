"""A group that tells everything is worth everything; one that tells nothing is worth nothing."""

from types import SimpleNamespace

import numpy as np
from small_training import few_pages, quickly
from training_pages import oracle, written

from classifier.features import GROUPS
from classifier.model import SCORES
from training.fit import cross_validate
from training.importance import importances


def test_every_group_has_a_row_and_what_it_is_worth(tmp_path):
    stack = oracle([*few_pages(), *(written(tmp_path, f"page{i}") for i in range(3))]).stack
    with quickly():
        predictions = cross_validate(stack)
    told = []
    rows = importances(predictions, (), told.append)
    assert rows[0][0] == "all" and len(rows) == len(told) == len(GROUPS) + 5
    assert all(row[0].startswith("without ") and row[1].endswith(")") for row in rows[1:])


def test_blanking_what_decides_costs_all():
    stack = oracle(few_pages()).stack
    first = len(stack.samples[0].values[0])
    truth = stack.bags.labels

    def logits(inputs, near):
        """The lexical words tell the label, nothing else does."""
        return np.concatenate([inputs[:, first : first + 4], np.zeros((len(inputs), 1))], axis=1)

    scores = np.zeros((len(truth), len(SCORES)), np.float32)
    scores[np.arange(len(truth)), truth] = 9
    blind = SimpleNamespace(logits=logits, mean=np.zeros(first + len(SCORES), np.float32))
    rows = {row[0]: row[1] for row in importances(SimpleNamespace(stack=stack, scores=scores, networks=[blind] * 5), ())}
    assert rows["all"] == "1.000"
    assert rows["without own_text"] == "1.000 (+0.000)"
    assert float(rows["without words (lexical)"].split()[0]) < 0.4
