"""`tryon lora`: what a LoRA file is, and other programs' forms of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tryon.commands.terminal import console

if TYPE_CHECKING:
    from tryon.adapters.lora_summary import LoraSummary

app = typer.Typer(no_args_is_help=True, help="LoRA files: what is in them, and converting.")

NamingChoice = StrEnum("NamingChoice", ["kohya", "diffusers", "peft"])

INSPECT_EXAMPLES = """
**Examples**

* `tryon lora inspect linen.safetensors`
* `tryon lora inspect linen.safetensors --json`
"""
CONVERT_EXAMPLES = """
**Examples**

* `tryon lora convert old.safetensors linen.safetensors --to kohya`
* `tryon lora convert linen.safetensors linen/ --to peft`
* `tryon lora convert wide.safetensors unet.safetensors --to diffusers --unet-only`
"""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A LoRA, .safetensors.")]


@app.command("inspect", epilog=INSPECT_EXAMPLES)
def lora_inspect(
    file: FileArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Show what is in a LoRA file: rank, alpha, layers, size, base, trigger, metadata."""
    from tryon.adapters.lora_summary import lora_summary

    summary = lora_summary(file)
    if as_json:
        typer.echo(json.dumps(summary.as_dict()))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "is", title=escape(str(file)), show_header=False)
    for what, value in _rows(summary):
        table.add_row(what, escape(value))
    table.add_section()
    for key, value in summary.metadata.items():
        if key.endswith(":rank"):  # cloneofsimo writes one for each layer
            continue
        table.add_row(escape(key), escape(value if len(value) <= 100 else f"{value[:97]}..."))
    console().print(table)


@app.command("convert", epilog=CONVERT_EXAMPLES)
def lora_convert(
    file: FileArgument,
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="A .safetensors file; for peft a folder.")
    ],
    to: Annotated[NamingChoice, typer.Option(help="Whose form.")] = NamingChoice.kohya,
    base: Annotated[
        str | None, typer.Option(help="sd15, sdxl, mini, ...: where the file does not tell.")
    ] = None,
    unet_only: Annotated[
        bool, typer.Option("--unet-only", help="Leave text encoders and learned words out.")
    ] = False,
) -> None:
    """Write a LoRA in another form: fp16, one rank, alpha = rank, the UNet alone."""
    from tryon.kept_inputs import check_inputs_kept, check_writable

    made = output / "adapter_model.safetensors" if to is NamingChoice.peft else output
    check_inputs_kept([made, made.with_name("adapter_config.json")], [file])
    check_writable(made)

    from dataclasses import replace
    from typing import cast

    from tryon.adapters.lora_format import read_lora
    from tryon.adapters.lora_save import TargetNaming, save_lora
    from tryon.adapters.lora_summary import about_lora
    from tryon.errors import LoraFormatError, OptionError

    lora = read_lora(file)
    more = len(lora.text_encoder) + len(lora.text_encoder_2) + len(lora.words)
    if more and not unet_only:
        raise LoraFormatError(
            f"{more} layers of text encoders or learned words would be left out",
            path=file,
            remedy="Say --unet-only if that is meant.",
        )
    about = about_lora(lora)
    if base is not None:
        about = replace(about, base=base)
    if not about.base:
        raise OptionError(
            "the file does not tell its base model", path=file, remedy="Say --base NAME."
        )
    written = save_lora(output, lora.unet, about, naming=cast("TargetNaming", to.value))
    typer.echo(str(written))


def _rows(summary: LoraSummary) -> list[tuple[str, str]]:
    """What a person reads first."""
    about = summary.about
    inpainting = {True: ", inpainting", False: ", not inpainting", None: ""}[about.inpainting]
    rows = [
        ("base", (about.base or "unknown") + inpainting),
        ("trigger", about.trigger),
        ("SKU", about.sku),
        ("category", about.category),
        ("targets", about.targets),
        ("layers", ", ".join(f"{count} of {part}" for part, count in summary.layers.items())),
        ("kinds", _counts(summary.kinds)),
        ("rank", _counts(summary.ranks)),
        ("alpha", _counts(summary.alphas)),
        ("scale", _counts(summary.scales)),
        ("numbers", f"{summary.numbers:,} instead of {summary.replaced:,}"),
        ("compared", f"{summary.times_smaller:.0f} times smaller than the layers it changes"),
        ("size", f"{summary.size / 1e6:.2f} MB, {', '.join(summary.dtypes)}"),
        ("names", f"of {summary.naming}"),
        ("not used", ", ".join(summary.words)),
        ("hash", summary.hash),
    ]
    return [(what, value) for what, value in rows if value]


def _counts(counts: Mapping[Any, int]) -> str:
    """`8`, or `4 (32 layers), 8 (96 layers)`."""
    names = [key if isinstance(key, str) else f"{key:g}" for key in counts]
    if len(names) == 1:
        return names[0]
    return ", ".join(f"{name} ({n} layers)" for name, n in zip(names, counts.values(), strict=True))
