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

RUN = 16
"""Pixels of a row that are drawn at once: the compiler makes vectors of them."""

TILE = 8
"""Pixels across the tiles in which hidden triangles are looked for."""


_NOWHERE = np.full((1, 1), FAR, np.float32)


class Buffers(NamedTuple):
    """depth float32 (H, W), owner int8 (H, W) or -1, face int32 (H, W); each with room for `RUN`
    pixels more behind its last."""

    depth: np.ndarray
    owner: np.ndarray
    face: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Buffers:
        new = cls(*(_with_room(height, width, kind) for kind in (np.float32, np.int8, np.int32)))
        new.depth.fill(FAR)
        new.owner.fill(-1)
        return new

    def copy(self) -> Buffers:
        new = Buffers(*(_with_room(len(old), old.shape[1], old.dtype) for old in self))
        for old, copied in zip(self, new, strict=True):
            copied[:] = old
        return new


def _with_room(height: int, width: int, kind: np.dtype | type) -> np.ndarray:
    count = height * width
    return np.empty(count + RUN, kind)[:count].reshape(height, width)


def draw(
    buffers: Buffers,
    points: np.ndarray,
    faces: np.ndarray,
    owner: int,
    *,
    cut: np.ndarray | None = None,
    bias: float = 0.0,
    closed: bool = False,
    covered: bool = False,
) -> np.ndarray:
    """Draw a mesh into `buffers`, in place; returns the rectangle it may have touched, int32 (4,):
    left, top, right, bottom, the last two outside.

    points: float32 (V, 3): x, y in pixels, depth (small is near).
    faces: int32 (F, 3).
    cut: float32 (V,); pixels where its interpolation is negative are cut away, which gives
        hems and necklines that do not follow the triangles.
    bias: added to the depth, for layers that lie on each other.
    closed: the mesh has no holes, so that triangles seen from inside need not be drawn.
    covered: much of the mesh lies behind what is there, so that it is worth while to look first.
    """
    if cut is None:
        cut = np.ones(len(points), np.float32)
    box = np.array([buffers.depth.shape[1], buffers.depth.shape[0], 0, 0], np.int32)
    far, nearer = _NOWHERE, np.float32(bias)
    if covered:
        far = _farthest(buffers.depth, np.array([0, 0, *box[:2]], np.int32))
    _rasterise(points, faces, cut, nearer, owner, True, far, box, *buffers)
    if not closed:
        # What is seen from inside mostly lies behind what was drawn just now.
        far = _farthest(buffers.depth, box)
        _rasterise(points, faces, cut, nearer, owner, False, far, box, *buffers)
    return box


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _farthest(depth, box):  # type: ignore[no-untyped-def]
    """The farthest depth in every tile of `TILE` x `TILE` pixels, float32; FAR outside the box
    (4,): left, top, right, bottom."""
    height, width = depth.shape
    out = np.full((height // TILE + 1, width // TILE + 1), np.float32(FAR))
    for row in range(-(-box[1] // TILE), box[3] // TILE):
        for column in range(-(-box[0] // TILE), box[2] // TILE):
            most = depth[row * TILE, column * TILE]
            for y in range(row * TILE, row * TILE + TILE):
                for x in range(column * TILE, column * TILE + TILE):
                    most = max(most, depth[y, x])
            out[row, column] = most
    return out


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _rasterise(points, faces, cut, bias, mark, outside, far, box, depth, owner, face):  # type: ignore[no-untyped-def]
    """Draw the triangles that are seen from outside, or the others, and widen the box (4,).

    far: float32, see `_farthest`; with more than one tile, triangles behind it are left out.
    """
    height, width = depth.shape
    half, mark = 0.5, np.int8(mark)
    for i in range(faces.shape[0]):
        a, b, c = np.uint32(faces[i, 0]), np.uint32(faces[i, 1]), np.uint32(faces[i, 2])
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        ux, uy, vx, vy = bx - ax, by - ay, cx - ax, cy - ay
        area = ux * vy - vx * uy
        if area == 0 or (area < 0) != outside:
            continue
        ca, cb, cc = cut[a], cut[b], cut[c]
        if ca < 0 and cb < 0 and cc < 0:
            continue
        # A pixel belongs to the triangle that holds its centre, x + 0.5.
        left = max(0.0, np.ceil(min(ax, min(bx, cx)) - half))
        right = min(width - 1.0, np.floor(max(ax, max(bx, cx)) - half))
        top = max(0.0, np.ceil(min(ay, min(by, cy)) - half))
        bottom = min(height - 1.0, np.floor(max(ay, max(by, cy)) - half))
        if left > right or top > bottom:
            continue
        left, right, top, bottom = int(left), int(right), int(top), int(bottom)
        az = points[a, 2] + bias
        bz, cz = points[b, 2] + bias - az, points[c, 2] + bias - az
        if far.size > 1 and _hidden(az + min(0.0, min(bz, cz)), far, left, right, top, bottom):
            continue
        box[0], box[1] = min(box[0], left), min(box[1], top)
        box[2], box[3] = max(box[2], right + 1), max(box[3], bottom + 1)
        inverse = 1.0 / area
        z_x, z_y = (vy * bz - uy * cz) * inverse, (ux * cz - vx * bz) * inverse
        whole = ca >= 0 and cb >= 0 and cc >= 0
        cut_x = (vy * (cb - ca) - uy * (cc - ca)) * inverse
        cut_y = (ux * (cc - ca) - vx * (cb - ca)) * inverse
        step_z, step_cut = np.float32(z_x), np.float32(cut_x)
        # From the top to the bottom corner, rows lie between the long edge and a short one.
        if by < ay:
            ax, ay, bx, by = bx, by, ax, ay
        if cy < by:
            bx, by, cx, cy = cx, cy, bx, by
            if by < ay:
                ax, ay, bx, by = bx, by, ax, ay
        first_x, first_y = points[a, 0], points[a, 1]
        long = np.float64(cx - ax) / np.float64(cy - ay)
        upper, lower = np.float64(bx - ax) / np.float64(by - ay), np.float64(cx - bx) / (cy - by)
        for y in range(top, bottom + 1):
            middle = y + half
            one = ax + (middle - ay) * long
            two = ax + (middle - ay) * upper if middle < by else bx + (middle - by) * lower
            start = max(int(np.ceil(min(one, two) - half)), left)
            end = min(int(np.ceil(max(one, two) - half)), right + 1)
            across, down = start + half - first_x, middle - first_y
            z = np.float32(az + across * z_x + down * z_y)
            if whole:
                for first in range(np.uint64(start), np.uint64(max(start, end)), np.uint64(RUN)):
                    for k in range(np.uint64(RUN)):
                        x, here = first + k, z + np.float32(np.int32(k)) * step_z
                        near = (here < depth[y, x]) & (x < np.uint64(end))
                        depth[y, x] = here if near else depth[y, x]
                        owner[y, x] = mark if near else owner[y, x]
                        face[y, x] = np.int32(i) if near else face[y, x]
                    z += np.float32(RUN) * step_z
                continue
            kept = np.float32(ca + across * cut_x + down * cut_y)
            for x in range(np.uint64(start), np.uint64(max(start, end))):
                if z < depth[y, x] and kept >= 0:
                    depth[y, x], owner[y, x], face[y, x] = z, mark, i
                z += step_z
                kept += step_cut


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _hidden(near, far, left, right, top, bottom):  # type: ignore[no-untyped-def]
    """Whether all tiles that a rectangle (its last row and column inside) touches are nearer."""
    for row in range(top // TILE, bottom // TILE + 1):
        for column in range(left // TILE, right // TILE + 1):
            if far[row, column] > near:
                return False
    return True


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def corner_weights(points, faces, i, x, y):  # type: ignore[no-untyped-def]
    """Weights of the three corners of triangle `i` at the place (x, y) of the picture."""
    a, b, c = np.uint32(faces[i, 0]), np.uint32(faces[i, 1]), np.uint32(faces[i, 2])
    ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
    px, py = np.float32(x) - points[a, 0], np.float32(y) - points[a, 1]
    inverse = np.float32(1.0) / (ux * vy - vx * uy)
    wb, wc = (px * vy - vx * py) * inverse, (ux * py - px * uy) * inverse
    return np.float32(1.0) - wb - wc, wb, wc


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
