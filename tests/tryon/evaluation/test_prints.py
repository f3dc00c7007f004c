from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from tryon.evaluation.prints import affine_copy, possible_matches, print_matches, worn_scale

HOMOGRAPHY = np.array([[0.8, -0.12, 60.0], [0.1, 0.75, 40.0], [1e-4, 5e-5, 1.0]])
SIZE = (300, 320)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A face and a space suit are as full of detail as any print."""
    return np.ascontiguousarray(data.astronaut()[:256, 100:356])


@pytest.fixture(scope="module")
def garment() -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[16:240, 16:240] = True
    return mask


@pytest.fixture(scope="module")
def worn(photo: np.ndarray) -> np.ndarray:
    return cv2.warpPerspective(photo, HOMOGRAPHY, SIZE[::-1], borderValue=(90, 90, 90))


@pytest.fixture(scope="module")
def region(garment: np.ndarray) -> np.ndarray:
    moved = cv2.warpPerspective(garment.astype(np.uint8), HOMOGRAPHY, SIZE[::-1])
    return np.asarray(moved > 0)


def test_a_known_homography_is_found(
    photo: np.ndarray, garment: np.ndarray, worn: np.ndarray, region: np.ndarray
) -> None:
    matches = print_matches(photo, garment, worn, region)
    expected = cv2.perspectiveTransform(matches[None, :, :2].astype(np.float64), HOMOGRAPHY)[0]
    off = np.linalg.norm(expected - matches[:, 2:], axis=1)
    assert len(matches) > 40
    assert np.median(off) < 1
    assert off.max() < 0.02 * SIZE[0] + 3


def test_the_worn_print_keeps_what_is_possible(
    photo: np.ndarray, garment: np.ndarray, worn: np.ndarray, region: np.ndarray
) -> None:
    possible = possible_matches(photo, garment, region)
    assert len(print_matches(photo, garment, worn, region)) > 0.7 * possible
    blurred = cv2.GaussianBlur(worn, (0, 0), 4)
    assert len(print_matches(photo, garment, blurred, region)) < 0.3 * possible


def test_another_picture_has_no_matches(photo: np.ndarray, garment: np.ndarray) -> None:
    cat = np.ascontiguousarray(data.chelsea()[:256, 100:356])
    assert len(print_matches(photo, garment, cat, garment)) < 8


def test_cloth_without_a_print_has_no_matches(garment: np.ndarray) -> None:
    plain = np.full((256, 256, 3), 120, np.uint8)
    plain[garment] = (160, 30, 30)
    assert len(print_matches(plain, garment, plain, garment)) == 0
    assert possible_matches(plain, garment, garment) == 0


def test_only_what_lies_in_the_region_counts(
    photo: np.ndarray, garment: np.ndarray, worn: np.ndarray, region: np.ndarray
) -> None:
    half = region & (np.arange(SIZE[1]) < 150)
    matches = print_matches(photo, garment, worn, half)
    assert 0 < len(matches) < len(print_matches(photo, garment, worn, region))
    assert matches[:, 2].max() < 150
    assert len(print_matches(photo, garment, worn, np.zeros(SIZE, bool))) == 0


def test_the_copy_is_as_large_as_the_worn_garment(
    photo: np.ndarray, garment: np.ndarray, region: np.ndarray
) -> None:
    scale = worn_scale(garment, region)
    assert scale == pytest.approx(np.sqrt(region.sum() / garment.sum()))
    _, where = affine_copy(photo, garment, scale)
    assert where.sum() == pytest.approx(region.sum(), rel=0.03)
    assert affine_copy(photo, garment, 3.0)[1].shape == garment.shape
