"""Warp: the garment of an atlas drawn onto the person of a body map.

Every pixel of the person knows its canonical coordinate, every canonical coordinate its place in
the garment photo: together one lookup into the full-size photo, so that prints stay sharp.
The limbs are drawn one by one, each with a smooth map of its own (`tryon.pipelines.fit.drape`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.fit.drape import (
    Limb,
    continued_shares,
    facing,
    hanging_over,
    is_close,
    limb_field,
    limbs_under,
    near_body,
    outline_name,
    reach_of,
    taut_field,
    tautness,
)
from tryon.pipelines.garment.atlas import FRAME, GarmentAtlas, GarmentLayer
from tryon.pipelines.person.standoff import nearest_in, standing_uv
from tryon.types import BODY_PARTS, Box

_NEAR = (11, 11)  # cells of the frame: how far taut cloth may reach beyond its coverage there
# Where arms and trunk are well apart in the frame: v from here on, |u - 0.5| of a top up to here.
_ARMPIT, _TRUNK = 0.3, 0.13
_FROM_BEHIND = 0.25  # confidence in the front's photo where the back of the person shows
_IN_PAIRS: Any = None  # for cv2.remap: its first map holds both x and y
_EVEN = 0.004  # of the frame over which the edges of cloth that stands off are even
_SPIKE = 0.026  # of the frame: what stands off the body is at least so broad
_SCRAP = 0.06  # of the largest piece of cloth: smaller ones by themselves are not worn
_SOFTNESS = 0.4  # pixels: no lens is as sharp as the cubic samples of a photo


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


def warp_garment(atlas: GarmentAtlas, body: BodyMap) -> Warp:
    """The garment on the person, in the size of the person's photo.

    Pixels of parts that the garment does not reach (hands, a bare forearm in front of the chest)
    have coverage 0: the photo's own pixels stay there.
    """
    width, height = body.photo_size
    image = np.zeros((height, width, 3), np.uint8)
    coverage = np.zeros((height, width), np.float32)
    confidence = np.zeros((height, width), np.float32)
    limbs = limbs_under(hanging_over(atlas))
    window = _window(atlas, body, max(map(reach_of, limbs)))
    if window is not None:
        rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
        lying = _lying(body, window, limbs)
        painted = _painted(atlas, body, window, lying)
        lonely = _lonely(painted[1])
        spikes = _spikes(painted[1], lying.bare, _SPIKE * pixels_per_unit(body))
        for plane in painted:
            plane[lonely | spikes] = 0
        image[rows, columns], coverage[rows, columns], confidence[rows, columns] = painted
    return Warp(image, coverage, confidence)


def warp_composite(photo: Image.Image, warp: Warp, mask: Image.Image | None = None) -> Image.Image:
    """The photo with the warped garment drawn over it: an instant preview.

    mask: `L`, 255 = may be repainted; None draws wherever the garment is.
    """
    picture = np.array(photo.convert("RGB"))
    there = warp.coverage > 0
    if not there.any():
        return Image.fromarray(picture)
    here = _extent(np.asarray(there.any(axis=1))), _extent(np.asarray(there.any(axis=0)))
    base, alpha = picture[here], warp.coverage[here]
    if mask is not None:
        alpha = alpha * (np.asarray(mask)[here].astype(np.float32) / 255)
    picture[here] = cv2.blendLinear(base, warp.image[here], 1 - alpha, alpha)
    return Image.fromarray(picture)


def _window(atlas: GarmentAtlas, body: BodyMap, reach: float) -> Box | None:
    """The piece of the photo where there may be any of the garment.

    reach: how far it may go beyond the body map, in the canonical frame.
    """
    known = np.max([layer.coverage for layer in atlas.layers], axis=0) > 0.1
    near = cv2.dilate(known.astype(np.uint8), np.ones((9, 9), np.uint8))
    u, v = body.uv[..., 0] * FRAME - 0.5, body.uv[..., 1] * FRAME - 0.5
    covered = cv2.remap(near, u, v, cv2.INTER_NEAREST) > 0
    present = (body.parts[..., 0] < 0.7) & covered
    rows, columns = np.nonzero(present.any(axis=1))[0], np.nonzero(present.any(axis=0))[0]
    if len(rows) == 0:
        return None
    scale = body.box.height / present.shape[0]
    width, height = body.photo_size
    air = 3 + round(reach * body.cells_per_unit)
    left = max(0, int(body.box.left + (columns[0] - air) * scale))
    top = max(0, int(body.box.top + (rows[0] - air) * scale))
    right = min(width, int(body.box.left + (columns[-1] + air + 1) * scale) + 1)
    bottom = min(height, int(body.box.top + (rows[-1] + air + 1) * scale) + 1)
    return Box(left, top, right, bottom) if right > left and bottom > top else None


def pixels_per_unit(body: BodyMap) -> float:
    """How many pixels of the photo the side of the frame is long on this person."""
    return body.cells_per_unit * body.box.height / body.uv.shape[0]


def _grid(window: Box, body: BodyMap) -> tuple[np.ndarray, np.ndarray]:
    """y and x of the window's pixel centres, as fractions of the body map's crop."""
    y = (np.arange(window.top, window.bottom) + 0.5 - body.box.top) / body.box.height
    x = (np.arange(window.left, window.right) + 0.5 - body.box.left) / body.box.width
    return y, x


@dataclass(frozen=True, eq=False, slots=True)
class _Lying:
    """How cloth lies in the window.

    uv: float32 (h, w, 2), the canonical coordinate of each pixel.
    drawn: float32 (h, w), 0-1, how much the pixel is drawn at all.
    bare: bool (h, w), whether it shows the body itself, and not what stands off it.
    taut: float32 (h, w), 0-1, how far it follows the taut cloth on `trunk`.
    """

    uv: np.ndarray
    drawn: np.ndarray
    bare: np.ndarray
    taut: np.ndarray
    trunk: Limb


def _lying(body: BodyMap, window: Box, limbs: tuple[Limb, ...]) -> _Lying:
    y, x = _grid(window, body)
    uv = np.zeros((len(y), len(x), 2), np.float32)
    index = {name: i for i, name in enumerate(BODY_PARTS)}
    shares = np.stack(
        [body.parts[..., [index[n] for n in limb.drawn]].sum(axis=-1) for limb in limbs], axis=-1
    )
    hidden = [index[name] for name in ("head", "left_hand", "right_hand")]
    ahead = body.parts[..., hidden].sum(axis=-1)
    beyond = continued_shares(body, shares, ahead, limbs)
    sharp = [_on_window(shares[..., i] + beyond[..., i], body, window) for i in range(len(limbs))]
    continued = beyond.sum(axis=-1)
    background = _on_window(body.parts[..., 0] - continued, body, window)
    other = np.maximum(background, _on_window(ahead, body, window))
    best = np.zeros(uv.shape[:2], np.float32)
    nearest = np.full(uv.shape[:2], -1, np.int8)
    for i, share in enumerate(sharp):
        chosen = share > np.maximum(best, 0.05)
        best = np.maximum(best, share)
        if chosen.any() and (field := limb_field(body, limbs[i], beyond[..., i])) is not None:
            rows, columns = (_extent(np.asarray(chosen.any(axis=axis))) for axis in (1, 0))
            piece = chosen[rows, columns]
            nearest[chosen] = i
            grid = field.on_grid(y[rows], x[columns])
            cv2.copyTo(grid, piece.view(np.uint8), uv[rows, columns])  # in place, and fast
    step = 0.5 * body.box.height / body.uv.shape[0]  # the edge is one photo pixel soft
    drawn = np.clip((best - other) * step + 0.5, 0, 1)
    bare = _on_window(body.body, body, window) > 0.5
    unit = pixels_per_unit(body)
    _follow_nearest(nearest, bare, [i for i, limb in enumerate(limbs) if is_close(limb)])
    for i, limb in enumerate(limbs):
        if is_close(limb):
            own = nearest == i
            within, beyond, name = own & bare, own & ~bare, outline_name(limb)
            astray = standing_uv(uv, within, beyond, name, unit, from_behind=body.from_behind)
            drawn[astray] = 0
            _smooth_within(uv, beyond & ~astray, _EVEN * unit)
    if is_close(limbs[0]):  # a sleeve is no part of the trunk's cloth
        aside = np.abs(uv[..., 0] - 0.5) > _TRUNK
        drawn[(nearest == 0) & (uv[..., 1] > _ARMPIT) & aside] = 0
    close = [i for i, limb in enumerate(limbs) if is_close(limb)]
    if close:
        near = _on_window(near_body(body), body, window)
        cv2.copyTo(drawn * near, np.isin(nearest, close).view(np.uint8), drawn)
    side = np.clip((facing(_on_window(body.front, body, window), body) - 0.5) * 4 + 0.5, 0, 1)
    taut = np.where(nearest == 0, tautness(uv) * side, 0).astype(np.float32)
    return _Lying(uv, drawn, bare, taut, limbs[0])


def _follow_nearest(limb: np.ndarray, bare: np.ndarray, close: list[int]) -> None:
    """Give cloth beside the body to the limb that it lies beside, in place.

    Which part of a body is beside it, the body map only guesses. limb: int8 (h, w), index of each
    pixel's limb, or -1. bare: bool (h, w). close: limbs whose cloth stays close to the body.
    """
    rows, columns = np.nonzero(~bare & np.isin(limb, close))
    body = bare & np.isin(limb, close)
    if len(rows) and body.any():
        limb[rows, columns] = limb.ravel()[nearest_in(body, rows, columns)[0]]


def _smooth_within(uv: np.ndarray, where: np.ndarray, sigma: float) -> None:
    """Smooth coordinates where cloth stands off, in place, by those coordinates alone."""
    if not where.any():
        return
    rows, columns = (_extent(np.asarray(where.any(axis=axis))) for axis in (1, 0))
    weight = where[rows, columns].astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    mean = cv2.GaussianBlur(uv[rows, columns] * weight[..., None], (0, 0), sigma)
    there = where[rows, columns]
    uv[rows, columns][there] = (mean / np.maximum(near, 1e-4))[there]


def _extent(present: np.ndarray) -> slice:
    """From the first to the last True."""
    places = np.flatnonzero(present)
    return slice(int(places[0]), int(places[-1]) + 1)


def _lonely(coverage: np.ndarray) -> np.ndarray:
    """bool (h, w): scraps of cloth, by themselves and small beside the largest piece."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((coverage > 0.05).astype(np.uint8))
    area = stats[:, cv2.CC_STAT_AREA]
    lonely = area < _SCRAP * area[1:].max(initial=0)
    lonely[0] = True
    return np.asarray(lonely[labels]) if count > 1 else np.zeros(coverage.shape, bool)


def _spikes(coverage: np.ndarray, bare: np.ndarray, width: float) -> np.ndarray:
    """bool (h, w): cloth beside the body that is narrower than cloth is.

    bare: bool (h, w), the body. width: in pixels.
    """
    size = 2 * max(round(width / 2), 1) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    cloth = ((coverage > 0.5) | bare).astype(np.uint8)
    broad = cv2.dilate(cv2.morphologyEx(cloth, cv2.MORPH_OPEN, disc), np.ones((3, 3), np.uint8))
    return np.asarray((broad == 0) & (coverage > 0) & ~bare)


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
    atlas: GarmentAtlas, body: BodyMap, window: Box, lying: _Lying
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, coverage and confidence in the window: the best layer of the atlas at each pixel."""
    drawn = lying.drawn
    front = np.clip((_on_window(body.front, body, window) - 0.5) * 4 + 0.5, 0, 1)
    certain = _on_window(body.confidence, body, window)
    image = np.zeros((*drawn.shape, 3), np.uint8)
    coverage, confidence = np.zeros_like(drawn), np.zeros_like(drawn)
    for layer, colour, cover, sure in _sampled(atlas, body, window, lying):
        faces = front if layer.side == "front" else 1 - front
        cover, sure = cover * drawn, sure * certain * (_FROM_BEHIND + (1 - _FROM_BEHIND) * faces)
        # A pixel goes to the layer that knows it better, but never to one that lacks it.
        better = cover * (0.05 + sure) > coverage * (0.05 + confidence)
        chosen = better.view(np.uint8)
        for plane, of_layer in ((image, colour), (coverage, cover), (confidence, sure)):
            cv2.copyTo(of_layer, chosen, plane)
    return image, coverage, confidence * coverage


def _sampled(
    atlas: GarmentAtlas, body: BodyMap, window: Box, lying: _Lying
) -> Iterator[tuple[GarmentLayer, np.ndarray, np.ndarray, np.ndarray]]:
    """Each layer with its colour, coverage and confidence in the window."""
    cell = lying.uv * FRAME - np.float32(0.5)
    for layer in atlas.layers:
        at = cv2.remap(
            layer.places, cell, _IN_PAIRS, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        support = cv2.remap(layer.coverage, cell, _IN_PAIRS, cv2.INTER_LINEAR)
        sure = cv2.remap(layer.confidence, cell, _IN_PAIRS, cv2.INTER_LINEAR)
        field = taut_field(layer, body, lying.trunk, atlas.category)
        if field is not None:
            y, x = _grid(window, body)
            straight = field.on_grid(y, x) * max(layer.alpha.shape)
            at += (straight - at) * lying.taut[..., None]
            # The hem and the sides are where the photo has them, not where the frame lost them.
            near = cv2.dilate(layer.coverage, np.ones(_NEAR, np.uint8))
            support += (cv2.remap(near, cell, _IN_PAIRS, cv2.INTER_LINEAR) - support) * lying.taut
        image, alpha, scale = _at_scale(layer, at, support)
        pixel = at * np.float32(scale) - np.float32(0.5)
        colour = cv2.remap(
            image, pixel, _IN_PAIRS, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        colour = cv2.GaussianBlur(colour, (3, 3), _SOFTNESS)
        outline = cv2.remap(alpha, pixel, _IN_PAIRS, cv2.INTER_LINEAR).astype(np.float32) / 255
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
