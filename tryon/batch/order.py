"""The order in which rows are done: those that share work side by side, in pieces for workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tryon.batch.rows import Row

LARGEST_CHUNK = 32


def grouped(rows: Iterable[Row], window: int) -> Iterator[Row]:
    """The rows, sorted within windows so that those with the same LoRA and person are neighbours.

    A person's photo is the dearest to prepare and to keep; garments are cheap to keep.
    """
    iterator = iter(rows)
    while some := list(islice(iterator, window)):
        yield from sorted(some, key=_shared_work)


def _shared_work(row: Row) -> tuple[Any, ...]:
    return row.person, row.options.get("lora", ()), row.garment or row.sku or "", row.line


def chunks(rows: Iterable[Row], total: int, workers: int) -> Iterator[list[Row]]:
    """The rows in lists that shrink towards the end, so that all workers end together.

    ("Guided self-scheduling", Polychronopoulos and Kuck 1987.)
    """
    iterator = iter(rows)
    left = total
    while True:
        size = max(1, min(LARGEST_CHUNK, left // (4 * max(workers, 1))))
        chunk = list(islice(iterator, size))
        if not chunk:
            return
        left = max(left - len(chunk), 0)
        yield chunk
