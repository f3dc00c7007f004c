"""Placement: where on the canonical person the pixels of a shop's garment photo lie.

A small net sees the outline of the cut-out garment, how far inside it each pixel is, where the
garment has edges (a collar, a seam, a hem), and its category, but no colours. It is trained on
garments drawn and rendered as shops photograph them (`tryon.training.placement`). It says of every
pixel which piece it belongs to, trunk, sleeve or trouser leg, and about where it is worn; each
piece is then one smooth surface, so that no sleeve crumples.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from tryon.errors import NoGarmentError
from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.garment.atlas import GarmentAtlas, Measured, pieced_layer
from tryon.pipelines.garment.cutout import Cutout
from tryon.pipelines.garment.inside_of_back import inside_of_back
from tryon.types import CATEGORIES, Box, Category

PIECES = ("trunk", "left_sleeve", "right_sleeve", "left_leg", "right_leg")
"""What garments are sewn of. Sides are the wearer's own: the left is to the right of a photo."""

PLACEMENT_SIZE = 128
_SEEN_SIZE = 192  # pixels of the square at which the inside of the back is told apart
PLACEMENT_INPUTS = 4 + 4 + 1 + 2 + len(CATEGORIES)
PLACEMENT_OUTPUTS = 2 + 1 + 1 + len(PIECES)
_MIRRORED = [0, 1, 2, 3, 4, 6, 5, 8, 7]  # channels after the mirror: the sides change places
_UV_UNIT = 0.05
_BEST_SCALE = 0.006
_UNSURE = 0.12  # an expected error (in uv) at which the photo shows no garment we know
_NOT_FRONT = 0.6  # a share of the front below which something else is suspected
_EVEN = 1.2  # pixels over which the net's fourfold outputs must agree
_SOFT = 0.8  # pixels over which the edge of what is left out is drawn smooth
_WORN_LIGHT = 0.94  # of what falls onto flat cloth: on a body, most of it bends away
_FEWEST = 60  # pixels of a piece, of `PLACEMENT_SIZE` squared
_SEAM = 0.2  # share of a piece from which on it may show a pixel: pieces overlap at seams


def garment_atlas(net: DenseNet, cutout: Cutout, category: Category) -> GarmentAtlas:
    """The atlas of one photo of a garment alone, upright.

    Raises `NoGarmentError` if nothing like a garment is in the cut-out.
    """
    placed = placed_pixels(net, cutout, category)
    if placed.median_error > _UNSURE:
        raise NoGarmentError(
            "what was found in the photo does not look like a garment",
            remedy="Give a photo of one garment, laid flat or hanging, whole in the picture.",
        )
    alpha = _without_inside(cutout, placed)
    pieces = [m for i in range(len(PIECES)) if (m := _measured(placed, alpha, i)) is not None]
    return GarmentAtlas(category, (pieced_layer(as_worn(cutout.image), alpha, pieces),))


def as_worn(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3): the photo of a flat garment as dark as a body would make it.

    Cloth that lies flat faces the light; worn, its sides and folds turn away. Held-out synthetic
    tops, bottoms and dresses are darker by 3 to 20 percent on the person, by 7 in the middle. White
    stays white: a photographer exposes for it.
    """
    level = np.arange(256) / 255
    darker = level * (_WORN_LIGHT + (1 - _WORN_LIGHT) * level**4)
    return np.asarray(cv2.LUT(image, np.rint(255 * darker).astype(np.uint8)))


@dataclass(frozen=True, eq=False, slots=True)
class Placed:
    """What the net says of a garment, on the 128x128 grid over `crop`.

    mask: bool (h, w), the cut-out. uv: float32 (h, w, 2). error: (h, w), expected, in uv.
    front: (h, w), 0-1, the outside of the front against the inside of the back and what is no
    garment. pieces: (h, w, 5), shares of `PIECES`, summing to 1.
    """

    crop: Box
    mask: np.ndarray
    uv: np.ndarray
    error: np.ndarray
    front: np.ndarray
    pieces: np.ndarray

    @property
    def outside(self) -> np.ndarray:
        """bool (h, w): what is worn outwards."""
        return np.asarray(self.mask & (self.front > 0.5))

    @property
    def median_error(self) -> float:
        there = self.outside if self.outside.any() else self.mask
        return float(np.median(self.error[there]))


def placed_pixels(net: DenseNet, cutout: Cutout, category: Category) -> Placed:
    """What the net says: the mean of the garment and its mirror image."""
    crop = garment_crop(cutout.box)
    alpha = _square(cutout.alpha, crop)
    luminance = _square(cv2.cvtColor(cutout.image, cv2.COLOR_RGB2GRAY), crop)
    mirrored = np.ascontiguousarray(alpha[:, ::-1]), np.ascontiguousarray(luminance[:, ::-1])
    views = [placement_inputs(*view, category) for view in ((alpha, luminance), mirrored)]
    with torch.inference_mode():
        drawn = net(torch.from_numpy(np.stack(views)).to(memory_format=torch.channels_last)).float()
        image = drawn[1:].flip(-1)[:, _MIRRORED]
        image[:, 0] *= -1  # u is drawn from the middle
        uv, error, front, pieces = placement_outputs((drawn[:1] + image) / 2)
    mask = alpha > 127
    return Placed(
        crop=crop,
        mask=mask,
        uv=np.ascontiguousarray(uv[0].permute(1, 2, 0).numpy()),
        error=np.ascontiguousarray(error[0, 0].numpy()),
        front=_without_islands(np.ascontiguousarray(front[0, 0].sigmoid().numpy()), mask),
        pieces=np.ascontiguousarray(pieces[0].softmax(0).permute(1, 2, 0).numpy()),
    )


def _measured(placed: Placed, alpha: np.ndarray, piece: int) -> Measured | None:
    """Where one piece was found to lie; None if the garment has none."""
    own = placed.outside & (placed.pieces.argmax(axis=-1) == piece)
    if own.sum() < _FEWEST:
        return None
    rows, columns = np.nonzero(own)
    crop = placed.crop
    xy = np.stack([columns + 0.5, rows + 0.5], axis=1) / PLACEMENT_SIZE
    xy = xy * [crop.width, crop.height] + [crop.left, crop.top]
    share = cv2.GaussianBlur(placed.pieces[..., piece], (0, 0), _EVEN)
    seen = np.clip((_on_photo(share, crop, alpha.shape) - _SEAM) * 5, 0, 1)
    return Measured(
        uv=placed.uv[own],
        weight=np.clip(_BEST_SCALE / placed.error[own], 0, 1),
        xy=xy.astype(np.float32),
        alpha=(alpha * seen).astype(np.uint8),
    )


def _without_islands(front: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: `front`, but 1 on islands within the garment: they are prints. The
    inside of the back is seen through the neck or below the hem, at the outline.
    """
    outline = cv2.dilate((~mask).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, labels = cv2.connectedComponents(((front < _NOT_FRONT) & mask).astype(np.uint8))
    islands = np.isin(labels, np.unique(labels[outline]), invert=True)
    return np.where(islands, 1, front).astype(np.float32)


def _without_inside(cutout: Cutout, placed: Placed) -> np.ndarray:
    """uint8 (H, W): the alpha less the inside of the back, which nobody sees once it is worn, and
    less what is no garment."""
    if placed.front.min() > 0.5:
        return cutout.alpha
    inside = cv2.resize(1 - placed.front, (_SEEN_SIZE, _SEEN_SIZE))
    inside = cv2.GaussianBlur(inside, (0, 0), _EVEN)
    if cutout.plain:  # where the background is cluttered, folds and shadows are too
        mask, image = (_square(p, placed.crop, _SEEN_SIZE) for p in (cutout.alpha, cutout.image))
        inside = inside_of_back(inside, mask > 127, image)
        inside = cv2.GaussianBlur(inside, (0, 0), _SOFT)
    keep = (0.5 - _on_photo(inside, placed.crop, cutout.alpha.shape)) * 6 + 0.5
    return np.asarray(cutout.alpha * np.clip(keep, 0, 1), np.uint8)


def _on_photo(plane: np.ndarray, crop: Box, shape: tuple[int, ...]) -> np.ndarray:
    """float32 (H, W): a plane over the crop at the photo's size, 0 beyond it."""
    across, down = crop.width / plane.shape[1], crop.height / plane.shape[0]
    move = np.array(
        [[across, 0, crop.left + 0.5 * across - 0.5], [0, down, crop.top + 0.5 * down - 0.5]]
    )
    return cv2.warpAffine(plane.astype(np.float32, copy=False), move, shape[1::-1])


def garment_crop(box: Box, air: float = 0.06) -> Box:
    """The square that the net sees: a garment's extent with some air; it may pass the photo."""
    side = round(max(box.width, box.height) * (1 + 2 * air))
    left = round((box.left + box.right - side) / 2)
    top = round((box.top + box.bottom - side) / 2)
    return Box(left, top, left + side, top + side)


def _square(plane: np.ndarray, crop: Box, side: int = PLACEMENT_SIZE) -> np.ndarray:
    """uint8 (side, side[, 3]): the crop of a plane or of a photo, 0 beyond it."""
    height, width = plane.shape[:2]
    padding = (
        max(0, -crop.top),
        max(0, crop.bottom - height),
        max(0, -crop.left),
        max(0, crop.right - width),
    )
    inside = plane[max(0, crop.top) : crop.bottom, max(0, crop.left) : crop.right]
    whole = cv2.copyMakeBorder(inside, *padding, cv2.BORDER_CONSTANT, value=0)
    shrinks = whole.shape[0] > side
    return cv2.resize(
        whole, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def placement_inputs(alpha: np.ndarray, luminance: np.ndarray, category: Category) -> np.ndarray:
    """What the net sees: float32 (`PLACEMENT_INPUTS`, 64, 64).

    alpha, luminance: uint8 (128, 128), of the square around the garment.
    """
    half = PLACEMENT_SIZE // 2
    mask = (alpha > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    depth = cv2.resize(depth, (half, half), interpolation=cv2.INTER_AREA) / 21
    centres = np.linspace(-1, 1, half, dtype=np.float32)
    x, y = np.broadcast_to(centres, (half, half)), np.broadcast_to(centres[:, None], (half, half))
    edges = garment_edges(mask, luminance)
    outline = alpha.astype(np.float32) / 255
    told = np.zeros((len(CATEGORIES), half, half), np.float32)
    told[CATEGORIES.index(category)] = 1
    return np.concatenate(
        [_folded(outline), _folded(edges), depth[None], x[None], y[None], told]
    ).astype(np.float32)


def garment_edges(mask: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: how strong the edges in and around the garment are, compared with
    those inside it."""
    smooth = cv2.GaussianBlur(luminance, (0, 0), 1.0)
    dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    strength = np.sqrt(dx * dx + dy * dy)  # cv2.magnitude rounds as its memory is aligned
    inside = strength[cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0]
    strongest = float(np.percentile(inside, 95)) if inside.size else 0.0
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return np.asarray(np.clip(strength / (strongest + 1.5), 0, 1) * near)


def _folded(plane: np.ndarray) -> np.ndarray:
    """(h, w) -> (4, h/2, w/2), as `torch.nn.functional.pixel_unshuffle` does."""
    height, width = plane.shape
    blocks = plane.reshape(height // 2, 2, width // 2, 2)
    return blocks.transpose(1, 3, 0, 2).reshape(4, height // 2, width // 2)


def placement_outputs(drawn: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What the net says, per pixel: uv (N, 2), its expected error (N, 1), the logit of the outside
    of the front (N, 1) against the inside of the back and what is no garment at all, and those of
    `PIECES` (N, 5)."""
    uv, scale, front, pieces = torch.split(drawn, [2, 1, 1, len(PIECES)], dim=1)
    return 0.5 + _UV_UNIT * uv, _UV_UNIT * scale.clamp(-6, 3).exp(), front, pieces
