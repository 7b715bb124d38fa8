"""No regular expression takes more than linear time, whatever it is fed; the exponents of pages can be measured."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

import classifier
from classifier import Sieve
from training import scaling

LENGTH = 100_000
"""Characters fed; what takes quadratic time needs minutes for so many, what takes linear time milliseconds."""
CPU_SECONDS = 5
BOUNDED = {
    "ATTRIBUTE": 16_384, "MARKUP": 16_384, "XML_ENCODING": 16_384,  # decode.PRESCAN_BYTES
    "_BEFORE_SITE": 2_000, "_AFTER_SITE": 2_000, "_BYLINE": 2_000,  # metadata.MAX_CHARS
    "_CLASS": 500,
}  # fmt: skip
"""Expressions that are only ever shown so many characters."""

ANCHORED = {"inline._SCHEME", "metadata._DATE"}
"""Expressions that are only ever tried at the start of a text."""

UNITS = (
    *("a", "A", "Aa", "1", " ", "\n", " \n", "a ", "\t", "_", "-", ".", "...", "…", ",", ":", ";", "/", "//", "/*"),
    *(
        "<",
        "<a",
        "<!",
        "<!--",
        "<!-- ",
        "-->",
        "<?",
        "<meta ",
        "<meta a=",
        "<a b='",
        '<a b="',
        "<a b=c",
        "[",
        "]",
        "](",
        "{",
        "}",
    ),
    *(
        "&",
        "&#",
        "&#1",
        "& # 1",
        "&a",
        '"',
        '"a',
        '" ',
        '"\n',
        '"\\',
        "\\",
        "\\u",
        "\\ud800",
        "'",
        "`",
        "*",
        "* ",
        "#",
        "# ",
        "> ",
        "| ",
    ),
    *("charset", "charset=", "charset = ", 'charset="', "encoding", "encoding=", 'encoding="', "<?xml encoding "),
    *(
        "display",
        "display :",
        "display: ",
        "visibility: ",
        "lang-",
        "language-a",
        "http:",
        "2024-",
        "T00:00",
        "by ",
        "\u3042",
        "é",
    ),
    *('"@type"', '"@type" : "', "/plus", "/de-plus", "-premium", ":free", "\ud800", "\0", "- ", " - ", " |"),
)


def patterns() -> Iterator[tuple[str, "re.Pattern[str] | re.Pattern[bytes]"]]:
    for module in pkgutil.iter_modules(classifier.__path__, "classifier."):
        if module.name in ("classifier.cli", "classifier.sax"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name.partition('.')[2]}.{name}", value


PATTERNS = dict(patterns())


def test_all_expressions_are_met() -> None:
    assert len(PATTERNS) >= 20
    assert {"jsonld._TOKEN", "markdown._SPECIAL", "decode.MARKUP"} <= set(PATTERNS)


@pytest.mark.skipif(not hasattr(signal, "ITIMER_VIRTUAL"), reason="no timer of CPU time here")
@pytest.mark.parametrize("name", PATTERNS)
def test_an_expression_is_linear_on_its_worst_prefixes(name: str) -> None:
    pattern = PATTERNS[name]
    length = BOUNDED.get(name.partition(".")[2], LENGTH)
    unit = ""

    def give_up(_: int, __: FrameType | None) -> None:
        pytest.fail(f"{name} takes more than {CPU_SECONDS} s on {unit!r} repeated", pytrace=False)

    before = signal.signal(signal.SIGVTALRM, give_up)
    try:
        for unit in UNITS:
            for ending in ("", "\\", "\x01"):
                text = (unit * (length // len(unit)))[: length - 1] + ending
                signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
                shown: Any = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
                if name in ANCHORED:
                    pattern.match(shown)
                else:
                    sum(1 for _ in pattern.finditer(shown))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def test_an_exponent_is_a_slope() -> None:
    assert scaling.exponent({n: 1e-3 * n for n in scaling.SIZES}) == pytest.approx(1)
    assert scaling.exponent({n: 1e-3 * n**1.5 for n in scaling.SIZES}) == pytest.approx(1.5)


@pytest.mark.parametrize("name", scaling.SHAPES)
def test_every_shape_grows_and_is_read(name: str, tiny_model) -> None:
    shape = scaling.SHAPES[name]
    assert len(shape(200)) > 1.5 * len(shape(100))
    assert Sieve(tiny_model, limits=scaling.LIFTED).read(shape(50)).page.truncated is None
