"""From a cut to a mesh: a surface that any body can wear, and that can be laid flat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, get_args

import numba
import numpy as np

from tryon.data.synthetic.bodies import BodyModel
from tryon.data.synthetic.canonical import canonical_uv
from tryon.data.synthetic.cuts import Cut, Neckline
from tryon.data.synthetic.draping import garment_rest, ramp, shell_of, smooth_ramp, tube_of
from tryon.data.synthetic.patterns import COLUMNS, Landmarks, Patterns, Shell
from tryon.data.synthetic.unroll import unrolled

SHELL_OVERLAP = 0.03
"""How far, in metres, shoulders reach down below the top of the tube."""


@dataclass(frozen=True, eq=False, slots=True)
class GarmentMesh:
    """A garment ready to be worn.

    faces int32 (F, 3); bones, weights (N, K) for skinning; uv float32 (N, 2), canonical;
    layer float32 (N,), positive in front, negative behind; cloth float32 (N, 2), metres on the
    unrolled cloth to the right and down, which the fabric is printed on and the flat-lay starts
    from; cut float32 (N,), negative where there is no cloth; edge float32 (N,), metres to the
    nearest hem; arm, leg float32 (N,), share of sleeve or trouser leg, left positive;
    along: float32 (N,), 0 at the shoulder joint, 1 at the wrist (sleeves only);
    kept: int (N,), which of the pattern's vertices these are.
    """

    cut_numbers: Cut
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    uv: np.ndarray
    layer: np.ndarray
    cloth: np.ndarray
    cut: np.ndarray
    edge: np.ndarray
    arm: np.ndarray
    leg: np.ndarray
    along: np.ndarray
    kept: np.ndarray


def smoothstep(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 at `start`, 1 at `end`, smooth between; `start` may be the larger one."""
    t = np.minimum(np.maximum((x - start) / (end - start), 0), 1)
    return t * t * (3 - 2 * t)


def garment_mesh(cut: Cut, model: BodyModel, patterns: Patterns) -> GarmentMesh:
    """Cut the garment out of its patterns, on the mean body."""
    mean = garment_rest(cut, patterns, model.mean)
    shell, tube = shell_of(cut, patterns), tube_of(cut, patterns)
    rows = 0 if tube is None else len(tube.heights)
    whole, count = _uncut(model, patterns, shell, rows), rows * COLUMNS
    edge, field = _fields(cut, patterns.marks, mean, whole, count)
    faces, kept = _compacted(whole.faces, field)
    cloth = unrolled(cut, patterns, model, mean, whole.arm, whole.leg, whole.along, count)
    return GarmentMesh(
        cut_numbers=cut,
        faces=faces,
        bones=whole.bones.take(kept, 0),
        weights=whole.weights.take(kept, 0),
        uv=canonical_uv(mean.take(kept, 0)),
        layer=whole.layer.take(kept),
        cloth=cloth.take(kept, 0).astype(np.float32),
        cut=field.take(kept),
        edge=edge.take(kept),
        arm=whole.arm.take(kept),
        leg=whole.leg.take(kept),
        along=whole.along.take(kept),
        kept=kept,
    )


class _Uncut(NamedTuple):
    """Tube and shell as one mesh, before anything is cut away; see `GarmentMesh`."""

    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    layer: np.ndarray
    arm: np.ndarray
    leg: np.ndarray
    along: np.ndarray


@lru_cache(maxsize=64)
def _uncut(model: BodyModel, patterns: Patterns, shell: Shell | None, rows: int) -> _Uncut:
    """The first rows of the tube, then the shell."""
    tube, width, count = patterns.tube, patterns.tube.bones.shape[1], rows * COLUMNS
    faces = tube.faces[: 2 * max(rows - 1, 0) * COLUMNS]
    bones, weights = tube.bones[:count], tube.weights[:count]
    layer, limbs = np.cos(tube.angles[:count]), np.zeros((3, count), np.float32)
    if shell is not None:
        v = shell.vertices
        faces = np.concatenate([faces, shell.faces + count])
        bones = np.concatenate([bones, shell.bones[:, :width]])
        weights = np.concatenate([weights, shell.weights[:, :width]])
        layer = np.concatenate([layer, -model.mean.smooth_normals[v, 1]])
        on_limbs = (patterns.arm_share[v], patterns.leg_share[v], patterns.arm_along[v])
        limbs = np.concatenate([limbs, on_limbs], axis=1)
    return _Uncut(faces, bones, weights, layer, *limbs)


@numba.njit(cache=True)
def _compacted(faces, cut):  # type: ignore[no-untyped-def]
    """The triangles that are not cut away as a whole, and which vertices (K,) they need; the
    triangles count these only."""
    used, count = np.zeros(len(cut), np.bool_), 0
    kept = np.empty(len(faces), np.bool_)
    for i in range(len(faces)):
        a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
        kept[i] = cut[a] >= 0 or cut[b] >= 0 or cut[c] >= 0
        if kept[i]:
            used[a] = used[b] = used[c] = True
            count += 1
    index = np.cumsum(used) - 1
    out, n = np.empty((count, 3), np.int32), 0
    for i in range(len(faces)):
        if kept[i]:
            for k in range(3):
                out[n, k] = index[faces[i, k]]
            n += 1
    return out, np.flatnonzero(used)


def _fields(
    cut: Cut, marks: Landmarks, mean: np.ndarray, whole: _Uncut, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Metres to the nearest hem (negative beyond it), and the same with hidden joints cut too,
    float32 (N,); count: how many of the vertices, the first ones, are the tube's."""
    return _distances(  # type: ignore[no-any-return]
        mean, whole.layer, whole.arm, whole.along, count, cut.build == "top", cut.top, cut.hem,
        cut.slant, get_args(Neckline).index(cut.neckline), cut.neck_width, cut.neck_depth,
        cut.neck_back, cut.sleeve, cut.shoulder_x, cut.opening, marks.neck, marks.shoulder,
        marks.armpit,
    )  # fmt: skip


_V, _SQUARE, _HIGH, _OFF_SHOULDER, _STRAPLESS = (
    get_args(Neckline).index(name) for name in ("v", "square", "high", "off-shoulder", "strapless")
)


@numba.njit(cache=True)
def _distances(  # type: ignore[no-untyped-def]
    mean, layer, arm, along, count, is_top, top, hem, slant, neckline, neck_width, neck_depth,
    neck_back, sleeve, shoulder_x, opening, neck, shoulder, armpit,
):  # fmt: skip
    edges, fields = np.empty(len(mean), np.float32), np.empty(len(mean), np.float32)
    bare = sleeve < 0 and neckline not in (_OFF_SHOULDER, _STRAPLESS)
    for n in range(len(mean)):
        x, z, is_shell = mean[n, 0], mean[n, 2], n >= count
        on_arm = smooth_ramp(abs(arm[n]), 0.2, 0.6)
        edge = 9.0 if on_arm > 0.3 else z - hem - slant * x / 0.2
        if not is_top:
            edges[n] = fields[n] = min(edge, top - z)
            continue
        front = smooth_ramp(layer[n], -0.25, 0.25)
        depth = max(neck_back + (neck_depth - neck_back) * front, 0.01)
        edge = min(edge, _from_neckline(neckline, x, z, neck_width, depth, front, neck, armpit))
        if bare and is_shell:
            down = ramp(z, shoulder + 0.06, armpit)
            limit = shoulder_x + (0.2 - shoulder_x) * down**2 - abs(x)
            edge = min(edge, limit, 0.05 * (0.45 - on_arm))
        elif sleeve >= 0 and is_shell and on_arm > 0.3:
            edge = min(edge, 0.48 * (sleeve - along[n]))
        if opening > 0 and layer[n] > 0:
            edge = min(edge, abs(x) - 0.008 - opening * ramp(z, neck, hem))
        edges[n] = fields[n] = edge
        if is_shell and on_arm <= 0.3:
            fields[n] = min(edge, z - (armpit - SHELL_OVERLAP))
    return edges, fields


@numba.njit(cache=True)
def _from_neckline(kind, x, z, width, depth, front, neck, armpit):  # type: ignore[no-untyped-def]
    """Metres from the neckline, negative above it; `front` is 1 in front and 0 behind."""
    if kind == _HIGH:
        return neck + 0.035 - z
    if kind in (_OFF_SHOULDER, _STRAPLESS):
        return armpit + (0.1 if kind == _OFF_SHOULDER else 0.01) - z
    across, down = abs(x) / width, max(neck - 0.015 - z, 0.0) / depth
    if kind == _V:
        inside = across + (down if front > 0.5 else down**2)
    elif kind == _SQUARE:
        inside = max(across, down)
    else:
        inside = np.sqrt(across**2 + down**2)
    return (inside - 1) * min(depth, width)
