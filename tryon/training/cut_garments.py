"""A cache of garments without any ground: what the cut-out net sees laid over all kinds of it.

    python -m tryon.training.cut_garments CACHE_FOLDER --count 2400 --first-seed 7000000
    python -m tryon.training.cut_garments CACHE_FOLDER --photos FOLDER --cutouts FOLDER

Rendered garments of every cut, laid flat or filled out as on an invisible mannequin; and garments
of real photos, by cut-outs that somebody has checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.cuts import random_cut
from tryon.data.synthetic.fabrics import random_fabric
from tryon.data.synthetic.flatlay import laid_cloth
from tryon.data.synthetic.garments import garment_mesh
from tryon.data.synthetic.patterns import patterns
from tryon.pipelines.garment.cutout import continued
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.laying import laid, random_laying
from tryon.types import CATEGORIES

SIDE = 320
"""Pixels of the square that a cached garment lies in."""


@dataclass(frozen=True, eq=False, slots=True)
class CutGarments:
    """Arrays of n garments, mapped from files.

    rgb: uint8 (n, 320, 320, 3), continued outwards where there is no garment.
    alpha: uint8 (n, 320, 320), 255 = garment.
    """

    rgb: np.ndarray
    alpha: np.ndarray

    def __len__(self) -> int:
        return len(self.rgb)


@dataclass(frozen=True, eq=False, slots=True)
class Photographed(CutGarments):
    """Garments cut out of real photos.

    photo: uint8 (n, 320, 320, 3), the photos themselves, pressed into a square.
    rgb: the same, the garment continued beyond its outline.
    """

    photo: np.ndarray


def write_cut_garments(folder: Path, count: int, first_seed: int) -> None:
    """Render the garments of `count` seeds, going on where an earlier call stopped."""
    seeds = range(first_seed + cached_count(folder), first_seed + count)
    write_rows(folder, (_row(*rendered_garment(seed)) for seed in seeds), count)


def write_photographed(folder: Path, photos: Path, cutouts: Path) -> None:
    """Garments cut out of real photos: `photos/**/NAME.jpg` by the alpha in `cutouts/NAME.png`.

    Only as good as the cut-outs are: somebody has to have looked at them.
    """
    pairs = [(path, cutouts / f"{path.stem}.png") for path in sorted(photos.rglob("*.jpg"))]
    pairs = [pair for pair in pairs if pair[1].exists()]
    pairs = [pairs[i] for i in np.random.default_rng(0).permutation(len(pairs))]
    rows = (_photographed(*pair) for pair in pairs[cached_count(folder) :])
    write_rows(folder, rows, len(pairs))


def _photographed(photo: Path, cutout: Path) -> dict[str, np.ndarray]:
    size = (SIDE, SIDE)
    seen = cv2.imread(str(photo), cv2.IMREAD_COLOR_RGB)
    alpha = cv2.imread(str(cutout), cv2.IMREAD_GRAYSCALE)
    if seen is None or alpha is None:
        raise FileNotFoundError(f"cannot read {photo} or {cutout}")
    seen, alpha = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (seen, alpha))
    inside = cv2.erode((alpha > 240).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return {"photo": seen, "rgb": continued(seen, inside), "alpha": alpha}


def read_cut_garments(folder: Path) -> CutGarments:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, CutGarments)


def read_photographed(folder: Path) -> Photographed:
    """The cache of photographed garments in a folder."""
    return read_rows(folder, Photographed)


def rendered_garment(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The garment of this seed: colour uint8 (320, 320, 3) and alpha uint8 (320, 320)."""
    rng = np.random.default_rng(seed)
    category = CATEGORIES[rng.choice(3, p=[0.5, 0.25, 0.25])]
    cut = random_cut(rng, patterns().marks, category)
    fabric, _ = random_fabric(rng, cut, ())
    mesh = garment_mesh(cut, body_model(), patterns())
    mesh = laid(mesh, random_laying(rng, cut), patterns().marks)
    cloth = laid_cloth(rng, mesh, fabric, patterns(), (SIDE, SIDE))
    share = cloth.shown[..., 3]
    colour = cloth.shown[..., :3] * cloth.light.tint / np.maximum(share, 1e-3)[..., None]
    colour = np.clip(colour, 0, 255).astype(np.uint8)
    return continued(colour, share > 0.9), np.rint(share * 255).astype(np.uint8)


def _row(rgb: np.ndarray, alpha: np.ndarray) -> dict[str, np.ndarray]:
    return {"rgb": rgb, "alpha": alpha}


def main(arguments: Sequence[str] | None = None) -> None:
    """Render garments into a cache, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--first-seed", type=int, default=7_000_000)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--cutouts", type=Path)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    if options.photos is not None:
        write_photographed(options.folder, options.photos, options.cutouts)
        return
    write_cut_garments(options.folder, options.count, options.first_seed)


if __name__ == "__main__":
    main()
