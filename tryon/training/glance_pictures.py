"""Cut-outs of garments and of other things, small and upright: what the glance learns from.

    python -m tryon.training.glance_pictures CACHE --garments DIR --objects DIR --patches DIR

`--garments` holds a folder for each class of `FOLDERS`, with photographs or cut-outs (RGBA);
`--objects` pictures of other things, cut out (RGBA), named by code points as emoji are;
`--patches` photographs of anything but clothes, of which pieces are taken. Rendered flat-lays and
drawn shapes come on top, and with `--shop` and `--flat-lays` garments of the caches of
`tryon.training.shop_photos` and `tryon.training.flat_lays`, which have no colours.
"""

from __future__ import annotations

import argparse
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tryon.errors import GarmentError
from tryon.images import load_cutout
from tryon.perception import CUTOUT
from tryon.pipelines.bodymap_net import load_dense_net
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.flat_lays import random_flat_lay
from tryon.training.other_things import blob, drawn_thing
from tryon.types import CATEGORIES

log = logging.getLogger(__name__)

PICTURE_SIZE = 128
_SHOP, _FLAT = 1200, 400  # garments of the caches
_PATCHES = 10  # of a photograph
OTHER = len(CATEGORIES)  # the kind of what is no garment
FOLDERS = {
    "outwear": "upper",
    "shirt": "upper",
    "t-shirt": "upper",
    "longsleeve": "upper",
    "pants": "lower",
    "shorts": "lower",
    "skirt": "lower",
    "dress": "dress",
}
_CODE_POINTS = re.compile(r"[0-9a-f]{2,6}(-[0-9a-f]{2,6})*")
# Words in the names of characters that show clothes, or people who wear some.
_CLOTHED = re.compile(
    r"\b(SHIRT|JEANS|DRESS|KIMONO|BIKINI|CLOTHES|COAT|VEST|SARI|SWIMSUIT|BRIEFS|SHORTS|UNIFORM|"
    r"JACKET|MAN|MEN|WOMAN|WOMEN|PERSON|PEOPLE|BOY|GIRL|BABY|CHILD|ADULT|FAMILY|COUPLE|KISS|"
    r"PRINCE|PRINCESS|BRIDE|POLICE|GUARDSMAN|WORKER|DANCER|SURFER|RUNNER|SWIMMER|LIFTER|ANGEL|"
    r"CLAUS|CHRISTMAS|MAGE|FAIRY|VAMPIRE|ELF|GENIE|ZOMBIE|TROLL|SUPERHERO|SUPERVILLAIN|NINJA|"
    r"DETECTIVE|TURBAN|PREGNANT|BICYCLIST|HAIRCUT|MASSAGE|BOW|GESTURE|CARTWHEEL|WRESTLERS|POLO|"
    r"HANDBALL|JUGGLING|SELFIE|SNOWBOARDER|GOLFER|HORSE RACING|LEVITATING|SILHOUETTE|SILHOUETTES|"
    r"BUST|REGIONAL|FITZPATRICK|SLEEPING|BATH|ROWBOAT|FENCER|CLIMBING)\b"
)


@dataclass(frozen=True, eq=False, slots=True)
class GlancePictures:
    """n cut-outs, mapped from files.

    pictures: uint8 (n, 128, 128, 4), RGBA, the thing in the middle, upright.
    kinds: uint8 (n,), index into `CATEGORIES`, or `OTHER`.
    sources: uint16 (n,), which of the photographs it is, from 1 on; 0 if it is none.
    """

    pictures: np.ndarray
    kinds: np.ndarray
    sources: np.ndarray

    def __len__(self) -> int:
        return len(self.kinds)


Row = dict[str, np.ndarray]


def read_glance_pictures(folder: Path) -> GlancePictures:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, GlancePictures)


def garment_files(folder: Path) -> list[tuple[Path, str]]:
    """Every photograph below a folder of class folders with its category, in a fixed order."""
    return [
        (path, category)
        for name, category in FOLDERS.items()
        for path in sorted((folder / name).glob("*.*"))
    ]


def photographed(folder: Path) -> Iterator[Row]:
    """The garments of `garment_files` as the pipeline cuts them out, and pieces of their ground:
    what a cut-out holds that went wrong altogether."""
    net = load_dense_net(CUTOUT)
    for source, (path, category) in enumerate(garment_files(folder), start=1):
        try:
            cutout = garment_cutout(net, load_cutout(path))
        except GarmentError as error:
            log.info("%s: %s", path.name, error)
            continue
        yield _row(cutout.image, cutout.alpha, CATEGORIES.index(category), source)
        rng = np.random.default_rng(source)
        ground = cutout.image.copy()
        piece = np.where(cutout.alpha > 0, 0, blob(rng, *cutout.alpha.shape))
        if source % 3 == 0 and np.count_nonzero(piece > 127) > 0.03 * piece.size:
            yield _row(ground, piece.astype(np.uint8), OTHER, source)


def rendered(seeds: range) -> Iterator[Row]:
    """Rendered flat-lays, cut out by the truth."""
    for seed in seeds:
        photo, category = random_flat_lay(seed)
        alpha = np.where(photo.mask, 255, 0).astype(np.uint8)
        yield _row(photo.image, alpha, CATEGORIES.index(category))


def tinted(folder: Path, mask: str, count: int) -> Iterator[Row]:
    """The first garments of a cache of grey pictures, coloured.

    mask: the name of the array that is above 0 where the garment is.
    """
    planes = [np.load(folder / f"{name}.npy", "r") for name in ("luminance", mask, "categories")]
    for index in range(min(count, cached_count(folder))):
        light, there, kind = (plane[index] for plane in planes)
        rng = np.random.default_rng(index)
        tint = rng.uniform(0.5, 1.3, 3) * (light.astype(np.float32)[..., None] + rng.normal() * 20)
        alpha = np.where(there > 0, 255, 0).astype(np.uint8)
        if alpha.any():
            yield _row(np.clip(tint, 0, 255).astype(np.uint8), alpha, int(kind))


def other_things(folder: Path, drawn: int) -> Iterator[Row]:
    """Pictures of other things, and shapes and pages that are drawn."""
    for path in sorted(folder.glob("*.*")):
        if not (_CODE_POINTS.fullmatch(path.stem) and shows_clothes(path.stem)):
            rgba = np.asarray(load_cutout(path))
            yield _row(rgba[..., :3], rgba[..., 3], OTHER)
    for seed in range(drawn):
        rgba = drawn_thing(np.random.default_rng(seed))
        yield _row(rgba[..., :3], rgba[..., 3], OTHER)


def flattened(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """uint8 (128, 128, 4): a garment as a drawing: one colour, perhaps with a band across."""
    flat = picture.copy()
    flat[..., :3] = rng.integers(0, 256, 3)
    if rng.random() < 0.5:
        top = int(rng.integers(20, 100))
        flat[top : top + int(rng.integers(4, 24)), :, :3] = rng.integers(0, 256, 3)
    return flat


def patches(folder: Path) -> Iterator[Row]:
    """Pieces of photographs of anything but clothes: what a cut-out finds where no garment is."""
    rng = np.random.default_rng(0)
    for path in sorted(folder.glob("*.*")):
        photo = np.asarray(load_cutout(path))[..., :3]
        height, width = photo.shape[:2]
        for number in range(_PATCHES):
            side = int(rng.uniform(0.3, 0.9) * min(height, width))
            top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            patch = np.ascontiguousarray(photo[top : top + side, left : left + side])
            alpha = blob(rng, side, side) if number % 3 else np.full((side, side), 255, np.uint8)
            yield _row(patch, alpha, OTHER)


def shows_clothes(code_points: str) -> bool:
    """Whether the emoji of these code points (hexadecimal, joined by "-") shows clothes or people.

    >>> shows_clothes("1f457"), shows_clothes("1f408")
    (True, False)
    """
    points = [int(point, 16) for point in code_points.split("-")]
    return any(_CLOTHED.search(unicodedata.name(chr(point), "")) for point in points)


def _row(image: np.ndarray, alpha: np.ndarray, kind: int, source: int = 0) -> Row:
    """A cut-out, its extent as large as the picture allows."""
    rows, columns = np.nonzero((alpha > 127).any(1))[0], np.nonzero((alpha > 127).any(0))[0]
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    rgba = np.dstack([image[box], alpha[box]])
    height, width = rgba.shape[:2]
    scale = PICTURE_SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(rgba), size, interpolation=way)
    picture = np.zeros((PICTURE_SIZE, PICTURE_SIZE, 4), np.uint8)
    top, left = (PICTURE_SIZE - size[1]) // 2, (PICTURE_SIZE - size[0]) // 2
    picture[top : top + size[1], left : left + size[0]] = small
    return {
        "pictures": picture,
        "kinds": np.array(kind, np.uint8),
        "sources": np.array(source, np.uint16),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the cache anew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--garments", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--rendered", type=int, default=240)
    parser.add_argument("--first-seed", type=int, default=7_000_000)
    parser.add_argument("--drawn", type=int, default=400)
    parser.add_argument("--shop", type=Path)
    parser.add_argument("--flat-lays", type=Path)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows = [
        *photographed(options.garments),
        *other_things(options.objects, options.drawn),
        *patches(options.patches),
        *rendered(range(options.first_seed, options.first_seed + options.rendered)),
        *(tinted(options.shop, "labels", _SHOP) if options.shop else ()),
        *(tinted(options.flat_lays, "labels", _FLAT) if options.flat_lays else ()),
    ]
    write_rows(options.folder, rows, len(rows))


if __name__ == "__main__":
    main()
