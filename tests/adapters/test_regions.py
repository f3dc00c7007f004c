"""Garments of one picture act in their own regions, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from tests.adapters.test_lora import random_state, run
from tests.adapters.test_lora_batch import scaled
from tests.families import TINY_SD15, TINY_SDXL, random_unet
from tryon.adapters.lora import LoraAdapter, attached
from tryon.adapters.lora_batch import worn
from tryon.adapters.lora_format import LoraState
from tryon.adapters.regions import Regions, regional


@pytest.fixture(scope="module", params=[TINY_SD15, TINY_SDXL], ids=["sd15", "sdxl"])
def unet(request: pytest.FixtureRequest) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return random_unet(request.param).requires_grad_(False).eval()


@torch.no_grad()
def called(unet: UNet2DConditionModel, text: torch.Tensor) -> torch.Tensor:
    """The output for two fixed pictures of 8x8 with these prompts."""
    generator = torch.Generator().manual_seed(0)
    added = None
    if unet.config.addition_embed_type == "text_time":
        added = {"text_embeds": torch.ones(2, 24), "time_ids": torch.ones(2, 6)}
    latents = torch.randn(2, 9, 8, 8, generator=generator)
    return unet(latents, torch.tensor(500), text, added_cond_kwargs=added, return_dict=False)[0]


def prompts(unet: Any, count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    width = unet.config.cross_attention_dim
    return [torch.randn(2, 7, width, generator=generator) for _ in range(count)]


def whole(*shares: float) -> Regions:
    """Every garment acts everywhere, as strongly as its share."""
    return Regions(torch.tensor(shares)[None, :, None, None].expand(2, -1, 8, 8).contiguous())


def test_of_two_garments_one_that_acts_everywhere_is_alone(unet: Any) -> None:
    one, other = prompts(unet, 2)
    expected = called(unet, other)
    with regional(unet, whole(0.0, 1.0)):
        both = called(unet, torch.cat([one, other], 1))
    assert (both - expected).abs().max() <= 1e-5
    assert (both - called(unet, one)).abs().max() > 1e-3


@pytest.mark.parametrize("every", ["attn2.to_", "attn1.to_", "ff.net", "resnets", "proj_"])
def test_a_lora_that_acts_everywhere_is_alone(unet: Any, every: str) -> None:
    one, other = prompts(unet, 2)
    states = [scaled(random_state(unet, rank, rank, every), 0.3) for rank in (2, 3)]
    with attached(unet, [LoraAdapter(states[1], 0.5)]):
        expected = called(unet, other)
    samples: list[list[tuple[LoraState, float]]] = [[(states[0], 1.0)], [(states[1], 0.5)]]
    regions = whole(0.0, 1.0)
    with regional(unet, regions), worn(unet, samples, guided=True, regions=regions):
        both = called(unet, torch.cat([one, other], 1))
    assert (both - expected).abs().max() <= 1e-5


def test_halves_of_the_same_garment_are_the_garment(unet: Any) -> None:
    (text,) = prompts(unet, 1)
    state = scaled(random_state(unet, every="attn"), 0.2)
    weights = torch.zeros(2, 2, 8, 8)
    weights[:, 0, :4] = 1
    weights[:, 1, 4:] = 1
    regions = Regions(weights)
    with attached(unet, [LoraAdapter(state)]):
        expected = called(unet, text)
    # One picture of two garments, under guidance: both rows wear them.
    with regional(unet, regions), worn(unet, [[(state, 1.0)]] * 2, guided=True, regions=regions):
        halves = called(unet, torch.cat([text, text], 1))
    assert (halves - expected).abs().max() <= 1e-5


def test_cross_attention_of_a_pixel_sees_its_own_garment_only(unet: Any) -> None:
    """Inside one layer, where pixels do not mix."""
    path, module = next((p, m) for p, m in unet.named_modules() if p.endswith(".attn2"))
    one, other = prompts(unet, 2)
    weights = torch.zeros(2, 2, 8, 8)
    weights[:, 0, :4] = 1
    weights[:, 1, 4:] = 1
    pixels = torch.randn(2, 64, module.to_q.in_features)
    with torch.no_grad():
        expected = torch.cat([module(pixels, one)[:, :32], module(pixels, other)[:, 32:]], 1)
        with regional(unet, Regions(weights)):
            both = module(pixels, torch.cat([one, other], 1))
    assert (both - expected).abs().max() <= 1e-6, path


def test_no_trace(unet: Any) -> None:
    before = {name: sorted(module.__dict__) for name, module in unet.named_modules()}
    output = run(unet)
    with pytest.raises(ZeroDivisionError), regional(unet, whole(0.5, 0.5)):
        raise ZeroDivisionError
    assert before == {name: sorted(module.__dict__) for name, module in unet.named_modules()}
    assert torch.equal(run(unet), output)


def test_weights_by_the_number_of_tokens() -> None:
    weights = torch.zeros(1, 2, 5, 6)
    weights[:, 0, :, :3] = 1
    weights[:, 1] = 1 - weights[:, 0]
    regions = Regions(weights)
    assert regions.of_tokens(30).shape == (1, 2, 30)
    assert regions.of_tokens(9).shape == (1, 2, 9)  # 3 x 3: halved, rounded up
    torch.testing.assert_close(regions.of_tokens(9).sum(1), torch.ones(1, 9))
    assert torch.equal(regions.of_tokens(30)[0, 0].view(5, 6), weights[0, 0])
    with pytest.raises(ValueError, match="7 tokens"):
        regions.of_tokens(7)
