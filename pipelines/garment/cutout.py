"""Garment photo -> the garment without its background.

A small net says roughly where the garment is: cloth, its folds and its turned edges look alike on
any ground, white on white too. Where it is not sure, what differs from a plain ground is garment;
and the outline comes to lie on the photo's own edges. On clutter colours
decide alone. A photo that brings its own transparency is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.garment.clutter import cluttered_garment
from tryon.pipelines.garment.cutout_net import drawn_alpha
from tryon.pipelines.garment.ground import Ground, ground_of
from tryon.pipelines.imaging.outline import matte, watershed_mask
from tryon.types import Box, Pose

_WORK = 512  # long side, in pixels, at which the outline is decided
_YES, _NO = 0.9, 0.01  # what the net says of pixels that it is sure of
_NEVER = 0.003  # and what it says of those that are hardly ever garment, whatever their colour
_OPEN = 0.3  # the net's median in a gap of the garment, up to which ground is seen there
_WIDE = 0.4  # of the cloth around it: no gap of a garment is wider
_PLAIN_SHARE = 0.72  # share of the border that must fit a smooth surface
_PLAIN_NOISE = 4.5  # and how much it may vary around it, in sRGB levels
_FAINT = 3.0  # sRGB levels from a plain ground that are something else,
_SIGMAS = 4.0  # and how often its own noise
_STRIKING = 40.0  # sRGB levels from it that no shadow reaches,
_CLEARLY = 0.6  # and how much of the garment's usual difference
_SMALLEST = 0.008  # a garment covers at least this share of the photo
_HOLE = 0.0015  # and a hole in it at least this share of the garment
_SECOND = 0.4  # of the size of the first: no scrap, but another garment


@dataclass(frozen=True, eq=False, slots=True)
class Cutout:
    """A garment separated from its background.

    image: uint8 (H, W, 3), RGB.
    alpha: uint8 (H, W), 255 = garment.
    box: the garment's extent, in pixels.
    plain: whether the background was plain or transparent, so that the outline can be trusted.
    """

    image: np.ndarray
    alpha: np.ndarray
    box: Box
    plain: bool


def garment_cutout(net: DenseNet, image: Image.Image, *, people: Sequence[Pose] = ()) -> Cutout:
    """The garment in a photo that shows nothing but a garment: lying, hanging or on a ghost.

    image: any mode; an alpha channel that is not all opaque is used as it is.
    people: who was found in the photo, by the caller's pose estimator.

    Raises `NoGarmentError` if there is only background, and `GarmentError` if there are several
    garments or a person.
    """
    if people:
        raise GarmentError(
            "there is a person in a photo that was said to be a flat-lay",
            remedy="Pass it as a worn photo, or give a photo of the garment alone.",
        )
    rgb, alpha = _colour_and_transparency(image)
    if alpha is not None:
        return _transparent_cutout(rgb, alpha)
    small = _resized(rgb, min(1.0, _WORK / max(rgb.shape[:2])))
    guess = cv2.resize(drawn_alpha(net, small), small.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    ground = ground_of(small)
    outlined = _without_hook(_outlined(small, guess, ground))
    garment = _without_small_holes(_one_garment(outlined))
    return _framed(rgb, matte(rgb, garment), _is_plain(ground))


def _colour_and_transparency(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """uint8 (H, W, 3) and, if the photo really is transparent somewhere, uint8 (H, W)."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if rgba[..., 3].min() < 128:
            return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
        return np.ascontiguousarray(rgba[..., :3]), None
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))), None


def _transparent_cutout(rgb: np.ndarray, alpha: np.ndarray) -> Cutout:
    """A cut-out that the photo brings: as opaque as it usually is counts as whole.

    Sheer cloth is a garment like any other; and what colours lie under full transparency, where
    nobody sees them, must not matter: there the nearest visible ones go on.
    """
    visible = alpha > 0
    if not visible.any():
        raise _nothing_found()
    usual = float(np.percentile(alpha[visible], 90))
    alpha = cv2.convertScaleAbs(alpha, alpha=255 / usual)
    _one_garment(alpha > 127)
    return _framed(continued(rgb, visible), alpha, plain=True)


def continued(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): each pixel that is not known has the colour of the nearest that is.

    known: bool (h, w), true somewhere.
    """
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((nearest.max() + 1, 3), np.uint8)
    colours[nearest[known]] = rgb[known]
    return np.asarray(colours[nearest])


def _resized(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _outlined(rgb: np.ndarray, guess: np.ndarray, ground: Ground) -> np.ndarray:
    """bool (h, w): the net's guess with its outline on the photo's edges.

    guess: float32 (h, w), 0-1.
    """
    if not _is_plain(ground):
        return cluttered_garment(rgb)
    difference, faint = ground.difference(rgb), max(_FAINT, _SIGMAS * ground.noise)
    rough = _beside_plain_ground(guess, difference, faint)
    unlike = np.abs(difference).max(axis=-1)
    usual = float(np.median(unlike[rough > 0])) if rough.any() else np.inf
    if usual > _STRIKING:
        rough = _opened(rough, unlike <= faint)
    elif _support(rough, unlike > faint) < 0.5:
        rough = _enclosed(unlike > faint)
    inside, outside = cv2.erode(rough, _around(3)) > 0, cv2.dilate(rough, _around(3)) == 0
    thin = (guess > _NO) & (unlike > max(_STRIKING, _CLEARLY * usual))  # straps and ties
    return watershed_mask(rgb, inside | thin, outside)


def _enclosed(wall: np.ndarray) -> np.ndarray:
    """uint8 (h, w), 1 = what lies inside a wall, bool (h, w), whose small gaps are closed."""
    framed = cv2.copyMakeBorder(wall.astype(np.uint8), 9, 9, 9, 9, cv2.BORDER_CONSTANT, value=0)
    flood = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, _around(7))
    cv2.floodFill(flood, None, (0, 0), 2)
    return np.asarray(flood[9:-9, 9:-9] != 2, np.uint8)


def _support(garment: np.ndarray, unlike: np.ndarray) -> float:
    """0-1: how much of the outline has something unlike the ground near it; less than half, and
    the net has guessed."""
    outline = cv2.morphologyEx(garment, cv2.MORPH_GRADIENT, _around(3)) > 0
    near = cv2.dilate(unlike.astype(np.uint8), _around(7))
    return float(near[outline].mean()) if outline.any() else 1.0


def _opened(garment: np.ndarray, like: np.ndarray) -> np.ndarray:
    """uint8 (h, w), 1 = garment: less what is like the ground, bool (h, w), and hangs together with
    ground around it or in a gap: the net draws narrow ones too narrow."""
    ground = like.astype(np.uint8) | (1 - garment)
    count, labels = cv2.connectedComponents(ground, connectivity=4)
    seen = np.zeros(count, bool)
    seen[labels[garment == 0]] = True
    seen[0] = False
    return np.asarray(garment & ~seen[labels], np.uint8)


def _beside_plain_ground(guess: np.ndarray, difference: np.ndarray, faint: float) -> np.ndarray:
    """uint8 (h, w), 1 = garment: what the net is sure of, and what is unlike the ground.

    difference: float32 (h, w, 3), from the ground, in sRGB levels; less than faint is none.
    Around the garment the net may say that something is no garment though it is unlike the
    ground: a shadow, a hook. A shadow is no brighter than the ground, so that the net must be much
    surer of what is. In a gap of the garment there is either ground or cloth of its colour.
    """
    unlike, brighter = np.abs(difference).max(axis=-1) > faint, difference.min(axis=-1) > faint
    if unlike.mean() < _SMALLEST / 4:
        return np.zeros(guess.shape, np.uint8)  # nothing but ground, whatever the net sees in it
    sure = (guess >= _YES).astype(np.uint8)
    cloth = (unlike & (guess > np.where(brighter, _NEVER, _NO))).astype(np.uint8)
    opened = cv2.morphologyEx(cloth | sure, cv2.MORPH_OPEN, _around(3))
    cloth = cv2.morphologyEx(np.maximum(opened, sure), cv2.MORPH_CLOSE, _around(3))
    framed = cv2.copyMakeBorder(1 - cloth, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, gaps, stats, _ = cv2.connectedComponentsWithStats(framed, connectivity=4)
    around, gaps, size = gaps[0, 0], gaps[1:-1, 1:-1], int(cloth.sum())
    for gap in range(1, count):
        if gap == around or stats[gap, cv2.CC_STAT_AREA] < _HOLE * size:
            continue  # the latter are closed later
        left, top, width, height = stats[gap, :4]
        part = slice(max(top - 1, 0), top - 1 + height), slice(max(left - 1, 0), left - 1 + width)
        there = gaps[part] == gap
        wide = stats[gap, cv2.CC_STAT_AREA] > _WIDE * size
        unlike_ground = unlike[part][there].mean() > 0.5
        if wide or unlike_ground or np.median(guess[part][there]) > _OPEN:
            cloth[part][there] = 1
    return cloth


def _without_hook(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the mask less what sticks out above its top middle, thin: a hanger's hook."""
    whole = mask.astype(np.uint8)
    reach = max(1, round(0.012 * max(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    body = cv2.morphologyEx(whole, cv2.MORPH_OPEN, disc)
    rows, columns = np.nonzero(body.any(1))[0], np.nonzero(body.any(0))[0]
    if len(rows) == 0:
        return mask
    thin = (mask & (cv2.dilate(body, _around(3)) == 0)).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(thin)
    middle, width = columns.mean(), columns[-1] - columns[0]
    kept = mask.copy()
    for i in range(1, count):
        above = stats[i, cv2.CC_STAT_TOP] < rows[0] - 2 * reach
        if above and abs(centres[i][0] - middle) < 0.15 * width:
            kept[labels == i] = False
    return kept


def _is_plain(ground: Ground) -> bool:
    return ground.share >= _PLAIN_SHARE and ground.noise <= _PLAIN_NOISE


def _around(side: int) -> np.ndarray:
    return np.ones((side, side), np.uint8)


def _one_garment(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the largest connected part of a mask.

    Raises `NoGarmentError` if it is too small, `GarmentError` if another is nearly as large.
    """
    joined = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1]
    if len(areas) == 0 or areas[0] <= _SMALLEST * mask.size:
        raise _nothing_found()
    if len(areas) > 1 and areas[1] > _SECOND * areas[0]:
        raise GarmentError(
            "there is more than one garment in the photo",
            remedy="Crop the photo to the one to wear.",
        )
    return mask & (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _without_small_holes(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the mask, closed where a hole is too small for the ground to be meant."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < _HOLE * mask.sum()
    small[0] = False  # the mask itself
    return mask | small[labels]


def _framed(rgb: np.ndarray, alpha: np.ndarray, plain: bool) -> Cutout:
    rows, columns = np.nonzero((alpha > 127).any(1))[0], np.nonzero((alpha > 127).any(0))[0]
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Cutout(image=rgb, alpha=alpha, box=box, plain=plain)


def _nothing_found() -> NoGarmentError:
    return NoGarmentError(
        "nothing but background was found in the garment photo",
        remedy="Give a photo where the garment stands out from its background.",
    )
