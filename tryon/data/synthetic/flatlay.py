"""The garment as a shop shows it: laid flat and photographed from above."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numba
import numpy as np

from tryon.data.synthetic.backgrounds import photographed, random_table
from tryon.data.synthetic.fabrics import Fabric, cloth_for
from tryon.data.synthetic.figure import cloth_attributes
from tryon.data.synthetic.garments import GarmentMesh
from tryon.data.synthetic.light import Light, composed, light_from
from tryon.data.synthetic.materials import SAMPLES, Mesh, Truth
from tryon.data.synthetic.patterns import Patterns
from tryon.data.synthetic.raster import Buffers, draw
from tryon.data.synthetic.sample import GarmentPhoto
from tryon.data.synthetic.shading import shade_cloth

_UNTURNED = np.eye(3, dtype=np.float32)

PLIES = 0.008
"""Metres between layers of a garment laid flat; see `shading.shade_cloth`."""


def flat_lay_photo(
    rng: np.random.Generator,
    mesh: GarmentMesh,
    fabric: Fabric,
    patterns: Patterns,
    size: tuple[int, int],
    photos: tuple[Path, ...] = (),
) -> GarmentPhoto:
    """Lay the garment flat and photograph it; size: (height, width)."""
    laid = laid_cloth(rng, mesh, fabric, patterns, size)
    table = random_table(rng, size, photos)
    if rng.random() < 0.15 and mesh.cut_numbers.build == "top":
        _draw_hanger(rng, table, laid.points, mesh, laid.scale)
    shadow = _drop_shadow(rng, laid.shown[..., 3], laid.scale)
    truth = laid.truth
    image = composed(laid.shown, laid.light, np.ones(size, np.float32), table, shadow)
    return GarmentPhoto(
        image=photographed(rng, image),
        mask=truth.layer > 0,
        uv=truth.uv,
        layer=truth.layer,
        kind="flat-lay",
    )


@dataclass(frozen=True, eq=False, slots=True)
class LaidCloth:
    """A garment laid flat, before anything is under it.

    shown: float32 (H, W, 4), colours times their share of the pixel, and that share.
    points: float32 (N, 2), the mesh's vertices in pixels. scale: pixels per metre.
    """

    shown: np.ndarray
    truth: Truth
    light: Light
    points: np.ndarray
    scale: float


def laid_cloth(
    rng: np.random.Generator,
    mesh: GarmentMesh,
    fabric: Fabric,
    patterns: Patterns,
    size: tuple[int, int],
) -> LaidCloth:
    """Lay the garment flat and light it; size: (height, width)."""
    height, width = size
    buffers = Buffers.empty(height * SAMPLES, width * SAMPLES)
    points, scale = _framed(rng, laid_flat(rng, mesh, patterns), mesh, buffers.owner.shape)
    normals = _pile_up(points, mesh.layer, mesh.arm, mesh.along, mesh.cloth)
    box = draw(buffers, points, mesh.faces, 0, cut=mesh.cut)
    attributes = cloth_attributes(normals, _UNTURNED, mesh.uv, mesh.layer, mesh.cloth, mesh.edge)
    drawn = Mesh(0, points, mesh.faces, attributes, box)
    light = _table_light(rng)
    shown, truth = np.zeros((*size, 4), np.float32), Truth.empty(*size)
    cloth = cloth_for(fabric, SAMPLES / scale)
    shade_cloth(drawn, buffers, buffers.depth, cloth, light, PLIES, shown, truth)
    return LaidCloth(shown, truth, light, points[:, :2] / SAMPLES, scale / SAMPLES)


@numba.njit(cache=True, fastmath=True)
def _pile_up(points, layer, arm, along, cloth):  # type: ignore[no-untyped-def]
    """Write the depths of `points` (N, 3): sleeves lie over the front, and that over the back.

    Returns the normals float32 (N, 3): cloth that lies flat still rounds off towards its sides.
    """
    normals = np.zeros((len(points), 3), np.float32)
    for n in range(len(points)):
        t = min(max((along[n] - 0.1) / 0.3, 0.0), 1.0)
        points[n, 2] = -0.01 * layer[n] - 0.03 * abs(arm[n]) * t * t * (3 - 2 * t)
        tilt = 0.35 * np.sqrt(1 - min(layer[n] ** 2, 1.0))
        normals[n, 0] = np.sign(cloth[n, 0]) * tilt
        normals[n, 1] = -min(max(layer[n] * 8 + 2.4, -1.0), 1.0)
    return normals


def laid_flat(rng: np.random.Generator, mesh: GarmentMesh, patterns: Patterns) -> np.ndarray:
    """Where every vertex lies, metres to the right and down: sleeves and legs turned, cloth
    pulled a little out of shape."""
    places = mesh.cloth.astype(np.float64)
    marks = patterns.marks
    spread = rng.uniform(-10, 25)
    if mesh.cut_numbers.sleeve > 0.5:
        spread = rng.uniform(-42, -12) if rng.random() < 0.7 else rng.uniform(-12, 30)
    for sign in (1, -1):
        turn = np.radians(spread + rng.normal(0, 4)) * -sign
        _turn(places, mesh.arm, sign, sign * marks.shoulder_x, -marks.shoulder, turn)
        swing = np.radians(rng.normal(1.5, 2.5)) * -sign
        _turn(places, mesh.leg, sign, sign * 0.1, -marks.hip, swing)
    for _ in range(3):
        _push(places, rng.normal(0, 6, 2), rng.uniform(0, 6.28), rng.normal(0, 0.004, 2))
    places[:, 0] *= rng.uniform(0.95, 1.06)
    return places


@numba.njit(cache=True, fastmath=True)
def _turn(places, share, sign, pivot_x, pivot_y, angle):  # type: ignore[no-untyped-def]
    """Turn points (N, 2) about a pivot (clockwise as seen), in place, as far as they have a share
    (N,), with the sign of its side, in the limb."""
    for n in range(len(places)):
        t = min(max((share[n] * sign - 0.05) / 0.9, 0.0), 1.0)
        if t > 0:
            turn = angle * t * t * (3 - 2 * t)
            c, s = np.cos(turn), np.sin(turn)
            x, y = places[n, 0] - pivot_x, places[n, 1] - pivot_y
            places[n, 0], places[n, 1] = pivot_x + x * c - y * s, pivot_y + x * s + y * c


@numba.njit(cache=True, fastmath=True)
def _push(places, wave, phase, push):  # type: ignore[no-untyped-def]
    """Pull cloth out of shape along a wave, in place."""
    for n in range(len(places)):
        height = np.sin(np.float32(places[n, 0] * wave[0] + places[n, 1] * wave[1] + phase))
        places[n, 0] += height * push[0]
        places[n, 1] += height * push[1]


def _framed(
    rng: np.random.Generator, places: np.ndarray, mesh: GarmentMesh, size: tuple[int, ...]
) -> tuple[np.ndarray, float]:
    """Points float32 (N, 3) in pixels of the places, their depth still to be written, and pixels
    per metre: turned, centred, filling the frame."""
    angle = np.radians(rng.normal(0, 2.5))
    low, high = _turned_range(places, mesh.cut, np.cos(angle), np.sin(angle))
    extent = np.maximum(high - low, 1e-3)
    height, width = size[0], size[1]
    scale = min(width / extent[0], height / extent[1]) * rng.uniform(0.8, 0.97)
    spare = np.array([width, height]) - extent * scale
    corner = spare * np.clip(0.5 + rng.normal(0, 0.1, 2), 0.1, 0.9)
    points = np.empty((len(places), 3), np.float32)
    points[:, :2] = (places - low) * scale + corner
    return points, float(scale)


@numba.njit(cache=True, fastmath=True)
def _turned_range(places, cut, c, s):  # type: ignore[no-untyped-def]
    """Turn places (N, 2), in place, by an angle of cosine `c` and sine `s`; returns the least and
    the greatest coordinates, (2,) each, of what is not cut away."""
    low, high = np.full(2, 1e9), np.full(2, -1e9)
    for n in range(len(places)):
        x, y = places[n, 0], places[n, 1]
        places[n, 0], places[n, 1] = x * c - y * s, x * s + y * c
        if cut[n] >= 0:
            for k in range(2):
                low[k], high[k] = min(low[k], places[n, k]), max(high[k], places[n, k])
    return low, high


def _table_light(rng: np.random.Generator) -> Light:
    direction = (rng.normal(0, 0.5), -1.0, rng.normal(0.2, 0.4))
    ambient = rng.uniform(0.4, 0.7)
    tint = np.array([1 + rng.normal(0, 0.02), 1, 1 + rng.normal(0, 0.02)])
    return light_from(direction, ambient, 1.06 - ambient, tint)


def _drop_shadow(rng: np.random.Generator, covered: np.ndarray, scale: float) -> np.ndarray:
    """Darkening of the table, float32 (H, W); covered: float32 (H, W), 0-1."""
    blur = max(1.0, rng.uniform(0.006, 0.02) * scale)
    small = cv2.resize(covered, None, fx=0.5, fy=0.5)
    soft = cv2.GaussianBlur(small, (0, 0), blur / 2)
    move = np.array([[1, 0, rng.normal(0, 0.4) * blur], [0, 1, rng.uniform(0, 0.4) * blur]])
    soft = cv2.warpAffine(soft, move, soft.shape[::-1])
    bright = 1 - np.float32(rng.uniform(0.0, 0.45)) * soft
    return cv2.resize(bright, covered.shape[::-1])


def _draw_hanger(
    rng: np.random.Generator,
    image: np.ndarray,
    points: np.ndarray,
    mesh: GarmentMesh,
    scale: float,
) -> None:
    """A hook and two arms behind the neck, in place."""
    top = points[(mesh.cut >= 0) & (np.abs(mesh.arm) < 0.1)]
    neck = top[np.argmin(top[:, 1])]
    x, y = float(top[:, 0].mean()), float(neck[1]) + 0.05 * scale
    colour = rng.uniform(10, 200, 3).tolist()
    thick = max(1, int(0.008 * scale))
    hook = (int(x), int(y - 0.13 * scale))
    cv2.line(image, (int(x), int(y)), hook, colour, thick, cv2.LINE_AA)
    radius = int(0.025 * scale)
    cv2.ellipse(
        image,
        (hook[0] + radius, hook[1]),
        (radius, radius),
        0,
        180,
        400,
        colour,
        thick,
        cv2.LINE_AA,
    )
    for sign in (-1, 1):
        end = (int(x + sign * 0.16 * scale), int(y + 0.06 * scale))
        cv2.line(image, (int(x), int(y)), end, colour, 2 * thick, cv2.LINE_AA)
