"""The garment as a shop shows it: laid flat and photographed from above."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tryon.data.synthetic.backgrounds import photographed, random_table
from tryon.data.synthetic.fabrics import Fabric
from tryon.data.synthetic.figure import Canvas, colour_garment
from tryon.data.synthetic.garments import GarmentMesh, smoothstep
from tryon.data.synthetic.patterns import Patterns
from tryon.data.synthetic.raster import draw
from tryon.data.synthetic.sample import GarmentPhoto
from tryon.data.synthetic.shading import Light, composed

SUPERSAMPLE = 2


def flat_lay_photo(
    rng: np.random.Generator,
    mesh: GarmentMesh,
    fabric: Fabric,
    patterns: Patterns,
    size: tuple[int, int],
    photos: tuple[Path, ...] = (),
) -> GarmentPhoto:
    """Lay the garment flat and photograph it; size: (height, width)."""
    height, width = size
    canvas = Canvas.empty(height * SUPERSAMPLE, width * SUPERSAMPLE)
    places = laid_flat(rng, mesh, patterns)
    points, scale = _framed(rng, places, mesh, canvas.part.shape)
    depth = -0.01 * mesh.layer - 0.03 * np.abs(mesh.arm) * smoothstep(mesh.along, 0.1, 0.4)
    flat = np.concatenate([points, depth[:, None]], axis=1).astype(np.float32)
    box = draw(canvas.buffers, flat, mesh.faces, 0, cut=mesh.cut)
    tilt = np.sqrt(np.clip(1 - np.clip(np.abs(mesh.layer), 0, 1) ** 2, 0, 1)) * 0.35
    outwards = np.sign(mesh.cloth[:, 0])
    normals = np.stack(
        [outwards * tilt, -np.clip(mesh.layer * 8 + 2.4, -1, 1), np.zeros_like(tilt)], axis=1
    )
    light = _table_light(rng)
    colour_garment(canvas, box, mesh, fabric, normals, 0, light, 1 / scale)
    covered = canvas.buffers.owner == 0
    table = random_table(rng, size, photos)
    if rng.random() < 0.15 and mesh.cut_numbers.build == "top":
        _draw_hanger(rng, table, points / SUPERSAMPLE, mesh, scale / SUPERSAMPLE)
    pick = slice(SUPERSAMPLE // 2, None, SUPERSAMPLE)
    shadow = _drop_shadow(rng, covered[pick, pick], scale / SUPERSAMPLE)
    image = composed(
        canvas.buffers.owner, canvas.image, light.tint.astype(np.float32),
        np.ones(size, np.float32), table, shadow,
    )  # fmt: skip
    mask = covered[pick, pick]
    return GarmentPhoto(
        image=photographed(rng, image),
        mask=mask,
        uv=np.where(mask[..., None], canvas.uv[pick, pick], 0).astype(np.float32),
        layer=np.where(mask, canvas.layer[pick, pick], 0).astype(np.uint8),
        kind="flat-lay",
    )


def laid_flat(rng: np.random.Generator, mesh: GarmentMesh, patterns: Patterns) -> np.ndarray:
    """Where every vertex lies, metres to the right and down: sleeves and legs turned, cloth
    pulled a little out of shape."""
    places = mesh.cloth.astype(np.float64).copy()
    marks = patterns.marks
    spread = rng.uniform(-10, 25)
    if mesh.cut_numbers.sleeve > 0.5:
        spread = rng.uniform(-42, -12) if rng.random() < 0.7 else rng.uniform(-12, 30)
    for sign in (1, -1):
        turn = np.radians(spread + rng.normal(0, 4)) * -sign
        share = smoothstep(mesh.arm * sign, 0.05, 0.95)
        places = _turned(places, (sign * marks.shoulder_x, -marks.shoulder), turn * share)
        swing = np.radians(rng.normal(1.5, 2.5)) * -sign
        share = smoothstep(mesh.leg * sign, 0.05, 0.95)
        places = _turned(places, (sign * 0.1, -marks.hip), swing * share)
    for _ in range(3):
        wave, phase = rng.normal(0, 6, 2), rng.uniform(0, 6.28)
        push = rng.normal(0, 0.004, 2)
        places = places + np.sin(places @ wave + phase)[:, None] * push
    places[:, 0] *= rng.uniform(0.95, 1.06)
    return places


def _turned(places: np.ndarray, pivot: tuple[float, float], angle: np.ndarray) -> np.ndarray:
    """Points (N, 2) turned about a pivot, each by its own angle (clockwise as seen)."""
    offset = places - np.array(pivot)
    c, s = np.cos(angle), np.sin(angle)
    x = offset[:, 0] * c - offset[:, 1] * s
    y = offset[:, 0] * s + offset[:, 1] * c
    return np.stack([x, y], axis=1) + np.array(pivot)


def _framed(
    rng: np.random.Generator, places: np.ndarray, mesh: GarmentMesh, size: tuple[int, ...]
) -> tuple[np.ndarray, float]:
    """Pixels (N, 2) of the places, and pixels per metre: turned, centred, filling the frame."""
    angle = np.full(len(places), np.radians(rng.normal(0, 2.5)))
    places = _turned(places, (0.0, 0.0), angle)
    real = places[mesh.cut >= 0]
    low, high = real.min(0), real.max(0)
    extent = np.maximum(high - low, 1e-3)
    height, width = size[0], size[1]
    scale = min(width / extent[0], height / extent[1]) * rng.uniform(0.8, 0.97)
    spare = np.array([width, height]) - extent * scale
    corner = spare * np.clip(0.5 + rng.normal(0, 0.1, 2), 0.1, 0.9)
    return (places - low) * scale + corner, float(scale)


def _table_light(rng: np.random.Generator) -> Light:
    direction = np.array([rng.normal(0, 0.5), -1.0, rng.normal(0.2, 0.4)])
    ambient = rng.uniform(0.4, 0.7)
    tint = np.array([1 + rng.normal(0, 0.02), 1, 1 + rng.normal(0, 0.02)])
    return Light(direction / np.linalg.norm(direction), ambient, 1.06 - ambient, tint)


def _drop_shadow(rng: np.random.Generator, covered: np.ndarray, scale: float) -> np.ndarray:
    """Darkening of the table, float32 (H, W)."""
    blur = max(1.0, rng.uniform(0.006, 0.02) * scale)
    small = cv2.resize(covered.astype(np.float32), None, fx=0.5, fy=0.5)
    soft = cv2.GaussianBlur(small, (0, 0), blur / 2)
    move = np.array([[1, 0, rng.normal(0, 0.4) * blur], [0, 1, rng.uniform(0, 0.4) * blur]])
    soft = cv2.warpAffine(soft, move, soft.shape[::-1])
    full = cv2.resize(soft, covered.shape[::-1])
    return (1 - np.float32(rng.uniform(0.0, 0.45)) * full).astype(np.float32)


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
