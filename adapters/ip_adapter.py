"""IP-Adapter: image prompts through cross-attention layers of their own.

Ye et al. 2023, "IP-Adapter: Text Compatible Image Prompt Adapter". diffusers converts the weights
and computes; what is here is attaching to a UNet and leaving it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection

from tryon.adapters.checkpoint import read_tensors, without_false_alarms
from tryon.errors import WeightsCorruptError

PARTS = ("image_proj", "ip_adapter")


class IPAdapter:
    """The weights of one IP-Adapter, base or plus kind, to attach to a UNet of its family.

    state: {"image_proj": {key: tensor}, "ip_adapter": {key: tensor}}, as in the authors' files.
    """

    def __init__(self, state: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        self.state = {part: dict(state[part]) for part in PARTS}
        self._before: dict[str, Any] | None = None

    @classmethod
    def from_file(cls, file: Path) -> IPAdapter:
        """Read a `.safetensors` file whose keys start with `image_proj.` and `ip_adapter.`.

        Raises WeightsMissingError, or WeightsCorruptError when it is something else.
        """
        tensors, _ = read_tensors(file)
        state: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
        for key, tensor in tensors.items():
            part, _, rest = key.partition(".")
            if part not in state:
                raise WeightsCorruptError(f"{key} is not a key of an IP-Adapter", path=file)
            state[part][rest] = tensor
        if not all(state.values()):
            raise WeightsCorruptError("not an IP-Adapter: a part is missing", path=file)
        return cls(state)

    def attach(self, unet: UNet2DConditionModel) -> None:
        """Add the image layers to every cross-attention; WeightsCorruptError if they do not fit.

        A UNet with an image prompt must be given image embeddings in every call; a scale of 0
        makes it ignore them.
        """
        if self._before is not None or unet.encoder_hid_proj is not None:
            raise RuntimeError("an image prompt is attached already: detach it first")
        before = {
            "processors": dict(unet.attn_processors),
            "encoder_hid_dim_type": unet.config.encoder_hid_dim_type,
        }
        self._before = before
        try:
            with without_false_alarms():
                unet._load_ip_adapter_weights([self.state], low_cpu_mem_usage=True)
            _check_width(unet)
        except (KeyError, ValueError, RuntimeError) as error:
            self.detach(unet)
            # diffusers leaves weights that the file lacks on the meta device, and trips over them.
            lacking = isinstance(error, NotImplementedError)
            reason = "some of its weights are missing" if lacking else error
            raise WeightsCorruptError(
                f"the IP-Adapter does not fit this UNet: {reason}",
                remedy="Use an IP-Adapter made for this base model.",
            ) from error
        for processor in unet.attn_processors.values():
            if isinstance(processor, torch.nn.Module):
                processor.requires_grad_(False)
        unet.encoder_hid_proj.requires_grad_(False)  # type: ignore[attr-defined]

    def detach(self, unet: UNet2DConditionModel) -> None:
        """Put the UNet back as it was: the very same processors, no trace in the module tree."""
        if self._before is None:
            raise RuntimeError("not attached")
        # Assigning None would leave `(encoder_hid_proj): None` in the module tree.
        del unet.encoder_hid_proj
        unet.encoder_hid_proj = None
        unet.config.encoder_hid_dim_type = self._before["encoder_hid_dim_type"]
        unet.set_attn_processor(dict(self._before["processors"]))
        self._before = None

    @contextmanager
    def attached(self, unet: UNet2DConditionModel) -> Iterator[None]:
        """Attach for the length of a `with` block."""
        self.attach(unet)
        try:
            yield
        finally:
            self.detach(unet)


def wants_patches(unet: UNet2DConditionModel) -> bool:
    """Whether the attached image prompt is of the plus kind.

    The plus kind sees all patches of the image encoder's last layer but one, the base kind only
    the pooled embedding.
    """
    return not isinstance(unet.encoder_hid_proj.image_projection_layers[0], ImageProjection)


def _check_width(unet: UNet2DConditionModel) -> None:
    """diffusers does not compare the shapes of the key and value layers with the UNet's."""
    for name, processor in unet.attn_processors.items():
        for layer in getattr(processor, "to_k_ip", ()):
            expected = unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape
            if layer.weight.shape != expected:
                raise ValueError(
                    f"{name} has {tuple(layer.weight.shape)} instead of {tuple(expected)}"
                )
