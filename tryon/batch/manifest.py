"""A manifest as rows: cross products spread out one by one, and everything wrong told by line."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from os import PathLike
from typing import Any

from tryon.batch.inputs import Inputs
from tryon.batch.naming import NameTemplate
from tryon.batch.readers import Record, records_of
from tryon.batch.rows import COLUMNS, ERROR, BadRow, Row, default_id, lora_place, row_of
from tryon.catalog import Catalog
from tryon.catalog_record import named_sku
from tryon.errors import CatalogError, RowError, TryOnError
from tryon.options import lora_and_weight

Source = str | PathLike[str] | Iterable[Mapping[str, Any]]
MANY = {"people": "person", "garments": "garment", "skus": "sku"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows of a file, or of records that can be gone through more than once.

    source: a JSON Lines, CSV or Parquet file, or an iterable of mappings.
    inputs: where the rows' files may lie.
    name: what the pictures are called, where they are not called after all they are made from.
    known_sku: whether a garment goes by this SKU, where that is cheap to tell.
    results: the folder of the pictures, where one may be replaced: no input may lie there.
    """

    source: Source
    inputs: Inputs
    name: NameTemplate | None = None
    known_sku: Callable[[str], bool] | None = None
    results: str | None = None

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Each row once, or what is wrong with it. Nothing is kept but the ids, on disk."""
        with _Names() as names:
            for record in self._records():
                if isinstance(record, BadRow):
                    yield record
                    continue
                for row in self._rows(record):
                    yield row if isinstance(row, BadRow) else self._checked(row, names)

    def rows(self) -> Iterator[Row]:
        """The rows that can be done."""
        return (row for row in self if isinstance(row, Row))

    def _records(self) -> Iterator[Record | BadRow]:
        if isinstance(self.source, str | PathLike):
            yield from records_of(self.source)
            return
        for line, values in enumerate(self.source, start=1):
            if isinstance(values, Mapping):
                yield Record(line, values)
            else:
                yield BadRow(line, f"a row is a mapping, not {type(values).__name__}")

    def _rows(self, record: Record) -> Iterator[Row | BadRow]:
        try:
            if any(record.values.get(name) not in (None, "") for name in MANY):
                yield from spread(record, self.inputs)
            else:
                yield row_of(record.values, record.line, text=record.text)
        except (TryOnError, OSError) as error:
            reason = error.reason if isinstance(error, TryOnError) else str(error)
            yield BadRow(record.line, reason, record.values)

    def _checked(self, row: Row, names: _Names) -> Row | BadRow:
        """The row itself, if its files are where they may be and nobody has its name."""
        try:
            for place in (row.person, row.garment, row.mask):
                if place is not None:
                    path = self.inputs.locate(place).path
                    if self.results is not None and path.startswith(f"{self.results}/"):
                        raise RowError(f"{place!r} lies where the pictures go, and may be replaced")
            for lora in row.loras:
                if named_sku(lora) is None:
                    self.inputs.locate(lora_place(lora_and_weight(lora)[0]))
            if row.sku is not None and self.known_sku is not None and not self.known_sku(row.sku):
                raise RowError(f"no garment of the catalogue is called {row.sku!r}")
            names.add("id", row.id, row.line)
            if row.output is not None:
                names.add("output", row.output, row.line)
            if self.name is not None:
                row = replace(row, name=self.name.of(row))
                assert row.name is not None
                names.add("name", row.name.casefold(), row.line)
        except NameTakenError as error:
            return BadRow(row.line, error.reason, row.as_record(), collides=True)
        except (TryOnError, ValueError, OSError) as error:
            reason = error.reason if isinstance(error, TryOnError) else str(error)
            return BadRow(row.line, reason, row.as_record())
        return row


def spread(record: Record, inputs: Inputs) -> Iterator[Row]:
    """The rows of a cross product: every one of `people` in every one of `garments` (or `skus`).

    Each of the two is a list, a folder, or a pattern such as `people/*.jpg`. The row's other
    columns hold for all. Ids are the files' names, after the row's own id if it has one.

    Raises RowError.
    """
    values = dict(record.values)
    if unfit := [name for name in ("person", "garment", "sku", "output") if values.get(name)]:
        raise RowError(f"a row with many people or garments has no {unfit[0]} of its own")
    if values.get("skus") and values.get("garments"):
        raise RowError("there are both garments and skus")
    people = _many("people", values.pop("people", None), inputs, record.text)
    skus = values.pop("skus", None)
    kind = "sku" if skus else "garment"
    garments = _many(kind + "s", values.pop("garments", None) or skus, inputs, record.text)
    prefix = f"{values['id']}__" if values.get("id") else ""
    first = values | {"person": people[0], kind: garments[0]}
    template = row_of(first, record.line, text=record.text)
    for person, garment in itertools.product(people, garments):
        name = prefix + default_id(person, garment)
        # Only what differs is looked at again.
        row_of({"id": name, "person": person, kind: garment}, record.line)
        if kind == "sku":
            yield replace(template, id=name, person=person, sku=garment)
        else:
            yield replace(template, id=name, person=person, garment=garment)


def _many(name: str, value: Any, inputs: Inputs, text: bool) -> list[str]:
    if isinstance(value, str) and value:
        if name == "skus" or (text and ";" in value):
            return [part.strip() for part in value.split(";") if part.strip()]
        return inputs.listed(value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return value
    raise RowError(f"{name} is neither a list of names nor a folder or pattern")


class NameTakenError(RowError):
    """Two rows whose pictures would have the same name."""


class _Names:
    """Which names are taken, and since which line. On disk once there are many."""

    def __enter__(self) -> _Names:
        self._database = sqlite3.connect("")
        self._database.execute(
            "CREATE TABLE taken (name TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID"
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    def add(self, kind: str, name: str, line: int) -> None:
        """Take a name. Raises RowError if it is taken."""
        key = f"{kind} {name}"
        add = "INSERT OR IGNORE INTO taken VALUES (?, ?)"
        if self._database.execute(add, (key, line)).rowcount == 0:
            find = "SELECT line FROM taken WHERE name = ?"
            (first,) = self._database.execute(find, (key,)).fetchone()
            wrong = NameTakenError if kind == "name" else RowError
            raise wrong(f"the {kind} {name[:80]!r} stands on line {first} already")


def known_skus(catalog: str) -> Callable[[str], bool] | None:
    """Whether the catalogue has a garment, asked once for each; None where asking takes long."""
    store = Catalog(catalog)
    if not store.store.is_local:
        return None

    @lru_cache(maxsize=100_000)
    def known(sku: str) -> bool:
        try:
            return sku in store
        except CatalogError:  # said of the row when it is its turn
            return True

    return known


def likely_typing_errors(columns: Iterable[str]) -> dict[str, str]:
    """Unknown columns that look like known ones, and which."""
    known = [*COLUMNS, *MANY, ERROR]
    found = {}
    for column in columns:
        close = get_close_matches(column, known, n=1, cutoff=0.8)
        if column not in known and close:
            found[column] = close[0]
    return found
