"""What the compiled shading reads: meshes, cloth, skin; and the truth that it writes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SAMPLES = 2
"""Samples across a pixel: pictures are drawn so much larger than they are shown."""

CHANNELS = 9
"""Attributes of a vertex; see `Mesh`. Compiled loops of a fixed length are faster."""

CREASE_METRES = 0.5
"""After how much cloth the small creases repeat."""


class Mesh(NamedTuple):
    """What was drawn: owner, points float32 (V, 3) in samples of the picture, faces int32 (F, 3),
    attributes float32 (V, CHANNELS), and the rectangle (4,) of samples that it may have touched.

    Attributes (`CHANNELS`): view normal (3), uv (2), layer, cloth (2), metres to the hem; the last
    three are not used of skin.
    """

    owner: int
    points: np.ndarray
    faces: np.ndarray
    attributes: np.ndarray
    box: np.ndarray


class Cloth(NamedTuple):
    """A fabric at the resolution of a picture.

    tile: float32 (n, n, 3), repeating; to_tile: float32 (2, 3), cloth metres to tile pixels;
    back_shift: float32 (2,), tile pixels added behind; decal: float32 (h, w, 4), alpha 0-1;
    decal_box: float32 (5,): left, top, width, height on the cloth, and 1 in front, -1 behind or
    0 for none; trim: float32 (3,), colour within trim_width metres of a hem; fade: float32 (5,):
    colour, height on the cloth where it begins and where it is whole (colour < 0 for none);
    creases: float32 (m, m, 2), slopes, repeating after `CREASE_METRES`, times crease_depth;
    sheen: 0-1.
    """

    tile: np.ndarray
    to_tile: np.ndarray
    back_shift: np.ndarray
    decal: np.ndarray
    decal_box: np.ndarray
    trim: np.ndarray
    trim_width: np.float32
    fade: np.ndarray
    creases: np.ndarray
    crease_depth: np.float32
    sheen: np.float32


class Skin(NamedTuple):
    """colour: float32 (3,); paint: float32 (h, w, 4), the face in front, over paint_box: float32
    (4,): left, top, width, height in uv; parts: uint8 (V,)."""

    colour: np.ndarray
    paint: np.ndarray
    paint_box: np.ndarray
    parts: np.ndarray


class Truth(NamedTuple):
    """uv float32 (H, W, 2), layer uint8 (H, W), part uint8 (H, W); see `sample.Surface`."""

    uv: np.ndarray
    layer: np.ndarray
    part: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Truth:
        return cls(
            np.zeros((height, width, 2), np.float32),
            np.zeros((height, width), np.uint8),
            np.zeros((height, width), np.uint8),
        )

    def copy(self) -> Truth:
        return Truth(self.uv.copy(), self.layer.copy(), self.part.copy())
