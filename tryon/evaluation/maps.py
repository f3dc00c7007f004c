"""How far a body map, or a garment's atlas, is from the truth of a synthetic sample."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tryon.data.synthetic.canonical import BODY_HEIGHT, FRONT
from tryon.data.synthetic.sample import GarmentPhoto, Surface
from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.garment.atlas import FRAME, GarmentAtlas


def body_map_error(found: BodyMap, truth: Surface, band: np.ndarray) -> dict[str, float]:
    """Errors of a body map on the bare body.

    truth, band: `Sample.body` and `Sample.band`, of the photo's size.

    uv_median, uv_mean: distance in the canonical frame, in percent of the body's height.
    part, front: the share of pixels whose part, or side, is right.
    """
    height, width = found.uv.shape[:2]
    x = np.floor(found.box.left + (np.arange(width) + 0.5) * found.box.width / width).astype(int)
    y = np.floor(found.box.top + (np.arange(height) + 0.5) * found.box.height / height).astype(int)
    columns, rows = np.meshgrid(x, y)
    known = (rows >= 0) & (rows < band.shape[0]) & (columns >= 0) & (columns < band.shape[1])
    rows, columns = rows[known], columns[known]
    bare = (truth.parts[rows, columns] > 0) & ~band[rows, columns]
    rows, columns = rows[bare], columns[bare]
    if len(rows) == 0:
        return dict.fromkeys(("uv_median", "uv_mean", "part", "front"), math.nan)
    off = np.linalg.norm(found.uv[known][bare] - truth.uv[rows, columns], axis=1)
    off *= 100 / BODY_HEIGHT
    faces = (found.front[known][bare] > 0.5) == (truth.layer[rows, columns] == FRONT)
    return {
        "uv_median": float(np.median(off)),
        "uv_mean": float(off.mean()),
        "part": float((found.part[known][bare] == truth.parts[rows, columns]).mean()),
        "front": float(faces.mean()),
    }


def placement_error(found: GarmentAtlas, truth: GarmentPhoto) -> dict[str, float]:
    """Errors of an atlas of one photo, on the outside of the garment's front.

    uv_median, uv_mean: distance in the canonical frame, in percent of the frame's side. The atlas
    maps the frame to the photo, so its error is measured there and taken back to the frame.
    """
    rows, columns = np.nonzero(truth.mask & (truth.layer == FRONT))
    if len(rows) == 0:
        return dict.fromkeys(("uv_median", "uv_mean"), math.nan)
    (layer,) = found.layers
    scale = layer.alpha.shape[0] / truth.mask.shape[0]
    u, v = (truth.uv[rows, columns] * FRAME - 0.5).T
    at = _sampled(layer.places, u, v)
    off = at - (np.stack([columns, rows], axis=1) + 0.5) * scale
    across = _sampled(np.gradient(layer.places, axis=1) * FRAME, u, v)
    down = _sampled(np.gradient(layer.places, axis=0) * FRAME, u, v)
    # Solve [across down] d = off: Cramer's rule, pixel by pixel.
    area = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    area = np.where(np.abs(area) < 1e-6, np.nan, area)
    du = (off[:, 0] * down[:, 1] - off[:, 1] * down[:, 0]) / area
    dv = (across[:, 0] * off[:, 1] - across[:, 1] * off[:, 0]) / area
    distance = 100 * np.minimum(np.hypot(du, dv), 1.0)  # a flat spot of the map: all is lost
    distance = np.where(np.isnan(distance), 100.0, distance)
    return {"uv_median": float(np.median(distance)), "uv_mean": float(distance.mean())}


def _sampled(plane: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(n, 2): a map of the frame at points, in cells."""
    points = (u[None].astype(np.float32), v[None].astype(np.float32))
    flat = np.ascontiguousarray(plane, np.float32)
    # OpenCV's maps are at most 32767 wide.
    pieces = [
        cv2.remap(
            flat,
            points[0][:, i : i + 30000],
            points[1][:, i : i + 30000],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )[0]
        for i in range(0, len(u), 30000)
    ]
    return np.concatenate(pieces)
