"""Everything that is wrong with label files, each with its file and line.

A page is checked against the format, then laid over its HTML: what found no place and what nobody labelled. Then all
pages of all folders are compared: the same id or address twice, and texts that are nearly the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from classifier.blocks import cut
from classifier.page import Page
from training.align import align_segments
from training.corpora import read_html
from training.gold import GoldPage, page_of, read_lines, record_of, record_problems
from training.labelfile import read_bytes
from training.neardup import near_duplicates

_EXCERPT: Final = 60


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: sentences that begin with ``file:line:``, and how much was looked at."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    """What is no fault but good to know: pages that wait for their labels, guesses that nobody confirmed."""
    pages: int
    segments: int


@dataclass(slots=True)
class _Found:
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pages: list["_Labelled"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A sound page with the file of its labels and the line of each segment."""

    page: GoldPage
    file: Path
    lines: Sequence[int]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.lines[0]}"


def check(folders: Sequence[Path]) -> Checked:
    """Check folders of ``NAME.json`` + ``NAME.html``, and those of the gold set (``dev.jsonl``).

    Raises ``FileNotFoundError`` if a folder is missing or holds no labels.
    """
    found = _Found()
    for folder in folders:
        _read_folder(folder, found)
    for labelled in found.pages:
        _check_places(labelled, found)
    found.problems += _same_twice(found.pages)
    found.problems += _nearly_same(found.pages)
    segments = sum(len(labelled.page.segments) for labelled in found.pages)
    return Checked(tuple(found.problems), tuple(found.notes), len(found.pages), segments)


# -- reading -------------------------------------------------------------------------------------------------


def _read_folder(folder: Path, found: _Found) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}: name one that holds label files.")
    files, lists = sorted(folder.glob("*.json")), sorted(folder.glob("*.jsonl"))
    if not files and not lists:
        raise FileNotFoundError(f"No label files in {folder}: NAME.json beside NAME.html, or dev.jsonl.")
    for file in files:
        _read_file(file, found)
    for file in lists:
        for line, page in read_lines(file, folder / file.stem / "pages", found.problems):
            found.pages.append(_Labelled(page, file, [line] * (1 + len(page.segments))))
    names = {file.stem for file in files}
    waiting = [path for path in _html_files(folder) if _stem(path) not in names]
    if waiting:
        found.notes.append(f"{folder}: {len(waiting)} pages have no labels yet, {waiting[0].name} first.")


def _html_files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.html"), *folder.glob("*.html.gz")])


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".html")


def _read_file(file: Path, found: _Found) -> None:
    try:
        data = read_bytes(file)
        record, lines = record_of(data, file)
    except (OSError, ValueError) as error:
        found.problems.append(str(error))
        return
    unsound = list(record_problems(record, file, lines, file.parent))
    found.problems += unsound
    if not unsound:
        found.pages.append(_Labelled(page_of(data, file), file, lines))


# -- one page ------------------------------------------------------------------------------------------------


def _check_places(labelled: _Labelled, found: _Found) -> None:
    """Lay the labels over the page's blocks and tell what did not fit."""
    gold = labelled.page
    try:
        page = cut(read_html(gold))
    except (OSError, EOFError) as error:
        found.problems.append(f"{labelled.where}: {gold.path.name} cannot be read ({error}).")
        return
    _, report = align_segments(page, gold.segments)
    lines = [f"{labelled.file}:{line}" for line in labelled.lines]
    for index in report.missing:
        text = _excerpt(gold.segments[index][0])
        found.problems.append(f"{lines[1 + index]}: segment {index} stands nowhere in {gold.path.name}: {text}")
    for block, line in _nearest_lines(labelled, page, report.unlabelled):
        place = f"{page.xpath(int(page.elements[block]))}: {_excerpt(page.texts[block])}"
        found.problems.append(f"{labelled.file}:{line}: text without a label, to follow here: {place}")
    for block in report.mixed:
        text = _excerpt(page.texts[block])
        found.notes.append(f"{lines[0]}: a block has segments of several labels, most words decide: {text}")
    if guesses := gold.settled.count(False):
        found.notes.append(f"{lines[0]}: {guesses} of {len(gold.settled)} labels are guesses that nobody confirmed.")


def _nearest_lines(labelled: _Labelled, page: Page, blocks: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Each block with the line of the segment after which it belongs."""
    known = {text: line for (text, _), line in zip(labelled.page.segments, labelled.lines[1:], strict=True)}
    for block in blocks:
        before = (known.get(" ".join(text.split())) for text in reversed(page.texts[:block]))
        yield block, next((line for line in before if line), labelled.lines[0])


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…")


# -- all pages -----------------------------------------------------------------------------------------------


def _same_twice(pages: Sequence[_Labelled]) -> Iterator[str]:
    for what in ("id", "url"):
        seen: dict[str, _Labelled] = {}
        for labelled in pages:
            value = getattr(labelled.page, what)
            first = seen.setdefault(value, labelled) if value else labelled
            if first is not labelled:
                yield f"{labelled.where}: the {what} {value!r} stands in {first.where} already."


def _nearly_same(pages: Sequence[_Labelled]) -> Iterator[str]:
    for first, second, share in near_duplicates([_subject(labelled.page) for labelled in pages]):
        one, other = pages[first], pages[second]
        apart = "" if one.file.parent == other.file.parent else ", and they lie in two folders"
        yield (
            f"{other.where}: {other.page.id!r} says nearly the same as {one.page.id!r} ({one.where}):"
            f" {share:.0%} of the content{apart}."
        )


def _subject(page: GoldPage) -> str:
    return "\n".join(text for text, label in page.segments if label == "content")
