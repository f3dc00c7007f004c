"""Placement: where on the canonical person the pixels of a flat-lay lie, and what it is.

A small net sees the outline of the cut-out garment, how far inside it each pixel is, where
the garment has edges (a collar, a hem), and its category if that is known, but no colours; it is
trained on synthetic flat-lays (`tryon.training.placement`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch

from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.atlas import GarmentAtlas, garment_layer
from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.cutout import Cutout
from tryon.pipelines.inside import inside_of_back
from tryon.types import CATEGORIES, Box, Category

PLACEMENT_SIZE = 192
PLACEMENT_INPUTS = 4 + 4 + 1 + 2 + len(CATEGORIES)
PLACEMENT_OUTPUTS = 2 + 1 + 1 + len(CATEGORIES)
_UV_UNIT = 0.05
_BEST_SCALE = 0.006
_SURE = 0.03  # an expected error (in uv) above which the garment may lie on its head
_UNSURE = 0.12  # an expected error (in uv) at which the photo shows no garment we know
_NOT_FRONT = 0.6  # a share of the front below which something else is suspected
_EVEN = 1.2  # pixels over which the net's fourfold outputs must agree
_SOFT = 0.8  # pixels over which the edge of what is left out is drawn smooth
_ABSURD = 0.01  # the share below which a category that was said is not believed
_WORN_LIGHT = 0.94  # of what falls onto flat cloth: on a body, most of it bends away


def garment_atlas(
    net: DenseNet, cutout: Cutout, category: Category | Literal["auto"] = "auto"
) -> GarmentAtlas:
    """The atlas of one flat-lay photo.

    category: what the garment is; `auto` looks.

    Raises `NoGarmentError` if nothing like a garment is in the cut-out, `GarmentError` if it is
    certainly of another category than was said.
    """
    found = _category(_drawn(net, cutout).shares, cutout.box, category)
    drawn = _drawn(net, cutout, found)
    if drawn.median_error > _SURE:
        # An upright garment is likelier than any other: the others must be much surer.
        turned = [_drawn(net, cutout, found, quarters) for quarters in (2, 1, 3)]
        best = min(turned, key=lambda one: one.median_error)
        if best.median_error < 0.6 * drawn.median_error:
            drawn = best
    if drawn.median_error > _UNSURE:
        raise NoGarmentError(
            "what was found in the photo does not look like a garment",
            remedy="Give a photo of one garment, laid flat or hanging, whole in the picture.",
        )
    weight = np.clip(_BEST_SCALE / drawn.error, 0, 1) * drawn.outside
    y, x = np.mgrid[0:PLACEMENT_SIZE, 0:PLACEMENT_SIZE].astype(np.float32) + 0.5
    crop = drawn.crop
    x = crop.left + x * (crop.width / PLACEMENT_SIZE)
    y = crop.top + y * (crop.height / PLACEMENT_SIZE)
    layer = garment_layer(
        as_worn(cutout.image),
        _without_inside(cutout, drawn),
        drawn.uv.reshape(-1, 2),
        weight.ravel(),
        np.stack([x.ravel(), y.ravel()], axis=1),
    )
    return GarmentAtlas(found, (layer,))


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
class _Drawn:
    """What the net says of a garment, on the 192x192 grid over `crop`: mask (h, w), uv (h, w, 2),
    error (h, w), front (h, w), 0-1, and kinds (3, h, w), 0-1."""

    crop: Box
    mask: np.ndarray
    uv: np.ndarray
    error: np.ndarray
    front: np.ndarray
    kinds: np.ndarray

    @property
    def outside(self) -> np.ndarray:
        """bool (h, w): what is worn outwards."""
        return np.asarray(self.mask & (self.front > 0.5))

    @property
    def median_error(self) -> float:
        there = self.outside if self.outside.any() else self.mask
        return float(np.median(self.error[there]))

    @property
    def shares(self) -> np.ndarray:
        """float (3,), summing to 1: how likely each category is."""
        return np.asarray(self.kinds[:, self.mask].mean(axis=1))


def _drawn(
    net: DenseNet, cutout: Cutout, category: Category | None = None, quarters: int = 0
) -> _Drawn:
    """What the net says of the garment, perhaps turned by quarters, put back where it was.

    The mean of the garment and its mirror image: what is symmetric stays so.
    """
    crop = garment_crop(cutout.box)
    alpha = _square(cutout.alpha, crop)
    luminance = _square(cv2.cvtColor(cutout.image, cv2.COLOR_RGB2GRAY), crop)
    outline, grey = (np.ascontiguousarray(np.rot90(p, quarters)) for p in (alpha, luminance))
    mirrored = np.ascontiguousarray(outline[:, ::-1]), np.ascontiguousarray(grey[:, ::-1])
    views = (placement_inputs(*view, category=category) for view in ((outline, grey), mirrored))
    inputs = np.stack(list(views))
    with torch.inference_mode():
        drawn = net(torch.from_numpy(inputs).to(memory_format=torch.channels_last)).float()
        image = drawn[1:].flip(-1).clone()
        image[:, 0] *= -1  # u is drawn from the middle
        drawn = torch.rot90((drawn[:1] + image) / 2, quarters, (-1, -2))
        uv, error, front, kinds = placement_outputs(drawn)
    mask = alpha > 127
    return _Drawn(
        crop=crop,
        mask=mask,
        uv=np.ascontiguousarray(uv[0].permute(1, 2, 0).numpy()),
        error=np.ascontiguousarray(error[0, 0].numpy()),
        front=_without_islands(np.ascontiguousarray(front[0, 0].sigmoid().numpy()), mask),
        kinds=kinds[0].softmax(0).numpy(),
    )


def _without_islands(front: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: `front`, but 1 on islands within the garment: they are prints. The
    inside of the back is seen through the neck or below the hem, at the outline.
    """
    outline = cv2.dilate((~mask).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, labels = cv2.connectedComponents(((front < _NOT_FRONT) & mask).astype(np.uint8))
    islands = np.isin(labels, np.unique(labels[outline]), invert=True)
    return np.where(islands, 1, front).astype(np.float32)


def _category(shares: np.ndarray, box: Box, said: Category | Literal["auto"]) -> Category:
    """What the garment is: as it was said, unless that is absurd, or as it looks."""
    if said == "auto":
        # In shops' photos what is nearly as wide as tall is hardly ever a dress.
        dress = np.array([name == "dress" for name in CATEGORIES])
        narrow = np.clip((box.height / box.width - 0.9) / 0.9, 0.3, 1)
        return CATEGORIES[int(np.where(dress, shares * narrow, shares).argmax())]
    if shares[CATEGORIES.index(said)] < _ABSURD:
        raise GarmentError(
            f"the garment was said to be {said!r}, but the photo shows "
            f"{CATEGORIES[int(shares.argmax())]!r}",
            remedy="Leave the category to 'auto', or check the photo.",
        )
    return said


def _without_inside(cutout: Cutout, drawn: _Drawn) -> np.ndarray:
    """uint8 (H, W): the alpha less the inside of the back, which nobody sees once it is worn, and
    less what is no garment."""
    if drawn.front.min() > 0.5:
        return cutout.alpha
    crop = drawn.crop
    across, down = crop.width / PLACEMENT_SIZE, crop.height / PLACEMENT_SIZE
    move = np.array(
        [[across, 0, crop.left + 0.5 * across - 0.5], [0, down, crop.top + 0.5 * down - 0.5]]
    )
    inside = cv2.GaussianBlur(1 - drawn.front, (0, 0), _EVEN)
    if cutout.plain:  # where the background is cluttered, folds and shadows are too
        inside = inside_of_back(inside, drawn.mask, _square(cutout.image, crop))
        inside = cv2.GaussianBlur(inside, (0, 0), _SOFT)
    keep = (0.5 - cv2.warpAffine(inside, move, cutout.alpha.shape[::-1])) * 6 + 0.5
    return np.asarray(cutout.alpha * np.clip(keep, 0, 1), np.uint8)


def garment_crop(box: Box, air: float = 0.06) -> Box:
    """The square that the net sees: a garment's extent with some air; it may pass the photo."""
    side = round(max(box.width, box.height) * (1 + 2 * air))
    left = round((box.left + box.right - side) / 2)
    top = round((box.top + box.bottom - side) / 2)
    return Box(left, top, left + side, top + side)


def _square(plane: np.ndarray, crop: Box) -> np.ndarray:
    """uint8 (192, 192[, 3]): the crop of a plane or of a photo, 0 beyond it."""
    height, width = plane.shape[:2]
    padding = (
        max(0, -crop.top),
        max(0, crop.bottom - height),
        max(0, -crop.left),
        max(0, crop.right - width),
    )
    inside = plane[max(0, crop.top) : crop.bottom, max(0, crop.left) : crop.right]
    whole = cv2.copyMakeBorder(inside, *padding, cv2.BORDER_CONSTANT, value=0)
    size = (PLACEMENT_SIZE, PLACEMENT_SIZE)
    shrinks = whole.shape[0] > PLACEMENT_SIZE
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def placement_inputs(
    alpha: np.ndarray, luminance: np.ndarray, category: Category | None = None
) -> np.ndarray:
    """What the net sees: float32 (`PLACEMENT_INPUTS`, 96, 96).

    alpha, luminance: uint8 (192, 192), of the square around the garment.
    category: None if it is not known.
    """
    half = PLACEMENT_SIZE // 2
    mask = (alpha > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    depth = cv2.resize(depth, (half, half), interpolation=cv2.INTER_AREA) / 32
    centres = np.linspace(-1, 1, half, dtype=np.float32)
    x, y = np.broadcast_to(centres, (half, half)), np.broadcast_to(centres[:, None], (half, half))
    edges = garment_edges(mask, luminance)
    outline = alpha.astype(np.float32) / 255
    told = np.zeros((len(CATEGORIES), half, half), np.float32)
    if category is not None:
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
    `CATEGORIES` (N, 3)."""
    uv, scale, front, kinds = torch.split(drawn, [2, 1, 1, len(CATEGORIES)], dim=1)
    return 0.5 + _UV_UNIT * uv, _UV_UNIT * scale.clamp(-6, 3).exp(), front, kinds
