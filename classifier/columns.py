"""Tables of named columns: what a feature group gives, and what the network takes.

Blocks that share all of a table's values may share a row of it: what is worked out for each row is then worked out
once. Nearly half of the features hold for the whole page or for all blocks inside the same tags and names; a page of
257 blocks had 49 of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Named columns of a feature matrix of ``m`` blocks."""

    names: tuple[str, ...]
    values: Floats
    """(rows, len(names))"""
    rows: Longs | None = None
    """(m) the row of each block; None where each has its own, in order"""

    def whole(self) -> Floats:
        """(m, len(names)) the values of each block."""
        return self.values if self.rows is None else self.values.take(self.rows, axis=0)


def columns(named: Mapping[str, npt.NDArray[np.generic]]) -> Columns:
    """Columns (m, k) from named arrays (m)."""
    values = np.empty((len(next(iter(named.values()))), len(named)), np.float32)
    for number, column in enumerate(named.values()):
        values[:, number] = column
    return Columns(tuple(named), values)


def grid(prefix: str, rows: Sequence[object], names: Sequence[str], values: npt.NDArray[np.generic]) -> Columns:
    """Columns from ``values`` (m, rows, names)."""
    flat = values.reshape(len(values), len(rows) * len(names)).astype(np.float32, copy=False)
    return Columns(grid_names(prefix, tuple(rows), tuple(names)), flat)


@lru_cache(256)
def grid_names(prefix: str, rows: tuple[object, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """A name for each pair of a row and a name."""
    return tuple(f"{prefix}{row}_{name}" for row in rows for name in names)


def join(*parts: Columns) -> Columns:
    """Tables of the same blocks side by side."""
    names = _joined_names(tuple(part.names for part in parts))
    return Columns(names, np.concatenate([part.whole() for part in parts], axis=1))


@lru_cache(256)
def _joined_names(parts: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part)
