"""Where in a picture a mesh is seen, and what it has there; compiled by numba.

A pixel is two by two samples, and its own, which the truth is taken from, is the last of them.
That is written out and not looped over, which would take twice as long; indices are unsigned, as
numba asks of signed ones whether they are negative. What calls these functions keeps them in its
own compiled cache, which does not see a change here: clear `__pycache__` then.
"""

from __future__ import annotations

import numba
import numpy as np

from tryon.data.synthetic.materials import CHANNELS, SAMPLES
from tryon.data.synthetic.raster import FAR, corner_weights

_compiled = numba.njit(cache=True, fastmath=True, error_model="numpy")
_ZERO, _HALF, _FAR = np.float32(0), np.float32(0.5), np.float32(FAR)
_QUARTER = np.float32(1 / SAMPLES**2)
_1, _2 = np.uint64(1), np.uint64(SAMPLES)


@_compiled
def rows(box):  # type: ignore[no-untyped-def]
    """The pixels of a box of samples: left, top, right, bottom; and room for one row's places."""
    left, top = np.uint64(box[0] // SAMPLES), np.uint64(box[1] // SAMPLES)
    right, bottom = np.uint64(-(-box[2] // SAMPLES)), np.uint64(-(-box[3] // SAMPLES))
    most = max(box[2] - box[0] + SAMPLES, 0) * SAMPLES
    column, face = np.empty(most, np.uint64), np.empty(most, np.uint32)
    share, mixed = np.empty(most, np.float32), np.empty((most, CHANNELS), np.float32)
    return left, top, right, bottom, (column, face, share, mixed)


@_compiled
def gathered(y, left, right, mesh, buffers, where, crease, truth, places):  # type: ignore[no-untyped-def]
    """Find the places of a mesh in a row of pixels that have a colour, and write its truth.

    mesh: mark, points, faces, attributes; buffers: depth, owner, face, and the depth of what may
    hide it; where: bool (H, W), only these pixels; crease: see `shading.shade_cloth`; truth:
    whether it is wanted, uv, layer.
    Returns how many there are, and writes them to `places`: column, face, share (how much of the
    pixel shows it), attributes.
    """
    mark, points, faces, attributes = mesh
    depth, owner, face, other = buffers
    has_truth, uv, layer = truth
    column, shown_face, share, mixed = places
    n, y0, y1 = np.uint64(0), _2 * y, _2 * y + _1
    for x in range(left, right):
        if not where[y, x]:
            continue
        x0, x1 = _2 * x, _2 * x + _1
        a, b = owner[y0, x0] == mark, owner[y0, x1] == mark
        c, d = owner[y1, x0] == mark, owner[y1, x1] == mark
        if not (a | b | c | d):
            continue
        az, bz, cz, dz = depth[y0, x0], depth[y0, x1], depth[y1, x0], depth[y1, x1]
        if a & b & c & d:
            near, far = min(min(az, bz), min(cz, dz)), max(max(az, bz), max(cz, dz))
        else:
            near = min(
                min(az if a else _FAR, bz if b else _FAR), min(cz if c else _FAR, dz if d else _FAR)
            )
            far = max(
                max(az if a else -_FAR, bz if b else -_FAR),
                max(cz if c else -_FAR, dz if d else -_FAR),
            )
        smooth = far - near < crease
        shown = np.int32(a & (az <= other[y0, x0])) + np.int32(b & (bz <= other[y0, x1]))
        shown += np.int32(c & (cz <= other[y1, x0])) + np.int32(d & (dz <= other[y1, x1]))
        at_y, at_x = y1, x1
        if not d:
            at_y, at_x = (y1, x0) if c else (y0, x1) if b else (y0, x0)
        to_middle = _ZERO if a & b & c & d & smooth else _HALF
        if d or (smooth and shown > 0):
            column[n], shown_face[n] = x, face[at_y, at_x]
            share[n] = np.float32(shown) * _QUARTER if smooth else _ZERO
            place_x, place_y = np.float32(at_x) + to_middle, np.float32(at_y) + to_middle
            _mix(points, faces, attributes, shown_face[n], place_x, place_y, mixed[n])
            if d and has_truth:
                uv[y, x, 0], uv[y, x, 1] = mixed[n, 3], mixed[n, 4]
                layer[y, x] = 1 if mixed[n, 5] >= 0 else 2
            n += np.uint64(share[n] > 0)
        if smooth or shown == 0:
            continue
        for at_y in (y0, y1):
            for at_x in (x0, x1):
                if owner[at_y, at_x] == mark and depth[at_y, at_x] <= other[at_y, at_x]:
                    column[n], shown_face[n], share[n] = x, face[at_y, at_x], _QUARTER
                    place_x, place_y = np.float32(at_x) + _HALF, np.float32(at_y) + _HALF
                    _mix(points, faces, attributes, shown_face[n], place_x, place_y, mixed[n])
                    n += _1
    return n


@_compiled
def _mix(points, faces, attributes, i, x, y, out):  # type: ignore[no-untyped-def]
    """Write the attributes of triangle `i` at (x, y)."""
    wa, wb, wc = corner_weights(points, faces, i, x, y)
    a, b, c = np.uint32(faces[i, 0]), np.uint32(faces[i, 1]), np.uint32(faces[i, 2])
    for k in range(CHANNELS):
        out[k] = wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
