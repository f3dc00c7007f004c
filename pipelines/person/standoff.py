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

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.person.canonical_figure import edges_of
from tryon.types import BODY_PARTS

_INWARDS = 0.02  # of the frame: how far inside the edge the map is drawn to it
_FAR = 0.035  # of the frame: an edge of the body that is farther from the frame's is none
_LIMBS = {
    "trunk": ("neck", "torso", "left_thigh", "right_thigh"),
    "left_arm": ("left_upper_arm", "left_forearm"),
    "right_arm": ("right_upper_arm", "right_forearm"),
}


def standing_uv(
    uv: np.ndarray, bare: np.ndarray, beyond: np.ndarray, limb: str, unit: float
) -> None:
    """Move the coordinates of the pixels beyond a limb's edge, in place.

    uv: float32 (h, w, 2). bare: bool (h, w), the limb without clothes. beyond: bool (h, w), the
    pixels beside it that its cloth may cover. limb: as in `edges_of`. unit: pixels of the photo
    that the side of the frame is long on this person.
    """
    rows, columns = np.nonzero(beyond)
    if not len(rows) or not bare.any():
        return
    at, away = _nearest(bare, rows, columns)
    rim, which = np.unique(at, return_inverse=True)
    before = uv.reshape(-1, 2)[rim]
    outwards = np.zeros((len(rim), 2))  # pixels, summed over those beyond each place of the rim
    np.add.at(outwards, which, np.stack([columns, rows], axis=1) - _xy(at, bare.shape))
    points, normals = _on_edge(limb, before, outwards @ _slope(uv, bare))
    lacking = points - before
    lacking[np.linalg.norm(lacking, axis=1) > _FAR] = 0  # no edge of this limb
    _stretch(uv, bare, rim, lacking, _INWARDS * unit)
    uv[rows, columns] = points[which] + normals[which] * (away / unit)[:, None]


def _on_edge(limb: str, places: np.ndarray, outwards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of the limb's edge in the frame (n, 2), and their normals.

    outwards: (n, 2), which way the cloth stands off, in the frame: an arm has two edges.
    """
    edges = edges_of(limb)
    if len(edges) == 1:
        chosen = np.zeros(len(places), int)
    else:
        chosen = (outwards @ edges[0].normals.mean(axis=0) < 0).astype(int)
    points, normals = np.empty((len(places), 2), np.float32), np.empty((len(places), 2), np.float32)
    for i, edge in enumerate(edges):
        own = chosen == i
        index = _tree(limb, i).query(places[own])[1]
        points[own], normals[own] = edge.points[index], edge.normals[index]
    return points, normals


def _slope(uv: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """(2, 2): how u and v (columns) grow with x and y (rows) over a limb, by least squares."""
    rows, columns = np.nonzero(bare)
    step = max(1, len(rows) // 4000)
    rows, columns = rows[::step], columns[::step]
    terms = np.stack([columns, rows, np.ones(len(rows))], axis=1)
    return np.linalg.lstsq(terms, uv[rows, columns], rcond=None)[0][:2]


def _xy(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(n, 2): x and y of flat indices."""
    rows, columns = np.unravel_index(flat, shape)
    return np.stack([columns, rows], axis=1)


def _stretch(
    uv: np.ndarray, bare: np.ndarray, rim: np.ndarray, shift: np.ndarray, reach: float
) -> None:
    """Let the coordinates inside the edge run out to the frame's edge, in place.

    rim: int (n,), flat indices of pixels on it. shift: (n, 2), what they lack. reach: pixels.
    """
    line = np.zeros(bare.shape, bool)
    line.ravel()[rim] = True
    lacking = np.zeros(uv.shape, np.float32)
    lacking.reshape(-1, 2)[rim] = shift
    away = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    rows, columns = np.nonzero(bare & (away < reach))
    at, away = _nearest(line, rows, columns)
    share = (1 - away / np.float32(reach)) ** 2
    uv[rows, columns] += lacking.reshape(-1, 2)[at] * share[:, None]


def _nearest(
    mask: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of some pixels, the flat index of the nearest one in a mask, and float32, how far it is."""
    away, label = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    inside = np.flatnonzero(mask)
    at = np.zeros(int(label.max()) + 1, np.int64)
    at[label.ravel()[inside]] = inside
    return at[label[rows, columns]], away[rows, columns]


@lru_cache(maxsize=8)
def _tree(limb: str, edge: int) -> cKDTree:
    return cKDTree(edges_of(limb)[edge].points)


def standing_map(body: BodyMap) -> np.ndarray:
    """float32 (h, w, 2): the body map's coordinates, those beside trunk and arms as they stand off.

    What a photo of a wearer shows beside the body is laid out by these.
    """
    uv, bare = body.uv.copy(), body.body > 0.5
    limbs = {
        limb: bare & (body.parts[..., [BODY_PARTS.index(n) for n in names]].sum(axis=-1) > 0.5)
        for limb, names in _LIMBS.items()
    }
    away = [
        cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 3)
        if own.any()
        else np.full(own.shape, np.inf, np.float32)
        for own in limbs.values()
    ]
    nearest = np.argmin(np.stack(away), axis=0)
    for i, (limb, own) in enumerate(limbs.items()):
        standing_uv(uv, own, ~bare & (nearest == i), limb, body.cells_per_unit)
    return uv
