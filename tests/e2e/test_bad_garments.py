"""Garment photos that are odd or cannot be used, through everything that looks at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tryon import TryOn
from tryon.errors import GarmentError, ImageTooSmallError, NoGarmentError


@pytest.fixture(scope="module")
def engine() -> TryOn:
    return TryOn("none", remember=0)


@pytest.fixture
def garment(shirt: Path) -> Image.Image:
    return Image.open(shirt).convert("RGB")


def neck_row(engine: TryOn, photo: Image.Image) -> float:
    """How far down in its photo the chest, below the neck, is placed: 0 top, 1 bottom."""
    layer = engine.prepare_garment(photo, "upper").atlas.layers[0]
    frame = layer.places.shape[0]
    return float(layer.places[round(0.22 * frame), frame // 2, 1] / layer.alpha.shape[0])


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


def test_a_category_that_is_absurd_is_told(engine: TryOn) -> None:
    trousers = Image.new("RGB", (300, 500), (240, 240, 240))
    outline = [(90, 30), (210, 30), (240, 470), (175, 470), (150, 150), (125, 470), (60, 470)]
    ImageDraw.Draw(trousers).polygon(outline, fill=(40, 50, 90))
    assert engine.prepare_garment(trousers).category == "lower"
    with pytest.raises(GarmentError, match="'upper'.*'lower'"):
        engine.prepare_garment(trousers, "upper")


def test_a_garment_on_its_head_is_found_to_be(engine: TryOn, garment: Image.Image) -> None:
    upright = neck_row(engine, garment)
    assert upright < 0.4
    assert neck_row(engine, garment.rotate(180)) == pytest.approx(1 - upright, abs=0.06)


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
