"""A person parsed into skin, hair, top and bottom without a parser's weights.

Human parsers (SCHP, SegFormer) are not free for commercial use. Joints say where each class must
be, the photo's own colours there say how it looks, and both together label the rest. Less sure than
a trained parser, so whatever uses it must leave doubtful pixels on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from tryon.errors import NoPersonError
from tryon.pipelines.anatomy import (
    ARM_PARTS,
    FOOT_PARTS,
    HAND_PARTS,
    LEG_PARTS,
    TORSO_PARTS,
    Anatomy,
    anatomy,
    position_along,
    reach,
)
from tryon.pipelines.crop import Crop, cropped_photo, cropped_points
from tryon.pipelines.skin import colour_bins, colour_model, overlap, posteriors
from tryon.types import Box, Pose

PARTS = ("head", *TORSO_PARTS, *ARM_PARTS, *HAND_PARTS, *LEG_PARTS, *FOOT_PARTS)
# Before colour is known: how likely skin, top and bottom are near each part.
_PRIOR: dict[str, tuple[float, float, float]] = {
    "head": (0.5, 0.02, 0.05),
    "neck": (0.5, 0.5, 0.05),
    "torso": (0.1, 0.5, 0.5),
    **{name: (0.5, 0.5, 0.15) for name in ARM_PARTS},
    **{name: (0.5, 0.2, 0.3) for name in HAND_PARTS},
    **{name: (0.5, 0.2, 0.5) for name in LEG_PARTS},
    **{name: (0.5, 0.02, 0.2) for name in FOOT_PARTS},
}
_ALIKE = 0.35  # colour models that overlap more than this are taken for one and the same cloth


@dataclass(frozen=True, eq=False, slots=True)
class Parsing:
    """What is where around one person; all arrays are (h, w) of `window.size`.

    window: the part of the photo that was looked at, at a bounded resolution.
    anatomy: in window pixels.
    body: bool, the silhouette of the person, clothes included.
    part, near: uint8 and float32: the nearest part (index into `PARTS`) and how far it is, in the
        part's own half widths.
    level: float32, position along the torso: 0 at the neck, 1 at the hip joints, unbounded.
    skin, hair, top, bottom: float32, probabilities 0-1.
    two_piece: top and bottom can be told apart by colour.
    """

    window: Crop
    anatomy: Anatomy
    body: np.ndarray
    part: np.ndarray
    near: np.ndarray
    level: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    two_piece: bool

    def in_parts(self, names: tuple[str, ...]) -> np.ndarray:
        """bool (h, w): the nearest part is one of `names`."""
        wanted = np.zeros(len(PARTS), dtype=bool)
        wanted[[PARTS.index(name) for name in names]] = True
        return np.asarray(wanted[self.part])


def person_parsing(
    photo: Image.Image,
    pose: Pose,
    silhouette: np.ndarray,
    *,
    resolution: int = 640,
) -> Parsing:
    """The person in `pose`, parsed.

    photo: RGB. silhouette: float32 (H, W), 0-1, of the photo's size.
    resolution: longest side of the window in pixels, at most.

    Raises OutOfFrameError if the shoulders were not found, and NoPersonError if the silhouette is
    empty.
    """
    window = _window(photo.size, pose, silhouette, resolution)
    body = window_part(silhouette, window)
    points = cropped_points(pose.keypoints, window), cropped_points(pose.hands, window)
    measures = anatomy(replace(pose, keypoints=points[0], hands=points[1]))
    part, near, head = _nearest_parts(measures, window.size)
    level = position_along(*measures.waist_axis, window.size)
    inside = (body > 0.5) | ((near < 0.5) & (part < PARTS.index("right_thigh")))

    bins = colour_bins(np.asarray(cropped_photo(photo, window)))
    seeds = _seeds(measures, inside, body, part, near, level)
    models = {
        name: colour_model(bins, seed, shading=2.0 if name == "skin" else 1.0)
        for name, seed in seeds.items()
    }
    top, bottom, hair, skin = (models[name] for name in ("top", "bottom", "hair", "skin"))
    two_piece = top is not None and bottom is not None and overlap(top, bottom) < _ALIKE
    if not two_piece:
        models["bottom"] = None
    if hair is not None and skin is not None and overlap(hair, skin) > _ALIKE:
        models["hair"] = None  # bald, or a hat of the skin's colour
    probability = posteriors(bins, models, _priors(body, part, level, head))
    sigma = max(0.012 * measures.unit, 0.5)
    smooth = {name: cv2.GaussianBlur(p, (0, 0), sigma) for name, p in probability.items()}
    return Parsing(
        window,
        measures,
        inside,
        part,
        near,
        level,
        smooth["skin"],
        smooth["hair"],
        smooth["top"],
        smooth["bottom"],
        two_piece,
    )


def _window(frame: tuple[int, int], pose: Pose, silhouette: np.ndarray, resolution: int) -> Crop:
    step = max(1, min(frame) // 256)
    rows, columns = np.nonzero(silhouette[::step, ::step] > 0.5)
    if not len(rows):
        raise NoPersonError("the silhouette of the person is empty")
    seen = pose.keypoints[pose.keypoints[:, 2] >= 0.3, :2]
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * step
    points = np.concatenate([seen, corners])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * float((high - low).max()) + 2
    left, top = (int(max(side - margin, 0)) for side in low)
    right, bottom = (int(min(high[axis] + margin, frame[axis])) for axis in (0, 1))
    scale = min(1.0, resolution / max(right - left, bottom - top))
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    return Crop(Box(left, top, right, bottom), frame, size)


def window_part(values: np.ndarray, window: Crop) -> np.ndarray:
    """float32 (h, w) of the window from (H, W) of the photo; thinned out first, for speed."""
    box = window.box
    step = max(1, int(1 / max(window.scale)))
    part = values[box.top : box.bottom : step, box.left : box.right : step]
    return cv2.resize(
        np.ascontiguousarray(part, dtype=np.float32), window.size, interpolation=cv2.INTER_LINEAR
    )


def _nearest_parts(
    measures: Anatomy, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of the nearest part, distance from it, and distance from the head."""
    far = np.full((-(-size[1] // 2), -(-size[0] // 2)), 1e3, dtype=np.float32)
    reaches = np.stack(
        [reach(measures.bones[name], size, 2) if name in measures.bones else far for name in PARTS]
    )
    part = reaches.argmin(axis=0).astype(np.uint8)
    return (
        cv2.resize(part, size, interpolation=cv2.INTER_NEAREST),
        cv2.resize(reaches.min(axis=0), size, interpolation=cv2.INTER_LINEAR),
        cv2.resize(reaches[PARTS.index("head")], size, interpolation=cv2.INTER_LINEAR),
    )


def face_coordinates(measures: Anatomy, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """float32 (h, w) each: sideways from the nose line, and up from the eyes; the chin is at -1."""
    eyes, up = measures.eyes, measures.up * measures.face
    right = np.array([-up[1], up[0]])
    return position_along(eyes, eyes + right, size), position_along(eyes, eyes + up, size)


def _seeds(
    measures: Anatomy,
    inside: np.ndarray,
    body: np.ndarray,
    part: np.ndarray,
    near: np.ndarray,
    level: np.ndarray,
) -> dict[str, np.ndarray]:
    """Pixels that belong to each class as surely as the joints can tell."""
    size = (part.shape[1], part.shape[0])
    aside, above = face_coordinates(measures, size)
    head = inside & (part == PARTS.index("head"))
    thigh = np.zeros_like(inside)
    for side in ("right", "left"):
        bone = measures.bones[f"{side}_thigh"]
        along = position_along(bone.start, bone.end, size)
        own = part == PARTS.index(f"{side}_thigh")
        thigh |= own & (along > 0.3) & (along < 0.85)
    torso = part == PARTS.index("torso")
    ellipse = np.square(aside / 0.75) + np.square(above / 0.95)
    return {
        "skin": head & (np.abs(aside) < 0.4) & (above > -0.7) & (above < -0.08),
        "hair": head & (body > 0.7) & (ellipse > 1) & (above > -0.2) & (np.abs(aside) < 1.3),
        "top": inside & torso & (near < 0.6) & (level > 0.3) & (level < 0.75),
        "bottom": inside & thigh & (near < 0.7),
        "background": (body < 0.1) & (near > 1.5),
    }


def _priors(
    body: np.ndarray, part: np.ndarray, level: np.ndarray, head: np.ndarray
) -> dict[str, np.ndarray]:
    """How likely each class is at each place before its colour is known."""
    skin, top, bottom = np.array([_PRIOR[name] for name in PARTS], np.float32).T
    outside = np.clip(1 - body, 0.03, 0.97)
    return {
        "skin": skin[part] * (1 - outside),
        "hair": (0.01 + np.exp(-np.clip(head - 1, 0, None) / 0.6)) * 0.5 * (level < 0.9),
        "top": top[part] * _logistic((1.5 - level) / 0.12) * (1 - outside),
        "bottom": bottom[part] * _logistic((level - 0.75) / 0.06) * (1 - outside),
        "background": outside,
    }


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), dtype=np.float32)
