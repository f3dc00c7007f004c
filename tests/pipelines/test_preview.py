"""Previews change nothing, cost little, and show what the denoising is heading for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler
from PIL import Image

from tests.families import save_random_family
from tryon.pipelines import preview
from tryon.pipelines.family import Family, FamilyConfig, FamilyPaths, load_family
from tryon.pipelines.inpaint import InpaintSettings, inpaint
from tryon.pipelines.inpaint_sample import InpaintSample
from tryon.pipelines.preview import Previews, expected_latents, preview_images

SETTINGS = InpaintSettings(
    steps=4, guidance=1.0, strength=1.0, control_scale=0, tile_scale=0, image_scale=0
)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = save_random_family(tmp_path_factory.mktemp("family") / "sd15")
    paths = replace(FamilyPaths.in_folder(folder), controlnets=(), ip_adapter=None)
    return load_family(
        paths, FamilyConfig(scheduler="DDIMScheduler"), device="cpu", dtype=torch.float32
    )


def sample(seed: int) -> InpaintSample:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return InpaintSample(Image.fromarray(pixels), Image.new("L", (64, 64), 255), "a", "", seed)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview after every step."""
    monkeypatch.setattr(preview, "EVERY", 0.0)
    monkeypatch.setattr(preview, "SHARE", 1.0)


@pytest.mark.usefixtures("always")
def test_each_sample_is_shown_between_its_steps_and_comes_out_the_same(family: Family) -> None:
    samples = [sample(0), sample(1)]
    plain = inpaint(family, samples, SETTINGS)
    seen: list[tuple[int, Image.Image]] = []
    watched = inpaint(family, samples, SETTINGS, on_preview=lambda n, p: seen.append((n, p)))
    assert [place for place, _ in seen] == [0, 0, 1, 1], "neither after the first nor the last step"
    assert all(p.size == (64, 64) and p.mode == "RGB" for _, p in seen)
    for one, other in zip(plain, watched, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    last = np.asarray(seen[1][1], np.int16)
    first = np.asarray(seen[0][1], np.int16)
    final = np.asarray(plain[0], np.int16)
    assert np.abs(last - final).mean() < np.abs(first - final).mean()


@pytest.mark.usefixtures("always")
def test_one_step_has_nothing_between(family: Family) -> None:
    def shown(place: int, picture: Image.Image) -> None:
        pytest.fail("shown")

    inpaint(family, [sample(0)], replace(SETTINGS, steps=1), on_preview=shown)


@pytest.mark.parametrize("cost", [0.001, 2.0])
def test_previews_take_a_tenth_of_the_time_at_most(
    monkeypatch: pytest.MonkeyPatch, cost: float
) -> None:
    now = 100.0
    shown: list[float] = []

    def decode(*_: Any) -> list[Image.Image]:
        nonlocal now
        now += cost
        shown.append(now)
        return [Image.new("RGB", (8, 8))]

    monkeypatch.setattr(preview, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(preview, "preview_images", decode)
    scheduler = SimpleNamespace(config={})
    pipeline = SimpleNamespace(vae=object(), scheduler=scheduler)
    previews = Previews(lambda place, picture: None, [0])
    while now < 200:
        now += 0.125
        previews.show(pipeline, 1, torch.zeros(1, 4, 8, 8))
    assert sum(cost for _ in shown) <= 0.11 * (now - 100) + cost
    gaps = np.diff(shown)
    assert len(shown) > 3 and gaps.min() >= preview.EVERY


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # diffusers and numpy 2
@pytest.mark.parametrize(
    "scheduler",
    [
        UniPCMultistepScheduler(),
        DPMSolverMultistepScheduler(algorithm_type="dpmsolver++"),
        DDIMScheduler(clip_sample=False),
        DDIMScheduler(clip_sample=False, timestep_spacing="trailing", rescale_betas_zero_snr=True),
    ],
)
def test_what_a_solver_heads_for(scheduler: Any) -> None:
    """A model that tells the clean latents: they are found again from what its step gave."""
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(2, 4, 8, 8, generator=generator) for _ in range(2))
    scheduler.set_timesteps(10)
    timestep = scheduler.timesteps[0]
    before = scheduler.add_noise(clean, noise, timestep[None])
    kind = scheduler.config.prediction_type
    scheduler.register_to_config(prediction_type="sample")
    after = scheduler.step(clean, timestep, before).prev_sample
    scheduler.register_to_config(prediction_type=kind)
    found = expected_latents(scheduler, int(timestep), before, after)
    torch.testing.assert_close(found, clean, atol=1e-3, rtol=0)


def test_other_schedulers_show_what_there_is() -> None:
    before, after = torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 8, 8)
    new = UniPCMultistepScheduler()
    assert expected_latents(new, 1, before, after) is after, "nothing is expected yet"
    plain = UniPCMultistepScheduler(predict_x0=False)
    plain.model_outputs = [torch.zeros(1, 4, 8, 8)]  # of this kind, it is the noise
    assert expected_latents(plain, 1, before, after) is after


def test_large_latents_are_shown_small(family: Family) -> None:
    (picture,) = preview_images(family.pipeline, torch.zeros(1, 4, 128, 96))
    factor = family.pipeline.vae_scale_factor
    assert picture.size == (48 * factor, 64 * factor)


def test_half_precision_that_overflows_is_decoded_in_full() -> None:
    class Decoder:
        config = SimpleNamespace(force_upcast=True, scaling_factor=2.0)

        def __init__(self) -> None:
            self.dtype = torch.float16
            self.used: list[torch.dtype] = []

        def to(self, dtype: torch.dtype) -> None:
            self.dtype = dtype

        def decode(self, latents: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
            assert latents.dtype == self.dtype and latents.max() == 0.5
            self.used.append(self.dtype)
            return (latents[:, :3],)

    def shown(images: torch.Tensor) -> list[Any]:
        return list(images)

    vae = Decoder()
    processor = SimpleNamespace(postprocess=shown)
    pipeline = SimpleNamespace(vae=vae, image_processor=processor)
    preview_images(pipeline, torch.ones(1, 4, 8, 8, dtype=torch.float16))
    assert vae.used == [torch.float32] and vae.dtype == torch.float16


def test_an_offloaded_model_is_left_alone(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family.pipeline.vae, "_hf_hook", object(), raising=False)
    previews = Previews(lambda place, picture: pytest.fail("shown"), [0])
    for timestep in (3, 2):
        previews.show(family.pipeline, timestep, torch.zeros(1, 4, 8, 8))
