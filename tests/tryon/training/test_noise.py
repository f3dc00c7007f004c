"""Invented errors of estimators have the sizes that were measured."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_outline, noisy_silhouette
from tryon.types import JOINTS

NONE = PersonNoise(0, 0, 0, 0, 0, 0, 0, 1, 0)
TALL = 1000.0


def standing() -> np.ndarray:
    """Joints of somebody who faces the camera: the right ones are on the left of the picture."""
    keypoints = np.ones((18, 3), np.float32)
    for i, name in enumerate(JOINTS):
        keypoints[i, 0] = 500 - 80 * name.startswith("right") + 80 * name.startswith("left")
        keypoints[i, 1] = 100 + 40 * JOINTS.index(name.replace("left", "right"))
    return keypoints


def drawn(noise: PersonNoise, keypoints: np.ndarray, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([noisy_keypoints(rng, keypoints, TALL, noise) for _ in range(count)])


def test_without_noise_joints_stay_where_they_are() -> None:
    still = drawn(NONE, standing(), 3)
    moved = np.delete(still - standing(), JOINTS.index("neck"), axis=1)
    assert np.abs(moved[..., :2]).max() < 1e-3


def test_joints_lie_where_the_estimator_would_have_them() -> None:
    """Hips 1.5 % of the height above the body model's, ears nearer to each other."""
    noise = PersonNoise(joint=0, whole=0, stray=0, missing=0, swapped=0)
    moved = drawn(noise, standing(), 2)[0] - standing()
    for side, out in (("right", -1), ("left", 1)):
        hip, ear = (moved[JOINTS.index(f"{side}_{name}")] for name in ("hip", "ear"))
        assert hip[:2] == pytest.approx([out * 2.4, -14.5], abs=0.1)
        assert ear[0] == pytest.approx(-out * 6.5, abs=0.1)


def test_errors_have_the_measured_quantiles() -> None:
    """Of a whole figure's joints: 0.9 % of the height in the median, 3.3 % in the worst tenth."""
    keypoints = standing()
    off = np.hypot(
        *np.moveaxis((drawn(PersonNoise(swapped=0), keypoints) - keypoints)[..., :2], 2, 0)
    )
    median, worst = np.quantile(off / TALL * 100, [0.5, 0.9])
    assert median == pytest.approx(0.9, abs=0.2)
    assert worst == pytest.approx(3.3, abs=0.5)


def test_hidden_and_outside_joints_are_worse() -> None:
    elbow, wrist = JOINTS.index("left_elbow"), JOINTS.index("left_wrist")
    noise = PersonNoise(whole=0, stray=0, missing=0, swapped=0)
    spread = {}
    for confidence in (1.0, 0.4, 0.0):
        keypoints = standing()
        keypoints[[elbow, wrist], 2] = confidence
        moved = drawn(noise, keypoints)
        spread[confidence] = (moved[:, elbow, :2] - keypoints[elbow, :2]).std()
        lost = (moved[:, wrist, 2] == 0).mean()
        assert lost == pytest.approx(0.66 if confidence == 0 else 0, abs=0.08)
    assert spread[0.0] > 1.5 * spread[0.4] > 2 * spread[1.0]


def test_some_joints_are_missing_and_some_people_turned_round() -> None:
    noise = PersonNoise(joint=0, offset=0, whole=0, stray=0, missing=0.2, swapped=0.3)
    moved = drawn(noise, standing())
    assert (moved[:, 3, 2] == 0).mean() == pytest.approx(0.2, abs=0.06)
    right, left = JOINTS.index("right_knee"), JOINTS.index("left_knee")
    turned = moved[:, right, 0] > moved[:, left, 0]
    assert turned.mean() == pytest.approx(0.3, abs=0.07)
    shoulders = moved[:, JOINTS.index("right_shoulder"), 0] > 500
    assert (shoulders == turned).all()  # all of a person's joints, or none
    assert moved[..., 2].max() <= 1


def test_noisy_silhouettes_overlap_as_much_as_was_measured() -> None:
    mask = np.zeros((224, 168), np.uint8)
    mask[20:210, 60:110] = 1
    rng = np.random.default_rng(2)
    overlap = []
    for _ in range(80):
        silhouette = noisy_silhouette(rng, mask, 190, PersonNoise()) > 0.5
        overlap.append((silhouette & (mask > 0)).sum() / (silhouette | (mask > 0)).sum())
    assert np.median(overlap) > 0.96
    assert 0.8 < min(overlap) < 0.97
    exact = noisy_silhouette(rng, mask, 190, NONE) > 0.5
    assert (exact == (mask > 0)).mean() > 0.995


def test_noisy_outlines_of_garments_stay_near_the_truth() -> None:
    mask = np.zeros((128, 96), np.uint8)
    mask[20:100, 30:70] = 1
    rng = np.random.default_rng(2)
    overlap = []
    for _ in range(10):
        outline = noisy_outline(rng, mask) > 127
        overlap.append((outline & (mask > 0)).sum() / (outline | (mask > 0)).sum())
    assert 0.85 < min(overlap) < 1
