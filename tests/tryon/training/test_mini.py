"""The networks of the family, and the image prompt in IP-Adapter's format."""

from __future__ import annotations

import pytest
import torch

from tests.tryon.training.tiny_settings import TINY_NETWORKS
from tryon.adapters.ip_adapter import IPAdapter
from tryon.training.family import unet_without_image_prompt
from tryon.training.mini import (
    cross_attention_names,
    ip_adapter_state,
    new_networks,
    new_scheduler,
)
from tryon.training.tokenizer import caption_tokenizer


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return caption_tokenizer(["a red shirt"], vocabulary=300)


def test_diffusers_reads_the_image_prompt_back(tokenizer) -> None:  # type: ignore[no-untyped-def]
    unet = new_networks(TINY_NETWORKS, tokenizer).unet.eval()
    state = ip_adapter_state(unet)
    parts: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, weight in state.items():
        part, _, rest = key.partition(".")
        parts[part][rest] = weight
    again = unet_without_image_prompt(unet)
    assert len(again.state_dict()) < len(unet.state_dict())
    IPAdapter(parts).attach(again)
    generator = torch.Generator().manual_seed(0)
    inputs = (
        torch.randn(1, 9, 8, 8, generator=generator),
        torch.tensor([500]),
        torch.randn(1, 5, 64, generator=generator),
    )
    patches = {"image_embeds": [torch.randn(1, 1, 17, 64, generator=generator)]}
    with torch.no_grad():
        expected = unet(*inputs, added_cond_kwargs=patches).sample
        found = again.eval()(*inputs, added_cond_kwargs=patches).sample
        patches["image_embeds"][0] = -patches["image_embeds"][0]
        other = unet(*inputs, added_cond_kwargs=patches).sample
    assert torch.equal(found, expected)
    assert not torch.equal(other, expected)


def test_every_cross_attention_looks_at_the_garment(tokenizer) -> None:  # type: ignore[no-untyped-def]
    unet = new_networks(TINY_NETWORKS, tokenizer).unet
    names = cross_attention_names(unet)
    assert len(names) == 4  # down, two up, middle
    assert all(hasattr(unet.attn_processors[name], "to_k_ip") for name in names)


def test_the_seed_decides_the_weights(tokenizer) -> None:  # type: ignore[no-untyped-def]
    first, second = (
        new_networks(TINY_NETWORKS, tokenizer).controlnet.state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_noise_ends_in_nothing_but_noise() -> None:
    scheduler = new_scheduler()
    assert float(scheduler.alphas_cumprod[-1]) < 1e-6
    scheduler.set_timesteps(5)
    assert scheduler.timesteps.tolist() == [999, 799, 599, 399, 199]


def test_an_untrained_unet_shows_the_masked_image(tokenizer) -> None:  # type: ignore[no-untyped-def]
    """What is to stay is copied before the first step of training, whatever the noise."""
    unet = new_networks(TINY_NETWORKS, tokenizer).unet.eval()
    generator = torch.Generator().manual_seed(0)
    noise, shown = (torch.randn(1, 4, 16, 16, generator=generator) for _ in range(2))
    inputs = torch.cat([noise, torch.zeros(1, 1, 16, 16), shown], dim=1)
    patches = {"image_embeds": [torch.zeros(1, 1, 17, 64)]}
    text = torch.zeros(1, 5, 64)
    with torch.no_grad():
        found = unet(inputs, 900, text, added_cond_kwargs=patches).sample
        inputs[:, :4] = -noise
        again = unet(inputs, 900, text, added_cond_kwargs=patches).sample
    alike = torch.corrcoef(torch.stack([found.flatten(), shown.flatten()]))[0, 1]
    assert float(alike) > 0.9
    assert torch.equal(found, again)
