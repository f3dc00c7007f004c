"""A top and a skirt in one look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.adapters.test_lora import random_state
from tryon import TryOn
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.errors import OptionError
from tryon.options import DressOptions
from tryon.outfit import check_outfit_options, garment_regions
from tryon.pipelines.fit.warp import Warp


def plane(*rows: slice) -> np.ndarray:
    values = np.zeros((40, 20), np.uint8)
    for row in rows:
        values[row] = 255
    return values


def cloth(rows: slice) -> Warp:
    values = plane(rows)
    return Warp(np.zeros((40, 20, 3), np.uint8), values / np.float32(255), values / np.float32(255))


def rows_of(region: Image.Image) -> list[int]:
    return sorted(set(np.nonzero(np.asarray(region))[0].tolist()))


def test_regions_share_out_the_area() -> None:
    areas = [Image.fromarray(plane(slice(0, 24))), Image.fromarray(plane(slice(16, 36)))]
    top, skirt = garment_regions(areas, [cloth(slice(2, 19)), cloth(slice(22, 34))])
    # Between the hem of the top (row 18) and the waist (row 22): whichever is nearer.
    assert rows_of(top) == list(range(20))
    assert rows_of(skirt) == list(range(20, 36))


def test_the_later_garment_lies_over_the_earlier() -> None:
    areas = [Image.fromarray(plane(slice(0, 24))), Image.fromarray(plane(slice(16, 36)))]
    warps = [cloth(slice(2, 22)), cloth(slice(18, 34))]
    top, skirt = garment_regions(areas, warps)
    assert rows_of(top) == list(range(18)) and rows_of(skirt) == list(range(18, 36))
    skirt, top = garment_regions(areas[::-1], warps[::-1])
    assert rows_of(top) == list(range(22)) and rows_of(skirt) == list(range(22, 36))


def test_without_a_warp_the_areas_speak() -> None:
    areas = [Image.fromarray(plane(slice(0, 24))), Image.fromarray(plane(slice(16, 36)))]
    top, skirt = garment_regions(areas, [None, None])
    assert rows_of(top) == list(range(16)) and rows_of(skirt) == list(range(16, 36))


@pytest.mark.parametrize(
    ("options", "mask", "words"),
    [
        (DressOptions(lora=("a",)), None, "1 LoRAs for 2 garments"),
        (DressOptions(prompt="a shirt"), None, "prompt is of one garment"),
        (DressOptions(category="upper"), None, "category is of one garment"),
        (DressOptions(), "mask.png", "mask of your own"),
    ],
)
def test_what_is_of_one_garment_is_refused(
    options: DressOptions, mask: str | None, words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        check_outfit_options(options, 2, mask)


@pytest.fixture(scope="module")
def engine(tiny_family: Path) -> TryOn:
    return TryOn(tiny_family)


def full_figure() -> Image.Image:
    """A rendered person, whole: the astronaut's photo ends at the hips."""
    return Image.open(Path(__file__).parents[2] / "demo" / "examples" / "person-shorts.jpg")


def test_two_garments_in_one_look(engine: TryOn, shirt: Path, tmp_path: Path) -> None:
    person = engine.prepare_person(full_figure())
    top = engine.prepare_garment(shirt, "upper")
    skirt = replace(top, category="lower", key="skirt")  # what it looks like does not matter here
    assert engine.family is not None
    files = []
    for seed in (1, 2):
        state = random_state(engine.family.unet, 2, seed, "attn2.to_")
        path = tmp_path / f"{seed}.safetensors"
        files.append(str(save_lora(path, state, LoraMetadata("tiny"))))

    plan = engine.plan(person, [skirt, top], DressOptions(seed=7, lora=tuple(files)))
    (second,) = plan.sample.pieces
    assert "lower body" in plan.sample.prompt and "upper body" in second.prompt
    assert [len(piece.loras) for piece in plan.sample.garments] == [1, 1]
    alone = [engine.plan(person, g, DressOptions(seed=7)) for g in (skirt, top)]
    union = np.maximum(*(np.asarray(each.mask) for each in alone))
    assert (np.asarray(plan.mask) == union).all()
    assert plan.worn.any() and plan.trust[~(union > 0)].min() == 1

    look = engine.dress(person, [skirt, top], seed=7, lora=tuple(files))
    photo, image = np.asarray(person.photo), np.asarray(look.image)
    outside = np.asarray(look.mask) == 0
    assert (image[outside] == photo[outside]).all()
    assert look.parameters["garment"] == skirt.key
    assert look.parameters["worn_with"] == [top.key]
    other = engine.dress(person, [skirt, top], seed=7, lora=tuple(files[::-1]))
    assert (np.asarray(other.image) != image).any()
    again = engine.dress(person, [skirt, top], seed=7, lora=tuple(files))
    assert (np.asarray(again.image) == image).all()


def test_what_cannot_be_worn_together(engine: TryOn, shirt: Path) -> None:
    person = engine.prepare_person(full_figure())
    top = engine.prepare_garment(shirt, "upper")
    with pytest.raises(OptionError, match="upper, upper"):
        engine.dress(person, [top, top])
