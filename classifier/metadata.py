"""What a page declares about itself: title, author, dates and the like, each from its best source."""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

from classifier import jsonld
from classifier.jsonld import Item
from classifier.page import Facts

MAX_CHARS: Final = 2_000
"""Characters kept of one value."""
MAX_AUTHORS: Final = 20
MAX_SITES: Final = 8
"""Names of the site that are tried at the ends of the title."""

KINDS: Final = tuple(
    frozenset(names.split())
    for names in (
        "NewsArticle BlogPosting Article ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle Report"
        " ReviewNewsArticle BackgroundNewsArticle LiveBlogPosting ScholarlyArticle MedicalScholarlyArticle"
        " TechArticle AdvertiserContentArticle SatiricalArticle Recipe HowTo",
        "Product ProductGroup Book Movie Event JobPosting Course SoftwareApplication QAPage Question"
        " DiscussionForumPosting SocialMediaPosting FAQPage Review Dataset",
        "CreativeWork CollectionPage ProfilePage AboutPage ContactPage ItemPage VideoObject PodcastEpisode"
        " LocalBusiness",
        "WebPage",
    )
)
"""Types an item may have to be what its page is about, the most telling first."""
_PLACES: Final = {kind: place for place, kinds in enumerate(KINDS) for kind in kinds}

_TITLES: Final = "og:title twitter:title dc.title dcterms.title citation_title parsely-title title".split()
_SITES: Final = "og:site_name application-name citation_journal_title apple-mobile-web-app-title".split()
_AUTHORS: Final = (
    "article:author author byl dc.creator dcterms.creator citation_author parsely-author sailthru.author"
).split()
_PUBLISHED: Final = (
    "article:published_time og:published_time article:published citation_publication_date citation_date"
    " dc.date dc.date.issued dcterms.issued dcterms.created dcterms.date parsely-pub-date sailthru.date"
    " datepublished pubdate publish-date date"
).split()
_MODIFIED: Final = (
    "article:modified_time og:updated_time article:modified dcterms.modified dc.date.modified datemodified"
    " last-modified lastmod"
).split()
_LANGUAGES: Final = (
    "og:locale content-language dc.language dcterms.language citation_language language".split()
)
_DESCRIPTIONS: Final = (
    "og:description description twitter:description dc.description dcterms.abstract citation_abstract"
).split()

_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")
_DATE: Final = re.compile(
    r"(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)"
    r"(?:[T ]\s?(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.I,
)
_YEAR_MONTH: Final = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?")
_BYLINE: Final = re.compile(r"^by\s+", re.I)
_SEPARATORS: Final = r"\|–—\-·•:»«/~"
_BEFORE_SITE: Final = re.compile(rf"\s+[{_SEPARATORS}]+\s+$")
_AFTER_SITE: Final = re.compile(rf"\s*[{_SEPARATORS}]+\s+")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the page declares; ``None`` or empty where it declares nothing readable."""

    title: str | None = None
    site_name: str | None = None
    author: tuple[str, ...] = ()
    published: str | None = None
    """ISO 8601, in the precision and the time zone declared."""
    modified: str | None = None
    language: str | None = None
    """BCP 47."""
    canonical_url: str | None = None
    description: str | None = None
    kind: str | None = None
    """schema.org type, or ``og:type``."""


def read_metadata(facts: Facts, url: str | None = None, *, items: list[Item] | None = None) -> Metadata:
    """What ``facts`` declare; ``url``, where the page was found, completes relative links. Never raises.

    JSON-LD goes before Open Graph, that before other metas, those before microdata and plain HTML: the more
    work a declaration was, the more it is to be believed. ``items`` is the JSON-LD, if it was read before.

    >>> read_metadata(Facts(title="Ice | The Paper", meta=(("og:site_name", "The Paper"),))).title
    'Ice'
    """
    items = jsonld.read(facts.json_ld) if items is None else items
    addresses = list(canonical_urls(facts, url))
    about = main_item(items, [url, *addresses]) or {}
    meta = _by_name(facts.meta)
    props = _by_name(facts.microdata)
    sites = [*_site_items(items, about), *_all(meta, _SITES)][:MAX_SITES]
    return Metadata(
        title=_title(_values(about, "headline", "name"), meta, props, facts.title, sites),
        site_name=_first_text(sites),
        author=_authors(about, items, meta, props),
        published=_date(
            _values(about, "datePublished", "uploadDate"), meta, _PUBLISHED, props, "datePublished"
        )
        or next(filter(None, map(iso_date, facts.times)), None),
        modified=_date(_values(about, "dateModified"), meta, _MODIFIED, props, "dateModified"),
        language=_language(about, meta, props, facts.language),
        canonical_url=next(iter(addresses), None),
        description=_first_text([*_values(about, "description"), *_all(meta, _DESCRIPTIONS)]),
        kind=next(iter(jsonld.types(about)), None) or _first_text(_all(meta, ("og:type",))),
    )


def main_item(items: list[Item], urls: Iterable[str | None] = ()) -> Item | None:
    """The item of the page's JSON-LD that the page is about, if any: by its type, then by its address."""
    places = [min((_PLACES.get(kind, len(KINDS)) for kind in jsonld.types(item)), default=len(KINDS)) for item in items]
    first = min(places, default=len(KINDS))
    if first == len(KINDS):
        return None
    found = [item for item, place in zip(items, places, strict=True) if place == first]
    if len(found) > 1:
        own = {_bare_url(url) for url in urls if url}
        found = [item for item in found if any(_bare_url(each) in own for each in _item_urls(item))] or found
    return found[0]


def canonical_urls(facts: Facts, url: str | None = None) -> Iterator[str]:
    """The page's own address by its own word, best first; what is no http address is left out."""
    declared = [href for rel, href in facts.links if "canonical" in rel.split()]
    declared += [content for name, content in facts.meta if name == "og:url"]
    for each in declared:
        try:
            whole = urljoin(url or "", each.strip())
            parts = urlsplit(whole)
        except ValueError:  # such as an unclosed IPv6 bracket
            continue
        if parts.scheme in ("http", "https") and parts.netloc:
            yield whole[:MAX_CHARS]


def iso_date(text: str) -> str | None:
    """A declared date in ISO 8601 where its meaning is sure, else ``None``.

    >>> iso_date("2024-03-05 07:00:00+0100"), iso_date("Tue, 05 Mar 2024 07:00:00 GMT")
    ('2024-03-05T07:00:00+01:00', '2024-03-05T07:00:00+00:00')
    >>> iso_date("05/03/2024")
    """
    text = text.strip()[:64]
    match = _DATE.match(text)
    if not match:
        return text if _YEAR_MONTH.fullmatch(text) else _mail_date(text)
    year, month, day, time, zone = match.groups()
    found = f"{year}-{month}-{day}"
    if time:
        found += "T" + time.replace(",", ".") + _zone(zone or "")
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", found))
    except ValueError:
        return None
    return found if year >= "1500" else None  # year 1 is what programs write for "no date"


def _zone(zone: str) -> str:
    if not zone or zone in "Zz":
        return zone.upper()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return f"{zone[0]}{digits[:2]}:{digits[2:]}"


def _mail_date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


# -- sources -------------------------------------------------------------------------------------------------


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _all(pairs: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    return [value for name in names for value in pairs.get(name, ())]


def _values(item: Item, *keys: str) -> list[str]:
    return [text for key in keys for text in jsonld.strings(item.get(key))]


def _item_urls(item: Item) -> Iterator[str]:
    for key in ("url", "@id", "mainEntityOfPage"):
        value = jsonld.first(item.get(key))
        if isinstance(value, dict):
            value = value.get("@id") or value.get("url")
        if isinstance(value, str):
            yield value


def _site_items(items: list[Item], about: Item) -> Iterator[str]:
    for item in items:
        if "WebSite" in jsonld.types(item):
            yield from _values(item, "name")
    publisher = jsonld.first(about.get("publisher"))
    if isinstance(publisher, dict):
        yield from _values(_resolved(publisher, items), "name")


def _resolved(item: Item, items: list[Item]) -> Item:
    """An item that only points to another by ``@id``, as that other one."""
    if "name" in item or "@id" not in item:
        return item
    return next((each for each in items if each.get("@id") == item["@id"] and "name" in each), item)


# -- values --------------------------------------------------------------------------------------------------


def _clean(text: str) -> str:
    text = html.unescape(text[: 4 * MAX_CHARS]) if "&" in text else text[: 4 * MAX_CHARS]
    text = text.encode("utf-8", "replace").decode()
    return " ".join(text.split())[:MAX_CHARS]


def _first_text(texts: Iterable[str]) -> str | None:
    return next(filter(None, map(_clean, texts)), None)


def _title(
    declared: list[str],
    meta: dict[str, list[str]],
    props: dict[str, list[str]],
    title: str,
    sites: list[str],
) -> str | None:
    found = _first_text([*declared, *_all(meta, _TITLES), *props.get("headline", ()), title])
    return found and _without_site(found, sites)


def _without_site(title: str, sites: list[str]) -> str:
    """The title without the site's name at its end or beginning, where something is left.

    >>> _without_site("Ice – here to stay – The Paper", ["The Paper"])
    'Ice – here to stay'
    """
    for site in filter(None, map(_clean, sites)):
        size = len(site)
        end, start = _BEFORE_SITE.search(title[:-size]), _AFTER_SITE.match(title[size:])
        if end and end.start() and _same(title[-size:], site):
            return title[: end.start()]
        if start and title[size + start.end() :] and _same(title[:size], site):
            return title[size + start.end() :]
    return title


def _same(text: str, other: str) -> bool:
    """Whether two texts differ in case only."""
    return text.lower() == other.lower() or re.fullmatch(re.escape(other), text, re.I) is not None


def _authors(
    about: Item, items: list[Item], meta: dict[str, list[str]], props: dict[str, list[str]]
) -> tuple[str, ...]:
    sources = [list(_people(about.get("author") or about.get("creator"), items))]
    sources += [meta.get(name, []) for name in _AUTHORS]
    labels = [label.strip().lower() for label in meta.get("twitter:label1", ())]
    if "written by" in labels:
        sources.append(meta.get("twitter:data1", []))
    sources.append(props.get("author", []))
    for source in sources:
        names = dict.fromkeys(filter(_is_name, (_BYLINE.sub("", _clean(name)) for name in source)))
        if names:
            return tuple(names)[:MAX_AUTHORS]
    return ()


def _people(value: object, items: list[Item]) -> Iterator[str]:
    for each in value[:MAX_AUTHORS] if isinstance(value, list) else [value]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from _values(_resolved(each, items), "name")


def _is_name(text: str) -> bool:
    plain = "://" not in text and not text.startswith(("@", "www.", "/"))
    return plain and 1 < len(text) <= 200 and any(map(str.isalpha, text))


def _date(
    declared: list[str],
    meta: dict[str, list[str]],
    names: Iterable[str],
    props: dict[str, list[str]],
    prop: str,
) -> str | None:
    candidates = [*declared, *_all(meta, names), *props.get(prop, ())]
    return next(filter(None, map(iso_date, candidates)), None)


def _language(
    about: Item, meta: dict[str, list[str]], props: dict[str, list[str]], html_lang: str
) -> str | None:
    candidates: list[str] = [
        *_values(about, "inLanguage"),
        *_all(meta, _LANGUAGES),
        *props.get("inLanguage", ()),
        html_lang,
    ]
    for each in candidates:
        tag = each.strip().replace("_", "-")
        if _LANGUAGE_TAG.fullmatch(tag):
            return tag
    return None


def _bare_url(url: str) -> str:
    """An address without scheme, ``www.``, query, fragment and last slash, in which spellings differ."""
    bare = re.split(r"[?#]", url.strip(), maxsplit=1)[0]
    return re.sub(r"^https?://(?:www\.)?", "", bare, flags=re.I).rstrip("/").lower()
