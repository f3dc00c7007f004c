"""The small U-Net behind the body map and behind the placement of flat-lays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import nn

from tryon.errors import WeightsCorruptError, WeightsMissingError


@dataclass(frozen=True, slots=True)
class DenseNetConfig:
    """Shape of a `DenseNet`.

    inputs, outputs: channels. widths: channels per level, each half the size of the one before.
    """

    inputs: int
    outputs: int
    widths: tuple[int, ...] = (32, 64, 96, 128, 160)


class DenseNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) that works at half the size of what it draws.

    Its inputs are smooth and its outputs nearly so: the full size is only needed for the outline,
    which comes in folded into channels (`pixel_unshuffle`) and goes out unfolded.
    """

    def __init__(self, config: DenseNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        before = (config.inputs, *widths)
        self.down = nn.ModuleList(
            _block(before[i], widths[i], stride=1 if i == 0 else 2) for i in range(len(widths))
        )
        self.up = nn.ModuleList(
            _block(widths[i] + widths[i - 1], widths[i - 1]) for i in range(len(widths) - 1, 0, -1)
        )
        self.head = nn.Conv2d(widths[0], 4 * config.outputs, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, inputs, h, w) -> (N, outputs, 2h, 2w)."""
        kept = []
        for down in self.down:
            maps = down(maps)
            kept.append(maps)
        maps = kept.pop()
        for up in self.up:
            beside = kept.pop()
            maps = F.interpolate(maps, size=beside.shape[-2:], mode="bilinear")
            maps = up(torch.cat([maps, beside], dim=1))
        return F.pixel_shuffle(self.head(maps), 2)


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
    )


def dense_net_metadata(config: DenseNetConfig, notes: Mapping[str, object]) -> dict[str, str]:
    """What a weights file says about itself; `notes` are the trainer's (config, seed, scores)."""
    return {"net": json.dumps(asdict(config)), "training": json.dumps(dict(notes))}


def load_dense_net(path: str | PathLike[str]) -> DenseNet:
    """The net in a safetensors file, in float32 on the CPU, ready to predict.

    Raises `WeightsMissingError` and `WeightsCorruptError`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["net"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        config["widths"] = tuple(config["widths"])
        net = DenseNet(DenseNetConfig(**config))
        net.load_state_dict(state)
    except FileNotFoundError as error:
        raise WeightsMissingError(
            "the weights are not there", path=path, remedy="Reinstall tryon, or train them."
        ) from error
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise WeightsCorruptError(f"not the weights of a dense net ({error})", path=path) from error
    return net.eval().to(memory_format=torch.channels_last)
