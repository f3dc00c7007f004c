"""A cache of rendered flat-lays on disk, cut out as the pipeline does it: what placement learns.

    python -m tryon.training.flat_lays CACHE_FOLDER --count 6000 --first-seed 5000000

Garments of every cut, in more positions than the person samples have: with roundness, as on an
invisible mannequin, sleeves at any angle and bent, and open or buttoned jackets.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.cuts import Cut, random_cut, random_jacket
from tryon.data.synthetic.fabrics import random_fabric
from tryon.data.synthetic.flatlay import flat_lay_photo
from tryon.data.synthetic.garments import garment_mesh
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.sample import GarmentPhoto
from tryon.errors import GarmentError
from tryon.perception import CUTOUT
from tryon.pipelines.bodymap_net import DenseNet, load_dense_net
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.placement import PIECES
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.laying import laid, random_laying
from tryon.training.samples import packed_uv
from tryon.types import CATEGORIES, Category

RENDERED = (384, 288)  # (height, width) at which garments are photographed and cut out
KEPT = (256, 192)  # and at which they are kept
_CROTCH, _ARMHOLE = 0.52, 0.085  # v, and |u - 0.5| of the shoulder's seam


@dataclass(frozen=True, eq=False, slots=True)
class FlatLayCache:
    """Arrays of n flat-lays at (H, W), mapped from files.

    luminance: uint8 (n, H, W). alpha: uint8 (n, H, W), the cut-out of the pipeline; all 0 where
    it found none.
    uv: uint16 (n, H, W, 2), 65535 = 1. labels: uint8 (n, H, W): 0 background, 1 outside of the
    front, 2 inside of the back. categories: uint8 (n,), index into `CATEGORIES`.
    """

    luminance: np.ndarray
    alpha: np.ndarray
    uv: np.ndarray
    labels: np.ndarray
    categories: np.ndarray

    def __len__(self) -> int:
        return len(self.categories)


def write_flat_lay_cache(folder: Path, count: int, first_seed: int) -> None:
    """Render the flat-lays of `count` seeds, going on where an earlier call stopped."""
    seeds = range(first_seed + cached_count(folder), first_seed + count)
    net = load_dense_net(CUTOUT)
    write_rows(folder, (_packed(net, *random_flat_lay(seed)) for seed in seeds), count)


def read_flat_lay_cache(folder: Path) -> FlatLayCache:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, FlatLayCache)


def random_flat_lay(seed: int) -> tuple[GarmentPhoto, Category]:
    """The photo of this seed, and what it shows."""
    rng = np.random.default_rng(seed)
    category = CATEGORIES[rng.choice(3, p=[0.5, 0.25, 0.25])]
    cut = _random_cut(rng, category)
    fabric, _ = random_fabric(rng, cut, ())
    mesh = garment_mesh(cut, body_model(), patterns())
    mesh = laid(mesh, random_laying(rng, cut), patterns().marks)
    return flat_lay_photo(rng, mesh, fabric, patterns(), RENDERED), category


def pieces_of(uv: np.ndarray, labels: np.ndarray, category: Category, unknown: int) -> np.ndarray:
    """uint8 (h, w): which piece (index into `PIECES`) a rendered garment shows, as far as its place
    on the body tells; `unknown` near the shoulder and on what may be a skirt or two legs.

    uv: float32 (h, w, 2). labels: uint8 (h, w), 0 = no garment.
    """
    aside, down = np.abs(uv[..., 0] - 0.5), uv[..., 1]
    side = (uv[..., 0] < 0.5).astype(np.uint8)
    pieces = np.zeros(labels.shape, np.uint8)
    if category == "lower":
        pieces[down > _CROTCH] = unknown
        return pieces
    out = aside - _ARMHOLE - 0.55 * np.maximum(down - 0.24, 0)
    arm = (down < 0.46) & (out > 0.02)
    pieces[arm] = PIECES.index("left_sleeve") + side[arm]
    pieces[(down < 0.46) & (np.abs(out) <= 0.02)] = unknown
    return pieces


def _random_cut(rng: np.random.Generator, category: Category) -> Cut:
    marks = patterns().marks
    if category != "upper" or rng.random() > 0.2:
        return random_cut(rng, marks, category)
    jacket = random_jacket(rng, marks)
    if rng.random() < 0.6:  # buttoned
        return replace(jacket, opening=0.0, placket=True)
    return replace(jacket, opening=rng.uniform(0.005, 0.11))


def _packed(net: DenseNet, photo: GarmentPhoto, category: Category) -> dict[str, np.ndarray]:
    size = KEPT[::-1]
    try:
        alpha = garment_cutout(net, Image.fromarray(photo.image)).alpha
    except GarmentError:
        alpha = np.zeros(RENDERED, np.uint8)
    labels = np.where(photo.mask, photo.layer, 0).astype(np.uint8)
    luminance = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
    return {
        "luminance": cv2.resize(luminance, size, interpolation=cv2.INTER_AREA),
        "alpha": cv2.resize(alpha, size, interpolation=cv2.INTER_AREA),
        "uv": cv2.resize(packed_uv(photo.uv), size, interpolation=cv2.INTER_NEAREST),
        "labels": cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST),
        "categories": np.array(CATEGORIES.index(category), np.uint8),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Render flat-lays into a cache, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first-seed", type=int, default=5_000_000)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    write_flat_lay_cache(options.folder, options.count, options.first_seed)


if __name__ == "__main__":
    main()
