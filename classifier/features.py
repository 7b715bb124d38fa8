"""A page into its feature matrix: groups of named columns, vectorised over the blocks. Nothing is fitted here.

Each group is a function from :class:`Layout` to a :class:`Columns`; ``GROUPS`` is the whole table. To add a feature,
add a column to a group and to its compiled twin (:func:`twinned`); the names travel with the model, which refuses
features that it was not trained on.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import layout, lexicon
from classifier.blocks import cut
from classifier.chars import CHAR_CLASSES, CJK, COMMA, DIGIT, STOP, UPPER
from classifier.columns import Columns, columns, grid, grid_names, join
from classifier.layout import TAG_NUMBERS, Floats, Layout, Longs, running_sums, tag_numbers
from classifier.links import SHAPES, own_shape
from classifier.phrasebook import PHRASE_KINDS, book, phrase_hits, word_ids
from classifier.words import WordTable, split_words

VERSION: Final = 3
"""Raise on any change of meaning: a model only runs on the version that it was trained on."""


Group = Callable[[Layout], Columns]


def twinned(*constants: object) -> Callable[[Group], Group]:
    """The group, by the function of the same name in measure.pyx where that is compiled; it is told the constants."""

    def with_twin(group: Group) -> Group:
        names = cache(lambda: group(Layout(cut("<p>a"))).names)

        @wraps(group)
        def either(x: Layout) -> Columns:
            if layout.measure is None:
                return group(x)
            return Columns(names(), getattr(layout.measure, group.__name__)(x, *constants))

        return either

    return with_twin


def _log(counts: npt.NDArray[np.generic]) -> Floats:
    """Logarithms of counts, and 0 for 0."""
    return np.log1p(counts.astype(np.float32))


# -- own text ---------------------------------------------------------------------------------------------------


@twinned()
def own_text(x: Layout) -> Columns:
    """What the block's text is like, whatever its place."""
    chars = np.maximum(x.chars, 1)
    words = np.maximum(x.size, 1)
    counts = x.char_counts
    shares = {f"share_{name}": counts[:, i] / chars for i, name in enumerate(CHAR_CLASSES)}
    told, ending = x.told, x.told.ending
    repeated, earlier = x.repeats
    return columns(
        {
            "log_chars": np.log1p(x.chars),
            "log_words": np.log1p(x.size),
            "word_length": np.minimum(chars / words, 20),
            **shares,
            "stops_per_word": np.minimum(counts[:, STOP] / words, 2),
            "commas_per_word": np.minimum(counts[:, COMMA] / words, 2),
            "capitals_per_word": np.minimum(counts[:, UPPER] / words, 3),
            "numbers_per_word": np.minimum(counts[:, DIGIT] / words, 4),
            "ends_with_stop": told.last == STOP,
            "ends_with_comma": told.last == COMMA,
            "starts_upper": told.first == UPPER,
            "starts_digit": told.first == DIGIT,
            "ends_with_ellipsis": told.dotted | (ending == ord("…")),
            "ends_with_colon": (ending == ord(":")) | (ending == ord("：")),
            "question": (ending == ord("?")) | (ending == ord("？")),
            "glued": told.glued / words,
            "address": told.addresses > 0,
            "lines": _log(told.breaks),
            "link_density": x.link_density,
            "all_link": x.link_density > 0.95,
            "log_links": _log(x.page.link_counts),
            "links_per_word": np.minimum(x.page.link_counts / words, 2),
            "sentence": x.sentences,
            "hidden": x.page.hidden,
            "log_repeats": np.log1p(repeated),
            "repeats_earlier": earlier > 0,
        }
    )


# -- phrases ----------------------------------------------------------------------------------------------------


def phrases(x: Layout) -> Columns:
    """Phrases of gates, ads, consent, navigation and the like; templates that were never filled."""
    ids = word_ids(x)
    hits = phrase_hits(x, ids)
    stop_words = x.word_sums(book().stop[ids][:, None])[:, 0] / np.maximum(x.word_counts, 1)
    around, unfilled = x.ancestor(2), _unfilled(x)
    if layout.measure is not None:
        near = x.page.first[around], x.page.last[around]
        said = layout.measure.phrases(hits, x.size, *near, unfilled, stop_words.astype(np.float32))
        return Columns(_PHRASE_NAMES, said)
    parts = (
        np.minimum(hits, 3),
        hits / np.maximum(x.size, 3)[:, None],
        np.log1p(x.sums(hits, around) - hits),
        unfilled[:, None],
        stop_words[:, None],
    )
    return Columns(_PHRASE_NAMES, np.concatenate(parts, axis=1, dtype=np.float32))


_PHRASE_NAMES: Final = (
    *(f"says_{kind}{part}" for part in ("", "_dense", "_near") for kind in PHRASE_KINDS),
    "placeholder",
    "stop_words",
)


def _unfilled(x: Layout) -> npt.NDArray[np.bool_]:
    """(m) does the block hold a placeholder that was never filled? Looked for only where one may begin."""
    match = lexicon.placeholder_pattern().match
    unfilled = np.zeros(len(x.page), np.bool_)
    for block, place in x.told.openers.tolist():
        if match(x.page.texts[block], place):
            unfilled[block] = True
    return unfilled


# -- titles -----------------------------------------------------------------------------------------------------


def declared_texts(x: Layout) -> Columns:
    """Overlap of the block's words with the page's title and description."""
    meta = dict(reversed(x.page.facts.meta))
    titles = x.page.facts.title + " " + meta.get("og:title", "")
    descriptions = meta.get("description", "") + " " + meta.get("og:description", "")
    title, description = (frozenset(words) for words in split_words([titles, descriptions]))
    where = x.told_apart({word: (word in title) + 2 * (word in description) for word in title | description})
    if layout.measure is not None:
        lengths = len(title), len(description)
        return Columns(_DECLARED_NAMES, layout.measure.declared_texts(where, x.word_places, x.word_counts, *lengths))
    words = np.maximum(x.word_counts, 1)
    in_title, in_description = x.word_sums(np.stack((where & 1, where >> 1), axis=1)).T
    parts = (
        in_title / words,
        np.minimum(in_title / max(len(title), 1), 1),
        in_description / words,
        np.minimum(in_description / max(len(description), 1), 1),
    )
    return columns(dict(zip(_DECLARED_NAMES, parts, strict=True)))


_DECLARED_NAMES: Final = ("title_share", "title_cover", "description_share", "description_cover")


# -- tags and names ---------------------------------------------------------------------------------------------

BOX_TAGS: Final = (
    "p div span li h1 h2 h3 h4 h5 h6 td th dt dd pre button option label caption figcaption blockquote title"
    " summary legend section article body center form textarea address"
).split()
LEAF_TAGS: Final = "a span strong b em i button label time font small code cite svg u input abbr".split()
ROLE_TAGS: Final = (
    "nav header footer aside main article section form ul ol table li dialog figure blockquote a button select p h1"
    " h2 h3 h4 details svg label dl tr pre iframe menu fieldset"
).split()

NAME_SECTIONS: Final = tuple(lexicon.load_sections("classnames"))
_LOOK_NAMES: Final = (*(f"role_{tag}" for tag in ROLE_TAGS), *(f"class_{name}" for name in NAME_SECTIONS))


@dataclass(frozen=True, eq=False)
class _LookBits:
    """Bits of each role tag, class name and pair of names."""

    table: WordTable
    bits: Longs
    """By number in the table."""
    leads: npt.NDArray[np.bool_]
    """By number in the table: does a pair begin so?"""
    pairs: Longs
    """Two words as :func:`_paired` gives them, ascending; the last stands for all that lies behind."""
    pair_bits: Longs


@cache
def _look_bits() -> _LookBits:
    bits = {f"<{tag}>": 1 << i for i, tag in enumerate(ROLE_TAGS)}
    for number, section in enumerate(NAME_SECTIONS):
        for name in lexicon.load_sections("classnames")[section]:
            bits[name] = bits.get(name, 0) | (1 << (number + len(ROLE_TAGS)))
    pairs = {name: bit for name, bit in bits.items() if " " in name}
    leads = {name.split()[0] for name in pairs}
    words = dict.fromkeys(word for name in bits for word in name.split())
    numbers = {word: number for number, word in enumerate(words, 1)}
    of_pairs = sorted((_paired(*map(numbers.__getitem__, name.split())), bit) for name, bit in pairs.items())
    return _LookBits(
        WordTable(numbers),
        np.array([0, *(bits.get(word, 0) for word in words)], np.int64),
        np.array([False, *(word in leads for word in words)]),
        np.array([*(pair for pair, _ in of_pairs), -1], np.int64),
        np.array([bit for _, bit in of_pairs], np.int64),
    )


def _paired(first: Any, second: Any) -> Any:
    """One number for the numbers of two words."""
    return first * 65_536 + second


def look_bits(x: Layout) -> Longs:
    """(n) a bit for each role tag, then for each section of class vocabulary that the element's names hit."""
    known = _look_bits()
    numbers = x.looks_numbered(known.table)
    if layout.measure is not None:
        tables = known.bits, known.leads, known.pairs, known.pair_bits
        return np.asarray(layout.measure.look_bits(numbers, x.look_counts, *tables)).take(x.looks)
    bits = np.bitwise_or.reduceat(known.bits[numbers], x.look_starts)
    leads = np.flatnonzero(known.leads[numbers[:-1]])
    pairs = _paired(numbers[leads], numbers[leads + 1])
    places = known.pairs[:-1].searchsorted(pairs)
    met = np.flatnonzero(known.pairs[places] == pairs)
    looks = x.look_starts.searchsorted((leads[met], leads[met] + 1), "right") - 1
    for bit, look, next_look in zip(known.pair_bits[places[met]].tolist(), *looks.tolist(), strict=True):
        if look == next_look:
            bits[look] |= bit
    return bits[x.looks]


def tags_and_names(x: Layout) -> Columns:
    """Tags of the block's elements; roles and class vocabulary of its own, and of all elements around it."""
    bits = look_bits(x)
    bits[0] = 0
    boxes = tag_numbers(x.page, x.page.elements, _BOX_INDEX)
    leaves = tag_numbers(x.page, x.page.leaves, _LEAF_INDEX)
    if layout.measure is not None:
        counts = len(_LOOK_NAMES), len(BOX_TAGS), len(LEAF_TAGS)
        around = bits, x.page.elements, x.page.leaves, x.chains.T
        return Columns(_TAG_NAMES, *layout.measure.tags_and_names(*around, boxes, leaves, *counts))
    own = bits[x.page.leaves] | bits[x.page.elements]
    far = np.bitwise_or.reduce(bits[x.chains], axis=1) | own
    keys = [*zip(*(part.tolist() for part in (own, far, boxes, leaves)), strict=True)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    held = np.array([*numbers], np.int64)
    bytes_of_bits = held[:, :2].astype("<i8").view(np.uint8).reshape(len(held), 2, 8)
    flags = np.unpackbits(bytes_of_bits, axis=2, count=len(_LOOK_NAMES), bitorder="little").reshape(len(held), -1)
    tags = (held[:, number, None] == np.arange(len(names)) for number, names in ((2, BOX_TAGS), (3, LEAF_TAGS)))
    rows = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))
    return Columns(_TAG_NAMES, np.concatenate((flags, *tags), axis=1, dtype=np.float32), rows)


_BOX_INDEX: Final = {tag: i for i, tag in enumerate(BOX_TAGS)}
_LEAF_INDEX: Final = {tag: i for i, tag in enumerate(LEAF_TAGS)}
_TAG_NAMES: Final = (
    *grid_names("", ("own", "far"), _LOOK_NAMES),
    *grid_names("box", ("",), tuple(BOX_TAGS)),
    *grid_names("leaf", ("",), tuple(LEAF_TAGS)),
)


# -- position ---------------------------------------------------------------------------------------------------


@twinned(TAG_NUMBERS["h1"])
def position(x: Layout) -> Columns:
    """Where the block stands: in document order, below headings, between the running text."""
    m = len(x.page)
    order = np.arange(m)
    running = np.where(x.sentences, x.size, 0)
    before, all_running = _sums_before(running)
    total = max(all_running, 1.0)
    text_before, all_words = _sums_before(x.size)
    above = np.maximum.accumulate(np.where(x.headings, order, -1))
    since = np.where(above >= 0, order - above, m)
    h1 = np.flatnonzero(x.in_box("h1"))
    first_h1 = h1[0] if len(h1) else -1
    inside = np.flatnonzero(x.sentences)
    gap_before = order - _last_before(inside, order)
    gap_after = _first_after(inside, order, m) - order
    return columns(
        {
            "order": order / m,
            "log_order": _log(order),
            "log_to_end": _log(m - order),
            "text_before": text_before / max(all_words, 1),
            "running_before": before / total,
            "log_running_before": _log(before),
            "log_running_after": _log(total - before - running),
            "depth": x.depths,
            "below_heading": _log(since),
            "words_below_heading": _log(text_before - np.where(above >= 0, text_before[above], 0)),
            "has_h1": np.full(m, first_h1 >= 0),
            "after_h1": (order >= first_h1) & (first_h1 >= 0),
            "to_h1": np.sign(order - first_h1) * _log(np.abs(order - first_h1)) * (first_h1 >= 0),
            "gap_before": _log(gap_before),
            "gap_after": _log(gap_after),
        }
    )


def _sums_before(values: Floats) -> tuple[npt.NDArray[np.float64], float]:
    """(m) sums of the values (m) before each, and of all."""
    upto = running_sums(values[:, None])[:, 0]
    return upto[:-1], float(upto[-1])


def _last_before(inside: Longs, order: Longs) -> Longs:
    """Index of the nearest member of ``inside`` at or before each place; -1 where there is none."""
    if not len(inside):
        return np.full(len(order), -1)
    slot = np.searchsorted(inside, order, side="right") - 1
    return np.where(slot >= 0, inside[slot], -1)


def _first_after(inside: Longs, order: Longs, end: int) -> Longs:
    if not len(inside):
        return np.full(len(order), end)
    slot = np.searchsorted(inside, order)
    return np.where(slot < len(inside), inside[np.minimum(slot, len(inside) - 1)], end)


# -- containers -------------------------------------------------------------------------------------------------

LEVELS: Final = (0, 1, 2, 4)

CONTAINER_NAMES: Final = (
    "log_chars link_density log_blocks words_per_block running_share running_part text_part p_share heading_share"
    " marks_per_word link_blocks log_running"
).split()


def _describe(sums: Floats, total: Floats) -> Floats:
    """Sums over containers (r, 10) into ratios (r, 12); ``total`` (10) are those of the page."""
    if layout.measure is not None:
        return np.asarray(layout.measure.describe(sums, total))
    chars, links, words, blocks, running, _, p, heads, marks, linked = np.moveaxis(sums, -1, 0)
    some, spoken = np.maximum(blocks, 1), np.maximum(words, 1)
    ratios = (
        np.log1p(chars),
        links / np.maximum(chars, 1),
        np.log1p(blocks),
        np.log1p(words / some),
        running / spoken,
        running / max(float(total[4]), 1),
        words / max(float(total[2]), 1),
        p / some,
        heads / some,
        marks / spoken,
        linked / some,
        np.log1p(running),
    )
    described = np.empty((*chars.shape, len(ratios)), np.float32)
    for number, ratio in enumerate(ratios):
        described[..., number] = ratio
    return described


@twinned(LEVELS)
def containers(x: Layout) -> Columns:
    """Aggregates over the containers around the block, at several levels."""
    described = _describe(x.sums(x.stats, x.held), x.stats_total)
    return grid("level", LEVELS, CONTAINER_NAMES, described.take(x.levels(LEVELS), axis=0))


MAIN_SHARES: Final = (0.5, 0.75, 0.95)


@twinned(MAIN_SHARES)
def main_container(x: Layout) -> Columns:
    """Place relative to the deepest containers that hold 50, 75 and 95 % of the running text."""
    running = np.where(x.sentences, x.size, 0)[:, None].astype(np.float32)
    if not running.any():
        running = x.size[:, None]
    total = float(running_sums(running)[-1, 0])
    boxes, held = x.held, x.sums(running, x.held)[:, 0]
    chosen = [int(boxes[held >= share * total * 0.9999][-1]) for share in MAIN_SHARES]
    places = {index: _place_beside(x, index) for index in dict.fromkeys(chosen)}
    names = ("inside", "before", "after", "place", "level", "log_blocks", "part")
    return grid("main", MAIN_SHARES, names, np.concatenate([places[index] for index in chosen], axis=1))


def _place_beside(x: Layout, index: int) -> Floats:
    """(m, 7) where the blocks stand relative to one container."""
    m = len(x.page)
    order = np.arange(m)
    first, last = int(x.page.first[index]), int(x.page.last[index])
    inside = (order >= first) & (order < last)
    around = x.chains == index
    place = np.empty((m, 7), np.float32)
    place[:, 0] = inside
    place[:, 1] = _log(np.maximum(first - order, 0))
    place[:, 2] = _log(np.maximum(order - last + 1, 0))
    place[:, 3] = np.where(inside, (order - first) / max(last - first, 1), 0)
    place[:, 4] = np.minimum(np.where(around.any(axis=1), around.argmax(axis=1), 30), 30) / 10
    place[:, 5] = _log(np.array([last - first]))
    place[:, 6] = (last - first) / m
    return place


# -- repetition -------------------------------------------------------------------------------------------------


@twinned()
def repetition(x: Layout) -> Columns:
    """Siblings that look alike at several levels; blocks that share a path of looks."""
    twins = _log(x.twins[x.held]).take(x.levels(range(6)), axis=0)
    sums = x.signature_sums(x.stats).astype(np.float32)
    described = _describe(sums, x.stats_total)[x.signatures]
    spread = columns({"most_twins": twins.max(axis=1), "most_twins_level": twins.argmax(axis=1)})
    return join(
        grid("twins", range(6), ("",), twins),
        grid("signature", ("",), CONTAINER_NAMES, described),
        spread,
    )


# -- neighbours -------------------------------------------------------------------------------------------------

OFFSETS: Final = (-1, 1)
WINDOWS: Final = (3, 8)


@twinned(WINDOWS, TAG_NUMBERS["p"], TAG_NUMBERS["li"])
def neighbours(x: Layout) -> Columns:
    """The blocks next to it, one by one and as windows."""
    m, reach = len(x.page), OFFSETS[-1]
    names = "log_words link_density sentence heading p li stop hidden depth".split()
    padded = np.zeros((m + 2 * reach, len(names)), np.float32)
    own = padded[reach : m + reach]
    for number, column in enumerate(
        (
            np.log1p(x.size),
            x.link_density,
            x.sentences,
            x.headings,
            x.in_box("p"),
            x.in_box("li"),
            x.char_counts[:, STOP] > 0,
            x.page.hidden,
            x.depths / 10,
        )
    ):
        own[:, number] = column
    alone = np.concatenate([padded[reach + offset : m + reach + offset] for offset in OFFSETS], axis=1)
    wide = np.concatenate([window_means(own[:, :3], width) for width in WINDOWS], axis=1)
    kin = np.zeros((m, 4), np.float32)
    for number, above in enumerate((x.ancestor(0), x.ancestor(1))):
        kin[1:, 2 * number] = kin[:-1, 2 * number + 1] = above[1:] == above[:-1]
        kin[0, 2 * number], kin[-1, 2 * number + 1] = above[0] == 0, above[-1] == 0  # beyond the ends is the root
    return join(
        grid("next", OFFSETS, names, alone),
        grid("window", WINDOWS, names[:3], wide),
        grid("same", ("",), ("box-1", "box+1", "parent-1", "parent+1"), kin),
    )


def shifted(values: npt.NDArray[Any], offset: int) -> npt.NDArray[Any]:
    """Row i holds row i + offset of ``values``; zeros beyond the ends."""
    moved = np.zeros_like(values)
    if 0 < offset < len(values):
        moved[:-offset] = values[offset:]
    elif 0 < -offset < len(values):
        moved[-offset:] = values[:offset]
    return moved


def window_means(values: Floats, reach: int) -> Floats:
    """(m, k) means of ``values`` (m, k) over the blocks up to ``reach`` before and behind."""
    m = len(values)
    upto = running_sums(values)
    order = np.arange(m)
    low, high = np.maximum(order - reach, 0), np.minimum(order + (reach + 1), m)
    sums = upto.take(high, axis=0) - upto.take(low, axis=0)
    means: Floats = (sums / (high - low)[:, None]).astype(np.float32)
    return means


# -- links ------------------------------------------------------------------------------------------------------


def link_targets(x: Layout) -> Columns:
    """What the addresses are like that the block links to, and how often else the page links there."""
    links = x.links
    times = np.bincount(links.targets, minlength=len(links.shapes)).astype(np.float32)
    told = np.concatenate([links.shapes, np.log(np.maximum(times, 1))[:, None]], axis=1)
    return grid("link", ("",), (*SHAPES, "times"), links.means(told, len(x.page))[:, None])


# -- page -------------------------------------------------------------------------------------------------------

PAGE_TYPES: Final = {
    "article": (
        "article newsarticle blogposting reportagenewsarticle techarticle opinionnewsarticle analysisnewsarticle"
    ).split(),
    "product": "product offer aggregateoffer productgroup og:product product.item".split(),
    "list": "itemlist collectionpage searchresultspage offercatalog".split(),
    "forum": "discussionforumposting qapage question comment".split(),
    "recipe": ["recipe"],
    "video": "videoobject video.other video".split(),
    "website": ["website"],
    "webpage": ["webpage"],
    "organization": "organization newsmediaorganization localbusiness".split(),
    "faq": ["faqpage"],
}
_JSON_TYPE: Final = re.compile(r'"@type"\s{0,9}:\s{0,9}"([A-Za-z]{1,40})"')


def page_facts(x: Layout) -> Columns:
    """What holds for the page as a whole, on every one of its blocks."""
    facts = x.page.facts
    meta = dict(reversed(facts.meta))
    kinds = {kind.lower() for text in facts.json_ld for kind in _JSON_TYPE.findall(text[:500_000])}
    declared = {meta.get("og:type", "").lower()}
    sums = x.stats_total
    tags = dict.fromkeys(x.page.tags)
    page = {
        **{f"json_{name}": not kinds.isdisjoint(types) for name, types in PAGE_TYPES.items()},
        **{f"og_{name}": not declared.isdisjoint(types) for name, types in PAGE_TYPES.items()},
        "dated": "article:published_time" in meta or "datePublished" in "".join(facts.json_ld)[:100_000],
        **{f"page_has_{tag}": tag in tags for tag in ("article", "main", "h1", "table", "pre", "time", "form", "dl")},
        "canonical_depth": min(_path_depth(facts.links), 8),
        **{f"own_{name}": value for name, value in own_shape(facts).items()},
        **{f"page_{name}": value for name, value in zip(CONTAINER_NAMES, _describe(sums[None], sums)[0], strict=True)},
        "log_elements": np.log1p(len(x.page.tags)),
        "longest": np.log1p(x.size.max()),
        "cjk": float(x.char_counts[:, CJK].sum() / max(float(x.chars.sum()), 1)),
    }
    row = np.array([[float(v) for v in page.values()]], np.float32)
    return Columns(tuple(page), row, np.zeros(len(x.page), np.int64))


def _path_depth(links: Sequence[tuple[str, str]]) -> int:
    """Steps in the path of the canonical address; 0 for a home page or none."""
    for rel, href in links:
        if rel == "canonical":
            return len([step for step in href.split("?")[0].split("/")[3:] if step])
    return 0


GROUPS: Final[Mapping[str, Group]] = {
    "own_text": own_text,
    "phrases": phrases,
    "declared_texts": declared_texts,
    "tags_and_names": tags_and_names,
    "position": position,
    "containers": containers,
    "main_container": main_container,
    "repetition": repetition,
    "neighbours": neighbours,
    "link_targets": link_targets,
    "page_facts": page_facts,
}


def tables(x: Layout) -> Iterator[Columns]:
    """The columns of each group, one by one, so that no more than one need be held. The page must hold a block."""
    return map(measured, GROUPS.values(), repeat(x))


def measured(group: Group, x: Layout) -> Columns:
    """The columns of one group."""
    return group(x)


def featurise(x: Layout) -> Columns:
    """All groups side by side: (m, features). The page must hold at least one block."""
    return join(*tables(x))
