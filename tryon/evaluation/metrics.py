"""How far a picture is from the true one, inside a region: PSNR, SSIM, CIEDE2000,
sharpness; and poses.

All pictures are uint8 RGB (H, W, 3), all regions bool (H, W). An empty region gives nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tryon.errors import DependencyError, InputError
from tryon.types import JOINTS, Pose

SEEN = 0.3  # a joint counts if both estimates are at least this confident

_SIGMA = 1.5  # of the Gaussian window of SSIM, as in its paper
_REACH = 11  # pixels kept around a region: the window is as wide


def psnr(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels over the region's pixels and channels.

    Infinite where both are equal.
    """
    _check(picture, truth, region)
    if not region.any():
        return math.nan
    off = picture[region].astype(np.float64) - truth[region]
    error = float(np.mean(off * off))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Mean of the structural similarity map over the region, up to 1.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    with its Gaussian window, on the three channels; windows may look a little beyond the region.
    """
    from_skimage = _skimage("metrics").structural_similarity
    _check(picture, truth, region)
    if not region.any():
        return math.nan
    cut = _around(region)
    _, similar = from_skimage(
        picture[cut],
        truth[cut],
        channel_axis=2,
        data_range=255,
        gaussian_weights=True,
        sigma=_SIGMA,
        use_sample_covariance=False,
        full=True,
    )
    return float(similar[region[cut]].mean())


def delta_e(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> tuple[float, float]:
    """Mean and median CIEDE2000 colour difference over the region; about 2 can just be seen."""
    colour = _skimage("color")
    _check(picture, truth, region)
    if not region.any():
        return math.nan, math.nan
    off = colour.deltaE_ciede2000(
        colour.rgb2lab(picture[region][None]), colour.rgb2lab(truth[region][None])
    )
    return float(off.mean()), float(np.median(off))


def sharpness(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Mean length of the picture's brightness gradient over the region, in parts of the truth's.

    Below 1 the picture is more blurred than the truth; noise, too, makes it larger. nan where the
    truth is flat.
    """
    _check(picture, truth, region)
    if not region.any():
        return math.nan
    steep = [
        float(np.hypot(*np.gradient(image.astype(np.float32).mean(axis=-1)))[region].mean())
        for image in (picture, truth)
    ]
    return steep[0] / steep[1] if steep[1] > 0 else math.nan


def pose_error(found: Pose, truth: Pose, joints: Sequence[str] = JOINTS) -> float:
    """Mean distance of the joints that both see, in percent of the true trunk's length.

    joints: names, as in `JOINTS`. nan if no joint, or no trunk, is seen.
    """
    trunk = trunk_length(truth.keypoints)
    both = [name for name in joints if found.seen(name, SEEN) and truth.seen(name, SEEN)]
    if not both or not trunk > 0:
        return math.nan
    off = [float(np.hypot(*(found.joint(name) - truth.joint(name))[:2])) for name in both]
    return 100 * float(np.mean(off)) / trunk


def joints_missed(
    found: Pose | None, truth: Pose, joints: Sequence[str] = JOINTS, within: float = 10.0
) -> float:
    """Percent of the joints that the truth shows and that are not found near there.

    found: None if nobody was found. within: percent of the true trunk's length. That is 100 less
    the "percentage of correct keypoints" of Yang and Ramanan, "Articulated Human Detection with
    Flexible Mixtures of Parts" (2013). nan if the truth shows no joint, or no trunk.
    """
    trunk = trunk_length(truth.keypoints)
    shown = [name for name in joints if truth.seen(name, SEEN)]
    if not shown or not trunk > 0:
        return math.nan
    near = [
        found is not None
        and found.seen(name, SEEN)
        and float(np.hypot(*(found.joint(name) - truth.joint(name))[:2])) <= within * trunk / 100
        for name in shown
    ]
    return 100 * (1 - float(np.mean(near)))


def trunk_length(keypoints: np.ndarray) -> float:
    """Pixels from the neck to the middle of the hips; keypoints: (18, 3)."""
    neck, right, left = (
        keypoints[JOINTS.index(name), :2] for name in ("neck", "right_hip", "left_hip")
    )
    return float(np.hypot(*(neck - (right + left) / 2)))


def _around(region: np.ndarray) -> tuple[slice, slice]:
    """The region's box with what SSIM's windows see, and at least one window large."""
    cut = []
    for axis, length in ((1, region.shape[0]), (0, region.shape[1])):
        there = np.flatnonzero(region.any(axis=axis))
        cut.append(slice(max(0, there[0] - _REACH), min(length, there[-1] + 1 + _REACH)))
    return cut[0], cut[1]


def _check(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> None:
    if picture.shape != truth.shape or picture.shape[:2] != region.shape:
        raise InputError(
            f"sizes differ: picture {picture.shape}, truth {truth.shape}, region {region.shape}"
        )


def _skimage(module: str):  # type: ignore[no-untyped-def]
    """One module of scikit-image. Raises DependencyError if it is not installed."""
    import importlib

    try:
        return importlib.import_module(f"skimage.{module}")
    except ImportError as error:
        raise DependencyError(
            "evaluation needs scikit-image", remedy="pip install 'tryon[evaluate]'"
        ) from error
