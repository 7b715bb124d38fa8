"""Mistakes as HTML: what should be labelled next, and the worst pages with their wrong blocks in place."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from classifier.labels import LABELS
from training.markup import Cells, plain, table
from training.mistakes import Mistakes, Weakness, weaknesses

MAX_BLOCKS: Final = 40
"""Wrong blocks shown of a page."""
EXCERPT: Final = 220
"""Characters shown of a block."""
LEAST_PAGES: Final = 3
LEAST_SHARE: Final = 0.03
"""Pages and share of the cost from which a kind of page is worth a recommendation."""
MAX_ADVICE: Final = 5
MAX_ROWS: Final = 20


def advice(mistakes: Sequence[Mistakes]) -> str:
    """Which kinds of page cost most, and which of them more than their share."""
    kinds = {
        "page type": weaknesses(mistakes, lambda each: each.page_type),
        "language": weaknesses(mistakes, lambda each: each.language),
        "site": weaknesses(mistakes, lambda each: each.site),
    }
    worth = [(kind, weak) for kind in ("page type", "language") for weak in _worth(kinds[kind])]
    tips = [f"<li>{_tip(kind, weak)}</li>" for kind, weak in worth]
    parts = [
        "<p>A wrong block costs its share of all blocks of its true label, so that gates and ads weigh as "
        "much as menus. A kind of page that costs more than its share of the pages is one to label.</p>",
        f"<ul>{''.join(tips)}</ul>" if tips else "<p>No kind of page costs clearly more than its share.</p>",
    ]
    for kind, weak in kinds.items():
        parts.append(f"<h3>Cost by {kind}</h3>{table(_WEAK, map(_weak_row, weak[:MAX_ROWS]))}")
    return "".join(parts)


_WEAK: Final = (
    "",
    "labelled pages",
    "share of pages",
    "share of cost",
    "cost of a page",
    "commonest mistake",
)


def _worth(weak: Iterable[Weakness]) -> list[Weakness]:
    """Kinds of page that cost clearly more than their share, the worst first."""
    kept = [w for w in weak if w.pages >= LEAST_PAGES and w.cost_share >= LEAST_SHARE and w.excess > 1.2]
    return sorted(kept, key=lambda w: -w.excess)[:MAX_ADVICE]


def _tip(kind: str, weak: Weakness) -> str:
    return (
        f"{kind} <b>{plain(weak.name)}</b>: {weak.page_share:.0%} of the pages, {weak.cost_share:.0%} of the "
        f"cost ({weak.excess:.1f} times a mean page); {_mistake(weak)}"
    )


def _weak_row(weak: Weakness) -> Cells:
    shares = f"{weak.page_share:.1%}", f"{weak.cost_share:.1%}", f"× {weak.excess:.1f}"
    return plain(weak.name), str(weak.pages), *shares, _mistake(weak)


def _mistake(weak: Weakness) -> str:
    return f"{weak.confused[0]} taken for {weak.confused[1]}" if weak.confused else "no mistake"


def page_mistakes(each: Mistakes) -> str:
    """A page with its wrong blocks in place."""
    source, id = each.reading.key
    about = " · ".join((f"{source} {id}", each.site, each.page_type, each.language))
    confused = ", ".join(f"{n} {true} as {given}" for (true, given), n in each.confused.most_common(4))
    shown = each.wrong[:MAX_BLOCKS].tolist()
    more = len(each.wrong) - len(shown)
    rest = f'<p class="faint">{more} more wrong blocks are not shown.</p>' if more else ""
    address = f'<p class="faint">{plain(each.url)}</p>' if each.url else ""
    header = ("block", "text", "true", "found", *LABELS)
    return (
        f"<details><summary><b>{plain(about)}</b>: {len(each.wrong)} of {each.known} blocks wrong "
        f"({confused})</summary>{address}{table(header, _block_rows(each, shown))}{rest}</details>"
    )


def _block_rows(each: Mistakes, shown: Sequence[int]) -> Iterator[Cells]:
    """The wrong blocks, each after the block that stands before it."""
    wrong, last = set(each.wrong.tolist()), -1
    for block in shown:
        if block - 1 > last and block - 1 not in wrong:
            yield _block_row(each, block - 1)
        yield _block_row(each, block)
        last = block


def _block_row(each: Mistakes, block: int) -> Cells:
    reading = each.reading
    true, given = int(reading.sample.labels[block]), int(reading.decision.labels[block])
    right = true in (given, -1)
    kind = "text faint" if right else "text"
    text = reading.sample.page.texts[block]
    cut = text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
    hidden = ' <span class="faint">(hidden)</span>' if reading.sample.page.hidden[block] else ""
    return (
        str(block),
        f'<td class="{kind}"><bdi>{plain(cut)}</bdi>{hidden}</td>',
        LABELS[true] if true >= 0 else "–",
        LABELS[given] if right else f'<span class="missed">{LABELS[given]}</span>',
        *(f"{share:.2f}" for share in reading.labels[block].tolist()),
    )
