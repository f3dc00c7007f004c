"""What the readers of published data sets give: a person photo and the garment to put on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tryon.errors import ImageNotFoundError, InputError
from tryon.types import Category

Pairing = Literal["paired", "unpaired"]
"""`paired`: the garment is the one that the person wears, so the photo is the truth."""


@dataclass(frozen=True, slots=True)
class PhotoPair:
    """One try-on of a data set: files that exist, and the garment's category."""

    person: Path
    garment: Path
    category: Category

    @property
    def name(self) -> str:
        """Person and garment, as in 00055_00-04743_00."""
        return f"{self.person.stem}-{self.garment.stem}"


def listed_pairs(path: Path) -> list[tuple[str, str]]:
    """The first two words of every line of a list of pairs that is not empty.

    Raises ImageNotFoundError if there is no such list, InputError if a line has a single word.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ImageNotFoundError(
            "the list of pairs is not there", path=path, remedy="Give the data set's own folder."
        ) from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if len(words) == 1:
            raise InputError(f"line {number} does not name a person and a garment", path=path)
        if words:
            pairs.append((words[0], words[1]))
    return pairs


def existing(path: Path) -> Path:
    """The path. Raises ImageNotFoundError if no file is there."""
    if not path.is_file():
        raise ImageNotFoundError("a list names this photo, but it is not there", path=path)
    return path
