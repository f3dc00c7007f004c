"""LoRA: small updates of a base model's weights, put on and taken off.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models": W' = W + (alpha/r) B A.
For a batch whose samples wear different LoRAs see `lora_batch`.

The update is added to the weights, so that a step costs what it costs without. Adding and
subtracting would drift by rounding: the pristine weights are kept aside, and put back as they were.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.errors import LoraBaseError

LoraModule = nn.Linear | nn.Conv2d

OTHER_BASE = "The LoRA is for another base model."


class LoraAdapter:
    """One LoRA to attach to a model. Several may be attached at once; their updates add up.

    state: of a UNet or a text encoder, by layer, see `tryon.adapters.lora_format`.
    weight: how strongly it is applied; 0 is not at all, 1 as trained.
    """

    def __init__(self, state: LoraState, weight: float = 1.0) -> None:
        self.state = state
        self.weight = weight

    def attach(self, model: nn.Module | None) -> None:
        """Add the update to the model's weights, all of it or, with an error, nothing.

        Raises LoraBaseError when the model lacks a layer, or has it in another width.
        """
        modules = {path: fitting_module(model, path, layer) for path, layer in self.state.items()}
        if any(self in _updates(module) for module in modules.values()):
            raise RuntimeError("attached already")
        for path, module in modules.items():
            Patched.of(module).add(self, self.state[path])

    def detach(self, model: nn.Module | None) -> None:
        """Take the update off. The last one to leave restores the weights to the bit."""
        modules = [fitting_module(model, path, layer) for path, layer in self.state.items()]
        if not all(self in _updates(module) for module in modules):
            raise RuntimeError("not attached")
        for module in modules:
            Patched.of(module).remove(self)


@contextmanager
def attached(model: nn.Module | None, adapters: Sequence[LoraAdapter]) -> Iterator[None]:
    """Attach some LoRAs for the length of a `with` block."""
    with ExitStack() as stack:
        for adapter in adapters:
            adapter.attach(model)
            stack.callback(adapter.detach, model)
        yield


class Patched:
    """A module's pristine weight and the updates on top of it; lives on the module meanwhile."""

    NAME = "_lora_patched"

    def __init__(self, module: LoraModule) -> None:
        self.module = module
        self.pristine = module.weight.data
        self.updates: dict[LoraAdapter, LoraLayer] = {}

    @classmethod
    def of(cls, module: LoraModule) -> Patched:
        """The one that lives on the module, or a new one."""
        if cls.NAME not in module.__dict__:
            module.__dict__[cls.NAME] = cls(module)
        patched: Patched = module.__dict__[cls.NAME]
        return patched

    def add(self, adapter: LoraAdapter, layer: LoraLayer) -> None:
        self.updates[adapter] = layer
        self._apply()

    def remove(self, adapter: LoraAdapter) -> None:
        del self.updates[adapter]
        self._apply()
        if not self.updates:
            del self.module.__dict__[self.NAME]

    def _apply(self) -> None:
        # The module may have moved to another device since.
        weight = self.module.weight
        self.pristine = self.pristine.to(weight.device)
        weight.data = merged_weight(
            self.pristine, [(layer, adapter.weight) for adapter, layer in self.updates.items()]
        )


def merged_weight(
    pristine: torch.Tensor, updates: Sequence[tuple[LoraLayer, float]]
) -> torch.Tensor:
    """W + sum of weight * (alpha / r) * up @ down: W itself if there is nothing to add.

    Summed in float32 and rounded to W's dtype once, so that the result does not depend on how
    often updates came and went.
    """
    if not updates:
        return pristine
    total = pristine.float()
    for layer, weight in updates:
        down, up = (m.to(total.device).float().flatten(1) for m in (layer.down, layer.up))
        total = total + (weight * layer.scale) * (up @ down).view(total.shape)
    return total.to(pristine.dtype)


def fitting_module(model: nn.Module | None, path: str, layer: LoraLayer) -> LoraModule:
    """The model's layer at `path`. Raises LoraBaseError unless the update has its shape."""
    module = layer_module(model, path)
    check_fit(module, path, layer)
    return module


def layer_module(model: nn.Module | None, path: str) -> LoraModule:
    """The model's layer at `path`. Raises LoraBaseError if it has none that could be updated."""
    module = None if model is None else _module_at(model, path)
    if module is None:
        raise LoraBaseError(f"the base model has no layer {path}", remedy=OTHER_BASE)
    if not isinstance(module, LoraModule):
        kind = type(module).__name__
        raise LoraBaseError(f"{path} is a {kind} in the base model", remedy=OTHER_BASE)
    return module


def check_fit(module: LoraModule, path: str, layer: LoraLayer) -> None:
    """Raise LoraBaseError unless the update has the layer's shape."""
    # A LoRA of a 1x1 convolution may be stored as one of a linear layer, and the other way round.
    outputs, *rest = module.weight.shape
    inputs = math.prod(rest)
    if (layer.inputs, layer.outputs) != (inputs, outputs):
        raise LoraBaseError(
            f"{path} is {inputs} -> {outputs} in the base model, "
            f"{layer.inputs} -> {layer.outputs} in the LoRA",
            remedy=OTHER_BASE,
        )


def _module_at(model: nn.Module, path: str) -> nn.Module | None:
    # One of transformers' two text encoders has its layers one level deeper than the other.
    for full in (path, f"text_model.{path}"):
        try:
            return model.get_submodule(full)
        except AttributeError:
            continue
    return None


def _updates(module: nn.Module) -> dict[LoraAdapter, LoraLayer]:
    patched = module.__dict__.get(Patched.NAME)
    return {} if patched is None else patched.updates
