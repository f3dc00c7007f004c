"""A garment's LoRA: trained, written, resumed to the bit, and gone from the family afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from tests.families import save_random_family
from tests.tryon.training.tiny_garment import TINY, loaded, trained
from tryon.adapters.lora_format import read_lora
from tryon.errors import Cancelled, OptionError, WeightsCorruptError
from tryon.pipelines.family import Family
from tryon.training.garment_cache import GarmentExamples
from tryon.training.garment_config import GarmentLoraConfig, learning_rate_for, views_for
from tryon.training.garment_layers import lora_state, trainable
from tryon.training.garment_loss import (
    CAPTION,
    SHOWN,
    GarmentBatch,
    NoiseLevels,
    _snr_weight,
    _target,
    batch_of,
    garment_loss,
    prior_loss,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def family(tiny_family: Path) -> Family:
    return loaded(tiny_family)


@pytest.fixture(scope="module")
def whole_run(family: Family, shirt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    trained(family, shirt, out)
    return out


@pytest.fixture(scope="module")
def examples(whole_run: Path) -> GarmentExamples:
    with safe_open(whole_run / "examples.safetensors", framework="pt") as file:
        return GarmentExamples(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


def some_batch(examples: GarmentExamples, levels: NoiseLevels) -> GarmentBatch:
    count, rng = len(examples), np.random.default_rng(0)
    ones = np.ones(count, np.float32)
    return batch_of(examples, levels, rng, np.full(count, CAPTION), np.full(count, SHOWN), ones)


def test_the_file_says_what_it_is_and_fits_the_family(family: Family, whole_run: Path) -> None:
    lora = read_lora(whole_run / "shirt.safetensors")
    family.check_lora(lora)
    assert all(".attn2." in path for path in lora.unet)
    assert {layer.rank for layer in lora.unet.values()} == {2}
    assert {layer.alpha for layer in lora.unet.values()} == {2.0}
    assert any(float(layer.up.abs().max()) > 0 for layer in lora.unet.values())
    with safe_open(whole_run / "shirt.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert metadata["tryon.sku"] == "shirt"
    assert metadata["tryon.base"] == "tiny"
    assert metadata["tryon.targets"] == "cross"
    assert metadata["modelspec.trigger_phrase"] == "a red shirt"
    assert metadata["modelspec.resolution"] == "64x64"


def test_the_family_is_left_as_it_was(family: Family, shirt: Path, tmp_path: Path) -> None:
    unet = family.unet
    before = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    tree = [name for name, _ in unet.named_modules()]
    wanted = [p.requires_grad for p in unet.parameters()]
    trained(family, shirt, tmp_path, steps=1)
    assert [name for name, _ in unet.named_modules()] == tree
    assert [p.requires_grad for p in unet.parameters()] == wanted
    after = unet.state_dict()
    assert set(after) == set(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_killed_run_goes_on_to_the_same_weights(
    family: Family, tiny_family: Path, shirt: Path, tmp_path: Path
) -> None:
    module = "tests.tryon.training.tiny_garment"
    arguments = [str(tiny_family), str(shirt), str(tmp_path), "3"]
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "shirt.safetensors").exists()
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    copy(tmp_path / "examples.safetensors", undisturbed)
    seen: list[int] = []
    file = trained(
        family, shirt, tmp_path, resume=True, on_step=lambda step, steps, loss: seen.append(step)
    )
    assert seen == [3, 4, 5, 6]
    assert_same_tensors(file, trained(family, shirt, undisturbed, resume=True))


def assert_same_tensors(one: Path, other: Path) -> None:
    tensors = [load_file(file) for file in (one, other)]
    assert set(tensors[0]) == set(tensors[1])
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_without_resume_a_run_begins_anew(family: Family, shirt: Path, tmp_path: Path) -> None:
    def stop(step: int, steps: int, loss: float) -> None:
        if step == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        trained(family, shirt, tmp_path, on_step=stop)
    assert not hasattr(family.unet, "peft_config")
    seen: list[int] = []
    trained(family, shirt, tmp_path, on_step=lambda step, steps, loss: seen.append(step))
    assert seen == [1, 2, 3, 4, 5, 6]
    with pytest.raises(WeightsCorruptError, match="other settings"):
        trained(family, shirt, tmp_path, resume=True, rank=3)


def test_the_loss_falls(family: Family, shirt: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    trained(
        family, shirt, tmp_path, steps=30, views=1, variants=1, learning_rate=3e-2, rank=8,
        timesteps="inference", save_every=100,
        on_step=lambda step, steps, loss: losses.append(loss),
    )  # fmt: skip
    assert np.mean(losses[-10:]) < 0.97 * np.mean(losses[:10])


@pytest.mark.parametrize(
    ("targets", "ends"),
    [
        ("kv", {"attn2.to_k", "attn2.to_v"}),
        ("cross", {"attn2.to_k", "attn2.to_v", "attn2.to_q", "attn2.to_out.0"}),
        ("attn", {f"attn{n}.{x}" for n in (1, 2) for x in ("to_q", "to_k", "to_v", "to_out.0")}),
    ],
)
def test_targets_are_these_layers_of_every_block(
    family: Family, targets: str, ends: set[str]
) -> None:
    config = GarmentLoraConfig.of({"targets": targets, "rank": 2})
    blocks = [n for n, _ in family.unet.named_modules() if n.endswith("transformer_blocks.0")]
    with trainable(family, config) as parameters:
        assert set(lora_state(parameters, config)) == {f"{b}.{e}" for b in blocks for e in ends}
        assert all(p.dtype == torch.float32 for p in parameters.values())
        trained_now = {n for n, p in family.unet.named_parameters() if p.requires_grad}
        assert trained_now == set(parameters)


@pytest.mark.parametrize("kind", ["sdxl", "sd15"])
def test_other_families_train_too(kind: str, shirt: Path, tmp_path: Path) -> None:
    folder = save_random_family(
        tmp_path / kind,
        kind,
        controls=("pose", "tile"),
        image_prompt="base",  # type: ignore[arg-type]
    )
    family = loaded(folder)
    file = trained(
        family, shirt, tmp_path / "out", steps=2, prior_weight=1.0, accumulation=2,
        gradient_checkpointing=True, no_warp=0.5, variants=3,
    )  # fmt: skip
    family.check_lora(read_lora(file))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_targets_and_weights_are_those_of_the_prediction_type(
    kind: str, examples: GarmentExamples
) -> None:
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", prediction_type=kind)
    batch = some_batch(examples, NoiseLevels(scheduler, ()))
    noisy = scheduler.add_noise(batch.clean, batch.noise, batch.timesteps)
    # With the target for a prediction, the sampler's own formula must give the clean latents.
    for row, timestep in enumerate(batch.timesteps):
        one = slice(row, row + 1)
        step = scheduler.step(_target(scheduler, batch)[one], int(timestep), noisy[one])
        found = step.pred_original_sample
        assert torch.allclose(found, batch.clean[one].clamp(-1, 1), atol=2e-2)
    snr = compute_snr(scheduler, batch.timesteps)
    capped = torch.clamp(snr, max=5.0)
    weight = _snr_weight(scheduler, batch.timesteps, GarmentLoraConfig(min_snr_gamma=5.0))
    if kind == "sample":
        assert weight == 1.0
    else:
        oracle = capped / snr if kind == "epsilon" else capped / (snr + 1)
        assert torch.allclose(weight.flatten(), oracle)  # type: ignore[union-attr]


def test_only_the_garment_counts_where_outside_is_zero(
    family: Family, examples: GarmentExamples
) -> None:
    config = GarmentLoraConfig(outside=0.0, min_snr_gamma=None)
    levels = NoiseLevels(DDPMScheduler(prediction_type="sample"), ())
    batch = some_batch(examples, levels)
    noisy = levels.scheduler.add_noise(batch.clean, batch.noise, batch.timesteps)
    # The noise is changed so that the UNet sees the same, with another target outside.
    moved = batch.clean + 3 * (batch.garment == 0)
    alphas = levels.scheduler.alphas_cumprod[batch.timesteps].view(-1, 1, 1, 1)
    noise = (noisy - alphas.sqrt() * moved) / (1 - alphas).sqrt()
    other = replace(batch, clean=moved, noise=noise)
    with torch.no_grad():
        losses = [garment_loss(family, b, levels, config) for b in (batch, other)]
        both = [
            garment_loss(family, b, levels, GarmentLoraConfig(outside=1.0, min_snr_gamma=None))
            for b in (batch, other)
        ]
    assert torch.allclose(losses[0], losses[1], rtol=1e-4)
    assert not torch.allclose(both[0], both[1], rtol=1e-2)


def test_the_prior_is_kept_by_what_the_unet_did_before(
    family: Family, examples: GarmentExamples
) -> None:
    config = GarmentLoraConfig(rank=2)
    levels = NoiseLevels.of(family, config)
    batch = some_batch(examples, levels)
    with trainable(family, config) as parameters:
        assert float(prior_loss(family, batch, levels).detach()) == 0
        for parameter in parameters.values():
            parameter.data += 0.1
        loss = prior_loss(family, batch, levels)
        loss.backward()
        assert float(loss.detach()) > 0
        assert all(p.grad is not None for p in parameters.values())


def test_validation_writes_pictures_and_stops_early(
    family: Family, shirt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.tryon.training import tiny_garment

    five = tiny_garment.wearers()[:1] * 4 + tiny_garment.wearers()[1:2]
    monkeypatch.setattr(tiny_garment, "wearers", lambda: five)
    seen: list[int] = []
    trained(
        family, shirt, tmp_path, validate_every=1, patience=2, steps=20, learning_rate=1e-9,
        on_step=lambda step, steps, loss: seen.append(step),
    )  # fmt: skip
    history = json.loads((tmp_path / "validation.json").read_text())
    assert len(history) == len(seen) < 20
    with Image.open(tmp_path / "validation" / "000001.png") as sheet:
        assert sheet.size == (64, 128)
    assert (tmp_path / "shirt.safetensors").is_file()


def test_noise_levels_are_the_sampler_s_or_all(family: Family) -> None:
    rng = np.random.default_rng(0)
    sampled = NoiseLevels.of(family, GarmentLoraConfig(timesteps="inference"))
    assert len(sampled.sampled) == family.config.steps
    drawn = sampled.drawn(rng, 2000).numpy()
    assert 0.8 < np.isin(drawn, sampled.sampled).mean() < 0.92
    even = NoiseLevels.of(family, GarmentLoraConfig(timesteps="uniform")).drawn(rng, 2000).numpy()
    assert even.min() < 20
    assert even.max() > 980
    assert abs(even.mean() - 499.5) < 25


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rnak": 8}, "Did you mean 'rank'"),
        ({"rank": 0}, "rank is 0"),
        ({"rank": 8.5}, "rank is 8.5"),
        ({"targets": "all"}, "Choose: cross, kv, attn"),
        ({"no_warp": 2}, "no_warp is 2"),
        ({"width": 100}, "multiple of 8"),
    ],
)
def test_bad_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        GarmentLoraConfig.of(values)


def test_the_learning_rate_suits_the_width() -> None:
    assert learning_rate_for(GarmentLoraConfig(), 128) > learning_rate_for(GarmentLoraConfig(), 768)
    assert learning_rate_for(GarmentLoraConfig(learning_rate=0.1), 128) == 0.1
    assert GarmentLoraConfig.of(TINY).rank == 2


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, GarmentLoraConfig().views),
        ({"steps": 10, "batch_size": 4, "variants": 3}, 4),
        ({"steps": 1, "batch_size": 1}, 4),
        ({"steps": 10, "views": 2}, 2),
        ({"steps": 20, "batch_size": 2, "accumulation": 3, "variants": 2}, 15),
    ],
)
def test_no_more_views_are_drawn_than_the_steps_can_use(
    options: dict[str, int], count: int
) -> None:
    assert views_for(GarmentLoraConfig(**options)) == count


def test_a_short_run_draws_few_views(family: Family, shirt: Path, tmp_path: Path) -> None:
    trained(family, shirt, tmp_path, steps=1, batch_size=1, views=60, variants=1)
    with safe_open(tmp_path / "examples.safetensors", framework="pt") as file:
        assert file.get_slice("clean").get_shape()[0] <= 4
