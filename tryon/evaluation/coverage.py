"""Whether a garment lies where it is worn: what it covers, and where its edges are.

Compared are two masks, bool (H, W): `found`, where the result shows the garment, and `truth`, where
the photo shows the same one worn. Both leave out what hangs or is held in front of it.

Lengths are in shoulder widths, the distance of the two shoulder joints in the picture. On people
who stand sideways that is short, and errors count for more.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import uniform_filter

from tryon.types import Category, Pose

SEEN = 0.3  # a joint counts if it is at least so sure
HEM_NEAR = 0.3  # shoulder widths within which a hem is right
_TRUNK = 0.35  # shoulder widths from the trunk's middle to the columns that a hem is read from
_THROAT = 0.08  # the same for the neckline
_LIMB = 0.12  # shoulder widths: side of the square around a bone that must be covered mostly
_STEP = 0.01  # shoulder widths between the places along a bone
_BONES: dict[str, tuple[str, ...]] = {
    "arm": ("shoulder", "elbow", "wrist"),
    "leg": ("hip", "knee", "ankle"),
}


def coverage_measures(
    found: np.ndarray, truth: np.ndarray, pose: Pose, category: Category
) -> dict[str, float]:
    """All measures of one pair by name; nan where there is nothing to measure.

    iou: overlap of both masks in parts of their union. too_much, too_little: what only the result,
        and only the truth covers, in parts of what the truth covers.
    iou_above: the overlap above the true hem, so that a hem which is too long or too short, or a
        top that is tucked in, does not count.
    hem_near: 1 if the hem is off by `HEM_NEAR` shoulder widths at most, else 0.
    hem, cuff, neckline: how far those edges are off, in shoulder widths.
    hem_longer, cuff_longer, neckline_higher: the same errors with their signs.
    """
    if not truth.any():
        return {}
    width = shoulder_width(pose)
    hem = hem_longer(found, truth, pose, category)
    cuff = limb_longer(found, truth, pose, "arm") if category != "lower" else []
    neckline = neckline_higher(found, truth, pose, category)
    above = np.zeros_like(truth)
    above[: hem_row(truth, pose, category) + 1] = True
    return {
        "iou": overlap(found, truth),
        "iou_above": overlap(found & above, truth & above),
        "too_much": _share(found & ~truth, truth),
        "too_little": _share(truth & ~found, truth),
        "hem_near": math.nan if math.isnan(hem / width) else float(abs(hem) <= HEM_NEAR * width),
        "hem": abs(hem) / width,
        "cuff": float(np.mean(np.abs(cuff))) / width if cuff else math.nan,
        "neckline": abs(neckline) / width,
        "hem_longer": hem / width,
        "cuff_longer": float(np.mean(cuff)) / width if cuff else math.nan,
        "neckline_higher": neckline / width,
    }


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks; nan if both are empty."""
    return _share(found & truth, found | truth)


def shoulder_width(pose: Pose) -> float:
    """Pixels between the shoulder joints; nan if one was not found, or both are one point."""
    right, left = _joint(pose, "right_shoulder"), _joint(pose, "left_shoulder")
    width = float(np.hypot(*(right - left)))
    return width if width > 0 else math.nan


def hem_longer(found: np.ndarray, truth: np.ndarray, pose: Pose, category: Category) -> float:
    """Pixels by which the garment ends lower than it should; negative where it ends higher.

    Of tops and dresses, the median over the columns of the trunk (0.35 shoulder widths to either
    side of its middle) where the truth has the garment: the lowest pixel of `found` less that of
    `truth`. A column without any of `found` ends where the truth begins. Of bottoms, the mean of
    what `limb_longer` says of the legs.
    """
    if category == "lower":
        legs = limb_longer(found, truth, pose, "leg")
        return float(np.mean(legs)) if legs else math.nan
    columns = _columns(truth, pose, "hip", _TRUNK)
    if not len(columns):
        return math.nan
    top, bottom = _first(truth[:, columns]), _last(truth[:, columns])
    cloth = found[:, columns]
    return float(np.median(np.where(cloth.any(axis=0), _last(cloth), top) - bottom))


def hem_row(truth: np.ndarray, pose: Pose, category: Category) -> int:
    """The row of the true hem: the median of the columns that `hem_longer` reads it from.

    The garment's lowest row where there are none, and of bottoms.
    """
    columns = _columns(truth, pose, "hip", _TRUNK)
    if category == "lower" or not len(columns):
        return int(np.flatnonzero(truth.any(axis=1))[-1])
    return int(np.median(_last(truth[:, columns])))


def neckline_higher(found: np.ndarray, truth: np.ndarray, pose: Pose, category: Category) -> float:
    """Pixels by which the garment begins higher than it should on the body's middle line.

    The middle is between the shoulders (of bottoms, between the hips: it is the waistband), and
    the median is taken over the columns 0.08 shoulder widths to either side. A column without any
    of `found` begins where the truth ends.
    """
    columns = _columns(truth, pose, "hip" if category == "lower" else "shoulder", _THROAT)
    if not len(columns):
        return math.nan
    top, bottom = _first(truth[:, columns]), _last(truth[:, columns])
    cloth = found[:, columns]
    return float(np.median(top - np.where(cloth.any(axis=0), _first(cloth), bottom)))


def limb_longer(found: np.ndarray, truth: np.ndarray, pose: Pose, limb: str) -> list[float]:
    """Of each arm or leg in the picture, pixels by which the garment reaches further along it.

    limb: `arm` or `leg`. An arm lies in the picture if shoulder and elbow were found; forearms are
    left out beyond a wrist that was not.
    """
    longer = []
    for side in ("right", "left"):
        places = limb_places(pose, f"{side}", limb, found.shape)
        if len(places):
            step = _STEP * shoulder_width(pose)
            ends = [limb_end(mask, places, shoulder_width(pose)) for mask in (found, truth)]
            longer.append(step * (ends[0] - ends[1]))
    return longer


def limb_end(mask: np.ndarray, places: np.ndarray, width: float) -> int:
    """After how many of the places (n, 2) along a limb the garment ends.

    A place is covered if the greater part of the square around it is. The end is where fewest
    places lie on the wrong side: uncovered before it, or covered behind it. So a strap or a hand
    before a sleeve, or a scrap of cloth behind its end, does not move it.
    """
    side = max(1, round(_LIMB * width))
    covered = uniform_filter(mask.astype(np.float32), side)[places[:, 1], places[:, 0]] > 0.5
    return int(np.argmax(np.concatenate([[0], np.cumsum(np.where(covered, 1, -1))])))


def limb_places(pose: Pose, side: str, limb: str, shape: tuple[int, ...]) -> np.ndarray:
    """int (n, 2), x and y of pixels from the limb's root to its end, a hundredth shoulder apart."""
    joints = [_joint(pose, f"{side}_{joint}") for joint in _BONES[limb]]
    step = _STEP * shoulder_width(pose)
    places = [np.empty((0, 2))]
    for start, end in zip(joints, joints[1:], strict=False):
        if not np.isfinite([*start, *end, step]).all():
            break
        count = max(1, round(float(np.hypot(*(end - start))) / step))
        places.append(start + (end - start) * np.arange(count)[:, None] / count)
    along = np.floor(np.concatenate(places)).astype(int)
    inside = (along >= 0).all(axis=1) & (along < (shape[1], shape[0])).all(axis=1)
    return along[inside]


def _columns(truth: np.ndarray, pose: Pose, joint: str, reach: float) -> np.ndarray:
    """The columns within so many shoulder widths of the body's middle that the truth is in.

    The middle of the hips is that of the shoulders where no hips were found.
    """
    width = shoulder_width(pose)
    places = [[_joint(pose, f"{side}_{name}")[0] for side in ("right", "left")]
              for name in (joint, "shoulder")]  # fmt: skip
    middle = next((float(np.mean(x)) for x in places if np.isfinite(x).all()), math.nan)
    if not math.isfinite(middle + width):
        return np.empty(0, int)
    x = np.arange(truth.shape[1]) + 0.5
    return np.flatnonzero((np.abs(x - middle) <= reach * width) & truth.any(axis=0))


def _joint(pose: Pose, name: str) -> np.ndarray:
    """float (2,): where a joint is, nan if it was not found."""
    return pose.joint(name)[:2] if pose.seen(name, SEEN) else np.full(2, math.nan)


def _first(mask: np.ndarray) -> np.ndarray:
    return np.argmax(mask, axis=0)


def _last(mask: np.ndarray) -> np.ndarray:
    return len(mask) - 1 - np.argmax(mask[::-1], axis=0)


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    count = np.count_nonzero(whole)
    return math.nan if count == 0 else np.count_nonzero(part) / count
