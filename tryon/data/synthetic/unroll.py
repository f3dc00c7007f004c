"""Laying cloth flat.

Cloth that wraps a round limb is wider than it looks from the front: the half around an ellipse
of half-width a is a * (sin t + k (t - sin t)) at the angle t, so that each point moves outwards
by the second term. Trunk, sleeves and trouser legs each unroll about their own axis.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np

from tryon.data.synthetic.bodies import BodyModel
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.patterns import COLUMNS, Patterns

ROUNDNESS = 0.7
"""Depth of the trunk over its width; limbs are rounder."""

LIMB_ROUNDNESS = 0.9


_compiled = numba.njit(cache=True, fastmath=True, error_model="numpy")


@_compiled
def widening(offset, half_width, roundness):  # type: ignore[no-untyped-def]
    """How far a point at `offset` from the axis moves outwards when the cloth is unrolled."""
    sine = min(max(offset / half_width, -1.0), 1.0)
    return half_width * roundness * (np.arcsin(sine) - sine)


@_compiled
def _ramp(x, start, end):  # type: ignore[no-untyped-def]
    return min(max((x - start) / (end - start), 0.0), 1.0)


def unrolled(
    cut: Cut,
    patterns: Patterns,
    model: BodyModel,
    mean: np.ndarray,
    arm: np.ndarray,
    leg: np.ndarray,
    along: np.ndarray,
    count: int,
) -> np.ndarray:
    """Cloth coordinates float (N, 2), metres to the right and down, sleeves still at 45 degrees.

    mean: (N, 3), the garment on the mean body in A-pose; arm, leg, along: (N,), see `GarmentMesh`;
    count: how many of the vertices, the first ones, are the tube's.
    """
    marks = patterns.marks
    if count:
        rows = np.abs(mean[:count, 0]).reshape(-1, COLUMNS).max(1).astype(np.float64)
    else:
        rows = _half_widths(patterns, model) + cut.ease
    heights = patterns.tube.heights[: len(rows)]
    upwards = np.ascontiguousarray(heights[::-1]), np.ascontiguousarray(rows[::-1])
    flat = _unrolled_trunk(mean, *upwards, marks.armpit, marks.shoulder + 0.03)
    if cut.build == "top":
        chains, share, apart = ("upperarm01", "lowerarm01", "wrist"), arm, 0.0
        on_limb = _on_arm(arm)
    elif cut.build == "trousers":
        chains, share, apart = ("upperleg01", "lowerleg01", "foot"), leg, 0.05 * LIMB_ROUNDNESS
        on_limb = _on_leg(leg, mean, marks.hip, marks.crotch - 0.05)
    else:
        return flat
    for side, sign in (("L", 1), ("R", -1)):
        joints = np.stack([model.mean.heads[model.bone[f"{name}.{side}"]] for name in chains])
        _unroll_limb(mean, share, sign, joints.astype(np.float64), on_limb, apart, flat)
    return flat


@lru_cache(maxsize=1)
def _half_widths(patterns: Patterns, model: BodyModel) -> np.ndarray:
    """Half the width of the mean body's outline at each level of the tube, float (rows,)."""
    return np.asarray(np.abs(patterns.tube.base(model.mean)[..., 0]).max(1), np.float64)


@_compiled
def _on_arm(arm):  # type: ignore[no-untyped-def]
    out = np.empty(len(arm))
    for n in range(len(arm)):
        out[n] = _ramp(abs(arm[n]), 0.1, 0.9)
    return out


@_compiled
def _on_leg(leg, mean, hip, crotch):  # type: ignore[no-untyped-def]
    out = np.empty(len(leg))
    for n in range(len(leg)):
        out[n] = _ramp(mean[n, 2], hip, crotch) if abs(leg[n]) > 0.05 else 0.0
    return out


@_compiled
def _unrolled_trunk(mean, heights, widths, armpit, shoulder):  # type: ignore[no-untyped-def]
    """heights, growing, and half widths there: (rows,)."""
    flat = np.empty((len(mean), 2))
    for n in range(len(mean)):
        z, last = mean[n, 2], len(heights) - 1
        k = min(max(np.searchsorted(heights, z), 1), last)
        share = _ramp(z, heights[k - 1], heights[k])
        half = widths[k - 1] + share * (widths[k] - widths[k - 1])
        wider = widening(mean[n, 0], max(half, 1e-3), ROUNDNESS)
        wider *= 1 - 0.8 * _ramp(mean[n, 2], armpit, shoulder)
        flat[n, 0], flat[n, 1] = mean[n, 0] + wider, -mean[n, 2]
    return flat


@_compiled
def _unroll_limb(mean, share, sign, joints, on_limb, apart, flat):  # type: ignore[no-untyped-def]
    """Move the cloth of one limb within `flat`, in place, as far as it is `on_limb` (N,), 0-1.

    The limb is straightened, each point moves across it as its cloth unrolls, and a forearm,
    which comes towards the viewer in A-pose, gets its length back. joints: (3, 3), of the limb;
    apart: metres that it moves away from the other one.
    """
    ax, az = joints[0, 0], joints[0, 2]
    length = np.hypot(joints[2, 0] - ax, joints[2, 2] - az)
    axis_x, axis_z = (joints[2, 0] - ax) / length, (joints[2, 2] - az) / length
    knee = (joints[1, 0] - ax) * axis_x + (joints[1, 2] - az) * axis_z
    bend = (joints[1, 2] - az) * axis_x - (joints[1, 0] - ax) * axis_z
    true = np.sqrt(((joints[2] - joints[1]) ** 2).sum())
    here = np.flatnonzero(share * sign > 0.05)
    if len(here) == 0:
        return
    along, offset, depth = np.empty(len(here)), np.empty(len(here)), np.empty(len(here))
    centre = np.empty(len(here))
    for k, n in enumerate(here):
        x, z = mean[n, 0] - ax, mean[n, 2] - az
        along[k] = x * axis_x + z * axis_z
        centre[k] = _at(along[k], knee, length, 0.0, bend, 0.0)
        middle = _at(along[k], knee, length, joints[0, 1], joints[1, 1], joints[2, 1])
        offset[k] = z * axis_x - x * axis_z - centre[k]
        depth[k] = mean[n, 1] - middle
    fit = _radius_fit(along, offset, depth)
    for k, n in enumerate(here):
        angle = np.arctan2(offset[k], abs(depth[k]))
        place = along[k]
        radius = max(fit[0] + place * (fit[1] + place * fit[2]), 0.02)
        wide = radius * (np.sin(angle) + LIMB_ROUNDNESS * (angle - np.sin(angle)))
        across = wide - offset[k] - centre[k]
        longer = (true / (length - knee) - 1) * max(along[k] - knee, 0.0)
        moved_x = -across * axis_z + longer * axis_x
        moved_z = across * axis_x + longer * axis_z
        moved_x += apart * np.sign(mean[n, 0])
        flat[n, 0] += on_limb[n] * (mean[n, 0] + moved_x - flat[n, 0])
        flat[n, 1] += on_limb[n] * (-mean[n, 2] - moved_z - flat[n, 1])


@_compiled
def _at(along, knee, length, first, second, third):  # type: ignore[no-untyped-def]
    """Between three values at the beginning, the middle joint and the end of a limb."""
    if along <= knee:
        return first + (second - first) * max(along, 0.0) / knee
    return second + (third - second) * min((along - knee) / (length - knee), 1.0)


@_compiled
def _radius_fit(along, offset, depth):  # type: ignore[no-untyped-def]
    """Coefficients (3,) of the quadratic in `along` that fits the limb's radius best."""
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for k in range(len(along)):
        radius = np.hypot(offset[k], depth[k])
        powers = (1.0, along[k], along[k] ** 2)
        for i in range(3):
            right[i] += powers[i] * radius
            for j in range(3):
                normal[i, j] += powers[i] * powers[j]
    for i in range(3):
        normal[i, i] *= 1 + 1e-9
    return np.linalg.solve(normal, right)
