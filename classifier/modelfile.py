"""A model to and from one ``.npz``: arrays and a JSON contract, no pickle, every size checked before it is read.

The file is a ZIP of ``.npy`` members. ``contract.npy`` holds the JSON as bytes, with the SHA-256 of all other members;
strings are stored as UTF-8 bytes. The same model gives the same bytes.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import features
from classifier.labels import LABELS
from classifier.model import FORMAT, NAME_LEVELS, PAIR_BITS, SCORES, Contract, Lexical, Model, Perceptron

Array = npt.NDArray[Any]

MAX_BYTES: Final = 48 << 20
"""Size of all arrays together; the default model takes a tenth."""
MAX_MEMBERS: Final = 40
MAX_LAYERS: Final = 4

_KINDS: Final = {"|u1", "<f2", "<f4"}


class ModelFileError(ValueError):
    """A model file that is none, is damaged, or does not fit this version of pagesieve."""


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a model; the file appears whole or not at all."""
    arrays = dict(_arrays(model))
    contract = asdict(model.contract) | {"format": FORMAT, "sha256": _digest(arrays)}
    arrays["contract"] = _bytes(json.dumps(contract, sort_keys=True, ensure_ascii=False))
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    partial.replace(target)


def load_model(path: str | PathLike[str]) -> Model:
    """Read a model.

    :raises ModelFileError: if the file cannot be read, is damaged, or was made for other features.
    """
    try:
        arrays = _read(Path(path))
        contract = _contract(arrays)
        if contract.pop("sha256") != _digest({k: v for k, v in arrays.items() if k != "contract"}):
            raise ModelFileError("its checksum does not match its arrays")
        return _model(arrays, contract)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: not a usable model: {error}.") from None
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError, NotImplementedError) as error:
        raise ModelFileError(f"{path}: not a usable model: {type(error).__name__}: {error}.") from error


def _arrays(model: Model) -> Iterator[tuple[str, Array]]:
    lexical = model.lexical
    yield "words", _bytes("\n".join(lexical.words))
    yield "names", _bytes("\n".join(lexical.names))
    yield "word_weights", lexical.word_weights.astype("<f2")
    yield "name_weights", lexical.name_weights.astype("<f2")
    yield "mean", model.mean.astype("<f4")
    yield "scale", model.scale.astype("<f4")
    yield "calibration", model.calibration.astype("<f4")
    for name, head in (("label", model.label_head), ("main", model.main_head)):
        for layer, (weights, biases) in enumerate(zip(head.weights, head.biases, strict=True)):
            yield f"{name}_weights{layer}", weights.astype("<f4")
            yield f"{name}_biases{layer}", biases.astype("<f4")


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def _text(array: Array) -> str:
    return array.tobytes().decode("utf-8")


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Array]:
    """All members, each header checked before memory is taken for its data."""
    arrays, total = {}, 0
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise ModelFileError(f"{len(members)} members, at most {MAX_MEMBERS} expected")
        for member in members:
            total += member.file_size
            if total > MAX_BYTES:
                raise ModelFileError(f"its arrays take more than {MAX_BYTES} bytes")
            with archive.open(member) as file:
                data = file.read(member.file_size + 1)
            if len(data) != member.file_size:
                raise ModelFileError(f"member {member.filename!r} is not as long as it says")
            arrays[member.filename.removesuffix(".npy")] = _array(data, member.filename)
    return arrays


def _array(data: bytes, name: str) -> Array:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ModelFileError(f"member {name!r} has array format {version}, not (1, 0)")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.str not in _KINDS or fortran or len(shape) > 3:
        raise ModelFileError(f"member {name!r} is of kind {dtype.str}, {len(shape)} dimensions")
    count = 1
    for length in shape:
        count *= length
    rest = data[stream.tell() :]
    if count * dtype.itemsize != len(rest):
        raise ModelFileError(f"member {name!r} holds {len(rest)} bytes for shape {shape}")
    return np.frombuffer(rest, dtype).reshape(shape)


def _contract(arrays: Mapping[str, Array]) -> dict[str, Any]:
    if "contract" not in arrays:
        raise ModelFileError("it holds no contract")
    contract = json.loads(_text(arrays["contract"]))
    if not isinstance(contract, dict):
        raise ModelFileError("its contract is no object")
    if contract.pop("format", None) != FORMAT:
        raise ModelFileError(f"its format is not {FORMAT}, the one that this version reads")
    known = {field.name for field in fields(Contract)}
    if set(contract) != known | {"sha256"}:
        raise ModelFileError(f"its contract has other keys: {', '.join(sorted(set(contract) ^ known))}")
    return contract


def _model(arrays: Mapping[str, Array], contract: dict[str, Any]) -> Model:
    contract["feature_names"] = tuple(contract["feature_names"])
    contract["labels"] = tuple(contract["labels"])
    parsed = Contract(**contract)
    _check_contract(parsed)
    inputs = len(parsed.feature_names)
    words, names = (tuple(_text(arrays[key]).split("\n")) for key in ("words", "names"))
    width = len(LABELS) + 1
    lexical = Lexical(
        words,
        _floats(arrays, "word_weights", (1 + len(words) + (1 << PAIR_BITS), width)),
        names,
        _floats(arrays, "name_weights", (len(NAME_LEVELS), 1 + len(names), width)),
    )
    model = Model(
        contract=parsed,
        lexical=lexical,
        mean=_floats(arrays, "mean", (inputs,)),
        scale=_floats(arrays, "scale", (inputs,)),
        label_head=_head(arrays, "label", inputs, len(LABELS)),
        main_head=_head(arrays, "main", inputs, 1),
        calibration=_floats(arrays, "calibration", (3,)),
    )
    if not (model.scale > 0).all() or model.calibration[0] <= 0:
        raise ModelFileError("a scale or temperature in it is not positive")
    _ = model.access  # raises on coefficients that do not fit
    return model


def _check_contract(contract: Contract) -> None:
    """Does the contract fit this version's features, labels and thresholds?"""
    if contract.labels != LABELS:
        raise ModelFileError(f"its labels are {contract.labels}, ours {LABELS}")
    ours = features.VERSION
    if contract.feature_version != ours:
        raise ModelFileError(f"it was trained on version {contract.feature_version} of the features, this is {ours}")
    expected = features.input_names(SCORES)
    if contract.feature_names != expected:
        differ = sorted(set(contract.feature_names) ^ set(expected))[:3]
        raise ModelFileError(f"its features differ from ours: {', '.join(differ) or 'another order'}")
    for name, value in contract.thresholds.items():
        if not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise ModelFileError(f"its threshold {name} is {value!r}")


def _floats(arrays: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    array = arrays[name]
    if array.shape != shape:
        raise ModelFileError(f"its array {name} is of shape {array.shape}, not {shape}")
    values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelFileError(f"its array {name} holds numbers that are not finite")
    return values


def _head(arrays: Mapping[str, Array], name: str, inputs: int, outputs: int) -> Perceptron:
    weights, biases = [], []
    for layer in range(MAX_LAYERS):
        key = f"{name}_weights{layer}"
        if key not in arrays:
            break
        shape = arrays[key].shape
        if len(shape) != 2:
            raise ModelFileError(f"its array {key} is no matrix")
        weights.append(_floats(arrays, key, (inputs, shape[1])))
        biases.append(_floats(arrays, f"{name}_biases{layer}", (shape[1],)))
        inputs = shape[1]
    if inputs != outputs or not weights:
        raise ModelFileError(f"its {name} head gives {inputs} outputs, not {outputs}")
    return Perceptron(tuple(weights), tuple(biases))
