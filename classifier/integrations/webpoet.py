"""web-poet: the reading of the page as an input that page objects name in their type hints.

@attrs.define
class ArticlePage(WebPage):
    sieved: SievedPage

    @field
    def text(self) -> str:
        return self.sieved.reading.text
"""

from functools import cached_property
from typing import ClassVar

from web_poet import AnyResponse, HttpResponse, Injectable

from classifier.sieve import Reading, Sieve


class SievedPage(Injectable):
    """Any framework that knows web-poet builds it from the response; no provider is needed.

    Subclass it with another ``sieve`` for a model or limits of your own.
    """

    sieve: ClassVar[Sieve] = Sieve()

    def __init__(self, response: AnyResponse) -> None:
        self.response = response

    @cached_property
    def reading(self) -> Reading:
        """The page, read once: as the bytes that came, or as the HTML of a browser."""
        response = self.response.response
        url, status = str(response.url), response.status
        if isinstance(response, HttpResponse):
            content_type = response.headers.get("Content-Type")
            return self.sieve.read(bytes(response.body), url=url, encoding=content_type, status=status)
        return self.sieve.read(str(response.html), url=url, status=status)
