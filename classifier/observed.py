"""What a page's blocks show of a gate: where its text stands, what it says, whether the text is whole."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from string import ascii_lowercase
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from classifier import jsonld, lexicon
from classifier.declared import EXCERPT, Sign, locked_classes
from classifier.jsonld import Item
from classifier.layout import Layout
from classifier.page import Page
from classifier.words import WordTable, split_name, split_words

Wall = Literal["none", "paywall", "registration", "consent", "bot"]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

SHORT: Final = 150
"""Words of main text below which a page is short."""
FAINT: Final = 0.2
"""Below this probability a block adds no gate text."""
GATE: Final = 0.5
"""From this probability on a block counts as gate text."""
SPOKEN: Final = 0.3
"""From this probability on a block is searched for phrases of gates."""
MAX_SPOKEN: Final = 200
"""Blocks that are searched."""
MAIN: Final = 0.5
"""From this probability on a block counts as main text."""
BESIDE: Final = 30
"""Words between main text and gate at which the gate counts about a third as standing at its end."""
BOT_WORDS: Final = 250
"""A page that holds more words is no robot check."""

_CHROME_TAGS: Final = frozenset(("header", "footer", "nav"))
_TEXT_TAGS: Final = frozenset(("article", "main"))
"""Their headers and footers belong to the text."""
_CHROME_NAMES: Final = frozenset(
    "banner navigation contentinfo header footer nav navbar menu topbar masthead site-header site-footer"
    " page-header page-footer main-nav main-menu global-header global-footer".split()
)


def _inside(page: Page, elements: Bools) -> Bools:
    """(n) of those with blocks: is the element one of these, or inside one?

    One that begins after such an element, and before the last of its blocks, can only lie inside.
    """
    reach: Bools = np.maximum.accumulate(np.where(elements, page.last, 0)) > page.first
    return reach


def _is_chrome(tag: str, names: str) -> bool:
    return tag in _CHROME_TAGS or (names != "" and not _CHROME_NAMES.isdisjoint(names.lower().split()))


@cache
def _chrome_words() -> WordTable:
    """Words of looks that may be chrome, and the halves of those that some write as two."""
    names = {word for name in _CHROME_NAMES for word in split_name(name)} - {"page", "site", "main", "global"}
    return WordTable(dict.fromkeys([*names, *"bar head info".split(), *(f"<{tag}>" for tag in _CHROME_TAGS)], 1))


@cache
def _text_words() -> WordTable:
    return WordTable(dict.fromkeys([f"<{tag}>" for tag in _TEXT_TAGS], 1))


def _looking(layout: Layout, looks: Sequence[int]) -> Bools:
    """(n) does the element look like one of these?"""
    table = np.zeros(len(layout.look_index) + 1, np.bool_)
    table[looks] = True
    return np.asarray(table[layout.looks])


@dataclass(eq=False)
class View:
    """A page with at least one block, the gate probability and the main probability of each."""

    page: Page
    layout: Layout
    gate: Floats
    main: Floats

    @cached_property
    def size(self) -> Floats:
        """(m) words."""
        return np.asarray(self.layout.size, float)

    @cached_property
    def main_size(self) -> Floats:
        """(m) expected words of main text."""
        return self.size * np.where(self.main >= 0.2, self.main, 0)

    @cached_property
    def total(self) -> float:
        """Expected words of main text."""
        return float(self.main_size.sum())

    @cached_property
    def gate_size(self) -> Floats:
        """(m) expected words of gate text."""
        return self.size * np.where(self.gate >= FAINT, self.gate, 0)

    @cached_property
    def loudest(self) -> float:
        """The highest gate probability: on most pages so low that little needs to be looked at."""
        return float(self.gate.max())

    @cached_property
    def chrome(self) -> Bools:
        """(m) blocks in headers, footers and menus, as far as these do not hold much of the main text."""
        page, layout = self.page, self.layout
        pairs = [("", ""), *layout.look_index]
        maybe = dict.fromkeys(layout.looks_with(_chrome_words()).tolist())
        chrome = _looking(layout, [look for look in maybe if _is_chrome(*pairs[look])])
        main = _looking(layout, layout.looks_with(_text_words()).tolist())
        text = np.concatenate(([0.0], np.cumsum(self.main_size)))
        slight = text[page.last] - text[page.first] <= 0.3 * self.total + 20
        return layout.inside(np.flatnonzero(chrome & slight & ~_inside(page, main)))

    @cached_property
    def visible(self) -> Bools:
        """(m) blocks of the body that a visitor sees."""
        return ~self.chrome & ~self.page.hidden

    @cached_property
    def concealed(self) -> Bools:
        """(m) blocks of the body that the page hides."""
        return ~self.chrome & self.page.hidden

    @cached_property
    def before(self) -> Floats:
        """(m) words of main text before each block."""
        return np.cumsum(self.main_size) - self.main_size

    @cached_property
    def beside(self) -> Floats:
        """(m) 1 right behind main text, falling with the words of other text that lie between."""
        other = np.cumsum(np.where((self.main < MAIN) & (self.gate < GATE), self.size, 0))
        text = np.where((self.main >= MAIN) & (self.size >= 8), np.arange(len(self.page)), -1)
        last = np.maximum.accumulate(text)
        return np.where(last >= 0, np.exp(-np.maximum(other - other[last], 0) / BESIDE), 0)

    @cached_property
    def place(self) -> int:
        """The block that is the most likely gate of the body: visible, and right behind main text."""
        weight = self.gate * np.where(self.visible, 1.0, 0.6) * ~self.chrome * (1 + self.beside)
        return int(weight.argmax())

    @cached_property
    def _paths(self) -> dict[int, str]:
        return {}

    def path(self, block: int) -> str:
        """XPath of a block; many signs point to the same few."""
        if block not in self._paths:
            self._paths[block] = self.page.xpath(int(self.page.elements[block]))
        return self._paths[block]

    def where(self, block: int) -> tuple[str, str]:
        """XPath and beginning of a block, for a sign."""
        return self.path(block), self.page.texts[block][:EXCERPT]


def gate_signs(view: View) -> Iterator[Sign]:
    """How much gate text there is, and where it stands relative to the main text."""
    if view.loudest < FAINT:
        yield Sign("gate_peak", view.loudest)
        return
    shown = view.gate * view.visible
    peak = int(shown.argmax())
    yield Sign("gate_peak", float(shown[peak]), *(view.where(peak) if shown[peak] >= FAINT else ()))
    for signal, part in (("gate_words", view.visible), ("gate_hidden", view.concealed)):
        words = view.gate_size * part
        yield Sign(signal, _log(words.sum()), *(view.where(int(words.argmax())) if words.any() else ()))
    inside = float((view.gate_size * ~view.chrome).sum())
    yield Sign("gate_share", inside / max(inside + view.total, 1))
    place = view.place
    if view.gate[place] >= GATE and not view.chrome[place]:
        yield Sign("gate_at_end", float(view.gate[place] * view.beside[place]), *view.where(place))
        yield Sign("gate_before", float(view.before[place]) / max(view.total, 1))
    if inside > 0:
        named = view.gate_size * ~view.chrome * _gate_named(view)
        yield Sign(
            "gate_names",
            float(named.sum()) / inside,
            *(view.where(int(named.argmax())) if named.any() else ()),
        )


def _gate_named(view: View) -> Bools:
    """(m) blocks of gate text within four levels of an element that has the class name of a gate."""
    blocks = np.flatnonzero(view.gate_size)
    near = view.layout.looks[view.layout.chains[blocks, :4]]
    words = view.layout.look_words
    gates = [look for look in np.unique(near).tolist() if _is_gate_name(words[look])]
    named = np.zeros(len(view.page), np.bool_)
    named[blocks] = np.isin(near, gates).any(axis=1)
    return named


@cache
def _gate_names() -> frozenset[str]:
    return frozenset(lexicon.load_sections("classnames")["gate"])


def _is_gate_name(words: list[str]) -> bool:
    names = _gate_names()
    return not names.isdisjoint(words) or any(" ".join(pair) in names for pair in pairwise(words))


# -- what gate text says -------------------------------------------------------------------------------------


@cache
def _phrases(kind: str) -> tuple[str, ...]:
    return tuple(f" {_words_in(phrase)} " for phrase in lexicon.load_sections("walls")[kind])


def _words_in(text: str) -> str:
    return re.sub(r"\d+", "0", " ".join(split_words([text])[0]))


@dataclass(frozen=True, slots=True)
class _Run:
    """Gate blocks in a row: one sentence is often several blocks."""

    first: int
    texts: tuple[str, ...]
    """The words of each block, between spaces."""

    def says(self, kind: str) -> str | None:
        """The phrase of this kind that the run holds, if any. What locks a function locks no text."""
        whole = " ".join("".join(self.texts).split())
        for text in (*self.texts, f" {whole} "):
            phrase = _said(kind, text)
            if phrase and not (kind == "locked" and _said("feature", text)):
                return phrase
        return None


def _said(kind: str, text: str) -> str | None:
    return next((phrase.strip() for phrase in _phrases(kind) if phrase in text), None)


def _runs(view: View, part: Bools) -> list[_Run]:
    """Gate text in a part of the page."""
    runs: list[_Run] = []
    blocks = np.flatnonzero((view.gate >= SPOKEN) & part)[:MAX_SPOKEN]
    if not len(blocks):
        return []
    for group in np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1):
        texts = tuple(f" {_words_in(view.page.texts[block][:500])} " for block in group.tolist())
        runs.append(_Run(int(group[0]), texts))
    return runs


def speech_signs(view: View) -> Iterator[Sign]:
    """What the gate text of the body is about."""
    if view.loudest < SPOKEN:
        return
    shown, hidden = _runs(view, view.visible), _runs(view, view.concealed)
    for signal, kind, runs in (
        ("says_locked", "locked", shown),
        ("says_locked_hidden", "locked", hidden),
        ("says_register", "registration", shown + hidden),
        ("says_consent", "consent", shown + hidden),
        ("says_meter", "meter", shown + hidden),
        ("says_feature", "feature", shown + hidden),
    ):
        said = [(run.first, phrase) for run in runs if (phrase := run.says(kind))]
        if said:
            yield Sign(signal, 1.0, view.path(said[0][0]), said[0][1])
        if said and signal == "says_locked":
            yield Sign("locked_at_end", max(float(view.beside[first]) for first, _ in said))
    pattern = lexicon.placeholder_pattern()
    for block in np.flatnonzero((view.gate >= GATE) & ~view.chrome).tolist():
        if pattern.search(view.page.texts[block]):
            yield Sign("unfilled", 1.0, *view.where(block))
            break


def wall_kind(view: View) -> Wall:
    """The kind of wall that the gate text of the body speaks of."""
    if _is_robot_check(view):
        return "bot"
    if view.loudest < SPOKEN:
        return "none"
    speech = "".join(text for run in _runs(view, ~view.chrome) for text in run.texts)
    if not speech:
        return "none"
    counts = {
        kind: sum(map(speech.count, _phrases(kind))) for kind in ("consent", "registration", "purchase")
    }
    if counts["consent"] and counts["consent"] >= counts["registration"]:
        return "consent"
    return "registration" if counts["registration"] > counts["purchase"] else "paywall"


def _is_robot_check(view: View) -> bool:
    if view.size.sum() > BOT_WORDS or view.total > SHORT:
        return False
    text = " ".join([view.page.facts.title[:500], *view.page.texts])[:20_000]
    return _said("bot", f" {_words_in(text)} ") is not None


# -- is the text whole? --------------------------------------------------------------------------------------

_ELLIPSIS: Final = re.compile(r"(?:\.\.\.|…|\. \. \.)[\"'”’»)\]\s]{0,3}$")
_FULL_STOP: Final = re.compile(r"[.!?…:;。！？：।؟۔*\"'”’»«)\]）」』】_–—-]\s{0,3}$")
_VOWELS: Final = "aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿāăąēėęěīįıōőœūůűų"
_LETTERS: Final = ascii_lowercase + _VOWELS[6:] + "çñßćčďđğľłńňņņŕřśšşșťțţźžżķļģ"
_VOWEL_SHARE: Final = 0.29
"""No language in Latin letters has fewer vowels; German text shifted by a letter has 0.26."""


def text_signs(view: View) -> Iterator[Sign]:
    """How long the main text is, and how it ends."""
    yield Sign("main_words", _log(view.total))
    yield Sign("short", float(view.total < SHORT))
    end = _last_paragraph(view)
    if end is not None:
        text = view.page.texts[end].rstrip()
        if _ELLIPSIS.search(text[-8:]):
            yield Sign("ellipsis", 1.0, view.path(end), text[-EXCERPT:])
        elif not _FULL_STOP.search(text[-4:]):
            yield Sign("cut_off", 1.0, view.path(end), text[-EXCERPT:])
    yield from _scrambled(view)


def _last_paragraph(view: View) -> int | None:
    """The last paragraph of main text before the gate, or of all where no gate has text before it."""
    text = np.flatnonzero((view.main >= MAIN) & (view.size >= 15) & (view.layout.link_density < 0.5))
    if not len(text):
        return None
    ahead = text
    if view.loudest >= GATE:
        place = view.place
        ahead = text[text < place] if view.gate[place] >= GATE and not view.chrome[place] else text
    return int((ahead if len(ahead) else text)[-1])


def _scrambled(view: View) -> Iterator[Sign]:
    """Blocks of Latin letters with far too few vowels: text shifted or shuffled letter by letter."""
    long = (view.size >= 20) & (np.maximum(view.main, view.gate) >= 0.2)
    odd = [block for block in np.flatnonzero(long).tolist() if _is_odd(view.page.texts[block][:400])]
    odd = [block for block in odd if not view.chrome[block]]
    if odd:
        share = view.size[odd].sum() / max(float(view.size[long & ~view.chrome].sum()), 1)
        yield Sign("scrambled", float(share), *view.where(odd[0]))


def _is_odd(text: str) -> bool:
    """Is it Latin text without the vowels of any language?"""
    plain = text.encode("utf-8", "replace")
    enough = _VOWEL_SHARE * len(text) * 0.9
    if len(plain) - len(plain.translate(None, b"aeiouy")) >= enough:  # as nearly always
        return False
    vowels = sum(map(text.count, _VOWELS))
    letters = sum(map(text.count, _LETTERS)) if vowels < enough else 0
    return letters >= 120 and letters > 0.5 * len(text) and vowels < _VOWEL_SHARE * letters


def length_signs(view: View, about: Item) -> Iterator[Sign]:
    """The main text against the lengths that the page declares."""
    declared = _number(about.get("wordCount"))
    key = "JSON-LD wordCount"
    bodies = jsonld.strings(about.get("articleBody"))
    if bodies and len(bodies[0]) > 200:
        words = len(split_words([bodies[0][:200_000]], cjk=False)[0])
        declared, key = max(declared, words), "JSON-LD articleBody"
    if declared >= 50:
        ratio = declared / max(view.total, 1)
        yield Sign("shorter_than_declared", min(max(math.log(ratio) - 0.2, 0), 3), key, str(int(declared)))
        yield Sign("as_long_as_declared", float(ratio < 1.25), key, str(int(declared)))
    descriptions = [
        content for name, content in view.page.facts.meta if name in ("description", "og:description")
    ]
    longest = max(map(len, descriptions), default=0)
    found = float((view.layout.chars * (view.main >= MAIN)).sum())
    if longest >= 80 and 0 < found < 2 * longest:
        yield Sign("teaser_only", 1.0, "meta description")


def _number(value: object) -> float:
    text = str(value).strip()[:10] if isinstance(value, (int, float, str)) else ""
    return float(text) if re.fullmatch(r"\d{1,7}(\.\d+)?", text) else 0.0


def part_signs(view: View) -> Iterator[Sign]:
    """How much of the main text lies in the parts that are declared locked."""
    selector, classes = locked_classes(view.layout.items)
    if not classes:
        return
    named = [i for i, names in enumerate(view.page.names) if names and not classes.isdisjoint(names.split())]
    held = float(view.main_size[view.layout.inside(np.array(named, np.int64))].sum())
    yield Sign("part_held", min(held / max(view.total, 1), 1), "JSON-LD cssSelector", selector)
    yield Sign("part_missing", float(held < 20), "JSON-LD cssSelector", selector)


def _log(words: float) -> float:
    """Words on a scale on which a long article is about 1.7."""
    return math.log1p(float(words)) / 4
