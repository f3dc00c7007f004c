"""A cache of rendered samples on disk: what the dense nets train on, in few bytes.

    python -m tryon.training.samples CACHE_FOLDER --count 6000 --first-seed 2000000

Rendering costs about as much as a training step, and every sample is looked at several times.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tryon.data.synthetic.canonical import FRONT
from tryon.data.synthetic.sample import GarmentPhoto, Sample
from tryon.types import CATEGORIES

_UNITS = 65535


@dataclass(frozen=True, eq=False, slots=True)
class SampleCache:
    """Arrays of n samples at (H, W), mapped from files.

    silhouettes: uint8 (n, 2, H, W), 0/1, of the person in the old and in the new garment.
    body_uv: uint16 (n, H, W, 2), 65535 = 1.
    body_labels: uint8 (n, H, W): part + 16 x front + 32 x band.
    keypoints: float32 (n, 18, 3).
    photos: uint8 (n, 2, H, W), luminance of the old and new garment's flat-lay.
    photo_uv: uint16 (n, 2, H, W, 2).
    photo_labels: uint8 (n, 2, H, W): 0 background, 1 outside of the front, 2 inside of the back.
    categories: uint8 (n, 2), index into `CATEGORIES`.
    """

    silhouettes: np.ndarray
    body_uv: np.ndarray
    body_labels: np.ndarray
    keypoints: np.ndarray
    photos: np.ndarray
    photo_uv: np.ndarray
    photo_labels: np.ndarray
    categories: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)


def _shapes(count: int, height: int, width: int) -> dict[str, tuple[tuple[int, ...], type]]:
    return {
        "silhouettes": ((count, 2, height, width), np.uint8),
        "body_uv": ((count, height, width, 2), np.uint16),
        "body_labels": ((count, height, width), np.uint8),
        "keypoints": ((count, 18, 3), np.float32),
        "photos": ((count, 2, height, width), np.uint8),
        "photo_uv": ((count, 2, height, width, 2), np.uint16),
        "photo_labels": ((count, 2, height, width), np.uint8),
        "categories": ((count, 2), np.uint8),
    }


def write_sample_cache(folder: Path, samples: Iterable[Sample], count: int) -> None:
    """Write `count` samples, going on where an earlier call stopped.

    samples: from the first one on; the ones that are there already are skipped, so pass a
    generator that renders from the number in `cached_count(folder)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = cached_count(folder)
    arrays: dict[str, np.ndarray] = {}
    for i, sample in enumerate(samples, start=done):
        if i >= count:
            break
        packed = _packed(sample)
        if not arrays:
            height, width = packed["body_labels"].shape
            for name, (shape, kind) in _shapes(count, height, width).items():
                file = folder / f"{name}.npy"
                mode = "r+" if file.exists() else "w+"
                arrays[name] = np.lib.format.open_memmap(
                    file, mode=mode, dtype=kind, shape=shape if mode == "w+" else None
                )
        for name, value in packed.items():
            arrays[name][i] = value
        partial = folder / "count.partial"
        partial.write_text(json.dumps(i + 1))
        os.replace(partial, folder / "count.json")  # a trainer may be reading along


def cached_count(folder: Path) -> int:
    """How many samples the cache in a folder holds."""
    file = folder / "count.json"
    return int(json.loads(file.read_text())) if file.exists() else 0


def read_sample_cache(folder: Path) -> SampleCache:
    """The cache in a folder, as far as it was written."""
    count = cached_count(folder)
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")[:count] for name in _shapes(0, 0, 0)
    }
    return SampleCache(**arrays)


def _packed(sample: Sample) -> dict[str, np.ndarray]:
    body = sample.body
    photos = (sample.garment.photo, sample.new_garment.photo)
    front = (body.layer == FRONT).astype(np.uint8)
    return {
        "silhouettes": np.stack([sample.person.silhouette, sample.other.silhouette]),
        "body_uv": _whole(body.uv),
        "body_labels": body.parts + 16 * front + 32 * sample.band.astype(np.uint8),
        "keypoints": sample.keypoints,
        "photos": np.stack([_luminance(photo) for photo in photos]),
        "photo_uv": np.stack([_whole(photo.uv) for photo in photos]),
        "photo_labels": np.stack([photo.layer * photo.mask for photo in photos]),
        "categories": np.array(
            [CATEGORIES.index(g.category) for g in (sample.garment, sample.new_garment)]
        ),
    }


def _whole(uv: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(np.clip(uv, 0, 1) * _UNITS), np.uint16)


def _luminance(photo: GarmentPhoto) -> np.ndarray:
    return np.asarray(photo.image @ np.array([0.299, 0.587, 0.114], np.float32), np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render samples into a cache, going on where it stopped."""
    from tryon.data.synthetic.scene import render_sample

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first-seed", type=int, default=2_000_000)
    options = parser.parse_args(arguments)
    done = cached_count(options.folder)
    seeds = range(options.first_seed + done, options.first_seed + options.count)
    samples = (render_sample(seed) for seed in seeds)
    write_sample_cache(options.folder, samples, options.count)


if __name__ == "__main__":
    main()
