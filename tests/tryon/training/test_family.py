"""The whole recipe with tiny settings: it ends in a folder that loads and repaints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.tryon.training.tiny_pairs import coloured_pairs
from tests.tryon.training.tiny_settings import (
    TINY_CONDITIONS,
    TINY_DECODER,
    TINY_DIFFUSION,
    TINY_VAE,
)
from tryon.pipelines.family import FamilyConfig, FamilyPaths, load_family
from tryon.pipelines.inpaint import InpaintSample, InpaintSettings, inpaint
from tryon.training import family
from tryon.training.family import FamilySettings, train_family
from tryon.training.pairs import HEIGHT, WIDTH
from tryon.training.pictures import drawn_pattern

TINY = FamilySettings(
    vae=TINY_VAE,
    decoder=TINY_DECODER,
    conditions=TINY_CONDITIONS,
    diffusion=TINY_DIFFUSION,
    people=1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family trained for seconds, on drawn people instead of rendered ones."""
    out = tmp_path_factory.mktemp("mini")
    photos = out / "photos"
    photos.mkdir()
    for seed in range(2):
        Image.fromarray(drawn_pattern(64, np.random.default_rng(seed))).save(photos / f"{seed}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family, "write_pairs", lambda file, count, **_: coloured_pairs(count))
        patch.setattr(
            family,
            "rendered_pictures",
            lambda seeds, **_: [drawn_pattern(48, np.random.default_rng(s)) for s in seeds],
        )
        return train_family(TINY, out, photos=photos)


def test_it_loads_and_repaints_inside_the_mask(folder: Path) -> None:
    config = FamilyConfig.in_folder(folder)
    assert (config.width, config.height, config.masked_image) == (WIDTH, HEIGHT, "warp")
    loaded = load_family(FamilyPaths.in_folder(folder), config, device="cpu", dtype=torch.float32)
    pair = coloured_pairs(1)[0]
    photo, mask = Image.fromarray(pair["pictures"][0]), Image.fromarray(pair["mask"])
    sample = InpaintSample(
        image=photo,
        mask=mask,
        prompt=config.prompts["upper"].format(garment="a red shirt"),
        negative_prompt="",
        seed=3,
        skeleton=Image.new("RGB", photo.size),
        garment=Image.fromarray(pair["photos"][1]),
        warp=Image.fromarray(pair["pictures"][1]),
    )
    pictures = [inpaint(loaded, [sample], InpaintSettings.of(config))[0] for _ in range(2)]
    assert pictures[0].size == photo.size
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_the_weights_are_half_precision_safetensors(folder: Path) -> None:
    files = sorted(folder.rglob("*.safetensors"))
    assert len(files) == 6
    for file in files:
        kinds = {tensor.dtype for tensor in load_file(file).values()}
        assert kinds <= {torch.float16, torch.int64}, file
    assert not list(folder.rglob("*.bin"))
