"""A picture in layers: what each of them is, and what they show together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from tryon.types import Box

NAMES = ("plate", "body", "kept", "garment", "front")


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """One layer in the box of its picture.

    image: uint8 (h, w, 3). alpha: float32 (h, w), 0-1. trust: float32 (h, w), 0-1, how far its
    pixels are known and not guessed.
    """

    image: np.ndarray
    alpha: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True, eq=False)
class Layers:
    """A picture from back to front, where it differs from the photo.

    photo: RGB. box: where the layers lie in it.
    plate: the background. body: the person's own. kept: the clothes that stay. garment: the new
    clothes and the shadow they cast. front: hair, hands, and what else lies before the clothes.
    changed: float32 (h, w), 0-1: how far the picture is made of the layers; the rest is the photo.
    private: float32 (h, w), 0-1: chest and hips. stays: the same where the old clothes stay on
        them, because neither the new ones nor others cover them.
    """

    photo: Image.Image
    box: Box
    plate: Layer
    body: Layer
    kept: Layer
    garment: Layer
    front: Layer
    changed: np.ndarray
    private: np.ndarray
    stays: np.ndarray

    def __iter__(self) -> Iterator[Layer]:
        """From back to front."""
        return iter(getattr(self, name) for name in NAMES)

    def picture(self) -> Image.Image:
        """RGB, the size of the photo: the layers over one another. Made once, not to be changed."""
        return self._picture

    @cached_property
    def _picture(self) -> Image.Image:
        below = self.plate.image
        for layer in (self.body, self.kept, self.garment, self.front):
            below = _over(below, layer.image, layer.alpha)
        left, top = self.box.left, self.box.top
        own = np.asarray(self.photo.crop(self.box.as_tuple()))
        result = self.photo.copy()
        result.paste(Image.fromarray(_over(own, below, self.changed)), (left, top))
        return result

    def trust(self) -> np.ndarray:
        """float32 (H, W) of the photo, 0-1: how far the picture is known; 1 where it is the
        photo."""
        known = np.ones_like(self.changed)
        for layer in self:
            known += (layer.trust - known) * layer.alpha
        return self._whole(1 + (known - 1) * self.changed, 1.0)

    def share(self, strength: float, painted: np.ndarray | None = None) -> np.ndarray:
        """float32 (H, W) of the photo, 0-1: how much of the layers is taken instead of what a
        model painted. The one place where that is decided.

        strength: 0 takes nothing of them, 1 all, and 0.5 as much as they are known; but chest and
            hips are never left bare.
        painted: uint8 (H, W, 3), what the model painted, if it did.
        """
        share = np.clip(self.trust() + np.float32(2 * strength - 1), 0, 1)
        must = self.stays if painted is None else np.maximum(self.stays, self._bared(painted))
        return np.maximum(share, self._whole(must, 0.0))

    def _bared(self, painted: np.ndarray) -> np.ndarray:
        """float32 (h, w), 0-1: chest and hips that look painted as skin, though they are covered.

        Nearer to the bare body than to the picture of the layers.
        """
        box = self.box
        cut = np.s_[box.top : box.bottom, box.left : box.right]
        shown = np.asarray(self.picture())[cut]
        soft = [cv2.GaussianBlur(x, (0, 0), 2.0) for x in (painted[cut], self.body.image, shown)]
        made, skin, cloth = (cv2.cvtColor(x, cv2.COLOR_RGB2LAB).astype(np.float32) for x in soft)
        to_skin, to_cloth = (np.linalg.norm(made - x, axis=-1) for x in (skin, cloth))
        bare = ((to_skin < to_cloth) & (self.private > 0.5)).astype(np.float32)
        return cv2.GaussianBlur(cv2.dilate(bare, np.ones((9, 9))), (0, 0), 2.0)

    @property
    def covered(self) -> float:
        """How much of chest and hips the new clothes and those that stay cover, 0-1."""
        total = float(self.private.sum())
        return 1 - float((self.stays * self.changed).sum()) / total if total > 0 else 1.0

    def _whole(self, plane: np.ndarray, outside: float) -> np.ndarray:
        """float32 (H, W): a plane of the box in the photo."""
        whole = np.full((self.photo.height, self.photo.width), outside, np.float32)
        box = self.box
        whole[box.top : box.bottom, box.left : box.right] = plane
        return whole

    def images(self) -> dict[str, Image.Image]:
        """Each layer as RGBA of the photo's size; the body only where it was repainted."""
        return {name: self._image(name) for name in NAMES}

    def _image(self, name: str) -> Image.Image:
        layer: Layer = getattr(self, name)
        alpha = layer.alpha * self.changed if name == "body" else layer.alpha
        levels = np.dstack([layer.image, np.rint(alpha * 255).astype(np.uint8)])
        levels[levels[..., 3] == 0] = 0
        whole = Image.new("RGBA", self.photo.size)
        whole.paste(Image.fromarray(levels), (self.box.left, self.box.top))
        return whole


def _over(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): a picture over another; exactly one of them where alpha is 0 or 1."""
    return np.asarray(cv2.blendLinear(below, above, 1 - alpha, np.ascontiguousarray(alpha)))
