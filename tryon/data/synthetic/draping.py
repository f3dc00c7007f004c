"""Cloth hung on a body in A-pose: how far it stands off everywhere, compiled by numba."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from tryon.data.synthetic.bodies import Shape
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.patterns import COLUMNS, Patterns, Shell, Tube

LEAST = 0.004
"""Metres between cloth and skin, at least."""

_compiled = numba.njit(cache=True, fastmath=True, error_model="numpy")


@dataclass(frozen=True, eq=False, slots=True)
class Folds:
    """Where the folds of one wearing are: random phases, float (6,)."""

    phases: np.ndarray


def tube_of(cut: Cut, patterns: Patterns) -> Tube | None:
    """What the cut takes from the tube around the trunk, if anything."""
    if cut.build == "trousers":
        return None
    return patterns.tube.down_to(cut.hem - 2 * abs(cut.slant) - 0.02)


def shell_of(cut: Cut, patterns: Patterns) -> Shell | None:
    """What the cut takes from the skin of shoulders and arms, or of the legs, if anything."""
    if cut.build == "top" and cut.neckline != "strapless":
        return patterns.top
    return patterns.legs if cut.build == "trousers" else None


def garment_rest(
    cut: Cut,
    patterns: Patterns,
    shape: Shape,
    folds: Folds | None = None,
    kept: np.ndarray | None = None,
) -> np.ndarray:
    """The pattern on a body in A-pose, float32 (N, 3): first the tube, then the shell; kept: int
    (N,), which of its vertices, growing (None for all)."""
    phases = np.zeros(6) if folds is None else folds.phases
    depth = 0.0 if folds is None else cut.folds
    tube, shell = tube_of(cut, patterns), shell_of(cut, patterns)
    count = 0 if tube is None else len(tube.sources)
    pieces = []
    if tube is not None:
        points = np.empty((count, 3), np.float32)
        _hang_tube(points, cut, patterns, tube, shape, phases, depth)
        pieces.append(
            points if kept is None else points.take(kept[: np.searchsorted(kept, count)], 0)
        )
    if shell is not None:
        v = (
            shell.vertices
            if kept is None
            else shell.vertices.take(kept[np.searchsorted(kept, count) :] - count)
        )
        points = np.empty((len(v), 3), np.float32)
        _hang_shell(points, cut, patterns, v, shape, phases, depth)
        pieces.append(points)
    return np.concatenate(pieces)


def _hang_tube(
    points: np.ndarray,
    cut: Cut,
    patterns: Patterns,
    tube: Tube,
    shape: Shape,
    phases: np.ndarray,
    depth: float,
) -> None:
    marks, heights = patterns.marks, tube.heights
    start = cut.top if cut.build == "skirt" else marks.armpit - 0.06
    first = int(np.searchsorted(-heights, -start))
    last = max(int(np.searchsorted(-heights, -cut.hem)), first + 1)
    # Tops begin close to the body, so that raised arms leave no ledge at the sleeves.
    close = 0.006 + 0.25 * cut.ease if cut.build == "top" else cut.ease
    _place_tube(
        points.reshape(-1, COLUMNS, 3), shape.smooth, tube.sources, tube.mixture, tube.angles,
        heights, first, last, start, cut.hem, marks.armpit, marks.waist, close, cut.ease,
        cut.drape, cut.boxy, cut.flare, cut.waist, cut.build == "top", float(cut.pleats),
        phases, depth,
    )  # fmt: skip


@_compiled
def ramp(x, start, end):  # type: ignore[no-untyped-def]
    """0 at `start`, 1 at `end`, straight between and flat beyond; `start` may be the larger."""
    return min(max((x - start) / (end - start), 0.0), 1.0)


@_compiled
def smooth_ramp(x, start, end):  # type: ignore[no-untyped-def]
    """The same, without corners."""
    t = ramp(x, start, end)
    return t * t * (3 - 2 * t)


@_compiled
def _place_tube(  # type: ignore[no-untyped-def]
    points, smooth, sources, mixture, angles, heights, first, last, start, hem, armpit, waist,
    close, ease, drape, boxy, flare, waisted, is_top, pleats, phases, depth,
):  # fmt: skip
    """Write the tube's places into `points` (rows, COLUMNS, 3): from row `first` on it drapes
    down from its widest place, and `boxy` cloth is as wide as the widest of the rows to `last`."""
    rows, columns = points.shape[0], points.shape[1]
    hang, downs, wider = np.empty(rows), np.empty(rows), np.empty(rows)
    for row in range(rows):
        downs[row] = min(max((start - heights[row]) / max(start - hem, 0.05), 0.0), 1.3)
        waists = waisted * np.exp(-(((heights[row] - waist) / 0.06) ** 2))
        wider[row] = flare * downs[row] ** 1.3 - waists
    for column in range(columns):
        angle = angles[column]
        sine, cosine = np.sin(angle), np.cos(angle)
        for row in range(rows):
            n = row * columns + column
            for k in range(3):
                total = mixture[n, 0] * smooth[sources[n, 0], k]
                for j in range(1, 4):
                    total += mixture[n, j] * smooth[sources[n, j], k]
                points[row, column, k] = total
            hang[row] = points[row, column, 0] * sine - points[row, column, 1] * cosine
        widest, straight = hang[first:last].max(), -1e9
        sideways = boxy * (0.3 + 0.7 * sine * sine)
        # Folds that hang down and deepen towards the hem, and a few slanting ones; about +-1.
        swing = np.sin(pleats * angle + phases[0] + 1.5 * np.sin(2 * angle + phases[1]))
        slanted = 0.4 * np.sin(2 * angle + phases[4])
        for row in range(rows):
            height = heights[row]
            out = 0.0
            if row >= first:
                straight = max(straight, hang[row])
                out = drape * (straight - hang[row])
            out = max(out, sideways * (widest - hang[row])) + ease
            if is_top:
                out = close + (out - close) * smooth_ramp(height, armpit, armpit - 0.14)
            out += wider[row]
            if depth > 0:
                wave = np.sin(np.float32((pleats // 2 + 2) * angle + phases[2] + 4 * height))
                across = np.sin(np.float32(3 * angle + 45 * height + phases[3]))
                out += depth * (downs[row] * (swing + 0.5 * wave) + across * slanted)
            out = max(out, LEAST)
            points[row, column, 0] += sine * out
            points[row, column, 1] -= cosine * out


def _hang_shell(
    points: np.ndarray,
    cut: Cut,
    patterns: Patterns,
    vertices: np.ndarray,
    shape: Shape,
    phases: np.ndarray,
    depth: float,
) -> None:
    marks = patterns.marks
    skin = (points, shape.rest, shape.smooth, shape.smooth_normals, vertices)
    if cut.build == "trousers":
        _place_legs(
            *skin, patterns.leg_share, patterns.mean_height, patterns.leg_radius, marks.crotch,
            cut.hem, cut.ease, cut.leg, phases, depth,
        )  # fmt: skip
    else:
        _place_sleeves(
            *skin, patterns.arm_share, patterns.arm_along, patterns.mean_height, marks.shoulder,
            marks.armpit, cut.ease, cut.sleeve_ease, cut.sleeve_flare, phases, depth,
        )  # fmt: skip


@_compiled
def _power_3_2(x):  # type: ignore[no-untyped-def]
    return x * np.sqrt(x)


@_compiled
def _place_legs(  # type: ignore[no-untyped-def]
    points, rest, smooth, normals, vertices, share, heights, radius, crotch, hem, ease, wide,
    phases, depth,
):  # fmt: skip
    for n in range(len(vertices)):
        v = vertices[n]
        leg, height = abs(share[v]), heights[v]
        down = min(max((crotch + 0.05 - height) / (crotch + 0.05 - hem), 0.0), 1.2)
        out = ease * (0.5 + 0.5 * leg)
        wanted = 0.1 + (wide - 0.1) * min(down, 1.0)
        room = max(wanted - radius[v], 0.0) * smooth_ramp(down, 0.0, 0.25)
        out = max(out, out * 0.3 + room * leg)
        _lift(points, n, rest, smooth, normals, v, out, 60 * height, phases, depth)


@_compiled
def _place_sleeves(  # type: ignore[no-untyped-def]
    points, rest, smooth, normals, vertices, share, places, heights, shoulder, armpit, ease,
    sleeve_ease, sleeve_flare, phases, depth,
):  # fmt: skip
    for n in range(len(vertices)):
        v = vertices[n]
        arm, along = smooth_ramp(abs(share[v]), 0.15, 0.8), places[v]
        trunk = 0.006 + 0.25 * ease * smooth_ramp(heights[v], shoulder + 0.06, armpit)
        sleeve = sleeve_ease + sleeve_flare * _power_3_2(min(max(along, 0.0), 1.1))
        out = trunk * (1 - arm) + sleeve * arm
        _lift(points, n, rest, smooth, normals, v, out, 40 * along, phases, depth)


@_compiled
def _lift(points, n, rest, smooth, normals, v, out, phase, phases, depth):  # type: ignore[no-untyped-def]
    """Write point `n`: vertex `v` of the smooth body, `out` metres above the skin, in folds."""
    sunk = 0.0  # smoothing shrinks the body a little: cloth starts where the skin is
    for k in range(3):
        sunk += (rest[v, k] - smooth[v, k]) * normals[v, k]
    sunk = max(sunk, 0.0)
    if depth > 0:
        x = smooth[v, 0] + normals[v, 0] * sunk
        fold = np.sin(np.float32(phase + phases[0] + 25 * x))
        out += depth * fold * np.sin(np.float32(0.6 * phase + phases[1]))
    out = max(out, LEAST) + sunk
    for k in range(3):
        points[n, k] = smooth[v, k] + normals[v, k] * out
