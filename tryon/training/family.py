"""Train the `mini` family from nothing and write it as a folder that `load_family` reads.

    OPENBLAS_NUM_THREADS=1 python -m tryon.training.family --out DIR --photos GARMENT_PHOTOS

With its defaults that is the recipe of the shipped weights: photographs and drawn patterns teach
the autoencoder, synthetic people everything else. A run that is cut off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

from tryon.training.conditions import ConditionSettings, train_conditions
from tryon.training.decoder import DecoderSettings, train_decoder
from tryon.training.diffusion import DiffusionSettings, train_diffusion
from tryon.training.mini import MiniNetworks, ip_adapter_state, new_networks, new_scheduler
from tryon.training.pairs import HEIGHT, WIDTH, write_pairs
from tryon.training.pictures import rendered_pictures
from tryon.training.tokenizer import caption_tokenizer
from tryon.training.vae import VaeSettings, train_vae

PROMPTS = {category: "{garment}" for category in ("upper", "lower", "dress")}
INDEX = {
    "_class_name": "StableDiffusionControlNetInpaintPipeline",
    "_diffusers_version": diffusers.__version__,
    "controlnet": ["diffusers", "ControlNetModel"],
    "feature_extractor": [None, None],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}


@dataclass(frozen=True, slots=True)
class FamilySettings:
    """The shipped family's settings.

    decoder: of the decoder's refinement; None leaves it as the autoencoder's training left it.
    first_pair, first_person: seeds of the synthetic people of the diffusion and of the decoder;
        others may be used for tests and benchmarks.
    people: how many samples the decoder learns from.
    """

    vae: VaeSettings = field(default_factory=VaeSettings)
    decoder: DecoderSettings | None = None
    conditions: ConditionSettings = field(default_factory=ConditionSettings)
    diffusion: DiffusionSettings = field(default_factory=DiffusionSettings)
    first_pair: int = 3_000_000
    first_person: int = 1_000_000
    people: int = 200


def train_family(
    settings: FamilySettings, out: Path, *, photos: Path, device: torch.device | str = "cpu"
) -> Path:
    """Train every part and return the family's folder, `out/family`.

    photos: a folder of photographs of garments, for the autoencoder and for fabrics.

    Raises ImageNotFoundError without photographs, and WeightsCorruptError if `out` holds the
    checkpoints of a run with other settings.
    """
    vae = train_vae(settings.vae, out / "vae", photos=photos, device=device)
    pairs = write_pairs(
        out / "pairs.npy",
        count=settings.diffusion.pairs,
        first_seed=settings.first_pair,
        fabrics=photos,
    )
    tokenizer = tokenizer_of(pairs, settings.diffusion)
    networks = new_networks(settings.diffusion.networks, tokenizer)
    train_conditions(
        settings.conditions,
        out / "conditions",
        networks=networks,
        pairs=pairs,
        tokenizer=tokenizer,
        device=device,
    )
    train_diffusion(
        settings.diffusion,
        out / "diffusion",
        networks=networks,
        pairs=pairs,
        vae=vae,
        tokenizer=tokenizer,
        device=device,
    )
    if settings.decoder is not None:
        people = rendered_pictures(
            range(settings.first_person, settings.first_person + settings.people),
            size=(384, 288),
            fabrics=photos,
        )
        vae = train_decoder(
            settings.decoder, out / "decoder", vae=vae, photos=photos, people=people, device=device
        )
    export_family(out / "family", networks=networks, vae=vae, tokenizer=tokenizer)
    return out / "family"


def tokenizer_of(pairs: np.ndarray, settings: DiffusionSettings) -> CLIPTokenizer:
    """The tokenizer that the captions of the first pairs make."""
    captions = pairs["captions"][: settings.pairs_at_start]
    return caption_tokenizer(str(caption) for caption in captions.ravel())


def export_family(
    folder: Path,
    *,
    networks: MiniNetworks,
    vae: AutoencoderTiny,
    tokenizer: CLIPTokenizer,
    dtype: torch.dtype = torch.float16,
    config: Mapping[str, object] | None = None,
) -> None:
    """Write a family in diffusers' layout, its weights as safetensors of `dtype`.

    config: fields of `FamilyConfig` that differ from those of the shipped family.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models: dict[str, nn.Module] = {
        "vae": vae,
        "unet": unet_without_image_prompt(networks.unet),
        "controlnet": networks.controlnet,
        "text_encoder": networks.text_encoder,
        "image_encoder": networks.image_encoder,
    }
    for name, model in models.items():
        _in_dtype(model, dtype).save_pretrained(folder / name, safe_serialization=True)
    _write_json(folder / "vae" / "config.json", _without_derived(folder / "vae" / "config.json"))
    tokenizer.save_pretrained(folder / "tokenizer")
    new_scheduler().save_pretrained(folder / "scheduler")
    prompt = {
        key: weight.to(dtype).cpu() for key, weight in ip_adapter_state(networks.unet).items()
    }
    save_file(
        {key: weight.contiguous() for key, weight in prompt.items()},
        folder / "ip_adapter.safetensors",
    )
    _write_json(folder / "model_index.json", INDEX)
    _write_json(folder / "family.json", {**family_config(), **(config or {})})


def family_config() -> dict[str, object]:
    """The fields of `FamilyConfig` of the shipped family."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "steps": 1,
        "guidance": 1.0,
        "strength": 1.0,
        "control_scale": 1.0,
        "image_scale": 1.0,
        "scheduler": None,
        "masked_image": "warp",
        "layers": 0.75,
        "prompts": PROMPTS,
        "negative_prompt": "",
    }


def unet_without_image_prompt(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A copy of a UNet as it is before `load_ip_adapter`."""
    config = {**unet.config, "encoder_hid_dim_type": None}
    plain = UNet2DConditionModel.from_config(config)
    names = set(plain.state_dict())
    plain.load_state_dict({k: v for k, v in unet.state_dict().items() if k in names})
    return plain


def _in_dtype(model: nn.Module, dtype: torch.dtype) -> Any:
    """A copy of a model on the CPU in another dtype."""
    copied = copy.deepcopy(model).cpu()
    for parameter in copied.parameters():
        parameter.data = parameter.data.to(dtype)
    return copied


def _without_derived(file: Path) -> dict[str, object]:
    """The autoencoder's configuration without what diffusers adds and then warns of on loading."""
    values = json.loads(file.read_text(encoding="utf-8"))
    return {key: value for key, value in values.items() if key != "block_out_channels"}


def _write_json(file: Path, values: Mapping[str, object]) -> None:
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the family, going on where an earlier run stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True, help="folder of garment photographs")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_family(FamilySettings(), options.out, photos=options.photos, device=options.device)


if __name__ == "__main__":
    main()
