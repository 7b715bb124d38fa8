"""Records of invented pages, as ``pagesieve label`` writes them: sites of two templates and of two kinds of page."""

import random
from collections.abc import Iterator
from typing import Any

TEMPLATES = {
    "old": {
        "navigation": "/html[1]/body[1]/div[1]/ul[1]/li[{}]",
        "content": "/html[1]/body[1]/div[2]/div[1]/p[{}]",
        "ad": "/html[1]/body[1]/div[3]/div[{}]",
        "paywall": "/html[1]/body[1]/div[2]/div[2]/p[{}]",
    },
    "new": {
        "navigation": "/html[1]/body[1]/header[1]/nav[1]/a[{}]",
        "content": "/html[1]/body[1]/main[1]/article[1]/section[1]/div[{}]",
        "ad": "/html[1]/body[1]/main[1]/aside[1]/div[{}]",
        "paywall": "/html[1]/body[1]/main[1]/dialog[1]/p[{}]",
    },
}


def record(rng: random.Random, site: str, number: int, template: str = "old", date: str | None = None) -> dict[str, Any]:
    """A page: an article, or one time in four a list of links."""
    article = rng.random() < 0.75
    counts = {
        "navigation": rng.randint(15, 40) if article else rng.randint(40, 120),
        "content": rng.randint(4, 40) if article else rng.randint(1, 4),
        "ad": rng.randint(0, 4),
        "paywall": rng.choice((0, 0, 0, 2)),
    }
    sizes = {"navigation": (8, 40), "content": (80, 600), "ad": (20, 120), "paywall": (40, 160)}
    blocks = []
    for label, count in counts.items():
        for place in range(1, count + 1):
            sure = min(max(rng.gauss(0.9, 0.08), 0.4), 1.0)
            blocks.append(
                {
                    "text": "x" * rng.randint(*sizes[label]),
                    "label": label,
                    "main": label == "content",
                    "probabilities": {label: sure},
                    "xpath": TEMPLATES[template][label].format(place),
                }
            )
    rng.shuffle(blocks)
    return {"id": f"{site}-{number}", "url": f"https://www.{site}/{number}", "date": date, "blocks": blocks}


def days(count: int, pages: int) -> Iterator[tuple[int, str]]:
    """Number and date of so many pages a day."""
    for number in range(count * pages):
        yield number, f"2026-03-{number // pages + 1:02}T08:00:00Z"


def stream(seed: int, *, change: int | None = None, count: int = 12, pages: int = 5, site: str = "a.example") -> Iterator[Any]:
    """Records of one site, whose template changes on a day or never."""
    rng = random.Random(seed)
    for number, date in days(count, pages):
        template = "new" if change is not None and number // pages >= change else "old"
        yield record(rng, site, number, template, date)
