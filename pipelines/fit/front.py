"""What lies before the clothes: hair, face, hands and bare arms, bags and straps."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.anatomy import ARM_PARTS
from tryon.pipelines.fit.layers import Layer
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.imaging.fill import mean_near

_HEM = 0.05  # shoulder widths beyond the end of a sleeve in which it may hang over the arm
_LOCK = 0.04  # shoulder widths around a strand whose hair has its colour
_HINT = 0.2  # probability up to which it is only a likeness of colours
_SURE = 0.9  # share of hair in a pixel whose colour is hair's


def front_layer(scene: Scene, cover: np.ndarray) -> Layer:
    """What stays before the new clothes, with its own colours up to its softest edge.

    cover: float32 (h, w), 0-1, the new clothes.
    """
    hair = scene.hair
    alpha = np.maximum.reduce([scene.face, hair, scene.ahead, _arms(scene, cover)])
    alpha = np.clip((alpha - _HINT) / (1 - 2 * _HINT), 0, 1) * scene.silhouette
    image = scene.photo
    strands = (hair > 0.02) & (hair < _SURE) & (scene.old > 0) & scene.area
    if strands.any() and (hair >= _SURE).any():
        # A strand's pixel shows what was behind it too; its own colour is that of the hair near.
        own = mean_near(scene.photo, hair >= _SURE, _LOCK * scene.unit)[strands]
        mixed = own + (scene.photo[strands] - own) * hair[strands][:, None]
        image = image.copy()
        image[strands] = np.rint(mixed)
    return Layer(image, alpha.astype(np.float32), np.ones_like(alpha))


def _arms(scene: Scene, cover: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: bare hands and arms that the new clothes do not dress.

    A sleeve covers the bone of its arm. Cloth that does not lies beside or behind the arm, and
    reaches over its edge by an error of the body map only.
    """
    result = scene.skin * np.clip(scene.parts("left_hand", "right_hand") * 3 - 1, 0, 1)
    reach = 2 * round(_HEM * scene.unit) + 1
    near = cv2.dilate(cover, np.ones((reach, reach), np.uint8))
    for name in ARM_PARTS:
        bone = scene.parsing.anatomy.bones.get(name)
        share = np.clip(scene.parts(name) * 3 - 1, 0, 1) * scene.skin
        y, x = np.nonzero((share > 0) & (scene.area | (cover > 0)))
        if bone is None or not len(y):
            continue
        start, end = scene.of_window(bone.start), scene.of_window(bone.end)
        along = (
            (np.stack([x, y], -1) - start) @ (end - start) / max((end - start) @ (end - start), 1)
        )
        foot = start + np.clip(along, 0, 1)[:, None] * (end - start)
        column, row = (
            np.clip(np.rint(foot[:, i]).astype(int), 0, near.shape[1 - i] - 1) for i in (0, 1)
        )
        result[y, x] = np.maximum(result[y, x], share[y, x] * (near[row, column] < 0.5))
    return np.asarray(result)
