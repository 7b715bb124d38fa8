"""Text without a DOM (a WET record, an old crawl) into a :class:`Page`, a block a line."""

from typing import Final

import numpy as np

from classifier.blocks import DEFAULT_LIMITS, Limits
from classifier.page import Page

_TAGS: Final = ("", "html", "body")


def read_lines(text: str, limits: Limits = DEFAULT_LIMITS) -> Page:
    """Cut plain text into blocks: every line that is not blank is one.

    Blank lines part groups of lines; each group is an element of its own, so that what stands together is seen
    together, as in a page's containers.

    >>> page = read_lines("Menu\\n\\nFirst line.\\nSecond line.")
    >>> page.texts, page.elements.tolist()
    (['Menu', 'First line.', 'Second line.'], [3, 4, 4])
    """
    texts: list[str] = []
    elements: list[int] = []
    total, group, truncated = 0, len(_TAGS) - 1, None
    parted = True
    text = text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates, as in blocks.cut
    for line in text.splitlines():
        words = " ".join(line.split())
        if not words:
            parted = True
            continue
        total += len(words)
        if total > limits.max_text or len(texts) >= limits.max_blocks:
            truncated = "max_text" if total > limits.max_text else "max_blocks"
            break
        group += parted
        parted = False
        texts.append(words)
        elements.append(group)
    return _page(texts, elements, group - len(_TAGS) + 1, truncated)


def _page(texts: list[str], elements: list[int], groups: int, truncated: str | None) -> Page:
    owners = np.array(elements, np.int32)
    numbers = np.arange(len(_TAGS), len(_TAGS) + groups)
    outer = len(_TAGS)
    return Page(
        tags=[*_TAGS, *["p"] * groups],
        parents=np.array([0, 0, 1, *[2] * groups], np.int32),
        names=[""] * (outer + groups),
        first=np.concatenate(([0] * outer, np.searchsorted(owners, numbers))).astype(np.int32),
        last=np.concatenate(([len(texts)] * outer, np.searchsorted(owners, numbers, "right"))).astype(np.int32),
        hrefs={},
        texts=texts,
        elements=owners,
        leaves=owners,
        hidden=np.zeros(len(texts), np.bool_),
        link_chars=np.zeros(len(texts), np.int32),
        link_counts=np.zeros(len(texts), np.int32),
        spans=[],
        truncated=truncated,
    )
