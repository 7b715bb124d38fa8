"""Labels as Label Studio's JSON (HyperTextLabels), out and in.

A task holds the page as plain paragraphs, one a block, so that every region is one whole text node wherever it is
shown. What people settled goes out as an annotation, what the model guessed as a prediction. Coming in, a region is
placed by its text, in order, as all labels are (``training.align``): regions on other HTML of the same page find
their blocks too.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import lxml.html
from lxml import etree

from classifier.blocks import cut
from classifier.labels import LABELS, Label
from classifier.page import Page
from training.annotate.state import ACCESS, State, texts_of
from training.gold import Access

CONFIG: Final = """\
<View>
  <HyperTextLabels name="label" toName="page">
    <Label value="content" background="#15803d"/>
    <Label value="navigation" background="#2563eb"/>
    <Label value="ad" background="#b45309"/>
    <Label value="paywall" background="#b91c1c"/>
  </HyperTextLabels>
  <HyperText name="page" value="$html" granularity="paragraph"/>
  <Choices name="access" toName="page">
    <Choice value="open"/><Choice value="metered"/><Choice value="gated"/><Choice value="unsure"/>
  </Choices>
  <TextArea name="notes" toName="page"/>
</View>
"""
"""Labelling interface of the Label Studio project that these tasks fit."""

_HEADING: Final = re.compile(r"h[1-6]")
_STEP: Final = re.compile(r"(text\(\)|[A-Za-z][\w.-]*)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it came: how to recognise its page, and its regions in order."""

    name: str
    id: str
    text: str
    """``page_key`` of its HTML"""
    results: list[Mapping[str, Any]]


def page_key(texts: Sequence[str]) -> str:
    """A digest of all text, whatever its white space and markup."""
    return hashlib.sha256("".join("".join(text.split()) for text in texts).encode("utf-8", "replace")).hexdigest()


# -- out -----------------------------------------------------------------------------------------------------


def export_task(name: str, page: Page, state: State) -> dict[str, Any]:
    """A page and its labels as a task."""
    html, regions = _paragraphs(page, state)
    settled = [region for region, done in zip(regions, state.settled, strict=True) if done]
    guesses = [region for region, done in zip(regions, state.settled, strict=True) if not done]
    if state.access != "unsure":
        settled.append(_field("access", "choices", {"choices": [state.access]}))
    if state.notes:
        settled.append(_field("notes", "textarea", {"text": [state.notes]}))
    return {
        "data": {"id": name, "html": html},
        "annotations": [{"result": settled}] if settled else [],
        "predictions": [{"model_version": "pagesieve", "result": guesses}] if guesses else [],
    }


def _field(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "from_name": name, "to_name": "page", "type": kind, "value": value}


def _paragraphs(page: Page, state: State) -> tuple[str, list[dict[str, Any]]]:
    """The page as headings and paragraphs, and a region for each."""
    counts: Counter[str] = Counter()
    lines, regions, at = [], [], 0
    for index, text in enumerate(texts_of(page)):
        own = page.tags[int(page.elements[index])]
        tag = own if _HEADING.fullmatch(own) else "p"
        counts[tag] += 1
        path, length = f"/{tag}[{counts[tag]}]/text()[1]", _units(text)
        lines.append(f"<{tag}>{escape(text, quote=False)}</{tag}>")
        value = {
            "start": path,
            "end": path,
            "startOffset": 0,
            "endOffset": length,
            "globalOffsets": {"start": at, "end": at + length},
            "text": text,
            "hypertextlabels": [LABELS[state.labels[index]]],
        }
        regions.append(
            {"id": f"b{index}", "from_name": "label", "to_name": "page", "type": "hypertextlabels", "value": value}
        )
        at += length
    return "".join(lines), regions


def _units(text: str) -> int:
    """Length as JavaScript counts it, in UTF-16."""
    return len(text.encode("utf-16-le")) // 2


# -- in ------------------------------------------------------------------------------------------------------


def read_tasks(tasks: Any, problems: list[str]) -> Iterator[Task]:
    """The tasks of a file from Label Studio that people worked on; what is no such task becomes a problem."""
    if not isinstance(tasks, list):
        problems.append("An export of Label Studio is a list of tasks, in its format JSON.")
        return
    for number, task in enumerate(tasks, 1):
        try:
            yield _task(task, number)
        except (KeyError, TypeError, ValueError, AttributeError):
            problems.append(f"Task {number}: no task of Label Studio with data and annotations.")


def _task(task: Mapping[str, Any], number: int) -> Task:
    data = task["data"]
    html = next((data[key] for key in ("html", "text") if isinstance(data.get(key), str)), "")
    done = [one for one in task["annotations"] if not one.get("was_cancelled")]
    results: list[Mapping[str, Any]] = []
    for result in done[-1]["result"] if done else []:
        value = dict(result["value"])
        if result["type"] == "hypertextlabels" and not isinstance(value.get("text"), str):
            value["text"] = text_between(html, value)
        results.append({"type": result["type"], "from_name": result["from_name"], "value": value})
    name = data.get("id")
    return Task(f"{number}", name if isinstance(name, str) else "", page_key(cut(html).texts), results)


def labelled_texts(
    results: Sequence[Mapping[str, Any]],
) -> tuple[list[tuple[str, Label]], Access | None, str]:
    """Regions in the order of the page as segments, the access level if one was chosen, and notes."""
    regions, access, notes = [], None, ""
    for place, result in enumerate(results):
        value = result["value"]
        if result["type"] == "hypertextlabels":
            label = next(iter(value.get("hypertextlabels") or ()), None)
            if label in LABELS and value["text"].strip():
                offsets = value.get("globalOffsets")
                start = offsets.get("start") if isinstance(offsets, dict) else None
                regions.append((start if isinstance(start, int) else place, place, value["text"], label))
        elif result["from_name"] == "access":
            access = next((one for one in value.get("choices") or () if one in ACCESS), None)
        elif result["from_name"] == "notes":
            notes = "\n".join(one for one in value.get("text") or () if isinstance(one, str))
    return [(text, label) for _, _, text, label in sorted(regions, key=lambda one: one[:2])], access, notes


def text_between(html: str, value: Mapping[str, Any]) -> str:
    """The text of a region that does not bring its own, from ``start`` and ``end`` (XPaths) and their offsets.

    >>> region = {"start": "/p[2]/text()[1]", "end": "/p[2]/text()[1]", "startOffset": 0, "endOffset": 3}
    >>> text_between("<p>one</p><p>two three</p>", region)
    'two'
    """
    nodes = list(_text_nodes(html))
    paths = [path for path, _ in nodes]
    start, end = (_tidy(value[key]) for key in ("start", "end"))
    if start not in paths or end not in paths:
        raise ValueError(f"no text at {start} in the task's HTML")
    first, last = paths.index(start), paths.index(end)
    pieces = [text for _, text in nodes[first : last + 1]]
    pieces[-1] = _cut_units(pieces[-1], 0, int(value["endOffset"]))
    pieces[0] = _cut_units(pieces[0], int(value["startOffset"]), None)
    return " ".join(pieces)


def _cut_units(text: str, start: int, end: int | None) -> str:
    data = text.encode("utf-16-le")
    return data[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")


def _tidy(path: Any) -> str:
    """A path with a position on every step, from the body."""
    steps = [f"{name}[{position or 1}]" for name, position in _STEP.findall(str(path).lower())]
    return "/".join(step for step in steps if step not in ("html[1]", "body[1]"))


def _text_nodes(html: str) -> Iterator[tuple[str, str]]:
    """Path and text of each text node below the body, in document order."""
    try:
        body = lxml.html.document_fromstring(f"<html><body>{html}</body></html>").find("body")
    except etree.LxmlError:
        return
    todo: list[tuple[str, Any, bool]] = [] if body is None else [("", body, False)]
    while todo:
        path, element, is_text = todo.pop()
        if is_text:
            yield path, element
            continue
        todo += reversed(_children(path, element))


def _children(path: str, element: Any) -> list[tuple[str, Any, bool]]:
    counts: Counter[str] = Counter()
    found: list[tuple[str, Any, bool]] = []

    def add(name: str, what: Any, is_text: bool) -> None:
        counts[name] += 1
        found.append((f"{path}/{name}[{counts[name]}]".lstrip("/"), what, is_text))

    if element.text:
        add("text()", element.text, True)
    for child in element:
        if isinstance(child.tag, str):
            add(child.tag, child, False)
        if child.tail:
            add("text()", child.tail, True)
    return found
