"""Who wears the garment in a photo, if anybody does, and which of their pieces is meant.

A pose estimator also finds people in coats on hangers, and those printed on shirts. Somebody real
shows skin, hair or a face, and fills the photo.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from tryon.pipelines.person.parser import CLASSES, ClassProbability
from tryon.pipelines.skin import colour_bins, colour_model, overlap
from tryon.types import JOINTS, Box, Category, Pose

_BARE = 0.02  # of what is no ground: skin, hair and face; headless models show 0.03
_SMALLEST = 0.25  # of the photo's longer side; people printed on a shirt span 0.1
_AROUND = 0.2  # of their height that heads and hands stand out beyond somebody's joints
_SEEN = 0.3  # confidence of a joint that is in the frame
_END = 0.94  # of the photo's height: hips below it are where the photo ends
_ALIKE = 0.75  # overlap of the colours of chest and lap, from which they are of one piece
_CLOTHED = 0.6  # of a patch must be clothes


def wearers(photo: np.ndarray, people: Iterable[Pose], parser: ClassProbability) -> list[Pose]:
    """Those of the people found in a photo, uint8 (H, W, 3), who are somebody."""
    large = [pose for pose in people if _span(pose) >= _SMALLEST * max(photo.shape[:2])]
    return [pose for pose in large if _bare(photo, pose, parser) >= _BARE]


def _span(pose: Pose) -> float:
    """The larger of width and height, in pixels, of the box around somebody's joints."""
    points = pose.keypoints[pose.keypoints[:, 2] >= _SEEN, :2]
    return float(np.ptp(points, axis=0).max()) if len(points) else 0.0


def extent(pose: Pose, width: int, height: int) -> Box:
    """The box around somebody, by their joints, within a photo of this size."""
    points = pose.keypoints[pose.keypoints[:, 2] >= _SEEN, :2]
    if not len(points):
        return Box(0, 0, width, height)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    air = _AROUND * max(right - left, bottom - top)
    return Box(
        max(0, int(left - air)),
        max(0, int(top - air)),
        min(width, int(right + air) + 1),
        min(height, int(bottom + air) + 1),
    )


def _bare(photo: np.ndarray, pose: Pose, parser: ClassProbability) -> float:
    """The share of skin, hair and face in what is no ground around somebody."""
    classes = _classes(photo, extent(pose, *photo.shape[1::-1]), parser)
    there = np.bincount(classes.ravel(), minlength=len(CLASSES))
    bare = there[[CLASSES.index(name) for name in ("hair", "skin", "face")]].sum()
    return float(bare / max(there[1:].sum(), 1))


def _classes(photo: np.ndarray, box: Box, parser: ClassProbability) -> np.ndarray:
    """int (h, w): the index into `CLASSES` of each pixel of a box."""
    part = photo[box.top : box.bottom, box.left : box.right]
    scale = min(1.0, 256 / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return parser.probability(np.ascontiguousarray(small)).argmax(axis=-1)


def told_category(photo: np.ndarray, pose: Pose, parser: ClassProbability) -> Category | None:
    """The piece that a photo of somebody, uint8 (H, W, 3), must mean; None if it does not tell.

    A photo that ends at the waist means the top, one that begins there the bottom. Where chest
    and lap are of one cloth, and cloth hangs between the thighs, it is a dress.
    """
    shoulders, hips, knees = (_pair(pose, name) for name in ("shoulder", "hip", "knee"))
    chest_seen, hips_seen, knees_seen = (
        bool(pair[:, 2].min() >= _SEEN) for pair in (shoulders, hips, knees)
    )
    if chest_seen and (not hips_seen or hips[:, 1].min() > _END * photo.shape[0]):
        return "upper"
    if hips_seen and not chest_seen and shoulders[:, 1].max() <= 0:
        return "lower"
    if not (chest_seen and hips_seen and knees_seen):
        return None
    half = 0.25 * abs(float(hips[0, 0] - hips[1, 0]))
    chest = _patch(_middle(shoulders, hips, 0.35), _middle(shoulders, hips, 0.75), half, photo)
    lap = _patch(_middle(hips, knees, 0.3), _middle(hips, knees, 0.6), half, photo)
    return "dress" if _of_one_cloth(photo, pose, parser, chest, lap) else None


def _of_one_cloth(
    photo: np.ndarray, pose: Pose, parser: ClassProbability, one: Box, other: Box
) -> bool:
    """Whether two patches of somebody show clothes, and the same."""
    box = extent(pose, *photo.shape[1::-1])
    classes = _classes(photo, box, parser)
    part = photo[box.top : box.bottom, box.left : box.right]
    bins = colour_bins(cv2.resize(part, classes.shape[::-1], interpolation=cv2.INTER_AREA))
    clothes = classes == CLASSES.index("clothes")
    scale = classes.shape[0] / box.height
    models = []
    for patch in (one, other):
        rows = slice(int((patch.top - box.top) * scale), int((patch.bottom - box.top) * scale) + 1)
        left, right = (int((x - box.left) * scale) for x in (patch.left, patch.right))
        there = np.zeros(classes.shape, bool)
        there[rows, max(left, 0) : right + 1] = True
        if not there.any() or clothes[there].mean() < _CLOTHED:
            return False
        models.append(colour_model(bins, there & clothes))
    first, second = models
    return first is not None and second is not None and overlap(first, second) >= _ALIKE


def _pair(pose: Pose, name: str) -> np.ndarray:
    """float32 (2, 3): the left and the right joint of a name."""
    return pose.keypoints[[JOINTS.index(f"{side}_{name}") for side in ("left", "right")]]


def _middle(above: np.ndarray, below: np.ndarray, share: float) -> np.ndarray:
    """float32 (2,): a point between the middles of two pairs of joints."""
    return np.asarray((1 - share) * above[:, :2].mean(0) + share * below[:, :2].mean(0))


def _patch(top: np.ndarray, bottom: np.ndarray, half: float, photo: np.ndarray) -> Box:
    """Around the line between two points, `half` to each side of it, within the photo."""
    height, width = photo.shape[:2]
    centre = float(top[0] + bottom[0]) / 2
    return Box(
        int(np.clip(centre - half, 0, width - 1)),
        int(np.clip(top[1], 0, height - 1)),
        int(np.clip(centre + half, 1, width)),
        int(np.clip(bottom[1], 1, height)),
    )
