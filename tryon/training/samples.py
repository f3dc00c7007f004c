"""A cache of rendered people on disk: what the body map trains on, in few bytes.

    python -m tryon.training.samples CACHE_FOLDER --count 6000 --first-seed 2000000

Rendering costs about as much as a training step, and every sample is looked at several times.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tryon.data.synthetic.canonical import FRONT
from tryon.data.synthetic.sample import Sample
from tryon.training.array_cache import cached_count, read_rows, write_rows


@dataclass(frozen=True, eq=False, slots=True)
class SampleCache:
    """Arrays of n samples at (H, W), mapped from files.

    silhouettes: uint8 (n, 2, H, W), 0/1, of the person in the old and in the new garment.
    body_uv: uint16 (n, H, W, 2), 65535 = 1.
    body_labels: uint8 (n, H, W): part + 16 x front + 32 x band.
    keypoints: float32 (n, 18, 3).
    """

    silhouettes: np.ndarray
    body_uv: np.ndarray
    body_labels: np.ndarray
    keypoints: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)


def write_sample_cache(folder: Path, count: int, first_seed: int) -> None:
    """Render the samples of `count` seeds, going on where an earlier call stopped."""
    from tryon.data.synthetic.scene import render_sample

    seeds = range(first_seed + cached_count(folder), first_seed + count)
    write_rows(folder, (packed_sample(render_sample(seed)) for seed in seeds), count)


def read_sample_cache(folder: Path) -> SampleCache:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, SampleCache)


def packed_sample(sample: Sample) -> dict[str, np.ndarray]:
    """A sample's row of the cache."""
    return {
        "silhouettes": np.stack([sample.person.silhouette, sample.other.silhouette]).astype(
            np.uint8
        ),
        "body_uv": packed_uv(sample.body.uv),
        "body_labels": body_labels(sample),
        "keypoints": sample.keypoints.astype(np.float32),
    }


def body_labels(sample: Sample) -> np.ndarray:
    """uint8 (H, W): part + 16 x front + 32 x band."""
    front = (sample.body.layer == FRONT).astype(np.uint8)
    band = sample.band.astype(np.uint8)
    return np.asarray(sample.body.parts + 16 * front + 32 * band, np.uint8)


def packed_uv(uv: np.ndarray) -> np.ndarray:
    """Coordinates in [0, 1] as uint16, 65535 = 1."""
    return np.asarray(np.round(np.clip(uv, 0, 1) * 65535), np.uint16)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render samples into a cache, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first-seed", type=int, default=2_000_000)
    options = parser.parse_args(arguments)
    write_sample_cache(options.folder, options.count, options.first_seed)


if __name__ == "__main__":
    main()
