"""What holds for every reading: I3, I5 and that all outputs can be written."""

import json
from typing import Any

import numpy as np
from lxml import etree

from classifier import Reading
from classifier.blocks import SILENT_TAGS

OUTPUTS = (lambda found: found.markdown(all_content=True, links=True), lambda found: found.html(all_content=True))


class Reference:
    """All text outside silent elements, by libxml2's own events and nothing of our code but the list of tags."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.silent = 0

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.silent += tag in SILENT_TAGS - {"head"}

    def end(self, tag: str) -> None:
        self.silent -= tag in SILENT_TAGS - {"head"}

    def data(self, text: str) -> None:
        if not self.silent:
            self.pieces.append(text)

    def close(self) -> None:
        pass


def visible(html: str) -> str:
    """The reference text without white space."""
    target = Reference()
    parser: Any = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")  # type: ignore[call-overload]
    parser.feed(html.encode("utf-8", "replace"))
    try:
        parser.close()
    except etree.LxmlError:
        pass
    return "".join("".join(target.pieces).split())


def assert_sound(found: Reading) -> None:
    """I5: every output is UTF-8 and JSON; every score is finite and in [0, 1]."""
    text = json.dumps(found.to_dict(all_content=True), ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode("utf-8"))
    for write in OUTPUTS:
        write(found).encode("utf-8")
    for scores in (found.probabilities, found.main_probabilities, np.array(found.access.probability)):
        assert np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1).all()


def assert_whole(html: str, found: Reading) -> None:
    """I3: the blocks hold all visible text, and nothing else, unless the reading says otherwise."""
    if found.page.truncated or "noscript" in found.page.flattened or "<svg" in html.lower():
        return  # an <svg>'s title is text, which the plain reference does not know
    assert "".join("".join(found.page.texts).split()) == visible(html)
