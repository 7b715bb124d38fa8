"""Labelled pages and written gates into training pages that never were: an open page with a gate put into it.

Pages with a gate are few among labelled ones, and each stands for its site's wording. ``datasets/gates/`` holds
fragments that were written for this project in many languages and builds: gates, and boxes that look like gates and
are none. A composed page is used for training alone and never measured on.

Tried and dropped: scrambled text in place of the rest of the article, labelled paywall, behind a fifth of the gates.
The prose of languages that are rare in training was then taken for filler: 90 blocks of three Polish and Russian pages.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from classifier.blocks import cut
from classifier.labels import CONTENT, LABELS, Label
from classifier.layout import Longs
from classifier.page import Page
from training.align import UNKNOWN

MARK: Final = "pagesieve-is-"
"""With a label behind it, names an element whose text bears that label. It is gone before a feature could see it."""

PLACES: Final = ("inline", "modal", "bar", "top", "page")
CUT_SHARE: Final = 0.6
"""Share of the gates in the text behind which the rest of the text is taken away, as sites do."""
GATE_SHARE: Final = 0.67
"""Share of the gates among the fragments drawn, whatever the numbers that were written."""
SECOND_SHARE: Final = 0.35
"""Share of the composed pages that hold a second fragment."""
REACH: Final = 400
"""Blocks of the page that are looked through for the next one of the composed page."""

ADDRESSES: Final = "addresses.txt"
"""File beside the fragments that names where their links may lead."""
BARE_SHARE: Final = 0.35
"""Share of the fragments whose links run a script or lead nowhere, as they are written."""
OWN_SHARE: Final = 0.2
"""Share of the others whose links lead where the page's own links lead."""
LOG_IN: Final = re.compile(
    r"log.{0,3}in|sign.?in|anmeld|connect|iniciar|acced|ingres|entrar|inlog|logga|logg |zalog|prihl|giriş|belép"
    r"|войти|вход|ログイン|로그인|登录",
    re.IGNORECASE,
)
"""Texts of links that lead to a log-in."""

_NOWHERE: Final = ("#", "#", "javascript:void(0)")
_SLUG_WORDS: Final = (
    "council harbour spring market river storm festival league budget winter school energy bridge recipe summer film"
).split()
_HREF: Final = re.compile(r'href="([^"#{}<>]{1,200})"')
_LINK: Final = re.compile(r'(?P<before><a\b[^>]*\bhref=")#(?P<after>"[^>]*>)(?=(?P<text>[^<]{0,80}))')

_HEAD: Final = re.compile(r"<!--\s*fragment:\s*(\w+)\s*;\s*place:\s*(\w+)\s*;\s*lang:\s*([\w-]+)\s*-->")
_CODES: Final[dict[str, int]] = {label: code for code, label in enumerate(LABELS)}
_MARKED: Final = re.compile(MARK + r"(\w+)")
_PARAGRAPH: Final = re.compile(r"<p[\s>].{0,20000}?</p\s*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of HTML whose text bears one label, but for elements that name another (``data-label``)."""

    label: Label
    place: str
    language: str
    html: str
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By label, and for ``login``: patterns of where the links lead."""


def read_fragments(folder: str | Path) -> tuple[Fragment, ...]:
    """Fragments of ``folder/*.html``, each begun by ``<!-- fragment: LABEL; place: PLACE; lang: LANG -->``.

    Raises ``FileNotFoundError`` if there is no such file, ``ValueError`` with the file for a label or place that is
    unknown, or a file without a fragment.
    """
    found: list[Fragment] = []
    paths = sorted(Path(folder).glob("*.html"))
    if not paths:
        raise FileNotFoundError(f"No fragments in {folder}: name a folder of .html files such as datasets/gates.")
    addresses = _addresses(Path(folder) / ADDRESSES)
    for path in paths:
        parts = _HEAD.split(path.read_text(encoding="utf-8"))
        if len(parts) < 5:
            raise ValueError(f"{path}: holds no fragment; begin each by <!-- fragment: LABEL; place: …; lang: … -->.")
        for label, place, language, html in zip(*(parts[i::4] for i in range(1, 5)), strict=True):
            if label not in LABELS or place not in PLACES:
                raise ValueError(f"{path}: {label!r} at {place!r}; labels are {LABELS}, places {PLACES}.")
            found.append(Fragment(label, place, language, html.strip(), addresses))
    return tuple(found)


def _addresses(path: Path) -> Mapping[str, tuple[str, ...]]:
    if not path.is_file():
        return {}
    sections: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            found.append(line)
    return {name: tuple(patterns) for name, patterns in sections.items()}


def compose(
    html: str, page: Page, labels: Longs, language: str | None, fragments: Sequence[Fragment], seed: int
) -> tuple[Page, Longs] | None:
    """One composed page with its labels; None where the page has no running text to put a gate into.

    ``page`` is what was cut from ``html`` and ``labels`` (m) its labels.
    """
    rng = Random(seed)
    spots = _spots(html, page, labels)
    if len(spots) < 4 or not fragments:
        return None
    near = [f for f in fragments if f.language == (language or "en")]
    chosen = [_draw(rng, near or list(fragments))]
    if rng.random() < SECOND_SHARE:
        chosen.append(_draw(rng, near or list(fragments)))
    for fragment in chosen:
        html = _put(html, fragment, spots, rng)
        spots = _spots(html, page, labels)
        if len(spots) < 2:
            break
    return _labelled(cut(html), page, labels)


def _draw(rng: Random, fragments: Sequence[Fragment]) -> Fragment:
    """A gate or one of its look-alikes."""
    gates = [f for f in fragments if f.label == "paywall"]
    others = [f for f in fragments if f.label != "paywall"]
    pool = gates if gates and (not others or rng.random() < GATE_SHARE) else others
    return rng.choice(pool)


def _spots(html: str, page: Page, labels: Longs) -> list[tuple[int, int]]:
    """Start and end in ``html`` of the paragraphs that are running content."""
    wanted = {
        " ".join(text.split())[:24]
        for text, label, tag in zip(page.texts, labels.tolist(), _tags(page), strict=True)
        if label == CONTENT and tag == "p" and len(text) > 80
    }
    found = []
    for match in _PARAGRAPH.finditer(html):
        text = " ".join(re.sub(r"<[^>]*>", "", match[0][:2000]).split())
        if text[:24] in wanted:
            found.append(match.span())
    return found


def _tags(page: Page) -> Iterator[str]:
    return (page.tags[i] for i in page.elements.tolist())


def _put(html: str, fragment: Fragment, spots: Sequence[tuple[int, int]], rng: Random) -> str:
    inner = _linked(fragment, html, rng).replace('data-label="', f'data-qa="{MARK}')
    wrapped = f'<div data-qa="{MARK}{fragment.label}">{inner}</div>'
    if fragment.place in ("modal", "bar"):
        end = html.lower().rfind("</body")
        at = end if end > spots[-1][1] and rng.random() < 0.8 else _body_start(html)
        return html[:at] + wrapped + html[at:]
    if fragment.place == "top":
        at = spots[0][0]
        return html[:at] + wrapped + html[at:]
    number = 1 if fragment.place == "page" else rng.randrange(1, max(2, min(len(spots) - 1, 8)))
    at = spots[number - 1][1]
    gated = fragment.label == "paywall" and (fragment.place == "page" or rng.random() < CUT_SHARE)
    rest = html[at:]
    if gated:
        for start, end in reversed(spots[number:]):
            rest = rest[: start - at] + rest[end - at :]
    return html[:at] + wrapped + rest


def _linked(fragment: Fragment, html: str, rng: Random) -> str:
    """The fragment with addresses for its links: else a link to nowhere would give it away."""
    if not fragment.addresses:
        return fragment.html
    if rng.random() < BARE_SHARE:
        return fragment.html.replace('href="#"', f'href="{rng.choice(_NOWHERE)}"')
    own = _HREF.findall(html, 0, 1 << 18) if rng.random() < OWN_SHARE else []

    def address(match: re.Match[str]) -> str:
        login = LOG_IN.search(match["text"]) is not None and fragment.label != "ad"
        patterns = own or fragment.addresses["login" if login else fragment.label]
        pattern = rng.choice(patterns)
        slug = "-".join(rng.choices(_SLUG_WORDS, k=rng.randint(1, 5)))
        chosen = pattern.replace("{n}", str(rng.randrange(100, 10**7))).replace("{slug}", slug)
        return f"{match['before']}{chosen}{match['after']}"

    return _LINK.sub(address, fragment.html)


def _body_start(html: str) -> int:
    match = re.search(r"<body[^>]{0,4000}>", html, re.IGNORECASE)
    return match.end() if match else 0


def _labelled(made: Page, page: Page, labels: Longs) -> tuple[Page, Longs]:
    """Labels of the composed page: the fragments' own, and the page's by its texts in their order."""
    out = np.full(len(made), UNKNOWN, np.int64)
    marks: dict[int, int] = {}
    for element, name in enumerate(made.names):
        mark = _MARKED.search(name)
        if mark:
            made.names[element] = name.replace(mark[0], "").strip()
            marks[element] = _CODES[mark[1]]
    for block, leaf in enumerate(made.leaves.tolist()):
        out[block] = next((marks[i] for i in made.ancestors(leaf) if i in marks), UNKNOWN)
    after = 0
    for block in np.flatnonzero(out == UNKNOWN).tolist():
        old = next((i for i in range(after, min(after + REACH, len(page))) if page.texts[i] == made.texts[block]), None)
        if old is not None:
            out[block] = labels[old]
            after = old + 1
    return made, out
