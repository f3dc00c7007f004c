from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage import color, data, metrics as oracle

from tryon.errors import InputError
from tryon.evaluation.metrics import (
    delta_e,
    joints_missed,
    pose_error,
    psnr,
    sharpness,
    ssim,
    trunk_length,
)
from tryon.types import JOINTS, Pose


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[100:180, 200:296])


@pytest.fixture(scope="module")
def noisy(photo: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 12, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def disc() -> np.ndarray:
    y, x = np.mgrid[0:80, 0:96]
    return (y - 30) ** 2 + (x - 60) ** 2 < 18**2


EVERYWHERE = np.ones((80, 96), bool)


def test_psnr_of_a_known_difference() -> None:
    dark = np.full((80, 96, 3), 100, np.uint8)
    assert psnr(dark, dark + 10, EVERYWHERE) == pytest.approx(20 * math.log10(255 / 10))
    assert psnr(dark, dark, EVERYWHERE) == math.inf


def test_psnr_is_that_of_scikit_image(photo: np.ndarray, noisy: np.ndarray) -> None:
    assert psnr(noisy, photo, EVERYWHERE) == pytest.approx(
        oracle.peak_signal_noise_ratio(photo, noisy)
    )


def test_only_the_region_counts(photo: np.ndarray, noisy: np.ndarray, disc: np.ndarray) -> None:
    spoilt = np.where(disc[..., None], noisy, 0).astype(np.uint8)
    assert psnr(spoilt, photo, disc) == psnr(noisy, photo, disc) != psnr(noisy, photo, EVERYWHERE)
    assert delta_e(spoilt, photo, disc) == delta_e(noisy, photo, disc)


def test_ssim_is_that_of_scikit_image(
    photo: np.ndarray, noisy: np.ndarray, disc: np.ndarray
) -> None:
    settings = dict(channel_axis=2, gaussian_weights=True, use_sample_covariance=False)
    _, similar = oracle.structural_similarity(noisy, photo, full=True, **settings)
    assert ssim(noisy, photo, EVERYWHERE) == pytest.approx(similar.mean(), abs=1e-6)
    assert ssim(noisy, photo, disc) == pytest.approx(similar[disc].mean(), abs=1e-6)
    assert ssim(photo, photo, disc) == pytest.approx(1)


def test_ssim_of_a_region_of_one_pixel(photo: np.ndarray, noisy: np.ndarray) -> None:
    point = np.zeros((80, 96), bool)
    point[0, 95] = True
    assert -1 <= ssim(noisy, photo, point) < 1


def test_colour_differences_are_those_of_scikit_image(
    photo: np.ndarray, noisy: np.ndarray, disc: np.ndarray
) -> None:
    off = color.deltaE_ciede2000(color.rgb2lab(noisy), color.rgb2lab(photo))[disc]
    assert delta_e(noisy, photo, disc) == pytest.approx((off.mean(), np.median(off)))
    black, white = np.zeros((80, 96, 3), np.uint8), np.full((80, 96, 3), 255, np.uint8)
    assert delta_e(black, white, disc) == pytest.approx((100, 100), abs=0.01)


def test_an_empty_region_has_no_value(photo: np.ndarray) -> None:
    nowhere = np.zeros((80, 96), bool)
    assert math.isnan(psnr(photo, photo, nowhere))
    assert math.isnan(ssim(photo, photo, nowhere))
    assert all(math.isnan(value) for value in delta_e(photo, photo, nowhere))


def test_pictures_of_other_sizes_are_refused(photo: np.ndarray) -> None:
    with pytest.raises(InputError, match="sizes differ"):
        psnr(photo[1:], photo, EVERYWHERE)


def pose(shift: tuple[float, float] = (0, 0), unseen: tuple[str, ...] = ()) -> Pose:
    keypoints = np.zeros((18, 3), np.float32)
    keypoints[:, 0], keypoints[:, 1] = 50 + np.arange(18), 10 * np.arange(18)
    for name, place in (("neck", (50, 20)), ("right_hip", (40, 120)), ("left_hip", (60, 120))):
        keypoints[JOINTS.index(name), :2] = place
    keypoints[:, :2] += shift
    keypoints[:, 2] = [0.1 if name in unseen else 0.9 for name in JOINTS]
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), 1.0)


def test_the_trunk_reaches_from_the_neck_to_between_the_hips() -> None:
    assert trunk_length(pose().keypoints) == pytest.approx(100)


def test_a_shifted_pose_is_off_by_the_shift() -> None:
    assert pose_error(pose((3, 4)), pose()) == pytest.approx(5)


def test_joints_far_off_unseen_or_of_nobody_are_missed() -> None:
    truth = pose(unseen=("nose",))
    trunk = trunk_length(truth.keypoints)
    names = ["nose", "left_wrist", "right_wrist", "neck", "left_hip"]
    assert joints_missed(pose((0.09 * trunk, 0)), truth, names) == 0
    assert joints_missed(pose((0.11 * trunk, 0)), truth, names) == 100
    assert joints_missed(pose((0.11 * trunk, 0)), truth, names, within=12) == 0
    found = pose(unseen=("left_wrist",))
    assert joints_missed(found, truth, names) == pytest.approx(25)
    assert joints_missed(None, truth, names) == 100
    assert math.isnan(joints_missed(found, truth, ["nose"]))


def test_joints_that_one_of_both_does_not_see_are_left_out() -> None:
    found, truth = pose(unseen=("nose",)), pose(unseen=("left_ear",))
    found.keypoints[JOINTS.index("nose"), :2] += 500
    found.keypoints[JOINTS.index("left_ear"), :2] += 500
    assert pose_error(found, truth) == pytest.approx(0)
    found.keypoints[JOINTS.index("left_wrist"), 0] += 17
    assert pose_error(found, truth, ["left_wrist", "right_wrist"]) == pytest.approx(8.5)
    assert math.isnan(pose_error(found, truth, ["nose"]))


def test_sharpness_falls_with_blur_and_grows_with_noise(
    photo: np.ndarray, noisy: np.ndarray, disc: np.ndarray
) -> None:
    blurred = cv2.GaussianBlur(photo, (0, 0), 2)
    assert sharpness(photo, photo, disc) == 1
    assert sharpness(blurred, photo, disc) < 0.8 < 1.1 < sharpness(noisy, photo, disc)
    mixed = np.where(disc[..., None], photo, blurred)
    assert sharpness(mixed, photo, disc) == pytest.approx(1, abs=0.05)
    assert math.isnan(sharpness(photo, photo, np.zeros_like(disc)))
    assert math.isnan(sharpness(photo, np.full_like(photo, 9), disc))
