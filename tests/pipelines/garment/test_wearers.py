"""Who is somebody in a garment photo, and which piece the photo means: people drawn as the parser
would see them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parsers import one_hot
from tryon.pipelines.garment.wearers import extent, told_category, wearers
from tryon.pipelines.person.parser import CLASSES
from tryon.types import JOINTS, Pose

HEIGHT, WIDTH = 400, 300
RED, BLUE, SKIN = (190, 40, 40), (30, 40, 150), (220, 180, 160)
CODES = {RED: "clothes", BLUE: "clothes", SKIN: "skin"}


class ByColour:
    """A parser that knows the colours of the drawings."""

    def probability(self, rgb: np.ndarray) -> np.ndarray:
        classes = np.zeros(rgb.shape[:2], int)
        for colour, name in CODES.items():
            near = np.abs(rgb.astype(int) - colour).max(axis=-1) < 25
            classes[near] = CLASSES.index(name)
        return one_hot(classes)


def pose(**moved: tuple[float, float, float]) -> Pose:
    """Somebody who stands in the middle; joints may be moved (x, y, confidence)."""
    rows = {"shoulder": 90, "elbow": 140, "wrist": 190, "hip": 190, "knee": 280, "ankle": 370}
    reach = {"shoulder": 40, "elbow": 55, "wrist": 60, "hip": 28, "knee": 28, "ankle": 28}
    keypoints = np.zeros((18, 3), np.float32)
    for index, name in enumerate(JOINTS):
        side, _, joint = name.partition("_")
        sign = -1 if side == "right" else 1
        place = (150 + sign * reach[joint], rows[joint]) if joint in rows else (150, 50)
        keypoints[index] = (*place, 0.9)
    for name, joint in moved.items():
        keypoints[JOINTS.index(name)] = joint
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), 0.9)


def photo(
    top: tuple[int, int, int], bottom: tuple[int, int, int], *, head: bool = True
) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), 235, np.uint8)
    image[80:190, 105:195] = top
    image[190:300, 105:195] = bottom
    if head:
        image[30:80, 130:170] = SKIN
        image[300:380, 115:135] = image[300:380, 165:185] = SKIN
    return image


def test_somebody_printed_on_a_shirt_is_nobody() -> None:
    shirt = np.full((5 * HEIGHT, 5 * WIDTH, 3), RED, np.uint8)
    shirt[:HEIGHT, :WIDTH] = photo(RED, BLUE)
    assert wearers(shirt, [pose()], ByColour()) == []
    assert wearers(shirt[:HEIGHT, :WIDTH], [pose()], ByColour()) != []


def test_a_coat_on_a_hanger_is_nobody() -> None:
    hanging, worn = photo(RED, RED, head=False), photo(RED, RED)
    assert wearers(hanging, [pose()], ByColour()) == []
    somebody = pose()
    assert wearers(worn, [somebody], ByColour()) == [somebody]


def test_somebody_printed_on_the_cloth_wears_nothing() -> None:
    printed, whole = np.full((3 * HEIGHT, 3 * WIDTH, 3), 235, np.uint8), photo(RED, RED)
    printed[100:1100, 100:800] = BLUE
    printed[300 : 300 + HEIGHT // 2, 300 : 300 + WIDTH // 2] = whole[::2, ::2]
    small = pose().keypoints * [0.5, 0.5, 1] + [300, 300, 0]
    somebody = Pose(small.astype(np.float32), np.zeros((2, 3, 3), np.float32), 0.9)
    assert wearers(printed, [somebody], ByColour()) == []


def test_where_chest_and_lap_are_of_one_cloth_it_is_a_dress() -> None:
    assert told_category(photo(RED, RED), pose(), ByColour()) == "dress"
    assert told_category(photo(RED, BLUE), pose(), ByColour()) is None
    legs = photo(RED, RED)
    legs[195:, 140:160] = 235  # trousers: nothing hangs between the legs
    assert told_category(legs, pose(), ByColour()) is None


def test_a_photo_that_ends_at_the_waist_means_the_top() -> None:
    beyond = pose(left_hip=(178, 410, 0.1), right_hip=(122, 410, 0.1))
    assert told_category(photo(RED, BLUE), beyond, ByColour()) == "upper"
    at_the_edge = pose(left_hip=(178, 390, 0.9), right_hip=(122, 392, 0.9))
    assert told_category(photo(RED, BLUE), at_the_edge, ByColour()) == "upper"


def test_a_photo_that_begins_there_means_the_bottom() -> None:
    beyond = pose(left_shoulder=(190, -40, 0.0), right_shoulder=(110, -40, 0.0))
    assert told_category(photo(RED, BLUE), beyond, ByColour()) == "lower"


def test_a_photo_that_ends_above_the_knees_does_not_tell() -> None:
    knees = pose(left_knee=(178, 420, 0.1), right_knee=(122, 420, 0.1))
    assert told_category(photo(RED, RED), knees, ByColour()) is None


@pytest.mark.parametrize("size", [(300, 400), (200, 150)])
def test_the_extent_stays_in_the_photo(size: tuple[int, int]) -> None:
    box = extent(pose(), *size)
    assert box.left >= 0 and box.top >= 0
    assert box.right <= size[0] and box.bottom <= size[1]
    unseen = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0.9)
    assert extent(unseen, *size).size == size
