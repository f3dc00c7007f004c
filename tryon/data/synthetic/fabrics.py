"""Fabrics: a repeating tile, a print, a trim, and the words for them.

A fabric is painted in metres on the unrolled cloth, so that the flat-lay photo, the person and
any other view of a garment show the same threads in the same places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.materials import CREASE_METRES, Cloth
from tryon.data.synthetic.prints import Decal, decal_for, placket, random_decal
from tryon.data.synthetic.weaves import WEAVES, periodic_noise, photo_tile

COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (242, 241, 238), "black": (28, 28, 30), "grey": (128, 129, 131),
    "light grey": (196, 197, 198), "charcoal": (62, 64, 68), "navy": (28, 36, 68),
    "blue": (42, 84, 168), "light blue": (150, 188, 222), "turquoise": (40, 160, 168),
    "green": (44, 120, 72), "olive": (100, 104, 62), "mint": (170, 216, 190),
    "yellow": (236, 200, 70), "mustard": (196, 146, 44), "orange": (226, 116, 44),
    "red": (190, 34, 42), "burgundy": (104, 24, 42), "pink": (232, 156, 176),
    "magenta": (196, 44, 120), "purple": (104, 62, 140), "lilac": (186, 164, 214),
    "brown": (104, 70, 48), "camel": (188, 146, 100), "beige": (216, 200, 174),
    "cream": (236, 226, 204),
}  # fmt: skip
"""Names and sRGB values of cloth colours."""

CREASES = 128
"""Pixels of the finer map of small creases."""


@dataclass(frozen=True, eq=False, slots=True)
class Fabric:
    """tiles: a `pyramid`, sRGB 0-255; it repeats every `period` metres, turned by `angle` radians;
    shift: where the tile starts, in tile lengths, in front and behind; decal: a print;
    trim: colour of the hems, float (3,), and its width in metres (0 for none); fade: colour and
    the heights between which it takes over (float (5,), colour -1 for none); sheen: 0-1;
    wrinkle: strength of small creases; creases: their slopes, see `crease_maps`;
    words: such as "navy and white striped"; pattern: name."""

    tiles: tuple[np.ndarray, ...]
    period: float
    angle: float
    shift: np.ndarray
    decal: Decal | None
    trim: np.ndarray
    trim_width: float
    fade: np.ndarray
    sheen: float
    wrinkle: float
    creases: tuple[np.ndarray, np.ndarray]
    words: str
    pattern: str


def random_fabric(
    rng: np.random.Generator, cut: Cut, photos: tuple[Path, ...] = ()
) -> tuple[Fabric, str]:
    """Draw a fabric that suits the cut; also returns words for its print ("" if none)."""
    names = list(COLOURS)
    first, second, third = (str(n) for n in rng.choice(names, 3, replace=False))
    colours = [_varied(rng, COLOURS[n]) for n in (first, second, third)]
    weave = _random_weave(rng, cut, bool(photos))
    if weave == "denim":
        first = one_of(rng, ["blue", "light blue", "navy", "black"])
        colours[0] = _varied(rng, COLOURS[first])
    if weave == "photo":
        tile, period, words = photo_tile(rng, photos), rng.uniform(0.35, 0.8), "patterned"
    else:
        tile, period, words = WEAVES[weave](rng, np.array(colours), (first, second, third))
    fade = np.array([-1.0, -1, -1, 0, 1])
    if weave == "plain" and rng.random() < 0.08:
        fade = np.array([*colours[1], -cut.top, -cut.hem])
        words = f"{first} to {second} gradient"
    elif weave == "plain" and rng.random() < 0.08:
        split = -(cut.top * 0.5 + cut.hem * 0.5 + rng.normal(0, 0.05))
        fade = np.array([*colours[1], split, split + 0.002])
        words = f"{first} and {second} colour-block"
    decal, print_words = None, ""
    chance = 0.45 if cut.build == "top" and cut.name != "dress" else 0.08
    if weave in ("plain", "knit") and cut.opening == 0 and rng.random() < chance:
        decal, print_words = random_decal(rng, cut, colours[0])
    if cut.placket:
        decal, print_words = placket(rng, cut, colours[0]), ""
    trim_width = one_of(rng, [0.0, rng.uniform(0.008, 0.03)], [0.72, 0.28])
    turned = weave not in ("knit", "denim", "plain") and rng.random() < 0.12
    fabric = Fabric(
        tiles=pyramid(tile),
        period=period,
        angle=rng.uniform(-0.8, 0.8) if turned else rng.normal(0, 0.01),
        shift=rng.uniform(0, 1, (2, 2)),
        decal=decal,
        trim=colours[2] if rng.random() < 0.6 else colours[0] * 0.85,
        trim_width=trim_width,
        fade=fade,
        sheen=one_of(rng, [0.0, rng.uniform(0.1, 0.8)], [0.75, 0.25]),
        wrinkle=rng.uniform(0.05, 0.3),
        creases=crease_maps(int(rng.integers(24))),
        words=words,
        pattern=weave,
    )
    return fabric, print_words


def _random_weave(rng: np.random.Generator, cut: Cut, photos: bool) -> str:
    if cut.build == "trousers":
        if rng.random() < 0.35:
            return "denim"
        if rng.random() < 0.7:
            return "plain"
    if cut.name in ("sweater", "cardigan", "turtleneck") and rng.random() < 0.6:
        return "knit"
    if photos and rng.random() < 0.2:
        return "photo"
    kinds = ["plain", "stripes", "checks", "tartan", "dots", "floral", "blobs", "zigzag", "knit"]
    return one_of(rng, kinds, [0.36, 0.16, 0.08, 0.06, 0.1, 0.12, 0.05, 0.04, 0.03])


def _varied(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    return np.clip(np.array(colour) * rng.uniform(0.88, 1.08) + rng.normal(0, 6, 3), 8, 250)


def pyramid(tile: np.ndarray) -> tuple[np.ndarray, ...]:
    """The tile (n, n, 3) and its halves down to one pixel, float32, so that fine patterns blur
    and do not alias; n is a power of two."""
    tiles: list[np.ndarray] = [np.ascontiguousarray(tile, np.float32)]
    while len(tiles[-1]) > 1:
        n = len(tiles[-1]) // 2
        tiles.append(cv2.resize(tiles[-1], (n, n), interpolation=cv2.INTER_AREA))
    return tuple(tiles)


def cloth_for(fabric: Fabric, metres_per_pixel: float) -> Cloth:
    """The fabric at the resolution of a picture."""
    largest = len(fabric.tiles) - 1
    level = round(math.log2(len(fabric.tiles[0]) * metres_per_pixel / fabric.period))
    tile = fabric.tiles[min(max(level, 0), largest)]
    n = len(tile)
    scale = n / fabric.period
    c, s = math.cos(fabric.angle) * scale, math.sin(fabric.angle) * scale
    front, back = fabric.shift * n
    decal, decal_box = decal_for(fabric.decal, metres_per_pixel)
    return Cloth(
        tile=tile,
        to_tile=np.array([[c, s, front[0]], [-s, c, front[1]]], np.float32),
        back_shift=(back - front).astype(np.float32),
        decal=decal,
        decal_box=decal_box,
        trim=fabric.trim.astype(np.float32),
        trim_width=np.float32(fabric.trim_width),
        fade=fabric.fade.astype(np.float32),
        creases=fabric.creases[0 if metres_per_pixel < 1.5 * CREASE_METRES / CREASES else 1],
        crease_depth=np.float32(fabric.wrinkle),
        sheen=np.float32(fabric.sheen),
    )


@lru_cache(maxsize=24)
def crease_maps(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of small creases, float32 (128, 128, 2) and (64, 64, 2), repeating; a pool, as they
    look alike."""
    rng = np.random.default_rng(number)
    height = -np.abs(periodic_noise(rng, CREASES, 3)) - 0.5 * np.abs(
        periodic_noise(rng, CREASES, 7)
    )
    height = cv2.GaussianBlur(height + 0.3 * periodic_noise(rng, CREASES, 5), (0, 0), 1.0)
    along_x = np.roll(height, -1, 1) - np.roll(height, 1, 1)
    along_y = np.roll(height, -1, 0) - np.roll(height, 1, 0)
    slopes = np.stack([along_x, along_y], axis=-1).astype(np.float32) * 4
    half = (CREASES // 2, CREASES // 2)
    return slopes, cv2.resize(slopes, half, interpolation=cv2.INTER_AREA)
