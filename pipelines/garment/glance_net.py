"""The small classifier that glances at a garment photo: what it shows, and at which angle."""

from __future__ import annotations

import json
from os import PathLike

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import nn

from tryon.errors import WeightsCorruptError, WeightsMissingError

GLANCE_SIZE = 96  # pixels of the square that the net sees
KINDS = 4  # upper, lower, dress, and no garment
ANGLES = 72  # classes of the garment's angle, 5 degrees each, the first around upright
# Kernel, stride, expansion and channels of the blocks: those of EfficientNet-Lite0 (Tan and Le
# 2019, Google's "lite" variant of 2020) as far as a sixteenth of the size.
_BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
)
_STEM = 32
_CELL = 16  # pixels of the picture for each place of what the trunk sees
_HEAD = (128, 112)


class GlanceNet(nn.Module):
    """A head on the beginning of EfficientNet-Lite0, whose normalisations are folded in.

    The trunk stays as it was pre-trained on ImageNet; the outline joins in after it. The head
    keeps the layout of what was seen, for the angle's sake.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(3, _STEM, 3, 2)
        channels, blocks = _STEM, []
        for kernel, stride, expansion, outputs in _BLOCKS:
            blocks.append(_Block(channels, outputs, kernel, stride, expansion))
            channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.outline = nn.Conv2d(_CELL**2, channels, 1)
        self.near = nn.Conv2d(channels, _HEAD[0], 3, padding=1)
        self.far = nn.Conv2d(_HEAD[0], _HEAD[1], 3, 2, padding=1)
        places = (GLANCE_SIZE // _CELL // 2) ** 2
        self.angle = nn.Linear(_HEAD[1] * places, ANGLES)
        self.kind = nn.Linear(_HEAD[1] * places, KINDS)

    def trunk(self, picture: torch.Tensor) -> torch.Tensor:
        """(N, 3, 96, 96) -> (N, 112, 6, 6): what ImageNet taught it to see."""
        return self.blocks(self.stem(picture))

    def head(self, maps: torch.Tensor, outline: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `trunk` saw and the outline (N, 1, 96, 96) -> as `forward`."""
        maps = maps + self.outline(F.pixel_unshuffle(outline, _CELL))
        seen = F.silu(self.far(F.silu(self.near(maps)))).flatten(1)
        seen = F.dropout(seen, 0.3, self.training)
        return self.kind(seen), self.angle(seen)

    def forward(
        self, picture: torch.Tensor, outline: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """picture: (N, 3, 96, 96), (RGB - 127) / 128, 0 beyond the garment. outline: (N, 1, 96,
        96), 0-1. Returns the logits of the kinds (N, 4) and of the angles (N, 72)."""
        return self.head(self.trunk(picture), outline)


class _Convolution(nn.Module):
    """A convolution with TensorFlow's padding, which the pre-trained weights are used to."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        before = (kernel - stride) // 2
        self.padding = (before, kernel - stride - before) * 2
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return F.relu6(self.convolution(F.pad(maps, self.padding)))


class _Block(nn.Module):
    """Expand, look around in each channel, project; added to what came in where that fits."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = _Convolution(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.around = _Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = nn.Conv2d(inner, outputs, 1)
        self.added = stride == 1 and inputs == outputs

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        projected = self.project(self.around(self.expand(maps)))
        return maps + projected if self.added else projected


def load_glance_net(path: str | PathLike[str]) -> GlanceNet:
    """The net in a safetensors file, in float32 on the CPU, ready to glance.

    Raises `WeightsMissingError` and `WeightsCorruptError`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            json.loads((file.metadata() or {})["training"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = GlanceNet()
        net.load_state_dict(state)
    except FileNotFoundError as error:
        raise WeightsMissingError(
            "the weights are not there", path=path, remedy="Reinstall tryon, or train them."
        ) from error
    except (SafetensorError, KeyError, ValueError, RuntimeError, OSError) as error:
        raise WeightsCorruptError(f"not the weights of a glance ({error})", path=path) from error
    return net.eval().to(memory_format=torch.channels_last)
