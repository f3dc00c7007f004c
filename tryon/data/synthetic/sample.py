"""What one synthetic sample holds.

Arrays are (height, width[, channels]); images are uint8 RGB; masks are bool. `uv` is always in
the canonical frame (see `canonical`), float32 in [0, 1], and zero where `layer` is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tryon.types import Category

CLOTHES: tuple[str, ...] = (
    "background",
    "skin",
    "hair",
    "upper",
    "lower",
    "dress",
    "shoes",
    "bag",
    "outer",
    "face",
    "hand",
)
"""Labels of `View.clothes`. `skin` is bare skin other than face (head and its front) and hands;
`outer` is an open jacket worn over the upper piece or the dress."""

BACKGROUND, SKIN, HAIR, UPPER, LOWER, DRESS, SHOES, BAG, OUTER, FACE, HAND = range(len(CLOTHES))

PhotoKind = Literal["flat-lay", "worn"]


@dataclass(frozen=True, eq=False, slots=True)
class Surface:
    """Which point of the canonical person every pixel shows.

    uv: float32 (H, W, 2), canonical coordinates, 0 where there is none.
    layer: uint8 (H, W), 0 none, 1 `FRONT`, 2 `BACK`.
    parts: uint8 (H, W), 0 background, 1-15 as in `canonical.PARTS`.
    """

    uv: np.ndarray
    layer: np.ndarray
    parts: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """One picture of the person, with its truth.

    image: uint8 (H, W, 3).
    clothes: uint8 (H, W), labels as in `CLOTHES`.
    silhouette: bool (H, W), everything that is not background: body, clothes, hair, shoes, bag.
    surface: the nearest surface of body **or garment**, with hair and bag looked through. On a
        garment the uv is that of the garment's own surface, in the band outside the mean body
        where it stands off (see `canonical`); part and layer are those of the body below it.
    """

    image: np.ndarray
    clothes: np.ndarray
    silhouette: np.ndarray
    surface: Surface


@dataclass(frozen=True, eq=False, slots=True)
class GarmentPhoto:
    """A photo of one garment, and where it belongs.

    image: uint8 (h, w, 3).
    mask: bool (h, w), the garment (the visible inside of the back collar is part of it; a
        hanger, a label or the wearer is not).
    uv: float32 (h, w, 2), canonical coordinates of each pixel of the mask, 0 outside.
    layer: uint8 (h, w), 0 outside the mask, 1 `FRONT`; 2 `BACK` (in a flat-lay this is the inside
        of the back, seen through the neckline or below a shorter front).
    kind: "flat-lay" or "worn".
    """

    image: np.ndarray
    mask: np.ndarray
    uv: np.ndarray
    layer: np.ndarray
    kind: PhotoKind


@dataclass(frozen=True, eq=False, slots=True)
class Garment:
    """One garment of the sample.

    category: which kind of garment the try-on exchanges it for; an open jacket is "upper".
    label: its label in `View.clothes` (`UPPER`, `LOWER`, `DRESS` or `OUTER`).
    name: kind, as in "t-shirt".
    caption: kind, colour, pattern and cut, in words, such as
        "a white t-shirt with red stripes, short sleeves and a round neckline".
    photo: the flat-lay photo.
    worn: the garment worn by another body in another pose, if asked for.
    """

    category: Category
    label: int
    name: str
    caption: str
    photo: GarmentPhoto
    worn: GarmentPhoto | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """A person, what they wear, and the same person in another garment.

    seed: the seed that makes exactly this sample, on any machine up to rounding.
    category: which garment differs between `person` and `other`.
    person: the picture, wearing `garments`.
    other: the same body, pose, hair, camera, light and background with `new_garment` in place of
        `garment`: the truth of an unpaired try-on.
    keypoints: float32 (18, 3), OpenPose-18 order (`tryon.types.JOINTS`): x, y in pixels of
        `person` and confidence: 1 visible, 0.4 hidden by the body or a bag, 0 outside the frame
        (x, y are still true then).
    hands: float32 (2, 3, 3), [right, left] x [thumb, index, little finger] x [x, y, confidence],
        where each finger ends.
    body: the bare body under the clothes. Outside the body it is continued into a band of
        about 8 cm (there `band` is true), as loose clothes would have it, so that a map learned
        from it also says where loose garments go.
    band: bool (H, W), pixels of `body` that are outside the bare body.
    agnostic: bool (H, W), what a try-on of `category` may repaint: old garment, new garment, the
        skin that comes to light or goes, grown a little; never face, hands, hair or bag.
    garments: every worn piece of `person`, in the order lower, upper, dress, outer.
    garment: the piece of `garments` that is exchanged.
    new_garment: what is worn in its place in `other`.
    caption: the person picture in words.
    """

    seed: int
    category: Category
    person: View
    other: View
    keypoints: np.ndarray
    hands: np.ndarray
    body: Surface
    band: np.ndarray
    agnostic: np.ndarray
    garments: tuple[Garment, ...]
    garment: Garment
    new_garment: Garment
    caption: str
