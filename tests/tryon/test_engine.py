from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.adapters.test_lora import random_state
from tests.families import save_random_family
from tryon import Look, TryOn
from tryon.adapters import lora_bank
from tryon.adapters.lora_format import LoraLayer, read_lora
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.errors import (
    Cancelled,
    ImageNotFoundError,
    LoraBaseError,
    MaskEmptyError,
    MaskInvertedError,
    MaskSizeError,
    NoPersonError,
    OptionError,
    OutOfFrameError,
    WeightsMissingError,
)
from tryon.options import DressOptions


@pytest.fixture(scope="module")
def engine(tiny_family: Path) -> TryOn:
    return TryOn(tiny_family)


@pytest.fixture(scope="module")
def look(engine: TryOn, astronaut: Path, shirt: Path) -> Look:
    return engine.dress(astronaut, shirt, category="upper", seed=7)


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.tobytes() == other.tobytes()


def test_the_look_has_the_size_of_the_photo(look: Look, astronaut: Path) -> None:
    with Image.open(astronaut) as photo:
        assert look.image.size == look.mask.size == photo.size


def test_pixels_outside_the_mask_are_the_photo(look: Look, astronaut: Path) -> None:
    photo = np.asarray(Image.open(astronaut))
    outside = np.asarray(look.mask) == 0
    assert 0.1 < outside.mean() < 0.95
    assert (np.asarray(look.image)[outside] == photo[outside]).all()
    assert (np.asarray(look.image)[~outside] != photo[~outside]).any()


def test_the_face_is_kept(look: Look) -> None:
    nose = look.pose.joint("nose")[:2].astype(int)
    assert look.mask.getpixel(tuple(nose.tolist())) == 0


def test_the_same_inputs_give_the_same_pixels(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path, tiny_family: Path
) -> None:
    assert same(engine.dress(astronaut, shirt, category="upper", seed=7).image, look.image)
    fresh = TryOn(tiny_family).dress(astronaut, shirt, category="upper", seed=7)
    assert same(fresh.image, look.image)


def test_pictures_in_memory_are_dressed_alike(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path
) -> None:
    """A web service has bytes, and cameras and notebooks have arrays."""
    person, garment = np.asarray(Image.open(astronaut)), shirt.read_bytes()
    assert same(engine.dress(person, garment, category="upper", seed=np.int64(7)).image, look.image)
    with shirt.open("rb") as opened:
        assert same(engine.dress(person, opened, category="upper", seed=7).image, look.image)


def test_another_seed_gives_other_pixels(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path
) -> None:
    assert not same(engine.dress(astronaut, shirt, category="upper", seed=8).image, look.image)


def test_a_batch_gives_what_each_gives_alone(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path
) -> None:
    blue = Image.open(shirt).convert("RGB").point(lambda v: 255 - v)
    pairs = [(astronaut, blue), (astronaut, shirt), (astronaut, blue)]
    looks = list(engine.dress_many(pairs, batch_size=2, category="upper", seed=7))
    assert all(isinstance(item, Look) for item in looks)
    assert same(looks[1].image, look.image)
    assert same(looks[0].image, looks[2].image)
    assert not same(looks[0].image, look.image)


def test_an_error_in_a_batch_takes_its_place(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path
) -> None:
    pairs = [(shirt, shirt), (astronaut, shirt), ("nowhere.jpg", shirt)]
    looks = list(engine.dress_many(pairs, errors="return", category="upper", seed=7))
    assert isinstance(looks[0], NoPersonError)
    assert same(looks[1].image, look.image)
    assert isinstance(looks[2], ImageNotFoundError)


def test_an_error_in_a_batch_comes_after_what_was_before_it(
    engine: TryOn, astronaut: Path, shirt: Path
) -> None:
    looks = engine.dress_many(
        [(astronaut, shirt), (shirt, shirt), (astronaut, shirt)], category="upper"
    )
    assert isinstance(next(looks), Look)
    with pytest.raises(NoPersonError):
        next(looks)


def test_a_prepared_person_is_not_looked_at_again(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = engine.prepare_person(astronaut)
    garment = engine.prepare_garment(shirt, "upper")
    monkeypatch.setattr(engine, "perception", None)
    assert same(engine.dress(person, garment, category="upper", seed=7).image, look.image)
    assert engine.prepare_person(Image.open(astronaut)) is person


def test_a_mask_of_the_callers_is_obeyed(engine: TryOn, astronaut: Path, shirt: Path) -> None:
    mask = Image.new("L", (512, 512))
    mask.paste(255, (200, 300, 280, 420))
    own = engine.dress(astronaut, shirt, mask=mask, category="upper")
    assert not np.asarray(own.mask)[np.asarray(mask) == 0].any()
    without = engine.dress(
        astronaut, shirt, mask=mask, mask_mode="subtract", category="upper", grow=0
    )
    assert not np.asarray(without.mask)[310:410, 210:270].any()


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (Image.new("L", (512, 511), 255), MaskSizeError),
        (Image.new("L", (512, 512), 0), MaskEmptyError),
        (Image.new("L", (512, 512), 255), MaskInvertedError),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(
    engine: TryOn, astronaut: Path, shirt: Path, mask: Image.Image, error: type[Exception]
) -> None:
    with pytest.raises(error):
        engine.dress(astronaut, shirt, mask=mask, category="upper")


def test_what_is_not_in_the_picture_cannot_be_dressed(
    engine: TryOn, astronaut: Path, shirt: Path
) -> None:
    with pytest.raises(OutOfFrameError, match=astronaut.name):
        engine.dress(astronaut, shirt, category="lower")


def test_an_unknown_option_is_named(engine: TryOn, astronaut: Path, shirt: Path) -> None:
    with pytest.raises(OptionError, match="'step'"):
        engine.dress(astronaut, shirt, step=3)


def test_progress_is_told_and_can_stop(engine: TryOn, astronaut: Path, shirt: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def on_progress(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        engine.dress(
            astronaut, shirt, category="upper", steps=4, on_progress=on_progress, strength=1
        )
    assert [item for item in told if item[0] == "denoise"] == [("denoise", 1, 4), ("denoise", 2, 4)]


def test_the_report_has_all_that_the_command_line_promises(look: Look) -> None:
    report = look.report()
    assert set(report) == {
        *("image", "mask", "size", "seed", "model", "lora", "seconds", "scores"),
        *("category", "warnings"),
    }
    stages = ("pose", "bodymap", "atlas", "mask", "denoise", "decode", "composite", "total")
    assert tuple(report["seconds"]) == stages
    assert report["seed"] == 7
    assert report["size"] == [512, 512]


def test_parameters_make_the_same_picture_again(
    engine: TryOn, look: Look, astronaut: Path, shirt: Path
) -> None:
    from dataclasses import fields

    from tryon.options import DressOptions

    names = {field.name for field in fields(DressOptions)}
    values = {name: value for name, value in look.parameters.items() if name in names}
    again = engine.dress(astronaut, shirt, **{**values, "lora": tuple(values["lora"])})
    assert same(again.image, look.image)


def test_by_products_are_written(look: Look, tmp_path: Path) -> None:
    written = look.save_by_products(tmp_path / "debug")
    names = {path.name for path in written}
    assert {"mask.png", "skeleton.png", "silhouette.png", "painted.png", "crop.png"} <= names
    with Image.open(tmp_path / "debug" / "mask.png") as mask:
        assert same(mask, look.mask)


@pytest.mark.parametrize("control", ["pose", "image_prompt"])
def test_a_family_without_a_branch_dresses_too(
    tmp_path: Path, astronaut: Path, shirt: Path, control: str
) -> None:
    folder = save_random_family(
        tmp_path / "family",
        controls=() if control == "pose" else ("pose",),
        image_prompt=None if control == "image_prompt" else "plus",
    )
    look = TryOn(folder).dress(astronaut, shirt, category="upper")
    assert look.mask.getbbox() is not None


def test_sdxl_runs_through_the_same_code(tmp_path: Path, astronaut: Path, shirt: Path) -> None:
    folder = save_random_family(tmp_path / "xl", "sdxl")
    look = TryOn(folder).dress(astronaut, shirt, category="upper")
    outside = np.asarray(look.mask) == 0
    assert (np.asarray(look.image)[outside] == np.asarray(Image.open(astronaut))[outside]).all()


def test_models_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"'midi'.*mini, sd15, sdxl"):
        TryOn("midi")
    with pytest.raises(WeightsMissingError, match="nothing"):
        TryOn(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("size", [(200, 267), (1600, 1600), (900, 300)])
def test_photos_of_any_size_and_shape(
    engine: TryOn, astronaut: Path, shirt: Path, size: tuple[int, int]
) -> None:
    photo = Image.new("RGB", size, (90, 120, 90))
    side = min(size)
    photo.paste(Image.open(astronaut).resize((side, side)), ((size[0] - side) // 2, 0))
    look = engine.dress(photo, shirt, category="upper")
    assert look.image.size == size
    outside = np.asarray(look.mask) == 0
    assert (np.asarray(look.image)[outside] == np.asarray(photo)[outside]).all()


@pytest.fixture
def loras(engine: TryOn, tmp_path: Path) -> dict[str, Path]:
    """Two LoRAs that fit, one of another base."""
    assert engine.family is not None
    states = {"linen": random_state(engine.family.unet, 2, seed=1, every="attn2.to_")}
    states["denim"] = random_state(engine.family.unet, 4, seed=2, every="attn2.to_")
    states["wide"] = {
        path: LoraLayer(torch.ones(1, 999), torch.ones(999, 1), 1.0) for path in states["linen"]
    }
    files = {name: tmp_path / f"{name}.safetensors" for name in states}
    for name, state in states.items():
        save_lora(files[name], state, LoraMetadata("tiny", trigger=f"a {name} shirt"))
    return files


def test_plans_that_differ_in_their_loras_are_painted_together(
    engine: TryOn,
    look: Look,
    astronaut: Path,
    shirt: Path,
    loras: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[Path] = []
    monkeypatch.setattr(lora_bank, "read_lora", lambda file: reads.append(file) or read_lora(file))
    texts = [(str(loras["linen"]),), (), (f"{loras['denim']}:0.5", str(loras["linen"]))]
    choices = [DressOptions(category="upper", seed=7, lora=text) for text in texts]
    plans = [engine.plan(astronaut, shirt, options) for options in choices]
    assert len({plan.shared for plan in plans}) == 1
    painted = engine.paint(plans)
    assert reads == [loras["linen"], loras["denim"]]
    assert not same(painted[0], painted[1])
    assert not same(painted[0], painted[2])
    for plan, picture in zip(plans, painted, strict=True):
        assert same(engine.paint([plan])[0], picture)
    assert same(engine.finish(plans[1], painted[1]).image, look.image)
    assert plans[0].sample.prompt.count("a linen shirt") == 1


def test_a_tag_in_the_prompt_is_a_lora(
    engine: TryOn,
    astronaut: Path,
    shirt: Path,
    loras: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(loras["linen"].parent)
    options = {"category": "upper", "seed": 7}
    tagged = engine.dress(astronaut, shirt, prompt="a shirt <lora:linen:0.7>", **options)
    given = engine.dress(
        astronaut, shirt, prompt="a shirt", lora=(f"{loras['linen']}:0.7",), **options
    )
    assert same(tagged.image, given.image)
    assert tagged.parameters["prompt"] == "a shirt"
    assert tagged.parameters["lora"] == ["linen:0.7"]


def test_a_lora_of_another_base_is_told_before_anything_is_painted(
    engine: TryOn, astronaut: Path, shirt: Path, loras: dict[str, Path]
) -> None:
    options = DressOptions(category="upper", lora=(str(loras["wide"]),))
    with pytest.raises(LoraBaseError, match=r"wide\.safetensors: .* 999 -> 999 in the LoRA"):
        engine.plan(astronaut, shirt, options)
