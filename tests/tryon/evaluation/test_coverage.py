"""Coverage and edges, on garments drawn over a person of known joints."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from tryon.evaluation.coverage import coverage_measures, limb_longer, overlap, shoulder_width
from tryon.types import JOINTS, Pose

WIDTH = 100  # of the shoulders, pixels
PLACES = {
    "neck": (200, 100), "right_shoulder": (150, 100), "left_shoulder": (250, 100),
    "right_elbow": (110, 200), "left_elbow": (290, 200),
    "right_wrist": (100, 300), "left_wrist": (300, 300),
    "right_hip": (170, 290), "left_hip": (230, 290),
    "right_knee": (165, 400), "left_knee": (235, 400),
    "right_ankle": (165, 500), "left_ankle": (235, 500),
}  # fmt: skip


def person(**changed: tuple[float, float, float]) -> Pose:
    keypoints = np.zeros((18, 3), np.float32)
    for name, place in PLACES.items():
        keypoints[JOINTS.index(name)] = changed.get(name, (*place, 1.0))
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), score=1.0)


def top(neckline: int = 100, hem: int = 300, sleeve: float = 1.0, slant: int = 0) -> np.ndarray:
    """bool (560, 400). sleeve: in parts of the upper arm; beyond 1 on the forearm."""
    mask = np.zeros((560, 400), np.uint8)
    corners = [(145, neckline), (255, neckline), (255, hem + slant), (145, hem - slant)]
    cv2.fillPoly(mask, [np.array(corners)], 1)
    for side in ("right", "left"):
        start, elbow, wrist = (
            np.array(PLACES[f"{side}_{j}"]) for j in ("shoulder", "elbow", "wrist")
        )
        for at, to, part in ((start, elbow, sleeve), (elbow, wrist, sleeve - 1)):
            end = at + (to - at) * min(max(part, 0), 1)
            if part > 0:
                across = 14 * np.array([-(to - at)[1], (to - at)[0]]) / np.hypot(*(to - at))
                corners = [at - across, at + across, end + across, end - across]
                cv2.fillConvexPoly(mask, np.round(corners).astype(int), 1)
    return mask > 0


def errors(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return coverage_measures(found, truth, person(), "upper")


def test_a_garment_that_lies_right_is_not_off() -> None:
    found = errors(top(), top())
    assert found["iou"] == found["iou_above"] == found["hem_near"] == 1
    off = set(found) - {"iou", "iou_above", "hem_near"}
    assert all(found[name] == 0 for name in off) and len(off) == 8


def test_a_hem_is_off_by_what_it_is_longer() -> None:
    found = errors(top(hem=340), top())
    assert found["hem"] == found["hem_longer"] == pytest.approx(0.4)
    assert found["hem_near"] == 0 and found["iou_above"] == 1 and found["iou"] < 0.9
    assert found["too_little"] == 0 < found["too_much"]
    assert found["cuff"] == found["neckline"] == 0
    short = errors(top(hem=275), top())
    assert short["hem_longer"] == pytest.approx(-0.25) and short["hem"] == pytest.approx(0.25)
    assert short["hem_near"] == 1 and short["iou_above"] < 1


def test_a_hem_that_slants_is_off_by_nothing_in_the_middle() -> None:
    assert errors(top(slant=20), top())["hem"] < 0.02


def test_a_scrap_and_a_hand_do_not_move_the_hem() -> None:
    found = top()
    found[420:440, 190:215] = True  # a scrap
    found[270:300, 165:180] = False  # a thumb in the pocket
    assert errors(found, top())["hem"] == 0


@pytest.mark.parametrize(("sleeve", "off"), [(0.5, -0.54), (1.5, 0.5), (0.0, -0.95), (2.0, 1.0)])
def test_sleeves_are_measured_along_the_bones(sleeve: float, off: float) -> None:
    found = errors(top(sleeve=sleeve), top())
    assert found["cuff_longer"] == pytest.approx(off, abs=0.1)
    assert found["cuff"] == abs(found["cuff_longer"])
    assert found["hem"] == found["neckline"] == 0


def test_a_bracelet_and_a_strap_do_not_move_the_cuff() -> None:
    found = top(sleeve=1.5)
    found[280:292, 80:120] = True
    found[150:162, 100:140] = False
    assert max(map(abs, limb_longer(found, top(sleeve=1.5), person(), "arm"))) < 2


def test_an_arm_that_was_not_found_is_left_out() -> None:
    lost = person(left_elbow=(0, 0, 0))
    assert len(limb_longer(top(), top(), lost, "arm")) == 1
    lost = person(left_wrist=(0, 0, 0), right_wrist=(0, 0, 0))
    for off in limb_longer(top(sleeve=2), top(sleeve=1), lost, "arm"):
        assert abs(off) < 8  # of forearms nothing is known
    below = person(left_wrist=(300, 900, 1), left_elbow=(290, 700, 1))
    assert len(limb_longer(top(), top(), below, "arm")) == 2


def test_a_neckline_is_off_by_what_it_is_higher() -> None:
    found = errors(top(neckline=80), top(neckline=110))
    assert found["neckline"] == found["neckline_higher"] == pytest.approx(0.3)
    assert errors(top(neckline=120), top())["neckline_higher"] == pytest.approx(-0.2)


def test_nothing_covered_is_as_wrong_as_can_be() -> None:
    found = errors(np.zeros_like(top()), top())
    assert found["iou"] == found["iou_above"] == found["hem_near"] == 0
    assert found["too_little"] == 1 and found["too_much"] == 0
    assert found["hem_longer"] == pytest.approx(-2, abs=0.02)
    assert found["neckline_higher"] == pytest.approx(-2, abs=0.02)
    assert errors(top(), np.zeros_like(top())) == {}


def test_bottoms_end_along_the_legs_and_begin_between_the_hips() -> None:
    truth = np.zeros((560, 400), bool)
    truth[280:480, 150:180] = truth[280:480, 220:250] = truth[280:330, 150:250] = True
    found = truth.copy()
    found[440:480] = False
    found[270:280, 150:250] = True
    measured = coverage_measures(found, truth, person(), "lower")
    assert measured["hem_longer"] == pytest.approx(-0.4, abs=0.03)
    assert measured["neckline_higher"] == pytest.approx(0.1)
    assert math.isnan(measured["cuff"])


def test_without_shoulders_only_the_overlap_is_known() -> None:
    lost = person(left_shoulder=(250, 100, 0.1))
    found = coverage_measures(top(hem=340), top(), lost, "upper")
    assert math.isnan(shoulder_width(lost)) and found["iou"] == overlap(top(hem=340), top())
    edges = ("hem", "hem_near", "cuff", "neckline")
    assert all(math.isnan(found[name]) for name in edges)


def test_the_overlap_of_nothing_is_not_known() -> None:
    nothing = np.zeros((4, 4), bool)
    assert math.isnan(overlap(nothing, nothing))
