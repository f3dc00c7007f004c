"""What the text and image encoders say about prompts and garments, each computed once.

Every prompt and garment is encoded alone, never beside others, so that what a batch holds does not
change a bit of anybody's embedding.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from PIL import Image, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessorPil

from tryon.adapters.ip_adapter import wants_patches
from tryon.adapters.lora import LoraAdapter, attached
from tryon.adapters.lora_format import Lora
from tryon.pipelines.recent import Recent

logger = logging.getLogger(__name__)

WeightedLoras = tuple[tuple[Lora, float], ...]
"""LoRAs and how strongly each is applied; their updates add up."""


@dataclass(frozen=True, eq=False)
class PromptEmbeds:
    """One prompt and its negative: (1, tokens, width) each; SDXL's pooled ones (1, width)."""

    positive: torch.Tensor
    negative: torch.Tensor
    pooled: torch.Tensor | None = None
    negative_pooled: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class ImageEmbeds:
    """One garment and "no garment": (1, 1, width), or (1, 1, tokens, width) for the plus kind."""

    positive: torch.Tensor
    negative: torch.Tensor


class TextPrompts:
    """Embeds prompts with a pipeline's text encoders (one for SD, two for SDXL)."""

    def __init__(self, pipeline: Any, size: int = 64) -> None:
        self._pipeline = pipeline
        self._recent: Recent[PromptEmbeds] = Recent(size)

    def embed(self, prompt: str, negative_prompt: str, loras: WeightedLoras = ()) -> PromptEmbeds:
        """The embeddings of one prompt; an empty negative prompt is the model's own "nothing".

        loras: their updates of the text encoders, if they have any, take part.
        """
        loras = tuple(worn for worn in loras if worn[0].text_encoder or worn[0].text_encoder_2)
        return self._recent.get(
            (prompt, negative_prompt, loras), lambda: self._compute(prompt, negative_prompt, loras)
        )

    @torch.no_grad()
    def _compute(self, prompt: str, negative_prompt: str, loras: WeightedLoras) -> PromptEmbeds:
        pipeline = self._pipeline
        with ExitStack() as stack:
            for name in ("text_encoder", "text_encoder_2"):
                updates = [(getattr(lora, name), weight) for lora, weight in loras]
                adapters = [LoraAdapter(state, weight) for state, weight in updates if state]
                stack.enter_context(attached(getattr(pipeline, name, None), adapters))
            return PromptEmbeds(
                *pipeline.encode_prompt(
                    prompt=prompt,
                    device=pipeline._execution_device,
                    num_images_per_prompt=1,
                    do_classifier_free_guidance=True,
                    negative_prompt=negative_prompt or None,
                )
            )


class ImagePrompts:
    """Embeds garments with a pipeline's CLIP vision model, as its IP-Adapter wants them."""

    def __init__(self, pipeline: Any, size: int = 64) -> None:
        self._pipeline = pipeline
        self._recent: Recent[ImageEmbeds] = Recent(size)
        self._kept: tuple[Path, str] | None = None

    def keep(self, folder: Path, revision: str) -> None:
        """Keep embeddings in files of this folder, too, for other processes and other days.

        revision: changes whenever the weights do.
        """
        self._kept = folder, revision

    def embed(self, garment: Image.Image) -> ImageEmbeds:
        """The embeddings of one garment photo, RGB of any size."""
        garment = garment.convert("RGB")
        digest = hashlib.sha256(repr(garment.size).encode() + garment.tobytes()).hexdigest()
        return self._recent.get(digest, lambda: self._from_disk(digest, garment))

    def _from_disk(self, digest: str, garment: Image.Image) -> ImageEmbeds:
        """The embeddings as they lie on disk, or computed and laid there."""
        if self._kept is None:
            return self._compute(garment)
        folder, revision = self._kept
        key = hashlib.sha256(f"{revision} {digest}".encode()).hexdigest()
        file = folder / f"embedding-{key}.safetensors"
        try:
            found = load_file(file, device=str(self._pipeline._execution_device))
            return ImageEmbeds(found["positive"], found["negative"])
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError, KeyError) as error:
            logger.warning("%s is made again: %s", file, error)
        embeds = self._compute(garment)
        unfinished = folder / f".{uuid4().hex}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {"positive": embeds.positive, "negative": embeds.negative}
            save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, unfinished)
            unfinished.replace(file)
        except OSError as error:  # a full disk, say: it does without
            logger.warning("%s is not kept: %s", file, error)
            unfinished.unlink(missing_ok=True)
        return embeds

    @torch.no_grad()
    def _compute(self, garment: Image.Image) -> ImageEmbeds:
        pipeline = self._pipeline
        pixels = clip_pixels(garment, pipeline.image_encoder.config.image_size)
        # "No garment" is zeros for the base kind, and the encoder's view of zeros for the plus
        # kind: `encode_image` knows both.
        positive, negative = pipeline.encode_image(
            pixels, pipeline._execution_device, 1, wants_patches(pipeline.unet)
        )
        return ImageEmbeds(positive[:, None], negative[:, None])


def clip_pixels(image: Image.Image, size: int) -> torch.Tensor:
    """float32 (1, 3, size, size): an RGB image of any size as CLIP's vision model takes it.

    The image is padded with white to a square first: CLIP's own preprocessing keeps the centre,
    which would cut off sleeves and hems.
    """
    square = ImageOps.pad(image, (max(image.size),) * 2, color="white")
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    )
    pixels: torch.Tensor = processor(square, return_tensors="pt").pixel_values
    return pixels
