"""Whether a print survived: keypoint matches between a garment photo and the worn garment.

SIFT (Lowe 2004) with the ratio test, and a homography by RANSAC; what agrees with it counts.
"""

from __future__ import annotations

import cv2
import numpy as np

_RATIO = 0.8  # of the nearest to the second nearest descriptor, Lowe's own
_TOLERANCE = 0.02  # how far cloth may stray from a plane, as a part of the region's longer side
_RIM = 0.02  # of the longer side: outlines are no prints
_FEWEST = 4  # a homography needs four
_TURN, _SHEAR = 5.0, 0.05  # of the affine copy, degrees and parts


def possible_matches(photo: np.ndarray, garment: np.ndarray, region: np.ndarray) -> int:
    """How many matches a garment has with its own affinely warped copy.

    photo: uint8 (h, w, 3), of the garment, which is where `garment`, bool (h, w), is.
    region: bool (H, W), where it is worn in some other picture.

    The copy is turned and sheared a little, and as large as the worn garment: what it loses is
    lost to size alone.
    """
    copy, where = affine_copy(photo, garment, worn_scale(garment, region))
    return len(print_matches(photo, garment, copy, where))


def print_matches(
    photo: np.ndarray, garment: np.ndarray, picture: np.ndarray, region: np.ndarray
) -> np.ndarray:
    """float32 (n, 4): x, y in the photo and x, y in the picture, of what one homography explains.

    photo: uint8 (h, w, 3), of the garment, which is where `garment`, bool (h, w), is.
    picture: uint8 (H, W, 3), of the person, who wears it where `region`, bool (H, W), is.
    """
    here, known = _features(photo, garment)
    there, seen = _features(picture, region)
    if len(here) < _FEWEST or len(there) < _FEWEST:
        return np.zeros((0, 4), np.float32)
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(known, seen, k=2)
    good = [a for a, b in pairs if a.distance < _RATIO * b.distance]
    nearest: dict[int, cv2.DMatch] = {}
    for match in good:  # one point of the picture cannot be several of the photo
        other = nearest.get(match.trainIdx)
        if other is None or match.distance < other.distance:
            nearest[match.trainIdx] = match
    if len(nearest) < _FEWEST:
        return np.zeros((0, 4), np.float32)
    source = here[[m.queryIdx for m in nearest.values()]]
    target = there[[m.trainIdx for m in nearest.values()]]
    cv2.setRNGSeed(0)  # RANSAC draws from it
    tolerance = max(2.0, _TOLERANCE * _longer_side(region))
    found, inliers = cv2.findHomography(source, target, cv2.RANSAC, tolerance, maxIters=5000)
    if found is None:
        return np.zeros((0, 4), np.float32)
    kept = inliers.ravel() > 0
    # Four points always agree with one another.
    return np.hstack([source, target])[kept] if kept.sum() > _FEWEST else np.zeros((0, 4))


def affine_copy(
    photo: np.ndarray, garment: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """The photo scaled, turned and sheared, on white, and its garment: uint8 RGB and bool."""
    height, width = garment.shape
    scale = min(scale, 1.0)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(garment.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    middle = (size[0] / 2, size[1] / 2)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, _TURN, 1.0), np.float64)
    turn[:, 1] += _SHEAR * turn[:, 0]
    turn[:, 2] -= _SHEAR * turn[:, 0] * middle[1]
    copy = cv2.warpAffine(small, turn, size, borderValue=(255, 255, 255))
    return copy, cv2.warpAffine(mask, turn, size, flags=cv2.INTER_NEAREST) > 0


def worn_scale(garment: np.ndarray, region: np.ndarray) -> float:
    """By how much the garment is smaller on the person than in its photo."""
    area = float(np.count_nonzero(garment))
    return float(np.sqrt(np.count_nonzero(region) / area)) if area else 1.0


def _features(picture: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) and descriptors (n, 128) inside a region, away from its outline."""
    rim = max(1, round(_RIM * _longer_side(region)))
    padded = np.pad(region.astype(np.uint8), 1)
    inner = cv2.erode(padded, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8))[1:-1, 1:-1]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    points, descriptors = cv2.SIFT.create().detectAndCompute(grey, inner * 255)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    return np.array([point.pt for point in points], np.float32), np.asarray(descriptors)


def _longer_side(region: np.ndarray) -> int:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return int(max(np.ptp(rows), np.ptp(columns)) + 1) if len(rows) else 0
