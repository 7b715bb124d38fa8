"""Readings of a crawl into the sites whose layout has changed, since when, and which of their pages to label first.

A *state* holds, by site and period (a day, or so many pages where records bear no date), the sums and squares of a few
shares of each page: how much of its text has which label, how sure the model was, how long the main text is, and a
fingerprint of its template: how much of its text lies on which path of tags, hashed into a few cells. All are whole
numbers, and what is dropped is dropped by a fixed order. So states of several workers can be merged in any order and
grouping with the same result, and a state's size is bounded whatever it has seen.

A site has changed if, at some period, the mean of one of these shares moved by more than pages vary. No word of any
page is kept.

Measured on generated streams (``tests/streams.py``; articles and lists of links mixed, five pages a day): no false
alarm on 1,000 sites of 60 pages; a change of templates found, on its very day, on 100 of 100 sites after 30 pages
before and after, on 97 of 100 after 12 (3 more were a day off), never from fewer than ten.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log2, sqrt
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from classifier.labels import LABELS

FORMAT: Final = 1
"""Raise when a state's content changes its meaning."""

SCALE: Final = 1000
"""Shares are kept in whole thousandths: sums of whole numbers do not depend on their order."""
CELLS: Final = 32
"""Cells of the fingerprint."""
SCALARS: Final = (*LABELS, "main", "confidence", "length")
"""Shares of the text by label and of the main text, the mean certainty, and the length of the main text on a log
scale on which 1 is 65,536 characters."""
WIDTH: Final = len(SCALARS) + CELLS

MAX_SITES: Final = 10_000
"""Sites kept: those of the smallest hash, so that all workers keep the same."""
MAX_PERIODS: Final = 24
"""Periods kept of a site, the latest; what is older is forgotten."""
MAX_DOUBTFUL: Final = 3
"""Pages remembered of a period, the least certain."""
PAGES_A_PERIOD: Final = 20
"""Pages that make a period where records bear no date."""
MAX_NAME: Final = 500
"""Characters kept of an id or an address."""

LEAST_PAGES: Final = 10
"""Pages needed on either side of a change."""
LEAST_MOVE: Final = 0.08
"""A mean that moved by less is no change of layout, however sure."""
SURE: Final = 6.5
"""Standard errors by which a mean must have moved: some 900 means and periods are tried a site."""
SPREAD_FLOOR: Final = 0.03
"""Standard deviation that is assumed at least: ten pages that are all alike prove little about the next."""

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_KEY: Final = re.compile(r"\d{4}-\d\d-\d\d|#\d{9,}")
_POSITION: Final = re.compile(r"\[\d+\]")


class StateError(ValueError):
    """A state file that cannot be used, or a record that cannot be counted; one sentence says why."""


@dataclass(frozen=True, slots=True, order=True)
class Doubtful:
    """A page worth labelling; the less certain comes first."""

    confidence: int
    """Thousandths"""
    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Period:
    """What the pages of one site and period add up to."""

    pages: int = 0
    sums: tuple[int, ...] = (0,) * WIDTH
    squares: tuple[int, ...] = (0,) * WIDTH
    doubtful: tuple[Doubtful, ...] = ()

    def __add__(self, other: "Period") -> "Period":
        return Period(
            self.pages + other.pages,
            tuple(map(int.__add__, self.sums, other.sums)),
            tuple(map(int.__add__, self.squares, other.squares)),
            tuple(sorted({*self.doubtful, *other.doubtful})[:MAX_DOUBTFUL]),
        )


Periods = Mapping[str, Period]


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the sites of a crawl."""

    sites: Mapping[str, Periods] = field(default_factory=dict)
    undated: Mapping[str, int] = field(default_factory=dict)
    """Pages without a date, by site: where the next one is counted."""

    def merged(self, other: "State") -> "State":
        """Both states in one. The order and the grouping of merges make no difference.

        Undated pages are counted as if the workers had read them side by side.
        """
        sites = {
            name: _merged_periods(self.sites.get(name, {}), other.sites.get(name, {}))
            for name in _kept({*self.sites, *other.sites})
        }
        undated = {
            name: max(self.undated.get(name, 0), other.undated.get(name, 0))
            for name in {*self.undated, *other.undated} & {*sites}
        }
        return State(sites, undated)


@dataclass(frozen=True, slots=True)
class Change:
    """A site whose layout changed."""

    site: str
    since: str
    """The first period after the change: a date, or ``#n`` for the n-th page."""
    signs: tuple[tuple[str, float, float], ...]
    """What moved: its name, its mean before and after; the surest first."""
    strength: float
    """Standard errors of the surest."""
    pages: int
    """Pages read since."""
    annotate: tuple[Doubtful, ...]
    """Pages since the change, the least certain first."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        signs = [{"what": name, "before": round(a, 3), "after": round(b, 3)} for name, a, b in self.signs]
        pages = [{"id": page.id, "url": page.url, "confidence": page.confidence / SCALE} for page in self.annotate]
        return {
            "site": self.site,
            "since": self.since,
            "strength": round(self.strength, 1),
            "pages": self.pages,
            "signs": signs,
            "annotate": pages,
        }


# -- records in -------------------------------------------------------------------------------------------------


def watch(
    records: Iterable[Any], state: State | None = None, refused: Callable[[StateError], None] | None = None
) -> State:
    """Count records as ``pagesieve label`` writes them (``Reading.to_dict()``, and ``id`` and ``date`` if known).

    Records without an address or without text are passed over. What is no record goes to ``refused``.

    :raises StateError: for what is no record, without ``refused``.
    """
    before = state or State()
    sites = {name: dict(periods) for name, periods in before.sites.items()}
    undated = dict(before.undated)
    for record in records:
        try:
            site, page = site_of(record), _period_of(record)
        except StateError as error:
            if refused is None:
                raise
            refused(error)
            continue
        if not site or page is None:
            continue
        key = _date_of(record)
        if key is None:
            key = f"#{undated.get(site, 0) // PAGES_A_PERIOD * PAGES_A_PERIOD + 1:09}"
            undated[site] = undated.get(site, 0) + 1
        periods = sites.setdefault(site, {})
        periods[key] = periods[key] + page if key in periods else page
        if len(periods) > MAX_PERIODS:
            del periods[min(periods)]
        if len(sites) > 2 * MAX_SITES:
            sites = {name: sites[name] for name in _kept(sites)}
    return State(sites, undated).merged(State())


def site_of(record: Mapping[str, Any]) -> str:
    """The host of a record's address, without ``www.``; empty where there is none.

    >>> site_of({"url": "https://www.example.com/a"})
    'example.com'
    """
    try:
        url = record.get("url") or (record.get("metadata") or {}).get("canonical_url")
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except AttributeError:
        raise StateError("no record of a page as pagesieve label writes it (no JSON object)") from None
    except ValueError:
        return ""
    return (host or "").removeprefix("www.")[:MAX_NAME]


def _date_of(record: Mapping[str, Any]) -> str | None:
    found = _DATE.match(str(record.get("date") or ""))
    return found[0] if found else None


def _period_of(record: Mapping[str, Any]) -> Period | None:
    """One page as a period of its own; None for a page without text."""
    try:
        shares = _shares(record["blocks"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(
            f"no record of a page as pagesieve label writes it ({type(error).__name__}: {error})"
        ) from error
    if shares is None:
        return None
    sums = tuple(min(max(round(share * SCALE), 0), SCALE) for share in shares)
    named = [str(record.get(key) or "")[:MAX_NAME] for key in ("id", "url")]
    doubtful = Doubtful(sums[SCALARS.index("confidence")], *named)
    return Period(1, sums, tuple(value * value for value in sums), (doubtful,))


def _shares(blocks: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """(WIDTH) shares of a page."""
    values = dict.fromkeys(SCALARS, 0.0)
    cells = [0.0] * CELLS
    total = float(sum(len(block["text"]) for block in blocks))
    if not total:
        return None
    for block in blocks:
        part = len(block["text"]) / total
        values[block["label"]] += part
        values["main"] += part * bool(block["main"])
        values["confidence"] += part * float(block["probabilities"][block["label"]])
        cells[_cell(block["xpath"])] += part
    values["length"] = log2(1 + values["main"] * total) / 16
    if len(values) != len(SCALARS):
        raise ValueError(f"a label is none of {', '.join(LABELS)}")
    return [*values.values(), *cells]


def _cell(xpath: str) -> int:
    """The cell of a path of tags, positions left out."""
    path = _POSITION.sub("", xpath)
    return blake2b(path.encode("utf-8", "replace"), digest_size=2).digest()[0] % CELLS


# -- bounds -----------------------------------------------------------------------------------------------------


def _kept(names: Iterable[str]) -> list[str]:
    """The names that a state has room for. What the union keeps, every part of it has kept."""
    ordered = sorted(names, key=lambda name: blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
    return sorted(ordered[:MAX_SITES])


def _merged_periods(a: Periods, b: Periods) -> Periods:
    keys = sorted({*a, *b})[-MAX_PERIODS:]
    return {key: a[key] + b[key] if key in a and key in b else a.get(key) or b[key] for key in keys}


# -- changes out ------------------------------------------------------------------------------------------------


def changes(state: State) -> list[Change]:
    """The sites that changed, the surest first."""
    found = (change for name, periods in state.sites.items() if (change := _change_of(name, periods)) is not None)
    return sorted(found, key=lambda change: (-change.strength, change.site))


def _change_of(site: str, periods: Periods) -> Change | None:
    """The split of a site's periods at which a mean moved most surely, if one did."""
    keys = sorted(periods)
    before = [Period()]
    for key in keys:
        before.append(before[-1] + periods[key])
    best: tuple[float, int] = (0.0, 0)
    for split in range(1, len(keys)):
        strength = max(_moves(before[split], _rest(before[-1], before[split])), default=(0.0, 0))[0]
        best = max(best, (strength, -split))  # of equals the earliest
    if best[0] < SURE:
        return None
    split = -best[1]
    early, late = before[split], _rest(before[-1], before[split])
    moved = sorted(_moves(early, late), reverse=True)
    signs = tuple(_sign(early, late, place) for strength, place in moved[:5] if strength >= SURE)
    pages = sorted({page for key in keys[split:] for page in periods[key].doubtful})
    return Change(site, _readable(keys[split]), signs, best[0], late.pages, tuple(pages[: 2 * MAX_DOUBTFUL]))


def _rest(whole: Period, part: Period) -> Period:
    sums = tuple(map(int.__sub__, whole.sums, part.sums))
    return Period(whole.pages - part.pages, sums, tuple(map(int.__sub__, whole.squares, part.squares)))


def _moves(early: Period, late: Period) -> Iterator[tuple[float, int]]:
    """Standard errors by which each mean moved, and its place; only of those that moved far enough to matter."""
    if min(early.pages, late.pages) < LEAST_PAGES:
        return
    for place in range(WIDTH):
        move = abs(early.sums[place] / early.pages - late.sums[place] / late.pages) / SCALE
        if move >= LEAST_MOVE:
            yield move / sqrt(_error(early, place) + _error(late, place)), place


def _error(period: Period, place: int) -> float:
    """Squared standard error of a mean."""
    mean = period.sums[place] / period.pages
    spread = (period.squares[place] / period.pages - mean * mean) / SCALE**2
    return max(spread, SPREAD_FLOOR**2) / (period.pages - 1)


def _sign(early: Period, late: Period, place: int) -> tuple[str, float, float]:
    name = SCALARS[place] if place < len(SCALARS) else f"template {place - len(SCALARS)}"
    return name, early.sums[place] / early.pages / SCALE, late.sums[place] / late.pages / SCALE


def _readable(key: str) -> str:
    return f"#{int(key[1:])}" if key.startswith("#") else key


# -- the file ---------------------------------------------------------------------------------------------------


def save_state(state: State, path: str | PathLike[str]) -> None:
    """Write a state as JSON; the file appears whole or not at all.

    :raises StateError: if it cannot be written.
    """
    sites = {
        name: {
            key: [p.pages, p.sums, p.squares, [[d.confidence, d.id, d.url] for d in p.doubtful]]
            for key, p in sorted(periods.items())
        }
        for name, periods in sorted(state.sites.items())
    }
    content = {"format": FORMAT, "sites": sites, "undated": dict(sorted(state.undated.items()))}
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="replace")
        partial.replace(target)
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror or error}).") from error


def load_state(path: str | PathLike[str]) -> State:
    """Read a state.

    :raises StateError: if the file is none, or was written by another version.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise StateError(f"{path}: a state of format {content['format']}, and this version reads {FORMAT}.")
        sites = {str(n): {_key(k): _period(row) for k, row in rows.items()} for n, rows in content["sites"].items()}
        undated = {str(name): _whole(count) for name, count in content["undated"].items()}
    except StateError:
        raise
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"{path}: no state of pagesieve watch ({type(error).__name__}: {error}).") from error
    return State(sites, undated).merged(State())


def _period(row: Sequence[Any]) -> Period:
    pages, sums, squares, doubtful = row
    if len(sums) != WIDTH or len(squares) != WIDTH or _whole(pages) < 1:
        raise ValueError("a period of another shape")
    pages_to_label = [Doubtful(_whole(confidence), str(id), str(url)) for confidence, id, url in doubtful]
    return Period(pages, tuple(map(_whole, sums)), tuple(map(_whole, squares)), tuple(sorted(pages_to_label)))


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r:.40} is no date and no number of a page")
    return key


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.40} is no count")
    return value
