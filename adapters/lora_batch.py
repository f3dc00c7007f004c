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

from tryon.adapters.forward import replaced_forward
from tryon.adapters.held import Held
from tryon.adapters.lora import LoraModule, check_fit, layer_module
from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.adapters.regions import Regions

WeightedStates = Sequence[tuple[LoraState, float]]
"""What one sample wears: LoRAs and how strongly each is applied. Their updates add up."""

# Of the stacked matrices of a layer, without the samples: of A and of B.
Shapes = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

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
    regions: Regions | None = None,
) -> Iterator[None]:
    """Let each sample of a batch wear its own LoRAs for the length of a `with` block.

    guided: under classifier-free guidance the batch is twice the samples, negatives first, and
        both halves wear the same.
    device: where the UNet computes, if its weights are not there yet.
    regions: where the garments of a picture act, inside `regional`. Then the samples are the first
        picture's garments, the second picture's, and so on.

    Raises LoraBaseError before anything is changed when a LoRA does not fit the UNet.
    """
    rows = _rows(samples, apart=None if regions is None else regions.garments)
    modules = {path: layer_module(unet, path) for path in rows}
    pictures = len(samples) // (regions.garments if regions else 1)
    heights = {path: len(samples) if _apart(path) else pictures for path in rows}
    copies = 2 if guided else 1
    layers = stacked_layers(modules, rows, heights, copies=copies, device=device)
    with ExitStack() as stack:
        for path, layer in layers.items():
            module = modules[path]
            shares = None
            if regions is not None and not _apart(path):
                shares = RankShares(regions, owners(rows[path], pictures, copies))
            forward = partial(updated, module, module.forward, layer, shares)
            held = Held(forward) if path.endswith(HELD) else forward
            stack.callback(replaced_forward(module, held))
        yield


@dataclass(frozen=True, eq=False)
class Row:
    """One update of one layer: whose it is, and how strongly it is applied."""

    number: int
    owner: int
    layer: LoraLayer
    weight: float


def _apart(path: str) -> bool:
    """Whether each garment of a picture is a row of its own in this layer."""
    return ".attn2." in path


def _rows(samples: Sequence[WeightedStates], *, apart: int | None) -> dict[str, list[Row]]:
    """The updates by layer. apart: how many garments a picture has, where they have regions."""
    rows: dict[str, list[Row]] = {}
    for number, states in enumerate(samples):
        picture, owner = divmod(number, apart or 1)
        for state, weight in states:
            for path, layer in state.items():
                row = Row(number if _apart(path) else picture, owner, layer, weight)
                rows.setdefault(path, []).append(row)
    return rows


def stacked_layers(
    modules: dict[str, LoraModule],
    rows: dict[str, list[Row]],
    heights: dict[str, int],
    *,
    copies: int = 1,
    device: torch.device | None = None,
) -> dict[str, StackedLayer]:
    """The updates of all samples by path, in the format of the layers' weights.

    Several updates of one sample become one of the sum of their ranks; smaller ranks are filled up
    with zeros. heights: how many samples each layer has. copies: how often they stand in the
    batch, one after another. device: None is where the weights are.

    Raises LoraBaseError when an update does not fit its layer.
    """
    shapes: Shapes = {}
    for path, updates in rows.items():
        ranks = [0] * heights[path]
        for row in updates:
            check_fit(modules[path], path, row.layer)
            ranks[row.number] += row.layer.rank
        outputs, *inputs = modules[path].weight.shape
        shapes[path] = (max(ranks), *inputs), (outputs, max(ranks))
    stacked: dict[str, StackedLayer] = {}
    for height in set(heights.values()):
        chosen = {path: shapes[path] for path in rows if heights[path] == height}
        if chosen:
            stacked |= _stacked(modules, rows, chosen, height, copies, device)
    return stacked


def _stacked(
    modules: dict[str, LoraModule],
    rows: dict[str, list[Row]],
    shapes: Shapes,
    height: int,
    copies: int,
    device: torch.device | None,
) -> dict[str, StackedLayer]:
    """Layers of the same number of samples: all in one piece of memory, moved at once."""
    weight = modules[next(iter(shapes))].weight
    sizes = [torch.Size(shape).numel() for pair in shapes.values() for shape in pair]
    memory = torch.zeros(height, sum(sizes), dtype=weight.dtype)
    pieces = iter(memory.split(sizes, 1))
    for path, (down, up) in shapes.items():
        down_piece, up_piece = next(pieces).unflatten(1, down), next(pieces).unflatten(1, up)
        _fill(down_piece, up_piece, rows[path])
    moved = iter(memory.to(device or weight.device).repeat(copies, 1).split(sizes, 1))
    return {
        path: StackedLayer(next(moved).unflatten(1, down), next(moved).unflatten(1, up))
        for path, (down, up) in shapes.items()
    }


def _fill(down: torch.Tensor, up: torch.Tensor, rows: list[Row]) -> None:
    """Put the updates of one layer side by side along the rank."""
    filled: dict[int, int] = {}
    for row in rows:
        layer, number = row.layer, row.number
        start = filled.get(number, 0)
        end = filled[number] = start + layer.rank
        down[number, start:end] = layer.down.reshape(layer.rank, *down.shape[2:])
        scale = row.weight * layer.scale
        matrix = layer.up.flatten(1)
        up[number, :, start:end] = matrix if scale == 1 else matrix.float() * scale


@dataclass(frozen=True, eq=False)
class RankShares:
    """How much each rank of a layer counts at each of its pixels: as its garment does there.

    owners: (rows, rank), the garment of its picture that each rank belongs to.
    """

    regions: Regions
    owners: torch.Tensor

    def of(self, weights: torch.Tensor) -> torch.Tensor:
        """(rows, rank, pixels) from the weights of the garments, (rows, garments, pixels)."""
        owners = self.owners.to(weights.device)[:, :, None]
        return weights.gather(1, owners.expand(-1, -1, weights.shape[2]))


def owners(rows: list[Row], pictures: int, copies: int) -> torch.Tensor:
    """(copies * pictures, rank): whose each rank is, in the order of `stacked_layers`."""
    found: list[list[int]] = [[] for _ in range(pictures)]
    for row in rows:
        found[row.number] += [row.owner] * row.layer.rank
    rank = max(map(len, found))
    return torch.tensor([each + [0] * (rank - len(each)) for each in found] * copies)


def updated(
    module: LoraModule,
    forward: Callable[[torch.Tensor], torch.Tensor],
    layer: StackedLayer,
    shares: RankShares | None,
    x: torch.Tensor,
) -> torch.Tensor:
    """What the layer gives for x with the update of each row: W x_i + up_i down_i x_i.

    x: (rows, in), (rows, tokens, in), or (rows, in, height, width) for a convolution.
    """
    y = forward(x)
    if isinstance(module, nn.Conv2d):
        return y + _convolved(module, layer, shares, x)
    if x.ndim == 2:  # of the time step, which all pixels share
        narrow = torch.bmm(x[:, None], layer.down.mT)
        if shares is not None:
            narrow = narrow * shares.of(shares.regions.at(1, 1).flatten(2)).mT
        return torch.baddbmm(y[:, None], narrow, layer.up.mT).squeeze(1)
    narrow = torch.bmm(x, layer.down.mT)
    if shares is not None:
        narrow = narrow * shares.of(shares.regions.of_tokens(x.shape[1])).mT
    return torch.baddbmm(y, narrow, layer.up.mT)


def _convolved(
    module: nn.Conv2d, layer: StackedLayer, shares: RankShares | None, x: torch.Tensor
) -> torch.Tensor:
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
    narrow = narrow.view(rows, rank, height * width)
    if shares is not None:
        narrow = narrow * shares.of(shares.regions.at(height, width).flatten(2))
    return torch.bmm(layer.up, narrow).view(rows, -1, height, width)
