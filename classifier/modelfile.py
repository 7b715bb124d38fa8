"""A model to and from one ``.npz``: arrays and a JSON contract, no pickle, all sizes checked.

The container is that of :mod:`classifier.arrayfile`; strings are UTF-8 bytes. The same model gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import asdict, fields
from functools import cache
from importlib import resources
from os import PathLike
from typing import Any, Final, Literal

import numpy as np

from classifier import features
from classifier.arrayfile import (
    Array,
    ModelFileError,
    as_bytes,
    digest,
    few,
    is_number,
    read_arrays,
    refusing,
    take_contract,
    take_floats,
    take_text,
    write_arrays,
)
from classifier.decide import DEFAULT_THRESHOLDS
from classifier.labels import LABELS
from classifier.model import (
    FORMAT,
    NAME_LEVELS,
    PAIR_BITS,
    Contract,
    Head,
    Lexical,
    Model,
    Perceptron,
    input_names,
    main_inputs,
)

__all__ = ["Kind", "ModelFileError", "default_model", "load_model", "model_digest", "model_of", "save_model"]

Kind = Literal["html", "text"]

MAX_TEXT: Final = 4 << 20
MAX_WORDS: Final = 1 << 17
"""Bytes and entries of a vocabulary."""
MAX_LAYERS: Final = 4


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a model; the file appears whole or not at all."""
    write_arrays(path, dict(_arrays(model)), asdict(model.contract) | {"format": FORMAT})


def load_model(path: str | PathLike[str]) -> Model:
    """Read a model.

    :raises ModelFileError: if the file cannot be read, is damaged, or was made for other features.
    """
    with refusing(path):
        return model_of(read_arrays(path))


def model_of(arrays: dict[str, Array]) -> Model:
    """The model that a file's arrays hold. To be called within :func:`classifier.arrayfile.refusing`."""
    return _model(arrays, take_contract(arrays, (field.name for field in fields(Contract)), FORMAT))


@cache
def default_model(kind: Kind) -> Model:
    """The model that ships, loaded once a process."""
    with resources.as_file(resources.files("classifier") / "models" / f"{kind}.npz") as path:
        return load_model(path)


def model_digest(model: Model) -> str:
    """SHA-256 of a model's arrays, as its file holds it: what a site model knows its base by."""
    return digest(dict(_arrays(model)))


def _arrays(model: Model) -> Iterator[tuple[str, Array]]:
    lexical = model.lexical
    yield "words", as_bytes("\n".join(lexical.words))
    yield "names", as_bytes("\n".join(lexical.names))
    yield "word_weights", lexical.word_weights.astype("<f2")
    yield "name_weights", lexical.name_weights.astype("<f2")
    for name, head in (("label", model.label_head), ("main", model.main_head)):
        yield f"{name}_mean", head.mean.astype("<f4")
        yield f"{name}_scale", head.scale.astype("<f4")
        yield f"{name}_calibration", np.array([head.slope, head.offset], "<f4")
        layers = zip(head.perceptron.weights, head.perceptron.biases, strict=True)
        for layer, (weights, biases) in enumerate(layers):
            yield f"{name}_weights{layer}", weights.astype("<f4")
            yield f"{name}_biases{layer}", biases.astype("<f4")


def _model(arrays: dict[str, Array], contract: dict[str, Any]) -> Model:
    contract["feature_names"] = tuple(contract["feature_names"])
    contract["labels"] = tuple(contract["labels"])
    parsed = Contract(**contract)
    _check_contract(parsed)
    width = len(LABELS) + 1
    words, names = _vocabulary(arrays, "words"), _vocabulary(arrays, "names")
    lexical = Lexical(
        words,
        take_floats(arrays, "word_weights", (1 + len(words) + (1 << PAIR_BITS), width), "<f2"),
        names,
        take_floats(arrays, "name_weights", (len(NAME_LEVELS), 1 + len(names), width), "<f2"),
    )
    model = Model(
        contract=parsed,
        lexical=lexical,
        main_head=_head(arrays, "main", main_inputs(), 1),
        label_head=_head(arrays, "label", len(parsed.feature_names), len(LABELS)),
    )
    if arrays:
        raise ModelFileError(f"it holds arrays that no model has: {few(arrays)}")
    access = model.access  # raises on coefficients that do not fit
    if access is not None:
        weights = (*access.not_open.values(), *access.gated.values())
        if not all(map(is_number, (*weights, access.not_open_from, access.gated_from))):
            raise ModelFileError("a coefficient of its access verdict is no number")
    return model


def _check_contract(contract: Contract) -> None:
    """Does the contract fit this version's features, labels and thresholds?"""
    ours = features.VERSION
    if contract.feature_version != ours:
        raise ModelFileError(f"it was trained on features of another version than ours, {ours}")
    for what, given, expected in (
        ("labels", contract.labels, LABELS),
        ("features", contract.feature_names, input_names()),
        ("thresholds", tuple(sorted(contract.thresholds)), tuple(sorted(DEFAULT_THRESHOLDS))),
    ):
        if given != expected:
            differ = set(given) ^ set(expected)
            raise ModelFileError(f"its {what} differ from ours: {few(differ) or 'another order'}")
    for name, value in contract.thresholds.items():
        if not is_number(value) or value < 0:
            raise ModelFileError(f"its threshold {name} is no number from 0 to a million")
    if not isinstance(contract.name, str) or not isinstance(contract.licence, str):
        raise ModelFileError("its name or licence is no text")
    if not isinstance(contract.data, dict) or not isinstance(contract.scores, dict):
        raise ModelFileError("what it says of its data or scores is no object")


def _vocabulary(arrays: dict[str, Array], name: str) -> tuple[str, ...]:
    text = take_text(arrays, name, MAX_TEXT)
    if text.count("\n") >= MAX_WORDS:
        raise ModelFileError(f"its array {name} holds more than {MAX_WORDS} entries")
    return tuple(text.split("\n")) if text else ()


def _head(arrays: dict[str, Array], name: str, inputs: int, outputs: int) -> Head:
    mean, scale = (take_floats(arrays, f"{name}_{what}", (inputs,)) for what in ("mean", "scale"))
    slope, offset = take_floats(arrays, f"{name}_calibration", (2,)).tolist()
    if not (scale > 0).all() or slope <= 0:
        raise ModelFileError(f"a scale or slope of its {name} head is not positive")
    return Head(mean, scale, _perceptron(arrays, name, inputs, outputs), slope, offset)


def _perceptron(arrays: dict[str, Array], name: str, inputs: int, outputs: int) -> Perceptron:
    weights, biases = [], []
    for layer in range(MAX_LAYERS):
        key = f"{name}_weights{layer}"
        if key not in arrays:
            break
        width = arrays[key].shape[-1]
        weights.append(take_floats(arrays, key, (inputs, width)))
        biases.append(take_floats(arrays, f"{name}_biases{layer}", (width,)))
        inputs = width
    if inputs != outputs or not weights:
        raise ModelFileError(f"its {name} head gives {inputs} outputs, not {outputs}")
    return Perceptron(tuple(weights), tuple(biases))
