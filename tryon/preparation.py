"""What is known before anything is painted, as values that can be kept and used again."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tryon.options import DressOptions
from tryon.pipelines.crop import Crop
from tryon.pipelines.inpaint import InpaintSample, InpaintSettings
from tryon.pipelines.parsing import Parsing
from tryon.stopwatch import Stopwatch
from tryon.types import Category, Pose

STAGES = ("pose", "bodymap", "atlas", "mask", "denoise", "decode", "composite")


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """A person photo, upright RGB, and what is in it.

    silhouette: float32 (H, W), 0-1.
    parsing: skin, hair and clothes.
    key: sha256 of the size and the pixels. path: where the photo was, for messages.
    """

    photo: Image.Image
    pose: Pose
    silhouette: np.ndarray
    parsing: Parsing
    key: str
    path: Path | None = None

    def silhouette_image(self) -> Image.Image:
        """The silhouette as `L`, 255 = person."""
        return Image.fromarray((self.silhouette * 255).round().astype(np.uint8))


@dataclass(frozen=True, eq=False, slots=True)
class Garment:
    """A garment photo, upright RGB, and what it shows. key: sha256 of the size and the pixels."""

    photo: Image.Image
    category: Category
    key: str


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """One look before it is painted.

    mask: `L`, the size of the photo, 255 = repaint.
    sample: what the model gets, at the family's size.
    """

    person: Person
    garment: Garment
    options: DressOptions
    mask: Image.Image
    crop: Crop
    sample: InpaintSample
    settings: InpaintSettings
    clock: Stopwatch

    @property
    def shared(self) -> Hashable:
        """What plans must have in common to be painted together."""
        return self.settings, self.options.lora

    def scores(self, alpha: Image.Image) -> dict[str, float]:
        """repainted: the share of the photo that changed. pose: how sure the joints are."""
        return {
            "repainted": float(np.count_nonzero(alpha)) / (alpha.width * alpha.height),
            "pose": self.person.pose.score,
        }

    def seconds(self) -> dict[str, float]:
        """Seconds by stage, in the order of the work, and `total`.

        A person or garment that was prepared for an earlier look costs nothing here.
        """
        measured = self.clock.seconds
        stages = {name: measured.get(name, 0.0) for name in STAGES}
        return {**stages, "total": sum(stages.values())}


def photo_key(photo: Image.Image) -> str:
    """Hex sha256 of a photo's size and pixels: the same picture, whatever file it came from."""
    digest = hashlib.sha256(f"{photo.mode} {photo.width}x{photo.height} ".encode())
    digest.update(photo.tobytes())
    return digest.hexdigest()
