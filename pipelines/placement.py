"""Placement: where on the canonical person the pixels of a flat-lay lie, and what it is.

A small net sees the outline of the cut-out garment, how far inside it each pixel is, and where
the garment has edges (a collar, a hem), but no colours; it is trained on synthetic flat-lays
(`tryon.training.placement`).
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
from tryon.types import CATEGORIES, Box, Category

PLACEMENT_SIZE = 192
PLACEMENT_INPUTS = 4 + 4 + 1 + 2
PLACEMENT_OUTPUTS = 2 + 1 + 1 + len(CATEGORIES)
_STRETCHES = (1.0, 1.2, 1.45)
_UV_UNIT = 0.05
_BEST_SCALE = 0.006
_SURE = 0.03  # an expected error (in uv) above which the garment may lie on its head
_UNSURE = 0.12  # an expected error (in uv) at which the photo shows no garment we know


def garment_atlas(
    net: DenseNet, cutout: Cutout, category: Category | Literal["auto"] = "auto"
) -> GarmentAtlas:
    """The atlas of one flat-lay photo.

    Raises `NoGarmentError` if nothing like a garment is in the cut-out, `GarmentError` if it is
    certainly of another category than was said.
    """
    drawn = _placed(net, cutout, category)
    if drawn.median_error > _UNSURE:
        raise NoGarmentError(
            "what was found in the photo does not look like a garment",
            remedy="Give a photo of one garment, laid flat or hanging, whole in the picture.",
        )
    found = _category(_shares(drawn, cutout.box), category)
    weight = np.clip(_BEST_SCALE / drawn.error, 0, 1) * (drawn.front > 0.5) * drawn.mask
    y, x = np.mgrid[0:PLACEMENT_SIZE, 0:PLACEMENT_SIZE].astype(np.float32) + 0.5
    crop = drawn.crop
    x = crop.left + x * (crop.width / PLACEMENT_SIZE)
    y = crop.top + y * (crop.height / PLACEMENT_SIZE)
    layer = garment_layer(
        cutout.image,
        _without_inside(cutout.alpha, drawn.front, crop),
        drawn.uv.reshape(-1, 2),
        weight.ravel(),
        np.stack([x.ravel(), y.ravel()], axis=1),
    )
    return GarmentAtlas(found, (layer,))


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
    def median_error(self) -> float:
        return float(np.median(self.error[self.mask]))


def _placed(net: DenseNet, cutout: Cutout, category: Category | Literal["auto"]) -> _Drawn:
    """What the net says, of the view that it is surest of and that suits the category.

    The net knows garments laid flat. One on an invisible mannequin is as wide as the body and not
    as the cloth, so it is also shown stretched; and turned, if nothing else makes sense of it.
    """

    def cost(drawn: _Drawn) -> float:
        shares = _shares(drawn, cutout.box)
        wanted = shares.max() if category == "auto" else shares[CATEGORIES.index(category)]
        return drawn.median_error * (2 - float(wanted))

    views = [_drawn(net, cutout, stretch) for stretch in _STRETCHES]
    if min(view.median_error for view in views) > _SURE:
        # An upright garment is likelier than any other: the others must be much surer.
        turned = [_drawn(net, cutout, 1.0, quarters) for quarters in (2, 1, 3)]
        best = min(turned, key=cost)
        if cost(best) < 0.6 * min(map(cost, views)):
            return best
    return min(views, key=cost)


def _drawn(net: DenseNet, cutout: Cutout, stretch: float, quarters: int = 0) -> _Drawn:
    """What the net says of the garment stretched sideways or turned, put back where it was.

    The mean of the garment and its mirror image: what is symmetric stays so.
    """
    crop = garment_crop(cutout.box, stretch)
    alpha = _square(cutout.alpha, crop)
    luminance = _square(cv2.cvtColor(cutout.image, cv2.COLOR_RGB2GRAY), crop)
    turned = [np.ascontiguousarray(np.rot90(plane, quarters)) for plane in (alpha, luminance)]
    mirrored = [np.ascontiguousarray(plane[:, ::-1]) for plane in turned]
    inputs = np.stack([placement_inputs(*turned), placement_inputs(*mirrored)])
    with torch.inference_mode():
        drawn = net(torch.from_numpy(inputs).to(memory_format=torch.channels_last)).float()
        image = drawn[1:].flip(-1).clone()
        image[:, 0] *= -1  # u is drawn from the middle
        drawn = torch.rot90((drawn[:1] + image) / 2, quarters, (-1, -2))
        uv, error, front, kinds = placement_outputs(drawn)
    return _Drawn(
        crop=crop,
        mask=alpha > 127,
        uv=np.ascontiguousarray(uv[0].permute(1, 2, 0).numpy()),
        error=np.ascontiguousarray(error[0, 0].numpy()),
        front=np.ascontiguousarray(front[0, 0].sigmoid().numpy()),
        kinds=kinds[0].softmax(0).numpy(),
    )


def _shares(drawn: _Drawn, box: Box) -> np.ndarray:
    """float (3,), summing to 1: the categories. What is nearly as wide as tall is hardly a dress,
    though the net, which has seen dresses in all widths, may think so."""
    shares = drawn.kinds[:, drawn.mask].mean(axis=1)
    shares[CATEGORIES.index("dress")] *= np.clip((box.height / box.width - 1.2) / 0.5, 0.05, 1)
    return np.asarray(shares / shares.sum())


def _category(share: np.ndarray, wanted: Category | Literal["auto"]) -> Category:
    likeliest = CATEGORIES[int(share.argmax())]
    if wanted == "auto":
        return likeliest
    if share[CATEGORIES.index(wanted)] < 0.02 and share.max() > 0.95:
        raise GarmentError(
            f"the garment was said to be {wanted!r}, but the photo shows {likeliest!r}",
            remedy="Leave the category to 'auto', or check the photo.",
        )
    return wanted


def _without_inside(alpha: np.ndarray, front_share: np.ndarray, crop: Box) -> np.ndarray:
    """uint8 (H, W): the alpha less the inside of the back, which nobody sees once it is worn."""
    inside = 1 - front_share
    if inside.max() < 0.5:
        return alpha
    across, down = crop.width / PLACEMENT_SIZE, crop.height / PLACEMENT_SIZE
    move = np.array(
        [[across, 0, crop.left + 0.5 * across - 0.5], [0, down, crop.top + 0.5 * down - 0.5]]
    )
    drawn = cv2.warpAffine(inside.astype(np.float32), move, alpha.shape[::-1])
    keep = np.clip((0.5 - drawn) * 6 + 0.5, 0, 1)
    return np.asarray(alpha * keep, np.uint8)


def garment_crop(box: Box, stretch: float = 1.0, air: float = 0.06) -> Box:
    """What the net sees as a square: a garment's extent with some air, `stretch` times narrower
    than tall, so that it looks wider; it may reach beyond the photo."""
    side = max(box.width * stretch, box.height) * (1 + 2 * air)
    width, height = round(side / stretch), round(side)
    left = round((box.left + box.right - width) / 2)
    top = round((box.top + box.bottom - height) / 2)
    return Box(left, top, left + width, top + height)


def _square(plane: np.ndarray, crop: Box) -> np.ndarray:
    """uint8 (192, 192): the crop of a plane, 0 beyond the photo."""
    height, width = plane.shape
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


def placement_inputs(alpha: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """What the net sees: float32 (`PLACEMENT_INPUTS`, 96, 96).

    alpha, luminance: uint8 (192, 192), of the square around the garment.
    """
    half = PLACEMENT_SIZE // 2
    mask = (alpha > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    depth = cv2.resize(depth, (half, half), interpolation=cv2.INTER_AREA) / 32
    centres = np.linspace(-1, 1, half, dtype=np.float32)
    x, y = np.broadcast_to(centres, (half, half)), np.broadcast_to(centres[:, None], (half, half))
    edges = garment_edges(mask, luminance)
    outline = alpha.astype(np.float32) / 255
    return np.concatenate([_folded(outline), _folded(edges), depth[None], x[None], y[None]]).astype(
        np.float32
    )


def garment_edges(mask: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: how strong the garment's own edges are, compared with one another."""
    smooth = cv2.GaussianBlur(luminance, (0, 0), 1.0)
    dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    strength = cv2.magnitude(dx, dy) * cv2.erode(mask, np.ones((5, 5), np.uint8))
    inside = strength[mask > 0]
    strongest = float(np.percentile(inside, 95)) if inside.size else 0.0
    return np.asarray(np.clip(strength / (strongest + 1.5), 0, 1))


def _folded(plane: np.ndarray) -> np.ndarray:
    """(h, w) -> (4, h/2, w/2), as `torch.nn.functional.pixel_unshuffle` does."""
    height, width = plane.shape
    blocks = plane.reshape(height // 2, 2, width // 2, 2)
    return blocks.transpose(1, 3, 0, 2).reshape(4, height // 2, width // 2)


def placement_outputs(drawn: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What the net says: uv (N, 2), its expected error (N, 1), the logit of the outside of the
    front (N, 1) against the inside of the back, and those of `CATEGORIES` (N, 3), per pixel."""
    uv, scale, front, kinds = torch.split(drawn, [2, 1, 1, len(CATEGORIES)], dim=1)
    return 0.5 + _UV_UNIT * uv, _UV_UNIT * scale.clamp(-6, 3).exp(), front, kinds
