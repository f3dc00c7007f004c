"""A finished picture with everything that was made on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from PIL.Image import Image

from tryon.images import DigitalSourceType, save_image
from tryon.pipelines.fit.layers import Layers
from tryon.types import Box, Pose


@dataclass(frozen=True, eq=False)
class Look:
    """One person in one garment.

    image: RGB, the size of the person photo.
    mask: `L`, the size of the photo; where it is 0 the image is bit-identical to the upright photo.
    warp: RGB, the size of the photo, with the garment's own pixels placed on it, or None.
    skeleton: RGB, the size of the crop that was repainted.
    crop: the part of the photo that was repainted at the family's size (may pass the frame).
    pose: the joints that were found, in pixels of the photo.
    scores: measures of this picture by name: `repainted`, the share of the photo; `pose`, how sure
        the joints are; `facing`, 1 for who faces the camera, 0 in profile, -1 from behind; `seam`,
        how strong an edge shows along the mask, in levels; `covered`, how much of chest and hips
        clothes cover that are not the old ones; `print`, how much of the garment's structure is
        kept, if it has any.
    seconds: time by stage.
    parameters: everything needed to make the same picture again.
    picture: the layers that the picture was made of; None where they are not known.
    warnings: what whoever uses the picture should know, in sentences.
    """

    image: Image
    mask: Image
    warp: Image | None
    skeleton: Image
    crop: Box
    pose: Pose
    scores: Mapping[str, float]
    seconds: Mapping[str, float]
    parameters: Mapping[str, Any]
    by_products: Mapping[str, Image] = field(default_factory=dict)
    picture: Layers | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def layers(self) -> Mapping[str, Image]:
        """From back to front, `plate`, `body`, `kept`, `garment` and `front`, each RGBA of the
        photo's size; nothing of the body but what was repainted."""
        return {} if self.picture is None else self.picture.images()

    def save(
        self,
        path: str | PathLike[str],
        *,
        provenance: bool = True,
        digital_source_type: DigitalSourceType = "compositeWithTrainedAlgorithmicMedia",
    ) -> Path:
        """Write the picture as JPEG, PNG or WebP, by the path's extension, and return the path.

        With `provenance`, the file says that a model made part of it, and with which parameters.
        Raises OutputError.
        """
        return save_image(
            self.image,
            path,
            parameters=self.parameters,
            digital_source_type=digital_source_type,
            provenance=provenance,
        )

    def save_by_products(self, folder: str | PathLike[str]) -> list[Path]:
        """Write mask, skeleton, warp, layers and the other by-products as PNG files into `folder`.

        Raises OutputError.
        """
        images = {"mask": self.mask, "skeleton": self.skeleton, **self.by_products}
        images |= {f"layer-{name}": image for name, image in self.layers.items()}
        if self.warp is not None:
            images["warp"] = self.warp
        return [
            save_image(image, Path(folder) / f"{name}.png", parameters=None, provenance=False)
            for name, image in images.items()
        ]

    def report(self, image: Path | None = None, by_products: Path | None = None) -> dict[str, Any]:
        """What `tryon dress --json` prints: plain values only."""
        return {
            "image": None if image is None else str(image),
            "mask": None if by_products is None else str(by_products / "mask.png"),
            "size": list(self.image.size),
            "category": self.parameters["category"],
            "seed": self.parameters["seed"],
            "model": self.parameters["model"],
            "lora": list(self.parameters["lora"]),
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "scores": {name: round(value, 6) for name, value in self.scores.items()},
            "warnings": list(self.warnings),
        }
