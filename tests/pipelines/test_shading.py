"""Light that is drawn onto a person's old garment, and found on the new one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.pipelines.test_mask import BOTTOM, TOP, Drawn, drawn_person
from tryon.pipelines.fit.warp import Warp
from tryon.pipelines.person.parsing import Parsing
from tryon.pipelines.shading import garment_light, lit_warp

GREY = 120


def lit_from_the_left(person: Drawn, strength: float = 0.4) -> tuple[Image.Image, np.ndarray]:
    """The photo in a light that falls off to the right, and the light, float (H, W)."""
    across = np.linspace(-1, 1, person.photo.width)
    light = np.tile(np.exp(-strength * across), (person.photo.height, 1))
    return Image.fromarray(
        np.clip(np.asarray(person.photo) * light[..., None], 0, 255).astype(np.uint8)
    ), light


def flat_warp(person: Drawn) -> tuple[Warp, np.ndarray]:
    """An even grey garment where the top is, and where that is, bool (H, W)."""
    there = person.labels == TOP
    image = np.where(there[..., None], GREY, 0).astype(np.uint8).repeat(3, axis=-1)
    cover = there.astype(np.float32)
    return Warp(image, cover, cover), there


def parsed(photo: Image.Image, person: Drawn) -> Parsing:
    return person.seen(photo)


def test_the_light_of_the_photo_falls_on_the_new_garment() -> None:
    person = drawn_person()
    photo, light = lit_from_the_left(person)
    warp, there = flat_warp(person)
    lit = lit_warp(warp, photo, parsed(photo, person), "upper")
    found = np.log(lit.image[there].mean(axis=-1) / GREY)
    true = np.log(light[there])
    assert np.corrcoef(found, true)[0, 1] > 0.9
    assert 0.3 < found.std() / true.std() < 1
    assert abs(found.mean()) < 0.03
    assert lit.coverage is warp.coverage and lit.confidence is warp.confidence
    assert (warp.image[there] == GREY).all()  # the warp that was given stays


def test_even_light_changes_next_to_nothing() -> None:
    person = drawn_person()
    warp, there = flat_warp(person)
    lit = lit_warp(warp, person.photo, person.parsing(), "upper")
    assert np.abs(lit.image[there].astype(int) - GREY).mean() < 2
    assert not lit.image[~there].any()


def test_a_print_of_another_colour_is_no_light() -> None:
    person = drawn_person()
    rgb = np.array(person.photo)
    rgb[330:420, 350:400] = (235, 220, 40)
    photo = Image.fromarray(rgb)
    warp, there = flat_warp(person)
    lit = lit_warp(warp, photo, parsed(photo, person), "upper")
    inside = lit.image[340:410, 360:390].astype(float).mean()
    assert abs(inside - GREY) < 6


def test_sleeves_of_a_darker_shade_are_no_shadow() -> None:
    person = drawn_person(sleeve=0.5, colours={TOP: (190, 180, 200)})
    rgb = np.array(person.photo).astype(float)
    rgb[(person.labels == TOP) & (np.abs(np.arange(768) - 384) > 70)] *= 0.3
    photo = Image.fromarray(rgb.astype(np.uint8))
    light = garment_light(photo, parsed(photo, person), "upper")
    assert light is not None
    assert np.abs(light).max() < 0.03


def test_trousers_take_the_light_of_trousers() -> None:
    person = drawn_person()
    rgb = np.array(person.photo).astype(float)
    darker = (person.labels == TOP) & (np.arange(768) > 384)
    rgb[darker] *= 0.5
    photo = Image.fromarray(rgb.astype(np.uint8))
    parsing = parsed(photo, person)
    light = garment_light(photo, parsing, "lower")
    assert light is not None
    assert np.abs(light).max() < 0.1
    upper = garment_light(photo, parsing, "upper")
    assert upper is not None
    assert upper.max() - upper.min() > 0.25
    assert (person.labels == BOTTOM).any()


@pytest.mark.parametrize("strength", [0.0, 3.0])
def test_light_stays_gentle(strength: float) -> None:
    person = drawn_person()
    photo, _ = lit_from_the_left(person, strength)
    light = garment_light(photo, parsed(person.photo, person), "upper")
    assert light is not None
    assert np.abs(light).max() <= 0.25


def test_without_an_old_garment_the_warp_stays() -> None:
    person = drawn_person()
    parsing = person.parsing()
    nothing = np.zeros_like(parsing.top)
    for name in ("top", "bottom"):
        object.__setattr__(parsing, name, nothing)
    warp, _ = flat_warp(person)
    assert garment_light(person.photo, parsing, "dress") is None
    assert lit_warp(warp, person.photo, parsing, "dress") is warp
