"""File names that a shop chooses: `{sku}_{view}`, filled with what a row says."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from string import Formatter

from tryon.batch.rows import Row
from tryon.errors import OptionError, RowError

LONGEST_PART = 150  # bytes of a folder's or a file's name, before its extension
_UNFIT = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class NameTemplate:
    """The path of a picture below the folder of pictures, without its extension.

    text: names of columns in braces; `/` makes folders. `{person}` and `{garment}` are the files'
    names without folder and extension. Raises OptionError for anything else in braces.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError as error:
            raise OptionError(f"the name {self.text!r} is broken: {error}") from error
        odd = [p for p in parts if p[1] is not None and (not p[1].isidentifier() or p[2] or p[3])]
        if odd or not any(part[1] for part in parts):
            raise OptionError(
                f"the name {self.text!r} is no template",
                remedy="Put names of columns into braces, such as {sku}_{view}.",
            )

    def of(self, row: Row) -> str:
        """The row's name. Raises RowError if it lacks a column, or what is made is no name."""
        values = row.as_record() | {"id": row.id, "person": _stem(row.person)}
        if row.garment is not None:
            values["garment"] = _stem(row.garment)
        made = ""
        for literal, name, _, _ in Formatter().parse(self.text):
            made += literal
            if name is None:
                continue
            value = values.get(name)
            if value is None or isinstance(value, dict | list) or not (text := _clean(str(value))):
                raise RowError(f"there is no {name!r} for the name {self.text!r}")
            made += text
        parts = made.split("/")
        if any(not p or p.startswith(".") or len(p.encode()) > LONGEST_PART for p in parts):
            raise RowError(f"{made[:200]!r} is no name for a file")
        return made


def _clean(value: str) -> str:
    return _UNFIT.sub("-", unicodedata.normalize("NFC", value.strip())).strip("-.")


def _stem(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name
