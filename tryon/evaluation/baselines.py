"""What try-on looks like without a body map: the garment's cut-out moved by a few keypoints.

Both baselines know where shoulders, hips and knees lie in a garment laid flat as a rule, and
where they are in the person photo. A similarity, or a thin-plate spline, joins the two.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from tryon.pipelines.garment.cutout import Cutout
from tryon.types import JOINTS, Category, Pose

# From the middle of the trunk, and down from the garment's top, both in widths of the trunk:
# medians over synthetic flat-lays (ankles: as far below the knees as these are below the hips).
_STANDARD: dict[Category, dict[str, tuple[float, float]]] = {
    "upper": {"shoulder": (0.31, 0.155), "hip": (0.185, 1.15)},
    "lower": {"hip": (0.175, 0.25), "knee": (0.31, 0.86), "ankle": (0.39, 1.47)},
    "dress": {"shoulder": (0.295, 0.14), "hip": (0.185, 1.01), "knee": (0.30, 1.65)},
}
_SIMILARITY: dict[Category, tuple[str, ...]] = {
    "upper": ("shoulder", "hip"),
    "lower": ("hip", "knee"),
    "dress": ("shoulder", "hip"),
}
_ELBOW = 0.46  # how far down, in widths of the trunk
_SLEEVE = 0.1  # cloth beside the trunk at least so wide there is a sleeve with an elbow
_TRUNK = 0.6  # the trunk's columns hold at least so much of what the fullest one holds
_APART = 0.02  # control points nearer than this, in parts of their extent, would tear the spline
_SEEN = 0.05
_GRID = 8  # pixels between the points at which a spline is computed


def pasted(photo: np.ndarray, cutout: Cutout, pose: Pose, category: Category) -> np.ndarray:
    """uint8 (H, W, 3): the garment over the trunk, moved, turned and scaled as a whole.

    The photo itself where fewer than two of the joints that it takes were found.
    """
    joints = _SIMILARITY[category]
    garment, person = control_points(cutout, pose, category, joints, sleeves=False)
    if len(garment) < 2:
        return photo
    a, b = similarity(garment, person)
    move = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    # Coordinates are of pixel corners, OpenCV's of centres.
    move[:, 2] += move[:, :2] @ (0.5, 0.5) - 0.5
    image, alpha, move = _at_scale(cutout, move, abs(a))
    size = photo.shape[1::-1]
    return _over(photo, cv2.warpAffine(image, move, size), cv2.warpAffine(alpha, move, size))


def thin_plate(photo: np.ndarray, cutout: Cutout, pose: Pose, category: Category) -> np.ndarray:
    """uint8 (H, W, 3): the garment bent so that its control points lie on the person's joints.

    Bookstein 1989, "Principal warps: thin-plate splines and the decomposition of deformations".
    As `pasted` where there are fewer than three joints.
    """
    garment, person = control_points(cutout, pose, category, tuple(_STANDARD[category]))
    garment, person = _distinct(garment, person)
    if len(garment) < 3 or _on_a_line(person):
        return pasted(photo, cutout, pose, category)
    height, width = photo.shape[:2]
    grid = np.stack(
        np.meshgrid(np.arange(0, width + _GRID, _GRID), np.arange(0, height + _GRID, _GRID)), -1
    ).astype(np.float64)
    coarse = spline_map(person, garment, grid.reshape(-1, 2)).reshape(grid.shape)
    x, y = np.meshgrid((np.arange(width) + 0.5) / _GRID, (np.arange(height) + 0.5) / _GRID)
    at = cv2.remap(
        coarse.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR
    )
    shrunk, alpha, scale = _shrunk(cutout, abs(similarity(garment, person)[0]))
    at_x, at_y = at[..., 0] * scale - 0.5, at[..., 1] * scale - 0.5
    return _over(
        photo,
        cv2.remap(shrunk, at_x, at_y, cv2.INTER_LINEAR),
        cv2.remap(alpha, at_x, at_y, cv2.INTER_LINEAR),
    )


def spline_map(source: np.ndarray, target: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 2): points (n, 2) moved by the thin-plate spline that takes source to target (k, 2)."""
    spline = RBFInterpolator(source, target, kernel="thin_plate_spline", degree=1)
    return np.asarray(spline(points))


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[complex, complex]:
    """(a, b): the z -> a z + b in the complex plane that takes source to target (k, 2) best.

    |a| is the scale, its angle the turn; unlike an affine map it never mirrors.
    """
    here, there = source @ (1, 1j), target @ (1, 1j)
    from_middle = here - here.mean()
    spread = float(np.sum(np.abs(from_middle) ** 2))
    a = np.vdot(from_middle, there - there.mean()) / spread if spread else 1.0
    return complex(a), complex(there.mean() - a * here.mean())


def control_points(
    cutout: Cutout,
    pose: Pose,
    category: Category,
    joints: tuple[str, ...],
    *,
    sleeves: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """(k, 2) in pixels of the garment photo, and (k, 2) of the person's: the same joints.

    joints: without their side. sleeves: add the elbows if the garment has sleeves that long.
    The wearer's right is on the left of a garment photo, whichever way the person is turned.
    """
    standard = garment_points(cutout, category, sleeves=sleeves)
    mirrored = _from_behind(pose)
    garment, person = [], []
    for name in JOINTS:
        side, _, joint = name.partition("_")
        if joint not in (*joints, "elbow") or not pose.seen(name, _SEEN):
            continue
        other = {"right": "left", "left": "right"}[side]
        place = standard.get(f"{other}_{joint}" if mirrored else name)
        if place is not None:
            garment.append(place)
            person.append(pose.joint(name)[:2])
    return np.array(garment, float).reshape(-1, 2), np.array(person, float).reshape(-1, 2)


def garment_points(
    cutout: Cutout, category: Category, *, sleeves: bool = True
) -> dict[str, tuple[float, float]]:
    """Where joints lie in the photo of a garment laid flat, in pixels, by their names."""
    box = cutout.box
    mask = cutout.alpha[box.top : box.bottom, box.left : box.right] > 127
    filled = mask.sum(axis=0)
    trunk = np.flatnonzero(filled > _TRUNK * filled.max())
    left, right = box.left + int(trunk[0]), box.left + int(trunk[-1]) + 1
    width, middle = right - left, (left + right) / 2
    points = {}
    for joint, (aside, down) in _STANDARD[category].items():
        points[f"right_{joint}"] = (middle - aside * width, box.top + down * width)
        points[f"left_{joint}"] = (middle + aside * width, box.top + down * width)
    row = round(_ELBOW * width)
    if category == "lower" or not sleeves or row >= len(mask):
        return points
    for side, cloth, start in (
        ("right", mask[row, : trunk[0]], box.left),
        ("left", mask[row, trunk[-1] + 1 :], right),
    ):
        there = np.flatnonzero(cloth)
        if len(there) > _SLEEVE * width:
            points[f"{side}_elbow"] = (start + float(there.mean()) + 0.5, box.top + row + 0.5)
    return points


def _from_behind(pose: Pose) -> bool:
    """Whether the person's right side is on the right of the picture."""
    gaps = [
        pose.joint(f"right_{joint}")[0] - pose.joint(f"left_{joint}")[0]
        for joint in ("shoulder", "hip")
        if pose.seen(f"right_{joint}", _SEEN) and pose.seen(f"left_{joint}", _SEEN)
    ]
    return bool(gaps and sum(gaps) > 0)


def _distinct(garment: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points less those that nearly fall on one before them, in either picture."""
    kept: list[int] = []
    for i in range(len(garment)):
        if all(
            np.hypot(*(points[i] - points[j])) > _APART * np.ptp(points, axis=0).max()
            for points in (garment, person)
            for j in kept
        ):
            kept.append(i)
    return garment[kept], person[kept]


def _on_a_line(points: np.ndarray) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < _APART * spread[0])


def _shrunk(cutout: Cutout, scale: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The garment photo at about the size at which it is drawn, so that stripes don't alias."""
    if scale > 0.85:
        return cutout.image, cutout.alpha, 1.0
    height, width = cutout.alpha.shape
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    image = cv2.resize(cutout.image, size, interpolation=cv2.INTER_AREA)
    return image, cv2.resize(cutout.alpha, size, interpolation=cv2.INTER_AREA), size[0] / width


def _at_scale(
    cutout: Cutout, move: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The garment photo shrunk, and the map (2, 3) of its pixel centres to the person's."""
    image, alpha, shrunk = _shrunk(cutout, scale)
    to_full = np.array([[1, 0, 0.5 - 0.5 * shrunk], [0, 1, 0.5 - 0.5 * shrunk]]) / shrunk
    return image, alpha, move @ np.vstack([to_full, [0, 0, 1]])


def _over(photo: np.ndarray, garment: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None].astype(np.float32) / 255
    return np.asarray(np.round(photo + (garment.astype(np.float32) - photo) * share), np.uint8)
