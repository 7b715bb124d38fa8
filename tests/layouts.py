"""Six invented sites whose layouts a model has not seen: the same five stories, each time built in another way.

``python tests/layouts.py`` writes the ones that ship (``datasets/layouts/NAME/``); a test holds that they are the same.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1] / "datasets" / "layouts"
SHIPPED = ("ferry-post",)


class Story(NamedTuple):
    slug: str
    title: str
    byline: str
    date: str
    paragraphs: tuple[str, ...]


STORIES = (
    Story(
        "slipway-reopens",
        "Old slipway reopens after nine years under tarpaulin",
        "By Oona Marsh",
        "3 March 2026",
        (
            "The slipway below the customs house took its first boat in nine years on Saturday, a clinker dinghy named Patience that had been built in a school gymnasium.",
            "Repairs had stopped twice. The first contractor found a culvert that no map showed, and the second went out of business in the week in which the culvert was filled.",
            "“We kept the tarpaulin on so that nobody would get used to the hole,” said Iver Lund, who chairs the harbour trust and paid for the winch out of his own pocket.",
            "The trust charges four pounds a launch and nothing for boats that were built within the parish. It expects some three hundred launches in the first summer.",
            "A handrail is still missing on the eastern side. Until it is there, the gate will be locked at dusk and the key kept by the chandler.",
        ),
    ),
    Story(
        "lamp-oil",
        "Why the lighthouse museum has begun to burn oil again",
        "By Peer Aldous",
        "11 March 2026",
        (
            "On the second Friday of each month the electric lamp in the lighthouse museum is switched off, and a volunteer carries a can of rapeseed oil up ninety-one steps.",
            "The custom is new. It began when a school class asked how bright the old light had been, and the curator found that she could not answer.",
            "With the four wicks trimmed the lamp gives about as much light as a modern bicycle lantern. The lens does the rest: from the mole it still hurts to look at it.",
            "Oil soots, however, and the glass has to be cleaned before the morning. The museum has a waiting list of people who would like to do that.",
        ),
    ),
    Story(
        "bus-forty",
        "Route forty loses its last conductor",
        "By Oona Marsh",
        "19 March 2026",
        (
            "When the number forty pulled out of the depot on Monday nobody came down the aisle to sell tickets, for the first time since the line was opened in 1931.",
            "Conductors had been kept on the route because it crosses three fare zones in eleven minutes, which the machines of the time could not work out.",
            "The new machines can. They were tested for a year on an empty bus that drove behind the full one, and made two mistakes, both on the same bridge.",
            "Hedda Quill, who held the post for twenty-six years, will train drivers for the district. She has kept her punch, which is registered as hers.",
            "Passengers are asked to have cards ready, and to forgive the machine when it says thank you before they have paid.",
            "On the last run she sold forty-four tickets, among them one to herself, which she then checked.",
            "The district has been asked to hang the old fare table in the waiting room. It will not say where else it could go.",
        ),
    ),
    Story(
        "salt-pans",
        "Salt from the drowned pans sells out within an hour",
        "By Tam Birch",
        "27 March 2026",
        (
            "The first salt to be raked from the pans at Low Farrow since the flood went on sale at eight o'clock and was gone before nine.",
            "There were two hundred bags. Each held what one pan gives in a day of sun, and each had the number of its pan written on it in pencil.",
            "The pans were thought to be lost after the sea wall broke. A survey two years ago found clay floors under the silt, as level as the day they were laid.",
            "Students from the college dug out six of forty. The county has promised money for the others if the six are still dry in November.",
            "Buyers said the salt tasted of salt. One man from the city asked whether it could be had without the pencil.",
        ),
    ),
    Story(
        "choir-tide",
        "A choir that rehearses by the tide table",
        "By Peer Aldous",
        "4 April 2026",
        (
            "The singers of Outer Holm cannot say on which day of the week they meet, for the only road to their hall lies under water twice a day.",
            "Rehearsals begin when the second marker post is dry and end when it is not. In spring that may be two in the afternoon; in autumn it has been four in the morning.",
            "The choirmaster, who plays the organ in three mainland churches, keeps a calendar in which no two weeks are alike and has never missed an evening.",
            "New members are given a score, a torch and a copy of the tables. Those who cannot read music are welcome. Those who cannot read the tables are not.",
            "On Sunday the choir will sing in the cathedral for the first time. It has asked for the doors to be left open, so that somebody can watch the sky.",
        ),
    ),
)

MENU = ("Front", "Harbour", "Council", "Sport", "Notices", "Boats for sale")
CLUB = "Friends of the paper meet in the reading room every Thursday, where coffee is free and the presses can be watched from the gallery until ten o'clock."
PROMISE = "This paper is printed on the island, by people who live on the island, and has been delivered by bicycle, boat and on foot every week since it was founded."
OFFER = "Read on with a season ticket: four pounds a month, and the first month is on us."
LOGIN = "Already a reader? Log in"
SPONSOR = "Advertisement"
BUY = "Hollin & Daughters: oilskins that outlast their owners, now with free postage to every island."
FOOT = "All rights reserved. Set in Farrow Old Style."


@dataclass
class Builder:
    """HTML and its segments, written together so that they cannot differ."""

    html: list[str] = field(default_factory=list)
    segments: list[tuple[str, str]] = field(default_factory=list)
    main: list[int] = field(default_factory=list)

    def raw(self, html: str) -> None:
        self.html.append(html)

    def put(self, label: str, text: str, opening: str, closing: str, main: bool = False) -> None:
        if main:
            self.main.append(len(self.segments))
        self.segments.append((text, label))
        self.html.append(f"{opening}{escape(text, quote=False)}{closing}")

    def links(self, opening: str, closing: str) -> None:
        for name in MENU:
            self.put("navigation", name, f'{opening}<a href="/{name.lower().replace(" ", "-")}">', f"</a>{closing}")


def teasers(number: int) -> Iterator[Story]:
    """Other stories, whose first sentences stand below a story as prose."""
    yield from (STORIES[(number + step) % len(STORIES)] for step in (2, 3))


def _soup(page: Builder, number: int, story: Story) -> None:
    """No class, no id, no element that means anything."""
    page.raw("<div><div><div>")
    page.links("<div>", "</div>")
    page.raw("</div></div><div><div>")
    page.put("navigation", PROMISE, "<div><div>", "</div></div>")
    page.put("content", story.title, "<div>", "</div>", main=True)
    page.put("content", f"{story.byline}, {story.date}", "<div>", "</div>")
    for text in story.paragraphs:
        page.put("content", text, "<div>", "</div>", main=True)
    page.raw("</div><div>")
    for other in teasers(number):
        page.put("navigation", other.title, "<div><div>", "</div>")
        page.put("navigation", other.paragraphs[0], "<div>", "</div></div>")
    page.put("navigation", CLUB, "<div>", "</div>")
    page.raw("</div></div><div>")
    page.put("navigation", FOOT, "<div>", "</div>")
    page.raw("</div></div>")


def _hashed(page: Builder, number: int, story: Story) -> None:
    """Class names that a build tool made."""
    page.raw('<div id="root"><div class="css-1q9wzk0"><div class="css-a8x1me">')
    page.links('<div class="css-k2p0vd">', "</div>")
    page.raw('</div><div class="css-77ruto">')
    page.put("content", story.title, '<div class="css-zq41nb">', "</div>", main=True)
    page.put("content", f"{story.byline}, {story.date}", '<div class="css-p0o9ix">', "</div>")
    for place, text in enumerate(story.paragraphs):
        page.put("content", text, '<div class="css-m3n8yl">', "</div>", main=True)
        if place == 1:
            page.put("ad", SPONSOR, '<div class="css-h5t6gr"><div class="css-1u2xqe">', "</div>")
            page.put("ad", BUY, '<div class="css-m3n8yq">', "</div></div>")
    page.raw('</div><div class="css-6ybw2c">')
    for other in teasers(number):
        page.put("navigation", other.paragraphs[1], '<div class="css-m3n8yk">', "</div>")
    page.put("navigation", CLUB, '<div class="css-m3n8yp">', "</div>")
    page.put("navigation", FOOT, '<div class="css-1fo0te">', "</div>")
    page.raw("</div></div></div>")


def _tables(page: Builder, number: int, story: Story) -> None:
    """A page of 1999: tables in tables, paragraphs apart by line breaks."""
    page.raw('<table width="760" border="0"><tr><td width="140" valign="top"><table>')
    page.links('<tr><td><font size="1">', "</font></td></tr>")
    page.raw('</table></td><td valign="top">')
    page.put("content", story.title, '<font size="5"><b>', "</b></font><br><br>", main=True)
    page.put("content", f"{story.byline}, {story.date}", '<font size="1"><i>', "</i></font><br><br>")
    for text in story.paragraphs:
        page.put("content", text, "", "<br><br>", main=True)
    page.raw('</td><td width="160" valign="top">')
    page.put("navigation", CLUB, '<font size="1">', "</font><br><br>")
    for other in teasers(number):
        page.put("navigation", other.paragraphs[0], '<font size="1">', "</font><br><br>")
    page.raw('</td></tr></table><table width="760"><tr><td>')
    page.put("navigation", PROMISE, '<font size="1">', "</font>")
    page.raw("</td></tr></table>")


def _custom(page: Builder, number: int, story: Story) -> None:
    """Elements that HTML does not know; the text stands in divs inside of them."""
    page.raw("<fp-app><fp-rail>")
    page.links("<fp-item><div>", "</div></fp-item>")
    page.raw("</fp-rail><fp-stage><fp-sheet>")
    page.put("content", story.title, "<fp-top><div>", "</div></fp-top>", main=True)
    page.put("content", f"{story.byline}, {story.date}", "<fp-sign><div>", "</div></fp-sign>")
    for text in story.paragraphs:
        page.put("content", text, "<fp-line><div>", "</div></fp-line>", main=True)
    page.raw("</fp-sheet><fp-tail>")
    for other in teasers(number):
        page.put("navigation", other.paragraphs[2], "<fp-line><div>", "</div></fp-line>")
    page.put("navigation", CLUB, "<fp-line><div>", "</div></fp-line>")
    page.raw("</fp-tail></fp-stage></fp-app>")


def _shell(page: Builder, number: int, story: Story) -> None:
    """The text stands in a JSON island, and the page itself is empty but for its frame."""
    page.raw('<div id="app"><div class="bar">')
    page.links('<div class="tab">', "</div>")
    page.raw("</div>")
    page.put("navigation", PROMISE, '<div class="splash">', "</div>")
    page.raw("</div>")
    state = json.dumps({"story": {"title": story.title, "body": story.paragraphs}}, ensure_ascii=False)
    page.raw(f'<script type="application/json" id="state">{state}</script>')


def _gated(page: Builder, number: int, story: Story) -> None:
    """A gate in the middle of a text that is whole, in the same kind of element as the text."""
    page.raw('<main><div class="sheet">')
    page.links("<span>", "</span>")
    page.put("content", story.title, "<h1>", "</h1>", main=True)
    page.put("content", f"{story.byline}, {story.date}", "<p>", "</p>")
    for place, text in enumerate(story.paragraphs):
        page.put("content", text, "<p>", "</p>", main=True)
        if place == 1:
            page.put("paywall", OFFER, '<div class="fold"><p>', "</p>")
            page.put("paywall", LOGIN, "<p>", "</p></div>")
    page.put("navigation", CLUB, '<p class="foot">', "</p>")
    page.put("navigation", PROMISE, '<p class="foot">', "</p>")
    page.raw("</div></main>")


LAYOUTS: dict[str, Callable[[Builder, int, Story], None]] = {
    "ferry-post": _soup,
    "hashed": _hashed,
    "tables": _tables,
    "custom": _custom,
    "shell": _shell,
    "gated": _gated,
}


def files(name: str) -> Iterator[tuple[str, str]]:
    """Name and text of each file of a site: pages and their labels."""
    site = f"{name}.example"
    for number, story in enumerate(STORIES):
        page = Builder()
        LAYOUTS[name](page, number, story)
        if name != "gated":  # adjoining inline links are one run of text
            segments = page.segments
        else:
            segments = [(" ".join(MENU), "navigation"), *page.segments[len(MENU) :]]
            page.main = [place - len(MENU) + 1 for place in page.main]
        body = "\n".join(page.html)
        html = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(story.title)}</title>\n'
            f'<link rel="canonical" href="https://www.{site}/{story.slug}"></head><body>\n{body}\n</body></html>\n'
        )
        yield f"{story.slug}.html", html
        yield f"{story.slug}.json", _labels(name, story, segments, page.main)


def _labels(name: str, story: Story, segments: list[tuple[str, str]], main: list[int]) -> str:
    site = f"{name}.example"
    head = {
        "schema": 1,
        "id": story.slug,
        "source": "layouts",
        "url": f"https://www.{site}/{story.slug}",
        "site": site,
        "language": "en",
        "page_type": "article",
        "access": "metered" if name == "gated" else "open",
        "complete": name != "shell",
        "declared": None,
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join("  " + json.dumps(pair, ensure_ascii=False) for pair in segments)
    return "{\n" + ",\n".join([*lines, f' "segments": [\n{rows}\n ]', f' "main": {json.dumps(main)}']) + "\n}\n"


def write(name: str, folder: Path) -> Path:
    """Write one site's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files(name):
        (folder / file).write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    for each in sys.argv[1:] or SHIPPED:
        write(each, ROOT / each)
