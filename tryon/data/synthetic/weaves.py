"""Repeating tiles of cloth: stripes, checks, dots, flowers, knit, denim, and crops of photos.

Every weave takes a generator, three colours float (3, 3) and their names, and returns the tile
float32 (n, n, 3), n a power of two, the metres after which it repeats, and its name in words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numba
import numpy as np

from tryon.data.synthetic.draws import one_of
from tryon.errors import ImageError

SIZE = 256
"""Pixels of the tiles of large patterns."""

SMALL = 128
"""Pixels of the tiles that repeat after 16 cm or less."""

Names = tuple[str, str, str]
Tile = tuple[np.ndarray, float, str]
Weave = Callable[[np.random.Generator, np.ndarray, Names], Tile]


def _grained(rng: np.random.Generator, tile: np.ndarray, amount: float) -> np.ndarray:
    """The tile with a little noise, in place, so that cloth is not plastic."""
    noise = rng.standard_normal((64, 64), np.float32) * np.float32(amount)
    _add_repeated(tile, noise)
    return tile


@numba.njit(cache=True)
def _add_repeated(tile, noise):  # type: ignore[no-untyped-def]
    """Add noise (n, n), n a power of two, again and again to a tile (m, m, 3), in place."""
    last = len(noise) - 1
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            for c in range(3):
                tile[y, x, c] += noise[y & last, x & last]


def _flat(colour: np.ndarray, size: int) -> np.ndarray:
    return np.full((size, size, 3), colour, np.float32)


@numba.njit(cache=True)
def tinted(colour, brightness):  # type: ignore[no-untyped-def]
    """A colour (3,) times brightness (h, w), float32 (h, w, 3)."""
    height, width = brightness.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                out[y, x, c] = colour[c] * brightness[y, x]
    return out


def plain(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    return _grained(rng, _flat(colours[0], SMALL), 3.0), 0.12, names[0]


def stripes(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    period = one_of(rng, [rng.uniform(0.008, 0.03), rng.uniform(0.03, 0.16)])
    position = np.arange(SMALL) / SMALL
    line = np.where(position[:, None] < rng.uniform(0.2, 0.7), colours[0], colours[1])
    words = f"{names[0]} and {names[1]}"
    if rng.random() < 0.3:
        start = rng.uniform(0.75, 0.85)
        line = np.where(((position > start) & (position < start + 0.1))[:, None], colours[2], line)
    tile = np.repeat(line[:, None, :], SMALL, axis=1).astype(np.float32)
    vertical = rng.random() < 0.3
    if vertical:
        tile = np.ascontiguousarray(tile.transpose(1, 0, 2))
    return (
        _grained(rng, tile, 2.0),
        period,
        f"{words} {'vertically ' if vertical else ''}striped",
    )


def checks(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    bar = (np.arange(SMALL) < SMALL // 2).astype(np.intp)
    mixed = np.stack([colours[1], colours[:2].mean(0), colours[0]]).astype(np.float32)
    return (
        mixed.take(bar[:, None] + bar, 0),
        rng.uniform(0.012, 0.09),
        f"{names[0]} and {names[1]} checked",
    )


def tartan(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    threads = np.full((SIZE, 3), colours[0], np.float32)
    for colour, count in ((colours[1], 2), (colours[2], 2)):
        for _ in range(count):
            start, width = rng.integers(0, SIZE), rng.integers(6, 50)
            threads[(start + np.arange(width)) % SIZE] = colour
    tile = 0.5 * threads[:, None] + 0.5 * threads[None, :]
    return tile.astype(np.float32), rng.uniform(0.08, 0.25), f"{names[0]} and {names[1]} tartan"


def dots(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    tile = _flat(colours[0], SMALL)
    radius = int(rng.uniform(7, 22))
    for x, y in ((32, 32), (96, 96)):
        cv2.circle(tile, (x, y), radius, colours[1].tolist(), -1, cv2.LINE_AA)
    period = one_of(rng, [rng.uniform(0.02, 0.04), rng.uniform(0.05, 0.14)])
    return tile, period, f"{names[0]} with {names[1]} dots"


def floral(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    tile = _flat(colours[0], SIZE)
    for _ in range(int(rng.integers(5, 12))):
        centre, size = rng.uniform(0, SIZE, 2), rng.uniform(14, 40)
        petals, start = int(rng.integers(4, 8)), rng.uniform(0, 6.28)
        colour = colours[int(rng.integers(1, 3))] * rng.uniform(0.8, 1.15)
        leaf = np.array([60, 110, 60]) * rng.uniform(0.6, 1.4)
        away = size * 1.3 * np.array([np.cos(start), np.sin(start)])
        _wrapped_ellipse(tile, centre + away, size * 0.9, size * 0.3, start, leaf)
        for k in range(petals):
            angle = start + k * 2 * np.pi / petals
            spot = centre + 0.6 * size * np.array([np.cos(angle), np.sin(angle)])
            _wrapped_ellipse(tile, spot, size * 0.55, size * 0.3, angle, colour)
        _wrapped_ellipse(tile, centre, size * 0.22, size * 0.22, 0, np.array([230, 200, 80]))
    return tile, rng.uniform(0.08, 0.35), f"{names[0]} floral"


def _wrapped_ellipse(
    tile: np.ndarray, centre: np.ndarray, a: float, b: float, angle: float, colour: np.ndarray
) -> None:
    """Draw an ellipse that goes on at the opposite side, so that the tile repeats unseen."""
    ink = np.clip(colour, 0, 255).tolist()
    for dx in (-SIZE, 0, SIZE):
        for dy in (-SIZE, 0, SIZE):
            x, y = centre[0] + dx, centre[1] + dy
            if -a < x < SIZE + a and -a < y < SIZE + a:
                size = (max(1, int(a)), max(1, int(b)))
                turn = float(np.degrees(angle))
                cv2.ellipse(tile, (int(x), int(y)), size, turn, 0, 360, ink, -1, cv2.LINE_AA)


def blobs(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    noise = periodic_noise(rng, SIZE, int(rng.integers(4, 10)))
    low, high = np.quantile(noise, [0.45, 0.75])
    which = (noise >= low).astype(np.intp) + (noise > high)
    tile = colours.astype(np.float32).take(which, 0)
    kind = one_of(rng, ["camouflage", "abstract", "animal print"])
    return tile, rng.uniform(0.1, 0.4), f"{names[0]} and {names[1]} {kind}"


def zigzag(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    place = np.arange(SMALL) / SMALL
    wave = np.abs((place * 2) % 1 - 0.5)
    band = ((place[:, None] + wave * 0.5) * 3 % 1 * 3).astype(np.intp)
    tile = colours.astype(np.float32).take(np.minimum(band, 2), 0)
    return tile, rng.uniform(0.06, 0.2), f"{names[0]} and {names[1]} zigzag"


def knit(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    place, stitches = np.arange(SMALL) / SMALL, int(rng.integers(5, 9))
    column = (place * stitches) % 1
    row = (place[:, None] * stitches * 1.2 + np.abs(column - 0.5)) % 1
    bump = 0.75 + 0.25 * np.sin(np.pi * row) * np.sin(np.pi * ((column * 2) % 1))
    tile = tinted(colours[0], bump)
    return tile, rng.uniform(0.03, 0.08), f"{names[0]} knitted"


def denim(rng: np.random.Generator, colours: np.ndarray, names: Names) -> Tile:
    faded = 1 + 0.05 * periodic_noise(rng, SIZE, 6)
    tile = tinted(colours[0].astype(np.float32), _twill() * faded)
    return _grained(rng, tile, 6.0), 0.3, f"{names[0]} denim"


@lru_cache(maxsize=1)
def _twill() -> np.ndarray:
    """float32 (SIZE, SIZE): brightness of fine slanting ribs."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    ribs = 0.9 + 0.1 * np.sin((x + y) * 2 * np.pi * 32 / SIZE)
    return np.asarray(ribs, np.float32)


def periodic_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise float32 (size, size) of about unit variance that repeats at its borders."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    padded = cv2.copyMakeBorder(coarse, 2, 2, 2, 2, cv2.BORDER_WRAP)
    scale = size // cells + 1
    big = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    inner = big[2 * scale : (2 + cells) * scale, 2 * scale : (2 + cells) * scale]
    return cv2.resize(inner, (size, size), interpolation=cv2.INTER_LINEAR)


def photo_tile(rng: np.random.Generator, photos: tuple[Path, ...]) -> np.ndarray:
    """A crop from the middle of a random photo, mirrored so that it repeats."""
    picture = small_photo(photos[int(rng.integers(len(photos)))])
    height, width = picture.shape[:2]
    side = int(min(height, width) * rng.uniform(0.2, 0.35))
    top = int((height - side) * rng.uniform(0.4, 0.6))
    left = int((width - side) * rng.uniform(0.4, 0.6))
    crop = cv2.resize(
        picture[top : top + side, left : left + side], (SIZE // 2, SIZE // 2),
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    row = np.concatenate([crop, crop[:, ::-1]], axis=1)
    return np.concatenate([row, row[::-1]], axis=0).astype(np.float32)


@lru_cache(maxsize=1024)
def small_photo(path: Path) -> np.ndarray:
    """A photo as uint8 RGB, about 300 pixels on its longer side. Raises `ImageError`."""
    picture = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4)
    if picture is None:
        raise ImageError("cannot be read", path=path, remedy="Remove it from the folder.")
    scale = 300 / max(picture.shape[:2])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


WEAVES: dict[str, Weave] = {
    "plain": plain, "stripes": stripes, "checks": checks, "tartan": tartan, "dots": dots,
    "floral": floral, "blobs": blobs, "zigzag": zigzag, "knit": knit, "denim": denim,
}  # fmt: skip
