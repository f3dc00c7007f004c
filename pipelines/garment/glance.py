"""A glance at a cut-out: is it a garment, of which category, and how does it stand in the photo?

One small net answers all three (`glance_net`); it is trained by `tryon.training.glance`. Whatever
is turned by quarters, or lies askew, can then be set upright before anything else looks at it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from tryon.pipelines.garment.cutout import Cutout
from tryon.pipelines.garment.glance_net import ANGLES, GLANCE_SIZE, GlanceNet
from tryon.types import CATEGORIES, Box, Category

_AIR = 0.06  # of the garment's extent, left free around it
_STEP = 360 / ANGLES
_NEAR = 3  # classes on each side of the likeliest angle that count for it
_SURELY = 0.75  # of the angle's mass must lie there before the garment is turned
_ASKEW = 8.0  # degrees; people, and nets, lay garments no straighter
_SQUAT, _LONG = 1.1, 1.7  # height to width: of tops; of what shops call a dress
_HARDLY = 0.1  # how often a dress is as squat as a top, beside a long one
_QUARTER = 4.0  # degrees within which a turn by quarters is meant


@dataclass(frozen=True, eq=False, slots=True)
class Glance:
    """What a cut-out shows.

    shares: float (3,), summing to 1: how likely each of `CATEGORIES` is, if it is a garment.
    garment: how likely it is a garment at all, 0-1.
    angle: degrees, -180 to 180, by which the garment is turned clockwise in the photo.
    sure: how likely it is that angle and no other, 0-1.
    """

    shares: np.ndarray
    garment: float
    angle: float
    sure: float

    @property
    def category(self) -> Category:
        """The likeliest category."""
        return CATEGORIES[int(self.shares.argmax())]

    @property
    def turned(self) -> bool:
        """Whether the garment surely does not stand upright."""
        return abs(self.angle) > _ASKEW and self.sure >= _SURELY


def garment_glance(net: GlanceNet, cutout: Cutout) -> Glance:
    """Look at a cut-out: as it is, turned by quarters, and mirrored."""
    square, outline = garment_square(cutout.image, cutout.alpha, cutout.box)
    turns = [(quarters, mirrored) for quarters in range(4) for mirrored in (False, True)]
    views = [_view(square, outline, *turn) for turn in turns]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in views]))
    outlines = torch.from_numpy(np.stack([outline for _, outline in views]))
    with torch.inference_mode():
        kinds, angles = net(pictures.to(memory_format=torch.channels_last), outlines)
        kind = kinds.float().softmax(1).reshape(4, 2, -1).mean(1).numpy()
        each = angles.float().softmax(1).numpy()
    there = [_as_it_is(of_view, *turn) for of_view, turn in zip(each, turns, strict=True)]
    angle, sure = _peak(np.mean(there, axis=0))
    # A shirt on its head looks like trousers: what it is is told where it stands as upright as can
    # be.
    quarters = round(-angle / 90) % 4 if sure >= _SURELY else 0
    shown = kind[quarters]
    tall = cutout.box.height / cutout.box.width
    shares = shown[:-1] * _likely_shape(tall if quarters % 2 == 0 else 1 / tall)
    return Glance(shares / max(float(shares.sum()), 1e-9), float(1 - shown[-1]), angle, sure)


def _likely_shape(tall: float) -> np.ndarray:
    """float (3,), 0-1: how usual a garment so tall for its width is, by category."""
    squat = 1 - np.clip((tall - _SQUAT) / (_LONG - _SQUAT), 0, 1)
    return np.array([_HARDLY**squat if name == "dress" else 1.0 for name in CATEGORIES])


def garment_square(image: np.ndarray, alpha: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (96, 96, 3) and (96, 96): photo and outline of the square around a garment.

    image: uint8 (H, W, 3). alpha: uint8 (H, W).
    """
    side = max(box.width, box.height) * (1 + 2 * _AIR)
    scale = GLANCE_SIZE / side
    inner = max(1, round(box.width * scale)), max(1, round(box.height * scale))
    left, top = (GLANCE_SIZE - inner[0]) // 2, (GLANCE_SIZE - inner[1]) // 2
    planes = []
    for plane in (image, alpha):
        part = plane[box.top : box.bottom, box.left : box.right]
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square = np.zeros((GLANCE_SIZE, GLANCE_SIZE, *plane.shape[2:]), np.uint8)
        square[top : top + inner[1], left : left + inner[0]] = cv2.resize(
            np.ascontiguousarray(part), inner, interpolation=way
        )
        planes.append(square)
    return planes[0], planes[1]


def glance_inputs(square: np.ndarray, outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the net sees, float32 (3, 96, 96) and (1, 96, 96), of what `garment_square` gives."""
    there = outline.astype(np.float32) / 255
    picture = (square.astype(np.float32) - 127) / 128 * there[..., None]
    return np.ascontiguousarray(picture.transpose(2, 0, 1)), there[None]


def _view(
    square: np.ndarray, outline: np.ndarray, quarters: int, mirrored: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Turned clockwise by quarters, and then perhaps mirrored."""
    planes = [np.rot90(plane, -quarters) for plane in (square, outline)]
    if mirrored:
        planes = [plane[:, ::-1] for plane in planes]
    return glance_inputs(*planes)


def _as_it_is(shares: np.ndarray, quarters: int, mirrored: bool) -> np.ndarray:
    """The shares of the angles (72,) of a view, as those of what was turned to it."""
    if mirrored:
        shares = np.roll(shares[::-1], 1)  # class 0 stays: upright is its own mirror image
    return np.roll(shares, -quarters * ANGLES // 4)


def _peak(shares: np.ndarray) -> tuple[float, float]:
    """The likeliest angle in degrees, -180 to 180, and the mass that is near it."""
    around = np.arange(-_NEAR, _NEAR + 1)
    near = np.stack([np.roll(shares, -step) for step in around])  # (7, 72)
    mass = near.sum(axis=0)
    best = int(mass.argmax())
    middle = best + float((near[:, best] * around).sum() / mass[best])
    return (middle * _STEP + 180) % 360 - 180, min(float(mass[best]), 1.0)


def upright(cutout: Cutout, glance: Glance) -> Cutout:
    """The cut-out with the garment upright: itself, unless it is surely turned.

    Turns by quarters keep every pixel; others resample once, on a canvas that holds it all.
    """
    if not glance.turned:
        return cutout
    quarters = round(glance.angle / 90)
    if abs(glance.angle - 90 * quarters) <= _QUARTER:
        image, alpha = (np.rot90(plane, quarters) for plane in (cutout.image, cutout.alpha))
    else:
        image, alpha = _rotated(cutout.image, cutout.alpha, glance.angle)
    rows, columns = np.nonzero((alpha > 127).any(1))[0], np.nonzero((alpha > 127).any(0))[0]
    return Cutout(
        image=np.ascontiguousarray(image),
        alpha=np.ascontiguousarray(alpha),
        box=Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
        plain=cutout.plain,
    )


def _rotated(image: np.ndarray, alpha: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Image and alpha turned counterclockwise by so many degrees, the ground continued.

    Colours are weighted by alpha: what lies where nothing is must not come in.
    """
    height, width = alpha.shape
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across = math.ceil(abs(width * cosine) + abs(height * sine))
    down = math.ceil(abs(width * sine) + abs(height * cosine))
    move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    move[:, 2] += (across - width) / 2, (down - height) / 2

    def turned(plane: np.ndarray, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        size = (across, down)
        return cv2.warpAffine(plane, move, size, flags=cv2.INTER_CUBIC, borderMode=border)

    there = alpha.astype(np.float32) / 255
    weight = turned(there, cv2.BORDER_CONSTANT)
    colour = turned(image * there[..., None], cv2.BORDER_CONSTANT)
    seen = weight >= 0.5 / 255  # what rounds to more than nothing
    mixed = turned(image).astype(np.float32)
    mixed[seen] = colour[seen] / weight[seen][:, None]
    planes = mixed, weight * 255
    return tuple(np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes)  # type: ignore[return-value]
