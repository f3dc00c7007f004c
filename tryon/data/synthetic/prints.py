"""Prints, lettering and logos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numba
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.draws import one_of

WORDS = (
    "NORTH", "SUMMER", "RIVER", "1987", "HELLO", "STUDIO", "OCEAN", "MILANO", "WILD", "TEAM 42",
    "SUNDAY", "BLOOM", "No. 5", "TOKYO", "COAST", "ALPINE", "LUNA", "FOREST", "KINGS", "95",
    "23", "JAZZ", "RADIO", "MAPLE", "VELO", "PARIS", "AURORA", "CAMP", "LOVE", "atelier",
)  # fmt: skip

SIZE = 160


@dataclass(frozen=True, eq=False, slots=True)
class Decal:
    """image: float32 (h, w, 4), sRGB 0-255 and alpha 0-1; box: left, top, width, height in metres
    on the cloth; side: 1 in front, -1 behind."""

    image: np.ndarray
    box: tuple[float, float, float, float]
    side: int


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def random_decal(rng: np.random.Generator, cut: Cut, ground: np.ndarray) -> tuple[Decal, str]:
    """Draw a print for the garment's chest, and words for it."""
    ink = rng.uniform(20, 240, 3)
    if np.abs(ink - ground).mean() < 60:
        ink = 255 - ground if np.abs(255 - 2 * ground).mean() > 60 else np.zeros(3)
    second = rng.uniform(20, 240, 3)
    canvas = Image.new("RGBA", (SIZE, SIZE), (*ink.astype(int).tolist(), 0))
    draw = ImageDraw.Draw(canvas)
    kind = one_of(rng, ["word", "picture", "both", "badge"], [0.35, 0.2, 0.25, 0.2])
    inks = (_rgb(ink), _rgb(second))
    word = one_of(rng, WORDS)
    if kind in ("picture", "both"):
        _draw_picture(rng, draw, inks, 100 if kind == "both" else SIZE)
    if kind in ("word", "both"):
        _draw_word(draw, word, inks[0], (108, SIZE) if kind == "both" else (50, 110))
    if kind == "badge":
        draw.ellipse((4, 4, SIZE - 4, SIZE - 4), fill=inks[1])
        _draw_word(draw, word, inks[0], (55, 105), width=120)
    image = np.asarray(canvas, np.float32).copy()
    image[..., 3] /= 255
    small = rng.random() < 0.2
    width = rng.uniform(0.05, 0.08) if small else rng.uniform(0.16, 0.26)
    centre = 0.08 * one_of(rng, [-1, 1]) if small else rng.normal(0, 0.006)
    top = -cut.top + max(cut.neck_depth, 0.06) + rng.uniform(0.04, 0.1)
    if cut.build != "top":
        centre, top, width = one_of(rng, [-0.1, 0.1]), -cut.top + rng.uniform(0.1, 0.3), 0.07
    top = min(top, -cut.hem - width)
    words = {
        "word": f'the word "{word}"',
        "picture": "a picture",
        "both": f'a picture and the word "{word}"',
        "badge": f'a round badge that says "{word}"',
    }[kind]
    side = -1 if rng.random() < 0.06 else 1
    where = " on the back" if side < 0 else " on the chest" if cut.build == "top" else ""
    box = (float(centre - width / 2), float(top), float(width), float(width))
    return Decal(image, box, side), words + where


def placket(rng: np.random.Generator, cut: Cut, ground: np.ndarray) -> Decal:
    """A button band down the middle of the front."""
    top, bottom = -cut.top + cut.neck_depth, -cut.hem
    height, width = bottom - top, 0.032
    image = np.zeros((256, 24, 4), np.float32)
    image[..., :3] = ground * 0.8
    image[:, (1, 22), 3] = 0.8
    image[:, 2:22, 3] = 0.25
    button = 255 * rng.uniform(0.1, 1.0) * np.ones(3)
    for y in np.arange(0.03, height, 0.085) / height * 256:
        cv2.circle(image, (12, int(y)), 3, (*button.tolist(), 1.0), -1)
    return Decal(image, (-width / 2, top, width, height), 1)


def _rgb(colour: np.ndarray) -> tuple[int, int, int, int]:
    r, g, b = np.clip(colour, 0, 255).astype(int).tolist()
    return r, g, b, 255


def _draw_word(
    draw: ImageDraw.ImageDraw,
    word: str,
    ink: tuple[int, int, int, int],
    rows: tuple[int, int],
    width: int = SIZE,
) -> None:
    wide = draw.textlength(word, font=_font(40))
    size = min(rows[1] - rows[0], int(40 * 0.96 * width / wide))
    middle = (SIZE // 2, (rows[0] + rows[1]) // 2)
    draw.text(middle, word, font=_font(size), fill=ink, anchor="mm")


def _draw_picture(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    inks: tuple[tuple[int, int, int, int], tuple[int, int, int, int]],
    bottom: int,
) -> None:
    kind = one_of(rng, ["star", "sun", "mountain", "blocks", "face", "heart"])
    cx, cy, r = SIZE / 2, bottom / 2, bottom * 0.46
    first, second = inks
    if kind == "star":
        angles = np.arange(10) * np.pi / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2 == 0, r, r * 0.45)
        corners = np.stack([cx + radii * np.cos(angles), cy + radii * np.sin(angles)], 1)
        draw.polygon([tuple(c) for c in corners.tolist()], fill=first)
    elif kind == "sun":
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=first)
        for k in range(4):
            y = cy + r * (0.1 + 0.22 * k)
            draw.rectangle((cx - r, y, cx + r, y + 2 + 2 * k), fill=(0, 0, 0, 0))
    elif kind == "mountain":
        draw.polygon([(cx - r, cy + r), (cx - r * 0.2, cy - r), (cx + r * 0.6, cy + r)], fill=first)
        small = [(cx - r * 0.2, cy + r), (cx + r * 0.45, cy - r * 0.4), (cx + r, cy + r)]
        draw.polygon(small, fill=second)
    elif kind == "blocks":
        for _ in range(6):
            x, y = rng.uniform(cx - r, cx + r * 0.4), rng.uniform(cy - r, cy + r * 0.4)
            w, h = rng.uniform(0.3, 0.8, 2) * r
            draw.rectangle((x, y, x + w, y + h), fill=_rgb(rng.uniform(10, 245, 3)))
    elif kind == "face":
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=first)
        for dx in (-0.4, 0.4):
            x = cx + dx * r
            draw.ellipse((x - 0.14 * r, cy - 0.4 * r, x + 0.14 * r, cy - 0.05 * r), fill=second)
        draw.arc((cx - 0.6 * r, cy - 0.4 * r, cx + 0.6 * r, cy + 0.6 * r), 20, 160, second, 6)
    else:
        t = np.linspace(0, 2 * np.pi, 60)
        across = 16 * np.sin(t) ** 3
        up = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        outline = np.stack([cx + across * r / 17, cy - up * r / 17], 1)
        draw.polygon([tuple(c) for c in outline.tolist()], fill=first)


@numba.njit(cache=True)
def _faded(image):  # type: ignore[no-untyped-def]
    """An image (h, w, 4) with its colours times its alpha."""
    out = np.empty_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                out[y, x, c] = image[y, x, c] * image[y, x, 3]
            out[y, x, 3] = image[y, x, 3]
    return out


_NO_PRINT = np.zeros((2, 2, 4), np.float32), np.array([0, 0, 1, 1, 0], np.float32)


def decal_for(decal: Decal | None, metres_per_pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """The print at the resolution of a picture: float32 (h, w, 4), and its box and side (5,)."""
    if decal is None:
        return _NO_PRINT
    image = decal.image
    tall, wide = image.shape[:2]
    n = int(min(max(1.5 * decal.box[2] / metres_per_pixel, 4), wide))
    if n < wide:
        faded = _faded(image)
        m = int(min(max(1.5 * decal.box[3] / metres_per_pixel, 4), tall))
        faded = cv2.resize(faded, (n, m), interpolation=cv2.INTER_AREA)
        faded[..., :3] = faded[..., :3] / np.maximum(faded[..., 3:], 1e-3)
        image = faded
    return np.ascontiguousarray(image), np.array([*decal.box, decal.side], np.float32)
