"""A LoRA of its own for every sample of a batch.

The updates stay beside the weights: y_i = W x_i + B_i A_i x_i, with the A and B of all samples
stacked, so that a layer costs two batched products more, however many garments there are. As in
S-LoRA (Sheng et al. 2023) and Punica (Chen et al. 2023), which do so for the tokens of language
models; a picture has thousands of tokens, for which a plain batched product is the right one.

Keys and values of cross-attention depend on the prompt alone. They are computed in the first step
and held for the rest, so that a LoRA of these layers costs a step nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from tryon.adapters.lora import LoraModule, fitting_module
from tryon.adapters.lora_format import LoraLayer, LoraState

WeightedStates = Sequence[tuple[LoraState, float]]
"""What one sample wears: LoRAs and how strongly each is applied. Their updates add up."""

HELD = ("attn2.to_k", "attn2.to_v")


@dataclass(frozen=True, eq=False)
class StackedLayer:
    """The updates of one layer for every row of a batch, scales included.

    down: (rows, rank, in) or (rows, rank, in, kh, kw). up: (rows, out, rank).
    """

    down: torch.Tensor
    up: torch.Tensor


@contextmanager
def worn(
    unet: nn.Module,
    samples: Sequence[WeightedStates],
    *,
    guided: bool,
    device: torch.device | None = None,
) -> Iterator[None]:
    """Let each sample of a batch wear its own LoRAs for the length of a `with` block.

    guided: under classifier-free guidance the batch is twice the samples, negatives first, and
        both halves wear the same.
    device: where the UNet computes, if its weights are not there yet.

    Raises LoraBaseError before anything is changed when a LoRA does not fit the UNet.
    """
    layers = stacked_layers(unet, samples, copies=2 if guided else 1, device=device)
    with ExitStack() as stack:
        for path, layer in layers.items():
            stack.enter_context(_wearing(unet.get_submodule(path), path, layer))
        yield


def stacked_layers(
    unet: nn.Module,
    samples: Sequence[WeightedStates],
    *,
    copies: int = 1,
    device: torch.device | None = None,
) -> dict[str, StackedLayer]:
    """The updates of all samples by path, in the format of the UNet's weights.

    Several LoRAs of one sample become one of the sum of their ranks; smaller ranks are filled up
    with zeros. copies: how often the samples stand in the batch, one after another.
    device: None is where the weights are.
    """
    parts = _parts(unet, samples)
    shapes = {
        path: _shapes(fitting_module(unet, path, rows[0][1]), path, parts[path], len(samples))
        for path, rows in parts.items()
    }
    # All in one piece of memory, which goes to the device at once.
    weight = next(unet.parameters())
    sizes = [shape.numel() for pair in shapes.values() for shape in pair]
    memory = torch.zeros(sum(sizes), dtype=weight.dtype)
    pieces = iter(memory.split(sizes))
    for path, (down_shape, up_shape) in shapes.items():
        _fill(next(pieces).view(down_shape), next(pieces).view(up_shape), parts[path])
    moved = iter(memory.to(device or weight.device).split(sizes))
    return {
        path: StackedLayer(*(_repeated(next(moved).view(shape), copies) for shape in pair))
        for path, pair in shapes.items()
    }


# sample, layer, and how strongly it is applied
_Row = tuple[int, LoraLayer, float]


def _parts(unet: nn.Module, samples: Sequence[WeightedStates]) -> dict[str, list[_Row]]:
    """Each layer's updates, checked against the UNet."""
    parts: dict[str, list[_Row]] = {}
    for number, states in enumerate(samples):
        for state, weight in states:
            for path, layer in state.items():
                fitting_module(unet, path, layer)
                parts.setdefault(path, []).append((number, layer, weight))
    return parts


def _shapes(
    module: LoraModule, path: str, rows: list[_Row], samples: int
) -> tuple[torch.Size, torch.Size]:
    ranks = [0] * samples
    for number, layer, _ in rows:
        ranks[number] += layer.rank
    rank = max(ranks)
    outputs, *inputs = module.weight.shape
    return torch.Size((samples, rank, *inputs)), torch.Size((samples, outputs, rank))


def _fill(down: torch.Tensor, up: torch.Tensor, rows: list[_Row]) -> None:
    """Put the updates of one layer side by side along the rank."""
    filled: dict[int, int] = {}
    for number, layer, weight in rows:
        start = filled.get(number, 0)
        end = filled[number] = start + layer.rank
        down[number, start:end] = layer.down.reshape(layer.rank, *down.shape[2:])
        scale = weight * layer.scale
        matrix = layer.up.flatten(1)
        up[number, :, start:end] = matrix if scale == 1 else matrix.float() * scale


def _repeated(tensor: torch.Tensor, copies: int) -> torch.Tensor:
    return tensor if copies == 1 else torch.cat([tensor] * copies)


@contextmanager
def _wearing(module: nn.Module, path: str, layer: StackedLayer) -> Iterator[None]:
    """The module with the update in its `forward`, which then is as it was."""
    before = module.__dict__.get("forward")
    forward = partial(updated, module, module.forward, layer)
    module.forward = Held(forward) if path.endswith(HELD) else forward
    try:
        yield
    finally:
        del module.__dict__["forward"]
        if before is not None:
            module.forward = before


def updated(
    module: LoraModule,
    forward: Callable[[torch.Tensor], torch.Tensor],
    layer: StackedLayer,
    x: torch.Tensor,
) -> torch.Tensor:
    """What the layer gives for x with the update of each row: W x_i + up_i down_i x_i.

    x: (rows, in), (rows, tokens, in), or (rows, in, height, width) for a convolution.
    """
    y = forward(x)
    if isinstance(module, nn.Conv2d):
        return y + _convolved(module, layer, x)
    if x.ndim == 2:
        return torch.baddbmm(y[:, None], torch.bmm(x[:, None], layer.down.mT), layer.up.mT).squeeze(
            1
        )
    return torch.baddbmm(y, torch.bmm(x, layer.down.mT), layer.up.mT)


def _convolved(module: nn.Conv2d, layer: StackedLayer, x: torch.Tensor) -> torch.Tensor:
    """The update of a convolution: one group for each row."""
    rows, rank = layer.down.shape[:2]
    narrow = F.conv2d(
        x.reshape(1, -1, *x.shape[2:]),
        layer.down.flatten(0, 1),
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=rows,
    )
    height, width = narrow.shape[2:]
    delta = torch.bmm(layer.up, narrow.view(rows, rank, height * width))
    return delta.view(rows, -1, height, width)


class Held:
    """A function whose last result is held, and given again for the very same input."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.compute = compute
        self._input: torch.Tensor | None = None
        self._version = 0
        self._output: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():  # a result belongs to its own backward pass
            return self.compute(x)
        if self._output is None or x is not self._input or x._version != self._version:
            self._output = self.compute(x)
            self._input, self._version = x, x._version
        return self._output
