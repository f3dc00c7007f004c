"""What is behind people and garments: studios, rooms, streets, tables."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numba
import numpy as np

from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.weaves import periodic_noise, small_photo, tinted


def random_background(
    rng: np.random.Generator, size: tuple[int, int], photos: tuple[Path, ...] = ()
) -> np.ndarray:
    """Behind a person: float32 (H, W, 3), sRGB 0-255."""
    kind = one_of(rng, ["studio", "room", "clutter", "photo"], [0.55, 0.15, 0.15, 0.15])
    if kind == "photo" and photos:
        return _blurred_photo(rng, size, photos)
    if kind == "room":
        return _room(rng, size)
    return _studio(rng, size) if kind == "studio" else _clutter(rng, size)


def random_table(
    rng: np.random.Generator, size: tuple[int, int], photos: tuple[Path, ...] = ()
) -> np.ndarray:
    """Behind a garment laid flat: mostly white or grey; float32 (H, W, 3), sRGB 0-255."""
    kinds = ["white", "studio", "colour", "wood", "photo"]
    kind = one_of(rng, kinds, [0.5, 0.2, 0.1, 0.1, 0.1])
    height, width = size
    if kind == "white":
        return np.full((height, width, 3), rng.uniform(236, 255), np.float32)
    if kind == "studio":
        return _studio(rng, size, low=180)
    if kind == "photo" and photos:
        return _blurred_photo(rng, size, photos)
    if kind == "wood":
        return _wood(rng, size)
    noise = periodic_noise(rng, 128, 6)
    texture = cv2.resize(noise, (width, height)) * np.float32(rng.uniform(1, 6))
    return rng.uniform(40, 230, 3).astype(np.float32) + texture[..., None]


def _studio(rng: np.random.Generator, size: tuple[int, int], low: float = 70) -> np.ndarray:
    height, width = size
    colour = np.full(3, rng.uniform(low, 250)) + rng.normal(0, 6, 3)
    if rng.random() < 0.2:
        colour = rng.uniform(max(60, low), 240, 3)
    y, x = np.arange(height)[:, None] / height, np.arange(width) / width
    across, down = ((x - 0.5) * 1.4) ** 2, (y - rng.uniform(0.2, 0.6)) ** 2
    distance = np.sqrt(across.astype(np.float32) + down.astype(np.float32))
    shade = 1 - np.float32(rng.uniform(0, 0.3)) * distance
    if rng.random() < 0.4:
        floor = rng.uniform(0.75, 0.95)
        darker = 1 - rng.uniform(0.02, 0.15) / (1 + np.exp(-(y - floor) / 0.02))
        shade *= darker.astype(np.float32)
    return tinted(colour.astype(np.float32), shade)  # type: ignore[no-any-return]


def _muted(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A random colour, mostly far from pure, as walls and streets are."""
    colour = rng.uniform(low, high, 3)
    return colour.mean() + (colour - colour.mean()) * rng.uniform(0.1, 0.8)


def _room(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    image = np.full((height, width, 3), _muted(rng, 110, 240), np.float32)
    floor = int(height * rng.uniform(0.6, 0.95))
    image[floor:] = _muted(rng, 60, 200)
    for _ in range(int(rng.integers(0, 5))):
        left, top = int(rng.uniform(-0.1, 0.9) * width), int(rng.uniform(0, 0.6) * height)
        right = left + int(rng.uniform(0.1, 0.5) * width)
        bottom = top + int(rng.uniform(0.1, 0.7) * height)
        colour = _muted(rng, 30, 240).tolist()
        cv2.rectangle(image, (left, top), (right, min(bottom, height)), colour, -1)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 3) * height / 256)


def _clutter(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    image = np.full((height, width, 3), _muted(rng, 40, 220), np.float32)
    for _ in range(int(rng.integers(15, 50))):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        span = (int(rng.uniform(3, 0.25 * width)), int(rng.uniform(3, 0.25 * height)))
        colour = _muted(rng, 10, 250).tolist()
        if rng.random() < 0.6:
            end = (centre[0] + span[0], centre[1] + span[1])
            cv2.rectangle(image, centre, end, colour, -1)
        else:
            cv2.ellipse(image, centre, span, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 5) * height / 256)


def _wood(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    colour = (np.array([170, 120, 76]) * rng.uniform(0.5, 1.3)).astype(np.float32)
    grain = 1 + 0.08 * cv2.resize(rng.normal(0, 1, (6, 64)).astype(np.float32), (width, height))
    image = tinted(colour, grain)
    plank = max(8, int(width * rng.uniform(0.12, 0.3)))
    image[:, ::plank] *= 0.6
    if rng.random() < 0.5:
        image = cv2.resize(image.transpose(1, 0, 2), (width, height))
    return image


def _blurred_photo(
    rng: np.random.Generator, size: tuple[int, int], photos: tuple[Path, ...]
) -> np.ndarray:
    """The border of a photo: there it is mostly background."""
    height, width = size
    picture = small_photo(photos[int(rng.integers(len(photos)))])
    tall, wide = picture.shape[:2]
    strip = picture[:, : max(8, wide // 5)] if rng.random() < 0.5 else picture[: max(8, tall // 5)]
    image = cv2.resize(strip, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 4) * height / 256)


def photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Through a lens and a file: exposure, softness, sensor noise, JPEG; uint8 (H, W, 3)."""
    exposure = np.float32(rng.uniform(0.9, 1.06))
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.6))
    height, width = image.shape[:2]
    pool = _noise_pool(2 * max(height, width))
    top, left = int(rng.integers(len(pool) - height)), int(rng.integers(len(pool) - width))
    noise = pool[top : top + height, left : left + width]
    strength, compressed = np.float32(rng.uniform(0.3, 4.0)), rng.random() < 0.7
    out = _exposed(image, exposure, noise, strength, compressed)
    if compressed:
        quality = int(rng.integers(60, 97))
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    return out  # type: ignore[no-any-return]


@numba.njit(cache=True, fastmath=True)
def _exposed(image, exposure, noise, strength, blue_first):  # type: ignore[no-untyped-def]
    """uint8 (H, W, 3): the image with grain, cut off at 0 and 255."""
    out, last = np.empty(image.shape, np.uint8), np.uint64(2)
    for y in range(np.uint64(image.shape[0])):
        for x in range(np.uint64(image.shape[1])):
            grain = strength * noise[y, x]
            for c in range(last + np.uint64(1)):
                value = image[y, x, c] * exposure + grain
                to = last - c if blue_first else c
                out[y, x, to] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))
    return out


@lru_cache(maxsize=4)
def _noise_pool(side: int) -> np.ndarray:
    """Unit noise float32 (side, side) to take crops of: drawing it anew would cost too much."""
    return np.random.default_rng(1).standard_normal((side, side), np.float32)
