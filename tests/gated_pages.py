"""Small pages with and without gates, as a perfect block model would pass them on."""

import json

import numpy as np

from classifier.access import Observed, gather
from classifier.blocks import cut
from classifier.labels import CONTENT, LABELS, NAVIGATION, PAYWALL

SENTENCE = (
    "The harbour was quiet that morning and nobody on the quay could say when the next boat would come in."
)
STORY = "".join(f"<p>{SENTENCE} It was day {i}.</p>" for i in range(20))
TEASER = f"<p>{SENTENCE}</p><p>{SENTENCE[:60]}...</p>"
GATE = "<div class=box><p>Subscribe to continue reading this article.</p><p>Only 2 euros a month</p></div>"
PAID = {"@type": "NewsArticle", "isAccessibleForFree": False}
GATE_WORDS = ("subscri", "euros", "free account", "cookies", "articles left", "bookmark", "{{")


def seen(body: str, *, head: str = "", item: object = None, **request: object) -> Observed:
    """What is gathered from a page whose blocks are all labelled rightly."""
    script = f'<script type="application/ld+json">{json.dumps(item)}</script>' if item else ""
    page = cut(f"<html><head>{head}{script}</head><body>{body}</body></html>")
    labels = [
        PAYWALL
        if any(word in text.lower() for word in GATE_WORDS)
        else CONTENT
        if "harbour" in text
        else NAVIGATION
        for text in page.texts
    ]
    probabilities = np.full((len(page), len(LABELS)), 0.03)
    probabilities[np.arange(len(page)), labels] = 0.91
    return gather(page, probabilities, np.where(np.array(labels) == CONTENT, 0.9, 0.02), **request)
