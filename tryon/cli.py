"""The command line: parse, call, show. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.exceptions import TyperException

from tryon import __version__
from tryon.errors import Cancelled, OptionError, TryOnError

if TYPE_CHECKING:
    from tryon.perception import PoseName

app = typer.Typer(
    name="tryon",
    help="Dress a person photo in a garment, keeping the person and keeping the garment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
weights_app = typer.Typer(no_args_is_help=True, help="Model weights: what is there, and fetching.")
app.add_typer(weights_app, name="weights")

# Enums, so that the help lists the choices.
CategoryChoice = StrEnum("CategoryChoice", ["auto", "upper", "lower", "dress"])
PhotoChoice = StrEnum("PhotoChoice", {"auto": "auto", "flat_lay": "flat-lay", "worn": "worn"})
PoseChoice = StrEnum("PoseChoice", ["blazepose", "openpose", "dwpose"])
LimbsChoice = StrEnum("LimbsChoice", ["auto", "whole", "covered"])
MaskModeChoice = StrEnum("MaskModeChoice", ["replace", "add", "subtract"])
SourceChoice = StrEnum("SourceChoice", ["composite", "trained"])
DTypeChoice = StrEnum("DTypeChoice", ["float32", "bfloat16", "float16"])
FamilyChoice = StrEnum("FamilyChoice", ["mini", "sd15", "sdxl"])
VerifyChoice = StrEnum("VerifyChoice", ["mini", "sd15", "sdxl", "perception"])

EXAMPLES = """
**Examples**

* `tryon dress person.jpg shirt.jpg -o out.jpg`
* `tryon dress person.jpg skirt.png --category lower --seed 7 --debug steps/`
* `tryon dress person.jpg shirt.jpg --lora linen.safetensors:0.8 --json`
* `tryon dress person.jpg shirt.jpg --model sd15 --steps 30`
"""


def _version(show: bool) -> None:
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Dress a person photo in a garment, keeping the person and keeping the garment."""
    context.obj = {"traceback": traceback}
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="tryon: %(message)s",
    )


@app.command(epilog=EXAMPLES)
def dress(
    person: Annotated[Path, typer.Argument(metavar="PERSON", help="Photo of one person.")],
    garment: Annotated[
        Path, typer.Argument(metavar="GARMENT", help="Photo of a garment, lying flat or worn.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="JPEG, PNG or WebP, by its extension.")
    ] = Path("out.jpg"),
    category: Annotated[
        CategoryChoice, typer.Option(help="What the garment is.")
    ] = CategoryChoice.auto,
    garment_photo: Annotated[
        PhotoChoice, typer.Option(help="How the garment was photographed.")
    ] = PhotoChoice.auto,
    lora: Annotated[
        list[str] | None,
        typer.Option(help="Garment LoRA, FILE or FILE:WEIGHT. Can be given several times."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="mini, sd15, sdxl, a folder, a checkpoint, or none: the warp alone.")
    ] = "mini",
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; 1 is off.")] = None,
    strength: Annotated[float | None, typer.Option(help="How much is repainted, 0-1.")] = None,
    control_scale: Annotated[float | None, typer.Option(help="Weight of the pose.")] = None,
    image_scale: Annotated[float | None, typer.Option(help="Weight of the garment photo.")] = None,
    prompt: Annotated[
        str | None, typer.Option(help='The garment in words, such as "a red linen shirt".')
    ] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What should not be there.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Mask of your own, white is repainted; size of the photo.")
    ] = None,
    mask_mode: Annotated[
        MaskModeChoice, typer.Option(help="What your mask does to the automatic one.")
    ] = MaskModeChoice.replace,
    grow: Annotated[int, typer.Option(help="Grow (or shrink) the mask by so many pixels.")] = 0,
    limbs: Annotated[
        LimbsChoice, typer.Option(help="Repaint the whole arms or legs, or keep their bare skin.")
    ] = LimbsChoice.auto,
    pose: Annotated[
        PoseChoice, typer.Option(help="Pose estimator. openpose: weights not for commercial use.")
    ] = PoseChoice.blazepose,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")] = None,
    dtype: Annotated[DTypeChoice | None, typer.Option(help="Number format.")] = None,
    provenance: Annotated[
        bool, typer.Option(help="Note in the file that and how it was made.")
    ] = True,
    digital_source_type: Annotated[
        SourceChoice, typer.Option(help="IPTC tag: composite with, or wholly, AI-made.")
    ] = SourceChoice.composite,
    debug: Annotated[
        Path | None, typer.Option(help="Folder for mask, skeleton and the other by-products.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Dress the person in the garment and write the picture."""
    from tryon.images import check_output, digital_source_types
    from tryon.options import DressOptions

    check_output(output)
    options = {
        "category": category.value,
        "garment_photo": garment_photo.value,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "strength": strength,
        "control_scale": control_scale,
        "image_scale": image_scale,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "lora": tuple(lora or ()),
        "limbs": limbs.value,
        "mask_mode": mask_mode.value,
        "grow": grow,
    }
    DressOptions().with_values(options)  # bad values are told before the model is loaded
    with progress("loading") as on_progress:
        from tryon.engine import TryOn

        engine = TryOn(
            model, device=device, dtype=dtype and dtype.value, pose=cast("PoseName", pose.value)
        )
        look = engine.dress(person, garment, mask=mask, on_progress=on_progress, **options)
    written = look.save(
        output,
        provenance=provenance,
        digital_source_type=digital_source_types[digital_source_type.value],
    )
    if debug is not None:
        look.save_by_products(debug)
    if as_json:
        typer.echo(json.dumps(look.report(written, debug)))
    else:
        typer.echo(str(written))


@app.command()
def demo(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 7860,
    model: Annotated[
        str, typer.Option(help="mini, sd15, sdxl, a folder, a checkpoint, or none.")
    ] = "mini",
) -> None:
    """Open the demo in a browser's reach: two photos and a button."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    from tryon.demo import app as page
    from tryon.engine import TryOn

    examples = Path(page.__file__).parent / "examples"
    page.serve(page.build_demo(TryOn(model), examples), host, port)


@weights_app.command("list")
def weights_list() -> None:
    """Every family: its parts, their licences, and whether they are on this machine."""
    from rich.table import Table

    from tryon.weights import TABLE, family_weights, local_folder

    table = Table("family", "part", "source", "GB", "licence", "commercial", "here")
    for name in TABLE:
        for weight in family_weights(name):
            table.add_row(
                name,
                weight.role,
                weight.source,
                f"{weight.gigabytes:g}",
                weight.licence,
                "yes" if weight.commercial else "no",
                "yes" if local_folder(weight) else "no",
            )
    _console().print(table)


@weights_app.command("fetch")
def weights_fetch(
    family: Annotated[FamilyChoice, typer.Argument(metavar="FAMILY", help="mini, sd15 or sdxl.")],
) -> None:
    """Download a family from the model hub. The only command that uses the network."""
    from tryon.weights import fetch

    for role, path in fetch(
        family.value,
        on_file=lambda weight: typer.echo(
            f"{weight.role}: {weight.source} ({weight.gigabytes:g} GB, {weight.licence})", err=True
        ),
    ).items():
        typer.echo(f"{role}\t{path}")


@weights_app.command("verify")
def weights_verify(
    family: Annotated[
        VerifyChoice, typer.Argument(metavar="FAMILY", help="mini, sd15 or sdxl.")
    ] = VerifyChoice.mini,
) -> None:
    """Compare a family's files with the sha256 that was noted when they came."""
    from tryon.errors import WeightsCorruptError
    from tryon.weights import verify

    changed = []
    for weight, path, state in verify(family.value):
        typer.echo(f"{state}\t{weight.role}\t{path.name}")
        if state == "changed":
            changed.append(path)
    if changed:
        raise WeightsCorruptError(
            f"{len(changed)} files are not what they were",
            path=changed[0],
            remedy="Fetch the weights, or install the package, again.",
        )


@app.command()
def doctor() -> None:
    """What works on this machine, and what to do about the rest."""
    from rich.markup import escape
    from rich.table import Table

    from tryon.doctor import findings

    table = Table("what", "state", "remedy")
    broken = False
    for finding in findings():
        broken |= finding.state == "broken"
        table.add_row(finding.what, finding.state, escape(finding.detail))
    _console().print(table)
    if broken:
        raise typer.Exit(1)


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


@contextmanager
def progress(first: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal's standard error; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:>10}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(first, total=None)

        def update(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield update


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 bad usage or input, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code. Errors are one line on standard error."""
    try:
        code = int(app(arguments, prog_name="tryon", standalone_mode=False) or 0)
    except TyperException as error:
        where = getattr(error, "ctx", None)
        path = where.command_path if where else "tryon"
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return _failed(OptionError(message, remedy=f"Try: {path} --help"), arguments)
    except typer.Abort:
        code = Cancelled.exit_code
    except TryOnError as error:
        return _failed(error, arguments)
    # An interrupt ends in this code, without a word.
    return _failed(Cancelled("interrupted"), arguments) if code == Cancelled.exit_code else code


def _failed(error: TryOnError, arguments: list[str]) -> int:
    if "--traceback" in arguments:
        import traceback

        traceback.print_exc()
    else:
        typer.echo(f"tryon: {error}", err=True)
    return error.exit_code
