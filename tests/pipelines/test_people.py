from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.pipelines.blazepose import Detection, Landmarks, Region
from tryon.pipelines.people import (
    BEYOND_FRAME,
    IN_PHOTO,
    IN_WINDOW,
    _person,
    extent,
    same_person,
    windows,
)
from tryon.types import Box

WIDTH, HEIGHT = 1000, 800


def made_up(x: float, y: float, side: float = 400) -> Landmarks:
    """Somebody whose points lie around (x, y), and whose mask is the middle half of a square."""
    region = Region(x, y, side)
    spread = np.random.default_rng(0).uniform(-0.2, 0.2, (33, 2)) * side
    mask = np.zeros((256, 256), np.float32)
    mask[64:192, 64:192] = 1
    certain = np.ones(33, np.float32)
    points = np.array([x, y]) + spread
    return Landmarks(points, certain, certain, 1.0, mask, region.to_photo(256), region)


def test_extent_is_the_box_of_the_mask() -> None:
    box = extent(made_up(400, 300), WIDTH, HEIGHT)
    assert box is not None
    assert box.as_tuple() == pytest.approx((300, 200, 500, 400), abs=4)


def test_extent_ends_at_the_frame() -> None:
    box = extent(made_up(0, 790), WIDTH, HEIGHT)
    assert box is not None
    assert box.as_tuple() == pytest.approx((0, 690, 100, 800), abs=4)
    assert (box.left, box.bottom) == (0, 800)


def test_no_extent_out_of_the_frame() -> None:
    assert extent(made_up(-500, 300), WIDTH, HEIGHT) is None


def test_same_person_seen_twice() -> None:
    assert same_person(made_up(400, 300), made_up(410, 305), WIDTH, HEIGHT)


def test_neighbours_are_two_people() -> None:
    assert not same_person(made_up(400, 300), made_up(520, 300), WIDTH, HEIGHT)


def test_child_in_front_of_an_adult_is_somebody_else() -> None:
    assert not same_person(made_up(400, 300, 800), made_up(450, 400, 300), WIDTH, HEIGHT)


def test_one_face_is_one_person() -> None:
    one, other = made_up(400, 300, 400), made_up(450, 380, 600)
    other.points[0] = one.points[0] + 3
    assert same_person(one, other, WIDTH, HEIGHT)


def test_same_box_is_one_person_wherever_the_joints_are() -> None:
    one = made_up(400, 300)
    assert same_person(one, replace(one, points=one.points + 100), WIDTH, HEIGHT)


@pytest.mark.parametrize("size", [(1000, 800), (800, 1000), (4000, 1000), (640, 640)])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_somebody_half_as_large_as_a_window_lies_wholly_in_one(
    size: tuple[int, int], depth: int
) -> None:
    width, height = size
    looked_at = list(windows(width, height, depth))
    side = max(size) / 2**depth
    assert all(window.side == side for window in looked_at)
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(0, 1, (200, 2)):
        box = Box(0, 0, int(min(side / 2, width)), int(min(side / 2, height)))
        left, top = x * (width - box.width), y * (height - box.height)
        assert any(
            window.x - side / 2 <= left + 0.01
            and left + box.width <= window.x + side / 2 + 0.01
            and window.y - side / 2 <= top + 0.01
            and top + box.height <= window.y + side / 2 + 0.01
            for window in looked_at
        )
    assert len(looked_at) <= (2 * 2**depth - 1) ** 2


class Networks:
    """A detector and a landmark network that always give the same scores, and count."""

    def __init__(self, landmarks: float, detected: float = 0.0) -> None:
        self.found = replace(made_up(400, 300), score=landmarks)
        self.detected, self.looks, self.searches = detected, 0, 0

    def landmarks(self, photo: np.ndarray, region: Region) -> Landmarks:
        self.looks += 1
        return self.found

    def detect(self, photo: np.ndarray, window: Region, threshold: float) -> list[Detection]:
        self.searches += 1
        return [Detection(self.detected, (0, 0, 1, 1), Region(400, 300, 400))]


@pytest.mark.parametrize(
    ("standard", "landmarks", "detected", "believed", "looks", "searches"),
    [
        (BEYOND_FRAME, 0.6, 1.0, False, 1, 0),  # a coat: no second look, no search
        (BEYOND_FRAME, 0.9, 0.0, True, 2, 0),
        (IN_PHOTO, 0.9, 0.0, True, 2, 0),  # limbs are enough
        (IN_PHOTO, 0.8, 0.0, False, 2, 1),
        (IN_WINDOW, 0.9, 0.6, False, 2, 1),  # the second window could not save it
        (IN_WINDOW, 0.9, 0.9, True, 2, 2),
    ],
)
def test_nobody_is_looked_at_again_who_is_refused_anyway(
    standard, landmarks, detected, believed, looks, searches
) -> None:  # type: ignore[no-untyped-def]
    networks = Networks(landmarks, detected)
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    seen = Detection(0.7, (0, 0, 1, 1), Region(400, 300, 400))
    found = _person(photo, seen, networks, networks, standard)  # type: ignore[arg-type]
    assert (found is not None) == believed
    assert (networks.looks, networks.searches) == (looks, searches)


def test_who_is_just_surely_detected_needs_sure_landmarks() -> None:
    """Clothes on a hanger can look like somebody without a head to the detector."""
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    seen = Detection(0.82, (0, 0, 1, 1), Region(400, 300, 400))
    believed = [
        _person(photo, seen, networks, networks, IN_PHOTO) is not None  # type: ignore[arg-type]
        for networks in (Networks(0.6, 0.6), Networks(0.7, 0.6), Networks(0.6, 0.9))
    ]
    assert believed == [False, True, True]
