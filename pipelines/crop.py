"""The rectangle a model works on: around the mask, of the model's own shape, never squashed.

Models see a fixed size; photos come in any. A `Crop` says which rectangle of the photo is seen and
at which size, and maps pictures, masks and points there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tryon.errors import MaskEmptyError, MaskSizeError
from tryon.types import Box, Category, Pose

_CONTEXT_JOINTS: dict[Category, tuple[str, ...]] = {
    "upper": ("nose", "right_eye", "left_eye", "right_shoulder", "left_shoulder", "right_hip",
              "left_hip"),
    "lower": ("right_hip", "left_hip", "right_knee", "left_knee", "right_ankle", "left_ankle"),
    "dress": ("nose", "right_eye", "left_eye", "right_shoulder", "left_shoulder", "right_hip",
              "left_hip", "right_knee", "left_knee"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Crop:
    """What part of a photo a model sees, and at what size.

    box: in photo pixels; it reaches beyond the frame where the photo is too small or too narrow,
        and that part is filled from the photo's edge.
    frame: the photo's (width, height).
    size: the (width, height) the model works at; the same shape as `box` to half a pixel.
    """

    box: Box
    frame: tuple[int, int]
    size: tuple[int, int]

    @property
    def inside(self) -> Box:
        """The part of `box` that lies in the photo."""
        left, top, right, bottom = self.box.as_tuple()
        width, height = self.frame
        return Box(max(left, 0), max(top, 0), min(right, width), min(bottom, height))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Photo pixels to be filled at the left, top, right and bottom."""
        box, inside = self.box, self.inside
        return (
            inside.left - box.left,
            inside.top - box.top,
            box.right - inside.right,
            box.bottom - inside.bottom,
        )

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per photo pixel, across and down."""
        return self.size[0] / self.box.width, self.size[1] / self.box.height


def crop_around(
    mask: Image.Image,
    size: tuple[int, int],
    *,
    include: Box | None = None,
    context: float = 0.1,
    minimum: int = 64,
) -> Crop:
    """The crop of the shape of `size` that holds all of the mask and what is to be included.

    mask: PIL `L` of the photo's size; what is 128 or more must be inside.
    size: (width, height) the model works at.
    include: what else the model should see (see `context_box`), as far as it is in the frame.
    context: wished margin around both, as a share of their longer side.
    minimum: photo pixels that the crop's shorter side has at least.

    A box that sticks out of the frame is shifted into it, and loses its margin where there is no
    room; only if that is not enough, the box reaches beyond the frame.

    Raises MaskEmptyError if nothing is masked.
    """
    held = mask_box(mask)
    if include is not None:
        held = joint_box([held, grown_box(include, 0, mask.size)]) or held
    margin = 2 * context * max(held.size)
    width, height = size
    to_hold = max(held.width / width, held.height / height)
    to_please = max((held.width + margin) / width, (held.height + margin) / height)
    to_fit = min(mask.width / width, mask.height / height)
    scale = max(to_hold, min(to_please, to_fit), minimum / min(size))

    box_width, box_height = max(round(width * scale), 1), max(round(height * scale), 1)
    left = _placed(box_width, held.left + held.right, mask.width)
    top = _placed(box_height, held.top + held.bottom, mask.height)
    return Crop(Box(left, top, left + box_width, top + box_height), mask.size, size)


def mask_box(mask: Image.Image) -> Box:
    """The smallest box around the pixels of an `L` mask that are 128 or more.

    Raises MaskEmptyError if there are none.
    """
    masked = np.asarray(mask) >= 128
    rows, columns = np.flatnonzero(masked.any(axis=1)), np.flatnonzero(masked.any(axis=0))
    if not rows.size:
        raise MaskEmptyError("the mask leaves nothing to repaint", remedy="Mark some of the photo.")
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grown_box(box: Box, pixels: int, frame: tuple[int, int]) -> Box:
    """The box, its sides moved outwards by so many pixels, but not out of the frame."""
    left, right = (min(max(side, 0), frame[0]) for side in (box.left - pixels, box.right + pixels))
    top, bottom = (min(max(side, 0), frame[1]) for side in (box.top - pixels, box.bottom + pixels))
    return Box(left, top, right, bottom)


def joint_box(boxes: Sequence[Box | None]) -> Box | None:
    """The smallest box that holds all of them; None if there are none."""
    sides = list(zip(*(box.as_tuple() for box in boxes if box is not None), strict=True))
    if not sides:
        return None
    return Box(min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))


def context_box(pose: Pose, category: Category) -> Box | None:
    """What of the body a model should see to dress it well: for a top, from head to thighs.

    Found joints only, with room for hair, arms and feet; None if none of them was found. The box
    may reach beyond the frame.
    """
    found = np.array([pose.joint(name) for name in _CONTEXT_JOINTS[category]])
    found = found[found[:, 2] > 0, :2]
    if not len(found):
        return None
    low, high = found.min(axis=0), found.max(axis=0)
    room = 0.2 * float((high - low).max())
    return Box(
        *np.floor(low - room).astype(int).tolist(), *np.ceil(high + room).astype(int).tolist()
    )


def cropped_photo(photo: Image.Image, crop: Crop) -> Image.Image:
    """What the model sees: RGB of `crop.size`; outside the frame, the photo's edge goes on."""
    _check_frame(photo, crop)
    if not any(crop.padding):
        return photo.resize(
            crop.size, Image.Resampling.LANCZOS, crop.box.as_tuple(), reducing_gap=3.0
        )
    padded = Image.fromarray(_padded(photo, crop))
    return padded.resize(crop.size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def cropped_mask(mask: Image.Image, crop: Crop) -> Image.Image:
    """The mask as the model sees it: `L` of `crop.size`, 0 or 255.

    A working pixel is masked if any photo pixel under it is, so that nothing is repainted in the
    photo that the model did not repaint.
    """
    _check_frame(mask, crop)
    padded = Image.fromarray(np.where(_padded(mask, crop) >= 128, np.uint8(255), np.uint8(0)))
    if min(crop.scale) >= 1:
        return padded.resize(crop.size, Image.Resampling.BILINEAR).point(lambda v: 255 * (v >= 128))
    return padded.resize(crop.size, Image.Resampling.BOX).point(lambda v: 255 * (v > 0))


def cropped_points(points: np.ndarray, crop: Crop) -> np.ndarray:
    """Photo coordinates as working coordinates: (..., 2 or more), x and y first, the rest kept."""
    moved = np.array(points, dtype=np.float32)
    moved[..., :2] = (moved[..., :2] - (crop.box.left, crop.box.top)) * crop.scale
    return moved


def uncropped_photo(generated: Image.Image, crop: Crop, region: Box | None = None) -> Image.Image:
    """A working picture (`crop.size`) at the photo's own resolution.

    region: the part of the photo that is wanted, inside `crop.inside`, which is the default.
    """
    if generated.size != crop.size:
        raise ValueError(f"a picture of {generated.size} does not fit a crop of {crop.size}")
    region = region or crop.inside
    corners = np.array([[region.left, region.top], [region.right, region.bottom]])
    (left, top), (right, bottom) = cropped_points(corners, crop).tolist()
    box = (max(left, 0.0), max(top, 0.0), min(right, crop.size[0]), min(bottom, crop.size[1]))
    if generated.size == region.size and box == (0.0, 0.0, *generated.size):
        return generated
    return generated.resize(region.size, Image.Resampling.LANCZOS, box)


def _placed(length: int, twice_the_middle: int, frame: int) -> int:
    """Where a side of the box starts: around the middle, but in the frame, or around all of it."""
    start = (twice_the_middle - length) // 2
    return min(max(start, min(0, frame - length)), max(0, frame - length))


def _padded(image: Image.Image, crop: Crop) -> np.ndarray:
    left, top, right, bottom = crop.padding
    pixels = np.asarray(image.crop(crop.inside.as_tuple()))
    if not any(crop.padding):
        return pixels
    return cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _check_frame(image: Image.Image, crop: Crop) -> None:
    if image.size != crop.frame:
        raise MaskSizeError(
            f"a picture of {image.size[0]}x{image.size[1]} does not fit a crop"
            f" of a {crop.frame[0]}x{crop.frame[1]} photo",
            remedy="Give the photo and the mask the same size.",
        )
