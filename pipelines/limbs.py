"""Limb maps: keypoints drawn as soft sticks.

Together with the silhouette they are all that the body map sees of a photo.

A limb is drawn as a Gaussian of the distance to its segment, and a second time multiplied by the
position along it (0 at its first joint, 1 at its second), so that a network can tell the elbow's
end of a forearm from the wrist's. A limb with a missing joint is not drawn at all.
"""

from __future__ import annotations

import torch

from tryon.types import JOINTS

_LIMB_NAMES = (
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "left_shoulder"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_hip", "left_hip"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("neck", "nose"),
    ("right_ear", "left_ear"),
)
# Pairs of indices into `JOINTS`: the sticks that are drawn.
LIMBS: tuple[tuple[int, int], ...] = tuple(
    (JOINTS.index(a), JOINTS.index(b)) for a, b in _LIMB_NAMES
)
LIMB_CHANNELS = 2 * len(LIMBS)


def limb_maps(keypoints: torch.Tensor, height: int, width: int, sigma: float = 2.0) -> torch.Tensor:
    """Limb maps of a batch of people.

    keypoints: float (N, 18, 3): x, y in pixels of the map, confidence 0-1. Joints may lie outside
        the map; one with confidence 0 is missing, whatever its coordinates.
    sigma: half the thickness of a stick, in pixels of the map.

    Returns float (N, `LIMB_CHANNELS`, height, width), 0-1: first the Gaussians of all limbs,
    scaled by the confidence of their weaker joint, then the same times the position along the limb.
    """
    first, second = (list(side) for side in zip(*LIMBS, strict=True))
    start, end = keypoints[:, first], keypoints[:, second]
    confidence = torch.minimum(start[..., 2], end[..., 2]).clamp(0, 1)[..., None, None]
    confidence = torch.where(confidence > 0, confidence, 0)

    rows = torch.arange(height, device=keypoints.device, dtype=keypoints.dtype) + 0.5
    columns = torch.arange(width, device=keypoints.device, dtype=keypoints.dtype) + 0.5
    # A missing joint may carry NaN: it must not leak through the zero confidence.
    start_xy, end_xy = torch.nan_to_num(start[..., :2]), torch.nan_to_num(end[..., :2])
    along = end_xy - start_xy
    to_x = columns[None, None, None, :] - start_xy[..., 0, None, None]
    to_y = rows[None, None, :, None] - start_xy[..., 1, None, None]
    along_x, along_y = along[..., 0, None, None], along[..., 1, None, None]
    position = (to_x * along_x + to_y * along_y) / (along_x**2 + along_y**2 + 1e-6)
    position = position.clamp(0, 1)
    squared = (to_x - position * along_x) ** 2 + (to_y - position * along_y) ** 2
    gaussian = torch.exp(squared / (-2 * sigma**2)) * confidence
    return torch.cat([gaussian, gaussian * position], dim=1)
