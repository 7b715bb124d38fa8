"""Figures that must not sink, pinned in a file with digests of the data that they were measured on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from training.corpora import LAYOUT
from training.evaluate import Figures
from training.targets import at_most, title_of

MARGIN: Final = 0.003
"""How far a figure may sink: a change of arithmetic moves the fitted weights a little."""

GOLD: Final = ("dev.jsonl", "dev/pages/*")


def digests(corpora: Path | None, gold: Path | None) -> dict[str, str]:
    """SHA-256 over names and sizes of the files of each corpus in ``corpora``, and of the gold set."""
    roots = {name: (corpora / name, layout.values()) for name, layout in LAYOUT.items()} if corpora else {}
    found = {name: digest(root, patterns) for name, (root, patterns) in roots.items() if root.is_dir()}
    if gold is not None and gold.is_dir():
        found["gold"] = digest(gold, GOLD)
    return found


def digest(root: Path, patterns: Iterable[str]) -> str:
    """SHA-256 over the sorted names (below ``root``) and sizes of the files that match a pattern."""
    files = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    lines = sorted(f"{path.relative_to(root).as_posix()}\t{path.stat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_floors(figures: Figures, path: Path, *, lower: bool = False) -> None:
    """Pin each headline figure less ``MARGIN`` (plus it, for errors). Floors that stand only tighten.

    ``lower`` pins all anew, wherever they were.

    :raises ValueError: if a figure is below its floor or no longer measured, unless ``lower`` allows it.
    """
    floors = {name: _floor(name, figure.value) for name, figure in figures.headline.items()}
    if path.is_file() and not lower:
        if worse := _below(figures, _read(path)):
            raise ValueError(f"{' '.join(worse)} To pin lower floors, say so (lower=True).")
        for name, old in _read(path)["figures"].items():
            floors[name] = (min if at_most(name) else max)(old, floors[name])
    record = {"margin": MARGIN, "figures": floors, "data": dict(figures.data)}
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def check_floors(figures: Figures, path: Path) -> list[str]:
    """A sentence for each figure below its floor, and for each corpus other than floors were pinned on.

    :raises FileNotFoundError: if there is no file of floors.
    :raises ValueError: if it is none.
    """
    record = _read(path)
    return _below(figures, record) + _changed(figures.data, record["data"])


def _floor(name: str, value: float) -> float:
    return round(min(value + MARGIN, 1.0) if at_most(name) else max(value - MARGIN, 0.0), 4)


def _below(figures: Figures, record: Mapping[str, Any]) -> list[str]:
    found = []
    for name, floor in record["figures"].items():
        figure = figures.headline.get(name)
        if figure is None:
            found.append(f"{title_of(name)} was not measured, but has a floor.")
        elif at_most(name) and figure.value > floor:
            found.append(f"{title_of(name)} is {figure.value:.4f}, above its ceiling of {floor:.4f}.")
        elif not at_most(name) and figure.value < floor:
            found.append(f"{title_of(name)} is {figure.value:.4f}, below its floor of {floor:.4f}.")
    return found


def _changed(ours: Mapping[str, str], pinned: Mapping[str, str]) -> list[str]:
    return [
        f"The files of {name} are not those of the floors; unpack the same ones, or pin anew."
        for name in sorted(pinned.keys() | ours.keys())
        if ours.get(name) != pinned.get(name)
    ]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"No floors in {path}: write them first (write_floors).")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        dict(record["figures"]), dict(record["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no floors ({error!r}); write it anew (write_floors).") from None
    return dict(record)
