"""Stand-ins for the parser network, where a test draws its people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tryon.pipelines.person.parser import CLASSES
from tryon.pipelines.person.parsing import Parsing, person_parsing
from tryon.types import Pose


class BlindParser:
    """Sees background everywhere, so that the joints decide alone."""

    def probability(self, rgb: np.ndarray) -> np.ndarray:
        return one_hot(np.zeros(rgb.shape[:2], int))


@dataclass(frozen=True, eq=False)
class KnowingParser:
    """Sees what was drawn. classes: uint8 (h, w), indices into `CLASSES` of all of the picture."""

    classes: np.ndarray

    def probability(self, rgb: np.ndarray) -> np.ndarray:
        size = rgb.shape[1::-1]
        return one_hot(np.asarray(Image.fromarray(self.classes).resize(size, Image.NEAREST)))


def one_hot(classes: np.ndarray) -> np.ndarray:
    """float32 (h, w, 6): sure of the index into `CLASSES` of each pixel, (h, w)."""
    return np.eye(len(CLASSES), dtype=np.float32)[classes]


def drawn_parsing(
    photo: Image.Image, pose: Pose, silhouette: np.ndarray, classes: np.ndarray
) -> Parsing:
    """The parsing of somebody drawn. classes: uint8 (H, W), indices into `CLASSES`."""
    window = person_parsing(photo, pose, silhouette, BlindParser()).window.box
    seen = classes[window.top : window.bottom, window.left : window.right]
    return person_parsing(photo, pose, silhouette, KnowingParser(seen))
