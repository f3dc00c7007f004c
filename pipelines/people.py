"""Everybody in a photo, near or far, and nobody who is only clothes on a hanger.

The detector of BlazePose was made for one person who fills the picture. It is run on the whole
photo and, where somebody smaller may stand, on overlapping windows of it. A coat with a hood, or
a shirt laid flat, can look to it like somebody without a head; so whoever it is not sure of must
be found again in a window of their own, or show their limbs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tryon.pipelines.blazepose import (
    Detection,
    Landmarks,
    PersonDetector,
    PoseLandmarker,
    Region,
)
from tryon.types import Box

CANDIDATE = 0.3  # a detection worth looking at
CANDIDATE_IN_WINDOW = 0.6  # the same, among the many windows
LIKELY = 0.5  # a detection that visible limbs can confirm
SURE = 0.8  # a detection that needs no second look
CONFIRMED = 0.85  # what a second look must reach
IS_PERSON = 0.5  # of the landmark network's own score
LIMBS_SHOWN = 0.85  # mean visibility of elbows, wrists, knees and ankles
COVERED = 0.6  # part of a window behind people already found
DEEPEST = 2  # windows of a quarter of the photo, if nobody was found in larger ones
NARROWEST = 320  # pixels of a window; who fills less than half of it is too small to dress
SAME_BOX = 0.6  # intersection over union of one person's boxes

_SHOULDERS_AND_HIPS = [11, 12, 23, 24]
_LIMBS = [13, 14, 15, 16, 25, 26, 27, 28]


def find_people(
    photo: np.ndarray, detector: PersonDetector, landmarker: PoseLandmarker
) -> list[Landmarks]:
    """The landmarks of everybody in `photo` (uint8 (H, W, 3)), in no particular order.

    Each score says how sure detector and landmark network are together, 0-1.
    """
    height, width = photo.shape[:2]
    found: list[Landmarks] = []
    for depth in range(DEEPEST + 1):
        if depth and max(width, height) < NARROWEST * 2**depth:
            break
        for window in windows(width, height, depth):
            if depth and _covered(window, found, width, height) > COVERED:
                continue
            threshold = CANDIDATE_IN_WINDOW if depth else CANDIDATE
            for detection in detector.detect(photo, window, threshold):
                person = _person(photo, detection, detector, landmarker, whole=depth == 0)
                if person and not any(same_person(person, other, width, height) for other in found):
                    found.append(person)
        # Nobody less than half as tall counts beside somebody as large as the photo, and once
        # half-size windows were searched, only an empty photo is worth a closer look.
        if found and (depth or _largest(found) > max(width, height)):
            break
    return found


def windows(width: int, height: int, depth: int) -> Iterator[Region]:
    """Half-overlapping squares, 2**-depth as wide as the photo's longer side, that cover it."""
    side = max(width, height) / 2**depth
    for y in _centres(height, side):
        for x in _centres(width, side):
            yield Region(x, y, side)


def same_person(one: Landmarks, other: Landmarks, width: int, height: int) -> bool:
    """Whether two sets of landmarks are of one person: shoulders and hips, or the boxes within
    a photo of this size, (nearly) coincide."""
    apart = one.points[_SHOULDERS_AND_HIPS] - other.points[_SHOULDERS_AND_HIPS]
    reach = min(one.next_region.side, other.next_region.side)
    if np.linalg.norm(apart, axis=1).mean() < 0.08 * reach:
        return True
    boxes = extent(one, width, height), extent(other, width, height)
    if boxes[0] is None or boxes[1] is None:
        return False
    shared = _shared(boxes[0], boxes[1].as_tuple())
    areas = [box.width * box.height for box in boxes if box]
    return shared > SAME_BOX * (sum(areas) - shared)


def extent(person: Landmarks, width: int, height: int) -> Box | None:
    """The box around somebody's mask, within a photo of this size; None if none of it is in."""
    rows, columns = np.nonzero(person.mask[::2, ::2] > 0.5)
    corners = np.stack([columns, rows], axis=1) * 2.0 + 1
    points = corners @ person.to_photo[:, :2].T + person.to_photo[:, 2]
    inside = points[((points >= 0) & (points < (width, height))).all(1)]
    if not len(inside):
        return None
    margin = math.hypot(*person.to_photo[:, 0])
    left, top = np.floor(inside.min(0) - margin).astype(int).tolist()
    right, bottom = np.ceil(inside.max(0) + margin).astype(int).tolist()
    return Box(max(left, 0), max(top, 0), min(right, width), min(bottom, height))


def _person(
    photo: np.ndarray,
    detection: Detection,
    detector: PersonDetector,
    landmarker: PoseLandmarker,
    whole: bool,
) -> Landmarks | None:
    """The landmarks of somebody detected, or None if it turns out to be nobody.

    whole: found in the whole photo, and not in one of many windows.
    """
    first = landmarker.landmarks(photo, detection.region)
    # Looked at again where the landmarks say the body is: closer by a few pixels.
    second = landmarker.landmarks(photo, first.next_region)
    person = second if second.score > IS_PERSON else first
    if person.score <= IS_PERSON:
        return None
    certainty = detection.score
    if not (whole and certainty >= SURE):
        again = _found_again(photo, person.next_region, detector)
        shown = whole and certainty >= LIKELY and _limbs_shown(person, photo) >= LIMBS_SHOWN
        if again < CONFIRMED and not shown:
            return None
        certainty = max(certainty, again)
    return replace(person, score=min(certainty, person.score))


def _found_again(photo: np.ndarray, region: Region, detector: PersonDetector) -> float:
    """Mean score with which the detector finds somebody in upright windows around `region`."""
    scores = []
    for scale in (1.0, 1.25):
        window = Region(region.x, region.y, region.side * scale)
        detections = detector.detect(photo, window, CANDIDATE)
        scores.append(detections[0].score if detections else 0.0)
    return sum(scores) / len(scores)


def _limbs_shown(person: Landmarks, photo: np.ndarray) -> float:
    """Mean visibility of the limb points that lie in the frame; 0 if there are none."""
    points = person.points[_LIMBS]
    inside = ((points >= 0) & (points < photo.shape[1::-1])).all(1)
    return float(person.visibility[_LIMBS][inside].mean()) if inside.any() else 0.0


def _largest(found: list[Landmarks]) -> float:
    return max(person.next_region.side for person in found)


def _centres(length: int, side: float) -> list[float]:
    if length <= side:
        return [length / 2]
    count = math.ceil(2 * (length / side - 1) - 0.01) + 1
    return np.linspace(side / 2, length - side / 2, count).tolist()


def _covered(window: Region, found: list[Landmarks], width: int, height: int) -> float:
    """Largest part of a window's share of the photo that lies in the box of one found person."""
    left, right = max(window.x - window.side / 2, 0), min(window.x + window.side / 2, width)
    top, bottom = max(window.y - window.side / 2, 0), min(window.y + window.side / 2, height)
    boxes = filter(None, (extent(person, width, height) for person in found))
    covered = max((_shared(box, (left, top, right, bottom)) for box in boxes), default=0.0)
    return covered / ((right - left) * (bottom - top))


def _shared(box: Box, other: tuple[float, float, float, float]) -> float:
    """The area that two boxes share."""
    left, top, right, bottom = other
    across = min(right, box.right) - max(left, box.left)
    down = min(bottom, box.bottom) - max(top, box.top)
    return max(across, 0) * max(down, 0)
