"""VITON-HD on disk (Choi et al. 2021, CC BY-NC 4.0): women in upper garments, 768 x 1024.

```
ROOT/test_pairs.txt               "00891_00.jpg 01430_00.jpg": person, garment for unpaired try-on
ROOT/test/image/00891_00.jpg      the person
ROOT/test/cloth/00891_00.jpg      the garment that this person wears
```
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tryon.data.pairs import Pairing, PhotoPair, existing, listed_pairs

Split = Literal["train", "test"]


def vitonhd_pairs(
    root: Path, split: Split = "test", pairing: Pairing = "paired"
) -> Iterator[PhotoPair]:
    """The try-ons of a split, in the order of its list; a person's own garment has their name.

    Raises ImageNotFoundError or InputError.
    """
    folder = root / split
    for person, other in listed_pairs(root / f"{split}_pairs.txt"):
        garment = person if pairing == "paired" else other
        yield PhotoPair(
            existing(folder / "image" / person), existing(folder / "cloth" / garment), "upper"
        )
