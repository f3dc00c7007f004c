"""From a cut to a mesh: a surface that any body can wear, and that can be laid flat."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from tryon.data.synthetic.bodies import BodyModel
from tryon.data.synthetic.canonical import canonical_uv
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.draping import garment_rest, shell_of, tube_of
from tryon.data.synthetic.patterns import Patterns, Shell
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
    count = 0 if tube is None else len(tube.sources)
    width = patterns.tube.bones.shape[1]
    pieces = [p for p in (tube, shell) if p is not None]
    faces = np.concatenate([p.faces if p is tube else p.faces + count for p in pieces])
    layer = _layer(cut, model, patterns, shell, count)
    arm, leg = np.zeros(len(mean), np.float32), np.zeros(len(mean), np.float32)
    along = np.zeros(len(mean), np.float32)
    if shell is not None:
        arm[count:] = patterns.arm_share[shell.vertices]
        leg[count:] = patterns.leg_share[shell.vertices]
        along[count:] = patterns.arm_along[shell.vertices]
    edge, cut_field = _fields(cut, patterns, mean, layer, arm, along, count)
    all_faces, kept = _compacted(faces, cut_field)
    cloth = unrolled(cut, patterns, model, mean, arm, leg, along, count)
    return GarmentMesh(
        cut_numbers=cut,
        faces=all_faces,
        bones=np.concatenate([p.bones[:, :width] for p in pieces])[kept],
        weights=np.concatenate([p.weights[:, :width] for p in pieces])[kept],
        uv=canonical_uv(mean[kept]),
        layer=layer[kept],
        cloth=cloth[kept].astype(np.float32),
        cut=cut_field[kept].astype(np.float32),
        edge=edge[kept].astype(np.float32),
        arm=arm[kept],
        leg=leg[kept],
        along=along[kept],
        kept=kept,
    )


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


def _layer(
    cut: Cut, model: BodyModel, patterns: Patterns, shell: Shell | None, count: int
) -> np.ndarray:
    pieces = []
    if count:
        pieces.append(np.cos(patterns.tube.angles[:count]))
    if shell is not None:
        pieces.append(-model.mean.smooth_normals[shell.vertices, 1])
    return np.concatenate(pieces).astype(np.float32)


def _fields(
    cut: Cut,
    patterns: Patterns,
    mean: np.ndarray,
    layer: np.ndarray,
    arm: np.ndarray,
    along: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Metres to the nearest hem (negative beyond it), and the same with hidden joints cut too."""
    marks, x, z = patterns.marks, mean[:, 0], mean[:, 2]
    is_shell = np.arange(len(mean)) >= count
    on_arm = smoothstep(np.abs(arm), 0.2, 0.6)
    edge = np.where(on_arm > 0.3, 9.0, z - cut.hem - cut.slant * x / 0.2)
    if cut.build != "top":
        edge = np.minimum(edge, cut.top - z)
        return edge, edge
    front = smoothstep(layer, -0.25, 0.25)
    edge = np.minimum(edge, neckline_field(cut, patterns, x, z, front, on_arm))
    if cut.neckline not in ("strapless", "off-shoulder") and cut.sleeve < 0:
        down = np.clip((marks.shoulder + 0.06 - z) / (marks.shoulder + 0.06 - marks.armpit), 0, 1)
        limit = cut.shoulder_x + (0.2 - cut.shoulder_x) * down**2
        limit = np.minimum(limit - np.abs(x), 0.05 * (0.45 - on_arm))
        edge = np.where(is_shell, np.minimum(edge, limit), edge)
    elif cut.sleeve >= 0:
        length = 0.48 * (cut.sleeve - along)
        edge = np.where(is_shell & (on_arm > 0.3), np.minimum(edge, length), edge)
    if cut.opening > 0:
        gap = 0.008 + cut.opening * np.clip((marks.neck - z) / (marks.neck - cut.hem), 0, 1)
        edge = np.minimum(edge, np.where(layer > 0, np.abs(x) - gap, 9.0))
    joint = np.where(on_arm > 0.3, 9.0, z - (marks.armpit - SHELL_OVERLAP))
    return edge, np.where(is_shell, np.minimum(edge, joint), edge)


def neckline_field(
    cut: Cut,
    patterns: Patterns,
    x: np.ndarray,
    z: np.ndarray,
    front: np.ndarray,
    on_arm: np.ndarray,
) -> np.ndarray:
    """Metres from the neckline, negative above it; `front` is 1 in front and 0 behind."""
    marks = patterns.marks
    if cut.neckline == "high":
        return marks.neck + 0.035 - z
    if cut.neckline in ("off-shoulder", "strapless"):
        return marks.armpit + (0.1 if cut.neckline == "off-shoulder" else 0.01) - z
    if cut.opening > 0:
        x = np.where(front > 0.5, np.maximum(np.abs(x), 0.0), x)
    side = marks.neck - 0.015
    depth = np.maximum(cut.neck_back + (cut.neck_depth - cut.neck_back) * front, 0.01)
    across, down = np.abs(x) / cut.neck_width, np.maximum(side - z, 0) / depth
    if cut.neckline == "v":
        inside = across + np.where(front > 0.5, down, down**2)
    elif cut.neckline == "square":
        inside = np.maximum(across, down)
    else:
        inside = np.hypot(across, down)
    return (inside - 1) * np.minimum(depth, cut.neck_width)
