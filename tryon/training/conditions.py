"""Teach the text encoder and the image prompt what garments are, before a UNet listens to them.

Joint training alone leaves both branches mute: what they say is noise at first, so the UNet
learns to do without, and then no gradient reaches them. Here small heads, thrown away afterwards,
must read the garment off what the branches say: its picture, mean colour and name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTokenizer

from tryon.training.batches import clip_photos, garment_words, token_ids
from tryon.training.loop import train
from tryon.training.mini import MiniNetworks
from tryon.training.schedules import warmup_cosine

THUMBNAIL = 12


@dataclass(frozen=True, slots=True)
class ConditionSettings:
    """The shipped weights' settings."""

    steps: int = 1500
    batch_size: int = 32
    learning_rate: float = 1e-3
    ema_decay: float = 0.99
    seed: int = 2
    bfloat16: bool = True
    report_every: int = 50
    save_every: int = 250


class Heads(nn.Module):
    """Linear readings of the image tokens (B, n, c) and of the text's last state (B, c)."""

    def __init__(self, tokens: int, width: int, names: int) -> None:
        super().__init__()
        self.thumbnail = nn.Linear(tokens * width, THUMBNAIL * THUMBNAIL * 3)
        self.image_colour = nn.Linear(width, 3)
        self.image_name = nn.Linear(width, names)
        self.text_colour = nn.Linear(width, 3)
        self.text_name = nn.Linear(width, names)


def train_conditions(
    settings: ConditionSettings,
    out: Path,
    *,
    networks: MiniNetworks,
    pairs: np.ndarray,
    tokenizer: CLIPTokenizer,
    device: torch.device | str = "cpu",
) -> None:
    """Train the text encoder, the image encoder and the image projection of `networks` in place.

    pairs: records of dtype `PAIR`, all written. Goes on from `out/checkpoint.safetensors`.

    Raises WeightsCorruptError if the checkpoint is of a run with other settings.
    """
    names = sorted(set(pairs["names"].ravel().tolist()))
    projection = networks.unet.encoder_hid_proj
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        queries = projection.image_projection_layers[0].latents
        heads = Heads(queries.shape[1], queries.shape[2], len(names)).to(device)
    modules: dict[str, nn.Module] = {
        "text_encoder": networks.text_encoder,
        "image_encoder": networks.image_encoder,
        "projection": projection,
        "heads": heads,
    }
    for module in modules.values():
        module.to(device).train()

    def losses(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([settings.seed, step])
        return _losses(settings, networks, heads, pairs, names, tokenizer, rng, device)

    train(
        "conditions",
        settings,
        out,
        modules=modules,
        learning_rate=lambda step: (
            settings.learning_rate * warmup_cosine(step, settings.steps, warmup=50)
        ),
        losses=losses,
        batch_size=settings.batch_size,
    )
    for module in modules.values():
        module.requires_grad_(True)


def _losses(
    settings: ConditionSettings,
    networks: MiniNetworks,
    heads: Heads,
    pairs: np.ndarray,
    names: list[str],
    tokenizer: CLIPTokenizer,
    rng: np.random.Generator,
    device: torch.device | str,
) -> dict[str, Tensor]:
    chosen = [
        (pairs[rng.integers(len(pairs))], int(rng.integers(2))) for _ in range(settings.batch_size)
    ]
    photos = [pair["photos"][index] for pair, index in chosen]
    colours = _tensor([mean_colour(pair["warps"][index]) for pair, index in chosen], device)
    named = torch.tensor([names.index(str(p["names"][i])) for p, i in chosen], device=device)
    words = token_ids(tokenizer, [garment_words(p, i, rng) for p, i in chosen]).to(device)
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=settings.bfloat16):
        patches = networks.image_encoder(
            clip_photos(photos).to(device), output_hidden_states=True
        ).hidden_states[-2]
        (tokens,) = networks.unet.encoder_hid_proj([patches[:, None]])
        tokens = tokens.squeeze(1).float()
        states = networks.text_encoder(words).last_hidden_state.float()
        last = states[torch.arange(len(words)), words.eq(tokenizer.eos_token_id).int().argmax(1)]
    thumbnails = _tensor([_thumbnail(photo) for photo in photos], device)
    found = {
        "thumbnail": F.l1_loss(heads.thumbnail(tokens.flatten(1)), thumbnails),
        "colour": F.l1_loss(heads.image_colour(tokens.mean(1)), colours),
        "name": F.cross_entropy(heads.image_name(tokens.mean(1)), named),
        "said colour": F.l1_loss(heads.text_colour(last), colours),
        "said name": F.cross_entropy(heads.text_name(last), named),
    }
    loss = 2 * found["thumbnail"] + 2 * found["colour"] + 2 * found["said colour"]
    return {"loss": loss + 0.1 * (found["name"] + found["said name"]), **found}


def mean_colour(warp: np.ndarray) -> np.ndarray:
    """Mean of a warp's covered pixels: uint8 RGBA -> float32 (3,) in [-1, 1]; grey if empty."""
    covered = warp[warp[..., 3] > 127, :3]
    if not len(covered):
        return np.zeros(3, np.float32)
    return (covered.mean(0) / 127.5 - 1).astype(np.float32)


def _thumbnail(photo: np.ndarray) -> np.ndarray:
    small = cv2.resize(photo, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return (small.astype(np.float32) / 127.5 - 1).ravel()


def _tensor(arrays: list[np.ndarray], device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)
