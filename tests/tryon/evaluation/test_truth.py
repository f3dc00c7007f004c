from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.sample import Sample
from tryon.evaluation.held_out import FIRST_SEED, held_out_samples, noisy_person, true_pose
from tryon.evaluation.maps import body_map_error, placement_error
from tryon.evaluation.metrics import pose_error
from tryon.evaluation.truth import true_atlas, true_body_map
from tryon.training.noise import PersonNoise

NONE = PersonNoise(0, 0, 0, 0, 0, 0, 0, 1, 0)


def test_the_true_body_map_has_next_to_no_error(sample: Sample) -> None:
    errors = body_map_error(true_body_map(sample), sample.body, sample.band)
    assert errors["uv_median"] < 0.01
    assert errors["part"] > 0.99
    assert errors["front"] > 0.99


def test_the_true_atlas_has_next_to_no_error(sample: Sample) -> None:
    atlas = true_atlas(sample.new_garment)
    assert atlas.category == "upper"
    assert placement_error(atlas, sample.new_garment.photo)["uv_median"] < 0.3


def test_held_out_samples_are_as_many_as_asked_for() -> None:
    assert FIRST_SEED > 10_000_000
    samples = list(held_out_samples(1, ("upper", "dress"), (96, 72)))
    assert sorted(sample.category for sample in samples) == ["dress", "upper"]
    assert samples[0].seed == FIRST_SEED
    assert samples[0].person.image.shape == (96, 72, 3)


def test_noise_is_always_the_same_for_a_sample(sample: Sample) -> None:
    pose, silhouette = noisy_person(sample)
    again, outline = noisy_person(sample)
    assert (pose.keypoints == again.keypoints).all()
    assert (silhouette == outline).all()
    assert 0.3 < pose_error(pose, true_pose(sample)) < 30


def test_without_noise_the_person_is_the_truth(sample: Sample) -> None:
    pose, silhouette = noisy_person(sample, NONE)
    assert pose_error(pose, true_pose(sample)) == pytest.approx(0, abs=0.1)
    assert np.abs(silhouette - sample.person.silhouette).mean() < 0.15
