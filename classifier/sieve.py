"""The whole run on one screen: a page in; labelled blocks, text and an access verdict out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from os import PathLike
from typing import Any, Final, Literal

import numpy as np

from classifier import extraction
from classifier.access import Access, gather, judge
from classifier.blocks import DEFAULT_LIMITS, Limits, cut
from classifier.decide import Decision, decide
from classifier.decode import Decoded, decode
from classifier.inline import clean
from classifier.labels import LABELS, Label
from classifier.layout import Floats, Layout
from classifier.metadata import Metadata, read_metadata
from classifier.model import Model
from classifier.modelfile import Kind
from classifier.modelfile import default_model as default_model
from classifier.page import Bools, Page
from classifier.plaintext import read_lines
from classifier.sitemodel import Corrected, SiteModel, load_any
from classifier.sniff import foreign_kind

OnLimit = Literal["flag", "raise"]
AnyModel = Model | SiteModel


class LimitExceeded(ValueError):
    """A page went over one of the limits, and the caller asked for an exception."""


@dataclass(frozen=True, slots=True)
class Block:
    """One run of text: what the model said of it, and what was decided."""

    text: str
    label: Label
    main: bool
    """Is it returned as main text?"""
    probabilities: Mapping[Label, float]
    main_probability: float
    xpath: str
    hidden: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "text": clean(self.text),
            "label": self.label,
            "main": self.main,
            "probabilities": {label: round(p, 4) for label, p in self.probabilities.items()},
            "main_probability": round(self.main_probability, 4),
            "xpath": self.xpath,
            "hidden": self.hidden,
        }


@dataclass(frozen=True, eq=False)
class Reading:
    """What one page gave. Nothing is dropped: ``blocks`` holds all text, whatever its label."""

    page: Page
    probabilities: Floats
    """(m, 4) in the order of ``LABELS``"""
    main_probabilities: Floats
    """(m)"""
    decision: Decision
    access: Access
    metadata: Metadata
    encoding: str
    url: str | None = None
    problem: str | None = None
    """Why not all of the page was read, or why there is no text: the name of a limit, or a sentence."""

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All text of the page, in document order."""
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        page, decision = self.page, self.decision
        shares, main = self.probabilities.tolist(), self.main_probabilities.tolist()
        paths = page.xpaths(page.elements)
        for i, text in enumerate(page.texts):
            yield Block(
                text=text,
                label=LABELS[decision.labels[i]],
                main=bool(decision.main[i]),
                probabilities=dict(zip(LABELS, shares[i], strict=True)),
                main_probability=main[i],
                xpath=paths[i],
                hidden=bool(page.hidden[i]),
            )

    @property
    def text(self) -> str:
        """The main text, paragraphs apart by blank lines; empty where ``problem`` says why."""
        return extraction.text(self.page, self.decision.main)

    @property
    def content(self) -> str:
        """All content: bylines, captions, forum authors and the like beside the main text."""
        return extraction.text(self.page, self.decision.content)

    def markdown(self, *, all_content: bool = False, links: bool = False) -> str:
        """The main text, or all content, as Markdown."""
        return extraction.markdown(self.page, self._kept(all_content), links=links, url=self.url)

    def html(self, *, all_content: bool = False) -> str:
        """The main text, or all content, as plain semantic HTML."""
        return extraction.html(self.page, self._kept(all_content), url=self.url)

    def to_dict(self, *, all_content: bool = False) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "url": self.url,
            "problem": self.problem,
            "encoding": self.encoding,
            "access": asdict(self.access) | {"paywalled": self.access.paywalled},
            "metadata": asdict(self.metadata),
            "text": self.content if all_content else self.text,
            "blocks": [block.to_dict() for block in self.blocks],
        }

    def _kept(self, all_content: bool) -> Bools:
        return self.decision.content if all_content else self.decision.main


class Sieve:
    """Reads pages with one model. Holds no state between pages; one instance serves any number of threads.

    >>> from classifier import Sieve
    >>> Sieve().read("<p>Just a few words.").blocks[0].xpath
    '/html[1]/body[1]/p[1]'
    """

    def __init__(
        self,
        model: AnyModel | str | PathLike[str] | None = None,
        *,
        text_model: AnyModel | str | PathLike[str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        on_limit: OnLimit = "flag",
    ) -> None:
        self._models = {"html": _loaded(model), "text": _loaded(text_model)}
        self.limits = limits
        self.on_limit = on_limit

    def read(
        self,
        source: bytes | str,
        *,
        url: str | None = None,
        encoding: str | None = None,
        status: int | None = None,
    ) -> Reading:
        """Read an HTML page.

        ``encoding`` is the charset (or the whole content type) that came with the bytes, ``status`` the HTTP status:
        evidence for the verdict. Any bytes give a reading; what was not read says so in ``Reading.problem``.

        :raises LimitExceeded: with ``on_limit="raise"``, if a limit cut the page short.
        """
        text, problem = self._text(source, encoding)
        page, used = cut(text.text if text.utf8 is None else text.utf8, self.limits), text.encoding
        del text  # memory is for what comes of it
        return self._finish("html", page, used, url, status, problem)

    def read_text(self, source: bytes | str, *, url: str | None = None, encoding: str | None = None) -> Reading:
        """Read text that has no markup, such as a WET record: a block a line, by a model of its own.

        :raises LimitExceeded: with ``on_limit="raise"``, if a limit cut the text short.
        """
        text, problem = self._text(source, encoding)
        return self._finish("text", read_lines(text.text, self.limits), text.encoding, url, None, problem)

    def model(self, kind: Kind) -> AnyModel:
        """The model in use for pages (``html``) or plain text (``text``)."""
        return self._models[kind] or default_model(kind)

    def _text(self, source: bytes | str, encoding: str | None) -> tuple[Decoded, str | None]:
        """The text that was given, and what is wrong with it."""
        size = len(source)
        if size > self.limits.max_bytes:
            return _NO_TEXT, f"PageTooLarge: {size} bytes, limit {self.limits.max_bytes} (max_bytes)"
        if isinstance(source, str):
            return Decoded(source, "utf-8", "argument"), None
        kind = foreign_kind(source)
        if kind is not None:
            return _NO_TEXT, f"NotHtml: looks like {kind}"
        return decode(source, encoding), None

    def _finish(
        self, kind: Kind, page: Page, encoding: str, url: str | None, status: int | None, problem: str | None
    ) -> Reading:
        url = clean(url) if url else None  # a lone surrogate would break every output
        problem = problem or page.truncated
        if problem and self.on_limit == "raise":
            raise LimitExceeded(f"{url or 'The page'}: {problem}")
        chosen = self.model(kind)
        model = chosen.of_page(page.facts, url) if isinstance(chosen, SiteModel) else chosen
        layout = Layout(page)
        labels, main = _predicted(model, layout)
        decision = decide(layout, labels, main, model.contract.thresholds)
        observed = gather(page, decision.shares, main, status=status, url=url, layout=layout)
        return Reading(
            page=page,
            probabilities=labels,
            main_probabilities=main,
            decision=decision,
            access=judge(observed, model.access),
            metadata=read_metadata(page.facts, url, items=layout.items),
            encoding=encoding,
            url=url,
            problem=problem or decision.empty,
        )


_NO_TEXT: Final = Decoded("", "utf-8", "fallback")

PART: Final = 8_192
"""Blocks that the model sees at once. More have been met in no real page; their features alone would fill memory."""


def _predicted(model: AnyModel | Corrected, layout: Layout) -> tuple[Floats, Floats]:
    """The model's probabilities for a page, which it sees in parts where it is huge."""
    page = layout.page
    if len(page) <= PART:
        return model.predict(layout)
    parts = [model.predict(Layout(page.part(start, start + PART))) for start in range(0, len(page), PART)]
    labels, main = zip(*parts, strict=True)
    return np.concatenate(labels), np.concatenate(main)


def _loaded(model: AnyModel | str | PathLike[str] | None) -> AnyModel | None:
    return model if model is None or isinstance(model, AnyModel) else load_any(model)
