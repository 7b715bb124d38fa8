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
    Calibration,
    Contract,
    Lexical,
    Model,
    input_names,
)
from classifier.network import VIEWS, Network

__all__ = ["Kind", "ModelFileError", "default_model", "load_model", "model_digest", "model_of", "save_model"]

Kind = Literal["html", "text"]

MAX_TEXT: Final = 4 << 20
MAX_WORDS: Final = 1 << 17
"""Bytes and entries of a vocabulary."""
MAX_WIDTH: Final = 512
MAX_NETWORKS: Final = 16
MAX_ROUNDS: Final = 8
"""Of a network: numbers a block, networks side by side, rounds."""


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
    yield "links", as_bytes("\n".join(lexical.links))
    yield "word_weights", lexical.word_weights.astype("<f2")
    yield "name_weights", lexical.name_weights.astype("<f2")
    yield "link_weights", lexical.link_weights.astype("<f2")
    network, found = model.network, model.calibration
    yield "calibration", np.array([found.label_slope, found.main_slope, found.main_offset], "<f4")
    for name in ("mean", "scale"):
        yield name, getattr(network, name).astype("<f4")
    for name in ("entry", "messages", "rounds", "exit", "outputs"):
        weights = getattr(network, name)
        # an array of a model has three dimensions at most
        yield name, weights.reshape(-1, *weights.shape[-2:]).astype("<f2")


def _model(arrays: dict[str, Array], contract: dict[str, Any]) -> Model:
    contract["feature_names"] = tuple(contract["feature_names"])
    contract["labels"] = tuple(contract["labels"])
    parsed = Contract(**contract)
    _check_contract(parsed)
    width = len(LABELS) + 1
    words, names, links = (_vocabulary(arrays, name) for name in ("words", "names", "links"))
    lexical = Lexical(
        words,
        take_floats(arrays, "word_weights", (1 + len(words) + (1 << PAIR_BITS), width), "<f2"),
        names,
        take_floats(arrays, "name_weights", (len(NAME_LEVELS), 1 + len(names), width), "<f2"),
        links,
        take_floats(arrays, "link_weights", (1 + len(links), width), "<f2"),
    )
    model = Model(
        contract=parsed,
        lexical=lexical,
        network=_network(arrays, len(parsed.feature_names)),
        calibration=_calibration(arrays),
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


def _network(arrays: dict[str, Array], inputs: int) -> Network:
    _, members, width = _box(arrays, "entry")
    rounds = _box(arrays, "rounds")[0] // members if members else 0
    for what, given, most in (
        ("networks", members, MAX_NETWORKS),
        ("numbers a block", width, MAX_WIDTH),
        ("rounds", rounds, MAX_ROUNDS),
    ):
        if given > most or (not given and what != "rounds"):
            raise ModelFileError(f"its network has {given} {what}, not 1 to {most}")
    mean, scale = (take_floats(arrays, name, (inputs,)) for name in ("mean", "scale"))
    if not (scale > 0).all():
        raise ModelFileError("a scale of its network is not positive")
    message = _box(arrays, "messages")[2]
    if not 0 < message <= width:
        raise ModelFileError(f"its network has messages of {message} numbers, not 1 to {width}")
    sent, heard = (rounds * members, width, message), (rounds * members, width + VIEWS * message + 1, width)
    return Network(
        mean,
        scale,
        entry=take_floats(arrays, "entry", (inputs + 1, members, width), "<f2"),
        messages=take_floats(arrays, "messages", sent, "<f2").reshape(rounds, members, *sent[1:]),
        rounds=take_floats(arrays, "rounds", heard, "<f2").reshape(rounds, members, *heard[1:]),
        exit=take_floats(arrays, "exit", (members, width + 1, width), "<f2"),
        outputs=take_floats(arrays, "outputs", (members, width + 1, len(LABELS) + 1), "<f2"),
    )


def _box(arrays: dict[str, Array], name: str) -> tuple[int, int, int]:
    """Shape of an array of three dimensions, before it is taken."""
    if name not in arrays:
        raise ModelFileError(f"it holds no array {name}")
    shape = arrays[name].shape
    if len(shape) != 3:
        raise ModelFileError(f"its array {name} is of shape {shape}, which has not three dimensions")
    return shape[0], shape[1], shape[2]


def _calibration(arrays: dict[str, Array]) -> Calibration:
    label_slope, main_slope, main_offset = take_floats(arrays, "calibration", (3,)).tolist()
    if label_slope <= 0 or main_slope <= 0:
        raise ModelFileError("a slope of its calibration is not positive")
    return Calibration(label_slope, main_slope, main_offset)
