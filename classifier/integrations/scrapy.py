"""Scrapy add-on: each HTML response is read on its way to the spider, and items get the text and the verdict.

    ADDONS = {"classifier.integrations.scrapy.Addon": 500}

Three components, since Scrapy never shows an item pipeline the response: the downloader middleware reads the page
into ``response.meta["pagesieve"]``, the spider middleware remembers which item came from which reading, and the
item pipeline fills the fields.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from itemadapter import ItemAdapter
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem, NotConfigured
from scrapy.http import HtmlResponse, Response
from scrapy.settings import BaseSettings
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware
from twisted.internet.threads import deferToThread

from classifier.access import Level
from classifier.blocks import Limits
from classifier.sieve import Reading, Sieve

KEY: Final = "pagesieve"
"""Where the reading stands in ``response.meta``."""
SKIP: Final = "dont_pagesieve"
"""Requests with this key in ``meta`` are not read, as ``dont_cache`` and its like are obeyed by Scrapy."""
GATE_STATUSES: Final = frozenset((401, 402, 403, 451))
"""Read like success: the status and what the page says are evidence. Other errors are not the page asked for."""

FIELDS: Final = {"text": "text", "access": "access", "access_probability": "access_probability"}
THREAD_BYTES: Final = 50_000
"""A page of so many bytes takes some 20 ms, as long as the reactor may stand still."""
MAX_LINKS: Final = 10_000
"""Items on their way from the spider to the pipeline. More means that something swallows them: the oldest go."""

VALUES: Final[Mapping[str, Callable[[Reading], Any]]] = {
    "text": lambda reading: reading.text,
    "content": lambda reading: reading.content,
    "markdown": lambda reading: reading.markdown(links=True),
    "html": lambda reading: reading.html(),
    "title": lambda reading: reading.metadata.title,
    "metadata": lambda reading: asdict(reading.metadata),
    "access": lambda reading: reading.access.level,
    "access_probability": lambda reading: round(reading.access.probability, 4),
    "paywalled": lambda reading: reading.access.paywalled,
    "complete": lambda reading: reading.access.complete,
    "declared": lambda reading: reading.access.declared,
    "wall": lambda reading: reading.access.wall,
    "evidence": lambda reading: [asdict(each) for each in reading.access.evidence],
    "labels": lambda reading: dict(Counter(block.label for block in reading.blocks)),
    "blocks": lambda reading: [block.to_dict() for block in reading.blocks],
    "problem": lambda reading: reading.problem,
}
"""What ``PAGESIEVE_FIELDS`` may put into a field."""

logger = logging.getLogger(__name__)


class Addon:
    """Puts the three components in place. What the project's settings say of them stays as it is."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Called by Scrapy before the crawl.

        :raises NotConfigured: if ``PAGESIEVE_ENABLED`` is false; Scrapy then goes on without the add-on.
        """
        if not settings.getbool("PAGESIEVE_ENABLED", True):
            raise NotConfigured("PAGESIEVE_ENABLED is false")
        # Below HttpCompression (590) and Redirect (600): the body is unpacked and final.
        settings.setdefault_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", ReadingMiddleware, 545)
        # Next to the engine: no other middleware replaces an item after this one has seen it.
        settings.setdefault_in_component_priority_dict("SPIDER_MIDDLEWARES", LinkMiddleware, 20)
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", ReadingPipeline, 100)


class ReadingMiddleware:
    """Downloader middleware: HTML responses into ``response.meta["pagesieve"]``, a :class:`~classifier.Reading`."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.stats = crawler.stats
        self.thread_bytes = settings.getint("PAGESIEVE_THREAD_BYTES", THREAD_BYTES)
        self.sieve = Sieve(settings.get("PAGESIEVE_MODEL"), limits=Limits(**settings.getdict("PAGESIEVE_LIMITS")))
        self.sieve.model("html")  # a model that does not load shall stop the crawl now, not at its first page

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ReadingMiddleware":
        """Called by Scrapy.

        :raises ModelFileError: if ``PAGESIEVE_MODEL`` is no model.
        :raises TypeError: if ``PAGESIEVE_LIMITS`` names a limit that does not exist.
        """
        return cls(crawler)

    async def process_response(self, request: Request, response: Response, spider: Any = None) -> Response:
        """Read the page. A page on which reading fails goes on without a reading."""
        request.meta.pop(KEY, None)  # of another response, where the spider passed its meta on
        if not self._wanted(request, response):
            return response
        started = time.perf_counter()
        try:
            if len(response.body) < self.thread_bytes:
                reading = self._read(response)
            else:
                reading = await _in_thread(self._read, response)
                self._count("in_thread")
        except Exception:
            logger.exception("Reading %s failed", response.url)
            self._count("failed")
            return response
        self._count("seconds", time.perf_counter() - started)
        self._report(reading)
        request.meta[KEY] = reading
        return response

    def _wanted(self, request: Request, response: Response) -> bool:
        if request.meta.get(SKIP):
            reason = "asked"
        elif not (200 <= response.status < 300 or response.status in GATE_STATUSES):
            reason = f"status/{response.status}"
        elif not isinstance(response, HtmlResponse):
            reason = "not_html"
        else:
            return True
        self._count(f"skipped/{reason}")
        return False

    def _read(self, response: Response) -> Reading:
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        return self.sieve.read(response.body, url=response.url, encoding=content_type, status=response.status)

    def _report(self, reading: Reading) -> None:
        self._count("read")
        self._count(f"access/{reading.access.level}")
        if reading.access.wall != "none":
            self._count(f"wall/{reading.access.wall}")
        if reading.problem:
            self._count(f"problem/{reading.problem.partition(':')[0]}")

    def _count(self, name: str, by: float = 1) -> None:
        self.stats.inc_value(f"{KEY}/{name}", by)


async def _in_thread(function: Callable[[Response], Reading], response: Response) -> Reading:
    """Run off the reactor's thread, whichever reactor there is."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        reading: Reading = await deferToThread(function, response)
        return reading
    return await asyncio.to_thread(function, response)


class LinkMiddleware(BaseSpiderMiddleware):
    """Spider middleware: remembers which reading belongs to which item until the pipeline asks."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._links: OrderedDict[int, tuple[Any, Reading]] = OrderedDict()

    def get_processed_item(self, item: Any, response: Response | None) -> Any:
        """Called by Scrapy for each item; passes it on as it is."""
        reading = response.meta.get(KEY) if response is not None else None
        if reading is not None:
            self._links[id(item)] = item, reading  # held, so that no other object gets its id
            if len(self._links) > MAX_LINKS:
                self._links.popitem(last=False)
        return item

    def take(self, item: Any) -> Reading | None:
        """The reading of the page that an item came from."""
        _, reading = self._links.pop(id(item), (None, None))
        return reading


class ReadingPipeline:
    """Item pipeline: fills the fields of ``PAGESIEVE_FIELDS``, drops the access levels of ``PAGESIEVE_DROP``."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.fields = crawler.settings.getdict("PAGESIEVE_FIELDS", FIELDS)
        self.dropped = frozenset(crawler.settings.getlist("PAGESIEVE_DROP"))
        _check("PAGESIEVE_FIELDS", self.fields.values(), VALUES)
        _check("PAGESIEVE_DROP", self.dropped, get_args(Level))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ReadingPipeline":
        """Called by Scrapy.

        :raises ValueError: if a setting names a value or a level that does not exist.
        """
        return cls(crawler)

    def process_item(self, item: Any, spider: Any = None) -> Any:
        """Fill the item, or drop it.

        :raises DropItem: if the page's access level is one of ``PAGESIEVE_DROP``.
        """
        links = self.crawler.get_spider_middleware(LinkMiddleware)
        reading = links.take(item) if links else None
        if reading is None:
            self.crawler.stats.inc_value(f"{KEY}/items/without_reading")
            return item
        if reading.access.level in self.dropped:
            self.crawler.stats.inc_value(f"{KEY}/items/dropped/{reading.access.level}")
            raise DropItem(_reason(reading))
        self._fill(ItemAdapter(item), reading)
        return item

    def _fill(self, item: ItemAdapter, reading: Reading) -> None:
        """Only fields that the item has room for, and never over what the spider found."""
        room = None if isinstance(item.item, dict) else set(item.field_names())
        for field, value in self.fields.items():
            if (room is None or field in room) and item.get(field) in (None, ""):
                item[field] = VALUES[value](reading)
        self.crawler.stats.inc_value(f"{KEY}/items/filled")


def _check(setting: str, given: Any, known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{setting}: there is no {', '.join(map(repr, unknown))}; choose from {', '.join(known)}.")


def _reason(reading: Reading) -> str:
    """One line for the log, with the heaviest evidence."""
    access = reading.access
    reason = f"{reading.url}: {access.level} ({access.probability:.2f}), wall: {access.wall}"
    if access.evidence:
        first = access.evidence[0]
        reason += f", {first.kind}: {first.excerpt}"
    return reason
