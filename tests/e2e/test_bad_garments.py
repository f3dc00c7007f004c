"""Garment photos that are odd or cannot be used, through everything that looks at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.garments import trousers
from tryon import TryOn
from tryon.errors import GarmentError, ImageTooSmallError, NoGarmentError
from tryon.training.other_things import drawn_thing


@pytest.fixture(scope="module")
def engine() -> TryOn:
    return TryOn("none", remember=0)


@pytest.fixture
def garment(shirt: Path) -> Image.Image:
    return Image.open(shirt).convert("RGB")


@pytest.mark.parametrize("photo_kind", ["auto", "flat-lay"])
def test_nothing_but_background_is_no_garment(engine: TryOn, photo_kind: str) -> None:
    noise = np.random.default_rng(0).normal(220, 2, (400, 300, 3))
    empty = Image.fromarray(noise.astype(np.uint8))
    with pytest.raises(NoGarmentError, match="background"):
        engine.prepare_garment(empty, photo_kind=photo_kind)  # type: ignore[arg-type]


def test_two_garments_are_one_too_many(engine: TryOn, garment: Image.Image) -> None:
    both = Image.new("RGB", (768, 512), (238, 238, 238))
    both.paste(garment, (0, 0))
    both.paste(garment, (384, 0))
    with pytest.raises(GarmentError, match="more than one"):
        engine.prepare_garment(both)


def test_a_person_is_no_flat_lay(engine: TryOn, astronaut: Path) -> None:
    with pytest.raises(GarmentError, match="person"):
        engine.prepare_garment(astronaut, "upper", "flat-lay")


def test_the_persons_word_counts(engine: TryOn, caplog: pytest.LogCaptureFixture) -> None:
    seen = engine.prepare_garment(trousers())
    assert seen.category == "lower"
    assert seen.score > 0.5
    assert not caplog.records
    said = engine.prepare_garment(trousers(), "upper")
    assert said.category == said.atlas.category == "upper"
    assert said.score < 0.1
    assert "said to be upper, but looks lower" in caplog.text


@pytest.mark.parametrize("name", ["page", "cup", "shoe", "bag"])
def test_other_things_are_no_garments(engine: TryOn, name: str) -> None:
    thing = Image.fromarray(drawn_thing(np.random.default_rng(1), name)).resize((480, 480))
    photo = Image.new("RGB", thing.size, (236, 236, 234))
    photo.paste(thing, (0, 0), thing)
    for category in ("auto", "upper"):
        with pytest.raises(NoGarmentError, match="garment"):
            engine.prepare_garment(photo, category)  # type: ignore[arg-type]


def test_cats_and_cups_are_no_garments(engine: TryOn) -> None:
    for photo in (data.chelsea(), data.coffee()):
        with pytest.raises(NoGarmentError):
            engine.prepare_garment(Image.fromarray(photo), "upper")


def test_a_shirt_on_a_hanger_is_nobody(engine: TryOn) -> None:
    case = Path(__file__).resolve().parents[3] / "shared/cases/hanger-as-person/hanger.jpg"
    if not case.is_file():
        pytest.skip("the cases beside the checkout are not here")
    hanging = engine.prepare_garment(case)
    assert (hanging.category, hanging.worn) == ("upper", False)


@pytest.mark.parametrize("angle", [90, 180, 270, 35, -50])
def test_a_garment_that_is_turned_is_set_upright(
    engine: TryOn, garment: Image.Image, angle: int
) -> None:
    upright = engine.prepare_garment(garment, "upper").atlas.rgba()[..., 3] > 127
    turned = garment.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(238,) * 3)
    found = engine.prepare_garment(turned, "upper").atlas.rgba()[..., 3] > 127
    assert (found & upright).sum() > 0.8 * (found | upright).sum()


def test_transparency_cuts_out(engine: TryOn, garment: Image.Image) -> None:
    pixels = np.asarray(garment)
    there = np.abs(pixels.astype(int) - 238).max(axis=-1) > 8
    rgba = np.dstack([pixels, np.where(there, 255, 0).astype(np.uint8)])
    rgba[~there, :3] = 0  # as many programs write it
    cut = engine.prepare_garment(Image.fromarray(rgba))
    opaque = engine.prepare_garment(garment)
    assert cut.category == opaque.category == "upper"
    both = cut.atlas.layers[0].coverage > 0.5, opaque.atlas.layers[0].coverage > 0.5
    assert (both[0] & both[1]).sum() > 0.85 * (both[0] | both[1]).sum()


def test_a_thumbnail_works_and_less_is_told(engine: TryOn, garment: Image.Image) -> None:
    large = engine.prepare_garment(garment)
    small = engine.prepare_garment(garment.resize((75, 100)))
    assert small.category == "upper"
    both = small.atlas.layers[0].coverage > 0.5, large.atlas.layers[0].coverage > 0.5
    assert (both[0] & both[1]).sum() > 0.8 * (both[0] | both[1]).sum()
    with pytest.raises(ImageTooSmallError):
        engine.prepare_garment(garment.resize((30, 40)))
