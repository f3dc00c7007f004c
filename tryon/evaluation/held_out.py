"""Held-out synthetic people, and how an estimator would see them.

Seeds from `FIRST_SEED` on belong to evaluation alone. The shipped weights were trained on seeds
below ten million: 1,000,000 on (the autoencoder), 2,000,000 on (body map and placement),
3,000,000 on (the `mini` family) and 5,000,000 on (placement again).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tryon.data.synthetic.sample import Sample
from tryon.training.bodymap import person_height
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_silhouette
from tryon.types import Category, Pose

FIRST_SEED = 90_000_000


def held_out_samples(
    count: int,
    categories: Sequence[Category],
    size: tuple[int, int],
    *,
    first_seed: int = FIRST_SEED,
    fabrics: Path | None = None,
) -> Iterator[Sample]:
    """The first `count` samples of each category, by rising seed. Needs the extra `synthetic`."""
    from tryon.data.synthetic.scene import render_sample

    missing = dict.fromkeys(categories, count)
    seed = first_seed
    while any(missing.values()):
        sample = render_sample(seed, size, fabric_folder=fabrics)
        seed += 1
        if missing.get(sample.category, 0) > 0:
            missing[sample.category] -= 1
            yield sample


def noisy_person(sample: Sample, noise: PersonNoise | None = None) -> tuple[Pose, np.ndarray]:
    """Pose and silhouette, float32 (H, W), with errors such as BlazePose makes.

    The errors depend on the sample's seed only.
    """
    rng = np.random.default_rng([sample.seed, 2])
    noise = noise or PersonNoise()
    tall = person_height(sample.keypoints)
    keypoints = noisy_keypoints(rng, sample.keypoints, tall, noise)
    silhouette = noisy_silhouette(rng, sample.person.silhouette, tall, noise)
    return Pose(keypoints, sample.hands.astype(np.float32), score=1.0), silhouette


def true_pose(sample: Sample) -> Pose:
    """The pose without any error."""
    return Pose(sample.keypoints, sample.hands, score=1.0)
