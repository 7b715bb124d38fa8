"""What a page declares about access, and what stands around it: claims, products, scripts, status, address.

Claims speak of the article as sold, not of what this copy of the page holds: a crawler may be given the
whole of what is declared as locked. They are reported apart, and never convict alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from classifier import jsonld, lexicon
from classifier.jsonld import Item
from classifier.page import Facts

Declared = Literal["free", "metered", "paid"]

EXCERPT: Final = 160
"""Characters kept of what a sign was read from."""


class Sign(NamedTuple):
    """The value of one signal, and where it was seen."""

    signal: str
    value: float
    where: str = ""
    excerpt: str = ""


_NO: Final = frozenset(("false", "no", "0"))
_YES: Final = frozenset(("true", "yes", "1"))
_TIERS: Final[Mapping[str, Declared]] = {
    "free": "free",
    "metered": "metered",
    "locked": "paid",
    "paid": "paid",
}
_CLASS: Final = re.compile(r"\.(-?[A-Za-z_][\w-]{0,100})")
_OPEN_PRODUCT: Final = re.compile(r":(?:openaccess|basic|free)$", re.I)


def declarations(facts: Facts, items: list[Item], about: Item) -> tuple[Declared | None, list[Sign]]:
    """The claim on access of the most trustworthy source that makes one, and the signs of all of them."""
    signs, claims = [], []
    for key, value in _free_claims(facts, items, about):
        claim: Declared = "free" if value else "paid"
        claims.append(claim)
        signs.append(Sign(f"declared_{claim}", 1.0, key, str(value).lower()))
    for name, content in facts.meta:
        tier = _TIERS.get(content.strip().lower()) if name.endswith("content_tier") else None
        if tier:
            claims.append(tier)
            signs.append(Sign(f"declared_{tier}", 1.0, name, content.strip()[:EXCERPT]))
    signs += _products(items)
    unique = {sign.signal: sign for sign in reversed(signs)}
    return (claims[0] if claims else None), list(unique.values())


def _free_claims(facts: Facts, items: list[Item], about: Item) -> Iterator[tuple[str, bool]]:
    """``isAccessibleForFree`` of the article, else of whatever but a part of the page states it."""
    stating = [item for item in items if "isAccessibleForFree" in item]
    wholes = (
        item for item in stating if "cssSelector" not in item and "WebPageElement" not in jsonld.types(item)
    )
    for item in (about, *wholes):
        value = truth(item.get("isAccessibleForFree"))
        if value is not None:
            yield "JSON-LD isAccessibleForFree", value
            break
    else:
        if any(truth(item.get("isAccessibleForFree")) is False for item in stating):
            yield "JSON-LD hasPart isAccessibleForFree", False
    for name, content in facts.microdata:
        value = truth(content) if name == "isAccessibleForFree" else None
        if value is not None:
            yield "microdata isAccessibleForFree", value
            break


def truth(value: object) -> bool | None:
    """A schema.org Boolean as pages write it; ``None`` for anything else.

    >>> truth(False), truth("True"), truth("http://schema.org/False"), truth("maybe")
    (False, True, False, None)
    """
    value = jsonld.first(value)
    if isinstance(value, dict):
        value = value.get("@value", value.get("@id"))
    if not isinstance(value, (str, int, float)):
        return None
    word = re.split(r"[/#:]", str(value)[:100].strip().lower())[-1]
    return True if word in _YES else False if word in _NO else None


def _products(items: list[Item]) -> Iterator[Sign]:
    for item in items:
        for product in jsonld.strings(item.get("productID")):
            if "Product" in jsonld.types(item) and ":" in product:
                signal = "open_product" if _OPEN_PRODUCT.search(product) else "closed_product"
                yield Sign(signal, 1.0, "JSON-LD productID", product[:EXCERPT])


def locked_classes(items: list[Item]) -> tuple[str, frozenset[str]]:
    """The first CSS selector of the parts that are declared locked, and the classes that all of them name."""
    selectors = [
        selector
        for item in items
        if "cssSelector" in item and truth(item.get("isAccessibleForFree")) is False
        for selector in jsonld.strings(item.get("cssSelector"))
    ][:20]
    classes = frozenset(name for selector in selectors for name in _CLASS.findall(selector[:500]))
    return "".join(selectors[:1]), classes


_PAID_PATH: Final = re.compile(
    r"/(?:[a-z]{2,8}-)?(?:plus|premium|abo|abonnes?|subscribers?|paid)(?:/|$)|[./-]premium\b"
)
_STATUS: Final[Mapping[int, float]] = {401: 1.0, 402: 1.0, 451: 0.5, 403: 0.3}
"""403 is mostly the answer to robots, 451 to a country."""


def script_signs(facts: Facts) -> Iterator[Sign]:
    """Vendors of paywalls, and AMP sections, by the scripts that the page loads."""
    hosts = lexicon.load_sections("scripts").get("gate", ())
    addresses = [source[:500].lower() for source in facts.scripts]
    together = "\n".join(addresses)
    present = [host for host in hosts if host in together]
    for address in addresses if present else ():
        if any(host in address for host in present):
            yield Sign("vendor", 1.0, "script", address[:EXCERPT])
            break
    for source in facts.scripts:
        if "/amp-subscriptions" in source[:500] or "/amp-access" in source[:500]:
            yield Sign("amp_gated", 1.0, "script", source[:EXCERPT])
            break


def request_signs(status: int | None, url: str | None) -> Iterator[Sign]:
    """What the HTTP status and the address tell."""
    if status is not None and status in _STATUS:
        yield Sign("status", _STATUS[status], "HTTP status", str(status))
    path = re.split(r"[?#]", (url or "")[:2_000], maxsplit=1)[0].lower()
    match = _PAID_PATH.search(path)
    if match:
        yield Sign("address", 1.0, "url", match[0])
