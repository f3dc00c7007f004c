"""Shoes and bags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.fabrics import Fabric, pyramid
from tryon.data.synthetic.figure import Figure, Painted, draw_thing
from tryon.data.synthetic.raster import Buffers, skinned

_SMOOTH = np.zeros((2, 2, 2), np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Bag:
    """points float32 (N, 3) in the world, faces, cloth coordinates (N, 2), and its leather."""

    points: np.ndarray
    faces: np.ndarray
    cloth: np.ndarray
    fabric: Fabric


def plain_fabric(tile: np.ndarray, period: float, sheen: float = 0.2) -> Fabric:
    """A fabric for things that are no garments; tile: (n, n, 3), sRGB 0-255."""
    return Fabric(
        tiles=pyramid(np.ascontiguousarray(tile, np.float32)),
        period=period,
        angle=0.0,
        shift=np.zeros((2, 2)),
        decal=None,
        trim=np.zeros(3),
        trim_width=0.0,
        fade=np.array([-1.0, -1, -1, 0, 1]),
        sheen=sheen,
        wrinkle=0.08,
        creases=(_SMOOTH, _SMOOTH),
        words="",
        pattern="plain",
    )


def draw_shoes(figure: Figure, buffers: Buffers, fabric: Fabric, owner: int) -> Painted:
    """Shoes up to the ankle, in place."""
    shell, marks = figure.patterns.feet, figure.patterns.marks
    v = shell.vertices
    mean, normals = figure.model.mean.smooth[v], figure.shape.smooth_normals[v]
    cut = (marks.ankle + 0.015 - mean[:, 2]).astype(np.float32)
    rest = figure.shape.smooth[v]
    sunk = ((figure.shape.rest[v] - rest) * normals).sum(1)
    rest = rest + normals * (np.clip(sunk, 0, 0.02) + np.float32(0.009))[:, None]
    points = skinned(rest, shell.bones, shell.weights, figure.transforms)
    return draw_thing(figure, buffers, points, shell.faces, mean[:, :2], fabric, owner, cut)


def random_bag(rng: np.random.Generator, figure: Figure) -> Bag:
    """A bag at the hip with a strap over the opposite shoulder, or in the hand."""
    model = figure.model

    def joint(bone: str) -> np.ndarray:
        b = model.bone[bone]
        move = figure.transforms[b]
        return move[:, :3] @ figure.shape.heads[b] + move[:, 3]

    side = one_of(rng, ["L", "R"])
    out = 1.0 if side == "L" else -1.0
    width, height, thick = rng.uniform(0.18, 0.34), rng.uniform(0.14, 0.3), 0.09
    carried = rng.random() < 0.4
    if carried:
        top = joint(f"finger3-1.{side}") + np.array([0, 0, -0.08])
        shoulder = joint(f"finger3-1.{side}")
    else:
        hip = joint(f"upperleg01.{side}")
        top = hip + np.array([out * 0.13, -0.06, rng.uniform(-0.05, 0.12)])
        shoulder = joint(f"shoulder01.{'R' if side == 'L' else 'L'}") + np.array([0, -0.02, 0.05])
    points, faces = _rounded_box(width * 0.5, thick * 0.5, height)
    points = points + top
    strap, strap_faces = _strap(top, shoulder, carried, -0.17)
    faces = np.concatenate([faces, strap_faces + len(points)]).astype(np.int32)
    points = np.concatenate([points, strap]).astype(np.float32)
    tile = rng.uniform(15, 230, (1, 1, 3))
    return Bag(points, faces, points[:, [0, 2]].copy(), plain_fabric(tile, 0.1, rng.uniform(0, 1)))


def _rounded_box(half_x: float, half_y: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """A pillow that hangs from the origin."""
    rows, columns = 7, 16
    angle = np.arange(columns) * 2 * np.pi / columns
    level = np.linspace(0, 1, rows)[:, None]
    bulge = np.sin(np.pi * np.clip(level, 0.06, 0.94)) ** 0.35
    x = half_x * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.4 * (0.85 + 0.15 * bulge)
    y = half_y * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.6 * bulge
    z = -height * level + 0 * angle
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1], index[1:]
    c, d = np.roll(a, -1, 1), np.roll(b, -1, 1)
    return points, np.stack([a, b, c, c, b, d], axis=-1).reshape(-1, 3).astype(np.int32)


def _strap(
    top: np.ndarray, shoulder: np.ndarray, carried: bool, front: float
) -> tuple[np.ndarray, np.ndarray]:
    """A ribbon from the bag up to the shoulder (in front of the chest) or to the hand."""
    t = np.linspace(0, 1, 12)[:, None]
    line = top * (1 - t) + shoulder * t
    if not carried:
        line[:, 1] += front * np.sin(np.pi * t[:, 0]) * 0.55
    width = np.array([0.0, 0.0, 0.014]) if not carried else np.array([0.012, 0.0, 0.0])
    points = np.concatenate([line - width, line + width])
    k = np.arange(11)
    faces = np.stack([k, k + 1, k + 12, k + 12, k + 1, k + 13], axis=-1).reshape(-1, 3)
    return points, faces


def draw_bag(figure: Figure, buffers: Buffers, bag: Bag, owner: int) -> Painted:
    """Draw the bag, in place."""
    return draw_thing(
        figure, buffers, bag.points, bag.faces, bag.cloth, bag.fabric, owner, bias=-0.1
    )
