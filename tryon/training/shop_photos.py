"""A cache of drawn shop photos on disk: what placement learns from, beside rendered flat-lays.

python -m tryon.training.shop_photos CACHE_FOLDER --count 12000 --first-seed 6000000
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tryon.data.synthetic.garment.shop_photo import ShopPhoto, random_shop_photo
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.samples import packed_uv
from tryon.types import CATEGORIES, Category

SIZE = 192
_SHARES = (0.6, 0.18, 0.22)


@dataclass(frozen=True, eq=False, slots=True)
class ShopPhotoCache:
    """Arrays of n garments at (H, W), mapped from files.

    luminance, labels, pieces: uint8 (n, H, W), as in `ShopPhoto`. uv: uint16 (n, H, W, 2),
    65535 = 1. categories: uint8 (n,), index into `CATEGORIES`.
    """

    luminance: np.ndarray
    uv: np.ndarray
    labels: np.ndarray
    pieces: np.ndarray
    categories: np.ndarray

    def __len__(self) -> int:
        return len(self.categories)


def write_shop_photo_cache(folder: Path, count: int, first_seed: int) -> None:
    """Draw the photos of `count` seeds, going on where an earlier call stopped."""
    seeds = range(first_seed + cached_count(folder), first_seed + count)
    write_rows(folder, (_packed(*shop_photo_of(seed)) for seed in seeds), count)


def read_shop_photo_cache(folder: Path) -> ShopPhotoCache:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, ShopPhotoCache)


def shop_photo_of(seed: int) -> tuple[ShopPhoto, Category]:
    """The photo of this seed, and what it shows."""
    rng = np.random.default_rng(seed)
    category = CATEGORIES[rng.choice(3, p=_SHARES)]
    return random_shop_photo(rng, category, SIZE), category


def _packed(photo: ShopPhoto, category: Category) -> dict[str, np.ndarray]:
    return {
        "luminance": photo.luminance,
        "uv": packed_uv(photo.uv),
        "labels": photo.labels,
        "pieces": photo.pieces,
        "categories": np.array(CATEGORIES.index(category), np.uint8),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw photos into a cache, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=12000)
    parser.add_argument("--first-seed", type=int, default=6_000_000)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    write_shop_photo_cache(options.folder, options.count, options.first_seed)


if __name__ == "__main__":
    main()
