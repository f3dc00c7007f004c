"""The layers of a LoRA on a UNet while they are trained: PEFT's, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft import LoraConfig
from torch import nn

from tryon.adapters.checkpoint import without_false_alarms
from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.pipelines.family import Family
from tryon.training.garment_config import LAYERS, GarmentLoraConfig

ADAPTER = "garment"


@contextmanager
def trainable(family: Family, config: GarmentLoraConfig) -> Iterator[dict[str, nn.Parameter]]:
    """LoRA layers on the UNet for the length of a `with` block: their parameters by name.

    The matrices start from `config.seed`; the family leaves the block as it came.
    """
    unet = family.unet
    wanted = {name: p.requires_grad for name, p in unet.named_parameters()}
    unet.requires_grad_(False)
    alpha = config.rank if config.alpha is None else config.alpha
    layers = LoraConfig(
        r=config.rank,
        lora_alpha=alpha,
        target_modules=LAYERS[config.targets],  # type: ignore[arg-type]
    )
    with torch.random.fork_rng(devices=[]), without_false_alarms():
        torch.manual_seed(config.seed)
        unet.add_adapter(layers, adapter_name=ADAPTER)
    try:
        parameters = {n: p for n, p in unet.named_parameters() if f".{ADAPTER}." in n}
        for parameter in parameters.values():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
        if config.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
            unet.train()  # checkpointing is skipped in evaluation; there is no dropout
        if family.has_image_prompt:
            family.pipeline.set_ip_adapter_scale(family.config.image_scale)
        yield parameters
    finally:
        if config.gradient_checkpointing:
            unet.disable_gradient_checkpointing()
            unet.eval()
        unet.unload_lora()
        for name, parameter in unet.named_parameters():
            parameter.requires_grad_(wanted[name])


def lora_state(parameters: dict[str, nn.Parameter], config: GarmentLoraConfig) -> LoraState:
    """The trained matrices by the path of their layer."""
    alpha = float(config.rank if config.alpha is None else config.alpha)
    end = f".lora_A.{ADAPTER}.weight"
    paths = [name.removesuffix(end) for name in parameters if name.endswith(end)]
    return {
        path: LoraLayer(
            parameters[f"{path}.lora_A.{ADAPTER}.weight"].detach().cpu().clone(),
            parameters[f"{path}.lora_B.{ADAPTER}.weight"].detach().cpu().clone(),
            alpha,
        )
        for path in sorted(paths)
    }
