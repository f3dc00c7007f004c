"""What a LoRA file says about itself, for us and for other programs.

Three vocabularies, all text: `ss_*` and `sshs_*` of kohya-ss/sd-scripts, by which A1111 tells
versions and finds a file by its hash; `modelspec.*` of the Stability AI model specification 1.0.1,
the standard home of a trigger phrase; and `tryon.*`, ours, for what neither has a word for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# How other programs call a base: `ss_base_model_version`, `modelspec.architecture`,
# `modelspec.implementation`.
BASES = {
    "sd15": ("sd_v1", "stable-diffusion-v1/lora", "diffusers"),
    "sdxl": (
        "sdxl_base_v1-0",
        "stable-diffusion-xl-v1-base/lora",
        "https://github.com/Stability-AI/generative-models",
    ),
}
# Width of the text that cross-attention reads -> base.
WIDTHS = {768: "sd15", 1024: "sd2", 2048: "sdxl"}


@dataclass(frozen=True)
class LoraMetadata:
    """What is known about a LoRA. Empty text is: not known.

    base: the family it was trained on, such as `sd15`, `sdxl` or `mini`.
    inpainting: whether on a UNet for inpainting (9 channels); None is not known.
    targets: which layers it changes, such as `cross`, `kv` or `attn`.
    trigger: the words that call the garment.
    resolution: width x height in pixels, such as `384x512`.
    date: ISO 8601.
    training: further `ss_*` values, such as `{"ss_steps": "400"}`.
    """

    base: str
    inpainting: bool | None = None
    targets: str = ""
    sku: str = ""
    category: str = ""
    trigger: str = ""
    title: str = ""
    description: str = ""
    author: str = ""
    license: str = ""
    resolution: str = ""
    date: str = ""
    training: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, metadata: Mapping[str, str], text_width: int | None = None) -> LoraMetadata:
        """What a file's metadata tell, of whoever's making.

        text_width: of the text that its cross-attention layers read, which tells the base where
            the metadata do not.
        """
        inpainting = metadata.get("tryon.inpainting")
        return cls(
            base=metadata.get("tryon.base")
            or _told_base(metadata)
            or WIDTHS.get(text_width or 0, ""),
            inpainting=None if inpainting is None else inpainting == "true",
            trigger=metadata.get("modelspec.trigger_phrase", ""),
            title=metadata.get("modelspec.title") or metadata.get("ss_output_name", ""),
            **{name: metadata.get(f"tryon.{name}", "") for name in ("targets", "sku", "category")},
            **{
                name: metadata.get(f"modelspec.{name}", "")
                for name in ("description", "author", "license", "resolution", "date")
            },
            training={key: value for key, value in metadata.items() if key.startswith("ss_")},
        )

    def as_dict(self, rank: int, name: str) -> dict[str, str]:
        """The metadata of a file of this rank, without the hashes.

        name: what programs call it, the file's name without its ending.
        """
        version, architecture, implementation = BASES.get(
            self.base, (self.base, f"{self.base}/lora", "diffusers")
        )
        values = {
            **self.training,
            "ss_v2": "False",
            "ss_base_model_version": version,
            "ss_network_module": "networks.lora",
            "ss_network_dim": str(rank),
            "ss_network_alpha": str(float(rank)),
            "ss_output_name": name,
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": architecture,
            "modelspec.implementation": implementation,
            "modelspec.title": self.title or name,
            "modelspec.resolution": self.resolution,
            "modelspec.description": self.description,
            "modelspec.author": self.author,
            "modelspec.license": self.license,
            "modelspec.date": self.date,
            "modelspec.trigger_phrase": self.trigger,
            "tryon.base": self.base,
            "tryon.inpainting": "" if self.inpainting is None else str(self.inpainting).lower(),
            "tryon.targets": self.targets,
            "tryon.sku": self.sku,
            "tryon.category": self.category,
        }
        return {key: value for key, value in values.items() if value}


def with_hashes(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata and the hashes by which programs know a file whatever else it says.

    They are taken of the file as it would be with the `ss_*` metadata alone
    (kohya-ss/sd-scripts, library/train_util.py, `precalculate_safetensors_hashes`).
    """
    import safetensors.torch

    kept = {key: value for key, value in metadata.items() if key.startswith("ss_")}
    data = safetensors.torch.save(dict(tensors), kept)
    model_hash = tensor_hash(data)
    return {
        **metadata,
        "modelspec.hash_sha256": f"0x{model_hash}",
        "sshs_model_hash": model_hash,
        "sshs_legacy_hash": legacy_hash(data),
    }


def tensor_hash(data: bytes) -> str:
    """Hex sha256 of a safetensors file's bytes behind its header: A1111's hash of a network."""
    header = int.from_bytes(data[:8], "little")
    return hashlib.sha256(data[8 + header :]).hexdigest()


def legacy_hash(data: bytes) -> str:
    """A1111's first hash: 8 digits of the sha256 of the 64 KiB behind the first MiB.

    It is the same for all files below 1 MiB, of which nothing lies there.
    """
    return hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]


def _told_base(metadata: Mapping[str, str]) -> str:
    """The base by what other programs write."""
    for base, (version, architecture, _) in BASES.items():
        if architecture == metadata.get("modelspec.architecture"):
            return base
        if version == metadata.get("ss_base_model_version"):
            return base
    version = metadata.get("ss_base_model_version", "")
    if version.startswith("sdxl"):
        return "sdxl"
    return "sd2" if re.match(r"sd_v2|sd2", version) or metadata.get("ss_v2") == "True" else version
