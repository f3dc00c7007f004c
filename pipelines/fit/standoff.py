"""Where cloth that stands off the body lies in the canonical frame.

Beyond the edge of the body the body map only goes on as it was. But a body that stands a little
turned shows, on its far side, an edge that is not the frame's: cloth that followed the map there
would stand off by as much as the body is turned. So what lies beyond the edge is as far beyond the
frame's own edge, and a garment stands off exactly as far as it is wider than the body.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from scipy.spatial import cKDTree

from tryon.pipelines.person.canonical_figure import outline_of


def standing_uv(uv: np.ndarray, bare: np.ndarray, beyond: np.ndarray, limb: str, unit: float) -> None:
    """Move the coordinates of the pixels beyond a limb's edge, in place.

    uv: float32 (h, w, 2). bare: bool (h, w), the limb without clothes. beyond: bool (h, w), the
    pixels beside it that its cloth may cover. limb: as in `outline_of`. unit: pixels of the photo
    that the side of the frame is long on this person.
    """
    rows, columns = np.nonzero(beyond)
    if not len(rows) or not bare.any():
        return
    away, label = cv2.distanceTransformWithLabels(
        (~bare).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Each pixel beyond the edge goes by the nearest one inside; those are few.
    inside = np.flatnonzero(bare)
    edge, which = np.unique(label[rows, columns], return_inverse=True)
    order = np.argsort(label.ravel()[inside], kind="stable")
    first = inside[order[np.searchsorted(label.ravel()[inside], edge, sorter=order)]]
    points, normals = outline_of(limb)
    index = _outline_tree(limb).query(uv.reshape(-1, 2)[first])[1][which]
    off = away[rows, columns, None] / np.float32(unit)
    uv[rows, columns] = points[index] + normals[index] * off


@lru_cache(maxsize=4)
def _outline_tree(limb: str) -> cKDTree:
    return cKDTree(outline_of(limb)[0])
