"""One posed person in front of the camera: body, garments, hair, each as a mesh that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tryon.data.synthetic.appearance import Look, hair_cap, hanging_hair
from tryon.data.synthetic.bodies import BodyModel, Shape
from tryon.data.synthetic.camera import Camera
from tryon.data.synthetic.canonical import BACK, FRAME_METRES, FRONT, MIDDLE_Z
from tryon.data.synthetic.fabrics import Fabric, cloth_for
from tryon.data.synthetic.garments import Folds, GarmentMesh, garment_rest, smoothstep
from tryon.data.synthetic.light import Light
from tryon.data.synthetic.materials import SAMPLES, Cloth, Mesh, Truth
from tryon.data.synthetic.patterns import BAND_METRES, Patterns
from tryon.data.synthetic.raster import Buffers, draw, interpolated, skinned, vertex_normals

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


def arm_lift(figure: Figure, arm: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Depth to add to arms in front of the body, so that loose clothes do not swallow them."""
    lift = np.zeros(len(arm), np.float32)
    for side, sign in (("L", 1), ("R", -1)):
        wrist = figure.model.bone[f"wrist.{side}"]
        hip = figure.model.bone[f"upperleg01.{side}"]
        at = [
            figure.camera.turn
            @ (figure.transforms[b][:, :3] @ figure.shape.heads[b] + figure.transforms[b][:, 3])
            for b in (wrist, hip)
        ]
        if at[0][1] < at[1][1] + 0.03:
            here = arm * sign > 0
            lift[here] = -0.1 * np.clip(along[here] * 1.6 - 0.2, 0, 1) * np.abs(arm[here])
    return lift


def draw_body(figure: Figure, buffers: Buffers) -> Mesh:
    """Draw the bare body, in place."""
    model, patterns = figure.model, figure.patterns
    flat = figure.camera.project(figure.points)
    flat[:, 2] += arm_lift(figure, patterns.arm_share, patterns.arm_along)
    box = draw(buffers, flat, model.faces, BODY_OWNER, closed=True)
    normals = vertex_normals(figure.points, model.faces) @ figure.camera.turn.T
    attributes = np.concatenate([normals, patterns.body_place], axis=1)
    return Mesh(BODY_OWNER, flat, model.faces, attributes, box)


def body_band(figure: Figure, bare: Truth, camera: Camera) -> tuple[Truth, np.ndarray]:
    """The body map continued outside the body, and where that is (bool).

    bare: of the body alone; camera: fits its size.
    """
    model, skin = figure.model, figure.patterns.skin
    height, width = bare.part.shape
    buffers, found = Buffers.empty(height, width), np.zeros((height, width, 3), np.float32)
    v = skin.vertices
    smooth, normals = figure.shape.smooth[v], figure.shape.smooth_normals[v]
    for k, distance in enumerate(BAND_METRES):
        step = np.float32(distance)
        points = skinned(smooth + normals * step, skin.bones, skin.weights, figure.transforms)
        flat = camera.project(points)
        draw(buffers, flat, skin.faces, k, bias=10.0 * k, closed=True)
        place = figure.patterns.band_places[k]
        interpolated(buffers.owner, buffers.face, k, flat, skin.faces, place, bare.part, found)
    band = (bare.part == 0) & (buffers.owner >= 0)
    uv, layer, part = bare.uv.copy(), bare.layer.copy(), bare.part.copy()
    uv[band] = found[band][:, :2]
    layer[band] = np.where(found[band][:, 2] >= 0, FRONT, BACK)
    part[band] = model.parts[v[skin.faces[buffers.face[band], 0]]]
    return Truth(uv, layer, part), band


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
    rest = garment_rest(mesh.cut_numbers, figure.patterns, figure.shape, folds)[mesh.kept]
    points = skinned(rest, mesh.bones, mesh.weights, figure.transforms)
    flat = figure.camera.project(points)
    flat[:, 2] += arm_lift(figure, mesh.arm, mesh.along)
    if mesh.cut_numbers.build != "trousers":
        # Knees that would push through a skirt are behind it.
        marks, height = figure.patterns.marks, MIDDLE_Z + (0.5 - mesh.uv[:, 1]) * FRAME_METRES
        below = smoothstep(height, marks.hip, marks.crotch - 0.15) * (np.abs(mesh.arm) < 0.05)
        flat[:, 2] -= 0.1 * below.astype(np.float32)
    box = draw(buffers, flat, mesh.faces, owner, cut=mesh.cut, bias=bias)
    normals = vertex_normals(points, mesh.faces) @ figure.camera.turn.T
    drawn = Mesh(owner, flat, mesh.faces, garment_attributes(mesh, normals), box)
    return Painted(drawn, cloth_for(fabric, figure.metres_per_pixel))


def garment_attributes(mesh: GarmentMesh, normals: np.ndarray) -> np.ndarray:
    """float32 (N, 9), as `materials.Mesh` wants them for cloth; normals: (N, 3)."""
    attributes = np.empty((len(mesh.uv), 9), np.float32)
    attributes[:, :3], attributes[:, 3:5], attributes[:, 5] = normals, mesh.uv, mesh.layer
    attributes[:, 6:8], attributes[:, 8] = mesh.cloth, mesh.edge
    return attributes


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
    normals = vertex_normals(points, faces) @ figure.camera.turn.T
    normals *= np.where(normals[:, 1:2] > 0, -1, 1)
    attributes = np.ones((len(points), 9), np.float32)
    attributes[:, :3], attributes[:, 6:8] = normals, cloth
    return Painted(
        Mesh(owner, flat, faces, attributes, box), cloth_for(fabric, figure.metres_per_pixel)
    )
