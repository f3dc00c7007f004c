"""Adult bodies from `anny` (Apache-2.0 code, CC0 mesh): shapes, skeleton, skinning.

Axes are the model's: x to the person's left, y backwards, z up; metres. `anny` is asked once for
a pool of shapes; a new body is a point between two of them, so that a sample costs no
blendshapes, and posing is a numba kernel of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import anny
import numba
import numpy as np
import scipy.sparse
import torch

from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.raster import skinned, vertex_normals

SHAPES = 96
"""Shapes in the pool; pairs of them make thousands of bodies."""

SMOOTHING_STEPS = 10
TOE_STEPS = 14

MEAN_PHENOTYPE = dict(
    gender=0.4, age=0.67, muscle=0.5, weight=0.45, height=0.5, proportions=0.6,
    cupsize=0.5, firmness=0.6, african=0.33, asian=0.33, caucasian=0.33,
)  # fmt: skip
"""The body of the canonical frame."""


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """One body in A-pose.

    rest: float32 (V, 3); smooth: the same surface without creases, which cloth is hung on;
    smooth_normals: float32 (V, 3); heads: float32 (B, 3), where each bone begins.
    """

    rest: np.ndarray
    smooth: np.ndarray
    smooth_normals: np.ndarray
    heads: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class BodyModel:
    """What all bodies share, and the pool of shapes.

    faces: int32 (F, 3); parts: uint8 (V,), labels of `canonical.PARTS`;
    bones, weights: (V, K) skinning; parents: int32 (B,), -1 for the root;
    bone: index of each bone by name; joints: sparse (23, V), the COCO and foot keypoints;
    mean: the canonical body; female: float (SHAPES,), 0 male - 1 female.
    """

    faces: np.ndarray
    parts: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    parents: np.ndarray
    bone: dict[str, int]
    joints: scipy.sparse.csr_array
    mean: Shape
    female: np.ndarray
    pool_rest: np.ndarray
    pool_smooth: np.ndarray
    pool_heads: np.ndarray

    def shape(self, first: int, second: int, blend: float) -> Shape:
        """The body that lies at `blend` (0-1) between two shapes of the pool."""
        w = np.float32(blend)

        def between(pool: np.ndarray) -> np.ndarray:
            return pool[first] * (1 - w) + pool[second] * w

        smooth = between(self.pool_smooth)
        normals = vertex_normals(smooth, self.faces)
        return Shape(between(self.pool_rest), smooth, normals, between(self.pool_heads))


def bone_transforms(model: BodyModel, heads: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Rest-to-posed transforms float32 (B, 3, 4).

    rotations: float (B, 3, 3); each turns about the head of its bone in the axes of the A-pose,
    and is carried along by the bone's parents.
    """
    return _chained(model.parents, heads.astype(np.float64), rotations)  # type: ignore[no-any-return]


@numba.njit(cache=True)
def _chained(parents, heads, rotations):  # type: ignore[no-untyped-def]
    out = np.empty((len(parents), 3, 4), np.float32)
    exact = np.empty((len(parents), 3, 4))
    for b in range(len(parents)):
        for i in range(3):
            shift = heads[b, i]
            for j in range(3):
                exact[b, i, j] = rotations[b, i, j]
                shift -= rotations[b, i, j] * heads[b, j]
            exact[b, i, 3] = shift
        if parents[b] >= 0:
            above, own = exact[parents[b]], exact[b].copy()
            for i in range(3):
                for j in range(4):
                    total = above[i, 3] if j == 3 else 0.0
                    for k in range(3):
                        total += above[i, k] * own[k, j]
                    exact[b, i, j] = total
        out[b] = exact[b]
    return out


def posed(model: BodyModel, rest: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """The vertices `rest` (V, 3) of a body in the pose of `transforms`."""
    return skinned(rest, model.bones, model.weights, transforms)


def part_of_bone(name: str) -> str:
    """The body part (of `canonical.PARTS`) that a bone moves."""
    stem, _, side = name.partition(".")
    side = {"L": "left_", "R": "right_"}.get(side, "")
    if stem.startswith(("finger", "metacarpal", "wrist")):
        return side + "hand"
    if stem.startswith(("foot", "toe")):
        return side + "foot"
    limbs = {"lowerarm": "forearm", "upperarm": "upper_arm", "upperleg": "thigh"}
    limbs["lowerleg"] = "shin"
    for prefix, part in limbs.items():
        if stem.startswith(prefix):
            return side + part
    if stem.startswith(("spine", "root", "pelvis", "clavicle", "shoulder", "breast")):
        return "torso"
    return "neck" if stem.startswith("neck") else "head"


def random_phenotype(rng: np.random.Generator) -> dict[str, float]:
    """An adult, anywhere in the usual range."""
    race = rng.dirichlet((0.8, 0.8, 0.8))
    return dict(
        gender=float(np.clip(rng.choice([0.12, 0.9]) + rng.normal(0, 0.12), 0, 1)),
        age=rng.uniform(0.62, 0.85),
        muscle=rng.uniform(0.25, 0.8),
        weight=float(np.clip(rng.normal(0.42, 0.2), 0.1, 0.95)),
        height=rng.uniform(0.35, 0.62),
        proportions=rng.uniform(0.5, 1.0),
        cupsize=rng.uniform(0.2, 0.8),
        firmness=rng.uniform(0.4, 0.9),
        african=race[0],
        asian=race[1],
        caucasian=race[2],
    )


@lru_cache(maxsize=1)
def body_model() -> BodyModel:
    """Load `anny` and build the pool; about half a minute the first time, seconds later."""
    source = anny.Anny(phenotypes="all", skinning_method="lbs")
    faces = np.ascontiguousarray(source.get_triangular_faces().numpy().astype(np.int32))
    names = list(source.bone_labels)
    bones = np.ascontiguousarray(source.vertex_bone_indices.numpy().astype(np.int32))
    weights = np.ascontiguousarray(source.vertex_bone_weights.numpy().astype(np.float32))
    regressor = anny.KeypointsRegressor.coco(source).regression_weights.numpy()
    smoothing = smoothing_matrix(faces, len(weights))
    parts = _parts(names, bones, weights)
    rng = np.random.default_rng(0)
    phenotypes = [random_phenotype(rng) for _ in range(SHAPES)]
    rests, heads = _rests(source, [MEAN_PHENOTYPE, *phenotypes])
    columns = rests.transpose(1, 0, 2).reshape(len(weights), -1)
    for _ in range(SMOOTHING_STEPS):
        columns = smoothing @ columns
    toes = np.flatnonzero(np.char.endswith(np.array(PARTS)[parts], "foot"))
    inner = smoothing[toes][:, toes]
    inner = scipy.sparse.diags_array(1 / np.maximum(inner.sum(axis=1), 1e-6)) @ inner
    for _ in range(TOE_STEPS):  # a shoe shows no toes
        columns[toes] = inner @ columns[toes]
    smooth = columns.reshape(len(weights), -1, 3).transpose(1, 0, 2)
    smooth = np.ascontiguousarray(smooth, np.float32)
    mean = Shape(rests[0], smooth[0], vertex_normals(smooth[0], faces), heads[0])
    return BodyModel(
        faces=faces,
        parts=parts,
        bones=bones,
        weights=weights,
        parents=np.array([-1 if p is None else p for p in source.bone_parents], np.int32),
        bone={name: i for i, name in enumerate(names)},
        joints=scipy.sparse.csr_array(regressor.astype(np.float32)),
        mean=mean,
        female=np.array([p["gender"] for p in phenotypes]),
        pool_rest=rests[1:],
        pool_smooth=smooth[1:],
        pool_heads=heads[1:],
    )


def smoothing_matrix(faces: np.ndarray, count: int) -> scipy.sparse.csr_array:
    """Sparse (V, V): every vertex half itself, half the mean of its neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    ones = np.ones(len(edges), np.float32)
    links = scipy.sparse.csr_array((ones, (edges[:, 0], edges[:, 1])), shape=(count, count))
    links.data[:] = 1
    degree = np.maximum(links.sum(axis=1), 1)
    mean = scipy.sparse.diags_array((0.5 / degree).astype(np.float32)) @ links
    return (mean + 0.5 * scipy.sparse.eye_array(count, dtype=np.float32)).tocsr()


def _rests(source: anny.Anny, phenotypes: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Rest vertices (N, V, 3) and bone heads (N, B, 3) of each phenotype, float32."""
    batch = {
        name: torch.tensor([p[name] for p in phenotypes], dtype=source.dtype)
        for name in phenotypes[0]
    }
    with torch.no_grad():
        coefficients = source.get_phenotype_blendshape_coefficients(**batch)
        model = source.get_rest_model(coefficients)
    return (
        model["rest_vertices"].float().numpy(),
        model["rest_bone_heads"].float().numpy(),
    )


def _parts(names: list[str], bones: np.ndarray, weights: np.ndarray) -> np.ndarray:
    label = np.array([PARTS.index(part_of_bone(name)) for name in names])
    share = np.zeros((len(bones), len(PARTS)), np.float32)
    for k in range(bones.shape[1]):
        np.add.at(share, (np.arange(len(bones)), label[bones[:, k]]), weights[:, k])
    return share.argmax(1).astype(np.uint8)
