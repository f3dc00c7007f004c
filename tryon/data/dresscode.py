"""DressCode on disk (Morelli et al. 2022, for academic use only): three kinds of garments.

```
ROOT/{upper_body,lower_body,dresses}/
  test_pairs_paired.txt  test_pairs_unpaired.txt  train_pairs.txt    "013563_0.jpg 013563_1.jpg"
  images/013563_0.jpg    the person
  images/013563_1.jpg    a garment
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tryon.data.pairs import Pairing, PhotoPair, existing, listed_pairs
from tryon.errors import ImageNotFoundError, OptionError
from tryon.types import CATEGORIES, Category

FOLDERS: dict[Category, str] = {"upper": "upper_body", "lower": "lower_body", "dress": "dresses"}


def dresscode_pairs(
    root: Path,
    split: str = "test",
    pairing: Pairing = "paired",
    categories: Sequence[Category] = CATEGORIES,
) -> Iterator[PhotoPair]:
    """The try-ons of a split, category by category, in the order of their lists.

    A category whose folder is missing is left out. Raises ImageNotFoundError if all are, or a
    listed photo is; OptionError for unpaired training data, which has no list.
    """
    if split == "train" and pairing == "unpaired":
        raise OptionError("DressCode lists no unpaired garments to train on")
    there = [name for name in categories if (root / FOLDERS[name]).is_dir()]
    if not there:
        wanted = ", ".join(FOLDERS[name] for name in categories)
        raise ImageNotFoundError(f"none of {wanted} is here", path=root)
    for category in there:
        folder = root / FOLDERS[category]
        list_name = "train_pairs.txt" if split == "train" else f"test_pairs_{pairing}.txt"
        for person, garment in listed_pairs(folder / list_name):
            images = folder / "images"
            yield PhotoPair(existing(images / person), existing(images / garment), category)
