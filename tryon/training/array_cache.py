"""Rows of arrays on disk, one `.npy` file for each array: what is rendered once and read often.

`count.json` says how many rows are whole, so that a trainer may read along and a writer that was
cut off goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import numpy as np

Row = Mapping[str, np.ndarray]
Cache = TypeVar("Cache")


def write_rows(folder: Path, rows: Iterable[Row], count: int) -> None:
    """Write rows until `count` are there, going on after those in `cached_count(folder)`.

    rows: the missing ones, or more; all have the same names, shapes and types.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {}
    for index, row in zip(range(cached_count(folder), count), rows, strict=False):
        arrays = arrays or _opened(folder, row, count)
        for name, value in row.items():
            arrays[name][index] = value
        partial = folder / "count.partial"
        partial.write_text(json.dumps(index + 1))
        os.replace(partial, folder / "count.json")


def cached_count(folder: Path) -> int:
    """How many rows the cache in a folder holds."""
    file = folder / "count.json"
    return int(json.loads(file.read_text())) if file.exists() else 0


def read_rows(folder: Path, kind: type[Cache]) -> Cache:
    """A dataclass of arrays, mapped from files, as far as they were written."""
    count = cached_count(folder)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: np.load(folder / f"{name}.npy", mmap_mode="r")[:count] for name in names})


def _opened(folder: Path, row: Row, count: int) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, value in row.items():
        file = folder / f"{name}.npy"
        if file.exists():
            arrays[name] = np.lib.format.open_memmap(file, mode="r+")
        else:
            shape = (count, *value.shape)
            arrays[name] = np.lib.format.open_memmap(file, "w+", dtype=value.dtype, shape=shape)
    return arrays
