"""A folder of pairs: people, and photos of the very garments that they wear.

```
DIR/
  index.tsv        name  category  person  garment   (a header line; further columns are not read)
  NAME_person.jpg  NAME_garment.jpg                  (whatever the columns person and garment say)
  NAME_worn.png    what the garment covers on that person of what can be seen, 255; if known
```
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tryon.data.pairs import existing
from tryon.errors import ImageNotFoundError, InputError
from tryon.images import load_mask
from tryon.types import CATEGORIES, Category

INDEX = "index.tsv"
_COLUMNS = ("name", "category", "person", "garment")


@dataclass(frozen=True, slots=True)
class WornPair:
    """One line of the index: files that exist. worn: the mask of what the garment covers."""

    name: str
    category: Category
    person: Path
    garment: Path
    worn: Path | None

    def covered(self, size: tuple[int, int]) -> np.ndarray | None:
        """bool (H, W), where the garment is seen on the person; None if nobody has marked it.

        size: (width, height) of the person photo. Raises ImageError or MaskError.
        """
        return None if self.worn is None else np.asarray(load_mask(self.worn, size)) > 127


def worn_pairs(root: Path) -> list[WornPair]:
    """The pairs of a folder, in the order of its index.

    Raises ImageNotFoundError if the index or a photo is missing, InputError for a line that is not
    understood.
    """
    path = root / INDEX
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise ImageNotFoundError(
            f"the index of the pairs cannot be read ({error})",
            path=path,
            remedy="Give a folder that has an index.tsv.",
        ) from error
    return [_pair(root, path, number, line) for number, line in enumerate(lines, start=2)]


def _pair(root: Path, index: Path, number: int, line: dict[str, str | None]) -> WornPair:
    name, category, person, garment = (line.get(column) for column in _COLUMNS)
    if not name or not person or not garment:
        raise InputError(f"line {number} lacks one of {', '.join(_COLUMNS)}", path=index)
    if category not in CATEGORIES:
        raise InputError(f"line {number} has the category {category!r}", path=index)
    worn = root / f"{name}_worn.png"
    return WornPair(
        name,
        category,
        existing(root / person),
        existing(root / garment),
        worn if worn.is_file() else None,
    )
