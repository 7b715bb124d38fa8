"""What other extractors return for the same pages, kept on disk because it takes minutes.

``outputs(tool, pages)`` gives ``{page id: text}``. The tools are imported when they are asked for: install
the extra ``peers``. They see the same decoded text as we do, so that none is marked down for another's guess
at an encoding.
"""

import json
import logging
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from classifier.blocks import cut
from training.corpora import CorpusPage, read_html

Extract = Callable[[str], str]

_LOG: Final = logging.getLogger(__name__)
CACHE: Final = Path("/tmp/peers")


def outputs(tool: str, pages: Iterable[CorpusPage], cache: Path | None = CACHE) -> dict[str, str]:
    """The text that ``tool`` extracts from each page; an empty one where it fails.

    The cache holds a JSON file for each tool, its version and corpus; without ``cache`` nothing is kept.
    Raises ``ValueError`` for an unknown tool and ``ImportError`` if it is not installed.
    """
    if tool not in _TOOLS:
        raise ValueError(f"There is no peer {tool!r}: known are {', '.join(_TOOLS)}.")
    package, make = _TOOLS[tool]
    try:
        extract, release = make(), version(package)
    except ImportError as error:
        raise ImportError(f"{tool} needs the package {package}: pip install 'pagesieve[peers]'.") from error
    wanted = list(pages)
    found: dict[str, str] = {}
    for source in sorted({page.source for page in wanted}):
        ours = [page for page in wanted if page.source == source]
        file = cache / f"{tool}-{release}-{source}.json" if cache else None
        known = _known(file)
        new = {page.id: _run(extract, page) for page in ours if page.id not in known}
        if file and new:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(known | new, ensure_ascii=False), encoding="utf-8")
        found |= {page.id: (known | new)[page.id] for page in ours}
    return found


def _known(file: Path | None) -> dict[str, str]:
    if not file or not file.is_file():
        return {}
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return known


def _run(extract: Extract, page: CorpusPage) -> str:
    try:
        return extract(read_html(page))
    except Exception as error:  # a peer may raise anything on a hostile page; that is its result
        _LOG.warning("%s %s: %s: %s", page.source, page.id, type(error).__name__, error)
        return ""


# -- the tools -----------------------------------------------------------------------------------------------


def _trafilatura() -> Extract:
    from trafilatura import extract

    return lambda html: extract(html, include_comments=False) or ""


def _resiliparse() -> Extract:
    from resiliparse.extract.html2text import extract_plain_text

    def run(html: str) -> str:
        # as text, without the marks that stand for links, pictures and list items
        return str(
            extract_plain_text(html, main_content=True, links=False, alt_texts=False, list_bullets=False)
        )

    return run


def _readability() -> Extract:
    from readability import Document

    # it returns HTML; text_content() would glue the last word of a paragraph to the first of the next
    return lambda html: "\n".join(cut(Document(html).summary()).texts)


_TOOLS: Final[dict[str, tuple[str, Callable[[], Extract]]]] = {
    "trafilatura": ("trafilatura", _trafilatura),
    "resiliparse": ("Resiliparse", _resiliparse),
    "readability-lxml": ("readability-lxml", _readability),
}
