"""Pictures for training the autoencoder: photographs from a folder, and drawn patterns."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from tryon.errors import ImageNotFoundError

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def load_photos(folder: Path, *, edge: int) -> list[np.ndarray]:
    """All photos under a folder, in order of their paths, their shorter edge at most `edge` pixels.

    Returns uint8 RGB arrays (H, W, 3).

    Raises:
        ImageNotFoundError: there is no photo in the folder.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    if not paths:
        raise ImageNotFoundError(
            "no photographs in the folder", path=folder, remedy="Give a folder of JPEG files."
        )
    photos = []
    for path in paths:
        with Image.open(path) as image:
            scale = edge / min(image.size)
            size = (max(edge, round(image.width * scale)), max(edge, round(image.height * scale)))
            image.draft("RGB", size)  # JPEG decodes straight to a size near the wanted one
            photos.append(np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC)))
    return photos


def rendered_pictures(
    seeds: Iterable[int], *, size: tuple[int, int], fabrics: Path | None
) -> list[np.ndarray]:
    """Synthetic people and their garments laid flat: uint8 RGB (H, W, 3), four for each seed."""
    from tryon.data.synthetic.scene import render_sample

    pictures = []
    for seed in seeds:
        sample = render_sample(seed, size, fabric_folder=fabrics)
        pictures += [sample.person.image, sample.other.image]
        pictures += [sample.garment.photo.image, sample.new_garment.photo.image]
    return pictures


@dataclass(frozen=True, eq=False, slots=True)
class CropMix:
    """What crops are drawn from.

    size: pixels of a crop's side. patterns, people_share: shares of drawn patterns and of
    `people`; the rest are `photos`. Both are uint8 RGB (H, W, 3).
    """

    size: int
    patterns: float
    people_share: float
    photos: Sequence[np.ndarray]
    people: Sequence[np.ndarray]


def crop_batch(mix: CropMix, count: int, seed: int, step: int) -> Tensor:
    """The batch of a step, always the same one: float32 (count, 3, size, size) in [-1, 1]."""
    crops = []
    for index in range(count):
        rng = np.random.default_rng([seed, step, index])
        kind = rng.random()
        if kind < mix.patterns:
            crops.append(drawn_pattern(mix.size, rng))
        elif kind < mix.patterns + mix.people_share:
            crops.append(random_crop(mix.people, mix.size, rng))
        else:
            crops.append(random_crop(mix.photos, mix.size, rng))
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1


def random_crop(photos: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> np.ndarray:
    """A square of `size` pixels, at a random scale, of a random photo: uint8 (size, size, 3).

    The widest crop takes in the photo's shorter edge whole, the closest one is at full sharpness.
    """
    photo = photos[int(rng.integers(len(photos)))]
    height, width = photo.shape[:2]
    span = int(np.exp(rng.uniform(np.log(size), np.log(max(size, min(height, width))))))
    top, left = rng.integers(height - span + 1), rng.integers(width - span + 1)
    crop = Image.fromarray(photo[top : top + span, left : left + span])
    square = np.asarray(crop.resize((size, size), Image.Resampling.BOX, reducing_gap=2.0))
    return square[:, ::-1] if rng.random() < 0.5 else square


def drawn_pattern(size: int, rng: np.random.Generator) -> np.ndarray:
    """Gradients, stripes, checks, dots and lettering: uint8 RGB (size, size, 3)."""
    picture = Image.fromarray(_gradient(size, rng))
    for _ in range(rng.integers(1, 4)):
        draw_one = (_draw_stripes, _draw_dots, _draw_lettering, _draw_lettering)[rng.integers(4)]
        draw_one(picture, rng)
    return np.asarray(picture)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Greys, black and white come up often: they are what garments are made of."""
    if rng.random() < 0.3:
        grey = int(rng.choice([0, 255, int(rng.integers(256))]))
        return grey, grey, grey
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _gradient(size: int, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:size, 0:size] / size
    along = np.clip(0.5 + (columns - 0.5) * np.cos(angle) + (rows - 0.5) * np.sin(angle), 0, 1)
    start, end = np.array(_colour(rng), float), np.array(_colour(rng), float)
    return (start + (end - start) * along[..., None]).astype(np.uint8)


def _draw_stripes(picture: Image.Image, rng: np.random.Generator) -> None:
    """Stripes at any angle; drawn twice, crosswise, they make checks."""
    size = picture.width
    period, angle, share = rng.uniform(2.5, 24), rng.uniform(0, np.pi), rng.uniform(0.2, 0.8)
    rows, columns = np.mgrid[0:size, 0:size]
    masks = []
    for turn in (0.0, np.pi / 2):
        phase = (columns * np.cos(angle + turn) + rows * np.sin(angle + turn)) / period % 1
        edge = np.clip((share / 2 - np.abs(phase - 0.5)) * period + 0.5, 0, 1)
        masks.append(Image.fromarray((edge * 255).astype(np.uint8)))
    for mask in masks[: 1 + (rng.random() < 0.3)]:
        picture.paste(_colour(rng), mask=mask)


def _draw_dots(picture: Image.Image, rng: np.random.Generator) -> None:
    draw, size = ImageDraw.Draw(picture), picture.width
    radius, step = rng.uniform(1, 5), rng.uniform(7, 24)
    colour = _colour(rng)
    for x in np.arange(0, size + step, step):
        for y in np.arange(0, size + step, step):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _draw_lettering(picture: Image.Image, rng: np.random.Generator) -> None:
    """A word or two, turned by up to a third of a right angle, smoothed by a threefold drawing."""
    size = picture.width
    letters = rng.choice(list(string.ascii_letters + string.digits), rng.integers(1, 9))
    sheet = Image.new("L", (3 * size, 3 * size))
    font = ImageFont.load_default(size=float(rng.uniform(24, 40 + 40 * rng.random() * 3)))
    corner = tuple(rng.uniform(0, 0.6, 2) * 3 * size)
    ImageDraw.Draw(sheet).text(corner, "".join(letters), fill=255, font=font)
    sheet = sheet.rotate(float(rng.normal(0, 10))).resize((size, size), Image.Resampling.BOX)
    picture.paste(_colour(rng), mask=sheet)
