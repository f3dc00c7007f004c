"""Everybody in a photo, near or far, and nobody who is only clothes on a hanger.

The detector of BlazePose was made for one person who fills the picture. It is run on the whole
photo and, where somebody smaller may stand, on overlapping windows of it. A coat with a hood, or
a shirt laid flat, can look to it like somebody without a head; so whoever it is not sure of must
be found again in a window of their own, or show their limbs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tryon.pipelines.blazepose import (
    Detection,
    Landmarks,
    PersonDetector,
    PoseLandmarker,
    Region,
)
from tryon.types import Box

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Standard:
    """What a detection must show before it is believed. Scores 0-1, of the detector.

    candidate: worth a look at all. sure: enough alone. with_limbs: enough if elbows, wrists,
    knees and ankles can be seen, with a mean visibility of `limbs`. again: enough if found in
    upright windows around the body.
    """

    candidate: float
    sure: float = NEVER
    with_limbs: float = NEVER
    limbs: float = 0.85
    again: float = NEVER


# Of 200 photos of garments without anybody, none shows limbs beyond 0.46; who is photographed from
# the chin down shows 0.67 at least.
IN_PHOTO = Standard(candidate=0.3, sure=0.8, with_limbs=0.5, limbs=0.6, again=0.85)
IN_WINDOW = Standard(candidate=0.6, again=0.85)
BEYOND_FRAME = Standard(candidate=0.4, with_limbs=0.4, limbs=0.7)

IS_PERSON = 0.5  # of the landmark network's own score
LIKELY_PERSON = 0.65  # and of both looks, for a detection that is sure to be believed alone
SURELY_PERSON = 0.85  # and of both looks, where the limbs are to show it
COVERED = 0.6  # part of a window behind people already found
DEEPEST = 2  # windows of a quarter of the photo, if nobody was found in larger ones
NARROWEST = 320  # pixels of a window; who fills less than half of it is too small to dress
# Where the rest of somebody may be whom the frame cuts off, in parts of the longer side: up from
# the middle of the photo, and how wide.
BEYOND = ((0.15, 1.3), (0.0, 1.3), (0.3, 2.0))
SAME_POINT = 0.08  # of the smaller region's side
SAME_BOX = 0.6  # intersection over union of one person's boxes

_NOSE = 0
_SHOULDERS_AND_HIPS = [11, 12, 23, 24]
_LIMBS = [13, 14, 15, 16, 25, 26, 27, 28]


def find_people(
    photo: np.ndarray, detector: PersonDetector, landmarker: PoseLandmarker
) -> list[Landmarks]:
    """The landmarks of everybody in `photo` (uint8 (H, W, 3)), in no particular order.

    Each score says how sure detector and landmark network are together, 0-1.
    """
    height, width = photo.shape[:2]
    longer = max(width, height)
    found: list[Landmarks] = []

    def look(window: Region, standard: Standard) -> None:
        for detection in detector.detect(photo, window, standard.candidate):
            person = _person(photo, detection, detector, landmarker, standard)
            if person and not any(same_person(person, other, width, height) for other in found):
                found.append(person)

    look(Region(width / 2, height / 2, longer), IN_PHOTO)
    for up, side in BEYOND:
        if not found:
            look(Region(width / 2, height / 2 - up * longer, side * longer), BEYOND_FRAME)
    # Nobody less than half as tall counts beside somebody as large as the photo.
    if found and _largest(found) > longer:
        return found
    for depth in range(1, DEEPEST + 1):
        if longer < NARROWEST * 2**depth:
            break
        for window in windows(width, height, depth):
            if _covered(window, found, width, height) <= COVERED:
                look(window, IN_WINDOW)
        if found:  # only an empty photo is worth a still closer look
            break
    return found


def windows(width: int, height: int, depth: int) -> Iterator[Region]:
    """Half-overlapping squares, 2**-depth as wide as the photo's longer side, that cover it."""
    side = max(width, height) / 2**depth
    for y in _centres(height, side):
        for x in _centres(width, side):
            yield Region(x, y, side)


def same_person(one: Landmarks, other: Landmarks, width: int, height: int) -> bool:
    """Whether two sets of landmarks are of one person: the noses, shoulders and hips, or the
    boxes within a photo of this size, (nearly) coincide."""
    apart = np.linalg.norm(one.points - other.points, axis=1)
    apart /= min(one.next_region.side, other.next_region.side)
    if apart[_NOSE] < SAME_POINT / 2 or apart[_SHOULDERS_AND_HIPS].mean() < SAME_POINT:
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
    standard: Standard,
) -> Landmarks | None:
    """The landmarks of somebody detected, or None if it turns out to be nobody."""
    first = landmarker.landmarks(photo, detection.region)
    unsure = detection.score < standard.sure
    if unsure and standard.again == NEVER and first.score < SURELY_PERSON:
        return None  # whatever a second look says
    # Looked at again where the landmarks say the body is: closer by a few pixels.
    second = landmarker.landmarks(photo, first.next_region)
    person = second if second.score > IS_PERSON else first
    if person.score <= IS_PERSON:
        return None
    certainty, twice = detection.score, min(first.score, second.score)
    if unsure or twice < LIKELY_PERSON:
        shown = twice >= SURELY_PERSON and _limbs_shown(person, photo) >= standard.limbs
        if not (shown and certainty >= standard.with_limbs):
            if standard.again == NEVER:
                return None
            again = _found_again(photo, person.next_region, detector, standard.again)
            certainty = max(certainty, again)
            if certainty < standard.again:
                return None
    return replace(person, score=min(certainty, person.score))


def _found_again(
    photo: np.ndarray, region: Region, detector: PersonDetector, enough: float
) -> float:
    """Mean score with which the detector finds somebody in upright windows around `region`.

    0 once it cannot be `enough` any more.
    """
    total, scales = 0.0, (1.0, 1.25)
    for looked, scale in enumerate(scales):
        if total + len(scales) - looked < enough * len(scales):
            return 0.0
        window = Region(region.x, region.y, region.side * scale)
        detections = detector.detect(photo, window, IN_PHOTO.candidate)
        total += detections[0].score if detections else 0.0
    return total / len(scales)


def _limbs_shown(person: Landmarks, photo: np.ndarray) -> float:
    """Mean visibility of the limb points that lie in the frame; 0 if there are none."""
    points = person.points[_LIMBS]
    inside = ((points >= 0) & (points < photo.shape[1::-1])).all(1)
    return float(np.mean(person.visibility[_LIMBS][inside])) if inside.any() else 0.0


def _largest(found: list[Landmarks]) -> float:
    return max(person.next_region.side for person in found)


def _centres(length: int, side: float) -> list[float]:
    if length <= side:
        return [length / 2]
    count = math.ceil(2 * (length / side - 1) - 0.01) + 1
    return [float(centre) for centre in np.linspace(side / 2, length - side / 2, count)]


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
