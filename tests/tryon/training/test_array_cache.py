"""Rows on disk: written once, read along, gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tryon.training.array_cache import cached_count, read_rows, write_rows


@dataclass(frozen=True, eq=False, slots=True)
class Numbers:
    plane: np.ndarray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.name)


def rows(first: int, stop: int | None = None) -> Iterator[dict[str, np.ndarray]]:
    number = first
    while True:
        if number == stop:
            raise KeyboardInterrupt
        yield {"plane": np.full((2, 3), number, np.uint16), "name": np.array(number, np.int64)}
        number += 1


def test_nothing_is_there_before_the_first_row(tmp_path: Path) -> None:
    assert cached_count(tmp_path / "none") == 0


def test_rows_keep_their_shapes_and_types(tmp_path: Path) -> None:
    write_rows(tmp_path, rows(7), 3)
    found = read_rows(tmp_path, Numbers)
    assert len(found) == 3 and found.plane.dtype == np.uint16 and found.plane.shape == (3, 2, 3)
    assert found.plane[:, 0, 0].tolist() == found.name.tolist() == [7, 8, 9]


def test_a_writer_that_was_cut_off_goes_on_and_a_reader_sees_whole_rows_only(
    tmp_path: Path,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path, rows(0, stop=2), 4)
    assert read_rows(tmp_path, Numbers).name.tolist() == [0, 1]
    write_rows(tmp_path, rows(12), 4)
    assert read_rows(tmp_path, Numbers).name.tolist() == [0, 1, 12, 13]


def test_a_full_cache_asks_for_no_more_rows(tmp_path: Path) -> None:
    write_rows(tmp_path, rows(0), 2)
    write_rows(tmp_path, rows(0, stop=0), 2)
    assert cached_count(tmp_path) == 2
