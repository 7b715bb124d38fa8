"""The card of a trained model: what it is for, what it was made of, how good it is. HTML to read, JSON for tools.

Both lie beside the model: ``html.npz``, ``html.card.html``, ``html.card.json``.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from classifier.labels import LABELS
from classifier.model import Contract
from training.evaluate import Figures
from training.markup import CSS, plain, table
from training.report_figures import confusions, curves, group_table, headline_table

SCHEMA: Final = 1
"""Raise when a key of the JSON changes its meaning."""

USES: Final = (
    "Labels each block of a web page as content, navigation, advertisement or paywall, with probabilities.",
    "Extracts the main text by these labels, and tells whether a gate stands before it.",
    "Detects gates; it is not made to circumvent one.",
)
LIMITS: Final = (
    "It sees text, structure and names: no style sheets, no scripts, no pictures.",
    "Figures were measured on the pages named here; on other kinds of sites and in other languages they will differ.",
    "Gates and advertisements may be more frequent among these pages than on a crawl, where precision is then lower.",
    "Probabilities are calibrated on average over these pages, not for each site.",
)


def write_card(model: Path, contract: Contract, figures: Figures | None = None) -> tuple[Path, Path]:
    """Write both files beside the model's; returns their paths, HTML first.

    ``figures`` are cross-validated ones; without them the card says that nothing was measured.
    """
    record = card(model, contract, figures)
    html, data = (model.with_name(f"{model.stem}.card.{ending}") for ending in ("html", "json"))
    data.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    html.write_text(_page(record, figures), encoding="utf-8", errors="replace")
    return html, data


def card(model: Path, contract: Contract, figures: Figures | None = None) -> dict[str, Any]:
    """The card as plain values."""
    data = model.read_bytes()
    measured = figures.to_dict() if figures else {}
    return {
        "schema": SCHEMA,
        "name": contract.name,
        "licence": contract.licence,
        "file": model.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "labels": list(LABELS),
        "features": len(contract.feature_names),
        "feature_version": contract.feature_version,
        "thresholds": dict(contract.thresholds),
        "data": dict(contract.data),
        "uses": list(USES),
        "limits": list(LIMITS),
        "figures": measured.get("headline"),
        "groups": measured.get("groups"),
    }


def _page(record: Mapping[str, Any], figures: Figures | None) -> str:
    title = f"Model card: {record['name']}"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{plain(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{CSS}</style></head>\n<body><h1>{plain(title)}</h1>\n"
        + "\n".join(_sections(record, figures))
        + "\n</body></html>\n"
    )


def _sections(record: Mapping[str, Any], figures: Figures | None) -> Iterator[str]:
    facts = ("file", "bytes", "sha256", "licence", "features", "feature_version")
    yield table(("", ""), [(plain(name.replace("_", " ")), _value(record[name])) for name in facts])
    yield "<h2>What it is for</h2>" + _items(record["uses"])
    yield "<h2>How good it is</h2>" + "".join(_measured(figures))
    yield "<h2>What it was made of</h2>" + _data(record["data"])
    yield "<h2>Thresholds</h2>" + table(("", ""), [(plain(k), _value(v)) for k, v in record["thresholds"].items()])
    yield "<h2>Limits</h2>" + _items(record["limits"])


def _measured(figures: Figures | None) -> Iterator[str]:
    if figures is None:
        yield "<p>Nothing was measured when this model was made.</p>"
        return
    yield "<p>By cross-validation: every page was read by a model that saw no page of its site.</p>"
    yield headline_table(figures.headline)
    yield confusions(figures)
    yield curves(figures, ())
    for heading, groups in figures.groups.items():
        yield f"<h3>{plain(heading)}</h3>{group_table(groups)}"


def _data(data: Mapping[str, Any]) -> str:
    rows = []
    for name, value in data.items():
        inner = ", ".join(f"{key}: {each}" for key, each in value.items()) if isinstance(value, Mapping) else value
        rows.append((plain(name.replace("_", " ")), _value(inner)))
    return table(("", ""), rows)


def _items(sentences: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{plain(sentence)}</li>' for sentence in sentences)}</ul>"


def _value(value: object) -> str:
    return f'<td class="text">{plain(str(value))}</td>'
