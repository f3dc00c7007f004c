"""One posed person in front of the camera: body, garments, hair, each as a mesh that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from tryon.data.synthetic.appearance import Look, hair_cap, hanging_hair
from tryon.data.synthetic.bodies import BodyModel, Shape
from tryon.data.synthetic.camera import Camera
from tryon.data.synthetic.canonical import BACK, FRAME_METRES, FRONT, MIDDLE_Z
from tryon.data.synthetic.draping import Folds, garment_rest
from tryon.data.synthetic.fabrics import Fabric, cloth_for
from tryon.data.synthetic.garments import GarmentMesh
from tryon.data.synthetic.light import Light
from tryon.data.synthetic.materials import CHANNELS, SAMPLES, Cloth, Mesh, Truth
from tryon.data.synthetic.patterns import BAND_METRES, Patterns
from tryon.data.synthetic.raster import (
    FAR,
    Buffers,
    corner_weights,
    draw,
    skinned,
    vertex_normals,
)

BODY_OWNER = 0


@dataclass(frozen=True, eq=False, slots=True)
class Figure:
    """A person in a pose, seen by a camera whose pixels are samples; `points` are the posed body's
    vertices (V, 3)."""

    model: BodyModel
    patterns: Patterns
    shape: Shape
    transforms: np.ndarray
    points: np.ndarray
    camera: Camera
    light: Light
    look: Look

    @property
    def metres_per_pixel(self) -> float:
        return SAMPLES / self.camera.scale


class Painted(NamedTuple):
    """A mesh that was drawn, and what it is made of."""

    mesh: Mesh
    cloth: Cloth


def _arms_in_front(figure: Figure) -> tuple[bool, bool]:
    """Whether the left and the right wrist are nearer than the hips, or nearly."""
    names = ("wrist.L", "wrist.R", "upperleg01.L", "upperleg01.R")
    bones = [figure.model.bone[name] for name in names]
    moves, heads = figure.transforms[bones], figure.shape.heads[bones]
    places = (moves[:, :, :3] * heads[:, None]).sum(-1) + moves[:, :, 3]
    away = (places @ figure.camera.turn[1]).tolist()
    return away[0] < away[2] + 0.03, away[1] < away[3] + 0.03


def draw_body(figure: Figure, buffers: Buffers) -> Mesh:
    """Draw the bare body, in place."""
    model, patterns = figure.model, figure.patterns
    flat = figure.camera.project(figure.points)
    _lift_arms(flat, patterns.arm_share, patterns.arm_along, *_arms_in_front(figure))
    box = draw(buffers, flat, model.faces, BODY_OWNER, closed=True)
    normals = vertex_normals(figure.points, model.faces)
    attributes = _skin_attributes(normals, figure.camera.turn, patterns.body_place)
    return Mesh(BODY_OWNER, flat, model.faces, attributes, box)


@numba.njit(cache=True, fastmath=True)
def _skin_attributes(normals, turn, place):  # type: ignore[no-untyped-def]
    """float32 (N, CHANNELS), as `materials.Mesh` wants them for skin; normals, place: (N, 3)."""
    out = np.zeros((len(normals), CHANNELS), np.float32)
    for n in range(len(normals)):
        _turn(normals, turn, n, out)
        out[n, 3], out[n, 4], out[n, 5] = place[n, 0], place[n, 1], place[n, 2]
    return out


@numba.njit(cache=True, fastmath=True)
def _turn(normals, turn, n, out):  # type: ignore[no-untyped-def]
    x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
    for k in range(3):
        out[n, k] = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z


@numba.njit(cache=True, fastmath=True)
def _lift_arms(flat, arm, along, left, right):  # type: ignore[no-untyped-def]
    """Move arms that are in front of the body nearer, in place, so that loose clothes do not
    swallow them."""
    for n in range(len(flat)):
        if (left and arm[n] > 0) or (right and arm[n] < 0):
            flat[n, 2] -= 0.1 * min(max(along[n] * 1.6 - 0.2, 0.0), 1.0) * abs(arm[n])


@numba.njit(cache=True, fastmath=True)
def _lift_skirt(flat, arm, v, hip, knee):  # type: ignore[no-untyped-def]
    """Move what hangs below the hips (canonical v) nearer, in place: knees that would push
    through a skirt are behind it."""
    for n in range(len(flat)):
        if abs(arm[n]) < 0.05:
            t = min(max((v[n] - hip) / (knee - hip), 0.0), 1.0)
            flat[n, 2] -= 0.1 * t * t * (3 - 2 * t)


def body_band(figure: Figure, bare: Truth, camera: Camera) -> tuple[Truth, np.ndarray]:
    """The body map continued outside the body, and where that is (bool).

    bare: of the body alone; camera: fits its size.
    """
    model, skin = figure.model, figure.patterns.skin
    buffers = Buffers.empty(*bare.part.shape)
    buffers.depth[bare.part > 0] = -FAR  # there is no band, and nothing needs to be drawn
    v = skin.vertices
    smooth, normals = figure.shape.smooth[v], figure.shape.smooth_normals[v]
    flats = []
    for k, distance in enumerate(BAND_METRES):
        step = np.float32(distance)
        points = skinned(smooth + normals * step, skin.bones, skin.weights, figure.transforms)
        flats.append(camera.project(points))
        draw(buffers, flats[-1], skin.faces, k, bias=10.0 * k, closed=True, covered=True)
    uv, layer, part = bare.copy()
    places, parts = figure.patterns.band_places, model.parts[v]
    flat = np.stack(flats)
    band = _continue(uv, layer, part, buffers.owner, buffers.face, flat, places, skin.faces, parts)
    return Truth(uv, layer, part), band


@numba.njit(cache=True)
def _continue(uv, layer, part, owner, face, flat, places, faces, parts):  # type: ignore[no-untyped-def]
    """Write what was drawn outside the body into its truth; returns where, bool (H, W).

    flat, places: (K, V, 3), where the vertices of each owner are in the picture and on the frame.
    """
    height, width = part.shape
    band = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            k, i = owner[y, x], face[y, x]
            if k < 0:
                continue
            wa, wb, wc = corner_weights(flat[k], faces, i, x + 0.5, y + 0.5)
            a, b, c = places[k, faces[i, 0]], places[k, faces[i, 1]], places[k, faces[i, 2]]
            band[y, x] = True
            for n in range(2):
                uv[y, x, n] = wa * a[n] + wb * b[n] + wc * c[n]
            layer[y, x] = FRONT if wa * a[2] + wb * b[2] + wc * c[2] >= 0 else BACK
            part[y, x] = parts[faces[i, 0]]
    return band


def draw_garment(
    figure: Figure,
    buffers: Buffers,
    mesh: GarmentMesh,
    fabric: Fabric,
    folds: Folds,
    owner: int,
    bias: float,
) -> Painted:
    """Dress the figure in one garment, in place. `owner` must be new; `bias` is metres that the
    garment is taken to be nearer, so that layers do not mix."""
    rest = garment_rest(mesh.cut_numbers, figure.patterns, figure.shape, folds, mesh.kept)
    points = skinned(rest, mesh.bones, mesh.weights, figure.transforms)
    flat = figure.camera.project(points)
    _lift_arms(flat, mesh.arm, mesh.along, *_arms_in_front(figure))
    if mesh.cut_numbers.build != "trousers":
        marks = figure.patterns.marks
        levels = (0.5 - (z - MIDDLE_Z) / FRAME_METRES for z in (marks.hip, marks.crotch - 0.15))
        _lift_skirt(flat, mesh.arm, mesh.uv[:, 1], *levels)
    box = draw(buffers, flat, mesh.faces, owner, cut=mesh.cut, bias=bias)
    normals, turn = vertex_normals(points, mesh.faces), figure.camera.turn
    attributes = cloth_attributes(normals, turn, mesh.uv, mesh.layer, mesh.cloth, mesh.edge)
    drawn = Mesh(owner, flat, mesh.faces, attributes, box)
    return Painted(drawn, cloth_for(fabric, figure.metres_per_pixel))


@numba.njit(cache=True, fastmath=True)
def cloth_attributes(normals, turn, uv, layer, cloth, edge):  # type: ignore[no-untyped-def]
    """float32 (N, CHANNELS), as `materials.Mesh` wants them for cloth; normals: (N, 3), to be
    turned by `turn` (3, 3)."""
    out = np.empty((len(uv), CHANNELS), np.float32)
    for n in range(len(uv)):
        _turn(normals, turn, n, out)
        out[n, 3], out[n, 4], out[n, 5] = uv[n, 0], uv[n, 1], layer[n]
        out[n, 6], out[n, 7], out[n, 8] = cloth[n, 0], cloth[n, 1], edge[n]
    return out


def draw_hair(figure: Figure, buffers: Buffers, fabric: Fabric, owner: int) -> list[Painted]:
    """Draw the hair, in place, under owners from `owner` on."""
    look, model, shape = figure.look, figure.model, figure.shape
    if look.style == "bald":
        return []
    points, faces, cut, strands = hair_cap(look, model, figure.patterns, shape, figure.transforms)
    pieces = [draw_thing(figure, buffers, points, faces, strands, fabric, owner, cut)]
    hanging = hanging_hair(look, model, shape, figure.transforms)
    if hanging is not None:
        points, faces, strands = hanging
        pieces.append(draw_thing(figure, buffers, points, faces, strands, fabric, owner + 1))
    return pieces


def draw_thing(
    figure: Figure,
    buffers: Buffers,
    points: np.ndarray,
    faces: np.ndarray,
    cloth: np.ndarray,
    fabric: Fabric,
    owner: int,
    cut: np.ndarray | None = None,
    bias: float = 0.0,
) -> Painted:
    """Draw any mesh in the world, in place; cloth: (N, 2), where its fabric lies on it."""
    flat = figure.camera.project(points)
    box = draw(buffers, flat, faces, owner, cut=cut, bias=bias)
    attributes = np.ones((len(points), CHANNELS), np.float32)
    if box[0] < box[2]:
        normals = vertex_normals(points, faces) @ figure.camera.turn.T
        normals *= np.where(normals[:, 1:2] > 0, -1, 1)
        attributes[:, :3], attributes[:, 6:8] = normals, cloth
    return Painted(
        Mesh(owner, flat, faces, attributes, box), cloth_for(fabric, figure.metres_per_pixel)
    )
