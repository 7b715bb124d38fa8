"""Arrays to and from one ``.npz`` that nobody needs to trust: no pickle, every size checked before memory is taken.

The file is a ZIP of ``.npy`` members. One of them, ``contract``, holds JSON as bytes, with the SHA-256 of all others.
What the arrays mean is for :mod:`classifier.modelfile` and :mod:`classifier.sitemodel` to say. Reading takes less than
64 MB, whatever the file holds.
"""

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAX_BYTES: Final = 16 << 20
"""Size of the file, and of all its arrays together; the default model takes a third."""
MAX_MEMBERS: Final = 40
MAX_CONTRACT: Final = 1 << 20
"""Bytes: JSON takes up to thirty times its length once it is parsed."""

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


@contextmanager
def refusing(path: str | PathLike[str]) -> Iterator[None]:
    """Whatever goes wrong inside, a :class:`ModelFileError` of one sentence that begins with the file's name."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path}: not a usable model: {error}.") from None
    except OSError as error:
        raise ModelFileError(f"{path}: not a usable model: {error.strerror or error}.") from error
    except _DAMAGE as error:
        what = short(" ".join(f"{type(error).__name__} {error}".split()), 100)
        raise ModelFileError(f"{path}: not a usable model: it is damaged ({what}).") from error


# -- writing ----------------------------------------------------------------------------------------------------


def write_arrays(path: str | PathLike[str], arrays: Mapping[str, Array], contract: Mapping[str, Any]) -> None:
    """Write arrays and contract; the file appears whole or not at all, and the same content gives the same bytes."""
    signed = {**contract, "sha256": digest(arrays)}
    members: dict[str, Any] = {**arrays, "contract": as_bytes(json.dumps(signed, sort_keys=True, ensure_ascii=False))}
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **members)
    partial.replace(target)


def as_bytes(text: str) -> Array:
    """Text as an array."""
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape};".encode())
        found.update(array.view(np.uint8).data)
    return found.hexdigest()


# -- reading ----------------------------------------------------------------------------------------------------


def read_arrays(path: str | PathLike[str]) -> dict[str, Array]:
    """All members by name, sizes checked before memory is taken for them. To be called within :func:`refusing`."""
    with Path(path).open("rb") as file:
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
                raise ModelFileError(f"member {short(member.filename)!r} is there twice, or no array")
            arrays[name] = _array(_unpacked(archive, member), name)
    return arrays


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelFileError(f"member {short(member.filename)!r} is packed in an unknown way")
    with archive.open(member) as file:
        data = file.read(member.file_size)
    if len(data) != member.file_size:
        raise ModelFileError(f"member {short(member.filename)!r} is not as long as it says")
    return data


def _array(data: bytes, name: str) -> Array:
    header = _HEADER.match(data)
    if header is None or int.from_bytes(header[1], "little") + 10 != header.end():
        raise ModelFileError(f"member {short(name)!r} does not begin like an array of a model")
    dtype = np.dtype(header[2].decode())
    shape = tuple(map(int, header[3].split(b",")))
    count = 1
    for length in shape:
        count *= length
    size = len(data) - header.end()
    if count * dtype.itemsize != size:
        raise ModelFileError(f"member {short(name)!r} holds {size} bytes for shape {shape}")
    return np.frombuffer(data, dtype, offset=header.end()).reshape(shape)


def take_contract(arrays: dict[str, Array], keys: Iterable[str], format: int) -> dict[str, Any]:
    """The contract, if its format and its keys are those given and its checksum fits; taken out of ``arrays``."""
    contract = json.loads(take_text(arrays, "contract", MAX_CONTRACT))
    if not isinstance(contract, dict):
        raise ModelFileError("its contract is no object")
    if contract.pop("format", None) != format:
        raise ModelFileError(f"its format is not {format}, the one that this version reads")
    differ = set(contract) ^ {"sha256", *keys}
    if differ:
        raise ModelFileError(f"keys of its contract are missing or unknown: {few(differ)}")
    if contract.pop("sha256") != digest(arrays):
        raise ModelFileError("its checksum does not match its arrays")
    return contract


def take(arrays: dict[str, Array], name: str, dtype: str) -> Array:
    """An array of that type, taken out of ``arrays``."""
    if name not in arrays:
        raise ModelFileError(f"it holds no array {name}")
    array = arrays.pop(name)
    if array.dtype.str != dtype:
        raise ModelFileError(f"its array {name} is of type {array.dtype}, not {np.dtype(dtype)}")
    return array


def take_text(arrays: dict[str, Array], name: str, limit: int) -> str:
    """The text of an array of at most ``limit`` bytes."""
    array = take(arrays, name, "|u1")
    if array.ndim != 1 or len(array) > limit:
        raise ModelFileError(f"its array {name} is no text of at most {limit} bytes")
    return array.tobytes().decode("utf-8")


def take_floats(
    arrays: dict[str, Array], name: str, shape: tuple[int, ...], dtype: str = "<f4"
) -> npt.NDArray[np.float32]:
    """An array of that shape, all of it finite."""
    array = take(arrays, name, dtype)
    if array.shape != shape:
        raise ModelFileError(f"its array {name} is of shape {array.shape}, not {shape}")
    values = array.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ModelFileError(f"its array {name} holds numbers that are not finite")
    return values


def is_number(value: object) -> bool:
    """A finite number within a million of 0?"""
    return isinstance(value, int | float) and abs(value) < 1e6


def few(names: Iterable[object]) -> str:
    """The first names, for a sentence."""
    return ", ".join(sorted(short(repr(name)) for name in names)[:3])


def short(text: str, length: int = 40) -> str:
    """The text, cut to a length that a sentence can hold."""
    return text if len(text) <= length else text[: length - 1] + "…"
