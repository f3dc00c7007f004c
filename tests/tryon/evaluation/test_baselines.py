from __future__ import annotations

import cv2
import numpy as np
import pytest

from tryon.evaluation.baselines import (
    control_points,
    garment_points,
    pasted,
    similarity,
    spline_map,
    thin_plate,
)
from tryon.pipelines.garment.cutout import Cutout
from tryon.types import JOINTS, Box, Pose

RED, GREEN, WHITE = (200, 20, 20), (20, 200, 20), (255, 255, 255)


def shirt(sleeves: bool = False) -> Cutout:
    """A red box of 100 x 160, with sleeves of 30 that hang down to 80 if wanted."""
    image, alpha = np.full((200, 200, 3), 255, np.uint8), np.zeros((200, 200), np.uint8)
    alpha[20:180, 50:150] = 255
    if sleeves:
        alpha[20:100, 20:180] = 255
    image[alpha > 0] = RED
    box = Box(20 if sleeves else 50, 20, 180 if sleeves else 150, 180)
    return Cutout(image, alpha, box, plain=True)


def person(places: dict[str, tuple[float, float]]) -> Pose:
    keypoints = np.zeros((18, 3), np.float32)
    for name, place in places.items():
        keypoints[JOINTS.index(name)] = (*place, 1.0)
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), 1.0)


def moved(points: dict[str, tuple[float, float]], a: complex, b: complex) -> dict:
    turned = {name: a * complex(*place) + b for name, place in points.items()}
    return {name: (z.real, z.imag) for name, z in turned.items()}


def dotted(cutout: Cutout, place: tuple[float, float]) -> Cutout:
    image = cv2.circle(cutout.image.copy(), (int(place[0]), int(place[1])), 6, GREEN, -1)
    return Cutout(image, cutout.alpha, cutout.box, plain=True)


def dot(picture: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero((picture[..., 1] > 120) & (picture[..., 0] < 100))
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


PHOTO = np.full((240, 220, 3), 255, np.uint8)
TURN, SHIFT = 0.7 * np.exp(0.2j), 60 + 30j


def test_a_similarity_is_recovered() -> None:
    source = np.array([[0.0, 0.0], [10.0, 0.0], [4.0, 7.0]])
    places = source @ (1, 1j) * TURN + SHIFT
    a, b = similarity(source, np.stack([places.real, places.imag], axis=1))
    assert a == pytest.approx(TURN)
    assert b == pytest.approx(SHIFT)


def test_a_spline_passes_through_its_control_points() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.uniform(0, 100, (7, 2)), rng.uniform(0, 100, (7, 2))
    assert spline_map(source, target, source) == pytest.approx(target, abs=1e-6)
    # and an affine map has no bending to add to
    affine = source @ np.array([[1.1, 0.2], [-0.3, 0.9]]) + (5, 6)
    far = np.array([[300.0, -50.0]])
    expected = far @ np.array([[1.1, 0.2], [-0.3, 0.9]]) + (5, 6)
    assert spline_map(source, affine, far) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("baseline", [pasted, thin_plate])
def test_the_shoulder_comes_to_lie_on_the_shoulder(baseline) -> None:  # type: ignore[no-untyped-def]
    points = garment_points(shirt(), "upper")
    pose = person(moved(points, TURN, SHIFT))
    picture = baseline(PHOTO, dotted(shirt(), points["right_shoulder"]), pose, "upper")
    assert dot(picture) == pytest.approx(pose.joint("right_shoulder")[:2], abs=1)
    covered = (picture != PHOTO).any(axis=2).sum()
    assert covered == pytest.approx(0.7**2 * 100 * 160, rel=0.05)


def test_the_spline_bends_where_a_similarity_cannot() -> None:
    points = garment_points(shirt(), "upper")
    bent = moved(points, TURN, SHIFT)
    x, y = bent["left_hip"]
    bent["left_hip"] = (x + 25, y - 10)
    garment = dotted(shirt(), points["left_hip"])
    assert dot(thin_plate(PHOTO, garment, person(bent), "upper")) == pytest.approx(
        bent["left_hip"], abs=2
    )
    assert abs(dot(pasted(PHOTO, garment, person(bent), "upper"))[0] - bent["left_hip"][0]) > 5


@pytest.mark.parametrize("baseline", [pasted, thin_plate])
def test_seen_from_behind_the_garment_is_not_mirrored(baseline) -> None:  # type: ignore[no-untyped-def]
    points = garment_points(shirt(), "upper")
    swapped = {
        name.replace("right", "*").replace("left", "right").replace("*", "left"): place
        for name, place in moved(points, 0.7, SHIFT).items()
    }
    picture = baseline(PHOTO, dotted(shirt(), points["right_shoulder"]), person(swapped), "upper")
    assert dot(picture) == pytest.approx(swapped["left_shoulder"], abs=1)


@pytest.mark.parametrize("baseline", [pasted, thin_plate])
@pytest.mark.parametrize("seen", [(), ("right_shoulder",)])
def test_without_joints_the_photo_stays(baseline, seen) -> None:  # type: ignore[no-untyped-def]
    places = {name: (100.0, 60.0) for name in seen}
    assert (baseline(PHOTO, shirt(), person(places), "upper") == PHOTO).all()


def test_joints_that_coincide_do_not_tear_the_spline() -> None:
    """As from the side, where one shoulder hides the other."""
    side = {"right_shoulder": (100.0, 60.0), "left_shoulder": (100.2, 60.0)}
    side |= {"right_hip": (100.0, 130.0), "left_hip": (100.1, 130.2)}
    picture = thin_plate(PHOTO, shirt(), person(side), "upper")
    assert (picture != PHOTO).any()


def test_elbows_are_where_the_sleeves_are() -> None:
    assert "right_elbow" not in garment_points(shirt(), "upper")
    points = garment_points(shirt(sleeves=True), "upper")
    assert points["right_elbow"][0] == pytest.approx(35)
    assert points["left_elbow"][0] == pytest.approx(165)
    arms = person({"right_elbow": (5.0, 5.0), "left_shoulder": (50.0, 5.0)})
    garment, there = control_points(shirt(sleeves=True), arms, "upper", ("shoulder",))
    assert garment[0] == pytest.approx(points["right_elbow"])
    assert there.tolist() == [[5, 5], [50, 5]]
