"""Text into words: case-folded runs of letters and digits; a character each in Chinese, Japanese and Korean."""

import re
from typing import Final

_SPACED: Final = re.compile(r"[^\W_]+")
_MIXED: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_NAME: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[^\W\d_a-zA-Z]+")


def split_words(texts: list[str], *, cjk: bool = True) -> list[list[str]]:
    """The words of each text. Without ``cjk`` such runs stay whole, which is faster where there are none.

    >>> split_words(["Don't panic, 42!", "続き"])
    [['don', 't', 'panic', '42'], ['続', 'き']]
    """
    return find_words([text.casefold() for text in texts], cjk=cjk)


def find_words(folded: list[str], *, cjk: bool = True) -> list[list[str]]:
    """The same for texts that are case folded already."""
    return [*map((_MIXED if cjk else _SPACED).findall, folded)]


def split_name(name: str) -> list[str]:
    """The words of a class or an id.

    >>> split_name("c-paywall-notice articleBody2")
    ['c', 'paywall', 'notice', 'article', 'body']
    """
    return [token.lower() for token in _NAME.findall(name)]
