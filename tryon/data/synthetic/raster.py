"""Triangles to pixels, compiled by numba.

Several meshes draw into one set of buffers, nearest surface first. A pixel remembers which
mesh (`owner`) and which triangle of it (`face`) it shows; what a surface looks like there is
worked out afterwards, once per pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

FAR = 1e9


class Buffers(NamedTuple):
    """depth float32 (H, W), owner int8 (H, W) or -1, face int32 (H, W)."""

    depth: np.ndarray
    owner: np.ndarray
    face: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Buffers:
        return cls(
            np.full((height, width), FAR, np.float32),
            np.full((height, width), -1, np.int8),
            np.empty((height, width), np.int32),
        )

    def copy(self) -> Buffers:
        return Buffers(self.depth.copy(), self.owner.copy(), self.face.copy())


def draw(
    buffers: Buffers,
    points: np.ndarray,
    faces: np.ndarray,
    owner: int,
    *,
    cut: np.ndarray | None = None,
    bias: float = 0.0,
    closed: bool = False,
) -> np.ndarray:
    """Draw a mesh into `buffers`, in place; returns the rectangle it may have touched, int32 (4,):
    left, top, right, bottom, the last two outside.

    points: float32 (V, 3): x, y in pixels, depth (small is near).
    faces: int32 (F, 3).
    cut: float32 (V,); pixels where its interpolation is negative are cut away, which gives
        hems and necklines that do not follow the triangles.
    bias: added to the depth, for layers that lie on each other.
    closed: the mesh has no holes, so that triangles seen from inside need not be drawn.
    """
    if cut is None:
        cut = np.ones(len(points), np.float32)
    return _rasterise(  # type: ignore[no-any-return]
        points, faces, cut, np.float32(bias), owner, closed,
        buffers.depth, buffers.owner, buffers.face,
    )  # fmt: skip


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _rasterise(points, faces, cut, bias, mark, closed, depth, owner, face):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    box = np.array([width, height, 0, 0], np.int32)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    for i in range(faces.shape[0]):
        a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
        ca, cb, cc = cut[a], cut[b], cut[c]
        if ca < 0 and cb < 0 and cc < 0:
            continue
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        # A pixel belongs to the triangle that holds its centre, x + 0.5.
        left = max(zero, np.ceil(min(ax, min(bx, cx)) - half))
        right = min(np.float32(width - 1), np.floor(max(ax, max(bx, cx)) - half))
        top = max(zero, np.ceil(min(ay, min(by, cy)) - half))
        bottom = min(np.float32(height - 1), np.floor(max(ay, max(by, cy)) - half))
        if left > right or top > bottom:
            continue
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0 or (closed and area > 0):
            continue
        box[0], box[1] = min(box[0], int(left)), min(box[1], int(top))
        box[2], box[3] = max(box[2], int(right) + 1), max(box[3], int(bottom) + 1)
        inverse = one / area
        az = points[a, 2] + bias
        bz, cz = points[b, 2] + bias - az, points[c, 2] + bias - az
        step_b, step_c = (cy - ay) * inverse, (ay - by) * inverse
        step_a = -step_b - step_c
        step_z, step_cut = step_b * bz + step_c * cz, step_b * (cb - ca) + step_c * (cc - ca)
        whole = ca >= 0 and cb >= 0 and cc >= 0
        px = half - ax
        for y in range(int(top), int(bottom) + 1):
            py = np.float32(y) + half - ay
            # Corner weights at the centre of the row's first pixel, then where all are positive.
            wb = (px * (cy - ay) - (cx - ax) * py) * inverse
            wc = ((bx - ax) * py - px * (by - ay)) * inverse
            wa = one - wb - wc
            first, last = left, right
            for weight, step in ((wa, step_a), (wb, step_b), (wc, step_c)):
                if step > 0:
                    first = max(first, -weight / step)
                elif step < 0:
                    last = min(last, -weight / step)
                elif weight < 0:
                    last = np.float32(-1)
            start = int(np.ceil(first))
            z = az + (wb + step_b * start) * bz + (wc + step_c * start) * cz
            kept = ca + (wb + step_b * start) * (cb - ca) + (wc + step_c * start) * (cc - ca)
            for x in range(start, int(np.floor(last)) + 1):
                if z < depth[y, x] and (whole or kept >= 0):
                    depth[y, x] = z
                    owner[y, x] = mark
                    face[y, x] = i
                z += step_z
                kept += step_cut
    return box


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def corner_weights(points, faces, i, x, y):  # type: ignore[no-untyped-def]
    """Weights of the three corners of triangle `i` at the place (x, y) of the picture."""
    a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
    ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
    px, py = np.float32(x) - points[a, 0], np.float32(y) - points[a, 1]
    inverse = np.float32(1.0) / (ux * vy - vx * uy)
    wb, wc = (px * vy - vx * py) * inverse, (ux * py - px * uy) * inverse
    return np.float32(1.0) - wb - wc, wb, wc


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def interpolated(owner, face, mark, points, faces, attributes, hidden, out):  # type: ignore[no-untyped-def]
    """Write the vertex attributes (V, C) of mesh `mark` into `out` (H, W, C), where it is seen and
    `hidden` (H, W) is 0."""
    height, width = owner.shape
    channels = attributes.shape[1]
    for y in range(height):
        for x in range(width):
            if owner[y, x] != mark or hidden[y, x]:
                continue
            i = face[y, x]
            wa, wb, wc = corner_weights(points, faces, i, x + 0.5, y + 0.5)
            a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
            for k in range(channels):
                out[y, x, k] = wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def vertex_normals(points, faces):  # type: ignore[no-untyped-def]
    """Unit normals float32 (V, 3), weighted by area; they point outwards for our meshes."""
    normals = np.zeros_like(points)
    for i in range(faces.shape[0]):
        a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(points.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0:
            for k in range(3):
                normals[v, k] /= length
    return normals


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def skinned(rest, bones, weights, transforms):  # type: ignore[no-untyped-def]
    """Linear blend skinning.

    rest: float32 (V, 3); bones: int32 (V, K); weights: float32 (V, K), rows sum to 1;
    transforms: float32 (B, 3, 4). Returns float32 (V, 3).
    """
    out = np.empty_like(rest)
    for v in range(rest.shape[0]):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        sx = sy = sz = np.float32(0.0)
        for k in range(bones.shape[1]):
            w = weights[v, k]
            if w == 0:
                continue
            m = transforms[bones[v, k]]
            sx += w * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
            sy += w * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
            sz += w * (m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        out[v, 0], out[v, 1], out[v, 2] = sx, sy, sz
    return out
