"""The net that finds the garment in a photo: what goes in, and what comes out.

It sees how each pixel differs from the plain ground that the photo's border suggests, and how
surely it does: a white garment differs from a white ground by one part in a hundred only, but a
studio's ground is as even as that.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.garment.ground import ground_of

CUTOUT_SIDE = 224
"""Pixels of a photo's longer side as the net sees it."""

_FOLD = 4  # pixels on each side that are folded into channels
CUTOUT_INPUTS = 6 * _FOLD**2
CUTOUT_OUTPUTS = (_FOLD // 2) ** 2  # a dense net's output is twice the size of its input


def drawn_alpha(net: DenseNet, rgb: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: the garment, at the size that the net sees.

    rgb: uint8 (H, W, 3), a photo of any size.
    """
    scale = CUTOUT_SIDE / max(rgb.shape[:2])
    rows, columns = (max(8, 8 * round(scale * side / 8)) for side in rgb.shape[:2])
    shrinks = rows < rgb.shape[0] or columns < rgb.shape[1]
    small = cv2.resize(
        rgb, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    inputs = torch.from_numpy(cutout_inputs(small))[None]
    with torch.inference_mode():
        drawn = net(inputs.to(memory_format=torch.channels_last)).float()
        return np.asarray(cutout_logits(drawn)[0].sigmoid().numpy())


def cutout_inputs(rgb: np.ndarray) -> np.ndarray:
    """float32 (96, h/4, w/4): the net's view of a photo uint8 (h, w, 3), sides multiples of 4."""
    ground = ground_of(rgb)
    offset = ground.difference(rgb)
    sure = np.arcsinh(offset * np.float32(0.5 / ground.noise)) / 2
    maps = torch.from_numpy(np.concatenate([offset / 128, sure], axis=2)).permute(2, 0, 1)
    return np.asarray(F.pixel_unshuffle(maps, _FOLD).numpy())


def cutout_logits(drawn: torch.Tensor) -> torch.Tensor:
    """(N, h, w): the net's output (N, 4, h/2, w/2) unfolded; its sigmoid is the alpha."""
    return F.pixel_shuffle(drawn, _FOLD // 2)[:, 0]
