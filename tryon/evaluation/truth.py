"""The atlas and the body map that nets without any error would give: the ceiling of the warp."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.data.synthetic.canonical import FRONT, PARTS
from tryon.data.synthetic.sample import Garment, Sample
from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, BodyMap, person_crop
from tryon.pipelines.garment.atlas import GarmentAtlas, garment_layer
from tryon.pipelines.garment.placement import as_worn
from tryon.types import Pose

_MEASURED = 20_000  # pixels of a garment photo that a smooth map is fitted to


def true_atlas(garment: Garment) -> GarmentAtlas:
    """The atlas of a synthetic flat-lay, from its true coordinates.

    Raises NoGarmentError if too little of the front's outside is in the photo.
    """
    photo = garment.photo
    outside = photo.mask & (photo.layer == FRONT)
    rows, columns = np.nonzero(outside)
    every = max(1, len(rows) // _MEASURED)
    rows, columns = rows[::every], columns[::every]
    layer = garment_layer(
        as_worn(photo.image),
        outside.astype(np.uint8) * 255,
        photo.uv[rows, columns],
        np.ones(len(rows), np.float32),
        np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32),
    )
    return GarmentAtlas(garment.category, (layer,))


def true_body_map(sample: Sample) -> BodyMap:
    """The body map of a synthetic person, on the grid and in the crop of a predicted one."""
    height, width = sample.agnostic.shape
    pose = Pose(sample.keypoints, sample.hands, score=1.0)
    box = person_crop(pose, sample.person.silhouette.astype(np.float32))
    x = box.left + (np.arange(MAP_WIDTH) + 0.5) * box.width / MAP_WIDTH - 0.5
    y = box.top + (np.arange(MAP_HEIGHT) + 0.5) * box.height / MAP_HEIGHT - 0.5
    at_x, at_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))

    def on_grid(plane: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.remap(plane, at_x, at_y, cv2.INTER_NEAREST))

    labels = on_grid(sample.body.parts)
    there = (labels > 0).astype(np.float32)
    return BodyMap(
        uv=on_grid(sample.body.uv),
        front=(on_grid(sample.body.layer) == FRONT).astype(np.float32),
        body=there * (on_grid(sample.band.astype(np.uint8)) == 0),
        parts=(labels[..., None] == np.arange(len(PARTS))).astype(np.float32),
        confidence=there,
        box=box,
        photo_size=(width, height),
    )
