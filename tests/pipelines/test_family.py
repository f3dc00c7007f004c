"""Families are recognised, loaded whole, and say what is wrong with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from safetensors.torch import load_file, save_file

from tests.families import random_controlnet, save_random_family, shape_of
from tryon.errors import (
    OptionError,
    WeightsCorruptError,
    WeightsError,
    WeightsMissingError,
    WeightsUnsafeError,
)
from tryon.pipelines.family import Family, FamilyConfig, FamilyPaths, load_family


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One family of each kind; not to be changed."""
    return {
        kind: save_random_family(tmp_path_factory.mktemp(kind), kind, controls=("pose", "tile"))
        for kind in ("sd15", "sdxl")
    }


@pytest.fixture
def folder(saved: dict[str, Path], tmp_path: Path) -> Path:
    """A family to break."""
    return Path(shutil.copytree(saved["sd15"], tmp_path / "family"))


def load(folder: Path, **changes: Any) -> Family:
    paths = replace(FamilyPaths.in_folder(folder), **changes)
    config = FamilyConfig.in_folder(folder)
    return load_family(paths, config, device="cpu", dtype=torch.float32)


@pytest.mark.parametrize(
    ("kind", "controlled", "plain"),
    [
        ("sd15", StableDiffusionControlNetInpaintPipeline, StableDiffusionInpaintPipeline),
        ("sdxl", StableDiffusionXLControlNetInpaintPipeline, StableDiffusionXLInpaintPipeline),
    ],
)
def test_what_lies_in_the_folder_is_loaded(
    saved: dict[str, Path], kind: str, controlled: type[Any], plain: type[Any]
) -> None:
    family = load(saved[kind])
    assert isinstance(family.pipeline, controlled)
    assert family.controls == ("pose", "tile")
    assert family.has_image_prompt
    assert family.device == torch.device("cpu")
    assert isinstance(family.pipeline.scheduler, DDIMScheduler)
    assert getattr(family.pipeline, "safety_checker", None) is None
    assert getattr(family.pipeline, "watermark", None) is None

    family = load(saved[kind], controlnets=(), ip_adapter=None)
    assert isinstance(family.pipeline, plain)
    assert family.controls == ()
    assert not family.has_image_prompt


def test_loading_draws_no_random_numbers_and_prints_nothing(
    saved: dict[str, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folders = [*saved.values(), save_random_family(tmp_path, vae="tiny")]
    state = torch.random.get_rng_state()
    capfd.readouterr()
    caplog.clear()
    for folder in folders:
        load(folder)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_missing_parts_are_listed_together(folder: Path) -> None:
    (folder / "unet" / "config.json").unlink()
    (folder / "controlnet" / "config.json").unlink()
    shutil.rmtree(folder / "tokenizer")
    shutil.rmtree(folder / "image_encoder")
    with pytest.raises(WeightsMissingError) as caught:
        load(folder)
    for part in ("unet/config.json", "controlnet/config.json", "tokenizer", "image_encoder"):
        assert str(folder / part) in str(caught.value)


def test_no_family_at_all(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"model_index\.json"):
        load(tmp_path)


def only_pickles(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()


def wrong_shape(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({**load_file(file), "conv_in.weight": torch.zeros(32, 4, 3, 3)}, file)


def foreign_controlnet(folder: Path) -> None:
    random_controlnet(shape_of("sdxl")).save_pretrained(folder / "controlnet")


def foreign_vae(folder: Path) -> None:
    file = folder / "vae" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "_class_name": "VQModel"}))


def foreign_scheduler(folder: Path) -> None:
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "_class_name": "UNet2DModel"}))


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (only_pickles, WeightsUnsafeError),
        (wrong_shape, WeightsCorruptError),
        (foreign_controlnet, WeightsCorruptError),
        (foreign_vae, WeightsCorruptError),
        (foreign_scheduler, WeightsCorruptError),
    ],
)
def test_broken_weights(
    folder: Path, broken: Callable[[Path], None], error: type[WeightsError]
) -> None:
    broken(folder)
    with pytest.raises(error) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


def test_the_configuration_in_the_folder(tmp_path: Path) -> None:
    config = {"width": 192, "guidance": 1.5, "masked_image": "warp", "scheduler": None}
    (tmp_path / "family.json").write_text(json.dumps(config))
    read = FamilyConfig.in_folder(tmp_path)
    assert read == FamilyConfig(width=192, guidance=1.5, masked_image="warp", scheduler=None)


def test_defaults_of_the_architecture(saved: dict[str, Path], tmp_path: Path) -> None:
    assert FamilyConfig.in_folder(tmp_path) == FamilyConfig()
    (tmp_path / "text_encoder_2").mkdir()
    assert FamilyConfig.in_folder(tmp_path).height == 1024


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"guidence": 2, "width": 64}', r"family\.json: unknown key guidence"),
        ("{", r"family\.json: cannot be read as JSON"),
        ("[1]", r"family\.json: not a JSON object"),
        ('{"width": 100}', "multiples of 8"),
        ('{"masked_image": "grey"}', "masked_image is 'grey'"),
        ('{"layers": 1.5}', "layers is 1.5, not a number from 0 to 1"),
        ('{"prompts": {"hat": "a hat"}}', r"prompts are for \['hat'\]"),
    ],
)
def test_a_configuration_that_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "family.json").write_text(text)
    with pytest.raises(OptionError, match=words):
        FamilyConfig.in_folder(tmp_path)


def test_the_scheduler_can_be_chosen(folder: Path) -> None:
    def family(**config: Any) -> Family:
        paths = replace(FamilyPaths.in_folder(folder), controlnets=(), ip_adapter=None)
        return load_family(paths, FamilyConfig(**config), device="cpu", dtype=torch.float32)

    options = {"timestep_spacing": "trailing"}
    chosen = family(scheduler="EulerDiscreteScheduler", scheduler_options=options)
    assert isinstance(chosen.pipeline.scheduler, EulerDiscreteScheduler)
    assert chosen.pipeline.scheduler.config.timestep_spacing == "trailing"
    assert chosen.pipeline.scheduler.config.beta_end == 0.012
    with pytest.raises(OptionError, match="has no option timestep_pacing"):
        family(scheduler="DDIMScheduler", scheduler_options={"timestep_pacing": "trailing"})
    for name in ("Magic", "UNet2DConditionModel"):
        with pytest.raises(OptionError, match="not a scheduler"):
            family(scheduler=name)
