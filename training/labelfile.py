"""Label files on disk: strict JSON in, one whole file or the old one out.

``parse`` reads JSON by RFC 8259 and nothing beyond it, and names line and column of what is wrong. Python's own
reader takes NaN, the last of two equal keys and half a surrogate pair, and runs out of stack on deep nesting: each of
these would change or lose a label in silence. ``save`` never leaves half a file; ``revision`` tells whether a file
is still the one that was read.
"""

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

MAX_BYTES: Final = 64 << 20
"""Bytes of a label file, or of a line of one. The longest page of the gold set needs half a megabyte."""
MAX_DEPTH: Final = 64
"""Levels of nesting. The format needs three."""

NEW: Final = ""
"""Revision of a file that is not there."""

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_WORDS: Final = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 400
"""Characters of a number: any finite one that means something is shorter."""


class LabelFileError(ValueError):
    """A label file that breaks the format; the message names file, line and column."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a label file. Raises ``LabelFileError`` if there are more than ``MAX_BYTES``."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise LabelFileError(f"{path}:1: {size} bytes, more than a label file may have ({MAX_BYTES}).")
    return path.read_bytes()


def revision(data: bytes | None) -> str:
    """What tells one state of a file from another: a digest of its bytes, ``NEW`` for a file that is not there.

    >>> revision(b"{}"), revision(None)
    ('44136fa355b3678a1146ad16f7e8649e', '')
    """
    return NEW if data is None else hashlib.sha256(data).hexdigest()[:32]


def save(path: Path, data: bytes) -> None:
    """Write a file as a whole: at any moment, whatever stops, ``path`` holds the old bytes or the new ones.

    The bytes go into a temporary file beside it, onto the disk, and then in one step into its place.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name onto the disk too; where folders cannot be opened (Windows) the system sees to it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# -- strict JSON ---------------------------------------------------------------------------------------------


def parse(source: bytes | str, where: str, line: int = 1, *, unique: bool = True) -> Any:
    """The value of a JSON text. ``where`` is the file's name and ``line`` the text's first line in it.

    ``unique=False`` takes the last of two equal keys, which RFC 8259 allows.
    Raises ``LabelFileError`` with file, line and column.

    >>> parse('{"a": [1, "x"]}', "tea.json")
    {'a': [1, 'x']}
    >>> parse('{"a": 1,\\n "a": 2}', "tea.json")
    Traceback (most recent call last):
    training.labelfile.LabelFileError: tea.json:2:2: the key "a" stands twice.
    """
    return _Reader(_decoded(source, where, line), where, line, unique).whole()


def _decoded(source: bytes | str, where: str, line: int) -> str:
    if isinstance(source, str):
        return source
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        lines = source[: error.start].decode("utf-8").split("\n")
        raise LabelFileError(f"{where}:{line + len(lines) - 1}:{len(lines[-1]) + 1}: not UTF-8.") from None


class _Reader:
    """One JSON text, read from left to right. ``at`` is where reading stands."""

    def __init__(self, text: str, where: str, line: int, unique: bool) -> None:
        self.text = text
        self.where = where
        self.line = line
        self.unique = unique
        self.at = 0

    def whole(self) -> Any:
        value = self.value(0)
        self.space()
        if self.at < len(self.text):
            self.fail("nothing may follow the value")
        return value

    def value(self, depth: int) -> Any:
        self.space()
        first = self.text[self.at : self.at + 1]
        if first == '"':
            return self.string()
        if first == "{" or first == "[":
            if depth == MAX_DEPTH:
                self.fail(f"nested deeper than {MAX_DEPTH} levels")
            self.at += 1
            return self.object(depth + 1) if first == "{" else self.array(depth + 1)
        if number := _NUMBER.match(self.text, self.at):
            return self.number(number.group())
        return self.word(first)

    def word(self, first: str) -> bool | None:
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.fail("a JSON value is missing" if not first else f"no JSON value begins with {first!r}")

    def array(self, depth: int) -> list[Any]:
        values: list[Any] = []
        if self.follows("]"):
            return values
        while True:
            values.append(self.value(depth))
            if self.follows("]"):
                return values
            self.expect(",", "',' or ']'")

    def object(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.follows("}"):
            return values
        while True:
            self.space()
            start = self.at
            key = self.string()
            if self.unique and key in values:
                self.at = start
                self.fail(f"the key {json.dumps(key[:80], ensure_ascii=False)} stands twice")
            self.expect(":", "':'")
            values[key] = self.value(depth)
            if self.follows("}"):
                return values
            self.expect(",", "',' or '}'")

    def string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if found is None:
            self.fail("no sound string in double quotes")
        value: str = json.loads(found.group())
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            self.fail("half of a surrogate pair in a string")
        self.at = found.end()
        return value

    def number(self, text: str) -> int | float:
        value: int | float = json.loads(text) if len(text) <= _MAX_DIGITS else float("inf")
        if value in (float("inf"), -float("inf")):
            self.fail("a number beyond all bounds")
        self.at += len(text)
        return value

    def space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too

    def follows(self, sign: str) -> bool:
        """Step over ``sign`` if it comes next."""
        self.space()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def expect(self, sign: str, named: str) -> None:
        if not self.follows(sign):
            self.fail(f"{named} is missing")

    def fail(self, what: str) -> NoReturn:
        before = self.text[: self.at]
        line = self.line + before.count("\n")
        raise LabelFileError(f"{self.where}:{line}:{self.at - before.rfind(chr(10))}: {what}.")
