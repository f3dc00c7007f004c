"""Families with random weights, saved as folders that `load_family` reads.

Built from configurations, without any download: the tiny ones for tests (a picture of 64x64 takes
a few hundredths of a second a step), the full-size one to measure speed and memory.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

Kind = Literal["sd15", "sdxl"]


@dataclass(frozen=True)
class Shape:
    """The numbers that make an architecture small or large."""

    unet: dict[str, Any]
    text: dict[str, Any]
    text_2: dict[str, Any] | None = None
    condition_channels: tuple[int, ...] = (16, 16, 16, 16)
    vae_channels: tuple[int, ...] = (32, 32, 32, 32)
    vae_layers: int = 1
    vision: dict[str, Any] = field(
        default_factory=lambda: {
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "projection_dim": 24,
            "image_size": 32,
            "patch_size": 8,
        }
    )
    image_tokens: int = 4
    resampler_width: int = 64  # in heads of 64


TINY_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "projection_dim": 32,
}

TINY_SD15 = Shape(
    unet={
        "block_out_channels": (32, 64),
        "layers_per_block": 2,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 32,
        "attention_head_dim": 4,
    },
    text=TINY_TEXT,
)

TINY_SDXL = Shape(
    unet={
        "block_out_channels": (32, 32, 64),
        "layers_per_block": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 32 + 48,
        "attention_head_dim": (2, 4, 8),
        "transformer_layers_per_block": (1, 1, 2),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 24,
    },
    text=TINY_TEXT,
    text_2={**TINY_TEXT, "hidden_size": 48, "projection_dim": 24},
)

# Stable Diffusion 1.5 inpainting with CLIP ViT-L, ViT-H for the image prompt, IP-Adapter plus.
FULL_SD15 = Shape(
    unet={
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    text={
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "projection_dim": 768,
    },
    condition_channels=(16, 32, 96, 256),
    vae_channels=(128, 256, 512, 512),
    vae_layers=2,
    vision={
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_attention_heads": 16,
        "num_hidden_layers": 32,
        "projection_dim": 1024,
        "image_size": 224,
        "patch_size": 14,
    },
    image_tokens=16,
    resampler_width=768,
)

SHAPES: dict[str, dict[str, Shape]] = {
    "tiny": {"sd15": TINY_SD15, "sdxl": TINY_SDXL},
    "full": {"sd15": FULL_SD15},
}


def shape_of(kind: Kind, size: Literal["tiny", "full"] = "tiny") -> Shape:
    """The shape of a family's parts."""
    return SHAPES[size][kind]


def save_random_family(
    folder: Path,
    kind: Kind = "sd15",
    *,
    size: Literal["tiny", "full"] = "tiny",
    controls: Sequence[Literal["pose", "tile"]] = ("pose",),
    image_prompt: Literal["base", "plus"] | None = "plus",
    vae: Literal["kl", "tiny"] = "kl",
    config: dict[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Path:
    """Save a family with random weights to `folder` (see tryon/pipelines/family.py) and return it.

    vae: Stable Diffusion's, or the tiny one of TAESD.
    config: what `family.json` holds; by default pictures of 64x64 in two steps.
    """
    shape = shape_of(kind, size)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_base(folder, shape, dtype, vae)
        for control in controls:
            name = "controlnet" if control == "pose" else "controlnet_tile"
            in_dtype(random_controlnet(shape), dtype).save_pretrained(folder / name)
        if image_prompt is not None:
            encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**shape.vision))
            in_dtype(encoder, dtype).save_pretrained(folder / "image_encoder")
            save_ip_adapter(folder / "ip_adapter.safetensors", shape, image_prompt, dtype)
    if config is None:
        config = {"width": 64, "height": 64, "steps": 2, "scheduler": "DDIMScheduler"}
    (folder / "family.json").write_text(json.dumps(config))
    return folder


def save_base(folder: Path, shape: Shape, dtype: torch.dtype, vae: str = "kl") -> None:
    """A base model as diffusers saves it."""
    tokenizer = byte_tokenizer()
    tokens = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    parts: dict[str, Any] = {
        "unet": in_dtype(random_unet(shape), dtype),
        "vae": in_dtype(random_vae(shape) if vae == "kl" else random_tiny_vae(), dtype),
        "text_encoder": in_dtype(CLIPTextModel(CLIPTextConfig(**shape.text, **tokens)), dtype),
        "tokenizer": tokenizer,
        "scheduler": PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
    }
    if shape.text_2 is not None:
        config = CLIPTextConfig(**shape.text_2, **tokens)
        parts["text_encoder_2"] = in_dtype(CLIPTextModelWithProjection(config), dtype)
        parts["tokenizer_2"] = tokenizer
        StableDiffusionXLInpaintPipeline(**parts).save_pretrained(folder)
    else:
        parts |= {"safety_checker": None, "feature_extractor": None}
        pipeline = StableDiffusionInpaintPipeline(**parts, requires_safety_checker=False)
        pipeline.save_pretrained(folder)


def in_dtype(model: Any, dtype: torch.dtype) -> Any:
    """The model with its weights cast; diffusers logs a warning when it is asked to."""
    return torch.nn.Module.to(model, dtype)


def byte_tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer that knows single bytes only."""
    # GPT-2's printable names of the 256 bytes: most stand for themselves, the rest are shifted.
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    names = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    words = [*names, *(name + "</w>" for name in names), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def random_unet(shape: Shape) -> UNet2DConditionModel:
    """A UNet for inpainting: 4 noisy channels, 1 of the mask, 4 of the masked image."""
    return UNet2DConditionModel(sample_size=8, in_channels=9, out_channels=4, **shape.unet)


def random_vae(shape: Shape) -> AutoencoderKL:
    """A VAE that halves the picture three times, as Stable Diffusion's."""
    blocks = len(shape.vae_channels)
    return AutoencoderKL(
        block_out_channels=shape.vae_channels,
        layers_per_block=shape.vae_layers,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=4,
    )


def random_tiny_vae() -> AutoencoderTiny:
    """A VAE without sampling, which halves the picture three times too."""
    return AutoencoderTiny(
        encoder_block_out_channels=(16,) * 4,
        decoder_block_out_channels=(16,) * 4,
        num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
        latent_channels=4,
    )


def random_controlnet(shape: Shape) -> ControlNetModel:
    """A ControlNet that does something: its zero convolutions are not zero."""
    keys = set(shape.unet) - {"up_block_types"}
    controlnet = ControlNetModel(
        in_channels=4,
        conditioning_embedding_out_channels=shape.condition_channels,
        **{key: shape.unet[key] for key in keys},
    )
    zero_layers = [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]
    embedding = controlnet.controlnet_cond_embedding
    loud = [m for m in embedding.modules() if isinstance(m, torch.nn.Conv2d)]
    for layer in zero_layers + loud:
        torch.nn.init.normal_(layer.weight, std=1.2 * layer.weight[0].numel() ** -0.5)
    return controlnet


def save_ip_adapter(
    file: Path, shape: Shape, kind: Literal["base", "plus"], dtype: torch.dtype
) -> None:
    """An IP-Adapter under its authors' names, for the UNet of this shape."""
    with torch.device("meta"):
        unet = random_unet(shape)
    width = shape.unet["cross_attention_dim"]
    projection = _base_projection if kind == "base" else _plus_projection
    tensors = {f"image_proj.{k}": v for k, v in projection(shape, width).items()}
    crossings = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(crossings):
        channels = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            weight = _random(channels, width)
            tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = weight
    save_file({key: tensor.to(dtype).contiguous() for key, tensor in tensors.items()}, file)


def _base_projection(shape: Shape, width: int) -> dict[str, torch.Tensor]:
    return {
        "proj.weight": _random(4 * width, shape.vision["projection_dim"]),
        "proj.bias": torch.zeros(4 * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }


def _plus_projection(shape: Shape, width: int) -> dict[str, torch.Tensor]:
    inner = shape.resampler_width
    tensors = {
        "latents": _random(1, shape.image_tokens, inner),
        "proj_in.weight": _random(inner, shape.vision["hidden_size"]),
        "proj_in.bias": torch.zeros(inner),
        "proj_out.weight": _random(width, inner),
        "proj_out.bias": torch.zeros(width),
        "norm_out.weight": torch.ones(width),
        "norm_out.bias": torch.zeros(width),
    }
    for n in range(4):
        for norm in (f"{n}.0.norm1", f"{n}.0.norm2", f"{n}.1.0"):
            tensors[f"layers.{norm}.weight"] = torch.ones(inner)
            tensors[f"layers.{norm}.bias"] = torch.zeros(inner)
        tensors[f"layers.{n}.0.to_q.weight"] = _random(inner, inner)
        tensors[f"layers.{n}.0.to_kv.weight"] = _random(2 * inner, inner)
        tensors[f"layers.{n}.0.to_out.weight"] = _random(inner, inner)
        tensors[f"layers.{n}.1.1.weight"] = _random(4 * inner, inner)
        tensors[f"layers.{n}.1.3.weight"] = _random(inner, 4 * inner)
    return tensors


def _random(*shape: int) -> torch.Tensor:
    """Normal numbers of a size that keeps a layer's output about as large as its input."""
    return torch.randn(*shape) * shape[-1] ** -0.5
