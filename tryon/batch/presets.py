"""Sizes and formats of the finished files, as shops and marketplaces want them.

Google Merchant Center: at least 1500 x 1500 pixels recommended, at most 64 megapixels and 16 MB,
and IPTC's `trainedAlgorithmicMedia` in every picture made with generative AI
(support.google.com/merchants, "AI-generated content" and "image_link"). Shopify: square pictures of
2048 x 2048, at most 20 MB (help.shopify.com, "Product media types").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from tryon.errors import OutputError
from tryon.images import DigitalSourceType, save_image

PresetName = Literal["native", "google", "shopify"]
FORMATS = (".jpg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class Preset:
    """How a picture is written.

    shortest_side: scaled up until both sides have so many pixels.
    square: scaled to fit and padded to a square of so many pixels; nothing is cropped.
    """

    suffix: str = ".jpg"
    quality: int = 95
    shortest_side: int | None = None
    square: int | None = None
    digital_source_type: DigitalSourceType = "compositeWithTrainedAlgorithmicMedia"
    max_bytes: int | None = None


PRESETS: dict[PresetName, Preset] = {
    "native": Preset(),
    "google": Preset(
        quality=92,
        shortest_side=1500,
        digital_source_type="trainedAlgorithmicMedia",
        max_bytes=16_000_000,
    ),
    "shopify": Preset(quality=92, square=2048, max_bytes=20_000_000),
}


def presented(image: Image.Image, preset: Preset) -> Image.Image:
    """The picture at the size that the preset asks for; `native` leaves it as it is."""
    if preset.square is not None:
        return _padded(image, preset.square)
    short = min(image.size)
    if preset.shortest_side is None or short >= preset.shortest_side:
        return image
    scale = preset.shortest_side / short
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size, Image.Resampling.LANCZOS)


def write_picture(
    image: Image.Image, file: Path, preset: Preset, parameters: dict[str, Any] | None
) -> None:
    """Write the picture as the preset says. parameters: None leaves out the mark of its origin.

    Raises OutputError, also if no quality makes it small enough.
    """
    for quality in range(preset.quality, 39, -10):
        save_image(
            image,
            file,
            parameters=parameters,
            digital_source_type=preset.digital_source_type,
            quality=quality,
            provenance=parameters is not None,
        )
        if preset.max_bytes is None or file.stat().st_size <= preset.max_bytes:
            return
    raise OutputError(
        f"the picture is larger than {preset.max_bytes} bytes at any quality", path=file
    )


def _padded(image: Image.Image, side: int) -> Image.Image:
    """The picture in the middle of a square of its own background's colour."""
    scale = side / max(image.size)
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    square = Image.new("RGB", (side, side), background_colour(image))
    fitted = image.resize(size, Image.Resampling.LANCZOS)
    square.paste(fitted, ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def background_colour(image: Image.Image) -> tuple[int, int, int]:
    """The median of the pixels along the top and the upper half of both sides.

    The person reaches the lower edge more often than the others.
    """
    pixels = np.asarray(image)
    half = max(pixels.shape[0] // 2, 1)
    edges = [pixels[0], pixels[:half, 0], pixels[:half, -1]]
    red, green, blue = np.median(np.concatenate(edges), axis=0).astype(int).tolist()
    return red, green, blue
