"""Who is in the photo, and where their joints are.

`BlazePose` is the default: small, free for commercial use, offline. `ControlNetAuxPose` offers
OpenPose and DWPose. Anything with the one method of `PoseEstimator` can stand in for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Protocol

import numpy as np
from PIL import Image

from tryon.errors import NoPersonError, OutOfFrameError, SeveralPeopleError
from tryon.pipelines.blazepose import Landmarks, PersonDetector, PoseLandmarker
from tryon.pipelines.controlnet_aux_pose import ControlNetAuxPose
from tryon.pipelines.people import extent, find_people
from tryon.types import Category, Pose, SoftMask

__all__ = [
    "BlazePose",
    "ControlNetAuxPose",
    "PoseEstimator",
    "require_visible",
    "single_person",
]

WORKING_SIDE = 2048  # pixels; larger photos are halved, or thirded ..., to about this size first
FRAME_MARGIN = 0.05  # of the photo's longer side: how far out a joint's confidence fades to 0

# Somebody else counts only if this large, as a part of the largest box, and this sure.
RIVAL_AREA = 0.25
RIVAL_SCORE = 0.6

# MediaPipe's number of each OpenPose-18 joint; the neck, not among them, is computed.
_SHOULDERS = (12, 11)
_JOINTS = (0, 0, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)
_NECK = 1
_HANDS = ((22, 20, 18), (21, 19, 17))

_NEEDED: dict[Category, tuple[tuple[str, ...], str]] = {
    "upper": (("shoulder",), "the shoulders and the chest"),
    "lower": (("hip", "knee"), "the hips and the knees"),
    "dress": (("shoulder", "hip"), "the shoulders and the hips"),
}


class PoseEstimator(Protocol):
    """Anything that finds people's joints in a photo."""

    def detect(self, image: Image.Image) -> list[Pose]:
        """Everybody in an upright RGB photo, the largest first; an empty list if nobody."""
        ...


class BlazePose:
    """MediaPipe's BlazePose: detector and landmark network, on the CPU.

    Safe to use from several threads, which take turns. Deterministic.
    """

    def __init__(
        self,
        detector: str | PathLike[str],
        landmarker: str | PathLike[str],
        threads: int = 1,
    ) -> None:
        """Load both networks, `.tflite` files, to run on `threads` CPU threads.

        Raises WeightsMissingError and WeightsCorruptError.
        """
        self._detector = PersonDetector(detector, threads)
        self._landmarker = PoseLandmarker(landmarker, threads)

    def detect(self, image: Image.Image) -> list[Pose]:
        """Everybody in an upright RGB photo, the largest first; an empty list if nobody.

        Each pose has hands, box and mask.
        """
        factor = max(1, max(image.size) // WORKING_SIDE)
        photo = np.asarray(image.reduce(factor) if factor > 1 else image)
        people = find_people(photo, self._detector, self._landmarker)
        return sorted((_pose(person, factor, image.size) for person in people), key=_by_size)


def single_person(poses: Sequence[Pose], *, path: str | PathLike[str] | None = None) -> Pose:
    """The one person that a photo is of: the largest.

    People in the background are passed over. Somebody else counts only with a quarter of the
    largest one's box and a score of 0.6.

    Raises NoPersonError and SeveralPeopleError, naming `path`.
    """
    if not poses:
        raise NoPersonError(
            "nobody was found",
            path=path,
            remedy="Use a photo of one person whose upper body can be seen.",
        )
    largest, *others = sorted(poses, key=_by_size)
    rivals = [
        pose
        for pose in others
        if pose.score >= RIVAL_SCORE and _area(pose) >= RIVAL_AREA * _area(largest)
    ]
    if rivals:
        raise SeveralPeopleError(
            f"{len(rivals) + 1} people were found",
            path=path,
            remedy="Crop the photo to the person to dress.",
        )
    return largest


def require_visible(
    pose: Pose,
    category: Category,
    size: tuple[int, int],
    path: str | PathLike[str] | None = None,
) -> None:
    """Raise OutOfFrameError unless the photo shows what a garment of this category covers.

    Upper: a shoulder, and a third of the way from the neck to the hips. Lower: a hip and a knee.
    Dress: a shoulder and a hip. One side is enough, as in a photo from the side.

    size: (width, height) of the photo.
    """
    names, needed = _NEEDED[category]
    missing = [f"{name}s" for name in names if not _either_side_visible(pose, name, size)]
    if category == "upper" and not missing and not _chest_visible(pose, size):
        missing = ["chest"]
    if missing:
        verb = "is" if missing == ["chest"] else "are"
        raise OutOfFrameError(
            f"the {' and the '.join(missing)} {verb} not in the picture",
            path=path,
            remedy=f"Use a photo that shows {needed}.",
        )


def _pose(person: Landmarks, factor: int, size: tuple[int, int]) -> Pose:
    """One person's pose in a photo of this size, `factor` times larger than the one looked at."""
    person = person.rescaled(factor)
    confidence = person.visibility * person.presence * _within_frame(person.points, size)
    rows = np.column_stack([person.points, confidence]).astype(np.float32)
    keypoints = rows[list(_JOINTS)]
    shoulders = rows[list(_SHOULDERS)]
    keypoints[_NECK] = *shoulders[:, :2].mean(0), shoulders[:, 2].min()
    return Pose(
        keypoints=keypoints,
        hands=rows[np.array(_HANDS)],
        score=person.score,
        box=extent(person, *size),
        mask=SoftMask(person.mask, person.to_photo),
    )


def _within_frame(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,): 1 in the frame, falling to 0 at the margin outside it."""
    beyond = np.maximum(-points, points - np.array(size)).max(1)
    within: np.ndarray = np.clip(1 - beyond / (FRAME_MARGIN * max(size)), 0, 1)
    return within


def _either_side_visible(pose: Pose, name: str, size: tuple[int, int]) -> bool:
    joints = [f"{side}_{name}" for side in ("right", "left")]
    return any(pose.seen(joint) and _inside(pose.joint(joint)[:2], size) for joint in joints)


def _chest_visible(pose: Pose, size: tuple[int, int]) -> bool:
    """Whether a third of the way from neck to hips is in the frame.

    Where the hips were not found, they are taken to be one and a half shoulder widths below.
    """
    right, left = pose.joint("right_shoulder")[:2], pose.joint("left_shoulder")[:2]
    neck = (right + left) / 2
    hips = [pose.joint(f"{side}_hip") for side in ("right", "left")]
    if all(hip[2] > 0 for hip in hips):
        down = (hips[0][:2] + hips[1][:2]) / 2 - neck
    else:
        across = right - left  # a quarter turn of the line from left to right points down
        down = 1.5 * np.array([across[1], -across[0]])
    return _inside(neck + down / 3, size)


def _inside(point: np.ndarray, size: tuple[int, int]) -> bool:
    return bool(0 <= point[0] < size[0] and 0 <= point[1] < size[1])


def _area(pose: Pose) -> int:
    return pose.box.width * pose.box.height if pose.box else 0


def _by_size(pose: Pose) -> tuple[int, float]:
    return -_area(pose), -pose.score
