"""A person parsed into face, skin, hair, top, bottom, and what they carry.

The parser network knows hair, skin and clothes of the photo, coarsely; it does not tell a top from
a bottom, and may be blind to dark cloth. The joints say which part of the body each pixel lies at,
and the photo's own colours, learnt from what is sure, draw the edges and settle what the network
does not see. Top and bottom part along the waistline.
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
)
from tryon.pipelines.crop import Crop, cropped_points
from tryon.pipelines.parts import PARTS, member, nearest_parts
from tryon.pipelines.person.parser import CLASSES, ClassProbability
from tryon.pipelines.person.waistline import Waistline, waistline
from tryon.pipelines.regions import joined
from tryon.pipelines.skin import any_colour, colour_bins, colour_model, posteriors
from tryon.types import Box, Pose

# What the parser network does not see of a person: how likely it is hair, skin, face, clothes or
# something else near each part.
_UNSEEN: dict[str, tuple[float, float, float, float, float]] = {
    "head": (0.4, 0.1, 0.4, 0.05, 0.05),
    "neck": (0.1, 0.4, 0.05, 0.45, 0.0),
    "torso": (0.02, 0.02, 0.0, 0.95, 0.01),
    **{name: (0.01, 0.25, 0.0, 0.73, 0.01) for name in ARM_PARTS},
    **{name: (0.0, 0.7, 0.0, 0.2, 0.1) for name in HAND_PARTS},
    **{name: (0.0, 0.05, 0.0, 0.93, 0.02) for name in LEG_PARTS},
    **{name: (0.0, 0.2, 0.0, 0.2, 0.6) for name in FOOT_PARTS},
}
_AREA = Image.Resampling.BOX
_SEED = 0.8  # probability from which a pixel tells the colours of its class
_BLUR = 0.012  # how far the parser network's edges may be off, in shoulder widths
_STRANDS = 0.15  # how far from the network's hair strands of it may be, in the same
_SOFT = 0.06  # how far top and bottom may lie from the waistline without a word of the colours
_FARTHEST = 5  # half widths of a limb: so far from it may hair and skirts be
_LIKELY_THING = 0.2  # probability from which a pixel may be of a thing
_SMALLEST_THING, _LARGEST_THING = 0.01, 1.0  # squared shoulder widths
_HELD = 2.5  # half widths of a hand: so far from it is what it holds
_ARM = 1.3  # half widths around forearms and hands, which may lie before the trunk


@dataclass(frozen=True, eq=False, slots=True)
class Parsing:
    """What is where around one person; all arrays are (h, w) of `window.size`.

    window: the part of the photo that was looked at, at a bounded resolution.
    anatomy: in window pixels.
    body: bool, the silhouette of the person, clothes included.
    part, near: uint8 and float32: the nearest part (index into `PARTS`) and how far it is, in the
        part's own half widths.
    hand, arm: float32, how far the nearest hand, and forearm or hand, is, in its half widths.
    level: float32, position along the torso: 0 at the neck, 1 at the hip joints, unbounded.
    skin, hair, top, bottom, background: float32, probabilities 0-1. What is left to 1 is none of
        them: shoes, bags, jewellery.
    face: float32, 0-1, how much of `skin` is the face's.
    carried: bool, bags and other things before the clothes.
    waist: where the top ends and the bottom begins; if None, `top` stands for both.
    """

    window: Crop
    anatomy: Anatomy
    body: np.ndarray
    part: np.ndarray
    near: np.ndarray
    hand: np.ndarray
    arm: np.ndarray
    level: np.ndarray
    skin: np.ndarray
    face: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    background: np.ndarray
    carried: np.ndarray
    waist: Waistline | None

    @property
    def two_piece(self) -> bool:
        """Whether top and bottom can be told apart."""
        return self.waist is not None

    def in_parts(self, names: tuple[str, ...]) -> np.ndarray:
        """bool (h, w): the nearest part is one of `names`."""
        return member(self.part, names)


def person_parsing(
    photo: Image.Image,
    pose: Pose,
    silhouette: np.ndarray,
    parser: ClassProbability,
    *,
    resolution: int = 512,
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
    part, near, hand, arm = nearest_parts(measures, window.size)
    level = position_along(*measures.waist_axis, window.size)
    bins = colour_bins(rgb)
    classes = _classes(bins, parser.probability(rgb), shape, part, measures.unit)
    body = (shape > 0.5) | ((near < 0.5) & ~member(part, LEG_PARTS + FOOT_PARTS))
    # What the silhouette left out, though the parser sees the person there.
    body |= joined((classes["background"] < 0.3) & (near < _FARTHEST), body)

    cloth = classes.pop("clothes")
    skin = classes["skin"] + classes["face"]
    trunk = body & member(part, TORSO_PARTS + LEG_PARTS) & (arm > _ARM)
    waist = waistline(rgb, measures, trunk & (cloth > 0.5), trunk & (skin > 0.5), window)
    above = _above(bins, cloth > 0.5, trunk, part, near, waist, window, _SOFT * measures.unit)
    return Parsing(
        window=window,
        anatomy=measures,
        body=body,
        part=part,
        near=near,
        hand=hand,
        arm=arm,
        level=level,
        skin=skin,
        face=classes["face"],
        hair=classes["hair"],
        top=cloth * above,
        bottom=cloth * (1 - above),
        background=classes["background"],
        carried=_carried(classes["others"], body, part, near, hand, measures.unit**2),
        waist=waist,
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


def _classes(
    bins: np.ndarray, seen: np.ndarray, shape: np.ndarray, part: np.ndarray, unit: float
) -> dict[str, np.ndarray]:
    """float32 (h, w), 0-1: the probability of each of `CLASSES`.

    bins: see `colour_bins`. seen: (h, w, 6), as the parser network says it. unit: the width of the
    shoulders in pixels.
    """
    unseen = seen[..., 0]
    inside = np.clip(shape, 0.02, 0.98)
    expected = np.array([_UNSEEN[name] for name in PARTS], dtype=np.float32)[part]
    prior, sure = {"background": unseen * (1 - inside)}, {"background": unseen * (1 - shape)}
    for index, name in enumerate(CLASSES[1:]):
        sure[name] = seen[..., index + 1]
        prior[name] = sure[name] + unseen * inside * expected[..., index]
    # Strands are finer than the network's pixels: beside hair, colours may tell of more.
    beside = cv2.GaussianBlur(sure["hair"], (0, 0), max(_STRANDS * unit, 0.5))
    prior["hair"] = np.maximum(prior["hair"], 0.5 * beside)
    models: dict[str, np.ndarray | None] = {}
    for name, likely in sure.items():
        shading = 2.0 if name in ("skin", "face") else 1.0
        model = colour_model(bins, likely > _SEED, shading=shading)
        models[name] = any_colour() if model is None else model
    blur = max(_BLUR * unit, 0.5)
    smooth = {name: cv2.GaussianBlur(p, (0, 0), blur) for name, p in prior.items()}
    return posteriors(bins, models, smooth)


def _above(
    bins: np.ndarray,
    cloth: np.ndarray,
    trunk: np.ndarray,
    part: np.ndarray,
    near: np.ndarray,
    waist: Waistline | None,
    window: Crop,
    soft: float,
) -> np.ndarray:
    """float32 (h, w), 0-1: the probability that cloth is the top's, not the bottom's."""
    height, width = part.shape
    if waist is None:
        return np.ones((height, width), np.float32)
    columns = np.arange(width, dtype=np.float32) + 0.5
    line = (waist.y(columns / window.scale[0] + window.box.left) - window.box.top) * window.scale[1]
    under = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - line) / soft
    prior = np.asarray(1 / (1 + np.exp(np.clip(under, -30, 30))), np.float32)
    # A sleeve hangs beside the bottom; beside an arm that is bare, it is the bottom that is seen.
    for name in (*ARM_PARTS, *HAND_PARTS):
        limb = (part == PARTS.index(name)) & (near < _ARM)
        core = cloth[limb & (near < 0.6)]
        covered = 0.95 * float(core.mean()) if core.size else 0.0
        prior[limb] = np.maximum(prior[limb], covered)
    seeds = {"top": cloth & trunk & (under < -1), "bottom": cloth & trunk & (under > 1)}
    models = {name: colour_model(bins, seed) for name, seed in seeds.items()}
    above = posteriors(bins, models, {"top": prior, "bottom": 1 - prior})["top"]
    above = cv2.GaussianBlur(above, (0, 0), max(0.2 * soft, 0.5))
    # Shaded trousers may look like the top: below the waist, it must hang together.
    stray = (under > 1) & ~joined(cloth & (above > 0.5), seeds["top"])
    return np.where(stray, 0, above)


def _carried(
    others: np.ndarray,
    body: np.ndarray,
    part: np.ndarray,
    near: np.ndarray,
    hand: np.ndarray,
    area: float,
) -> np.ndarray:
    """bool (h, w): things before the clothes that a hand holds, or that stand out from the body.

    others: float32 (h, w), the probability of neither skin, hair nor clothes. area: the square of
    the shoulders' width. A print on cloth may
    look like a thing. In doubt nothing is found: what is found is never repainted, and an old
    garment left standing is worse than a bag that is lost.
    """
    likely = body & (others > _LIKELY_THING) & ~member(part, (*FOOT_PARTS, "head"))
    pieces = cv2.morphologyEx(likely.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(pieces)
    pixels, held, sure = (
        np.bincount(labels.ravel(), weight.ravel(), count)
        for weight in (pieces > 0, (near > 1) | (hand < _HELD), others > 0.5)
    )
    found = (pixels > _SMALLEST_THING * area) & (pixels < _LARGEST_THING * area)
    found &= (held > 0.5 * pixels) & (sure > 0.3 * pixels)
    return np.asarray(found[labels])
