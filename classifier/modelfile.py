"""A model to and from one ``.npz``: arrays and a JSON contract, no pickle, all sizes checked.

The file is a ZIP of ``.npy`` members. ``contract.npy`` holds the JSON as bytes, with the SHA-256 of all other
members; strings are UTF-8 bytes. The same model gives the same bytes. Reading takes less than 64 MB,
whatever the file holds.
"""

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import features
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

Array = npt.NDArray[Any]

MAX_BYTES: Final = 16 << 20
"""Size of the file, and of all its arrays together; the default model takes a third."""
MAX_MEMBERS: Final = 40
MAX_CONTRACT: Final = 1 << 20
"""Bytes: JSON takes up to thirty times its length once it is parsed."""
MAX_TEXT: Final = 4 << 20
MAX_WORDS: Final = 1 << 17
"""Bytes and entries of a vocabulary."""
MAX_LAYERS: Final = 4

_HEADER: Final = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '(\|u1|<f2|<f4)', 'fortran_order': False,"
    rb" 'shape': \((\d{1,9}(?:, \d{1,9}){0,2}),?\), \} *\n",
    re.DOTALL,
)
"""How ``numpy.save`` writes the kinds of array that a model has; nothing else is read or evaluated."""

_DAMAGE: Final = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error),
    *(ValueError, KeyError, TypeError, AttributeError, OverflowError),
    *(RuntimeError, MemoryError),  # encrypted members, unknown compression, JSON nested too deep
)
"""What zipfile, json and numpy raise on forged files."""


class ModelFileError(ValueError):
    """A model file that is none, is damaged, or does not fit this version of pagesieve."""


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a model; the file appears whole or not at all."""
    arrays: dict[str, Any] = dict(_arrays(model))
    contract = asdict(model.contract) | {"format": FORMAT, "sha256": _digest(arrays)}
    arrays["contract"] = _bytes(json.dumps(contract, sort_keys=True, ensure_ascii=False))
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    partial.replace(target)


def load_model(path: str | PathLike[str]) -> Model:
    """Read a model.

    :raises ModelFileError: if the file cannot be read, is damaged, or was made for other features.
    """
    try:
        arrays = _read(Path(path))
        contract = _contract(arrays)
        if contract.pop("sha256") != _digest(arrays):
            raise ModelFileError("its checksum does not match its arrays")
        return _model(arrays, contract)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: not a usable model: {error}.") from None
    except OSError as error:
        raise ModelFileError(f"{path}: not a usable model: {error.strerror or error}.") from error
    except _DAMAGE as error:
        what = _short(" ".join(f"{type(error).__name__} {error}".split()), 100)
        raise ModelFileError(f"{path}: not a usable model: it is damaged ({what}).") from error


def _arrays(model: Model) -> Iterator[tuple[str, Array]]:
    lexical = model.lexical
    yield "words", _bytes("\n".join(lexical.words))
    yield "names", _bytes("\n".join(lexical.names))
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


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.view(np.uint8).data)
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Array]:
    """All members by name, sizes checked before memory is taken for them."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ModelFileError(f"it is longer than {MAX_BYTES} bytes")
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise ModelFileError(f"it has more than {MAX_MEMBERS} members")
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ModelFileError(f"its arrays take more than {MAX_BYTES} bytes")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in arrays or name == member.filename:
                raise ModelFileError(f"member {_short(member.filename)!r} is there twice, or no array")
            arrays[name] = _array(_unpacked(archive, member), name)
    return arrays


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError(f"member {_short(member.filename)!r} is packed in an unknown way")
    with archive.open(member) as file:
        data = file.read(member.file_size)
    if len(data) != member.file_size:
        raise ModelFileError(f"member {_short(member.filename)!r} is not as long as it says")
    return data


def _array(data: bytes, name: str) -> Array:
    header = _HEADER.match(data)
    if header is None or int.from_bytes(header[1], "little") + 10 != header.end():
        raise ModelFileError(f"member {_short(name)!r} does not begin like an array of a model")
    dtype = np.dtype(header[2].decode())
    shape = tuple(map(int, header[3].split(b",")))
    count = 1
    for length in shape:
        count *= length
    size = len(data) - header.end()
    if count * dtype.itemsize != size:
        raise ModelFileError(f"member {_short(name)!r} holds {size} bytes for shape {shape}")
    return np.frombuffer(data, dtype, offset=header.end()).reshape(shape)


def _contract(arrays: dict[str, Array]) -> dict[str, Any]:
    contract = json.loads(_text(arrays, "contract", MAX_CONTRACT))
    if not isinstance(contract, dict):
        raise ModelFileError("its contract is no object")
    if contract.pop("format", None) != FORMAT:
        raise ModelFileError(f"its format is not {FORMAT}, the one that this version reads")
    differ = set(contract) ^ {"sha256", *(field.name for field in fields(Contract))}
    if differ:
        raise ModelFileError(f"keys of its contract are missing or unknown: {_few(differ)}")
    return contract


def _model(arrays: dict[str, Array], contract: dict[str, Any]) -> Model:
    contract["feature_names"] = tuple(contract["feature_names"])
    contract["labels"] = tuple(contract["labels"])
    parsed = Contract(**contract)
    _check_contract(parsed)
    width = len(LABELS) + 1
    words, names = _vocabulary(arrays, "words"), _vocabulary(arrays, "names")
    lexical = Lexical(
        words,
        _floats(arrays, "word_weights", (1 + len(words) + (1 << PAIR_BITS), width), "<f2"),
        names,
        _floats(arrays, "name_weights", (len(NAME_LEVELS), 1 + len(names), width), "<f2"),
    )
    model = Model(
        contract=parsed,
        lexical=lexical,
        main_head=_head(arrays, "main", main_inputs(), 1),
        label_head=_head(arrays, "label", len(parsed.feature_names), len(LABELS)),
    )
    if arrays:
        raise ModelFileError(f"it holds arrays that no model has: {_few(arrays)}")
    access = model.access  # raises on coefficients that do not fit
    if access is not None:
        weights = (*access.not_open.values(), *access.gated.values())
        if not all(map(_is_number, (*weights, access.not_open_from, access.gated_from))):
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
            raise ModelFileError(f"its {what} differ from ours: {_few(differ) or 'another order'}")
    for name, value in contract.thresholds.items():
        if not _is_number(value) or value < 0:
            raise ModelFileError(f"its threshold {name} is no number from 0 to a million")
    if not isinstance(contract.name, str) or not isinstance(contract.licence, str):
        raise ModelFileError("its name or licence is no text")
    if not isinstance(contract.data, dict) or not isinstance(contract.scores, dict):
        raise ModelFileError("what it says of its data or scores is no object")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e6


def _few(names: Iterable[object]) -> str:
    return ", ".join(sorted(_short(repr(name)) for name in names)[:3])


def _short(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _take(arrays: dict[str, Array], name: str, dtype: str) -> Array:
    if name not in arrays:
        raise ModelFileError(f"it holds no array {name}")
    array = arrays.pop(name)
    if array.dtype.str != dtype:
        raise ModelFileError(f"its array {name} is of type {array.dtype}, not {np.dtype(dtype)}")
    return array


def _text(arrays: dict[str, Array], name: str, limit: int) -> str:
    array = _take(arrays, name, "|u1")
    if array.ndim != 1 or len(array) > limit:
        raise ModelFileError(f"its array {name} is no text of at most {limit} bytes")
    return array.tobytes().decode("utf-8")


def _vocabulary(arrays: dict[str, Array], name: str) -> tuple[str, ...]:
    text = _text(arrays, name, MAX_TEXT)
    if text.count("\n") >= MAX_WORDS:
        raise ModelFileError(f"its array {name} holds more than {MAX_WORDS} entries")
    return tuple(text.split("\n")) if text else ()


def _floats(
    arrays: dict[str, Array], name: str, shape: tuple[int, ...], dtype: str = "<f4"
) -> npt.NDArray[np.float32]:
    array = _take(arrays, name, dtype)
    if array.shape != shape:
        raise ModelFileError(f"its array {name} is of shape {array.shape}, not {shape}")
    values = array.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ModelFileError(f"its array {name} holds numbers that are not finite")
    return values


def _head(arrays: dict[str, Array], name: str, inputs: int, outputs: int) -> Head:
    mean, scale = (_floats(arrays, f"{name}_{what}", (inputs,)) for what in ("mean", "scale"))
    slope, offset = _floats(arrays, f"{name}_calibration", (2,)).tolist()
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
        weights.append(_floats(arrays, key, (inputs, width)))
        biases.append(_floats(arrays, f"{name}_biases{layer}", (width,)))
        inputs = width
    if inputs != outputs or not weights:
        raise ModelFileError(f"its {name} head gives {inputs} outputs, not {outputs}")
    return Perceptron(tuple(weights), tuple(biases))
