"""Surfaces that clothes are cut from, bound once to the mean body.

There are three kinds. A *shell* is a piece of the body's own skin (arms and shoulders, hips and
legs, feet, scalp), to be moved outwards. The *tube* goes round the trunk and both legs together,
from the armpits to the ankles: at every level it is the convex outline of the body's
cross-section, as taut cloth would span it; shirts below the armpit, dresses and skirts are cut
from it. Every vertex of the tube is a fixed mixture of body vertices, so that it fits any body,
and inherits their skinning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import ConvexHull

from tryon.data.synthetic.bodies import BodyModel, Shape, body_model
from tryon.data.synthetic.canonical import PARTS, canonical_uv

COLUMNS = 64
"""Vertices around the tube."""

ROWS = (14, 8, 18, 14)
"""Levels of the tube from armpit to hip joint, to crotch, to knee, to ankle."""

MAX_BONES = 8

BAND_METRES = (0.03, 0.085)
"""Distances from the skin at which the body map is continued outwards."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Heights and places on the mean body, in metres (see `bodies` for the axes)."""

    neck: float
    shoulder: float
    armpit: float
    waist: float
    hip: float
    crotch: float
    knee: float
    ankle: float
    shoulder_x: float


@dataclass(frozen=True, eq=False, slots=True)
class Shell:
    """A piece of skin: vertices int (N,) of the body, faces int32 (F, 3) among them."""

    vertices: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Tube:
    """The taut outline around trunk and legs, (rows x COLUMNS) vertices, row by row.

    sources, mixture: int (N, 4), float32 (N, 4): vertex = sum of mixture * body vertices;
    angles: float32 (N,), 0 in front, growing to the person's left; heights: (rows,) on the mean.
    """

    sources: np.ndarray
    mixture: np.ndarray
    angles: np.ndarray
    heights: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray

    def down_to(self, height: float) -> Tube:
        """The upper part of the tube, at least two rows, with one row below `height`."""
        rows = min(max(int((self.heights >= height).sum()) + 1, 2), len(self.heights))
        count = rows * COLUMNS
        return Tube(
            self.sources[:count],
            self.mixture[:count],
            self.angles[:count],
            self.heights[:rows],
            self.faces[: 2 * (rows - 1) * COLUMNS],
            self.bones[:count],
            self.weights[:count],
        )

    def base(self, shape: Shape) -> np.ndarray:
        """The tube on the body `shape` in A-pose, float32 (rows, COLUMNS, 3)."""
        points = np.einsum("nkc,nk->nc", shape.smooth[self.sources], self.mixture)
        return points.reshape(-1, COLUMNS, 3)


@dataclass(frozen=True, eq=False, slots=True)
class Patterns:
    """Shells and tube, and where along the limbs each body vertex lies.

    mean_height: float32 (V,), z on the mean body;
    arm_along: float32 (V,), 0 at the shoulder joint, 1 at the wrist, on the mean body;
    leg_radius: float32 (V,), metres from the middle of the leg;
    arm_share, leg_share: float32 (V,), how much of the skinning is arm or leg, with the sign of
    the side (left positive);
    body_place: float32 (V, 3), u, v and layer of the body's vertices;
    band_places: float32 (K, N, 3), the same of the vertices of `skin`, moved outwards by
    `BAND_METRES`.
    """

    marks: Landmarks
    top: Shell
    legs: Shell
    feet: Shell
    scalp: Shell
    skin: Shell
    tube: Tube
    mean_height: np.ndarray
    arm_along: np.ndarray
    arm_share: np.ndarray
    leg_share: np.ndarray
    leg_radius: np.ndarray
    body_place: np.ndarray
    band_places: np.ndarray


@lru_cache(maxsize=1)
def patterns() -> Patterns:
    """Build the patterns of `bodies.body_model`."""
    model = body_model()
    marks = landmarks(model)
    mean, part = model.mean.smooth, np.array(PARTS)[model.parts]
    z = mean[:, 2]
    arms = np.char.endswith(part, "arm")
    top = arms | (part == "neck") | ((part == "torso") & (z > marks.armpit - 0.06))
    top |= np.char.endswith(part, "hand") & (np.abs(mean[:, 0]) < 0.52)
    legs = ((part == "torso") & (z < marks.waist + 0.1)) | np.char.endswith(part, "thigh")
    legs |= np.char.endswith(part, "shin")
    feet = np.char.endswith(part, "foot") | (np.char.endswith(part, "shin") & (z < -0.55))
    head_top, chin = mean[:, 2].max(), marks.neck + 0.02
    scalp = ((part == "head") | (part == "neck")) & (z > chin - 0.02)
    scalp &= (mean[:, 1] > -0.115) | (z > head_top - 0.1)
    arm_along = np.zeros(len(mean), np.float32)
    for side, sign in (("L", 1), ("R", -1)):
        shoulder = model.mean.heads[model.bone[f"upperarm01.{side}"]]
        wrist = model.mean.heads[model.bone[f"wrist.{side}"]]
        axis = (wrist - shoulder)[[0, 2]]
        along = (mean[:, [0, 2]] - shoulder[[0, 2]]) @ axis / (axis @ axis)
        arm_along = np.where(mean[:, 0] * sign > 0, along, arm_along)
    skin = _shell(model, legs | top | (part == "torso"))
    return Patterns(
        marks=marks,
        top=_shell(model, top),
        legs=_shell(model, legs),
        feet=_shell(model, feet),
        scalp=_shell(model, scalp),
        skin=skin,
        tube=_tube(model, marks),
        mean_height=np.ascontiguousarray(mean[:, 2]),
        arm_along=arm_along.astype(np.float32),
        arm_share=_limb_share(model, ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")),
        leg_share=_limb_share(model, ("upperleg", "lowerleg", "foot", "toe")),
        leg_radius=_leg_radius(model),
        body_place=_places(model.mean.rest, model.mean.smooth_normals),
        band_places=np.stack([_band_place(model, skin, distance) for distance in BAND_METRES]),
    )


def _places(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    return np.concatenate([canonical_uv(points), -normals[:, 1:2]], axis=1).astype(np.float32)


def _band_place(model: BodyModel, skin: Shell, distance: float) -> np.ndarray:
    normals = model.mean.smooth_normals[skin.vertices]
    return _places(model.mean.smooth[skin.vertices] + normals * np.float32(distance), normals)


def _leg_radius(model: BodyModel) -> np.ndarray:
    """Distance of every vertex from the middle of its side's leg at its height."""
    mean = model.mean.smooth
    radius = np.zeros(len(mean))
    for side, sign in (("L", 1), ("R", -1)):
        chain = ("upperleg01", "lowerleg01", "foot")
        joints = np.stack([model.mean.heads[model.bone[f"{n}.{side}"]] for n in chain])[::-1]
        middle = np.stack([np.interp(mean[:, 2], joints[:, 2], joints[:, k]) for k in (0, 1)], 1)
        radius = np.where(
            mean[:, 0] * sign > 0, np.linalg.norm(mean[:, :2] - middle, axis=1), radius
        )
    return radius.astype(np.float32)


def landmarks(model: BodyModel) -> Landmarks:
    """Measure the mean body."""

    def head(name: str) -> np.ndarray:
        return model.mean.heads[model.bone[name]]

    torso = model.mean.rest[model.parts == PARTS.index("torso")]
    return Landmarks(
        neck=float(head("neck01")[2]),
        shoulder=float(head("upperarm01.L")[2]),
        armpit=float(head("spine01")[2]) - 0.035,
        waist=float(head("spine03")[2]) - 0.02,
        hip=float(head("upperleg01.L")[2]),
        crotch=float(torso[:, 2].min()),
        knee=float(head("lowerleg01.L")[2]),
        ankle=float(head("foot.L")[2]),
        shoulder_x=float(head("upperarm01.L")[0]),
    )


def _limb_share(model: BodyModel, prefixes: tuple[str, ...]) -> np.ndarray:
    is_limb = np.array([name.startswith(prefixes) for name in model.bone])
    share = (is_limb[model.bones] * model.weights).sum(1)
    return (share * np.sign(model.mean.smooth[:, 0])).astype(np.float32)


def _shell(model: BodyModel, inside: np.ndarray) -> Shell:
    faces = model.faces[inside[model.faces].all(1)]
    vertices = np.unique(faces)
    index = np.zeros(len(inside), np.int32)
    index[vertices] = np.arange(len(vertices))
    return Shell(
        vertices, index[faces], model.bones[vertices], np.ascontiguousarray(model.weights[vertices])
    )


def _tube(model: BodyModel, marks: Landmarks) -> Tube:
    levels = [marks.armpit, marks.hip, marks.crotch, marks.knee, marks.ankle + 0.03]
    pieces = zip(levels[:-1], levels[1:], ROWS, strict=True)
    heights = np.concatenate([np.linspace(a, b, n, endpoint=False) for a, b, n in pieces])
    angles = np.arange(COLUMNS) * (2 * np.pi / COLUMNS)
    trunk = np.isin(np.array(PARTS)[model.parts], ["torso", "left_thigh", "right_thigh"])
    trunk |= np.isin(np.array(PARTS)[model.parts], ["left_shin", "right_shin"])
    faces = model.faces[trunk[model.faces].all(1)]
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    rings = [_ring(model.mean.smooth, edges, height, angles) for height in heights]
    sources = np.concatenate([ring[0] for ring in rings])
    mixture = np.concatenate([ring[1] for ring in rings]).astype(np.float32)
    bones, weights = _mixed_skinning(model, sources, mixture, len(heights))
    return Tube(
        sources=sources,
        mixture=mixture,
        angles=np.tile(angles, len(heights)).astype(np.float32),
        heights=heights.astype(np.float32),
        faces=tube_faces(len(heights)),
        bones=bones,
        weights=weights,
    )


def tube_faces(rows: int) -> np.ndarray:
    """int32 (F, 3): two triangles for every quad of a closed (rows x COLUMNS) tube."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(COLUMNS), indexing="ij")
    here = row * COLUMNS + column
    right = row * COLUMNS + (column + 1) % COLUMNS
    below, below_right = here + COLUMNS, right + COLUMNS
    quads = np.stack([here, below, right, right, below, below_right], axis=-1)
    return np.ascontiguousarray(quads.reshape(-1, 3).astype(np.int32))


def _ring(
    points: np.ndarray, edges: np.ndarray, height: float, angles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures of four body vertices that span the convex outline at one height."""
    a, b = points[edges[:, 0], 2], points[edges[:, 1], 2]
    crossing = (a - height) * (b - height) < 0
    pairs = edges[crossing]
    share = (height - a[crossing]) / (b[crossing] - a[crossing])
    cut = points[pairs[:, 0]] * (1 - share[:, None]) + points[pairs[:, 1]] * share[:, None]
    hull = ConvexHull(cut[:, :2]).vertices
    outline = cut[hull, :2]
    centre = np.array([0.0, (outline[:, 1].min() + outline[:, 1].max()) / 2])
    sources, mixture = [], []
    following = np.roll(np.arange(len(hull)), -1)
    for angle in angles:
        ray = np.array([np.sin(angle), -np.cos(angle)])
        p, q = outline - centre, outline[following] - centre
        side_p, side_q = p[:, 0] * ray[1] - p[:, 1] * ray[0], q[:, 0] * ray[1] - q[:, 1] * ray[0]
        along = (p + q) @ ray
        k = int(np.flatnonzero((side_p * side_q <= 0) & (along > 0))[0])
        t = side_p[k] / (side_p[k] - side_q[k])
        first, second = hull[k], hull[following[k]]
        sources.append([*pairs[first], *pairs[second]])
        near = [(1 - t) * (1 - share[first]), (1 - t) * share[first]]
        mixture.append([*near, t * (1 - share[second]), t * share[second]])
    return np.array(sources), np.array(mixture)


def _mixed_skinning(
    model: BodyModel, sources: np.ndarray, mixture: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Skinning of mixed vertices, smoothed around and along so that cloth bends softly."""
    dense = np.zeros((len(sources), len(model.bone)), np.float32)
    for k in range(sources.shape[1]):
        for j in range(model.bones.shape[1]):
            amount = mixture[:, k] * model.weights[sources[:, k], j]
            np.add.at(dense, (np.arange(len(dense)), model.bones[sources[:, k], j]), amount)
    arms = np.array([name.startswith(("upperarm", "lowerarm")) for name in model.bone])
    dense[:, arms] = 0  # a raised arm must not pull the sides of a shirt with it
    grid = dense.reshape(rows, COLUMNS, -1)
    for _ in range(6):
        around = (np.roll(grid, 1, 1) + np.roll(grid, -1, 1) + 2 * grid) / 4
        padded = np.concatenate([around[:1], around, around[-1:]])
        grid = (padded[:-2] + 2 * around + padded[2:]) / 4
    dense = grid.reshape(rows * COLUMNS, -1)
    bones = np.argsort(-dense, axis=1)[:, :MAX_BONES].astype(np.int32)
    weights = np.take_along_axis(dense, bones, axis=1)
    return bones, np.ascontiguousarray(weights / weights.sum(1, keepdims=True))
