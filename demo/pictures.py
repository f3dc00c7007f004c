"""Pictures at the size that a page shows."""

from __future__ import annotations

from PIL import Image

SHOWN = 1280  # pixels of the longer side of what is shown; files keep their own size


def shown(image: Image.Image, longest: int = SHOWN) -> Image.Image:
    """The picture, reduced if it is larger than a screen needs."""
    if max(image.size) <= longest:
        return image
    small = image.copy()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return small


def shrunk(photo: Image.Image, pixels: int) -> Image.Image:
    """The photo itself, or a copy of so many pixels where it has more."""
    scale = (pixels / (photo.width * photo.height)) ** 0.5
    if scale >= 1:
        return photo
    size = int(photo.width * scale), int(photo.height * scale)
    return photo.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
