"""A model of every shape that matters, with random weights."""

import numpy as np

from classifier import features
from classifier.decide import DEFAULT_THRESHOLDS
from classifier.labels import LABELS
from classifier.model import NAME_LEVELS, PAIR_BITS, Calibration, Contract, Lexical, Model, input_names
from classifier.network import VIEWS, Network


def make_tiny_model(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    inputs = input_names()
    width = len(LABELS) + 1
    words = ("and", "harbour", "subscribe", "the", "u", "v", "été", "続")
    links = ("0out", "0own", "plans")
    names = ("<a>", "<p>", "article", "nav", "paywall")

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.3, shape).astype(np.float16).astype(np.float32)

    word_weights = np.zeros((1 + len(words) + (1 << PAIR_BITS), width), np.float32)
    word_weights[: 1 + len(words)] = normal(1 + len(words), width)
    word_weights[rng.integers(0, len(word_weights), 500)] = normal(500, width)
    return Model(
        contract=Contract(
            feature_version=features.VERSION,
            feature_names=inputs,
            labels=LABELS,
            thresholds=DEFAULT_THRESHOLDS,
            access=None,
            data={"corpus": "none"},
            scores={"f1": 0.5},
            name="tiny",
        ),
        lexical=Lexical(
            words,
            word_weights,
            names,
            normal(len(NAME_LEVELS), 1 + len(names), width),
            links,
            normal(1 + len(links), width),
        ),
        network=Network(
            mean=normal(len(inputs)),
            scale=np.abs(normal(len(inputs))) + 0.5,
            entry=normal(len(inputs) + 1, 2, 4),
            messages=normal(2, 2, 4, 3),
            rounds=normal(2, 2, 4 + VIEWS * 3 + 1, 4),
            exit=normal(2, 5, 4),
            outputs=normal(2, 5, width),
        ),
        calibration=Calibration(label_slope=0.75, main_slope=0.5, main_offset=-0.125),
    )
