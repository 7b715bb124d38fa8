"""Public corpora, in the layout in which their authors ship them, as pages with truth.

``load("wcxb", folder)`` gives a :class:`Corpus`: iterate it for its pages, read ``corpus.problems`` for what
was broken or missing. A :class:`CorpusPage` says where its file lies and what its authors hold for true
(:class:`Truth`); ``read_html(page)`` reads the file. ``site_of(url)`` is the group for cross-validation, the
same over all corpora and gold.

What each corpus is, and what its truth means, stands in ``datasets/corpora.toml``.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import tldextract

from classifier.blocks import cut
from classifier.decode import decode
from training.annotations import Annotation


@dataclass(frozen=True, slots=True)
class Truth:
    """What a corpus says about a page. What it says nothing about is ``None`` or empty."""

    main: str | None = None
    """The main text, whole; an empty string says that there is none, ``None`` that nobody said."""
    paragraphs: tuple[str, ...] = ()
    """The paragraphs of the main text, without headings and summary (fundus); ``main`` is these, joined."""
    headings: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    title: str = ""
    with_: tuple[str, ...] = ()
    """Snippets that an extraction must hold."""
    without: tuple[str, ...] = ()
    """Snippets that an extraction must not hold."""


@dataclass(frozen=True, slots=True)
class CorpusPage:
    """A page of a corpus. ``id`` is unique within its corpus, ``source`` the corpus's name."""

    id: str
    source: str
    path: Path
    url: str | None
    site: str
    page_type: str | None
    language: str | None
    """Two or three letters, as the page declares it."""
    truth: Truth = field(default_factory=Truth)
    annotation: Annotation | None = None
    """Labels of our own, where a reader set some."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The pages that could be read, and one sentence for each record or file that could not."""

    name: str
    pages: tuple[CorpusPage, ...]
    problems: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[CorpusPage]:
        return iter(self.pages)

    def __len__(self) -> int:
        return len(self.pages)


class HasPath(Protocol):
    """A record of a page that lies in a file."""

    @property
    def path(self) -> Path:
        """The file."""
        ...


LAYOUT: Final[dict[str, dict[str, str]]] = {
    "wcxb": {"pages": "dev/html/*.html", "truth": "dev/ground-truth/*.json"},
    "trafilatura": {"pages": "tests/*/*.html", "truth": "tests/evaldata.json"},
    "fundus": {
        "pages": "tests/resources/parser/test_data/*/*.html",
        "truth": "tests/resources/parser/test_data/*/*.json",
        "history": "history/*.html",
    },
    "readability": {"pages": "test/test-pages/*/source.html", "truth": "test/test-pages/*/expected.html"},
    "postlight": {"pages": "fixtures/*.html"},
}
"""Where files lie below a corpus's folder; ``datasets/corpora.toml`` says the same, which a test holds."""


def load(name: str, folder: str | Path) -> Corpus:
    """Read corpus ``name`` from ``folder/name``.

    Raises ``ValueError`` for a name that is no corpus and ``FileNotFoundError`` if its folder is missing.
    """
    if name not in _READERS:
        raise ValueError(f"There is no corpus {name!r}: known are {', '.join(_READERS)}.")
    root = Path(folder) / name
    if not root.is_dir():
        raise FileNotFoundError(
            f"No folder {root}: unpack the corpus {name} there (see datasets/corpora.toml)."
        )
    problems: list[str] = []
    pages = tuple(_READERS[name](root, problems))
    return Corpus(name, pages, tuple(problems))


def available(folder: str | Path) -> list[str]:
    """Names of the corpora that lie in ``folder``."""
    return [name for name in _READERS if (Path(folder) / name).is_dir()]


def read_bytes(path: Path) -> bytes:
    """The bytes of a page's file; ``.gz`` is unpacked."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def read_html(page: HasPath) -> str:
    """The text of a page's file, decoded as the command would."""
    return decode(read_bytes(page.path)).text


# -- sites ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def site_of(url: str | None, default: str = "") -> str:
    """The registered domain of a URL or host name, without network; ``default`` where there is none.

    A blog on a platform is a site of its own.

    >>> site_of("https://www.nzz.ch/international"), site_of("a.blogspot.com"), site_of("x.news.example")
    ('nzz.ch', 'a.blogspot.com', 'news.example')
    """
    host = _host(url or "")
    found = _suffixes()(host)
    # ".example" and the like are no public suffixes: their last two labels are the site
    site = found.top_domain_under_public_suffix or _last_labels(host)
    return site or default


def _host(url: str) -> str:
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".") if "." in host else ""


def _last_labels(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return ".".join(host.split(".")[-2:])


# -- what a page declares ------------------------------------------------------------------------------------

_LANG: Final = re.compile(rb"""<html\b[^>]*?\s(?:xml:)?lang\s*=\s*["']?([a-z]{2,3})(?![a-z])""", re.I)
_URL_TAG: Final = re.compile(rb"""<(?:link|meta)\b[^>]*?["'\s=](?:canonical|og:url)\b[^>]*>""", re.I)
_URL: Final = re.compile(rb"""\b(?:href|content)\s*=\s*["']?\s*(https?://[^"'\s>]+)""", re.I)
_HEAD: Final = 1 << 14


def declared_language(path: Path) -> str | None:
    """The primary tag of the ``lang`` that a page's file declares (``en`` of ``en-GB``), if any."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        found = _LANG.search(file.read(_HEAD))
    return found[1].decode().lower() if found else None


def declared_url(path: Path) -> str | None:
    """The canonical URL that a page's file declares, for records that name none."""
    for tag in _URL_TAG.findall(read_bytes(path)):
        if found := _URL.search(tag):
            return found[1].decode("utf-8", "replace")
    return None


def _page(
    source: str,
    key: str,
    path: Path,
    *,
    url: str | None,
    group: str = "",
    page_type: str | None = "article",
    truth: Truth = Truth(),
) -> CorpusPage:
    """A page whose site is that of ``url``, else ``group``, else one of its own."""
    site = site_of(url) or group or f"{source}:{key}"
    return CorpusPage(key, source, path, url, site, page_type, declared_language(path), truth)


def _read_json(path: Path, problems: list[str]) -> Any:
    """Content of a JSON file that must hold an object; ``None`` and a problem if it does not."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{path}: no readable JSON ({error}).")
        return None
    if not isinstance(content, dict):
        problems.append(f"{path}: holds no JSON object.")
        return None
    return content


def _is_page(path: Path, problems: list[str]) -> bool:
    if not path.is_file():
        problems.append(f"{path}: the page's file is missing.")
    elif not path.stat().st_size:
        problems.append(f"{path}: the page's file is empty.")
    else:
        return True
    return False


# -- wcxb ----------------------------------------------------------------------------------------------------


def _load_wcxb(root: Path, problems: list[str]) -> Iterator[CorpusPage]:
    orphans = {path.stem for path in root.glob(LAYOUT["wcxb"]["pages"])}
    for path in sorted(root.glob(LAYOUT["wcxb"]["truth"])):
        html = path.parents[1] / "html" / f"{path.stem}.html"
        orphans.discard(path.stem)
        record = _read_json(path, problems)
        if record is None or not _is_page(html, problems):
            continue
        stated = record.get("ground_truth") or {}
        if "main_content" not in stated:
            problems.append(
                f"{path}: no main_content; read as an empty main text, as the corpus's own scorer does."
            )
        truth = Truth(
            main=stated.get("main_content") or "",
            title=stated.get("title") or "",
            with_=tuple(stated.get("with") or ()),
            without=tuple(stated.get("without") or ()),
        )
        kind = ((record.get("_internal") or {}).get("page_type") or {}).get("primary")
        url = record.get("url") or stated.get("url") or declared_url(html)
        yield _page("wcxb", path.stem, html, url=url, page_type=kind, truth=truth)
    problems.extend(f"{root / 'dev/html' / stem}.html: no truth beside it." for stem in sorted(orphans))


# -- trafilatura ---------------------------------------------------------------------------------------------


_IS_URL: Final = re.compile("https?://")


def _load_trafilatura(root: Path, problems: list[str]) -> Iterator[CorpusPage]:
    records = _read_json(root / LAYOUT["trafilatura"]["truth"], problems) or {}
    files = {path.name: path for path in sorted(root.glob(LAYOUT["trafilatura"]["pages"]))}
    for key, record in records.items():
        path = files.pop(record.get("file"), None)
        if path is None:
            problems.append(f"{root}: no page {record.get('file')!r} in tests/*/ (record {key!r}).")
        elif _is_page(path, problems):
            truth = Truth(
                title=record.get("title") or "",
                with_=tuple(record.get("with") or ()),
                without=tuple(record.get("without") or ()),
            )
            # one key is mistyped, another names a file instead
            url = key if _IS_URL.match(key) else declared_url(path) or key.lstrip("x").rpartition("::")[2]
            yield _page("trafilatura", path.stem, path, url=url, page_type=None, truth=truth)
    problems.extend(f"{path}: no record in evaldata.json." for path in files.values())


# -- fundus --------------------------------------------------------------------------------------------------

_DATED: Final = re.compile(r"_\d{4}_\d{2}_\d{2}$")


def _load_fundus(root: Path, problems: list[str]) -> Iterator[CorpusPage]:
    records: dict[str, list[Any]] = {}
    for path in sorted(root.glob(LAYOUT["fundus"]["truth"])):
        records[path.stem.lower()] = list((_read_json(path, problems) or {}).values())
    pages: dict[str, list[Path]] = {}
    for path in sorted(root.glob(LAYOUT["fundus"]["pages"])):
        pages.setdefault(_publisher(path), []).append(path)
    for publisher, paths in pages.items():
        entries = records.get(publisher, [])
        if len(entries) == len(paths):  # versions are in the order of the dates
            yield from map(_fundus_page, paths, entries)
            continue
        for path in paths:
            yield _fundus_page(path, _entry_of(path, entries, problems))
    for path in sorted(root.glob(LAYOUT["fundus"]["history"])):
        yield _fundus_page(path, _entry_of(path, records.get(_publisher(path), []), problems))


def _publisher(path: Path) -> str:
    return _DATED.sub("", path.stem).lower()


def _fundus_page(path: Path, entry: Any) -> CorpusPage:
    key = f"{path.parent.name}/{path.stem}"
    truth = _fundus_truth(entry) if entry else Truth()
    return _page("fundus", key, path, url=declared_url(path), group=f"fundus:{_publisher(path)}", truth=truth)


def _fundus_truth(entry: Any) -> Truth:
    body = entry.get("body") or {}
    sections = body.get("sections") or []
    paragraphs = tuple(p for section in sections for p in section["paragraphs"])
    return Truth(
        main="\n\n".join(paragraphs),
        paragraphs=paragraphs,
        headings=tuple(h for section in sections for h in section["headline"]),
        summary=tuple(body.get("summary") or ()),
        title=entry.get("title") or "",
    )


def _entry_of(path: Path, entries: list[Any], problems: list[str]) -> Any:
    """The entry most of whose paragraphs stand in the page: later ones replaced many a page's own."""
    text = _squeezed("".join(cut(decode(path.read_bytes()).text).texts))
    for entry in entries:
        starts = [_squeezed(p)[:60] for p in _fundus_truth(entry).paragraphs]
        if starts and sum(start in text for start in starts) > len(starts) / 2:
            return entry
    problems.append(
        f"{path}: none of {len(entries)} entries of its publisher tells its text; it has no truth."
    )
    return None


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


# -- readability and postlight -------------------------------------------------------------------------------


def _load_readability(root: Path, problems: list[str]) -> Iterator[CorpusPage]:
    for path in sorted(root.glob(LAYOUT["readability"]["pages"])):
        expected = path.with_name("expected.html")
        if not _is_page(path, problems) or not _is_page(expected, problems):
            continue
        text = "\n\n".join(cut(expected.read_text(encoding="utf-8")).texts)
        metadata = _read_json(path.with_name("expected-metadata.json"), problems) or {}
        truth = Truth(main=text, title=metadata.get("title") or "")
        key = path.parent.name
        yield _page("readability", key, path, url=declared_url(path), group=f"rd:{key}", truth=truth)


def _load_postlight(root: Path, problems: list[str]) -> Iterator[CorpusPage]:
    for path in sorted(root.glob(LAYOUT["postlight"]["pages"])):
        if _is_page(path, problems):
            group = site_of(path.stem.split("--")[0])
            yield _page("postlight", path.stem, path, url=declared_url(path), group=group, page_type=None)


_READERS: Final[dict[str, Callable[[Path, list[str]], Iterator[CorpusPage]]]] = {
    "wcxb": _load_wcxb,
    "trafilatura": _load_trafilatura,
    "fundus": _load_fundus,
    "readability": _load_readability,
    "postlight": _load_postlight,
}
