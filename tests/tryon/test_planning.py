from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tryon import TryOn
from tryon.options import DressOptions
from tryon.outfit import Worn
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.warp import warp_garment
from tryon.pipelines.shading import lit_warp
from tryon.planning import Plan, planned, with_hole, worn_warp
from tryon.preparation import Garment, Person
from tryon.stopwatch import Stopwatch


@pytest.fixture(scope="module")
def prepared(astronaut: Path, shirt: Path) -> tuple[Person, Garment]:
    engine = TryOn("none")
    return engine.prepare_person(astronaut), engine.prepare_garment(shirt, "upper")


def plan_of(
    prepared: tuple[Person, Garment], options: DressOptions, config: FamilyConfig | None = None
) -> Plan:
    person, garment = prepared
    return planned(config or FamilyConfig(), person, [Worn(garment, options)], Stopwatch())


def test_a_hole_is_grey_and_nothing_else_changes() -> None:
    photo = Image.new("RGB", (40, 30), (10, 200, 30))
    area = Image.new("L", (40, 30))
    area.paste(255, (5, 5, 20, 20))
    hollow = np.asarray(with_hole(photo, area))
    inside = np.asarray(area) > 0
    assert (hollow[inside] == 128).all()
    assert (hollow[~inside] == (10, 200, 30)).all()
    assert photo.getpixel((6, 6)) == (10, 200, 30)


def test_the_warp_lies_in_the_mask_and_is_red(prepared: tuple[Person, Garment]) -> None:
    plan = plan_of(prepared, DressOptions(category="upper"))
    photo, reference = (np.asarray(i, int) for i in (plan.person.photo, plan.reference))
    changed = (photo != reference).any(axis=2)
    assert changed.mean() > 0.05
    assert not changed[np.asarray(plan.mask) == 0].any()
    red, green, _ = reference[changed].mean(axis=0)
    assert red > green + 60


def test_a_family_trained_on_warps_sees_grey_where_there_is_none(
    prepared: tuple[Person, Garment],
) -> None:
    options = DressOptions(category="upper")
    shown = {
        kind: plan_of(prepared, options, FamilyConfig(masked_image=kind)).sample.warp
        for kind in ("blank", "warp")
    }
    assert shown["blank"] is not None and shown["warp"] is not None
    grey = (np.asarray(shown["warp"]) == 128).all(axis=2)
    assert grey.mean() > 0.02
    assert not (np.asarray(shown["blank"]) == 128).all(axis=2)[grey].all()


def test_without_a_warp_the_model_is_left_alone(prepared: tuple[Person, Garment]) -> None:
    options = DressOptions(category="upper", warp=False)
    plan = plan_of(prepared, options)
    assert plan.sample.warp is None
    assert plan.reference is plan.person.photo
    assert not plan.trust.any() and not plan.worn.any()


def test_what_is_guessed_is_trusted_less_than_the_photo(prepared: tuple[Person, Garment]) -> None:
    plan = plan_of(prepared, DressOptions(category="upper"))
    outside = np.asarray(plan.mask) == 0
    assert (plan.trust[outside] == 1).all()
    guessed = (plan.trust < 0.9) & ~plan.worn
    assert guessed.any() and not guessed[outside].any()


def test_words_go_into_the_familys_prompt(prepared: tuple[Person, Garment]) -> None:
    options = DressOptions(category="upper", prompt="a red shirt", negative_prompt="")
    config = FamilyConfig(prompts={k: "worn: {garment}" for k in ("upper", "lower", "dress")})
    sample = plan_of(prepared, options, config).sample
    assert (sample.prompt, sample.negative_prompt) == ("worn: a red shirt", "")


def test_settings_are_the_familys_unless_asked(prepared: tuple[Person, Garment]) -> None:
    config = FamilyConfig(steps=9, guidance=3.5)
    plan = plan_of(prepared, DressOptions(category="upper", guidance=1.5), config)
    assert (plan.settings.steps, plan.settings.guidance) == (9, 1.5)


def test_the_garment_lies_in_the_light_of_the_photo(prepared: tuple[Person, Garment]) -> None:
    person, garment = prepared
    plan = plan_of(prepared, DressOptions(category="upper"))
    flat = warp_garment(garment.atlas, person.body)
    lit = lit_warp(flat, person.photo, person.parsing, "upper")
    known = (worn_warp(person, garment).coverage == 1) & (np.asarray(plan.mask) == 255)
    known &= np.asarray(plan.layers.images()["front"].getchannel("A")) == 0
    assert known.any()
    assert (flat.image[known] != lit.image[known]).mean() > 0.2
    # The layer gives back fine detail, so that means are compared, on a grid of 8 pixels.
    shown, of_lit, of_flat = (
        cv2.blur(np.where(known[..., None], image, 0).astype(np.float32), (8, 8))
        for image in (np.asarray(plan.reference), lit.image, flat.image)
    )
    inside = cv2.erode(known.astype(np.uint8), np.ones((9, 9))) > 0
    to_lit, to_flat = (np.abs(shown - of)[inside].mean() for of in (of_lit, of_flat))
    assert to_lit < 0.8 * to_flat
