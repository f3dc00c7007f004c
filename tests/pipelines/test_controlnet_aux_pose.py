from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tryon.errors import DependencyError, OptionError, WeightsMissingError
from tryon.pipelines.controlnet_aux_pose import (
    HAND_POINTS,
    ControlNetAuxPose,
    dwpose_pose,
    openpose_pose,
)
from tryon.pipelines.pose import ControlNetAuxPose as same_class

SIZE = (2000, 1000)


class Point(NamedTuple):
    x: float
    y: float
    score: float = 1.0


def body(shift: float = 0.0) -> SimpleNamespace:
    points = [Point(0.1 + 0.01 * i + shift, 0.02 * i, 0.5) for i in range(18)]
    points[4] = None
    return SimpleNamespace(keypoints=points, total_score=12.0, total_parts=16)


def hand() -> list[Point]:
    return [Point(0.01 * i, 0.5) for i in range(21)]


class FakeOpenpose:
    """Stands in for controlnet-aux's detector; remembers what it was shown."""

    @classmethod
    def from_pretrained(cls, source: str) -> FakeOpenpose:
        detector = cls()
        detector.source = source
        return detector

    def to(self, device: str) -> FakeOpenpose:
        self.device = device
        return self

    def detect_poses(self, image: np.ndarray, include_hand: bool) -> list[SimpleNamespace]:
        self.shown = image
        small = body(0.3)
        small.keypoints = small.keypoints[:2] + [None] * 16
        large = SimpleNamespace(body=body(), left_hand=hand(), right_hand=None)
        return [SimpleNamespace(body=small, left_hand=None, right_hand=None), large]


class FakeDWpose:
    def __init__(self, det_ckpt: str | None, pose_ckpt: str | None, device: str) -> None:
        self.checkpoints = det_ckpt, pose_ckpt

    def pose_estimation(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.shown = image
        points = np.arange(134 * 2, dtype=float).reshape(1, 134, 2)
        return points, np.full((1, 134), 0.8)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("controlnet_aux")
    module.OpenposeDetector = FakeOpenpose
    module.DWposeDetector = FakeDWpose
    monkeypatch.setitem(sys.modules, "controlnet_aux", module)
    return module


def test_offered_beside_the_default() -> None:
    assert same_class is ControlNetAuxPose


def test_openpose(package: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    estimator = ControlNetAuxPose("openpose")
    assert "not for commercial use" in estimator.licence
    assert estimator.licence in caplog.text
    assert caplog.records[0].levelname == "WARNING"
    poses = estimator.detect(Image.new("RGB", SIZE, (200, 100, 50)))
    assert estimator._model.shown.shape == (512, 1024, 3)
    assert tuple(estimator._model.shown[0, 0]) == (200, 100, 50)
    assert len(poses) == 2
    pose = poses[0]  # the larger one
    assert pose.keypoints[0] == pytest.approx([200, 0, 0.5])
    assert pose.keypoints[17] == pytest.approx([540, 340, 0.5])
    assert pose.keypoints[4] == pytest.approx([0, 0, 0])
    assert pose.score == pytest.approx(0.75)
    assert pose.box is not None
    assert pose.box.as_tuple() == (200, 0, 540, 340)
    assert not pose.hands[0].any()
    assert pose.hands[1, :, 0] == pytest.approx([20 * i for i in HAND_POINTS])


def test_openpose_hand_points_that_were_not_found() -> None:
    missing = [Point(-0.0005, -0.001)] * 21  # -1 pixel, as parts of the photo
    result = SimpleNamespace(body=body(), left_hand=None, right_hand=missing)
    pose = openpose_pose(result, SIZE)
    assert pose is not None
    assert not pose.hands.any()


def test_openpose_without_joints() -> None:
    nothing = SimpleNamespace(keypoints=[None] * 18, total_score=0, total_parts=0)
    result = SimpleNamespace(body=nothing, left_hand=None, right_hand=None)
    assert openpose_pose(result, SIZE) is None


def test_dwpose(package: ModuleType) -> None:
    estimator = ControlNetAuxPose("dwpose", weights="folder")
    assert estimator._model.checkpoints == (
        "folder/yolox_l_8x8_300e_coco.pth",
        "folder/dw-ll_ucoco_384.pth",
    )
    [pose] = estimator.detect(Image.new("RGB", SIZE, (200, 100, 50)))
    assert tuple(estimator._model.shown[0, 0]) == (50, 100, 200)  # BGR
    # Found at 1024 x 512, answered at 2000 x 1000.
    scale = 2000 / 1024
    assert pose.keypoints[3] == pytest.approx([6 * scale, 7 * 1000 / 512, 0.8])
    left, right = 92, 113
    assert pose.hands[0, 0, 0] == pytest.approx(2 * (right + HAND_POINTS[0]) * scale)
    assert pose.hands[1, 2, 0] == pytest.approx(2 * (left + HAND_POINTS[2]) * scale)
    assert pose.score == pytest.approx(0.8)


def test_dwpose_answers_for_nobody_too() -> None:
    assert dwpose_pose(np.zeros((134, 2)), np.full(134, 0.2), SIZE) is None


def test_small_photos_are_not_enlarged(package: ModuleType) -> None:
    estimator = ControlNetAuxPose("openpose")
    estimator.detect(Image.new("RGB", (300, 200)))
    assert estimator._model.shown.shape == (200, 300, 3)


def test_unknown_kind() -> None:
    with pytest.raises(OptionError, match="alphapose"):
        ControlNetAuxPose("alphapose")  # type: ignore[arg-type]


def test_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "controlnet_aux", None)
    with pytest.raises(DependencyError, match=r"controlnet_aux.*pip install 'tryon\[pose\]'"):
        ControlNetAuxPose("openpose")


def test_package_breaks_beside_mediapipe(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "controlnet_aux.py").write_text("import sys\nsys.solutions.face_mesh\n")
    monkeypatch.delitem(sys.modules, "controlnet_aux", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DependencyError, match=r"AttributeError.*uninstall mediapipe"):
        ControlNetAuxPose("openpose")


def test_weights_are_missing(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(source: str) -> FakeOpenpose:
        raise FileNotFoundError(f"no {source} in the cache")

    monkeypatch.setattr(package.OpenposeDetector, "from_pretrained", offline)
    with pytest.raises(WeightsMissingError, match=r"no lllyasviel/Annotators in the cache"):
        ControlNetAuxPose("openpose")


def test_dwpose_needs_more_packages(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise NameError("name 'init_detector' is not defined")

    monkeypatch.setattr(package, "DWposeDetector", broken)
    with pytest.raises(DependencyError, match="mmcv, mmdet and mmpose"):
        ControlNetAuxPose("dwpose")
