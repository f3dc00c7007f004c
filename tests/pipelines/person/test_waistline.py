"""The waistline of drawn trunks, whose hem is known."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.pipelines.anatomy import Anatomy
from tryon.pipelines.crop import Crop
from tryon.pipelines.person.waistline import Waistline, waistline
from tryon.types import Box

SIZE = (300, 480)  # (width, height) of the window; the photo is twice as large
NECK, HIPS = (150.0, 60.0), (150.0, 240.0)
MEASURES = Anatomy(
    120.0, {}, np.zeros(2), np.array([0.0, -1.0]), 40.0, (np.array(NECK), np.array(HIPS))
)
WINDOW = Crop(Box(40, 20, 640, 980), (700, 1000), SIZE)
RED, BLUE, SKIN = (170, 50, 60), (60, 70, 130), (214, 168, 140)


def level(y: float) -> float:
    return (y - NECK[1]) / (HIPS[1] - NECK[1])


class Trunk:
    """Cloth from the neck down to the knees, as wide as the shoulders."""

    def __init__(self, colour: tuple[int, int, int] = RED) -> None:
        self.rgb = np.full((SIZE[1], SIZE[0], 3), 230, np.uint8)
        self.cloth = np.zeros((SIZE[1], SIZE[0]), bool)
        self.bare = np.zeros_like(self.cloth)
        self.cloth[60:440, 85:215] = True
        self.rgb[self.cloth] = colour

    def below(self, y: np.ndarray, colour: tuple[int, int, int]) -> None:
        """Other cloth below a line, (300,) window rows."""
        self.rgb[(np.arange(SIZE[1])[:, None] >= y) & self.cloth] = colour

    def line(self) -> Waistline | None:
        grain = np.random.default_rng(0).normal(0, 4, self.rgb.shape)
        rgb = np.clip(self.rgb + grain, 0, 255).astype(np.uint8)
        return waistline(rgb, MEASURES, self.cloth, self.bare, WINDOW)


def photo_y(row: float) -> float:
    return 20 + 2 * row


@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize("hem", [180, 270])
def test_follows_the_hem(hem: int, slope: float) -> None:
    trunk = Trunk()
    rows = hem + slope * (np.arange(SIZE[0]) - 150.0)
    trunk.below(rows, BLUE)
    line = trunk.line()
    assert line is not None and line.confidence > 0.9
    columns = np.arange(100, 200)
    assert np.abs(line.y(40 + 2 * columns) - photo_y(rows[columns])).max() < 6
    assert line.tucked == (level(hem) < 0.88)


def test_stripes_are_no_hem() -> None:
    trunk = Trunk()
    for start in range(60, 200, 20):
        trunk.rgb[start : start + 10][trunk.cloth[start : start + 10]] = (240, 240, 235)
    trunk.below(np.full(SIZE[0], 220.0), BLUE)
    line = trunk.line()
    assert line is not None
    assert np.abs(line.y(np.array([340.0])) - photo_y(220)) < 6


def test_a_dress_has_no_line() -> None:
    assert Trunk().line() is None


def test_the_shadow_of_a_hem_is_enough() -> None:
    trunk = Trunk()
    trunk.rgb[250:254][trunk.cloth[250:254]] = (60, 15, 20)
    line = trunk.line()
    assert line is not None and line.confidence < 0.9 and not line.tucked
    assert np.abs(line.y(np.array([340.0])) - photo_y(252)) < 10


def test_below_a_bare_midriff_the_bottom_begins() -> None:
    trunk = Trunk()
    trunk.rgb[150:165][trunk.cloth[150:165]] = SKIN
    trunk.bare[150:165] = trunk.cloth[150:165]
    trunk.cloth[150:165] = False
    line = trunk.line()  # of the same cloth above and below, as in a set
    assert line is not None and line.tucked
    assert np.abs(line.y(np.array([340.0])) - photo_y(165)) < 6


def test_goes_on_behind_an_arm() -> None:
    trunk = Trunk()
    trunk.below(np.full(SIZE[0], 200.0), BLUE)
    trunk.rgb[185:215, 85:170], trunk.cloth[185:215, 85:170] = SKIN, False
    line = trunk.line()
    assert line is not None
    assert np.abs(line.y(40 + 2 * np.arange(100, 200)) - photo_y(200)).max() < 40
    assert np.abs(line.y(40 + 2 * np.arange(175, 200)) - photo_y(200)).max() < 6


def test_nothing_is_told_of_a_bust() -> None:
    trunk = Trunk()
    trunk.cloth[160:] = False
    assert trunk.line() is None


def test_turned_with_the_trunk() -> None:
    """Lying on the side, the line runs down the photo: its points are where it is."""
    trunk = Trunk()
    trunk.below(np.full(SIZE[0], 200.0), BLUE)
    turned = Anatomy(
        120.0,
        {},
        np.zeros(2),
        np.array([-1.0, 0.0]),
        40.0,
        (np.array([60.0, 150.0]), np.array([240.0, 150.0])),
    )
    window = Crop(Box(0, 0, 480, 300), (480, 300), (480, 300))
    rgb, cloth = np.swapaxes(trunk.rgb, 0, 1).copy(), trunk.cloth.T.copy()
    line = waistline(rgb, turned, cloth, np.zeros_like(cloth), window)
    assert line is not None
    assert np.abs(line.points[:, 0] - 200).max() < 4
