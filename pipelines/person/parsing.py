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
    SIDES,
    TORSO_PARTS,
    Anatomy,
    anatomy,
    position_along,
)
from tryon.pipelines.crop import Crop, cropped_points
from tryon.pipelines.occlusion import carried_things
from tryon.pipelines.parts import PARTS, member, nearest_parts
from tryon.pipelines.regions import joined
from tryon.pipelines.skin import colour_bins, colour_model, overlap, posteriors, without_colours
from tryon.types import Box, Pose

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
_AREA = Image.Resampling.BOX
_FEW = 0.05  # of a piece of cloth, in squared shoulder widths: too little to learn its colours
_APART = 0.1  # and models that overlap less, for different things
_ALIKE = 0.35  # colour models that overlap more than this are taken for one and the same cloth


@dataclass(frozen=True, eq=False, slots=True)
class Parsing:
    """What is where around one person; all arrays are (h, w) of `window.size`.

    window: the part of the photo that was looked at, at a bounded resolution.
    anatomy: in window pixels.
    body: bool, the silhouette of the person, clothes included.
    part, near: uint8 and float32: the nearest part (index into `PARTS`) and how far it is, in the
        part's own half widths.
    hand: float32, how far the nearer hand is, in its half widths.
    level: float32, position along the torso: 0 at the neck, 1 at the hip joints, unbounded.
    skin, hair, top, bottom, background: float32, probabilities 0-1.
    carried: bool, bags and straps before the body, as far as they are sure.
    two_piece: top and bottom can be told apart by colour; if not, `top` stands for both.
    hem: the level where the top ends, if its edge shows though the colours are the same.
    """

    window: Crop
    anatomy: Anatomy
    body: np.ndarray
    part: np.ndarray
    near: np.ndarray
    hand: np.ndarray
    level: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    background: np.ndarray
    carried: np.ndarray
    two_piece: bool
    hem: float | None

    def in_parts(self, names: tuple[str, ...]) -> np.ndarray:
        """bool (h, w): the nearest part is one of `names`."""
        return member(self.part, names)


def person_parsing(
    photo: Image.Image, pose: Pose, silhouette: np.ndarray, *, resolution: int = 512
) -> Parsing:
    """The person in `pose`, parsed.

    photo: RGB. silhouette: float32 (H, W), 0-1, of the photo's size.
    resolution: longest side of the window in pixels, at most.

    Raises OutOfFrameError if the shoulders were not found, and NoPersonError if the silhouette is
    empty.
    """
    window = _window(photo.size, pose, silhouette, resolution)
    rgb = np.asarray(photo.resize(window.size, _AREA, window.box.as_tuple(), reducing_gap=2.0))
    shape = window_part(silhouette, window)
    points = cropped_points(pose.keypoints, window), cropped_points(pose.hands, window)
    measures = anatomy(replace(pose, keypoints=points[0], hands=points[1]))
    part, near, head, hand, arm = nearest_parts(measures, window.size)
    level = position_along(*measures.waist_axis, window.size)
    body = (shape > 0.5) | ((near < 0.5) & ~member(part, LEG_PARTS + FOOT_PARTS))

    bins = colour_bins(rgb)
    seeds = _seeds(measures, body, shape, part, near, level, hand, arm)
    models, two_piece = _colour_models(bins, seeds)
    priors = _priors(shape, part, level, head)
    probability = posteriors(bins, models, priors)
    if two_piece:  # look again, now that more of both garments is known than their middle
        above, below = body & (level < 0.7), body & (level > 0.95)
        for name, where in (("top", above), ("bottom", below)):
            models[name] = colour_model(bins, seeds[name] | (where & (probability[name] > 0.8)))
        probability = posteriors(bins, models, priors)
    sigma = max(0.012 * measures.unit, 0.5)
    smooth = {name: cv2.GaussianBlur(p, (0, 0), sigma) for name, p in probability.items()}
    # What the silhouette left out, though it has the colours of the person and not those around.
    body |= joined((smooth["background"] < 0.3) & (near < 2), body)
    if two_piece:
        # Shaded trousers may look like the top: below the waist, it must hang together.
        stray = (level > 0.8) & ~joined(smooth["top"] > 0.5, seeds["top"])
        smooth["top"][stray] = 0
    bare = np.maximum(smooth["skin"], smooth["hair"]) > 0.5
    cloth = body & ~bare & (level > 0.1) & ~member(part, FOOT_PARTS)
    carried = carried_things(rgb, measures, body, cloth, smooth["background"], near)
    trunk = body & (near < 1) & member(part, TORSO_PARTS + LEG_PARTS)
    return Parsing(
        window=window,
        anatomy=measures,
        body=body,
        part=part,
        near=near,
        hand=hand,
        level=level,
        carried=carried,
        two_piece=two_piece,
        hem=None if two_piece else _hem(rgb, trunk, level),
        **smooth,
    )


def window_part(values: np.ndarray, window: Crop) -> np.ndarray:
    """float32 (h, w) of the window from (H, W) of the photo; thinned out first, for speed."""
    box = window.box
    step = max(1, int(1 / max(window.scale)))
    part = values[box.top : box.bottom : step, box.left : box.right : step]
    return cv2.resize(
        np.ascontiguousarray(part, dtype=np.float32), window.size, interpolation=cv2.INTER_LINEAR
    )


def face_coordinates(measures: Anatomy, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """float32 (h, w) each: sideways from the nose line, and up from the eyes; the chin is at -1."""
    eyes, up = measures.eyes, measures.up * measures.face
    right = np.array([-up[1], up[0]])
    return position_along(eyes, eyes + right, size), position_along(eyes, eyes + up, size)


def _window(frame: tuple[int, int], pose: Pose, silhouette: np.ndarray, resolution: int) -> Crop:
    step = max(1, min(frame) // 256)
    rows, columns = np.nonzero(silhouette[::step, ::step] > 0.5)
    if not len(rows):
        raise NoPersonError("the silhouette of the person is empty")
    seen = pose.keypoints[pose.keypoints[:, 2] >= 0.3, :2]
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * step
    points = np.clip(np.concatenate([seen, corners]), 0, frame)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * float((high - low).max()) + 2
    left, top = (int(max(side - margin, 0)) for side in low)
    right, bottom = (int(min(high[axis] + margin, frame[axis])) for axis in (0, 1))
    scale = min(1.0, resolution / max(right - left, bottom - top))
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    return Crop(Box(left, top, right, bottom), frame, size)


def _seeds(
    measures: Anatomy,
    body: np.ndarray,
    shape: np.ndarray,
    part: np.ndarray,
    near: np.ndarray,
    level: np.ndarray,
    hand: np.ndarray,
    arm: np.ndarray,
) -> dict[str, np.ndarray]:
    """Pixels that belong to each class as surely as the joints can tell."""
    size = (part.shape[1], part.shape[0])
    aside, above = face_coordinates(measures, size)
    head = body & (part == PARTS.index("head"))
    thigh = np.zeros_like(body)
    for side in SIDES:
        bone = measures.bones[f"{side}_thigh"]
        along = position_along(bone.start, bone.end, size)
        own = part == PARTS.index(f"{side}_thigh")
        thigh |= own & (along > 0.3) & (along < 0.85)
    if np.count_nonzero(body & thigh) < _FEW * measures.unit**2:  # cut off above the thighs
        thigh = member(part, ("torso", *LEG_PARTS)) & (level > 1.1) & (hand > 1.2)
    chest = body & (part == PARTS.index("torso")) & (near < 0.6) & (level > 0.3) & (level < 0.75)
    few = _FEW * measures.unit**2
    # An arm before the clothes must not give them its colours, if enough of them is beside it.
    top, bottom = (
        beside if np.count_nonzero(beside := seed & (arm > 1.3)) > few else seed
        for seed in (chest, body & thigh & (near < 0.7))
    )
    ellipse = np.square(aside / 0.75) + np.square(above / 0.95)
    return {
        "hands": body & (hand < 0.6),
        "skin": head & (np.abs(aside) < 0.4) & (above > -0.7) & (above < -0.08),
        "hair": head & (shape > 0.7) & (ellipse > 1) & (above > -0.2) & (np.abs(aside) < 1.3),
        "top": top,
        "bottom": bottom,
        "background": (shape < 0.1) & (near > 1.5),
    }


def _colour_models(
    bins: np.ndarray, seeds: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray | None], bool]:
    """The colours of each class, and whether top and bottom differ in them."""
    models = {
        name: colour_model(bins, seed, shading=2.0 if name in ("skin", "hands") else 1.0)
        for name, seed in seeds.items()
    }
    hands = models.pop("hands")
    top, bottom, hair, skin = (models[name] for name in ("top", "bottom", "hair", "skin"))
    two_piece = top is not None and bottom is not None and overlap(top, bottom) < _ALIKE
    if not two_piece:
        models["bottom"] = None
    if hair is not None and skin is not None and overlap(hair, skin) > _ALIKE:
        hands = without_colours(hands, top, bottom)
        if hands is not None and max(overlap(hands, each) for each in (skin, hair)) < _APART:
            models["skin"] = hands  # seen from behind: where a face would be is hair
        else:
            models["hair"] = None  # bald, or a hat of the skin's colour
    return models, two_piece


def _priors(
    shape: np.ndarray, part: np.ndarray, level: np.ndarray, head: np.ndarray
) -> dict[str, np.ndarray]:
    """How likely each class is at each place before its colour is known."""
    skin, top, bottom = np.array([_PRIOR[name] for name in PARTS], dtype=np.float32).T
    outside = np.clip(1 - shape, 0.03, 0.97)
    person = 1 - outside
    return {
        "skin": skin[part] * person,
        "hair": (0.01 + np.exp(-np.clip(head - 1, 0, None) / 0.9)) * 0.5 * (level < 0.9),
        "top": top[part] * _logistic((1.5 - level) / 0.12) * person,
        "bottom": bottom[part] * _logistic((level - 0.75) / 0.06) * person,
        "background": outside,
    }


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), dtype=np.float32)


def _hem(rgb: np.ndarray, trunk: np.ndarray, level: np.ndarray) -> float | None:
    """The level of a line straight across the trunk, as a hem casts it, or None if none stands out.

    rgb: uint8 (h, w, 3). trunk: bool (h, w), torso and legs. level: see `Parsing`.
    """
    lowest, highest, step = 0.8, 1.45, 0.02
    here = trunk & (level >= lowest) & (level < highest)
    lightness = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[here].astype(np.float64)
    row = ((level[here] - lowest) / step).astype(int)
    bins = round((highest - lowest) / step)
    pixels = np.bincount(row, minlength=bins)[:bins]
    if pixels.min() < 0.3 * np.median(pixels) or pixels.min() < 4:
        return None  # out of the frame
    profile = np.bincount(row, lightness, minlength=bins)[:bins] / pixels
    change = np.abs(profile[2:] - profile[:-2])
    strongest = int(change.argmax())
    if change[strongest] < max(8 * float(np.median(change)), 5):
        return None
    return lowest + step * (strongest + 1.5)
