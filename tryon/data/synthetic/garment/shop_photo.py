"""A garment as a shop photographs it, drawn with the truth of where it belongs.

No colours: what places garments sees outlines and edges only. Drawing costs a hundredth of
rendering, so every garment of a training is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tryon.data.synthetic.canonical import canonical_uv
from tryon.data.synthetic.garment.grid_raster import drawn_grid
from tryon.data.synthetic.garment.shop_cut import ShopCut, random_shop_cut
from tryon.data.synthetic.garment.shop_layout import (
    Piece,
    half_width,
    laid_pieces,
    random_layout,
)
from tryon.pipelines.garment.placement import PIECES
from tryon.pipelines.person.canonical_figure import along_at, upper_outline
from tryon.types import Category

OUTSIDE, INSIDE = 1, 2


@dataclass(frozen=True, eq=False, slots=True)
class ShopPhoto:
    """One garment in a square picture; arrays are (size, size).

    alpha: uint8, 255 = garment. luminance: uint8. uv: float32 (..., 2), canonical, 0 elsewhere.
    labels: uint8, 0 nothing, `OUTSIDE` of the front, `INSIDE`: what nobody sees when it is worn.
    pieces: uint8, index into `PIECES`.
    """

    alpha: np.ndarray
    luminance: np.ndarray
    uv: np.ndarray
    labels: np.ndarray
    pieces: np.ndarray


def random_shop_photo(rng: np.random.Generator, category: Category, size: int = 192) -> ShopPhoto:
    """One garment of the category, at random."""
    cut = random_shop_cut(rng, category)
    return shop_photo(rng, cut, laid_pieces(cut, random_layout(rng, cut), rng), size)


def shop_photo(
    rng: np.random.Generator, cut: ShopCut, pieces: list[Piece], size: int = 192
) -> ShopPhoto:
    """The pieces drawn into a picture, upright and in the middle."""
    places = _in_picture(rng, pieces, size)
    labels, index = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    uv = np.zeros((size, size, 2), np.float32)
    luminance = np.full((size, size), rng.uniform(120, 255), np.float32)
    cloth = rng.uniform(15, 250)
    for piece, points in zip(pieces, places, strict=True):
        rows, columns = points.shape[:2]
        s, t = np.linspace(0, 1, rows), np.linspace(-1, 1, columns)
        local = np.stack(np.broadcast_arrays(s[:, None], t), axis=-1)
        there, drawn = drawn_grid(points, np.concatenate([piece.frame, local], axis=-1), size)
        shown = np.where(there, _shown(cut, piece.name, drawn), 0)
        chosen = shown > 0
        labels[chosen], index[chosen] = shown[chosen], PIECES.index(piece.name)
        at = np.stack([drawn[..., 0], 0 * drawn[..., 0], drawn[..., 1]], axis=-1)
        uv[chosen] = canonical_uv(at)[chosen]
        shade = _shaded(rng, cut, piece.name, drawn, cloth)
        shade = np.where(shown == INSIDE, shade * rng.uniform(0.4, 0.95) - 4, shade)
        luminance[chosen] = shade[chosen]
    luminance = _printed(rng, luminance, labels > 0)
    _add_loose_parts(rng, cut, places, pieces, labels, luminance)
    alpha = (labels > 0).astype(np.uint8) * 255
    return ShopPhoto(alpha, np.clip(luminance, 0, 255).astype(np.uint8), uv, labels, index)


def _add_loose_parts(
    rng: np.random.Generator,
    cut: ShopCut,
    places: list[np.ndarray],
    pieces: list[Piece],
    labels: np.ndarray,
    luminance: np.ndarray,
) -> None:
    """A hood or a hanger's hook above the neck, ties and tassels that hang down, in place."""
    trunk = next(p for p, piece in zip(places, pieces, strict=True) if piece.name == "trunk")
    middle = trunk.shape[1] // 2
    top, wide = trunk[0, middle], float(np.ptp(trunk[len(trunk) // 2, :, 0]))
    drawn = np.zeros(labels.shape, np.uint8)
    if cut.category != "lower" and rng.random() < 0.07:
        size = (int(wide * rng.uniform(0.15, 0.26)), int(wide * rng.uniform(0.12, 0.28)))
        centre = (int(top[0]), int(top[1] - size[1] * rng.uniform(0.2, 0.9)))
        cv2.ellipse(drawn, centre, size, 0, 0, 360, 1, -1)
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.2 else 0):
        row = rng.choice([0, 3, len(trunk) // 2, len(trunk) - 1])
        start = trunk[row, rng.integers(trunk.shape[1])]
        way = np.array([rng.normal(0, 0.08), rng.uniform(0.05, 0.5)]) * wide
        ends = [(int(x), int(y)) for x, y in (start, start + way)]
        cv2.line(drawn, ends[0], ends[1], 1, int(rng.integers(1, max(3, int(0.09 * wide)))))
    if rng.random() < 0.03:
        hook = (int(top[0]), int(top[1] - 0.12 * wide))
        cv2.line(drawn, (int(top[0]), int(top[1])), hook, 1, 2)
    luminance[drawn > 0] = rng.uniform(15, 250)
    labels[(drawn > 0) & (labels == 0)] = INSIDE


def _in_picture(rng: np.random.Generator, pieces: list[Piece], size: int) -> list[np.ndarray]:
    """Photo places in pixels, the edges of the cloth a little uneven."""
    points = np.concatenate([piece.photo.reshape(-1, 2) for piece in pieces])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / (float((high - low).max()) * rng.uniform(1.08, 1.2))
    placed = []
    for piece in pieces:
        grid = piece.photo.copy()
        rows, columns = grid.shape[:2]
        middle = grid.mean(axis=1, keepdims=True)
        rough = cv2.resize(rng.normal(0, 0.025, (6, 2)), (columns, rows))
        if rng.random() < 0.15:  # frills
            waves = np.sin(np.arange(rows) * rng.uniform(0.6, 2.0)) * rng.uniform(0.01, 0.06)
            rough = rough + waves[:, None]
        rough[0] = 0
        grid = middle + (grid - middle) * (1 + rough)[..., None]
        placed.append((grid - (low + high) / 2) * scale + size / 2)
    return placed


def _shown(cut: ShopCut, name: str, drawn: np.ndarray) -> np.ndarray:
    """uint8 (h, w): 0, `OUTSIDE` or `INSIDE`; drawn: x and height in the frame, s, t."""
    x, height, s, t = np.moveaxis(drawn, -1, 0)
    label = np.full(x.shape, OUTSIDE, np.uint8)
    if name.endswith("sleeve"):
        if cut.cold:
            label[(s > 0.1) & (s < 0.5) & (t > -0.2)] = 0
        return label
    if name.endswith("leg"):
        return label
    if cut.category != "lower":
        _cut_neck(cut, x, height, label)
    if cut.leg is None:
        wide = np.maximum(half_width(cut, np.full(1, cut.hem))[0], 0.05)
        hem = cut.hem + cut.hem_slant * x / wide + cut.hem_curve * (x / wide) ** 2
        below = height < hem
        label[below] = np.where(height[below] > hem[below] - cut.back_hem, INSIDE, 0)
    return label


def _cut_neck(cut: ShopCut, x: np.ndarray, height: np.ndarray, label: np.ndarray) -> None:
    """Cut the neckline into the label of the trunk, in place."""
    top, wide, depth, back = neck_line(cut)
    across = np.abs(x) / wide
    if cut.top == "one-shoulder":
        start = float(half_width(cut, np.full(1, cut.armpit))[0])
        share = (x + start) / (start + 0.6 * wide)
        label[height > cut.armpit + 0.01 + (top - cut.armpit) * share] = 0
        return
    down = {
        "round": np.sqrt(np.clip(1 - across**2, 0, 1)),
        "v": np.clip(1 - across, 0, 1),
        "square": np.clip((1 - across) / 0.12, 0, 1),
    }[cut.neckline]
    opened = (across < 1) & (height > top - depth * down)
    if cut.stand > 0:
        slit = np.clip((height - (top - depth)) / max(depth + cut.stand, 1e-3), 0, 1)
        opened = (across < 0.75 * slit) & (depth > 0) & (height > top - depth)
        label[opened] = INSIDE
        return
    label[opened] = INSIDE
    label[(across < 1.02) & (height > top - back * np.clip(1 - across**2, 0, 1))] = 0
    if cut.opening > 0:
        gap = cut.opening * np.clip((top - height) / 0.3, 0.1, 1)
        label[(np.abs(x) < gap) & (label > 0)] = INSIDE


def neck_line(cut: ShopCut) -> tuple[float, float, float, float]:
    """Height of the neckline's ends, its half width, its depth in front and behind."""
    if cut.top == "strapless":
        wide = float(half_width(cut, np.full(1, cut.armpit))[0])
        return cut.armpit + 0.004, wide, min(cut.neck_depth, 0.05) * 0.6, 0.0
    if cut.top == "off-shoulder":
        tip = upper_outline(np.array(cut.shoulder))
        return float(tip[1]) + 0.016, float(tip[0]) - 0.009, min(cut.neck_depth, 0.05), 0.005
    neck = upper_outline(np.array(along_at(cut.neck)))
    return float(neck[1]) + 0.01, float(neck[0]) + 0.003, cut.neck_depth, cut.neck_back


def _shaded(
    rng: np.random.Generator, cut: ShopCut, name: str, drawn: np.ndarray, cloth: float
) -> np.ndarray:
    """float32 (h, w): cloth with rounded sides, folds, seams and a placket."""
    x, height, s, t = np.moveaxis(drawn, -1, 0)
    level = cloth * rng.uniform(0.96, 1.04)
    if rng.random() < 0.12 and name != "trunk":
        level = rng.uniform(15, 250)
    if rng.random() < 0.3:
        level = cloth
    shade = level * (1 - rng.uniform(0, 0.3) * np.abs(t) ** rng.uniform(2, 7))
    if rng.random() < 0.6:
        fold = np.sin(s * rng.uniform(4, 30) + t * rng.uniform(-6, 6) + rng.uniform(0, 6.28))
        shade += fold * rng.uniform(0, 9)
    if rng.random() < 0.6:
        seam = (np.abs(t) > 0.93) | (s < 0.04) | (s > 0.96)
        shade = np.where(seam, shade + rng.uniform(-40, 15), shade)
    if name == "trunk" and cut.category != "lower" and rng.random() < 0.6:
        top, wide, depth, _ = neck_line(cut)
        edge = np.abs(np.hypot(x / wide, np.clip(top - height, 0, None) / max(depth, 0.02)) - 1.12)
        shade = np.where(edge < 0.1, shade + rng.uniform(-30, 30), shade)
    if name == "trunk" and rng.random() < 0.3:
        shade = np.where(np.abs(np.abs(x) - rng.uniform(0, 0.025)) < 0.003, shade - 35, shade)
    if name == "trunk" and rng.random() < 0.25:
        band = np.abs(s - rng.uniform(0.1, 0.9)) < rng.uniform(0.005, 0.06)
        shade = np.where(band, shade + rng.uniform(-60, 60), shade)
    return shade.astype(np.float32)


def _printed(rng: np.random.Generator, luminance: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """float32 (h, w): the cloth with stripes, checks, shapes or grain."""
    size = len(luminance)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    pattern = np.zeros_like(luminance)
    kind = rng.random()
    if kind < 0.22:
        angle, period = rng.choice([0, np.pi / 2, rng.uniform(0, 3.1)]), rng.uniform(3, 26)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 6.28 / period)
        pattern = (wave > rng.uniform(-0.8, 0.8)) * rng.uniform(-120, 120)
    elif kind < 0.3:
        period = rng.uniform(5, 22)
        wave = np.sin(x * 6.28 / period) + np.sin(y * 6.28 / period)
        pattern = wave * rng.uniform(-50, 50)
    elif kind < 0.6:
        blobs = cv2.resize(rng.normal(size=(int(rng.integers(6, 60)),) * 2), (size, size))
        pattern = np.where(blobs > rng.uniform(-0.5, 1.2), rng.uniform(-110, 110), 0)
    elif kind < 0.76:
        for _ in range(int(rng.integers(1, 9))):
            corners = (rng.uniform(0.25, 0.75, 2) + rng.normal(0, 0.09, (5, 2))) * size
            cv2.fillPoly(pattern, [corners.astype(np.int32)], float(rng.uniform(-120, 120)))
    pattern = pattern + rng.normal(0, rng.choice([0.8, 3.0, 9.0], p=[0.5, 0.35, 0.15]), cloth.shape)
    mixed = luminance + pattern * cloth
    return cv2.GaussianBlur(mixed.astype(np.float32), (0, 0), rng.uniform(0.3, 0.9))
