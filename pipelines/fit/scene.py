"""What is known of a person photo around the part that will be repainted, at the photo's size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.crop import grown_box, mask_box
from tryon.pipelines.imaging.fill import mean_near
from tryon.pipelines.imaging.matte import mattes
from tryon.pipelines.mask import worn_clothes
from tryon.pipelines.person.parsing import Parsing
from tryon.pipelines.regions import grown
from tryon.types import BODY_PARTS, Box, Category

_CONTEXT = 0.35  # shoulder widths around what is repainted, from which it is continued
_TRACE, _FLUTTER = 0.04, 0.12  # silhouette beside old clothes that is theirs, in shoulder widths
_RIM = 1.5  # pixels around old clothes that show them, too
_SLEEVE, _BELOW = 0.08, 0.05  # shoulder widths over which an arm is bare, and below a waist
_MATTE = 0.015  # radius of the guided filter, in shoulder widths
_FAST = 0.5  # size of the masks for it: its coefficients are smooth

# Parts whose skin has one tone and whose roundness is one: limbs, with the hand that shows it.
LIMBS: dict[str, tuple[str, ...]] = {
    "trunk": ("torso", "neck", "head"),
    **{
        f"{side}_arm": (f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand")
        for side in ("left", "right")
    },
    **{
        f"{side}_leg": (f"{side}_thigh", f"{side}_shin", f"{side}_foot")
        for side in ("left", "right")
    },
}


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """A person photo in a box around what is repainted; all arrays are (h, w) of the box.

    photo: uint8 (h, w, 3). area: bool, what may be repainted at all.
    silhouette: float32, 0-1, the person, clothes included.
    skin, hair, ahead: float32, 0-1, with edges as in the photo; `skin` is the face's too, `ahead`
        are bags and straps before the body.
    face, top, bottom: float32, 0-1, with soft edges.
    old: float32, 0-1, the clothes whose place is taken, and a little around them.
    unit: pixels of the shoulders' width.
    body, parsing: as they were found, of the whole photo.
    """

    box: Box
    photo: np.ndarray
    area: np.ndarray
    silhouette: np.ndarray
    skin: np.ndarray
    face: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    ahead: np.ndarray
    old: np.ndarray
    unit: float
    category: Category
    body: BodyMap
    parsing: Parsing

    def of_map(self, plane: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
        """float32 (h, w): a plane of the body map in the box."""
        box, map_box = self.box, self.body.box
        across, down = map_box.width / plane.shape[1], map_box.height / plane.shape[0]
        left, top = map_box.left - box.left, map_box.top - box.top
        move = np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5]])
        return cv2.warpAffine(
            np.ascontiguousarray(plane, np.float32), move, box.size, flags=interpolation
        )

    def parts(self, *names: str) -> np.ndarray:
        """float32 (h, w), 0-1: the probability of these parts of the body."""
        return self.of_map(self.body.parts[..., [BODY_PARTS.index(name) for name in names]].sum(-1))

    def of_window(self, point: np.ndarray) -> np.ndarray:
        """float (2,): a point of the parsing's window in pixels of the box."""
        window = self.parsing.window
        corner = np.array([window.box.left - self.box.left, window.box.top - self.box.top])
        return np.asarray(point / np.array(window.scale) + corner)

    def uv(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 (h, w) each: the place on the canonical body."""
        return self.of_map(self.body.uv[..., 0]), self.of_map(self.body.uv[..., 1])


def scene_of(
    photo: Image.Image,
    silhouette: np.ndarray,
    parsing: Parsing,
    body: BodyMap,
    area: Image.Image,
    category: Category,
) -> Scene:
    """What is known around the area to repaint (`L`, 255 = repaint, the size of the photo).

    silhouette: float32 (H, W), 0-1. Raises MaskEmptyError if nothing is to be repainted.
    """
    unit = parsing.anatomy.unit / max(parsing.window.scale)
    box = grown_box(mask_box(area), round(_CONTEXT * unit), photo.size)
    pixels = np.asarray(photo.crop(box.as_tuple()))
    cut = np.s_[box.top : box.bottom, box.left : box.right]
    sharp = (parsing.skin, parsing.hair, parsing.carried)
    soft = (parsing.face, parsing.top, parsing.bottom, worn_clothes(parsing, category))
    small = _in_box(np.stack(sharp, -1), parsing, box)
    small = cv2.resize(small, None, fx=_FAST, fy=_FAST, interpolation=cv2.INTER_AREA)
    radius = max(round(_MATTE * _FAST * parsing.anatomy.unit), 1)
    skin, hair, ahead = np.moveaxis(mattes(pixels, small, radius), -1, 0)
    face, top, bottom, old = (
        cv2.resize(_in_box(plane[..., None], parsing, box), box.size) for plane in soft
    )
    scene = Scene(
        box=box,
        photo=pixels,
        area=np.asarray(area)[cut] >= 128,
        silhouette=silhouette[cut],
        skin=skin,
        face=face,
        hair=hair,
        top=top,
        bottom=bottom,
        ahead=ahead,
        old=old,
        unit=unit,
        category=category,
        body=body,
        parsing=parsing,
    )
    return replace(scene, old=_old_clothes(scene))


def _old_clothes(scene: Scene) -> np.ndarray:
    """float32 (h, w), 0-1: the old clothes as they were found, and around them what is of the
    person, but neither skin nor hair nor what stays: their soft outlines, and what flutters."""
    stays = np.maximum.reduce([scene.skin, scene.hair, scene.ahead, seen_other(scene)])
    trace = (scene.silhouette > _TRACE) & (stays < 0.3) & scene.area
    found = (scene.old > 0.5) & ~_beside_bare_arms(scene)
    whole = found | (trace & grown(found, _FLUTTER * scene.unit))
    return cv2.GaussianBlur(grown(whole, _RIM).astype(np.float32), (0, 0), 0.8)


def _beside_bare_arms(scene: Scene) -> np.ndarray:
    """bool (h, w): cloth below the waist of a top, beside an arm that is bare: it is no sleeve."""
    waist = scene.parsing.waist
    if waist is None or scene.category != "upper":
        return np.zeros_like(scene.area)
    columns = waist.y(np.arange(scene.box.left, scene.box.right)) - scene.box.top
    below = np.arange(scene.box.height)[:, None] > columns[None] + _BELOW * scene.unit
    arms = scene.parts(*(name for name in BODY_PARTS if "arm" in name or "hand" in name))
    bare = mean_near(scene.skin, np.clip(2 * arms - 0.5, 0, 1), _SLEEVE * scene.unit)
    return np.asarray(below & (arms > 0.25) & (bare > 0.6))


def seen_other(scene: Scene) -> np.ndarray:
    """float32 (h, w), 0-1: clothes that are seen and are not of the kind that is replaced."""
    if scene.category == "dress" or not scene.parsing.two_piece:
        return np.zeros_like(scene.skin)
    return scene.bottom if scene.category == "upper" else scene.top


def _in_box(planes: np.ndarray, parsing: Parsing, box: Box) -> np.ndarray:
    """float32 (h, w, k): planes of the parsing's window in the box, at about their own size."""
    window = parsing.window
    scale = np.array(window.scale)
    size = np.maximum(np.rint(scale * box.size), 1).astype(int)
    step = scale * box.size / size  # window pixels a pixel of the result
    start = (np.array([box.left, box.top]) - (window.box.left, window.box.top)) * scale
    move = np.array([[step[0], 0, start[0] + step[0] / 2 - 0.5], [0, step[1], 0]])
    move[1, 2] = start[1] + step[1] / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = [
        cv2.warpAffine(np.ascontiguousarray(plane, np.float32), move, tuple(size), flags=flags)
        for plane in np.moveaxis(planes, -1, 0)
    ]
    return np.stack(drawn, -1)
