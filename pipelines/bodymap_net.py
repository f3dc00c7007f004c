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
    widths: tuple[int, ...] = (24, 48, 80, 112, 144)


class DenseNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) that works at half the size of what it draws.

    Its inputs are smooth and its outputs nearly so: the full size is only needed for the outline,
    which comes in folded into channels (`pixel_unshuffle`) and goes out unfolded. The finest
    level, where most of the time goes, has one convolution each way instead of two.
    """

    def __init__(self, config: DenseNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        levels = range(1, len(widths))
        self.down = nn.ModuleList([_convolution(config.inputs, widths[0])])
        self.down.extend(_pair(widths[i - 1], widths[i], stride=2) for i in levels)
        self.up = nn.ModuleList(
            _pair(widths[i] + widths[i - 1], widths[i - 1]) for i in reversed(levels[1:])
        )
        self.up.append(_convolution(widths[1] + widths[0], widths[0]))
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


def _pair(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*_convolution(inputs, outputs, stride), *_convolution(outputs, outputs))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
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
