"""The names that LoRA files have for a layer, and diffusers' path of it.

The same layer, `down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k` of a UNet, is called

    kohya, A1111   lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k
    kohya, SDXL    lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k
    diffusers      unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k
    old diffusers  [unet.]down_blocks.1.attentions.0.transformer_blocks.0.attn2.processor.to_k
    PEFT           base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k

Learned from kohya-ss/sd-scripts (networks/lora.py), diffusers (loaders/lora_conversion_utils.py)
and ComfyUI (comfy/lora.py). `input_blocks` and the like are the names of Stable Diffusion's
authors, who number the layers through where diffusers counts by level.
"""

from __future__ import annotations

import re
from typing import Literal

Part = Literal["unet", "text_encoder", "text_encoder_2"]

# Kohya joins a module's path with "_", which its names contain too. These are the names of a UNet,
UNET_NAMES = re.compile(
    r"down_blocks|up_blocks|mid_block|attentions|transformer_blocks|attn[12]|to_q|to_k|to_v|to_out"
    r"|ff|net|proj_in|proj_out|proj|resnets|conv1|conv2|conv_shortcut|time_emb_proj|downsamplers"
    r"|upsamplers|conv_in|conv_out|conv|time_embedding|add_embedding|linear_1|linear_2|\d+"
)
# and these of CLIP's text model.
TEXT_NAMES = re.compile(
    r"encoder|layers|self_attn|q_proj|k_proj|v_proj|out_proj|mlp|fc1|fc2|text_projection|\d+"
)

# What a key may begin with, and the part of the pipeline it speaks of. The first that fits counts.
BEGINNINGS: tuple[tuple[str, Part], ...] = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
    ("base_model.model.unet.", "unet"),
    ("base_model.model.text_model.", "text_encoder"),
    ("base_model.model.encoder.", "text_encoder"),
    ("base_model.model.", "unet"),
    ("unet.", "unet"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder.", "text_encoder"),
    ("text_model.", "text_encoder"),
    ("diffusion_model.", "unet"),
    ("", "unet"),
)

# Names inside a residual block, by Stable Diffusion's authors and by diffusers.
RESNET = {
    "in_layers_2": "conv1",
    "out_layers_3": "conv2",
    "emb_layers_1": "time_emb_proj",
    "skip_connection": "conv_shortcut",
}
SINGLE = {
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
}


def layer_path(stem: str) -> tuple[Part, str] | None:
    """The part of the pipeline and the path in it that a key without its ending means.

    A text encoder's path starts at `encoder.`, or is `text_projection`. None for an unknown key.
    """
    beginning, part = next((b, p) for b, p in BEGINNINGS if stem.startswith(b))
    rest = stem.removeprefix(beginning)
    if beginning.endswith("encoder.") and beginning.startswith("base_model"):
        rest = f"encoder.{rest}"
    path = _unet_path(rest, beginning) if part == "unet" else _text_path(rest)
    return None if path is None else (part, path)


def kohya_name(path: str, *, xl: bool) -> str:
    """Kohya's name of a UNet's layer. SDXL's layers are numbered as its authors do."""
    stem = path.replace(".", "_")
    return f"lora_unet_{_authors_blocks(stem) if xl else stem}"


def _unet_path(rest: str, beginning: str) -> str | None:
    if beginning in ("lora_unet_", "diffusion_model."):
        return _split(_diffusers_blocks(rest.replace(".", "_")), UNET_NAMES)
    if ".processor." in rest:
        rest = rest.replace(".processor.", ".")
        rest = f"{rest}.0" if rest.endswith(".to_out") else rest
    return rest if all(UNET_NAMES.fullmatch(name) for name in rest.split(".")) else None


def _text_path(rest: str) -> str | None:
    stem = rest.replace(".", "_").removeprefix("text_model_")
    # Diffusers once named the text encoder's layers as the UNet's.
    if match := re.search(r"_self_attn_to_(q|k|v|out)$", stem):
        stem = f"{stem[: match.start()]}_self_attn_{match[1]}_proj"
    return _split(stem, TEXT_NAMES)


def _split(stem: str, names: re.Pattern[str]) -> str | None:
    """The path that was joined with "_", if it is made of these names alone."""
    path = ".".join(names.findall(stem))
    return path if path and path.replace(".", "_") == stem else None


def _diffusers_blocks(stem: str) -> str:
    """A layer by its authors' numbers renamed; any other stays as it is.

    There are two layers a level on the way down and three on the way up, in SD 1.5 as in SDXL.
    """
    if stem in SINGLE:
        return SINGLE[stem]
    if match := re.fullmatch(r"(input|output)_blocks_(\d+)_([012])_(\w+)", stem):
        number, rest = int(match[2]), match[4]
        level, layer = divmod(number - (match[1] == "input"), 3)
        blocks = f"{'down' if match[1] == 'input' else 'up'}_blocks_{level}"
        if rest == "op" and layer == 2:
            return f"{blocks}_downsamplers_0_conv"
        if rest == "conv" and layer == 2:
            return f"{blocks}_upsamplers_0_conv"
        if match[3] == "0":
            return f"{blocks}_resnets_{layer}_{RESNET.get(rest, rest)}"
        return f"{blocks}_attentions_{layer}_{rest}"
    if match := re.fullmatch(r"middle_block_([012])_(\w+)", stem):
        if match[1] == "1":
            return f"mid_block_attentions_0_{match[2]}"
        return f"mid_block_resnets_{int(match[1]) // 2}_{RESNET.get(match[2], match[2])}"
    return stem


def _authors_blocks(stem: str) -> str:
    """The other way round: `_diffusers_blocks` of the result is `stem`."""
    resnet = {ours: theirs for theirs, ours in RESNET.items()}
    single = {ours: theirs for theirs, ours in SINGLE.items()}
    if stem in single:
        return single[stem]
    if match := re.fullmatch(r"(down|up)_blocks_(\d+)_(resnets|attentions)_(\d+)_(\w+)", stem):
        down, is_resnet = match[1] == "down", match[3] == "resnets"
        number = 3 * int(match[2]) + int(match[4]) + down
        rest = resnet[match[5]] if is_resnet else match[5]
        return f"{'in' if down else 'out'}put_blocks_{number}_{0 if is_resnet else 1}_{rest}"
    if match := re.fullmatch(r"(down|up)_blocks_(\d+)_(down|up)samplers_0_conv", stem):
        level = int(match[2])
        down = match[1] == "down"
        return (
            f"input_blocks_{3 * level + 3}_0_op"
            if down
            else f"output_blocks_{3 * level + 2}_2_conv"
        )
    if match := re.fullmatch(r"mid_block_(resnets|attentions)_(\d)_(\w+)", stem):
        if match[1] == "attentions":
            return f"middle_block_1_{match[3]}"
        return f"middle_block_{2 * int(match[2])}_{resnet[match[3]]}"
    return stem
