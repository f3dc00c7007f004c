"""Several garments in one picture, each acting in its own region, in one pass.

Inside cross-attention, where prompt, image prompt and LoRA speak, each garment of a picture is a
sample of its own: the picture's tokens attend to each garment's prompt apart, and what comes out is
mixed by region. Everything else of the UNet sees the picture once. (The idea of regional prompting,
known as attention couple; of several image prompts, IP-Adapter's masks do the same.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tryon.adapters.forward import replaced_forward
from tryon.adapters.held import Held


class Regions:
    """Where each garment of each picture acts.

    weights: (rows, garments, height, width) at the size of the latents, 0-1, for the rows of the
        UNet's batch. The weights of a pixel add up to 1.
    """

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights
        self._by_size: dict[tuple[int, int], torch.Tensor] = {}

    @property
    def garments(self) -> int:
        return self.weights.shape[1]

    def at(self, height: int, width: int) -> torch.Tensor:
        """(rows, garments, height, width): the weights of larger pixels, averaged."""
        size = (height, width)
        if size not in self._by_size:
            self._by_size[size] = F.interpolate(self.weights, size, mode="area")
        return self._by_size[size]

    def of_tokens(self, count: int) -> torch.Tensor:
        """(rows, garments, count): the weights of a layer's tokens, which are its pixels."""
        height, width = self.weights.shape[2:]
        while height * width > count:  # as the UNet halves its pictures
            height, width = -(-height // 2), -(-width // 2)
        if height * width != count:
            raise ValueError(f"{count} tokens are no picture of {tuple(self.weights.shape[2:])}")
        return self.at(height, width).flatten(2)


@contextmanager
def regional(unet: nn.Module, regions: Regions) -> Iterator[None]:
    """Let each garment act in its region, for the length of a `with` block.

    Within it the UNet takes the prompts of a picture's garments one after another along the tokens,
    (rows, garments * tokens, width), and their image prompts as several images.
    """
    split = Held(partial(_split_text, garments=regions.garments))
    with ExitStack() as stack:
        for path, module in unet.named_modules():
            if path.endswith(".attn2"):
                forward = partial(_attended, module.forward, regions, split)
                stack.callback(replaced_forward(module, forward))
        yield


def _attended(
    forward: Callable[..., torch.Tensor],
    regions: Regions,
    split: Held,
    hidden_states: torch.Tensor,
    encoder_hidden_states: Any = None,
    attention_mask: torch.Tensor | None = None,
    **more: Any,
) -> torch.Tensor:
    """What cross-attention gives for each garment apart, mixed by region."""
    rows, count, width = hidden_states.shape
    text, images = encoder_hidden_states, None
    if isinstance(text, tuple):  # with image prompts: (rows, garments, tokens, width) each
        text, images = text
    context: Any = split(text)
    if images is not None:
        context = context, [image.flatten(0, 1)[:, None] for image in images]
    mixed = forward(
        hidden_states.repeat_interleave(regions.garments, 0),
        encoder_hidden_states=context,
        attention_mask=attention_mask,
        **more,
    )
    weights = regions.of_tokens(count)
    return torch.einsum("rgnc,rgn->rnc", mixed.view(rows, regions.garments, count, width), weights)


def _split_text(text: torch.Tensor, *, garments: int) -> torch.Tensor:
    """(rows * garments, tokens, width) from (rows, garments * tokens, width)."""
    return text.reshape(len(text) * garments, -1, text.shape[-1])
