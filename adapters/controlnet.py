"""ControlNets: copies of a UNet's encoder that add what a picture shows to the UNet's features.

Zhang et al. 2023, "Adding Conditional Control to Text-to-Image Diffusion Models". A ControlNet
never enters the UNet: its residuals are arguments of the UNet's call, so there is nothing to take
back.
"""

from __future__ import annotations

from pathlib import Path

from diffusers import ControlNetModel, UNet2DConditionModel

from tryon.adapters.checkpoint import load_model
from tryon.errors import WeightsCorruptError

MUST_AGREE = ("block_out_channels", "cross_attention_dim", "addition_embed_type")


def load_controlnet(folder: Path, unet: UNet2DConditionModel) -> ControlNetModel:
    """The ControlNet in a folder, in the UNet's dtype, checked to fit it.

    Raises WeightsMissingError, WeightsUnsafeError, or WeightsCorruptError when it is broken or was
    made for another base model.
    """
    controlnet = load_model(ControlNetModel, folder, dtype=unet.dtype)
    for name in MUST_AGREE:
        ours, its = _as_read(unet.config[name]), _as_read(controlnet.config[name])
        if ours != its:
            raise WeightsCorruptError(
                f"the ControlNet's {name} is {its}, the UNet's is {ours}",
                path=folder,
                remedy="Use a ControlNet made for this base model.",
            )
    return controlnet


def _as_read(value: object) -> object:
    """A configuration's value as JSON has it: a list, whether it was read or given as a tuple."""
    return list(value) if isinstance(value, tuple) else value
