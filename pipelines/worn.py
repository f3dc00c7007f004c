"""The atlas of a garment from a photo of somebody who wears it.

The wearer's body map says where each pixel belongs, and where the garment surely is and surely is
not. From there the colours of garment, skin and other clothes are learned, and GrabCut draws the
outline between them.
"""

from __future__ import annotations

import cv2
import numpy as np

from tryon.errors import NoGarmentError
from tryon.pipelines.bodymap import BodyMap, cropped
from tryon.pipelines.garment.atlas import GarmentAtlas, Side, garment_layer
from tryon.pipelines.garment.clutter import grabcut
from tryon.pipelines.imaging.outline import matte
from tryon.pipelines.person.standoff import standing_map
from tryon.pipelines.skin import colour_bins, colour_model, posteriors
from tryon.types import BODY_PARTS, Box, Category

_ROWS = 288  # at which the clothes are told apart
_WAIST, _CROTCH = 0.40, 0.53  # v in the canonical frame

_POSSIBLE: dict[Category, tuple[str, ...]] = {
    "upper": ("neck", "torso", "left_upper_arm", "left_forearm", "right_upper_arm")
    + ("right_forearm", "left_thigh", "right_thigh"),
    "lower": ("torso", "left_thigh", "left_shin", "right_thigh", "right_shin"),
    "dress": ("neck", "torso", "left_upper_arm", "left_forearm", "right_upper_arm")
    + ("right_forearm", "left_thigh", "right_thigh", "left_shin", "right_shin"),
}


def worn_atlas(
    photo: np.ndarray, body: BodyMap, silhouette: np.ndarray, category: Category
) -> GarmentAtlas:
    """The atlas of the garment of a category that somebody wears.

    photo: uint8 (H, W, 3). body: the wearer's. silhouette: float (H, W), 0-1, the wearer's.

    Raises `NoGarmentError` if the wearer shows too little of it.
    """
    alpha = worn_alpha(photo, body, silhouette, category)
    rows, columns = body.uv.shape[:2]
    step = body.box.height / rows
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) + 0.5
    xy = np.stack([body.box.left + x * step, body.box.top + y * step], axis=-1)
    clothed = cropped(alpha.astype(np.float32) / 255, body.box, (columns, rows))
    front = body.front > 0.5
    side: Side = "front" if (clothed * front).sum() >= 0.5 * clothed.sum() else "back"
    facing = front if side == "front" else ~front
    hidden = [BODY_PARTS.index(name) for name in ("background", "head", "left_hand", "right_hand")]
    shown = 1 - body.parts[..., hidden].sum(axis=-1)
    weight = body.confidence * (clothed > 0.5) * facing * (shown > 0.5)
    layer = garment_layer(
        photo, alpha, standing_map(body).reshape(-1, 2), weight.ravel(), xy.reshape(-1, 2), side
    )
    return GarmentAtlas(category, (layer,))


def worn_alpha(
    photo: np.ndarray, body: BodyMap, silhouette: np.ndarray, category: Category
) -> np.ndarray:
    """uint8 (H, W), 255 = the garment of this category, as far as it can be seen."""
    height, width = silhouette.shape
    window = _inside(body.box, width, height)
    scale = min(1.0, _ROWS / window.height)
    size = (max(8, round(window.width * scale)), max(8, round(window.height * scale)))
    cut = (slice(window.top, window.bottom), slice(window.left, window.right))
    small = cv2.resize(photo[cut], size, interpolation=cv2.INTER_AREA)
    outline = cv2.resize(silhouette[cut].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    hints = _hints(body, category)
    placed = [cv2.resize(plane, size) for plane in _window_planes(hints, body.box, window)]
    smooth = cv2.GaussianBlur(small, (0, 0), 0.8)
    labels = _labels(smooth, outline, tuple(placed))
    if (labels == cv2.GC_FGD).sum() < 20:
        raise NoGarmentError(f"too little of a garment ({category}) is visible on the wearer")
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    mask = grabcut(lab, labels, rounds=3)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc), cv2.MORPH_OPEN, disc)
    alpha = np.zeros((height, width), np.uint8)
    alpha[cut] = matte(np.ascontiguousarray(photo[cut]), mask.astype(bool))
    return alpha


def _labels(small: np.ndarray, outline: np.ndarray, hints: tuple[np.ndarray, ...]) -> np.ndarray:
    """uint8 (h, w): what GrabCut starts from. hints: as from `_hints`, at this size."""
    possible, sure, excluded, skin, other = (plane > 0.5 for plane in hints)
    sure &= outline > 0.8
    bins = colour_bins(small)
    models = {
        "garment": colour_model(bins, sure),
        "skin": colour_model(bins, skin & (outline > 0.8)),
        "other": colour_model(bins, other & (outline > 0.8)),
    }
    priors = {
        "garment": np.where(possible, 1.0, 0.1).astype(np.float32),
        "skin": np.where(sure, 0.05, 0.5).astype(np.float32),
        "other": np.where(possible, 0.2, 1.0).astype(np.float32),
    }
    share = posteriors(bins, models, priors)["garment"]
    labels = np.where(share > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[(share < 0.05) & ~sure] = cv2.GC_BGD
    labels[sure] = cv2.GC_FGD
    labels[excluded | (outline < 0.2)] = cv2.GC_BGD
    return labels


def _hints(body: BodyMap, category: Category) -> tuple[np.ndarray, ...]:
    """Where the garment may be, surely is, surely is not, where skin is, where other clothes are:
    float32 (h, w), 0-1 each."""
    index = {name: i for i, name in enumerate(BODY_PARTS)}
    u, v = body.uv[..., 0], body.uv[..., 1]
    possible = body.parts[..., [index[name] for name in _POSSIBLE[category]]].sum(axis=-1)
    trunk = (body.parts[..., index["torso"]] > 0.8) & (body.body > 0.8)
    thighs = body.parts[..., [index["left_thigh"], index["right_thigh"]]].sum(axis=-1) > 0.8
    middle = np.abs(u - 0.5) < 0.055
    never = ["head", "left_hand", "right_hand", "left_foot", "right_foot"]
    excluded = body.parts[..., [index[name] for name in never]].sum(axis=-1) > 0.7
    if category == "upper":
        other = thighs & (v > _CROTCH + 0.03)
        possible = possible * (v < _CROTCH - 0.04)
        sure = trunk & middle & (v > 0.29) & (v < 0.37)
    elif category == "lower":
        other = trunk & middle & (v > 0.29) & (v < 0.36)
        possible = possible * (v > _WAIST)
        sure = thighs & (v > _CROTCH - 0.01) & (v < _CROTCH + 0.04)
        excluded |= v < _WAIST - 0.03
    else:
        other = np.zeros_like(trunk)
        sure = trunk & middle & (v > 0.29) & (v < 0.48)
    head = body.parts[..., index["head"]] > 0.8
    hands = body.parts[..., [index["left_hand"], index["right_hand"]]].sum(axis=-1) > 0.8
    # The face without hair: its middle, below the forehead.
    face = head & (np.abs(u - 0.5) < 0.025) & (v > 0.105) & (body.front > 0.5)
    planes = (possible, sure, excluded, face | (hands & (body.body > 0.8)), other)
    return tuple(plane.astype(np.float32) for plane in planes)


def _inside(box: Box, width: int, height: int) -> Box:
    return Box(max(0, box.left), max(0, box.top), min(width, box.right), min(height, box.bottom))


def _window_planes(planes: tuple[np.ndarray, ...], box: Box, window: Box) -> tuple[np.ndarray, ...]:
    """The part of each plane over `box` that lies in `window`."""
    rows, columns = planes[0].shape
    top = (window.top - box.top) * rows / box.height
    bottom = (window.bottom - box.top) * rows / box.height
    left = (window.left - box.left) * columns / box.width
    right = (window.right - box.left) * columns / box.width
    cut = (slice(round(top), max(round(bottom), 1)), slice(round(left), max(round(right), 1)))
    return tuple(plane[cut] for plane in planes)
