"""The networks of the `mini` family: Stable Diffusion's architecture, a hundredth of its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from diffusers.models.embeddings import (
    IPAdapterPlusImageProjection,
    MultiIPAdapterImageProjection,
)
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)


@dataclass(frozen=True, slots=True)
class MiniSettings:
    """Sizes of the networks; the defaults are those of the shipped weights.

    channels: of the UNet and the ControlNet at each level, the first at a quarter of the picture.
    attention: which levels attend (to themselves, the text and the garment).
    heads: of the attention at each level.
    context: width of what the text and the image prompt say.
    """

    channels: tuple[int, ...] = (48, 80, 128, 144)
    attention: tuple[bool, ...] = (False, True, True, True)
    heads: tuple[int, ...] = (1, 1, 2, 2)
    groups: int = 16
    context: int = 128
    text_layers: int = 2
    vision_layers: int = 3
    vision_size: int = 96
    vision_patch: int = 8
    image_tokens: int = 16
    control_channels: tuple[int, ...] = (8, 16, 32)
    seed: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class MiniNetworks:
    """Everything but the autoencoder, which is trained before."""

    unet: UNet2DConditionModel
    controlnet: ControlNetModel
    text_encoder: CLIPTextModel
    image_encoder: CLIPVisionModelWithProjection

    def modules(self) -> dict[str, nn.Module]:
        """By the names of diffusers' folders."""
        return {
            "unet": self.unet,
            "controlnet": self.controlnet,
            "text_encoder": self.text_encoder,
            "image_encoder": self.image_encoder,
        }

    def parameters(self) -> Iterator[nn.Parameter]:
        for module in self.modules().values():
            yield from module.parameters()


def new_networks(settings: MiniSettings, tokenizer: CLIPTokenizer) -> MiniNetworks:
    """Untrained networks, their weights drawn from `settings.seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        unet = _new_unet(settings)
        _start_as_copy(unet)
        _attach_image_prompt(unet, settings)
        return MiniNetworks(
            unet=unet,
            controlnet=_new_controlnet(settings),
            text_encoder=_new_text_encoder(settings, tokenizer),
            image_encoder=_new_image_encoder(settings),
        )


def new_scheduler() -> DDIMScheduler:
    """Noise as Stable Diffusion has it, but ending in pure noise; the UNet predicts the picture.

    Zero terminal SNR after Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps
    are Flawed".
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def _new_unet(settings: MiniSettings) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=None,
        in_channels=9,
        out_channels=4,
        down_block_types=tuple(
            "CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in settings.attention
        ),
        up_block_types=tuple(
            "CrossAttnUpBlock2D" if attends else "UpBlock2D"
            for attends in reversed(settings.attention)
        ),
        block_out_channels=settings.channels,
        layers_per_block=1,
        norm_num_groups=settings.groups,
        cross_attention_dim=settings.context,
        attention_head_dim=settings.heads,  # diffusers reads it as the number of heads
    )


@torch.no_grad()
def _start_as_copy(unet: UNet2DConditionModel) -> None:
    """Set initial weights that predict what the masked-image channels show, and see no noise yet.

    Most of the picture is to stay, and most of the garment is in the warp: training is then about
    what differs from its first step. A value and its negative in one group of a normalisation
    have mean zero, and `silu(x) - silu(-x) = x`, so that the last layers let a picture through,
    its contrast made even.
    """
    first, last = unet.conv_in, unet.up_blocks[-1].resnets[-1]
    width = unet.config.block_out_channels[0]
    size = width // unet.config.norm_num_groups
    first.weight[:, :4] = 0
    unet.conv_out.weight.mul_(0.1)
    unet.conv_out.bias.zero_()
    for latent in range(4):
        channels = slice(latent * size, (latent + 1) * size)
        for layer in (last.conv_shortcut, last.conv2):
            layer.weight[channels] = 0
            layer.bias[channels] = 0
        unet.conv_out.weight[:, channels] = 0
        for channel, sign in ((latent * size, 1.0), (latent * size + 1, -1.0)):
            first.weight[channel], first.bias[channel] = 0, 0
            first.weight[channel, 5 + latent, 1, 1] = sign
            last.conv_shortcut.weight[channel, width + channel] = 1
            unet.conv_out.weight[latent, channel, 1, 1] = sign * (2 / size) ** 0.5


def _new_controlnet(settings: MiniSettings) -> ControlNetModel:
    """A skeleton needs no attention: it is where it is."""
    return ControlNetModel(
        in_channels=4,
        down_block_types=("DownBlock2D",) * len(settings.channels),
        mid_block_type="UNetMidBlock2D",
        block_out_channels=settings.channels,
        layers_per_block=1,
        norm_num_groups=settings.groups,
        cross_attention_dim=settings.context,
        attention_head_dim=settings.heads,
        conditioning_embedding_out_channels=settings.control_channels,
    )


def _new_text_encoder(settings: MiniSettings, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.context,
            intermediate_size=4 * settings.context,
            projection_dim=settings.context,
            num_hidden_layers=settings.text_layers,
            num_attention_heads=max(1, settings.context // 64),
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _new_image_encoder(settings: MiniSettings) -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=settings.context,
            intermediate_size=4 * settings.context,
            projection_dim=settings.context,
            num_hidden_layers=settings.vision_layers,
            num_attention_heads=max(1, settings.context // 64),
            image_size=settings.vision_size,
            patch_size=settings.vision_patch,
        )
    )


def _attach_image_prompt(unet: UNet2DConditionModel, settings: MiniSettings) -> None:
    """Give every cross-attention keys and values for an image prompt of the plus kind."""
    processors = dict(unet.attn_processors)
    for name in cross_attention_names(unet):
        attention = unet.get_submodule(name.removesuffix(".processor"))
        processors[name] = IPAdapterAttnProcessor2_0(
            hidden_size=attention.to_k.out_features,
            cross_attention_dim=settings.context,
            num_tokens=[settings.image_tokens],
        )
    unet.set_attn_processor(processors)
    projection = IPAdapterPlusImageProjection(
        embed_dims=settings.context,
        output_dims=settings.context,
        hidden_dims=settings.context,
        heads=max(1, settings.context // 64),  # diffusers' reader takes heads to be 64 wide
        num_queries=settings.image_tokens,
    )
    unet.encoder_hid_proj = MultiIPAdapterImageProjection([projection])
    unet.config.encoder_hid_dim_type = "ip_image_proj"


def cross_attention_names(unet: UNet2DConditionModel) -> list[str]:
    """Names of the processors that look at the prompt, in the order of IP-Adapter's files."""
    return [
        name
        for name in unet.attn_processors
        if name.endswith("attn2.processor") and not name.startswith("encoder_hid_proj")
    ]


def ip_adapter_state(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """The attached image prompt in the layout of h94's IP-Adapter-Plus files.

    That is the inverse of diffusers' reader (`loaders/unet.py`): attention layers are counted
    1, 3, 5 ..., keys and values of the resampler are one matrix.
    """
    state = {}
    for index, name in enumerate(cross_attention_names(unet)):
        for key, weight in unet.attn_processors[name].state_dict().items():
            layer = key.removesuffix(".0.weight")
            state[f"ip_adapter.{2 * index + 1}.{layer}.weight"] = weight
    projection = unet.encoder_hid_proj.image_projection_layers[0].state_dict()
    for key, weight in projection.items():
        if ".attn.to_v" in key:
            continue
        if ".attn.to_k" in key:
            weight = torch.cat([weight, projection[key.replace("to_k", "to_v")]])
        state[f"image_proj.{_resampler_key(key)}"] = weight
    return state


def _resampler_key(key: str) -> str:
    """`layers.0.attn.to_k.weight` -> `layers.0.0.to_kv.weight`, and so on."""
    for ours, theirs in (
        (".ln0.", ".0.norm1."),
        (".ln1.", ".0.norm2."),
        (".attn.to_q.", ".0.to_q."),
        (".attn.to_k.", ".0.to_kv."),
        (".attn.to_out.0.", ".0.to_out."),
        (".ff.0.", ".1.0."),
        (".ff.1.net.0.proj.", ".1.1."),
        (".ff.1.net.2.", ".1.3."),
    ):
        key = key.replace(ours, theirs)
    return key
