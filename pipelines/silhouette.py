"""The person's silhouette: two networks' rough masks, made one, with edges as in the photo.

MediaPipe's selfie segmentation knows people from background, but not one person from another;
BlazePose's mask knows whom it means. Both are 256 pixels wide. The edge comes from a guided
filter (He, Sun, Tang 2013, "Guided Image Filtering"), whose coefficients are found on a small
copy of the photo and used on the full one (He, Sun 2015, "Fast Guided Filter").
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Protocol

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.litert import LiteRTModel
from tryon.types import Box, Pose, SoftMask

SEGMENTER_SIDE = 256
WORKING_SIDE = 512  # pixels of the longer side of the small copy, at most
MARGIN = 0.12  # around the person, as a part of their longer side
REACH = 0.025  # how far beyond BlazePose's mask the person may reach, as a part of its side
EDGE = 0.012  # radius of the guided filter, as a part of the same
SMOOTHNESS = 1e-4  # variance (of colours 0-1) below which the filter sees no edge
DECISION = 2.0  # contrast given to the rough mask, which is undecided along its edges
SHARPNESS = 1.6  # contrast given to the filtered mask, which is a little blurred
FINEST_SIDE = 2048  # pixels; crops twice as large are halved first, or thirded ...
STRIP = 256  # rows worked on at a time at full size


class PersonProbability(Protocol):
    """Anything that tells people from background."""

    def probability(self, image: Image.Image) -> np.ndarray:
        """float32 (H, W), 0-1: how likely each pixel of an RGB image shows a person."""
        ...


class SelfieSegmenter:
    """MediaPipe's selfie segmentation, on the CPU. Safe to use from several threads."""

    def __init__(self, path: str | PathLike[str], threads: int = 1) -> None:
        """Load the `.tflite` file at `path`, to run on `threads` CPU threads.

        Raises WeightsMissingError and WeightsCorruptError.
        """
        self._model = LiteRTModel(path, threads)

    def probability(self, image: Image.Image) -> np.ndarray:
        """float32 (H, W), 0-1: how likely each pixel of an RGB image shows a person."""
        side = (SEGMENTER_SIDE, SEGMENTER_SIDE)
        small = _resized(np.asarray(image), side)
        output = self._model(small[None].astype(np.float32) / 255)
        return _resized(next(iter(output.values()))[0, :, :, 0], image.size)


def person_silhouette(
    image: Image.Image,
    pose: Pose,
    segmenter: PersonProbability,
    others: Sequence[Pose] = (),
) -> np.ndarray:
    """float32 (H, W), 0-1: how much of each pixel of an RGB photo is this person.

    others: people who are not meant; where their masks are surer than this one's, they win.
    """
    width, height = image.size
    box = _surroundings(pose, image.size)
    scale = min(1.0, WORKING_SIDE / max(box.size))
    size = (max(1, round(box.width * scale)), max(1, round(box.height * scale)))
    factor = max(1, max(box.size) // FINEST_SIDE)
    photo = np.asarray(image.reduce(factor, box.as_tuple()))
    small = _resized(photo, size)
    people = segmenter.probability(Image.fromarray(small))
    rough = contrasted(_this_person(people, pose, others, box), DECISION)
    longer = max(pose.box.size if pose.box else box.size) * scale
    coefficients = guided_coefficients(small, rough, max(2, round(EDGE * longer)))
    silhouette = np.zeros((height, width), np.float32)
    silhouette[box.top : box.bottom, box.left : box.right] = _resized(
        guided(photo, coefficients), box.size
    )
    return silhouette


def guided_coefficients(photo: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """float32 (h, w, 4): the affine function of colour that best explains `mask` around a pixel.

    photo: uint8 (h, w, 3). mask: float32 (h, w). radius: of the window, in pixels.
    """
    colours = photo.astype(np.float32) / 255

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (2 * radius + 1, 2 * radius + 1))

    middle, level = mean(colours), mean(mask)
    with_mask = mean(colours * mask[..., None]) - middle * level[..., None]
    first, second = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    rr, rg, rb, gg, gb, bb = np.moveaxis(
        mean(colours[..., first] * colours[..., second]) - middle[..., first] * middle[..., second],
        -1,
        0,
    )
    rr, gg, bb = rr + SMOOTHNESS, gg + SMOOTHNESS, bb + SMOOTHNESS
    # Cramer's rule on the symmetric 3x3 matrix of each window.
    adjugate = (
        (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb),
        (gb * rb - rg * bb, rr * bb - rb * rb, rb * rg - rr * gb),
        (rg * gb - gg * rb, rb * rg - rr * gb, rr * gg - rg * rg),
    )
    determinant = rr * adjugate[0][0] + rg * adjugate[0][1] + rb * adjugate[0][2]
    slopes = np.stack(
        [sum(row[i] * with_mask[..., i] for i in range(3)) / determinant for row in adjugate],
        axis=-1,
    )
    offset = level - (slopes * middle).sum(-1)
    return mean(np.concatenate([slopes, offset[..., None]], axis=-1))


def guided(photo: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """float32 (H, W), 0-1: the mask that `coefficients` (h, w, 4) give a photo, uint8 (H, W, 3)."""
    height, width = photo.shape[:2]
    result = np.empty((height, width), np.float32)
    down = coefficients.shape[0] / height
    across = coefficients.shape[1] / width
    for top in range(0, height, STRIP):
        strip = photo[top : top + STRIP]
        # Pixel middles of the strip, seen in the small copy.
        to_small = np.array(
            [[across, 0, across / 2 - 0.5], [0, down, (top + 0.5) * down - 0.5]], np.float32
        )
        local = cv2.warpAffine(
            coefficients,
            to_small,
            (width, strip.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        colours = strip.astype(np.float32) / 255
        values = np.einsum("hwc,hwc->hw", colours, local[..., :3]) + local[..., 3]
        result[top : top + STRIP] = contrasted(values, SHARPNESS)
    return result


def contrasted(mask: np.ndarray, gain: float) -> np.ndarray:
    """A mask 0-1, its distance from one half multiplied by `gain`."""
    decided: np.ndarray = np.clip((mask - 0.5) * gain + 0.5, 0, 1)
    return decided


def _this_person(people: np.ndarray, pose: Pose, others: Sequence[Pose], box: Box) -> np.ndarray:
    """float32 (h, w), 0-1: the rough mask of one person in the small copy of `box`.

    people: float32 (h, w), 0-1: anybody.
    """
    if pose.mask is None:
        return people
    mask = _seen_in(pose.mask, box, people.shape)
    rough: np.ndarray = (mask + people) / 2 * _seen_in(_grown(pose.mask), box, people.shape)
    for other in others:
        if other.mask is not None:
            theirs = _seen_in(other.mask, box, people.shape)
            rough *= np.clip(0.5 + 2 * (mask - theirs), 0, 1)
    return rough


def _grown(mask: SoftMask) -> SoftMask:
    """A soft mask with a rim around it, of a few hundredths of its size."""
    reach = round(REACH * max(mask.values.shape))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    values = cv2.GaussianBlur(cv2.dilate(mask.values, kernel), (0, 0), reach / 2)
    return SoftMask(np.clip(2 * values, 0, 1), mask.to_photo)


def _seen_in(mask: SoftMask, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """float32 `shape`: a soft mask, seen in a small copy of `box` that has this shape."""
    height, width = shape[:2]
    to_small = np.array([[width / box.width], [height / box.height]])
    matrix = mask.to_photo.astype(np.float64)
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - (box.left, box.top)
    matrix = matrix * to_small
    matrix[:, 2] -= 0.5
    return cv2.warpAffine(mask.values, matrix, (width, height), flags=cv2.INTER_LINEAR)


def _surroundings(pose: Pose, size: tuple[int, int]) -> Box:
    """The person's box with a margin, within a photo of this size; all of it if unknown."""
    width, height = size
    if pose.box is None:
        return Box(0, 0, width, height)
    margin = round(MARGIN * max(pose.box.size))
    return Box(
        max(pose.box.left - margin, 0),
        max(pose.box.top - margin, 0),
        min(pose.box.right + margin, width),
        min(pose.box.bottom + margin, height),
    )


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (h, w, ...) at another size (width, height); averaged where it is smaller."""
    shrinks = size[0] < values.shape[1]
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
