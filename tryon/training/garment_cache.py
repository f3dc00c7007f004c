"""What a garment's training is shown, encoded once: latents, masks, embeddings, skeletons.

The masks are a handful for each picture and not drawn anew at every step, which is what lets the
latents of the masked pictures be kept too. The encoders are not needed afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tryon.errors import GarmentError, WeightsCorruptError
from tryon.pipelines.family import Family
from tryon.pipelines.inpaint import masked_images
from tryon.training.garment_views import View


@dataclass(frozen=True, eq=False, slots=True)
class GarmentExamples:
    """N pictures of one garment worn, and what is said about it; on the CPU.

    clean, masked: (N, 4, h, w), latents of the target and of what the masked-image channels show.
    mask: (N, 1, h, w), 1 = repaint. garment: (N, 1, h, w), 0-1, where the garment is.
    skeletons: uint8 (N, 3, H, W). warps: the same of the picture with the warp, for a tile
        ControlNet; black where there is none. warped: (N,), 1 where the warp is shown.
    texts: (3, tokens, width): the caption, the plain words of the category, nothing.
    pooled: (3, width) for SDXL, else (3, 0).
    photos: (2, 1, ...): the garment photo as the image prompt, and none; (0,) without one.
    """

    clean: Tensor
    masked: Tensor
    mask: Tensor
    garment: Tensor
    skeletons: Tensor
    warps: Tensor
    warped: Tensor
    texts: Tensor
    pooled: Tensor
    photos: Tensor

    def __len__(self) -> int:
        return len(self.clean)

    def some(self, rows: list[int]) -> GarmentExamples:
        """Some of the pictures, with the same texts and photos."""
        names = ("clean", "masked", "mask", "garment", "skeletons", "warps", "warped")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def to(self, device: torch.device | str) -> GarmentExamples:
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def save(self, file: Path, key: str) -> None:
        """Write everything, whole or not at all. key: what it was made from."""
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        tensors = {f.name: getattr(self, f.name).contiguous() for f in fields(self)}
        save_file(tensors, partial, metadata={"key": key})
        os.replace(partial, file)

    @classmethod
    def load(cls, file: Path, key: str) -> GarmentExamples | None:
        """What `save` wrote, or None if there is nothing, or something made from other things."""
        if not file.is_file():
            return None
        try:
            with safe_open(file, framework="pt") as stored:
                if (stored.metadata() or {}).get("key") != key:
                    return None
                return cls(**{name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, TypeError) as error:
            raise WeightsCorruptError(
                f"not a readable cache ({error})", path=file, remedy="Delete it."
            ) from error


@torch.no_grad()
def garment_examples(
    family: Family, views: Iterable[View], *, captions: tuple[str, str]
) -> GarmentExamples:
    """Encode views one by one; nothing of full size is kept but the skeletons.

    captions: the garment's own, and the plain words of its category.

    Raises GarmentError if there are no views.
    """
    rows: dict[str, list[Tensor]] = {name: [] for name in ROWS}
    shown: Image.Image | None = None
    for view in views:
        shown = view.sample.garment
        for name, tensor in _encoded(family, view).items():
            rows[name].append(tensor)
    if not rows["clean"]:
        raise GarmentError(
            "the garment is hardly to be seen on any body",
            remedy="Check the photos: is it whole in the picture, and of this category?",
        )
    prompt = [family.embed_prompt(words, "") for words in captions]
    texts = torch.cat([*(p.positive for p in prompt), prompt[0].negative])
    pooled = texts.new_zeros(3, 0)
    if prompt[0].pooled is not None:
        pooled = torch.cat([*(p.pooled for p in prompt), prompt[0].negative_pooled])  # type: ignore[list-item]
    photos = torch.zeros(0)
    if family.has_image_prompt and shown is not None:
        embeds = family.embed_garment(shown)
        photos = torch.cat([embeds.positive, embeds.negative])
    stacked = {name: torch.cat(tensors) for name, tensors in rows.items()}
    return GarmentExamples(
        **stacked,
        texts=texts.float().cpu(),
        pooled=pooled.float().cpu(),
        photos=photos.float().cpu(),
    )


ROWS = ("clean", "masked", "mask", "garment", "skeletons", "warps", "warped")


def _encoded(family: Family, view: View) -> dict[str, Tensor]:
    """The rows of one view, each (1, ...)."""
    pipeline, sample = family.pipeline, view.sample
    clean = encoded(family, pipeline.image_processor.preprocess(sample.image))
    masked = encoded(family, masked_images(family, [sample]))
    size = clean.shape[-2:]
    # As diffusers' inpainting pipelines shrink a mask.
    mask = F.interpolate(pipeline.mask_processor.preprocess(sample.mask), size=size)
    where = torch.from_numpy(view.garment)[None, None]
    tiles = "tile" in family.controls
    return {
        "clean": clean,
        "masked": masked,
        "mask": mask.float(),
        "garment": F.interpolate(where, size=size, mode="area") * mask,
        "skeletons": _channels_first(sample.skeleton),
        "warps": _channels_first(sample.warp or Image.new("RGB", sample.image.size))
        if tiles
        else torch.zeros(1, 0, dtype=torch.uint8),
        "warped": torch.tensor([float(sample.warp is not None)]),
    }


def encoded(family: Family, pictures: Tensor) -> Tensor:
    """float32 latents (B, 4, h, w) on the CPU, as the UNet sees them, of pictures in [-1, 1].

    A VAE that samples gives its mean. SDXL's own overflows in half precision, and computes in
    float32 as its configuration asks for.
    """
    vae = family.pipeline.vae
    upcast = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    dtype = vae.dtype
    if upcast:
        vae.to(torch.float32)
    found = vae.encode(pictures.to(family.device, vae.dtype))
    latents = found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latents
    if upcast:
        vae.to(dtype)
    return (latents.float() * vae.config.scaling_factor).cpu()


def _channels_first(picture: Image.Image | None) -> Tensor:
    assert picture is not None
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].contiguous()
