"""Settings that train for seconds."""

from __future__ import annotations

from tryon.training.conditions import ConditionSettings
from tryon.training.decoder import DecoderSettings
from tryon.training.diffusion import DiffusionSettings, Stage
from tryon.training.mini import MiniSettings
from tryon.training.vae import VaeSettings

TINY_NETWORKS = MiniSettings(
    channels=(16, 32),
    attention=(False, True),
    heads=(1, 1),
    groups=8,
    context=64,
    text_layers=1,
    vision_layers=2,
    vision_patch=24,
    image_tokens=3,
    control_channels=(4, 8, 8),
)
TINY_VAE = VaeSettings(
    channels=8,
    encoder_blocks=(0, 0, 1),
    decoder_blocks=(1, 0, 0),
    steps=4,
    cosine_steps=8,
    batch_size=2,
    crop=32,
    bfloat16=False,
    save_every=2,
)
TINY_DECODER = DecoderSettings(steps=2, batch_size=2, crop=32, bfloat16=False)
TINY_CONDITIONS = ConditionSettings(steps=3, batch_size=2, bfloat16=False, save_every=2)
TINY_DIFFUSION = DiffusionSettings(
    networks=TINY_NETWORKS,
    stages=(
        Stage(until=2, batch_size=2, pure_noise=0.3, half_size=True),
        Stage(until=4, batch_size=2, pure_noise=0.8, absolute=True, decay=2),
    ),
    warmup=1,
    pairs=2,
    pairs_at_start=2,
    bfloat16=False,
    save_every=2,
)
