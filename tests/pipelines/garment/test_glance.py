"""What a glance says of garments and of other things, and how what lies askew is set upright."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.garments import dress, shirt, skirt, trousers
from tryon.errors import WeightsCorruptError, WeightsMissingError
from tryon.perception import CUTOUT, GLANCE
from tryon.pipelines.bodymap_net import load_dense_net
from tryon.pipelines.garment import glance as module
from tryon.pipelines.garment.cutout import Cutout, garment_cutout
from tryon.pipelines.garment.glance import (
    Glance,
    garment_glance,
    garment_square,
    upright,
)
from tryon.pipelines.garment.glance_net import ANGLES, GLANCE_SIZE, GlanceNet, load_glance_net
from tryon.training.other_things import drawn_thing
from tryon.types import Box

cut_out = partial(garment_cutout, load_dense_net(CUTOUT))


@pytest.fixture(scope="module")
def net() -> GlanceNet:
    return load_glance_net(GLANCE)


DRAWN = {"upper": shirt, "lower": trousers, "dress": dress}


@pytest.mark.parametrize("category", DRAWN)
@pytest.mark.parametrize("angle", [0, 90, 180, 270, 33, -50])
def test_garments_are_known_at_any_angle(net: GlanceNet, category: str, angle: int) -> None:
    seen = garment_glance(net, cut_out(turned(DRAWN[category](), angle)))
    assert seen.category == category
    assert seen.garment > 0.5
    assert abs((seen.angle - angle + 180) % 360 - 180) <= 8
    assert seen.turned == (angle != 0)


@pytest.mark.parametrize("name", ["page", "bottle", "cup", "shoe", "bag"])
@pytest.mark.parametrize("seed", [1, 2])
def test_drawn_things_are_no_garments(net: GlanceNet, name: str, seed: int) -> None:
    rgba = drawn_thing(np.random.default_rng(seed), name)
    assert garment_glance(net, cut_out(Image.fromarray(rgba))).garment < 0.6


def test_a_mirror_image_looks_the_same(net: GlanceNet) -> None:
    cutout = cut_out(turned(skirt(), 20))
    mirrored = cut_out(turned(skirt(), 20).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    one, other = garment_glance(net, cutout), garment_glance(net, mirrored)
    assert one.angle == pytest.approx(-other.angle, abs=3)
    assert one.garment == pytest.approx(other.garment, abs=0.1)


def test_each_view_tells_the_same_angle() -> None:
    class Compass(torch.nn.Module):
        """Sees how far a bright spot is from the top, in degrees clockwise."""

        def forward(self, picture: torch.Tensor, outline: torch.Tensor) -> tuple[torch.Tensor, ...]:
            angles = torch.full((len(picture), ANGLES), -9.0)
            for i, plane in enumerate(picture[:, 0].numpy()):
                y, x = np.unravel_index(plane.argmax(), plane.shape)
                middle = (GLANCE_SIZE - 1) / 2
                angle = np.degrees(np.arctan2(x - middle, middle - y))
                angles[i, round(angle / 5) % ANGLES] = 9.0
            return torch.zeros(len(picture), 4), angles

    image = np.full((96, 96, 3), 100, np.uint8)
    cv2.circle(image, (60, 14), 3, (250, 250, 250), -1)
    cutout = Cutout(image, np.full((96, 96), 255, np.uint8), Box(0, 0, 96, 96), True)
    seen = garment_glance(Compass(), cutout)  # type: ignore[arg-type]
    assert seen.angle == pytest.approx(20, abs=4)
    assert seen.sure > 0.99
    assert seen.shares == pytest.approx([0.476, 0.476, 0.048], abs=1e-3)  # square: hardly a dress
    assert seen.garment == pytest.approx(0.75)


def test_the_square_holds_the_garment_and_air() -> None:
    alpha = np.zeros((300, 200), np.uint8)
    alpha[50:250, 60:160] = 255
    square, outline = garment_square(np.dstack([alpha] * 3), alpha, Box(60, 50, 160, 250))
    assert square.shape == (96, 96, 3)
    rows, columns = np.nonzero(outline > 127)
    assert (rows.min(), rows.max()) == (5, 90)
    assert np.ptp(columns) == pytest.approx(42, abs=1)


@pytest.mark.parametrize("quarters", [1, 2, -1])
def test_a_turn_by_quarters_keeps_every_pixel(quarters: int) -> None:
    cutout = marked_cutout()
    turned_away = Cutout(
        np.rot90(cutout.image, -quarters), np.rot90(cutout.alpha, -quarters), cutout.box, True
    )
    back = upright(turned_away, glance(90 * quarters + 2))
    assert np.array_equal(back.image, cutout.image)
    assert np.array_equal(back.alpha, cutout.alpha)
    assert back.box == cutout.box


def test_what_lies_askew_is_turned_back_once_on_a_larger_canvas() -> None:
    cutout = marked_cutout()
    askew = upright(cutout, glance(-30))  # turns it clockwise
    again = upright(askew, glance(30))
    assert askew.alpha.shape[0] > cutout.alpha.shape[0]
    assert again.box.width == pytest.approx(cutout.box.width, abs=3)
    for down, across in ((30, 30), (90, 90)):
        found = again.image[again.box.top + down, again.box.left + across].astype(int)
        assert np.abs(found - cutout.image[100 + down, 30 + across]).max() < 12


def test_what_lies_under_nothing_does_not_come_in() -> None:
    cutout = marked_cutout()
    other = cutout.image.copy()
    other[cutout.alpha == 0] = (255, 0, 255)
    one = upright(cutout, glance(25))
    two = upright(Cutout(other, cutout.alpha, cutout.box, True), glance(25))
    there = one.alpha > 0
    assert np.abs(one.image[there].astype(int) - two.image[there]).max() <= 1


@pytest.mark.parametrize("seen", [(4.0, 1.0), (90.0, 0.5)])
def test_what_is_nearly_upright_or_unsure_is_left_alone(seen: tuple[float, float]) -> None:
    cutout = marked_cutout()
    assert upright(cutout, glance(*seen)) is cutout


def test_weights_that_are_not_there_or_others_are_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WeightsMissingError):
        load_glance_net(tmp_path / "none.safetensors")
    file = tmp_path / "other.safetensors"
    file.write_bytes(b"no weights")
    with pytest.raises(WeightsCorruptError):
        load_glance_net(file)


def glance(angle: float, sure: float = 1.0) -> Glance:
    angle = (angle + 180) % 360 - 180
    return module.Glance(np.array([1.0, 0, 0]), 1.0, angle, sure)


def marked_cutout() -> Cutout:
    """A block of several colours on grey."""
    image = np.full((240, 180, 3), 90, np.uint8)
    image[100:220, 30:150] = (200, 60, 40)
    image[100:160, 30:90] = (40, 160, 220)
    alpha = np.zeros((240, 180), np.uint8)
    alpha[100:220, 30:150] = 255
    return Cutout(image, alpha, Box(30, 100, 150, 220), True)


def turned(image: Image.Image, clockwise: float) -> Image.Image:
    return image.rotate(-clockwise, Image.Resampling.BICUBIC, expand=True, fillcolor=(238,) * 3)
