"""Block probabilities and a page's own declarations into the access verdict, with its evidence.

Two steps, so that the second can be trained on the first: :func:`gather` reads the page into named signals,
:func:`judge` weighs them with two small logistic regressions, one for "not open" and one for "gated, given
not open", whose coefficients travel with the model.

What no coefficient can do: a page whose body shows neither the text of a gate nor the loss of its own text
stays open, whatever its declarations, scripts, class names, address, header and footer say. No verdict
removes content.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from classifier.declared import Declared, Sign, declarations, request_signs, script_signs
from classifier.labels import LABELS, PAYWALL
from classifier.layout import Layout
from classifier.metadata import main_item
from classifier.observed import (
    GATE,
    Floats,
    View,
    Wall,
    gate_signs,
    length_signs,
    part_signs,
    speech_signs,
    text_signs,
    wall_kind,
)
from classifier.page import Page

Level = Literal["open", "metered", "gated"]

SIGNALS: Final[Mapping[str, str]] = {
    "gate_peak": "highest gate probability of a visible block of the body",
    "gate_words": "log of the expected words of gate text in the visible body",
    "gate_hidden": "the same, in what the page hides",
    "gate_share": "gate words as a share of gate and main words, in the body",
    "gate_at_end": "gate right behind main text",
    "gate_before": "share of the main text that stands before the gate",
    "says_locked": "visible gate text says that this text is locked, or what reading on takes",
    "says_locked_hidden": "the same, in what the page hides",
    "locked_at_end": "such text right behind main text",
    "says_register": "gate text of the body asks to register",
    "says_consent": "gate text of the body offers to pay or to be tracked",
    "says_meter": "gate text counts free articles",
    "says_feature": "gate text locks a function of the page, not its text",
    "unfilled": "gate text with placeholders that were never filled",
    "main_words": "log of the expected words of main text",
    "short": "main text of fewer than 150 words",
    "ellipsis": "main text ends in an ellipsis",
    "cut_off": "main text ends in the middle of a sentence",
    "shorter_than_declared": "log ratio of declared to found words of the article",
    "as_long_as_declared": "found words reach the declared number",
    "teaser_only": "main text is hardly longer than the page's description",
    "declared_paid": "declared as not free",
    "declared_free": "declared as free",
    "declared_metered": "declared as metered",
    "part_held": "share of the main text in the part that is declared locked",
    "part_missing": "the part that is declared locked is not in the page, or empty",
    "lost": "how many of the signs that text is missing agree, beyond the first",
    "open_product": "Subscribe with Google product that is open to all",
    "closed_product": "Subscribe with Google product that is not",
    "amp_gated": "AMP section for those without access",
    "gate_names": "share of the gate text inside elements with class names of gates",
    "vendor": "script of a paywall vendor",
    "status": "HTTP status that asks for payment or login",
    "address": "path of the address that marks paid pages",
    "scrambled": "share of the body's text that reads like no language",
}
"""The signals in order of the vector, and what each measures. All lie between 0 and about 3."""

LOSSES: Final = (("short", "teaser_only"), ("ellipsis",), ("shorter_than_declared",), ("part_missing",))
"""Signs that text is missing, each weak when alone; those in one group say the same."""

WEAK: Final = frozenset(
    (
        "declared_paid",
        "declared_metered",
        "closed_product",
        "amp_gated",
        "gate_names",
        "vendor",
        "status",
        "address",
    )
)
"""Signals that speak of the site, or of what was meant: together they convict no page."""

MAX_EVIDENCE: Final = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason: a signal, where it was seen, and what it added to the log-odds of "not open"."""

    kind: str
    where: str
    """XPath of a block, key of a declaration, address of a script."""
    excerpt: str
    weight: float


@dataclass(frozen=True, slots=True)
class Access:
    """Is there a gate, and is the main text there to be read all the same?"""

    level: Level = "open"
    probability: float = 0.0
    """That the page is not open."""
    declared: Declared | None = None
    """What the page's metadata claim, whatever was found."""
    complete: bool | None = None
    """Whether the main text is whole; ``None`` where there is none or it cannot be told."""
    wall: Wall = "none"
    evidence: tuple[Evidence, ...] = ()
    """The heaviest first."""

    @property
    def paywalled(self) -> bool:
        """Is text withheld from those who do not pay, subscribe or register?"""
        return self.level == "gated" and self.wall not in ("bot", "consent")


@dataclass(frozen=True)
class Observed:
    """A page as the verdict sees it: plain values, to be built by hand in tests."""

    signs: tuple[Sign, ...] = ()
    """Signals without a sign are 0."""
    declared: Declared | None = None
    wall: Wall = "none"
    """What the gate text speaks of; ``bot`` where a robot check stands in place of the page."""

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Value of each signal that has a sign."""
        return {sign.signal: sign.value for sign in self.signs}

    @property
    def vector(self) -> Floats:
        """(signals) values in the order of ``SIGNALS``."""
        return np.array([self[name] for name in SIGNALS])

    def __getitem__(self, signal: str) -> float:
        return self.values.get(signal, 0.0)


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Two logistic regressions, each a weight for every signal and ``bias``, and their thresholds."""

    not_open: Mapping[str, float]
    gated: Mapping[str, float]
    not_open_from: float = 0.5
    gated_from: float = 0.5

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the model's contract."""
        return {
            "not_open": dict(self.not_open),
            "gated": dict(self.gated),
            "not_open_from": self.not_open_from,
            "gated_from": self.gated_from,
        }

    @classmethod
    def from_dict(cls, contract: Mapping[str, Any]) -> "Coefficients":
        """The inverse of :meth:`to_dict`.

        :raises ValueError: if the contract was written for other signals.
        """
        for name in ("not_open", "gated"):
            given, known = set(contract.get(name, ())), {"bias", *SIGNALS}
            if given != known:
                differ = ", ".join(sorted(given ^ known))
                raise ValueError(
                    f"The model's access coefficients {name!r} do not fit this version: {differ}."
                )
        return cls(**{name: contract[name] for name in cls.__slots__ if name in contract})


def gather(
    page: Page,
    probabilities: Floats,
    main: Floats,
    *,
    status: int | None = None,
    url: str | None = None,
    layout: Layout | None = None,
) -> Observed:
    """What speaks for and against a gate.

    ``probabilities`` is (m, 4) with columns as in ``LABELS``; ``main`` (m) is the probability that a block
    belongs to the main text. ``status`` is the HTTP status, ``url`` where the page was found.

    :raises ValueError: if an array does not have a row for each block.
    """
    if probabilities.shape != (len(page), len(LABELS)) or main.shape != (len(page),):
        raise ValueError(
            f"A page of {len(page)} blocks needs probabilities of shape ({len(page)}, {len(LABELS)}) and main"
            f" of shape ({len(page)},), not {probabilities.shape} and {main.shape}."
        )
    layout = layout or Layout(page)
    about = main_item(layout.items, [url]) or {}
    declared, signs = declarations(page.facts, layout.items, about)
    signs += [*script_signs(page.facts), *request_signs(status, url)]
    if not len(page):
        return Observed(tuple(signs), declared)
    view = View(page, layout, np.asarray(probabilities[:, PAYWALL], float), np.asarray(main, float))
    signs += [
        *gate_signs(view),
        *speech_signs(view),
        *text_signs(view),
        *length_signs(view, about),
        *part_signs(view),
    ]
    signs.append(Sign("lost", max(_losses({sign.signal: sign.value for sign in signs}) - 1, 0)))
    return Observed(tuple(sign for sign in signs if sign.value), declared, wall_kind(view))


def _losses(values: Mapping[str, float]) -> int:
    """How many independent signs say that text is missing."""
    return sum(any(values.get(name, 0) > 0.4 for name in names) for names in LOSSES)


def judge(observed: Observed, coefficients: Coefficients | None = None) -> Access:
    """The verdict on a page; without ``coefficients`` by the hand-set ``PRIOR``.

    >>> judge(Observed()).level
    'open'
    """
    weights = coefficients or PRIOR
    probability = _logistic(weights.not_open, observed)
    evidence = _evidence(weights.not_open, observed)
    if observed.wall == "bot":
        return Access("gated", max(probability, 0.9), observed.declared, False, "bot", evidence)
    if not _grounded(observed):
        probability = min(probability, weights.not_open_from - 0.01)
    if probability < weights.not_open_from:
        whole = True if observed["main_words"] else None
        return Access("open", probability, observed.declared, whole, "none", evidence)
    cut = _logistic(weights.gated, observed)
    gated = cut >= weights.gated_from
    wall = "paywall" if gated and observed.wall == "none" else observed.wall
    return Access("gated" if gated else "metered", probability, observed.declared, not gated, wall, evidence)


def _grounded(observed: Observed) -> bool:
    """Does the body itself show a gate, or that text is missing which the page declares as locked?"""
    if observed["gate_peak"] >= GATE or observed["gate_hidden"] > 0.5 or observed["scrambled"] > 0.3:
        return True
    own_word = observed.declared == "paid" or observed["shorter_than_declared"] > 1
    return own_word and _losses(observed.values) > (observed.declared != "paid")


def _logistic(weights: Mapping[str, float], observed: Observed) -> float:
    score = weights["bias"] + sum(weights[sign.signal] * sign.value for sign in observed.signs)
    return 1 / (1 + math.exp(-min(max(score, -30.0), 30.0)))


def _evidence(weights: Mapping[str, float], observed: Observed) -> tuple[Evidence, ...]:
    found = [
        Evidence(sign.signal, sign.where, sign.excerpt, round(weights[sign.signal] * sign.value, 3))
        for sign in observed.signs
        if sign.where and sign.value
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.weight))[:MAX_EVIDENCE])


def _weights(bias: float, **given: float) -> Mapping[str, float]:
    return {"bias": bias, **dict.fromkeys(SIGNALS, 0.0), **given}


PRIOR: Final = Coefficients(
    not_open=_weights(
        -3.0, gate_peak=0.8, gate_words=0.5, gate_hidden=0.3, gate_share=1.0, gate_at_end=0.8,
        says_locked=2.0, says_locked_hidden=1.2, locked_at_end=0.8, says_register=0.3, says_consent=0.3,
        says_meter=0.5, says_feature=-0.8, unfilled=0.2, ellipsis=0.5, cut_off=0.2, teaser_only=0.5,
        shorter_than_declared=0.4, as_long_as_declared=-0.1, declared_paid=1.0, declared_free=-0.5,
        declared_metered=0.5, part_missing=1.0, lost=1.5, open_product=-0.5, closed_product=0.3,
        amp_gated=0.3, gate_names=0.5, vendor=0.1, status=0.5, address=0.5, scrambled=4.0,
    ),
    gated=_weights(
        0.5, main_words=-1.5, short=1.0, ellipsis=1.5, cut_off=0.5, teaser_only=1.0,
        shorter_than_declared=1.0, as_long_as_declared=-1.0, gate_at_end=0.5, gate_before=1.0,
        gate_share=0.5, declared_paid=0.3, part_held=-1.5, part_missing=1.5, lost=0.5, says_locked=0.3,
        says_locked_hidden=-0.5, status=0.5, scrambled=4.0,
    ),
)  # fmt: skip
"""Hand-set weights, by what is publicly known of each signal, until a model brings trained ones.

A positive weight speaks for "not open", or for "gated"; ``training.fit_access`` never turns a sign around.
"""
