"""Warp: the garment of an atlas drawn onto the person of a body map.

Every pixel of the person knows its canonical coordinate, every canonical coordinate its place in
the garment photo: together one lookup into the full-size photo, so that prints stay sharp.
The limbs are drawn one by one, each with a smooth map of its own: where a forearm crosses the
chest, the chest's print ends at the forearm's edge instead of bending around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.atlas import FRAME, GarmentAtlas, GarmentLayer
from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.field import fitted_field
from tryon.types import BODY_PARTS, Box

_CELLS = (24, 18)
_STIFFNESS = 1e-6
_FROM_BEHIND = 0.25  # confidence in the front's photo where the back of the person shows
_BETWEEN_THIGHS = 0.585  # v where a skirt spans the gap
_TRUNK_OFF, _LEG_OFF = 0.12, 0.05  # how far cloth is drawn beyond the body map, in the frame
_SHOULDER = (0.055, 0.30)  # |u - 0.5| from here and v up to here: where arm and trunk are one


@dataclass(frozen=True, eq=False, slots=True)
class Warp:
    """A garment as it lies on a person, at the photo's size.

    image: uint8 (H, W, 3), RGB, black where there is no garment.
    coverage: float32 (H, W), 0-1, where the garment is.
    confidence: float32 (H, W), 0-1, how far the pixels can be trusted.
    """

    image: np.ndarray
    coverage: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True, slots=True)
class _Limb:
    """Parts that are drawn as one smooth surface, and those that help to fit it."""

    drawn: tuple[str, ...]
    fitted: tuple[str, ...]
    beside: tuple[str, ...] = ()  # these help near the shoulder only


_ARMS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("upper_arm", "forearm"))
_LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shin", "foot"))


def _limbs(hanging: tuple[str, ...]) -> tuple[_Limb, ...]:
    """How the body falls into smooth surfaces; parts of legs that the garment hangs over as one
    piece of cloth (a skirt, the hem of a top) belong to the trunk."""
    trunk = _Limb(("neck", "torso"), ("neck", "torso"), beside=_ARMS)
    arms = tuple(
        _Limb(
            (f"{side}_upper_arm", f"{side}_forearm"),
            (f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand"),
            beside=("torso",),
        )
        for side in ("left", "right")
    )
    if hanging:
        whole = ("neck", "torso", *hanging)
        return (_Limb(whole, whole, beside=_ARMS), *arms)
    legs = tuple(_Limb(names, ("torso", *names)) for names in (_LEGS[:3], _LEGS[3:]))
    return (trunk, *arms, *legs)


def warp_garment(atlas: GarmentAtlas, body: BodyMap) -> Warp:
    """The garment on the person, in the size of the person's photo.

    Pixels of parts that the garment does not reach (hands, a bare forearm in front of the chest)
    have coverage 0: the photo's own pixels stay there.
    """
    width, height = body.photo_size
    image = np.zeros((height, width, 3), np.uint8)
    coverage = np.zeros((height, width), np.float32)
    confidence = np.zeros((height, width), np.float32)
    window = _window(atlas, body)
    if window is not None:
        rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
        uv, drawn = _canonical(body, window, _limbs(_hanging(atlas)))
        painted = _painted(atlas, body, window, uv, drawn)
        image[rows, columns], coverage[rows, columns], confidence[rows, columns] = painted
    return Warp(image, coverage, confidence)


def warp_composite(photo: Image.Image, warp: Warp, mask: Image.Image | None = None) -> Image.Image:
    """The photo with the warped garment drawn over it: an instant preview.

    mask: `L`, 255 = may be repainted; None draws wherever the garment is.
    """
    base = np.asarray(photo.convert("RGB"))
    alpha = warp.coverage
    if mask is not None:
        alpha = alpha * (np.asarray(mask, np.float32) / 255)
    mixed = base + (warp.image.astype(np.float32) - base) * alpha[..., None]
    return Image.fromarray(np.round(mixed).astype(np.uint8))


def _hanging(atlas: GarmentAtlas) -> tuple[str, ...]:
    """The parts of the legs that the garment covers without being split between them."""
    if atlas.category == "upper":
        return "left_thigh", "right_thigh"
    return _LEGS if atlas.covers(0.5, _BETWEEN_THIGHS) else ()


def _window(atlas: GarmentAtlas, body: BodyMap) -> Box | None:
    """The piece of the photo where there may be any of the garment."""
    reach = np.max([layer.coverage for layer in atlas.layers], axis=0) > 0.1
    near = cv2.dilate(reach.astype(np.uint8), np.ones((9, 9), np.uint8))
    u, v = body.uv[..., 0] * FRAME - 0.5, body.uv[..., 1] * FRAME - 0.5
    covered = cv2.remap(near, u, v, cv2.INTER_NEAREST) > 0
    present = (body.parts[..., 0] < 0.7) & covered
    rows, columns = np.nonzero(present.any(axis=1))[0], np.nonzero(present.any(axis=0))[0]
    if len(rows) == 0:
        return None
    scale = body.box.height / present.shape[0]
    width, height = body.photo_size
    air = 3 + round(_TRUNK_OFF * _cells_per_unit(body))
    left = max(0, int(body.box.left + (columns[0] - air) * scale))
    top = max(0, int(body.box.top + (rows[0] - air) * scale))
    right = min(width, int(body.box.left + (columns[-1] + air + 1) * scale) + 1)
    bottom = min(height, int(body.box.top + (rows[-1] + air + 1) * scale) + 1)
    return Box(left, top, right, bottom) if right > left and bottom > top else None


def _grid(window: Box, body: BodyMap) -> tuple[np.ndarray, np.ndarray]:
    """y and x of the window's pixel centres, as fractions of the body map's crop."""
    y = (np.arange(window.top, window.bottom) + 0.5 - body.box.top) / body.box.height
    x = (np.arange(window.left, window.right) + 0.5 - body.box.left) / body.box.width
    return y, x


def _canonical(
    body: BodyMap, window: Box, limbs: tuple[_Limb, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """In the window: uv, float32 (h, w, 2), and how much a pixel is drawn at all, (h, w)."""
    y, x = _grid(window, body)
    uv = np.zeros((len(y), len(x), 2), np.float32)
    index = {name: i for i, name in enumerate(BODY_PARTS)}
    shares = np.stack(
        [body.parts[..., [index[n] for n in limb.drawn]].sum(axis=-1) for limb in limbs], axis=-1
    )
    hidden = [index[name] for name in ("head", "left_hand", "right_hand")]
    ahead = body.parts[..., hidden].sum(axis=-1)
    shares, continued = _stretched(body, shares, ahead, limbs)
    sharp = [_on_window(shares[..., i], body, window) for i in range(len(limbs))]
    background = _on_window(body.parts[..., 0] - continued, body, window)
    other = np.maximum(background, _on_window(ahead, body, window))
    best = np.zeros(uv.shape[:2], np.float32)
    for limb, share in zip(limbs, sharp, strict=True):
        chosen = share > np.maximum(best, 0.05)
        best = np.maximum(best, share)
        if chosen.any() and (field := _limb_field(body, limb)) is not None:
            rows, columns = (_extent(np.asarray(chosen.any(axis=axis))) for axis in (1, 0))
            piece = chosen[rows, columns]
            uv[rows, columns][piece] = field.on_grid(y[rows], x[columns])[piece]
    step = 0.5 * body.box.height / body.uv.shape[0]  # the edge is one photo pixel soft
    drawn = np.clip((best - other) * step + 0.5, 0, 1)
    drawn[(_on_window(continued, body, window) > 0.5) & _on_arm(uv)] = 0
    return uv, drawn


def _stretched(
    body: BodyMap, shares: np.ndarray, ahead: np.ndarray, limbs: tuple[_Limb, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The limbs' shares (h, w, n), continued over the background, and by how much (h, w).

    A flared skirt stands off further than the body map reaches, and spans the gap between the
    legs: there the smooth map goes on, and the garment ends at its own outline.
    """
    background = body.parts[..., 0]
    nearest = shares.argmax(axis=-1)
    there = shares.max(axis=-1) > np.maximum(background, ahead)
    cells = _cells_per_unit(body)
    reach = [cells * _reach(limb) for limb in limbs]
    away = np.stack(
        [
            cv2.distanceTransform((~there | (nearest != i)).astype(np.uint8), cv2.DIST_L2, 3)
            for i in range(len(limbs))
        ],
        axis=-1,
    )
    away = np.minimum(away, away.shape[0]) / reach
    given = np.where(away.min(axis=-1) < 1, background, 0)
    stretched = shares + given[..., None] * (
        away.argmin(axis=-1)[..., None] == np.arange(len(limbs))
    )
    return stretched, given


def _reach(limb: _Limb) -> float:
    """How far cloth may stand off beyond the body map, in the canonical frame."""
    if "torso" in limb.drawn:
        return _TRUNK_OFF
    return _LEG_OFF if limb.drawn[0] in _LEGS else 1e-3


def _on_arm(uv: np.ndarray) -> np.ndarray:
    """bool (h, w): points of the frame as far out as an arm in A-pose: no trunk reaches there."""
    return np.asarray(np.abs(uv[..., 0] - 0.5) > 0.08 + 0.9 * np.maximum(uv[..., 1] - 0.25, 0))


def _cells_per_unit(body: BodyMap) -> float:
    """How many cells of the body map go into one of the canonical frame, on this person."""
    trunk = body.parts[..., BODY_PARTS.index("torso")] > 0.8
    down = np.hypot(*np.moveaxis(np.gradient(body.uv, axis=0), -1, 0))[trunk]
    return 1 / max(float(np.median(down)), 1e-3) if len(down) else 1.0


def _extent(present: np.ndarray) -> slice:
    """From the first to the last True."""
    places = np.flatnonzero(present)
    return slice(int(places[0]), int(places[-1]) + 1)


def _limb_field(body: BodyMap, limb: _Limb):  # type: ignore[no-untyped-def]
    """The smooth map from the crop to the canonical frame on one limb, None if it is not seen."""
    index = {name: i for i, name in enumerate(BODY_PARTS)}
    weight = body.parts[..., [index[n] for n in limb.fitted]].sum(axis=-1)
    if limb.beside:
        near = body.parts[..., [index[n] for n in limb.beside]].sum(axis=-1)
        sideways, down = _SHOULDER
        u, v = np.abs(body.uv[..., 0] - 0.5), body.uv[..., 1]
        weight = weight + 0.5 * near * ((u > sideways) & (u < 0.16) & (v < down))
    weight = np.where(weight > 0.4, weight * (0.05 + body.confidence), 0)
    rows, columns = np.nonzero(weight)
    if len(rows) < 12:
        return None
    height, width = weight.shape
    points = np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=1)
    return fitted_field(points, body.uv[rows, columns], weight[rows, columns], _CELLS, _STIFFNESS)


def _on_window(plane: np.ndarray, body: BodyMap, window: Box) -> np.ndarray:
    """float32 (h, w): a plane of the body map at the photo's size, in the window only."""
    scale_x, scale_y = body.box.width / plane.shape[1], body.box.height / plane.shape[0]
    left, top = body.box.left - window.left, body.box.top - window.top
    move = np.array(
        [[scale_x, 0, left + 0.5 * scale_x - 0.5], [0, scale_y, top + 0.5 * scale_y - 0.5]]
    )
    return cv2.warpAffine(
        np.ascontiguousarray(plane, np.float32), move, window.size, flags=cv2.INTER_LINEAR
    )


def _painted(
    atlas: GarmentAtlas, body: BodyMap, window: Box, uv: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, coverage and confidence in the window: the best layer of the atlas at each pixel."""
    u, v = uv[..., 0] * FRAME - 0.5, uv[..., 1] * FRAME - 0.5
    front = np.clip((_on_window(body.front, body, window) - 0.5) * 4 + 0.5, 0, 1)
    certain = _on_window(body.confidence, body, window)
    image = np.zeros((*drawn.shape, 3), np.uint8)
    coverage, confidence = np.zeros_like(drawn), np.zeros_like(drawn)
    for layer, colour, cover, sure in _sampled(atlas, u, v):
        faces = front if layer.side == "front" else 1 - front
        cover, sure = cover * drawn, sure * certain * (_FROM_BEHIND + (1 - _FROM_BEHIND) * faces)
        # A pixel goes to the layer that knows it better, but never to one that lacks it.
        better = cover * (0.05 + sure) > coverage * (0.05 + confidence)
        image[better], coverage[better], confidence[better] = (
            colour[better],
            cover[better],
            sure[better],
        )
    image[coverage == 0] = 0
    return image, coverage, confidence * coverage


def _sampled(
    atlas: GarmentAtlas, u: np.ndarray, v: np.ndarray
) -> Iterator[tuple[GarmentLayer, np.ndarray, np.ndarray, np.ndarray]]:
    """Each layer with its colour, coverage and confidence at these cells of the frame."""
    for layer in atlas.layers:
        at = cv2.remap(layer.places, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        support = cv2.remap(layer.coverage, u, v, cv2.INTER_LINEAR)
        sure = cv2.remap(layer.confidence, u, v, cv2.INTER_LINEAR)
        image, alpha, scale = _at_scale(layer, at, support)
        x, y = at[..., 0] * scale - 0.5, at[..., 1] * scale - 0.5
        colour = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        outline = cv2.remap(alpha, x, y, cv2.INTER_LINEAR).astype(np.float32) / 255
        yield layer, colour, outline * np.clip(support * 4 - 0.5, 0, 1), sure


def _at_scale(
    layer: GarmentLayer, at: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """The garment photo shrunk to about the size at which it is worn, and by how much.

    Sampling a larger photo at single points would alias fine stripes and lettering.
    """
    there = support[::4, ::4] > 0.5
    coarse = at[::4, ::4]
    if there.sum() < 20:
        return layer.image, layer.alpha, 1.0
    down, across = np.gradient(coarse, 4.0, axis=0), np.gradient(coarse, 4.0, axis=1)
    area = np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0])
    scale = min(1.0, 1.25 / max(float(np.sqrt(np.median(area[there]))), 1e-6))
    if scale > 0.85:
        return layer.image, layer.alpha, 1.0
    size = (round(layer.alpha.shape[1] * scale), round(layer.alpha.shape[0] * scale))
    size = (max(size[0], 8), max(size[1], 8))
    return (
        cv2.resize(layer.image, size, interpolation=cv2.INTER_AREA),
        cv2.resize(layer.alpha, size, interpolation=cv2.INTER_AREA),
        size[0] / layer.alpha.shape[1],
    )
