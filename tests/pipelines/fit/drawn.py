"""A drawn person in a long-sleeved top, whose every layer is known, as a scene."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from PIL import Image

from tryon.pipelines.anatomy import Bone
from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.crop import Crop
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.fit.warp import Warp
from tryon.types import BODY_PARTS, Box, Category

WIDTH, HEIGHT, UNIT = 240, 320, 70.0
SKIN, SHIRT, TROUSERS = (205, 160, 130), (40, 60, 170), (90, 110, 60)
_BARE = {  # left, top, right, bottom of each part
    "head": (105, 20, 135, 70),
    "neck": (110, 66, 130, 82),
    "torso": (85, 80, 155, 190),
    "right_upper_arm": (62, 80, 85, 140),
    "right_forearm": (62, 140, 85, 190),
    "right_hand": (64, 190, 82, 215),
    "left_upper_arm": (155, 80, 178, 140),
    "left_forearm": (155, 140, 178, 190),
    "left_hand": (158, 190, 176, 215),
    "right_thigh": (85, 190, 119, 320),
    "left_thigh": (121, 190, 155, 320),
}
_SHIRT = ((85, 80, 155, 200), (56, 80, 85, 188), (155, 80, 184, 188))  # wider than the arms


def filled_boxes(boxes: tuple[tuple[int, int, int, int], ...]) -> np.ndarray:
    """bool (HEIGHT, WIDTH)."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def background() -> np.ndarray:
    """uint8: a wall that grows lighter, and a floor with a straight edge."""
    wall = np.linspace(150, 210, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 3))
    wall[150:] -= 50
    return wall.astype(np.uint8)


def trousers() -> np.ndarray:
    """uint8: cloth with stripes from top to bottom."""
    cloth = np.ones((HEIGHT, WIDTH, 3)) * TROUSERS
    cloth[:, np.arange(WIDTH) % 8 < 4] += 40
    return cloth.astype(np.uint8)


def bare() -> np.ndarray:
    """bool (HEIGHT, WIDTH): the body."""
    return filled_boxes(tuple(_BARE.values()))


def shirt() -> np.ndarray:
    return filled_boxes(_SHIRT)


def hands() -> np.ndarray:
    return filled_boxes((_BARE["left_hand"], _BARE["right_hand"]))


def photo() -> np.ndarray:
    picture = background()
    picture[bare()] = SKIN
    legs = filled_boxes(((85, 176, 155, 320),))
    picture[legs] = trousers()[legs]
    picture[shirt()] = SHIRT
    return picture


def body_map() -> BodyMap:
    """The body of the drawing, at full resolution instead of the usual one."""
    parts = np.zeros((HEIGHT, WIDTH, len(BODY_PARTS)), np.float32)
    for name, box in _BARE.items():
        parts[filled_boxes((box,)), BODY_PARTS.index(name)] = 1
    parts[..., 0] = 1 - parts.sum(-1).clip(0, 1)
    parts /= parts.sum(-1, keepdims=True)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    # The shoulders (y 85) at v 0.23, the hips (y 190) at 0.48; the trunk is 0.17 wide.
    uv = np.stack([0.5 + (x - 120) * 0.17 / 70, 0.23 + (y - 85) * 0.25 / 105], -1)
    ones = np.ones((HEIGHT, WIDTH), np.float32)
    box = Box(0, 0, WIDTH, HEIGHT)
    return BodyMap(uv, ones, bare().astype(np.float32), parts, ones, box, (WIDTH, HEIGHT))


def drawn_scene(category: Category = "upper", picture: np.ndarray | None = None) -> Scene:
    """The scene of a look in which the top is replaced: all of it is to be repainted."""
    person = bare() | shirt()
    skin = (bare() & ~shirt() & filled_boxes(((0, 0, WIDTH, 220),))).astype(np.float32)
    legs = filled_boxes(((85, 200, 155, 320),))
    old = shirt() if category == "upper" else legs
    area = old | np.pad(old, 4)[4:-4, 8:] | np.pad(old, 4)[4:-4, :-8]
    return Scene(
        box=Box(0, 0, WIDTH, HEIGHT),
        photo=photo() if picture is None else picture,
        area=area,
        silhouette=person.astype(np.float32),
        skin=skin,
        face=skin * filled_boxes((_BARE["head"],)),
        hair=np.zeros_like(skin),
        ahead=np.zeros_like(skin),
        top=shirt().astype(np.float32),
        bottom=legs.astype(np.float32),
        old=old.astype(np.float32),
        unit=UNIT,
        category=category,
        body=body_map(),
        parsing=cast(Any, _parsing()),
    )


def _parsing() -> SimpleNamespace:
    """What the layers ask of a parsing besides its planes."""
    bones = {}
    for name, (left, top, right, bottom) in _BARE.items():
        middle = (left + right) / 2
        bones[name] = Bone(np.array([middle, top]), np.array([middle, bottom]), 11.0, 11.0)
    window = Crop(Box(0, 0, WIDTH, HEIGHT), (WIDTH, HEIGHT), (WIDTH, HEIGHT))
    return SimpleNamespace(
        two_piece=True, waist=None, window=window, anatomy=SimpleNamespace(unit=UNIT, bones=bones)
    )


def drawn_photo() -> Image.Image:
    return Image.fromarray(photo())


def cloth(cover: np.ndarray, colour: tuple[int, int, int] = (200, 30, 30)) -> Warp:
    """A garment of one colour that covers this, float32 or bool (HEIGHT, WIDTH)."""
    alpha = cover.astype(np.float32)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[alpha > 0] = colour
    return Warp(image, alpha, alpha)


def vest() -> np.ndarray:
    """bool (HEIGHT, WIDTH): where a sleeveless top lies that ends above the old one."""
    return filled_boxes(((88, 80, 152, 178),))
