"""OpenPose and DWPose through the package controlnet-aux, for who wants them.

The package is slow to import and does not work beside every version of its own dependencies, so
it is imported when an estimator is made, and not before.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from tryon.errors import DependencyError, OptionError, WeightsMissingError
from tryon.types import Box, Pose

logger = logging.getLogger(__name__)

AuxKind = Literal["openpose", "dwpose"]

LICENCES: dict[AuxKind, str] = {
    "openpose": (
        "OpenPose's weights (Carnegie Mellon University) are for academic and non-profit research "
        "only, not for commercial use."
    ),
    "dwpose": (
        "DWPose's weights are Apache-2.0; the COCO-WholeBody annotations they were trained on are "
        "for research and non-commercial use."
    ),
}

WORKING_SIDE = 1024  # pixels of the longer side: what both were made for, or a little more
FOUND = 0.3  # DWPose answers for every joint; below this its answer is no answer
HAND_POINTS = [2, 5, 17]  # of a hand's 21: the knuckles of thumb, index and little finger
OPENPOSE_WEIGHTS = "lllyasviel/Annotators"
DWPOSE_FILES = ("yolox_l_8x8_300e_coco.pth", "dw-ll_ucoco_384.pth")


class ControlNetAuxPose:
    """OpenPose or DWPose, as wrapped by controlnet-aux.

    licence: what its weights may be used for.
    """

    def __init__(
        self,
        kind: AuxKind,
        *,
        weights: str | PathLike[str] | None = None,
        device: str = "cpu",
    ) -> None:
        """Import controlnet-aux and load the weights.

        weights: OpenPose: a folder or a hub repository with the three `.pth` files (PyTorch reads
            them without running code in them). DWPose: a folder with `DWPOSE_FILES`. None: where
            controlnet-aux itself gets them from.

        Raises OptionError for another `kind`, DependencyError if a package is missing or broken,
        WeightsMissingError if the weights are neither here nor can be fetched.
        """
        if kind not in LICENCES:
            raise OptionError(f"no pose estimator is called {kind!r}")
        self.kind = kind
        self.licence = LICENCES[kind]
        module = _controlnet_aux()
        logger.warning("%s", self.licence)
        try:
            self._model = _load(module, kind, weights, device)
        except (OSError, ValueError) as error:
            raise WeightsMissingError(
                f"the weights of {kind} are not on this machine and could not be fetched ({error})",
                path=weights,
                remedy="Fetch them once with network, or use the default pose estimator.",
            ) from error

    def detect(self, image: Image.Image) -> list[Pose]:
        """Everybody in an upright RGB photo, the largest first; an empty list if nobody.

        Poses have no mask; OpenPose's have no hands where its hand model finds none.
        """
        scale = min(1.0, WORKING_SIDE / max(image.size))
        size = tuple(max(1, round(side * scale)) for side in image.size)
        small = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA)
        if self.kind == "openpose":
            found = self._model.detect_poses(small, include_hand=True)
            poses = (openpose_pose(result, image.size) for result in found)
        else:
            points, scores = self._model.pose_estimation(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
            points = points * np.array(image.size) / size
            poses = (
                dwpose_pose(*person, image.size) for person in zip(points, scores, strict=True)
            )
        return sorted(filter(None, poses), key=_area, reverse=True)


def openpose_pose(result: Any, size: tuple[int, int]) -> Pose | None:
    """The pose of one of controlnet-aux's `PoseResult`, whose coordinates are parts of `size`;
    None without a single joint."""
    keypoints = _rows(result.body.keypoints, size)
    hands = np.zeros((2, len(HAND_POINTS), 3), np.float32)
    for i, hand in enumerate((result.right_hand, result.left_hand)):
        if hand:
            hands[i] = _rows([hand[j] for j in HAND_POINTS], size)
    if not keypoints[:, 2].any():
        return None
    score = result.body.total_score / max(result.body.total_parts, 1)
    return Pose(keypoints, hands, float(np.clip(score, 0, 1)), keypoint_box(keypoints, size))


def dwpose_pose(points: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> Pose | None:
    """The pose of one person of DWPose's: (134, 2) pixels and (134,) scores, of which the first
    18 are OpenPose's joints and the last 42 the left and the right hand's; None if nothing was
    found with some certainty."""
    confidence = np.where(scores >= FOUND, np.clip(scores, 0, 1), 0)
    rows = np.column_stack([points, confidence]).astype(np.float32)
    keypoints = rows[:18]
    left, right = rows[92:113], rows[113:134]
    if not keypoints[:, 2].any():
        return None
    return Pose(
        keypoints=keypoints,
        hands=np.stack([right[HAND_POINTS], left[HAND_POINTS]]),
        score=float(keypoints[:, 2].mean()),
        box=keypoint_box(keypoints, size),
    )


def keypoint_box(keypoints: np.ndarray, size: tuple[int, int]) -> Box | None:
    """The box around the joints (n, 3) that were found, within a photo of this size."""
    points = keypoints[keypoints[:, 2] > 0, :2]
    if not len(points):
        return None
    left, top = np.clip(np.floor(points.min(0)), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(0)), 0, size).astype(int).tolist()
    return Box(left, top, right, bottom) if right > left and bottom > top else None


def _rows(points: Sequence[Any], size: tuple[int, int]) -> np.ndarray:
    """float32 (n, 3) of controlnet-aux's keypoints, zeros for the missing (None, or below 0)."""
    rows = np.zeros((len(points), 3), np.float32)
    for row, point in zip(rows, points, strict=True):
        if point is not None and point.x >= 0 and point.y >= 0:
            row[:] = point.x * size[0], point.y * size[1], min(max(point.score, 0), 1)
    return rows


def _controlnet_aux() -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about optional models that are not used here
            return importlib.import_module("controlnet_aux")
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"OpenPose and DWPose need the package {error.name}",
            remedy="Run: pip install 'tryon[pose]'",
        ) from error
    except Exception as error:  # whatever a dependency's new version makes of it
        raise DependencyError(
            f"controlnet-aux cannot be imported ({type(error).__name__}: {error})",
            remedy="It does not work beside mediapipe 0.10.30 or newer: uninstall mediapipe.",
        ) from error


def _load(
    module: ModuleType, kind: AuxKind, weights: str | PathLike[str] | None, device: str
) -> Any:
    if kind == "openpose":
        source = str(weights or OPENPOSE_WEIGHTS)
        return module.OpenposeDetector.from_pretrained(source).to(device)
    checkpoints: Iterable[str | None] = (None, None)
    if weights is not None:
        checkpoints = [str(Path(weights) / name) for name in DWPOSE_FILES]
    detector, pose = checkpoints
    try:
        return module.DWposeDetector(det_ckpt=detector, pose_ckpt=pose, device=device)
    except (NameError, ImportError) as error:  # it only warns when these cannot be imported
        raise DependencyError(
            "DWPose needs mmcv, mmdet and mmpose",
            remedy="Run: pip install openmim && mim install mmcv mmdet mmpose",
        ) from error


def _area(pose: Pose) -> int:
    return pose.box.width * pose.box.height if pose.box else 0
