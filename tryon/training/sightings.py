"""Rendered people, and how BlazePose and the silhouette see them: a cache on disk.

    python -m tryon.training.sightings CACHE_FOLDER --count 4000 --first-seed 2200000

The body map learns from them what its inputs are like, besides from truth with invented errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tryon.data.synthetic.sample import Sample
from tryon.errors import TryOnError
from tryon.perception import Perception
from tryon.pipelines.pose import single_person
from tryon.pipelines.silhouette import person_silhouette
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.samples import body_labels, packed_uv

SIZE = (448, 336)
"""Height and width of the pictures that are looked at; the arrays are half as large."""


@dataclass(frozen=True, eq=False, slots=True)
class Sightings:
    """Arrays of n people at (H, W), mapped from files.

    seeds: int64 (n,). keypoints, seen_keypoints: float32 (n, 18, 3), the truth and BlazePose's.
    silhouettes: uint8 (n, H, W), 0/1, true. seen_silhouettes: uint8 (n, H, W), 0-255.
    body_uv, body_labels: as in `samples.SampleCache`.
    """

    seeds: np.ndarray
    keypoints: np.ndarray
    seen_keypoints: np.ndarray
    silhouettes: np.ndarray
    seen_silhouettes: np.ndarray
    body_uv: np.ndarray
    body_labels: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)


def read_sightings(folder: Path) -> Sightings:
    """The sightings in a folder, as far as they were written."""
    return read_rows(folder, Sightings)


def write_sightings(folder: Path, perception: Perception, count: int, first_seed: int) -> None:
    """Render people from `first_seed` on and look at them, going on where an earlier call stopped.

    People whom the detector does not find are left out.
    """
    if cached_count(folder):
        first_seed = int(read_sightings(folder).seeds[-1]) + 1
    write_rows(folder, _sighted_from(perception, first_seed), count)


def _sighted_from(perception: Perception, seed: int) -> Iterator[dict[str, np.ndarray]]:
    from tryon.data.synthetic.scene import render_sample

    while True:
        sighting = sighted(perception, render_sample(seed, SIZE))
        if sighting is not None:
            yield sighting
        seed += 1


def sighted(perception: Perception, sample: Sample) -> dict[str, np.ndarray] | None:
    """The arrays of one person, at half the sample's size, or None if nobody is found."""
    photo = Image.fromarray(sample.person.image)
    poses = perception.pose.detect(photo)
    try:
        pose = single_person(poses)
    except TryOnError:
        return None
    others = [other for other in poses if other is not pose]
    silhouette = person_silhouette(photo, pose, perception.segmenter, others)
    half = np.array([0.5, 0.5, 1], np.float32)
    own = (slice(1, None, 2), slice(1, None, 2))
    height, width = silhouette.shape
    small = cv2.resize(silhouette, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return {
        "seeds": np.array(sample.seed),
        "keypoints": (sample.keypoints * half).astype(np.float32),
        "seen_keypoints": (pose.keypoints * half).astype(np.float32),
        "silhouettes": sample.person.silhouette[own].astype(np.uint8),
        "seen_silhouettes": np.round(255 * small).astype(np.uint8),
        "body_uv": packed_uv(sample.body.uv[own]),
        "body_labels": body_labels(sample)[own],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Render people into a cache and look at them, going on where it stopped."""
    from tryon.perception import load_perception

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--first-seed", type=int, default=2_200_000)
    options = parser.parse_args(arguments)
    write_sightings(options.folder, load_perception(), options.count, options.first_seed)


if __name__ == "__main__":
    main()
