"""Garment atlas: where in a garment's photos each point of the canonical person is found.

The atlas does not copy the garment's pixels into the canonical frame: it keeps the photos and a
smooth map from the frame into them, so that a print is resampled once, when it is worn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.field import fitted_field
from tryon.types import Category

FRAME = 256  # cells of the canonical frame along each side
_LONGEST_SIDE = 2048  # pixels of a garment photo beyond this add nothing to a worn garment
_CELLS = (40, 40)
_STIFFNESS = 3e-6
_PIECE_CELLS, _PIECE_STIFFNESS = (10, 10), 3e-5
_SEAM, _ARMPIT = 15, 0.275  # cells between pieces at most, and v above which they are sewn
_BETWEEN = 0.3  # confidence in what lies between them
_OUTLINE = np.ones((5, 5), np.uint8)  # cells by which front and back may differ

Side = Literal["front", "back"]


@dataclass(frozen=True, eq=False, slots=True)
class GarmentLayer:
    """One photo of a garment and its place in the canonical frame.

    image: uint8 (H, W, 3), RGB; behind the garment its colours go on, so that edges don't bleed.
    alpha: uint8 (H, W), 255 = garment.
    places: float32 (256, 256, 2), for each cell of the frame x and y in pixels of `image`.
    coverage: float32 (256, 256), 0-1, whether the garment is there.
    confidence: float32 (256, 256), 0-1, how sure the place is.
    side: which layer of the frame the photo shows.
    """

    image: np.ndarray
    alpha: np.ndarray
    places: np.ndarray
    coverage: np.ndarray
    confidence: np.ndarray
    side: Side


@dataclass(frozen=True, eq=False, slots=True)
class GarmentAtlas:
    """A garment laid out in the canonical frame: one layer per photo, the most certain first."""

    category: Category
    layers: tuple[GarmentLayer, ...]

    def rgba(self, side: Side = "front") -> np.ndarray:
        """uint8 (256, 256, 4): the garment as seen in the frame, to look at."""
        picture = np.zeros((FRAME, FRAME, 4), np.uint8)
        for layer in reversed([layer for layer in self.layers if layer.side == side]):
            x, y = layer.places[..., 0] - 0.5, layer.places[..., 1] - 0.5
            colour = cv2.remap(layer.image, x, y, cv2.INTER_LINEAR)
            there = layer.coverage > 0.5
            picture[there, :3] = colour[there]
            picture[there, 3] = 255
        return picture

    def covers(self, u: float, v: float) -> bool:
        """Whether the garment covers this point of the canonical person, front or back."""
        row, column = min(int(v * FRAME), FRAME - 1), min(int(u * FRAME), FRAME - 1)
        return any(layer.coverage[row, column] > 0.5 for layer in self.layers)


def merged_atlas(flat: Sequence[GarmentAtlas], worn: Sequence[GarmentAtlas] = ()) -> GarmentAtlas:
    """One atlas of several photos of the same garment: flat-lays, and photos of wearers.

    A flat-lay shows one side whole and nothing else, where a wearer's other clothes, skin and what
    they carry have to be guessed off. So worn photos tell of the side that no flat-lay shows, and
    no further than the outline that flat-lays tell.

    Raises `GarmentError` if they are not of one category.
    """
    atlases = [*flat, *worn]
    if not atlases:
        raise NoGarmentError("no photo of the garment was given")
    categories = {atlas.category for atlas in atlases}
    if len(categories) > 1:
        raise GarmentError(
            f"the photos show garments of different categories ({', '.join(sorted(categories))})",
            remedy="Give photos of one garment, or name its category.",
        )
    layers = [layer for atlas in flat for layer in atlas.layers]
    others = [layer for atlas in worn for layer in atlas.layers]
    if layers:
        outline = cv2.dilate(np.max([layer.coverage for layer in layers], axis=0), _OUTLINE)
        known = {layer.side for layer in layers}
        others = [
            replace(layer, coverage=layer.coverage * outline)
            for layer in others
            if layer.side not in known
        ]
    layers += others
    layers.sort(key=lambda layer: -float((layer.confidence * layer.coverage).sum()))
    return GarmentAtlas(atlases[0].category, tuple(layers))


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """Where one smooth piece of a garment lies, measured at n pixels of its photo.

    uv: float32 (n, 2), canonical coordinates. weight: float32 (n,), 0-1, how sure they are.
    xy: float32 (n, 2), the pixels. alpha: uint8 (H, W), the piece in the photo; pieces may overlap
    a little where they are sewn together.
    """

    uv: np.ndarray
    weight: np.ndarray
    xy: np.ndarray
    alpha: np.ndarray


def garment_layer(
    image: np.ndarray,
    alpha: np.ndarray,
    uv: np.ndarray,
    weight: np.ndarray,
    xy: np.ndarray,
    side: Side = "front",
) -> GarmentLayer:
    """A layer from canonical coordinates measured at some pixels of a photo of a wearer.

    image: uint8 (H, W, 3). alpha: uint8 (H, W). uv, weight, xy: as in `Measured`.

    Raises `NoGarmentError` if too little was measured.
    """
    return _layer(image, alpha, [Measured(uv, weight, xy, alpha)], side, whole=True)


def pieced_layer(
    image: np.ndarray, alpha: np.ndarray, pieces: Sequence[Measured], side: Side = "front"
) -> GarmentLayer:
    """A layer of a garment that is sewn of pieces, each of them a smooth surface.

    image: uint8 (H, W, 3). alpha: uint8 (H, W), of the whole garment.

    Raises `NoGarmentError` if too little was measured.
    """
    return _layer(image, alpha, pieces, side, whole=False)


def _layer(
    image: np.ndarray,
    alpha: np.ndarray,
    pieces: Sequence[Measured],
    side: Side,
    *,
    whole: bool,
) -> GarmentLayer:
    shown, cut, scale = _within_limit(image, alpha)
    places = np.zeros((FRAME, FRAME, 2), np.float32)
    coverage, confidence, nearest = (np.zeros((FRAME, FRAME), np.float32) for _ in range(3))
    known = [piece for piece in pieces if (piece.weight > 0.02).sum() >= 50]
    if not known:
        raise NoGarmentError("too little of a garment is visible in the photo")
    for piece in known:
        own = piece.alpha if scale == 1 else cv2.resize(piece.alpha, cut.shape[::-1])
        at, cover, sure, near = _surface(piece, own, scale, whole)
        # Where two pieces meet, a cell belongs to that which was measured more there.
        chosen = near > nearest
        places[chosen] = at[chosen]
        confidence[chosen], nearest[chosen] = sure[chosen], near[chosen]
        coverage = np.maximum(coverage * ~chosen, cover * chosen)
    if len(known) > 1:
        _join_shoulders(cut, places, coverage, confidence)
    return GarmentLayer(_bled(shown, cut), cut, places, coverage, confidence, side)


def _join_shoulders(
    alpha: np.ndarray, places: np.ndarray, coverage: np.ndarray, confidence: np.ndarray
) -> None:
    """Let trunk and sleeves meet at the shoulder if the photo has cloth there, in place.

    Each piece was placed by itself, and a seam has no two places: cells between them lie between.
    """
    there = (coverage > 0.5).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_SEAM, _SEAM))
    gap = (cv2.morphologyEx(there, cv2.MORPH_CLOSE, disc) > 0) & (there == 0)
    gap[int(_ARMPIT * FRAME) :] = False
    if not gap.any():
        return
    known = there.astype(np.float32)[..., None]
    near = cv2.GaussianBlur(known, (0, 0), _SEAM / 4)[..., None]
    between = cv2.GaussianBlur(places * known, (0, 0), _SEAM / 4) / np.maximum(near, 1e-4)
    places[gap] = between[gap]
    hit = cv2.remap(alpha, places[..., 0] - 0.5, places[..., 1] - 0.5, cv2.INTER_LINEAR)
    coverage[gap] = hit[gap] / np.float32(255)
    confidence[gap] = _BETWEEN * coverage[gap]


def _surface(
    piece: Measured, alpha: np.ndarray, scale: float, whole: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of one piece, over the frame: places (256, 256, 2), coverage, confidence, and how much of it
    was measured nearby.

    whole: fitted over all of the frame, as what a wearer shows is, and not stiffly over its own.
    """
    cells, stiffness = (_CELLS, _STIFFNESS) if whole else (_PIECE_CELLS, _PIECE_STIFFNESS)
    sure = piece.weight > 0.02
    uv, weight, span = piece.uv[sure], piece.weight[sure], float(max(alpha.shape))
    low, side = np.zeros(2), 1.0
    if not whole:
        low, high = uv.min(axis=0) - 2 / FRAME, uv.max(axis=0) + 2 / FRAME
        side = float((high - low).max())
    field = fitted_field((uv - low) / side, piece.xy[sure] * scale / span, weight, cells, stiffness)
    centres = (np.arange(FRAME) + 0.5) / FRAME
    places = field.on_grid((centres - low[1]) / side, (centres - low[0]) / side) * span
    support, certainty, spread = _measured(uv, weight)
    hit = cv2.remap(alpha, places[..., 0] - 0.5, places[..., 1] - 0.5, cv2.INTER_LINEAR)
    return places, hit.astype(np.float32) / 255 * support, certainty * support, spread * support


def _measured(uv: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three float32 (256, 256): 1 near cells that were measured, the mean weight there, and how
    much was measured around."""
    cell = np.clip((uv * FRAME).astype(np.int64), 0, FRAME - 1)
    index = cell[:, 1] * FRAME + cell[:, 0]
    count = np.bincount(index, minlength=FRAME * FRAME).reshape(FRAME, FRAME).astype(np.float32)
    total = np.bincount(index, weight, FRAME * FRAME).reshape(FRAME, FRAME).astype(np.float32)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    near = cv2.morphologyEx((count > 0).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    near = cv2.dilate(near, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    spread = cv2.GaussianBlur(count, (0, 0), 2.0)
    certainty = cv2.GaussianBlur(total, (0, 0), 2.0) / np.maximum(spread, 1e-4)
    return near.astype(np.float32), np.clip(certainty, 0, 1), spread


def _within_limit(image: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    longest = max(alpha.shape)
    if longest <= _LONGEST_SIDE:
        return image, alpha, 1.0
    scale = _LONGEST_SIDE / longest
    size = (round(alpha.shape[1] * scale), round(alpha.shape[0] * scale))
    return (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA),
        cv2.resize(alpha, size, interpolation=cv2.INTER_AREA),
        scale,
    )


def _bled(image: np.ndarray, alpha: np.ndarray, reach: int = 6) -> np.ndarray:
    """uint8 (H, W, 3): the photo with the garment's colours continued a little over its edge."""
    window = (2 * reach + 1, 2 * reach + 1)
    inner = (cv2.erode(alpha, np.ones((3, 3), np.uint8)) > 250).astype(np.uint8)
    outer = cv2.dilate(inner, np.ones(window, np.uint8)) > inner
    colour = cv2.boxFilter(image * inner[..., None], cv2.CV_32F, window, normalize=False)
    count = cv2.boxFilter(inner, cv2.CV_32F, window, normalize=False)
    bled = image.copy()
    rim = outer & (count > 0)
    bled[rim] = (colour[rim] / count[rim][:, None]).astype(np.uint8)
    return bled
