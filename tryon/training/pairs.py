"""A cache of try-on pairs on disk: people, the same people in other clothes, and imperfect warps.

    OPENBLAS_NUM_THREADS=1 python -m tryon.training.pairs CACHE_FILE --count 4000

A file of fixed-size records, mapped into memory. Rendering one costs about as much as training on
it three times, and each is used several times.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tryon.data.synthetic.sample import GarmentPhoto, Sample
from tryon.pipelines.crop import context_box, crop_around, cropped_points
from tryon.training.imperfect_warp import imperfect_warp
from tryon.types import CATEGORIES, Box, Pose

logger = logging.getLogger(__name__)

HEIGHT, WIDTH = 256, 192
PHOTO_SIDE = 96
RENDERED = (384, 288)
PAIR = np.dtype(
    [
        ("pictures", "u1", (2, HEIGHT, WIDTH, 3)),
        ("warps", "u1", (2, HEIGHT, WIDTH, 4)),
        ("mask", "u1", (HEIGHT, WIDTH)),
        ("photos", "u1", (2, PHOTO_SIDE, PHOTO_SIDE, 3)),
        ("keypoints", "f4", (18, 3)),
        ("captions", "U160", (2,)),
        ("names", "U32", (2,)),
        ("category", "u1"),
        ("seed", "i8"),
    ]
)
"""One person in two garments of one category (index 0 and 1).

pictures: RGB. warps: RGBA, each garment as an imperfect warp, alpha its coverage. mask: 255 = may
be repainted. photos: flat-lays on a white square. keypoints: x and y in pixels, confidence.
A seed of -1 means that the record is not written yet.
"""


def write_pairs(
    file: Path, *, count: int, first_seed: int = 0, fabrics: Path | None = None
) -> np.memmap:
    """Render the pairs of `count` seeds into a file, going on where an earlier call stopped.

    fabrics: a folder of photographs for fabrics and backgrounds.
    """
    from tryon.data.synthetic.scene import render_sample

    pairs = open_pairs(file, count)
    for index in np.flatnonzero(pairs["seed"] < 0):
        seed = first_seed + int(index)
        sample = render_sample(seed, RENDERED, photo_size=(HEIGHT, WIDTH), fabric_folder=fabrics)
        record = packed_pair(sample)
        record["seed"], pairs[index] = -1, record
        pairs["seed"][index] = seed  # last: a record counts once it is whole
        if index % 100 == 99:
            logger.info("rendered %d of %d pairs", index + 1, count)
    return pairs


def open_pairs(file: Path, count: int) -> np.memmap:
    """The file's records, of dtype `PAIR` and shape (count,); a new file holds none yet."""
    if file.is_file():
        return np.lib.format.open_memmap(file, mode="r+")
    file.parent.mkdir(parents=True, exist_ok=True)
    pairs = np.lib.format.open_memmap(file, mode="w+", dtype=PAIR, shape=(count,))
    pairs["seed"] = -1
    return pairs


def packed_pair(sample: Sample) -> np.ndarray:
    """The record (dtype `PAIR`, shape ()) of a sample; its seed decides crop and warp errors."""
    rng = np.random.default_rng([sample.seed, 1])
    crop, keypoints = _working_crop(sample, rng)
    record = np.zeros((), PAIR)
    for index, (view, garment) in enumerate(
        ((sample.person, sample.garment), (sample.other, sample.new_garment))
    ):
        warp = imperfect_warp(garment, sample.body, sample.band, crop, rng)
        record["pictures"][index] = _resized(_cut(view.image, crop))
        record["warps"][index] = _resized(warp)
        record["photos"][index] = _white_square(garment.photo)
        record["captions"][index], record["names"][index] = garment.caption, garment.name
    area = _resized(_cut(sample.agnostic.astype(np.float32), crop))
    record["mask"] = (area > 0).astype(np.uint8) * 255
    record["keypoints"] = keypoints
    record["category"] = CATEGORIES.index(sample.category)
    record["seed"] = sample.seed
    return record


def _working_crop(sample: Sample, rng: np.random.Generator) -> tuple[Box, np.ndarray]:
    """The part of the picture that a model is shown, mostly cropped as the engine would.

    Returns it with the keypoints (18, 3) in pixels of the working size.
    """
    height, width = sample.agnostic.shape
    mask = Image.fromarray(sample.agnostic.astype(np.uint8) * 255)
    pose = Pose(sample.keypoints, sample.hands, score=1.0)
    context = context_box(pose, sample.category)
    scale = np.array([WIDTH / width, HEIGHT / height, 1.0])
    whole = Box(0, 0, width, height), (sample.keypoints * scale).astype(np.float32)
    if rng.random() < 0.3 or mask.getbbox() is None:
        return whole
    crop = crop_around(mask, (WIDTH, HEIGHT), include=context, context=rng.uniform(0.03, 0.15))
    if any(crop.padding):
        return whole
    return crop.box, cropped_points(sample.keypoints, crop)


def _cut(plane: np.ndarray, crop: Box) -> np.ndarray:
    return plane[crop.top : crop.bottom, crop.left : crop.right]


def _resized(plane: np.ndarray) -> np.ndarray:
    smaller = plane.shape[0] > HEIGHT
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(plane), (WIDTH, HEIGHT), interpolation=method)


def _white_square(photo: GarmentPhoto) -> np.ndarray:
    """uint8 (96, 96, 3), padded as `tryon.pipelines.conditioning.clip_pixels` does."""
    height, width = photo.mask.shape
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = photo.image
    image = Image.fromarray(square).resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render pairs into a cache file, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--fabrics", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    write_pairs(
        options.file,
        count=options.count,
        first_seed=options.first_seed,
        fabrics=options.fabrics,
    )


if __name__ == "__main__":
    main()
