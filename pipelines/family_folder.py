"""Families on disk: what lies where, and how each wants to be used. Nothing is loaded here.

On disk a family is a folder in diffusers' layout, with what diffusers has no place for beside it:

    model_index.json  scheduler/  tokenizer/  text_encoder/  unet/  vae/   (SDXL: tokenizer_2/ ...)
    controlnet/              the pose ControlNet                                        (optional)
    controlnet_tile/         a ControlNet that is shown the warped garment              (optional)
    image_encoder/           the CLIP vision model of the image prompt                  (optional)
    ip_adapter.safetensors   the image prompt, in IP-Adapter's format                   (optional)
    family.json              the fields of `FamilyConfig`                               (optional)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tryon.errors import OptionError, WeightsMissingError
from tryon.types import CATEGORIES

ControlKind = Literal["pose", "tile"]

CONFIG_FILE = "family.json"


@dataclass(frozen=True)
class FamilyConfig:
    """How a family wants to be used. Read from `family.json`; an unknown key is an error.

    width, height: pixels of the picture that the UNet works on, multiples of 8.
    steps, guidance, strength, control_scale, tile_scale, image_scale: defaults of
        `InpaintSettings`.
    scheduler, scheduler_options: name of a diffusers scheduler class, and what to change in the
        configuration that lies in the folder. None keeps the folder's own.
    masked_image: what the UNet sees inside the mask, in its masked-image channels: a "blank" as
        Stable Diffusion inpainting was trained, or the "warp" for a UNet that was trained so.
    layers: how far the layers of the picture are believed against what the model paints, 0-1; see
        `Layers.share`. The better the model, the less.
    prompts: one prompt for each category; `{garment}` stands for the garment's description.
    """

    width: int = 384
    height: int = 512
    steps: int = 20
    guidance: float = 2.5
    strength: float = 1.0
    control_scale: float = 1.0
    tile_scale: float = 0.5
    image_scale: float = 1.0
    scheduler: str | None = "UniPCMultistepScheduler"
    scheduler_options: Mapping[str, Any] = field(default_factory=dict)
    masked_image: Literal["blank", "warp"] = "blank"
    layers: float = 0.75
    prompts: Mapping[str, str] = field(
        default_factory=lambda: {
            "upper": "photo of a person wearing {garment}, upper body garment",
            "lower": "photo of a person wearing {garment}, lower body garment",
            "dress": "photo of a person wearing {garment}, full length garment",
        }
    )
    negative_prompt: str = "deformed, blurry, low quality"

    def __post_init__(self) -> None:
        if self.width % 8 or self.height % 8 or min(self.width, self.height) < 8:
            raise OptionError(
                f"width and height are {self.width} and {self.height}, not multiples of 8"
            )
        if self.masked_image not in ("blank", "warp"):
            raise OptionError(f"masked_image is {self.masked_image!r}, not 'blank' or 'warp'")
        if not 0 <= self.layers <= 1:
            raise OptionError(f"layers is {self.layers}, not a number from 0 to 1")
        if set(self.prompts) != set(CATEGORIES):
            raise OptionError(f"prompts are for {sorted(self.prompts)}, not {sorted(CATEGORIES)}")

    @classmethod
    def in_folder(cls, folder: Path) -> FamilyConfig:
        """The configuration in a family's folder; the defaults of its architecture without one.

        Raises OptionError for an unknown key or a broken file.
        """
        file = folder / CONFIG_FILE
        if not file.is_file():
            return cls(width=768, height=1024, steps=30) if is_xl(folder) else cls()
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise OptionError(f"cannot be read as JSON: {error}", path=file) from error
        if not isinstance(values, dict):
            raise OptionError("not a JSON object", path=file)
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(
                f"unknown key {', '.join(unknown)}", path=file, remedy=f"Known: {', '.join(known)}."
            )
        try:
            return cls(**values)
        except (OptionError, TypeError) as error:
            reason = error.reason if isinstance(error, OptionError) else str(error)
            raise OptionError(reason, path=file) from error


@dataclass(frozen=True)
class FamilyPaths:
    """Where the weights of a family lie. Whatever is None or empty stays off.

    base: a folder in diffusers' layout, or one `.safetensors` checkpoint with everything in it.
    config: for a checkpoint, the folder (same layout, no weights needed) that says what is in it.
    controlnets: folders, and what each ControlNet is shown: the "pose" or the "tile" (the warp).
    """

    base: Path
    config: Path | None = None
    controlnets: tuple[tuple[Path, ControlKind], ...] = ()
    ip_adapter: Path | None = None
    image_encoder: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> FamilyPaths:
        """The parts that lie in one folder (see the top of this file)."""
        kinds: dict[str, ControlKind] = {"controlnet": "pose", "controlnet_tile": "tile"}
        ip_adapter = folder / "ip_adapter.safetensors"
        image_encoder = folder / "image_encoder"
        return cls(
            base=folder,
            controlnets=tuple((folder / n, k) for n, k in kinds.items() if (folder / n).is_dir()),
            ip_adapter=ip_adapter if ip_adapter.is_file() else None,
            image_encoder=image_encoder if image_encoder.is_dir() else None,
        )


def require_all(paths: FamilyPaths) -> None:
    """Raise WeightsMissingError that names everything that is not there."""
    base = paths.base if paths.config is None else paths.config
    missing = missing_parts(base)
    if paths.config is not None and not paths.base.is_file():
        missing.append(paths.base)
    folders = [folder for folder, _ in paths.controlnets]
    if paths.image_encoder is not None:
        folders.append(paths.image_encoder)
    missing += [f / "config.json" for f in folders if not (f / "config.json").is_file()]
    if paths.ip_adapter is not None:
        if not paths.ip_adapter.is_file():
            missing.append(paths.ip_adapter)
        if paths.image_encoder is None:
            missing.append(base / "image_encoder")
    if missing:
        raise WeightsMissingError(
            f"{len(missing)} parts of the family are not on this machine: "
            + ", ".join(str(path) for path in missing),
            path=paths.base,
        )


def is_xl(folder: Path) -> bool:
    """Whether a folder in diffusers' layout holds SDXL, which has two text encoders."""
    return (folder / "text_encoder_2").is_dir()


def missing_parts(folder: Path) -> list[Path]:
    """What a base model's folder lacks."""
    files = ["model_index.json", "scheduler/scheduler_config.json", "tokenizer"]
    files += [f"{name}/config.json" for name in ("unet", "vae", "text_encoder")]
    if is_xl(folder):
        files += ["tokenizer_2", "text_encoder_2/config.json"]
    return [folder / file for file in files if not (folder / file).exists()]
