"""The layers of one picture, made from what is known of the photo and the new clothes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.fit.body import body_layer, seen_skin
from tryon.pipelines.fit.front import front_layer
from tryon.pipelines.fit.garment import garment_layer
from tryon.pipelines.fit.kept import kept_layer, seen_clothes, with_old_clothes
from tryon.pipelines.fit.layers import Layers
from tryon.pipelines.fit.modesty import left_open, private_zone
from tryon.pipelines.fit.outline import body_outline
from tryon.pipelines.fit.plate import plate_layer
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.fit.warp import Warp

_EDGE = 3.0  # pixels inside the area over which the layers come in


def picture_layers(
    photo: Image.Image, scene: Scene, warps: Sequence[Warp], *, seed: int = 0
) -> Layers:
    """The photo with the garments of the warps on, in layers.

    photo: RGB, that of the scene. warps: each over those before it. seed: of the grain.
    """
    box = scene.box
    cut = np.s_[box.top : box.bottom, box.left : box.right]
    cover = np.max([np.zeros_like(scene.old), *(warp.coverage[cut] for warp in warps)], axis=0)
    clothes = seen_clothes(scene)
    outline = body_outline(scene, np.maximum(seen_skin(scene), clothes))
    plate, body = plate_layer(scene), body_layer(scene, outline, seed=seed)
    kept = kept_layer(scene, clothes, outline, cover)
    under = np.maximum.reduce([body.alpha, kept.alpha, scene.silhouette * (1 - scene.old)])
    garment = garment_layer(scene, warps, under)
    zone = private_zone(scene)
    bare = left_open(scene, zone, np.maximum(cover, kept.alpha))
    kept = with_old_clothes(kept, scene, bare)
    inside = cv2.distanceTransform(scene.area.astype(np.uint8), cv2.DIST_L2, 3)
    changed = np.clip(inside / _EDGE, 0, 1) * np.maximum(scene.old, garment.alpha)
    return Layers(
        photo=photo,
        box=box,
        plate=plate,
        body=body,
        kept=kept,
        garment=garment,
        front=front_layer(scene, cover),
        changed=changed.astype(np.float32),
        private=zone,
        stays=bare,
    )
