"""Whether another garment lies beside the one that was found: then the photo must be asked about.

Photos of shops show garments beside people who wear them, and fronts beside backs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PIL import Image

from tryon.errors import GarmentError
from tryon.pipelines.garment.cutout import Cutout
from tryon.pipelines.garment.glance import garment_glance
from tryon.pipelines.garment.glance_net import GlanceNet
from tryon.types import Box

_LONGEST = 384  # pixels of the photo's longer side are enough
_ROOM = 0.55  # of the garment's width or height, that another one needs at least
_AREA = 0.3  # of the garment's box that the other one's box must have
_SURELY = 0.9  # a garment; what is left of a torn cut-out looks less like one


def garment_beside(
    net: GlanceNet, cut_out: Callable[[Image.Image], Cutout], photo: Image.Image, box: Box
) -> bool:
    """Whether a strip beside, above or below `box` holds a garment, too.

    cut_out: cuts a garment out of a photo, or raises GarmentError. photo: RGB. box: around what was
    found already.
    """
    scale = min(1.0, _LONGEST / max(photo.size))
    small = photo.resize(
        (max(1, round(photo.width * scale)), max(1, round(photo.height * scale))),
        Image.Resampling.BOX,
        reducing_gap=2.0,
    )
    found = Box(*(round(edge * scale) for edge in box.as_tuple()))
    for strip in _strips(small.size, found):
        try:
            other = cut_out(small.crop(strip.as_tuple()))
        except GarmentError:
            continue  # nothing, or pieces of the ground: nothing sure
        large = other.box.width * other.box.height > _AREA * found.width * found.height
        if large and other.plain and garment_glance(net, other).garment >= _SURELY:
            return True
    return False


def _strips(size: tuple[int, int], box: Box) -> Iterator[Box]:
    """What lies to the left, to the right, above and below a box, where there is room."""
    width, height = size
    for strip in (
        Box(0, 0, box.left, height),
        Box(box.right, 0, width, height),
        Box(0, 0, width, box.top),
        Box(0, box.bottom, width, height),
    ):
        if strip.width >= _ROOM * box.width and strip.height >= _ROOM * box.height:
            yield strip
