"""The mask as the editor shows it, and what a visitor changed in it.

The editor works on a reduced copy of the photo, which keeps the page quick for any size. What was
brushed is the difference to the mask that was shown, so that it stays when the automatic mask
under it changes: grown, shrunk, or made for another garment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from tryon.demo.pictures import shown
from tryon.demo.seen import RED
from tryon.pipelines.mask import grown_mask

EDITED = 0.0004  # share of changed pixels above which a mask counts as edited
OPACITY = 140
SIDE = 900  # pixels of the longer side of what is edited


def editor_photo(photo: Image.Image) -> Image.Image:
    """The photo at the editor's size, small ones enlarged: the editor misplaces their layer."""
    scale = SIDE / max(photo.size)
    if scale < 1:
        return shown(photo, SIDE)
    return photo.resize((round(photo.width * scale), round(photo.height * scale)))


def editor_base(mask: Image.Image, size: tuple[int, int], grow: int) -> Image.Image:
    """An automatic mask grown by pixels of its own size, at the editor's size: `L`, 0 or 255."""
    small = mask.resize(size, Image.Resampling.BILINEAR).point(lambda level: 255 * (level >= 128))
    return grown_mask(small, grow * size[0] / mask.width) if grow else small


def layer_of(mask: Image.Image) -> Image.Image:
    """RGBA: red where the mask is, to be brushed and erased."""
    layer = Image.new("RGBA", mask.size, (*RED, 0))
    layer.putalpha(mask.point(lambda level: OPACITY if level >= 128 else 0))
    return layer


def mask_of(value: Mapping[str, Any] | None, size: tuple[int, int]) -> Image.Image | None:
    """What the editor holds as a mask: `L`, 0 or 255, of this size.

    None for an editor that holds nothing, or has not drawn yet what it was given.
    """
    layers = [layer for layer in (value or {}).get("layers") or () if layer is not None]
    if not layers:
        return None
    alphas = [layer.convert("RGBA").getchannel("A").resize(size) for layer in layers]
    # Half the opacity of the mask that was shown: the soft rim of a brush is not meant.
    mask = reduce(ImageChops.lighter, alphas).point(lambda level: 255 * (level >= OPACITY // 2))
    return mask if mask.getbbox() else None


def is_edited(drawn: Image.Image | None, base: Image.Image | None) -> bool:
    """Whether a visitor changed the mask that they were shown."""
    if drawn is None or base is None:
        return False
    changed = np.asarray(drawn) != np.asarray(base)
    return float(changed.mean()) > EDITED


def closest(drawn: Image.Image | None, bases: Iterable[Image.Image]) -> Image.Image | None:
    """Of the masks that were shown lately, the one that this was drawn on.

    The page may not yet show the last one when a visitor goes on.
    """
    if drawn is None:
        return None
    return min(
        (base for base in bases if base.size == drawn.size),
        key=lambda base: np.count_nonzero(np.asarray(base) != np.asarray(drawn)),
        default=None,
    )


def carried_over(drawn: Image.Image | None, old: Image.Image, new: Image.Image) -> Image.Image:
    """The new automatic mask with what was drawn into and erased from the old one."""
    if drawn is None or old.size != new.size or not is_edited(drawn, old):
        return new
    added = ImageChops.subtract(drawn, old)
    erased = ImageChops.subtract(old, drawn)
    return ImageChops.subtract(ImageChops.lighter(new, added), erased)
