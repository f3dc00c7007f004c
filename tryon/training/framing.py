"""A person with their truth, mirrored, cut off by the frame, and put on the body map's grid."""

from __future__ import annotations

import numpy as np

from tryon.data.synthetic.canonical import PARTS
from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, framed, mirrored_name
from tryon.types import JOINTS

_MIRRORED_JOINTS = [JOINTS.index(mirrored_name(name)) for name in JOINTS]
_MIRRORED_PARTS = np.array([PARTS.index(mirrored_name(name)) for name in PARTS], np.uint8)


def mirrored_person(
    silhouette: np.ndarray, uv: np.ndarray, labels: np.ndarray, keypoints: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Silhouette (h, w), uv (h, w, 2), labels (h, w) and keypoints (18, 3) of the mirror image."""
    uv = uv[:, ::-1].copy()
    uv[..., 0] = 1 - uv[..., 0]
    labels = labels[:, ::-1]
    labels = np.where(labels == 255, labels, _MIRRORED_PARTS[labels & 15] | (labels & 0xF0))
    keypoints = keypoints[_MIRRORED_JOINTS].copy()
    keypoints[:, 0] = silhouette.shape[1] - keypoints[:, 0]
    return np.ascontiguousarray(silhouette[:, ::-1]), uv, labels, keypoints


def cut_off(
    rng: np.random.Generator, labels: np.ndarray, outline: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The picture ends below the chest, or (seldom) at one side or above the chin."""
    rows = np.nonzero((outline > 0.5).any(axis=1))[0]
    columns = np.nonzero((outline > 0.5).any(axis=0))[0]
    if len(rows) < 8 or len(columns) < 8:
        return labels, outline
    cut = np.zeros(outline.shape, bool)
    cut[int(rows[0] + rng.uniform(0.5, 1.0) * len(rows)) :] = True
    if rng.random() < 0.15:
        cut[: int(rows[0] + rng.uniform(0, 0.12) * len(rows))] = True
    if rng.random() < 0.15:
        edge = int(rng.uniform(0, 0.25) * len(columns))
        if rng.random() < 0.5:
            cut[:, : columns[0] + edge] = True
        else:
            cut[:, columns[-1] - edge :] = True
    labels[cut] = 255
    return labels, np.where(cut, 0, outline)


def framing(rng: np.random.Generator, outline: np.ndarray, turn: float) -> np.ndarray:
    """float64 (2, 3): from pixel coordinates of the picture to those of the 192x144 grid."""
    rows = np.nonzero((outline > 0.5).any(axis=1))[0]
    columns = np.nonzero((outline > 0.5).any(axis=0))[0]
    if len(rows) == 0:
        rows, columns = np.arange(outline.shape[0]), np.arange(outline.shape[1])
    box = framed(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, rng.uniform(0.02, 0.12))
    scale = MAP_HEIGHT / box.height
    angle = np.radians(rng.normal() * turn)
    middle = np.array([box.left + box.width / 2, box.top + box.height / 2])
    middle += rng.normal(size=2) * 0.02 * box.height
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([MAP_WIDTH / 2, MAP_HEIGHT / 2]) - turned @ middle
    return np.concatenate([turned, shift[:, None]], axis=1)


def centred(move: np.ndarray) -> np.ndarray:
    """The same map for pixel indices, whose centres lie half a pixel further."""
    shifted = move.copy()
    shifted[:, 2] += move[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return shifted
