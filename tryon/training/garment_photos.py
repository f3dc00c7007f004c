"""Photos of garments with their true cut-outs: any garment, recoloured, laid on any ground.

White garments on white, held together by nothing but a soft shading of their edges, are a large
share: that is what colours alone cannot separate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tryon.data.synthetic.backgrounds import photographed
from tryon.data.synthetic.draws import one_of
from tryon.training.grounds import random_ground


@dataclass(frozen=True, slots=True)
class PhotoMix:
    """How often something happens in the photos, 0-1.

    white, tinted, dark: the cloth is recoloured. turned: by a quarter or a half. cropped: the
    garment runs out of the frame. sheer: the ground is seen through some of the cloth. hanger,
    hand, tag: what else is in the photo. torn: a part of the garment is cut away along a curve.
    retouched: the photo has no grain. matched: some of the cloth has the ground's own colour.
    """

    white: float = 0.52
    tinted: float = 0.12
    dark: float = 0.08
    turned: float = 0.06
    cropped: float = 0.12
    sheer: float = 0.12
    hanger: float = 0.12
    hand: float = 0.03
    tag: float = 0.06
    torn: float = 0.12
    retouched: float = 0.4
    matched: float = 0.3


def garment_photo(
    rng: np.random.Generator,
    rgb: np.ndarray,
    alpha: np.ndarray,
    photos: Sequence[np.ndarray] | np.ndarray,
    mix: PhotoMix,
    side: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A photo uint8 (side, side, 3) and its alpha float32 (side, side), 0-1.

    rgb: uint8 (h, w, 3), continued beyond the garment. alpha: uint8 (h, w). photos: whose borders
    are grounds.
    """
    cloth, share = _laid(rng, rgb, alpha, mix, side)
    if rng.random() < mix.torn:
        share = share * _torn(rng, side)
    kind = one_of(
        rng,
        ["own", "white", "tinted", "dark"],
        [1 - mix.white - mix.tinted - mix.dark, mix.white, mix.tinted, mix.dark],
    )
    cloth = cloth.astype(np.float32)
    if kind != "own":
        cloth = _recoloured(rng, cloth, share, kind)
    ground = random_ground(rng, side, photos, pale=kind == "white" and rng.random() < 0.8)
    if rng.random() < mix.matched:
        cloth = _matched(rng, cloth, ground)
    cloth = cloth * _rim(rng, share, pale=kind == "white")[..., None]
    ground = ground * _shadow(rng, share)[..., None]
    if rng.random() < mix.hanger:
        _draw_hanger(rng, ground, share)
    if rng.random() < mix.sheer:
        seen = _opacity(rng, share)[..., None]
        cloth = cloth * seen + ground * (1 - seen)
    image = ground + (cloth - ground) * share[..., None]
    if rng.random() < mix.tag:
        _draw_tag(rng, image, share)
    if rng.random() < mix.hand:
        _draw_hand(rng, image, share)
    image = np.clip(image, 0, 255).astype(np.float32)
    if rng.random() < mix.retouched:
        return _retouched(rng, image), share
    return photographed(rng, image), share


def _retouched(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): as shops show it, without grain, their ground quite even."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 98))]
    _, data = cv2.imencode(".jpg", np.rint(image).astype(np.uint8)[..., ::-1], quality)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB))


def retaken_photo(
    rng: np.random.Generator, photo: np.ndarray, alpha: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """A real photo, mirrored, framed and lit anew: uint8 (side, side, 3), float32 (side, side).

    photo: uint8 (h, w, 3). alpha: uint8 (h, w).
    """
    height, width = alpha.shape
    crop = rng.uniform(0.8, 1.0, 2) * (width, height)
    corner = rng.uniform(0, 1, 2) * ((width, height) - crop)
    scale = side / crop
    move = np.array([[scale[0], 0, -corner[0] * scale[0]], [0, scale[1], -corner[1] * scale[1]]])
    if rng.random() < 0.5:
        move[0] = [-scale[0], 0, side - 1 - move[0, 2]]
    image = cv2.warpAffine(np.asarray(photo), move, (side, side), borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(np.asarray(alpha), move, (side, side)).astype(np.float32) / 255
    if rng.random() < 0.2:
        image, share = np.rot90(image).copy(), np.rot90(share).copy()
    gain = rng.uniform(0.75, 1.15) * (1 + rng.normal(0, 0.05, 3))
    lit = np.clip(image * gain.astype(np.float32), 0, 255)
    return photographed(rng, lit.astype(np.float32)), share


def _laid(
    rng: np.random.Generator, rgb: np.ndarray, alpha: np.ndarray, mix: PhotoMix, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """The garment mirrored, turned, stretched, bent and framed: uint8 and float32 0-1."""
    rows, columns = np.nonzero(alpha > 127)
    corners = np.array([columns[[0, -1]], rows[[0, -1]]], np.float64)
    corners[0] = columns.min(), columns.max()
    extent, middle = np.ptp(corners, axis=1) + 1, corners.mean(axis=1)
    angle = np.radians(rng.normal(0, 6) + 90 * (rng.random() < mix.turned) * rng.integers(1, 4))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, 0.12))
    turn = turn @ np.diag([stretch * rng.choice([-1, 1]), 1 / stretch])
    shown = np.abs(turn) @ extent
    fill = rng.uniform(0.95, 1.35) if rng.random() < mix.cropped else rng.uniform(0.5, 0.98)
    linear = turn * (fill * side / shown.max())
    spare = side - np.abs(linear) @ extent
    at = side / 2 + rng.uniform(-0.5, 0.5, 2) * np.abs(spare) * 0.8
    back = np.linalg.inv(linear)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    if rng.random() < 0.7:
        x, y = _bent(rng, x, y, side)
    x, y = x - np.float32(at[0]), y - np.float32(at[1])
    map_x = (back[0, 0] * x + back[0, 1] * y + middle[0]).astype(np.float32)
    map_y = (back[1, 0] * x + back[1, 1] * y + middle[1]).astype(np.float32)
    cloth = cv2.remap(rgb, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.remap(alpha, map_x, map_y, cv2.INTER_LINEAR)
    return cloth, share.astype(np.float32) / 255


def _bent(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates displaced smoothly; at times also in ripples, as of ruffles and folds."""
    for cells, spread, chance in ((5, 0.02, 1.0), (28, 0.004, 0.25)):
        if rng.random() < chance:
            coarse = rng.normal(0, spread * side, (cells, cells, 2)).astype(np.float32)
            shift = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
            x, y = x + shift[..., 0], y + shift[..., 1]
    return x, y


def _torn(rng: np.random.Generator, side: int) -> np.ndarray:
    """float32 (side, side): 0 on one side of a random wavy line, for cuts that nobody has drawn."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    wave = rng.uniform(0, 0.12) * np.sin(across * rng.uniform(2, 12) + rng.uniform(0, 6.3))
    distance = (rng.uniform(0.15, 0.6) - along + wave) * side / 2
    return np.asarray(np.clip(distance + 0.5, 0, 1), np.float32)


def _recoloured(
    rng: np.random.Generator, cloth: np.ndarray, share: np.ndarray, kind: str
) -> np.ndarray:
    """The cloth in another colour; its folds stay, and its pattern as a faint one."""
    grey = cloth.mean(axis=2)
    inside = grey[share > 0.9]
    bright = float(np.percentile(inside, 80)) if len(inside) else 128.0
    shade = np.clip(grey / max(bright, 12.0), 0, 1.15)
    if kind == "white":
        base = np.full(3, rng.uniform(232, 255)) + rng.normal(0, 3, 3) * (rng.random() < 0.5)
        keep = rng.uniform(0.03, 0.35)
    elif kind == "tinted":
        base = rng.uniform(150, 250) + rng.normal(0, 25, 3)
        keep = rng.uniform(0.2, 0.9)
    else:
        base = np.full(3, rng.uniform(12, 50)) + rng.normal(0, 5, 3)
        keep = rng.uniform(0.3, 1.0)
    tint = cloth - grey[..., None]  # a print keeps some of its colour
    faint = np.float32(rng.uniform(0, 0.3) if rng.random() < 0.4 else 0)
    shaded = (1 + np.float32(keep) * (shade - 1))[..., None] * base.astype(np.float32)
    return np.asarray(np.clip(shaded + faint * tint, 0, 255), np.float32)


def _matched(rng: np.random.Generator, cloth: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3): the cloth with bands and prints in nearly the colour of the ground."""
    side = cloth.shape[0]
    where = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        middle, spread = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0.03, 0.15) * side
        if rng.random() < 0.3:  # a band, a yoke, a sleeve
            angle, far = rng.uniform(0, np.pi), 2 * side
            along = np.array([np.cos(angle), np.sin(angle)]) * far
            ends = np.rint([middle - along, middle + along]).astype(int).tolist()
            cv2.line(where, ends[0], ends[1], 1, max(2, round(spread)))
        else:  # a print
            corners = middle + rng.normal(0, spread, (int(rng.integers(3, 9)), 2))
            cv2.fillPoly(where, [np.rint(corners).astype(np.int32)], 1)
    level = np.float32(rng.normal(0, 2.5))
    return np.where(where[..., None] > 0, np.clip(ground + level, 0, 255), cloth)


def _rim(rng: np.random.Generator, share: np.ndarray, pale: bool) -> np.ndarray:
    """float32 (h, w), a factor: cloth that turns away along the outline, more on one side."""
    if not pale and rng.random() < 0.5:
        return np.ones_like(share)
    inside = cv2.distanceTransform((share > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    width = rng.uniform(0.8, 8)
    depth = rng.uniform(0.0, 0.14)
    soft = cv2.GaussianBlur(share, (0, 0), 4)
    angle = rng.uniform(0, 2 * np.pi)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * np.cos(angle)
    across += cv2.Sobel(soft, cv2.CV_32F, 0, 1) * np.sin(angle)
    sided = 1 + np.clip(across * 8, -1, 1) * rng.uniform(0, 1)
    return np.asarray(1 - depth * sided * np.exp(-inside / width), np.float32)


def _shadow(rng: np.random.Generator, share: np.ndarray) -> np.ndarray:
    """float32 (h, w), a factor on the ground: a soft shadow, none at all in half the photos."""
    bright = np.ones_like(share)
    if rng.random() < 0.5:
        return bright
    side = share.shape[0]
    for blur, depth, move in ((0.005, 0.15, 0.3), (0.02, 0.3, 0.6), (0.06, 0.15, 0.8)):
        if rng.random() < 0.5:
            sigma = blur * side * rng.uniform(0.5, 1.5)
            shift = np.array(
                [[1, 0, rng.normal(0, move) * sigma], [0, 1, rng.normal(0.3, move) * sigma]]
            )
            soft = cv2.GaussianBlur(cv2.warpAffine(share, shift, share.shape[::-1]), (0, 0), sigma)
            bright *= 1 - np.float32(rng.uniform(0, depth)) * soft
    return bright


def _opacity(rng: np.random.Generator, share: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: how much of the cloth hides the ground: tulle, lace, a sheer end."""
    side = share.shape[0]
    least = rng.uniform(0.25, 0.8)
    if rng.random() < 0.5:  # lace, crochet: small holes
        cells = int(rng.integers(24, 90))
        noise = cv2.resize(rng.random((cells, cells)).astype(np.float32), (side, side))
        seen = np.where(noise > rng.uniform(0.3, 0.6), 1.0, least)
    else:
        seen = np.full_like(share, least)
    if rng.random() < 0.6:  # only sleeves, or a hem
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        within, beyond = rng.uniform(0.15, 0.5), rng.uniform(0, 0.6)
        whole = np.abs(x) < within if rng.random() < 0.6 else y < beyond
        seen = np.where(whole, 1.0, seen)
    return np.asarray(seen, np.float32)


def _top_middle(share: np.ndarray) -> tuple[int, int, float] | None:
    """Where a hanger would carry the garment: x, y and the garment's width, in pixels."""
    rows, columns = np.nonzero(share > 0.5)
    if len(rows) < 50:
        return None
    x = int(np.median(columns))
    beside = np.abs(columns - x) < 3
    if not beside.any():
        return None
    return x, int(rows[beside].min()), float(columns.max() - columns.min())


def _draw_hanger(rng: np.random.Generator, ground: np.ndarray, share: np.ndarray) -> None:
    """Arms, and a hook above the garment, in place, behind it."""
    if (at := _top_middle(share)) is None:
        return
    x, y, width = at
    colour = rng.uniform(10, 230, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(10, 230))
    thick = max(1, round(width * rng.uniform(0.008, 0.03)))
    pen: dict[str, Any] = {"color": colour.tolist(), "thickness": thick, "lineType": cv2.LINE_AA}
    height, radius = width * rng.uniform(0.05, 0.3), width * rng.uniform(0.02, 0.06)
    lower = y + width * rng.uniform(0, 0.12)
    neck = (x, round(lower))
    top = (x, round(y - height))
    cv2.line(ground, neck, top, **pen)
    bow = (round(x + radius * rng.choice([-1, 1])), top[1])
    cv2.ellipse(ground, bow, (round(radius), round(radius)), 0, 150, 400, **pen)
    drop = width * rng.uniform(0.02, 0.15)
    for sign in (-1, 1):
        end = (round(x + sign * width * rng.uniform(0.15, 0.42)), round(lower + drop))
        pen["thickness"] = max(1, round(thick * rng.uniform(1, 3)))
        cv2.line(ground, neck, end, **pen)


def _draw_tag(rng: np.random.Generator, image: np.ndarray, share: np.ndarray) -> None:
    """A paper label on a string, in place: over the garment it is the garment's."""
    if (at := _top_middle(share)) is None:
        return
    x, y, width = at
    left = x + width * rng.uniform(-0.3, 0.3)
    top = y + width * rng.uniform(0, 0.4)
    size = width * rng.uniform(0.04, 0.12)
    corners = cv2.boxPoints(((left, top), (size, size * rng.uniform(1, 2)), rng.uniform(-30, 30)))
    outline = np.rint(np.asarray(corners)).astype(np.int32)
    on = np.zeros(share.shape, np.uint8)
    cv2.fillPoly(on, [outline], 1)
    if (share[on > 0] > 0.9).all():
        image[on > 0] = rng.uniform(120, 255, 3)


def _draw_hand(rng: np.random.Generator, image: np.ndarray, share: np.ndarray) -> None:
    """Fingers that hold the outline somewhere, in place in both: they are not the garment."""
    outline = np.argwhere((share > 0.5) & (cv2.erode(share, np.ones((3, 3))) < 0.5))
    if len(outline) == 0:
        return
    y, x = (float(v) for v in outline[int(rng.integers(len(outline)))])
    side = share.shape[0]
    skin = np.array([226, 178, 150]) * rng.uniform(0.35, 1.05)
    away = np.arctan2(y - side / 2, x - side / 2) + rng.normal(0, 0.4)
    reach, thick = side * rng.uniform(0.05, 0.12), side * rng.uniform(0.008, 0.018)
    on = np.zeros(share.shape, np.uint8)
    for finger in range(int(rng.integers(2, 5))):
        shift = (finger - 1.5) * 2 * thick
        start = np.array([x - np.sin(away) * shift, y + np.cos(away) * shift])
        start -= np.array([np.cos(away), np.sin(away)]) * reach * rng.uniform(0.1, 0.4)
        end = start + np.array([np.cos(away), np.sin(away)]) * reach
        points = np.rint([start, end]).astype(int).tolist()
        cv2.line(on, points[0], points[1], 255, max(2, round(2 * thick)), cv2.LINE_AA)
    cover = cv2.GaussianBlur(on, (0, 0), 0.6)[..., None].astype(np.float32) / 255
    image += (skin.astype(np.float32) - image) * cover
    share *= 1 - cover[..., 0]
