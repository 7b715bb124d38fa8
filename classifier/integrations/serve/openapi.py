"""The service's own description, in OpenAPI 3.1."""

from collections.abc import Mapping
from typing import Any, Final

import classifier
from classifier.integrations.serve.bounds import Bounds
from classifier.integrations.serve.parameters import KINDS, MAX_VALUE
from classifier.labels import LABELS

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_FLAG: Final[Schema] = {"type": "boolean"}


def _object(properties: Mapping[str, Schema], *, nullable: bool = False, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": ["object", "null"] if nullable else "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_LABELS: Final[Mapping[str, Schema]] = dict.fromkeys(LABELS, _SHARE)
_EVIDENCE: Final = _object({"kind": _TEXT, "where": _TEXT, "excerpt": _TEXT, "weight": {"type": "number"}})
_BLOCK: Final = _object(
    {
        "text": _TEXT,
        "label": {"enum": list(LABELS)},
        "main": _FLAG,
        "probabilities": _object(_LABELS),
        "main_probability": _SHARE,
        "xpath": _TEXT,
        "hidden": _FLAG,
    }
)
_ACCESS: Final = _object(
    {
        "level": {"enum": ["open", "metered", "gated"]},
        "probability": _SHARE,
        "declared": {"enum": ["free", "paid", "metered", None]},
        "complete": {"type": ["boolean", "null"]},
        "wall": {"enum": ["paywall", "registration", "consent", "bot", "none"]},
        "paywalled": _FLAG,
        "evidence": _list(_EVIDENCE),
    },
    nullable=True,
)
_METADATA: Final = _object(
    {
        **dict.fromkeys(("title", "site_name"), _TEXT_OR_NULL),
        "author": _list(_TEXT),
        **dict.fromkeys(("published", "modified", "language", "canonical_url", "description", "kind"), _TEXT_OR_NULL),
    },
    nullable=True,
)
RECORD: Final = _object(
    {
        "id": _TEXT,
        **dict.fromkeys(("url", "date", "digest"), _TEXT_OR_NULL),
        "status": {"type": ["integer", "null"]},
        "problem": _TEXT_OR_NULL,
        "text": _TEXT_OR_NULL,
        "markdown": _TEXT_OR_NULL,
        "access": _ACCESS,
        "metadata": _METADATA,
        "shares": _object(_LABELS, nullable=True),
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "language": _TEXT_OR_NULL,
        "blocks": {"type": ["array", "null"], "items": _BLOCK},
    },
    optional=("markdown", "blocks"),
)
ERROR: Final = _object({"error": _TEXT, "detail": _TEXT})

_FLAGS: Final = {
    "markdown": "add the text as Markdown",
    "blocks": "add all blocks with their labels",
    "all_content": "text and Markdown hold all content, not the main text alone",
}
_ABOUT: Final = {
    "id": "comes back in the record",
    "url": "where the page was found: evidence, and the base of its links",
    "encoding": "charset or content type that came with the page; stronger than this request's own",
    "date": "comes back in the record",
}

_REFUSALS: Final = {
    "400": "a parameter or the body is not what it should be",
    "403": "the page of another site asks",
    "408": "the body arrives too slowly",
    "413": "the body is too large",
    "415": "the body is packed",
    "421": "the name in Host is not this service's",
    "503": "too much at once: try again",
}


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _flags() -> list[Schema]:
    return [_parameter(name, {"type": "boolean"}, text) for name, text in _FLAGS.items()]


def _about() -> list[Schema]:
    return [
        *(_parameter(name, {"type": "string", "maxLength": MAX_VALUE}, text) for name, text in _ABOUT.items()),
        _parameter("status", {"type": "integer", "minimum": 100, "maximum": 599}, "HTTP status of the page: evidence"),
        _parameter("kind", {"enum": list(KINDS)}, "html, or text that lost its markup"),
    ]


def _answer(description: str, media: str, schema: Schema) -> Schema:
    return {"description": description, "content": {media: {"schema": schema}}}


def _refusals(**more: str) -> dict[str, Schema]:
    return {
        status: _answer(text, "application/json", {"$ref": "#/components/schemas/Error"})
        for status, text in sorted({**_REFUSALS, **more}.items())
    }


def describe(bounds: Bounds) -> Schema:
    """The whole description, with the bounds that are in force."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pagesieve",
            "version": classifier.__version__,
            "description": "Labels the blocks of web pages, extracts by the labels, and gives an access verdict.",
        },
        "paths": {
            "/read": {"post": _read(bounds)},
            "/batch": {"post": _batch(bounds)},
            "/health": {"get": _get("Is the service up?", "application/json", {"type": "object"})},
            "/metrics": {"get": _get("Counts in Prometheus' text format.", "text/plain", _TEXT)},
            "/openapi.json": {"get": _get("This description.", "application/json", {"type": "object"})},
        },
        "components": {"schemas": {"Record": RECORD, "Error": ERROR}},
    }


def _read(bounds: Bounds) -> Schema:
    return {
        "operationId": "read",
        "summary": "The record of one page.",
        "description": f"The body is the page as it came, of up to {bounds.page_bytes} bytes.",
        "parameters": [*_about(), *_flags()],
        "requestBody": {
            "required": False,
            "content": {"text/html": {"schema": {}}},
        },
        "responses": {
            "200": _answer("what was read", "application/json", {"$ref": "#/components/schemas/Record"}),
            **_refusals(**{"500": "the process that read the page died", "504": "the page took too long"}),
        },
    }


def _batch(bounds: Bounds) -> Schema:
    return {
        "operationId": "batch",
        "summary": "The records of many pages, in their order.",
        "description": (
            f"JSON Lines, up to {bounds.batch_pages} pages and {bounds.batch_bytes} bytes: objects with one of html,"
            " text and base64, and, as they are known, id, url, encoding, status, date and kind. Each line is answered"
            " by one line; a page that cannot be read is a record with a problem."
        ),
        "parameters": _flags(),
        "requestBody": {
            "required": False,
            "content": {"application/x-ndjson": {"schema": {}}},
        },
        "responses": {
            "200": _answer("a record a line", "application/x-ndjson", _TEXT),
            **_refusals(),
        },
    }


def _get(summary: str, media: str, schema: Schema) -> Schema:
    return {
        "summary": summary,
        "responses": {
            "200": _answer(summary, media, schema),
            **{status: answer for status, answer in _refusals().items() if status in ("400", "403", "421")},
        },
    }
