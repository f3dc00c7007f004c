"""BlazePose: finding people, and 33 landmarks with a soft mask for each.

The two networks are MediaPipe's (Bazarevsky et al. 2020, "BlazePose: On-device Real-time Body
Pose tracking"); how their outputs are read follows MediaPipe's pose_detection and
pose_landmark graphs. Coordinates are photo pixels, (0, 0) the corner of the first pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike

import cv2
import numpy as np

from tryon.pipelines.litert import LiteRTModel

DETECTOR_SIDE = 224
LANDMARK_SIDE = 256
HEATMAP_SIDE = 64
LANDMARKS = 33


@dataclass(frozen=True, slots=True)
class Region:
    """A square of the photo, turned so that the person in it stands upright.

    x, y: its centre, in photo pixels. side: in photo pixels. angle: radians, clockwise on screen.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, hips: np.ndarray, top: np.ndarray) -> Region:
        """The region of somebody whose hip centre is `hips`, and whose enclosing circle goes
        through `top`, above the head."""
        x, y = top - hips
        return cls(
            x=float(hips[0]),
            y=float(hips[1]),
            side=2.5 * math.hypot(x, y),  # the circle's diameter and a quarter more
            angle=math.atan2(x, -y),
        )

    def to_photo(self, side: int) -> np.ndarray:
        """float32 (2, 3): affine map to the photo from this region drawn `side` pixels wide."""
        scale = self.side / side
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        half = side / 2
        return np.array(
            [
                [cos, -sin, self.x - (cos - sin) * half],
                [sin, cos, self.y - (sin + cos) * half],
            ],
            dtype=np.float32,
        )


@dataclass(frozen=True, slots=True)
class Detection:
    """Somebody found: score 0-1, the face's box (left, top, right, bottom), the body's region."""

    score: float
    face: tuple[float, float, float, float]
    region: Region


@dataclass(frozen=True, eq=False, slots=True)
class Landmarks:
    """What the landmark network says about one region.

    points: float32 (33, 2), photo pixels, in MediaPipe's order.
    visibility: float32 (33,), 0-1, whether the point can be seen.
    presence: float32 (33,), 0-1, whether the point lies in the region.
    score: 0-1, whether there is a person.
    mask: float32 (256, 256), 0-1, the person in the region.
    to_photo: float32 (2, 3), affine map from mask pixels to photo pixels.
    next_region: where the network itself would look the next time.
    """

    points: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    score: float
    mask: np.ndarray
    to_photo: np.ndarray
    next_region: Region

    def rescaled(self, factor: float) -> Landmarks:
        """The same person in a photo `factor` times as large."""
        region = self.next_region
        return replace(
            self,
            points=self.points * np.float32(factor),
            to_photo=self.to_photo * np.float32(factor),
            next_region=Region(
                region.x * factor, region.y * factor, region.side * factor, region.angle
            ),
        )


class PersonDetector:
    """The detector network: people, by their faces and the circles around their bodies."""

    def __init__(self, path: str | PathLike[str], threads: int = 1) -> None:
        self._model = LiteRTModel(path, threads)

    def detect(
        self, photo: np.ndarray, window: Region | None = None, threshold: float = 0.5
    ) -> list[Detection]:
        """People in `photo` (uint8 (H, W, 3)), or in a `window` of it, surest first."""
        height, width = photo.shape[:2]
        window = window or Region(width / 2, height / 2, max(width, height))
        pixels = crop_pixels(photo, window.to_photo(DETECTOR_SIDE), DETECTOR_SIDE)
        output = self._model(pixels[None].astype(np.float32) / 127.5 - 1)
        scores = _sigmoid(output["Identity_1"][0, :, 0])
        sure = np.flatnonzero(scores > threshold)
        boxes, keypoints = _decoded(output["Identity"][0, sure], _ANCHORS[sure])
        affine = window.to_photo(1)
        return [
            _detection(score, _moved(box.reshape(2, 2), affine), _moved(points, affine))
            for score, box, points in _merged(scores[sure], boxes, keypoints)
        ]


class PoseLandmarker:
    """The landmark network: 33 points and a mask of the person in a region."""

    def __init__(self, path: str | PathLike[str], threads: int = 1) -> None:
        self._model = LiteRTModel(path, threads)

    def landmarks(self, photo: np.ndarray, region: Region) -> Landmarks:
        """The landmarks of the person in this region of `photo` (uint8 (H, W, 3))."""
        to_photo = region.to_photo(LANDMARK_SIDE)
        pixels = crop_pixels(photo, to_photo, LANDMARK_SIDE)
        output = self._model(pixels[None].astype(np.float32) / 255)
        rows = output["Identity"].reshape(-1, 5)
        heatmaps = _sigmoid(output["Identity_3"][0])
        points = _moved(_refined(rows[:, :2], heatmaps), to_photo)
        # The two rows after the landmarks are hip centre and circle, as from the detector.
        return Landmarks(
            points=points[:LANDMARKS],
            visibility=_sigmoid(rows[:LANDMARKS, 3]),
            presence=_sigmoid(rows[:LANDMARKS, 4]),
            score=float(output["Identity_1"].item()),
            mask=_sigmoid(output["Identity_2"][0, :, :, 0]),
            to_photo=to_photo,
            next_region=Region.around(points[LANDMARKS], points[LANDMARKS + 1]),
        )


def crop_pixels(photo: np.ndarray, to_photo: np.ndarray, side: int) -> np.ndarray:
    """uint8 (side, side, 3): `photo` seen through an affine map from crop to photo pixels.

    Black outside the photo. Shrinking averages, so that large photos do not alias.
    """
    corners = _moved(np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32), to_photo)
    limits = np.array(photo.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, limits)
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 2, 0, limits)
    if right <= left or bottom <= top:
        return np.zeros((side, side, photo.shape[2]), photo.dtype)
    part = photo[top:bottom, left:right]
    matrix = to_photo.astype(np.float64) - [[0, 0, left], [0, 0, top]]
    factor = int(math.hypot(*to_photo[:, 0]))
    if factor > 1:
        size = (math.ceil(part.shape[1] / factor), math.ceil(part.shape[0] / factor))
        matrix *= [[size[0] / part.shape[1]], [size[1] / part.shape[0]]]
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    # OpenCV puts (0, 0) at the middle of the first pixel.
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(part, matrix, (side, side), flags=flags)


def _anchors() -> np.ndarray:
    """float32 (2254, 2): where the detector's answers sit, as parts of its input's side."""
    centres = []
    for stride, each in ((8, 2), (16, 2), (32, 6)):
        cells = DETECTOR_SIDE // stride
        y, x = np.mgrid[:cells, :cells]
        grid = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        centres.append(grid.repeat(each, axis=0))
    return np.concatenate(centres).astype(np.float32)


_ANCHORS = _anchors()


def _decoded(rows: np.ndarray, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Face boxes (n, 4), left, top, right, bottom, and keypoints (n, 4, 2), as parts of the side.

    rows: (n, 12), centre, size and four keypoints in pixels from the anchor.
    """
    rows = rows / DETECTOR_SIDE
    centre, half = rows[:, :2] + anchors, rows[:, 2:4] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return boxes, rows[:, 4:].reshape(-1, 4, 2) + anchors[:, None]


def _merged(
    scores: np.ndarray, boxes: np.ndarray, keypoints: np.ndarray, overlap: float = 0.3
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Weighted non-maximum suppression: boxes over each other become their weighted mean.

    Yields score, box (4,) and keypoints (4, 2), surest first.
    """
    left = np.argsort(-scores, kind="stable")
    while left.size:
        same = _overlaps(boxes[left[0]], boxes[left]) > overlap
        same[0] = True
        group = left[same]
        weights = scores[group] / scores[group].sum()
        yield (
            float(scores[left[0]]),
            np.tensordot(weights, boxes[group], 1),
            np.tensordot(weights, keypoints[group], 1),
        )
        left = left[~same]


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n,): intersection over union of `box` (4,) with each of `boxes` (n, 4)."""
    size = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.clip(size, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    union = (box[2:] - box[:2]).prod() + areas - shared
    ratio: np.ndarray = shared / np.maximum(union, 1e-9)
    return ratio


def _detection(score: float, face: np.ndarray, keypoints: np.ndarray) -> Detection:
    left, top, right, bottom = face.ravel().tolist()
    return Detection(score, (left, top, right, bottom), Region.around(*keypoints[:2]))


def _refined(points: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """float32 (n, 2): crop pixels, drawn to the middle of each point's own heat.

    points: (n, 2), crop pixels. heatmaps: (64, 64, n), 0-1. Where the 7x7 cells around a point
    are all cold (below one half), the point stays.
    """
    refined = points.astype(np.float32, copy=True)
    cell = LANDMARK_SIDE / HEATMAP_SIDE
    for i, (x, y) in enumerate((points // cell).astype(int)):
        if not (0 <= x < HEATMAP_SIDE and 0 <= y < HEATMAP_SIDE):
            continue
        x0, y0 = max(x - 3, 0), max(y - 3, 0)
        heat = heatmaps[y0 : y + 4, x0 : x + 4, i]
        if heat.max() < 0.5:
            continue
        rows, columns = np.mgrid[y0 : y0 + heat.shape[0], x0 : x0 + heat.shape[1]]
        refined[i] = (heat * columns).sum(), (heat * rows).sum()
        refined[i] *= cell / heat.sum()
    return refined


def _moved(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Points (n, 2) through an affine map (2, 3)."""
    moved: np.ndarray = points @ affine[:, :2].T + affine[:, 2]
    return moved


def _sigmoid(values: np.ndarray) -> np.ndarray:
    probability: np.ndarray = 1 / (1 + np.exp(-np.clip(values, -80, 80)))
    return probability
