"""One posed person in front of the camera, bare or dressed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tryon.data.synthetic.appearance import Look, hair_cap, hanging_hair
from tryon.data.synthetic.bodies import BodyModel, Shape
from tryon.data.synthetic.camera import Camera
from tryon.data.synthetic.canonical import BACK, FRAME_METRES, FRONT, MIDDLE_Z, canonical_uv
from tryon.data.synthetic.fabrics import Fabric, tile_for
from tryon.data.synthetic.garments import Folds, GarmentMesh, garment_rest, smoothstep
from tryon.data.synthetic.patterns import Patterns
from tryon.data.synthetic.prints import decal_for
from tryon.data.synthetic.raster import Buffers, draw, interpolated, skinned, vertex_normals
from tryon.data.synthetic.shading import Light, shade_cloth, shade_skin

BODY_OWNER = 0
BAND_METRES = (0.03, 0.085)
"""Distances from the skin at which the body map is continued outwards."""


@dataclass(frozen=True, eq=False, slots=True)
class Figure:
    """A person in a pose, seen by a camera; `points` are the posed body's vertices (V, 3)."""

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
        return 1 / self.camera.scale


@dataclass(frozen=True, eq=False, slots=True)
class Canvas:
    """A picture being made: buffers and image float32 (H, W, 3), uv float32 (H, W, 2),
    layer, part uint8 (H, W)."""

    buffers: Buffers
    image: np.ndarray
    uv: np.ndarray
    layer: np.ndarray
    part: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Canvas:
        return cls(
            Buffers.empty(height, width),
            np.zeros((height, width, 3), np.float32),
            np.zeros((height, width, 2), np.float32),
            np.zeros((height, width), np.uint8),
            np.zeros((height, width), np.uint8),
        )

    def copy(self) -> Canvas:
        arrays = (self.image, self.uv, self.layer, self.part)
        return Canvas(self.buffers.copy(), *(a.copy() for a in arrays))


@dataclass(frozen=True, eq=False, slots=True)
class Painted:
    """What colouring reads of a `GarmentMesh`, for things that are no garments."""

    faces: np.ndarray
    uv: np.ndarray
    layer: np.ndarray
    cloth: np.ndarray
    edge: np.ndarray


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


def draw_body(figure: Figure, canvas: Canvas) -> None:
    """Draw the bare body into an empty canvas, in place."""
    model, patterns = figure.model, figure.patterns
    flat = figure.camera.project(figure.points)
    flat[:, 2] += arm_lift(figure, patterns.arm_share, patterns.arm_along)
    draw(canvas.buffers, flat, model.faces, BODY_OWNER, closed=True)
    normals = vertex_normals(figure.points, model.faces) @ figure.camera.turn.T
    uv = canonical_uv(model.mean.rest)
    layer = -model.mean.smooth_normals[:, 1]
    attributes = np.concatenate([normals, uv, layer[:, None]], axis=1).astype(np.float32)
    b, light, look = canvas.buffers, figure.light, figure.look
    shade_skin(
        b.owner, b.face, b.bary, BODY_OWNER, model.faces, attributes, model.parts, look.skin,
        look.paint, look.paint_box, light.direction.astype(np.float32),
        np.array([light.ambient, light.diffuse], np.float32),
        canvas.image, canvas.uv, canvas.layer, canvas.part,
    )  # fmt: skip


def body_band(figure: Figure, canvas: Canvas, camera: Camera) -> tuple[np.ndarray, ...]:
    """The body map of `canvas` continued outside the body: uv, layer, part, and where (bool).

    All at the canvas's size, which `camera` must fit.
    """
    model, skin = figure.model, figure.patterns.skin
    height, width = canvas.part.shape
    buffers, found = Buffers.empty(height, width), np.zeros((height, width, 3), np.float32)
    v = skin.vertices
    smooth, normals = figure.shape.smooth[v], figure.shape.smooth_normals[v]
    mean, mean_normals = model.mean.smooth[v], model.mean.smooth_normals[v]
    for k, distance in enumerate(BAND_METRES):
        step = np.float32(distance)
        points = skinned(smooth + normals * step, skin.bones, skin.weights, figure.transforms)
        draw(buffers, camera.project(points), skin.faces, k, bias=10.0 * k, closed=True)
        place = canonical_uv(mean + mean_normals * step)
        attributes = np.concatenate([place, -mean_normals[:, 1:2]], axis=1)
        interpolated(buffers.owner, buffers.face, buffers.bary, k, skin.faces, attributes, found)
    band = (canvas.part == 0) & (buffers.owner >= 0)
    uv, layer, part = canvas.uv.copy(), canvas.layer.copy(), canvas.part.copy()
    uv[band] = found[band][:, :2]
    layer[band] = np.where(found[band][:, 2] >= 0, FRONT, BACK)
    corners, weights = skin.faces[buffers.face[band]], buffers.bary[band]
    nearest = np.where(weights[:, 0] > 0.5, 1, np.where(weights[:, 1] > 0.5, 2, 0))
    part[band] = model.parts[v[corners[np.arange(len(corners)), nearest]]]
    return uv, layer, part, band


def draw_garment(
    figure: Figure,
    canvas: Canvas,
    mesh: GarmentMesh,
    fabric: Fabric,
    folds: Folds,
    owner: int,
    bias: float,
) -> None:
    """Dress the figure: draw and colour one garment, in place. `owner` must be new; `bias` is
    metres that the garment is taken to be nearer, so that layers do not mix."""
    rest = garment_rest(mesh.cut_numbers, figure.patterns, figure.shape, folds)[mesh.kept]
    points = skinned(rest, mesh.bones, mesh.weights, figure.transforms)
    flat = figure.camera.project(points)
    flat[:, 2] += arm_lift(figure, mesh.arm, mesh.along)
    if mesh.cut_numbers.build != "trousers":
        # Knees that would push through a skirt are behind it.
        marks, height = figure.patterns.marks, MIDDLE_Z + (0.5 - mesh.uv[:, 1]) * FRAME_METRES
        below = smoothstep(height, marks.hip, marks.crotch - 0.15) * (np.abs(mesh.arm) < 0.05)
        flat[:, 2] -= 0.1 * below.astype(np.float32)
    box = draw(canvas.buffers, flat, mesh.faces, owner, cut=mesh.cut, bias=bias)
    normals = vertex_normals(points, mesh.faces) @ figure.camera.turn.T
    colour_garment(canvas, box, mesh, fabric, normals, owner, figure.light, figure.metres_per_pixel)


def colour_garment(
    canvas: Canvas,
    box: np.ndarray,
    mesh: GarmentMesh | Painted,
    fabric: Fabric,
    normals: np.ndarray,
    owner: int,
    light: Light,
    metres_per_pixel: float,
) -> None:
    """Colour the pixels of a garment that `draw` has drawn into `box`, in place."""
    columns = [normals, mesh.uv, mesh.layer[:, None], mesh.cloth, mesh.edge[:, None]]
    attributes = np.concatenate(columns, axis=1).astype(np.float32)
    tile, to_tile, back_shift = tile_for(fabric, metres_per_pixel)
    decal, decal_box = decal_for(fabric.decal, metres_per_pixel)
    b = canvas.buffers
    shade_cloth(
        box, b.owner, b.face, b.bary, owner, mesh.faces, attributes, tile, to_tile, back_shift,
        decal, decal_box, fabric.trim.astype(np.float32), np.float32(fabric.trim_width),
        fabric.fade.astype(np.float32), fabric.creases, np.float32(128 / 0.5),
        np.float32(fabric.wrinkle), np.float32(fabric.sheen), light.direction.astype(np.float32),
        np.array([light.ambient, light.diffuse], np.float32),
        canvas.image, canvas.uv, canvas.layer,
    )  # fmt: skip


def draw_hair(figure: Figure, canvas: Canvas, fabric: Fabric, owner: int) -> None:
    """Draw hair over everything, in place; the canvas's truth is left as it is below."""
    if figure.look.style == "bald":
        return
    args = (figure.look, figure.model)
    pieces = []
    points, faces, cut, strands = hair_cap(*args, figure.patterns, figure.shape, figure.transforms)
    pieces.append((points, faces, cut, strands))
    hanging = hanging_hair(*args, figure.shape, figure.transforms)
    if hanging is not None:
        points, faces, strands = hanging
        pieces.append((points, faces, np.ones(len(points), np.float32), strands))
    dummy = replace(canvas, uv=np.empty_like(canvas.uv), layer=np.empty_like(canvas.layer))
    for k, (points, faces, cut, strands) in enumerate(pieces):
        draw_thing(figure, dummy, points, faces, strands, fabric, owner + k, cut)


def draw_thing(
    figure: Figure,
    canvas: Canvas,
    points: np.ndarray,
    faces: np.ndarray,
    cloth: np.ndarray,
    fabric: Fabric,
    owner: int,
    cut: np.ndarray | None = None,
    bias: float = 0.0,
) -> None:
    """Draw and colour any mesh in the world, in place."""
    flat = figure.camera.project(points)
    box = draw(canvas.buffers, flat, faces, owner, cut=cut, bias=bias)
    ones = np.ones(len(points), np.float32)
    painted = Painted(faces, np.zeros((len(points), 2), np.float32), ones, cloth, ones)
    normals = vertex_normals(points, faces) @ figure.camera.turn.T
    normals *= np.where(normals[:, 1:2] > 0, -1, 1)
    colour_garment(
        canvas,
        box,
        painted,
        fabric,
        normals,
        owner,
        figure.light,
        figure.metres_per_pixel,
    )
