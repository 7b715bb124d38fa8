"""What characters the texts of a page hold: classes counted, first and last ones, where a placeholder may begin."""

from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier import words

Longs = npt.NDArray[np.int64]

CHAR_CLASSES: Final = ("other", "digit", "upper", "lower", "stop", "comma", "space", "cjk", "money", "quote", "symbol")
OTHER, DIGIT, UPPER, LOWER, STOP, COMMA, SPACE, CJK, MONEY, QUOTE, SYMBOL = range(len(CHAR_CLASSES))

OPENERS: Final = "{[<%_$#@*"
"""Every placeholder begins with one of these."""

MAX_OPENERS: Final = 100_000
"""So many of them are looked at on a page: ten million of ``<`` would fill memory."""


class Chars(NamedTuple):
    """The characters of ``m`` texts, none of them empty."""

    counts: Longs
    """(m, classes) characters of each class"""
    glued: Longs
    """(m) capitals right behind small letters: "TitleChevron", where icon names or menus ran together; the end of the
    text before counts, as between the entries of a menu"""
    addresses: Longs
    """(m) how often ``@``"""
    breaks: Longs
    """(m) how often a line ends"""
    first: Longs
    """(m) class of the first character"""
    last: Longs
    """(m) class of the last one"""
    ending: Longs
    """(m) the last character itself, as a number"""
    dotted: npt.NDArray[np.bool_]
    """(m) do three characters or more end in two dots?"""
    openers: Longs
    """(found, 2) text and place of each of ``OPENERS``, up to ``MAX_OPENERS``"""


def count_chars(texts: list[str]) -> Chars:
    """Look at every character once.

    >>> found = count_chars(["iPhone ...", "mail@ {{x}}"])
    >>> found.counts[:, STOP].tolist(), found.glued.tolist(), found.addresses.tolist(), found.openers.tolist()
    ([3, 0], [1, 0], [0, 1], [[1, 4], [1, 6], [1, 7]])
    """
    if words.rapid is not None:
        return Chars(*words.rapid.count_chars(texts, char_classes(), _openers(), MAX_OPENERS))
    return _counted(texts)


def _counted(texts: list[str]) -> Chars:
    m, kinds = len(texts), len(CHAR_CLASSES)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
    lengths = np.fromiter(map(len, texts), np.int64, m)
    ends = lengths.cumsum()
    starts = ends - lengths
    owners = np.repeat(np.arange(m), lengths)
    classes = char_classes()[np.minimum(points, 0xFFFF)]
    glued = np.zeros(len(classes), np.bool_)
    glued[1:] = (classes[1:] == UPPER) & (classes[:-1] == LOWER)
    openers = np.flatnonzero(_openers()[np.minimum(points, 127)])[:MAX_OPENERS]
    ending = points[ends - 1].astype(np.int64)
    return Chars(
        np.bincount(owners * kinds + classes, minlength=m * kinds).reshape(m, kinds),
        np.bincount(owners[glued], minlength=m),
        np.bincount(owners[points == ord("@")], minlength=m),
        np.bincount(owners[points == ord("\n")], minlength=m),
        classes[starts].astype(np.int64),
        classes[ends - 1].astype(np.int64),
        ending,
        (ending == ord(".")) & (points[np.maximum(ends - 2, 0)] == ord(".")) & (lengths > 2),
        np.stack((owners[openers], openers - starts[owners[openers]]), axis=1),
    )


@cache
def _openers() -> npt.NDArray[np.uint8]:
    """(128) is it one of ``OPENERS``?"""
    table = np.zeros(128, np.uint8)
    table[[ord(char) for char in OPENERS]] = 1
    return table


@cache
def char_classes() -> npt.NDArray[np.uint8]:
    """(65536) class of each character of the Basic Multilingual Plane; what lies beyond counts as the last one."""
    table = np.full(1 << 16, SYMBOL, np.uint8)
    for code in range(1 << 16):
        char = chr(code)
        if char.isdigit():
            table[code] = DIGIT
        elif char.isupper():
            table[code] = UPPER
        elif char.isalpha():
            table[code] = LOWER
        elif char.isspace():
            table[code] = SPACE
    for low, high in ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF)):
        table[low : high + 1] = CJK
    for characters, kind in (
        (".!?…。！？؟।", STOP),
        (",;:、，；：،", COMMA),
        ("$€£¥₹₽₩%", MONEY),
        ("\"'«»“”‘’„「」『』()", QUOTE),
        ("-–_/&@#", OTHER),
    ):
        table[[ord(char) for char in characters]] = kind
    return table
