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
_RIM = 0.006  # of the frame: cloth is drawn so far beyond it all the same
_LIMBS = {
    "trunk": ("neck", "torso", "left_thigh", "right_thigh"),
    "left_arm": ("left_upper_arm", "left_forearm"),
    "right_arm": ("right_upper_arm", "right_forearm"),
}


def standing_uv(
    uv: np.ndarray,
    bare: np.ndarray,
    beyond: np.ndarray,
    limb: str,
    unit: float,
    *,
    from_behind: bool = False,
) -> np.ndarray:
    """Move the coordinates of the pixels beyond a limb's edge, in place.

    Returns bool (h, w): pixels beyond what is no edge of this limb (another lies behind it), of
    which the map cannot tell what stands off there.

    uv: float32 (h, w, 2). bare: bool (h, w), the limb without clothes. beyond: bool (h, w), the
    pixels beside it that its cloth may cover. limb: as in `edges_of`. unit: pixels of the photo
    that the side of the frame is long on this person. from_behind: the person is seen so.
    """
    rows, columns = np.nonzero(beyond)
    astray = np.zeros(beyond.shape, bool)
    if not len(rows) or not bare.any():
        return astray
    at, away = nearest_in(bare, rows, columns)
    rim, which = np.unique(at, return_inverse=True)
    before = uv.reshape(-1, 2)[rim]
    outwards = np.zeros((len(rim), 2))  # pixels, summed over those beyond each place of the rim
    np.add.at(outwards, which, np.stack([columns, rows], axis=1) - _xy(at, bare.shape))
    upwards = _upwards(uv, bare, limb, from_behind)
    points, normals = _on_edge(limb, before, outwards @ upwards > 0)
    lacking = points - before
    none = np.linalg.norm(lacking, axis=1) > _FAR
    lacking[none] = 0
    _stretch(uv, bare, rim, lacking, _INWARDS * unit)
    uv[rows, columns] = points[which] + normals[which] * (away / unit)[:, None]
    astray[rows, columns] = none[which] & (away > _RIM * unit)
    return astray


def _on_edge(limb: str, places: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of the limb's edge in the frame (n, 2), and their normals.

    above: bool (n,), whether the cloth stands off above an arm, which has two edges.
    """
    edges = edges_of(limb)
    chosen = np.zeros(len(places), int) if len(edges) == 1 else (~above).astype(int)
    points, normals = np.empty((len(places), 2), np.float32), np.empty((len(places), 2), np.float32)
    for i, edge in enumerate(edges):
        own = chosen == i
        index = _tree(limb, i).query(places[own])[1]
        points[own], normals[own] = edge.points[index], edge.normals[index]
    return points, normals


def _upwards(uv: np.ndarray, bare: np.ndarray, limb: str, from_behind: bool) -> np.ndarray:
    """(2,): which way of the picture is above an arm, as it is held.

    Across a limb the map is short and unsure, but along it is long: above is a quarter turn from
    the way from shoulder to wrist.
    """
    if limb == "trunk":
        return np.zeros(2)
    rows, columns = np.nonzero(bare)
    step = max(1, len(rows) // 4000)
    rows, columns = rows[::step], columns[::step]
    terms = np.stack([columns, rows, np.ones(len(rows))], axis=1)
    upper = edges_of(limb)[0].points
    along = uv[rows, columns] @ (upper[-1] - upper[0])
    x, y = np.linalg.lstsq(terms, along, rcond=None)[0][:2]
    sign = 1 if (limb == "left_arm") != from_behind else -1
    return sign * np.array([y, -x])


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
    at, away = nearest_in(line, rows, columns)
    share = (1 - away / np.float32(reach)) ** 2
    uv[rows, columns] += lacking.reshape(-1, 2)[at] * share[:, None]


def nearest_in(
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
        beyond = ~bare & (nearest == i)
        unit, behind = body.cells_per_unit, body.from_behind
        standing_uv(uv, own, beyond, limb, unit, from_behind=behind)
    return uv
