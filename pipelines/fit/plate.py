"""The background behind the person."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.fit.layers import Layer
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.imaging.fill import continued
from tryon.pipelines.regions import grown

_MARGIN = 0.03  # around the person, in shoulder widths: shadows and soft edges are no background
_STRUCTURE = 0.08  # what is finer than this, in shoulder widths, goes on as it is
_FAR = 0.5  # shoulder widths from what is known, where half of it is a guess


def plate_layer(scene: Scene) -> Layer:
    """The photo without the person: known ground goes on, its structure as well as its colour."""
    person = (scene.silhouette > 0.1) | (scene.ahead > 0.5)
    known = ~grown(person, _MARGIN * scene.unit)
    wanted = (scene.old > 0) & scene.area
    image = continued(scene.photo, known, wanted, _STRUCTURE * scene.unit)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    trust = np.exp2(-away / (_FAR * scene.unit))
    return Layer(image, np.ones_like(trust), trust)
