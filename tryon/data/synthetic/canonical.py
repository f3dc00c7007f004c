"""The canonical frame: the one coordinate system that joins people and garments.

It is the mean adult body of `anny` standing in its A-pose (arms about 45 degrees down, legs a
little apart), seen from the front in parallel projection. `u` grows to the right of that
picture (towards the person's *left* hand), `v` grows downwards; both are in [0, 1], with one
scale for both. The body is `BODY_HEIGHT` of the frame high and stands in its middle:

    u = 0.5 + x / FRAME_METRES            x: metres to the person's left of the mid-line
    v = 0.5 - (z - MIDDLE_Z) / FRAME_METRES    z: metres upwards

Two layers share the frame. `FRONT` holds the surface that faces the canonical viewer, `BACK`
the surface that faces away, *seen through the body*: the left side has the same u in both
layers, nothing is mirrored. Which layer a surface point belongs to is a property of the point
(its normal in the A-pose), not of the view: a person photographed from behind shows `BACK`.

A point of the bare body has the coordinate of that point on the mean body. A point of a garment
has the coordinate at which that point lies **when the mean body wears the garment in A-pose**.
Tight clothes therefore have the coordinates of the skin below; what stands off the body (flared
skirts, wide sleeves, a loose hem) lies in a band outside the mean body's outline, and the gap
between the legs is filled where a skirt spans it.
"""

from __future__ import annotations

import numpy as np

from tryon.types import BODY_PARTS

FRONT = 1
BACK = 2

BODY_HEIGHT = 0.88
"""Height of the mean body, as a fraction of the frame."""

FRAME_METRES = 2.1033
"""Side of the frame in metres on the mean body, which is 1.851 m high in A-pose."""

MIDDLE_Z = 0.1070
"""Height in the body model's own axes of the middle of the frame, in metres."""

PARTS = BODY_PARTS
"""Body parts by label; sides are the person's own. 0 is background, 1-15 are parts."""


def canonical_uv(points: np.ndarray) -> np.ndarray:
    """Frame coordinates of points given in the body model's metres.

    points: float (..., 3), x to the person's left, y backwards, z up, on the mean A-pose body.
    Returns float32 (..., 2): u, v.
    """
    u = 0.5 + points[..., 0] / FRAME_METRES
    v = 0.5 - (points[..., 2] - MIDDLE_Z) / FRAME_METRES
    return np.stack([u, v], axis=-1).astype(np.float32)
