"""`tryon batch`: a picture for every row of a manifest; `tryon batch init` writes a first one."""

from __future__ import annotations

import json
import shlex
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from tryon.commands.shared_options import HOME, CatalogOption, DeviceOption
from tryon.commands.terminal import batch_progress
from tryon.errors import Cancelled, OptionError

if TYPE_CHECKING:
    from threading import Event

    from tryon.batch.runner import Runner

EngineChoice = StrEnum("EngineChoice", ["local", "ray"])
PresetChoice = StrEnum("PresetChoice", ["native", "google", "shopify"])
FormatChoice = StrEnum("FormatChoice", ["jpg", "png", "webp"])
CategoryChoice = StrEnum("CategoryChoice", ["auto", "upper", "lower", "dress"])

FAILED_ROWS = 3  # exit code


class ManifestOrCommand(TyperGroup):
    """`tryon batch MANIFEST` is short for `tryon batch run MANIFEST`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


app = typer.Typer(
    cls=ManifestOrCommand,
    no_args_is_help=True,
    help="Pictures for all rows of a manifest: `tryon batch MANIFEST --out DIR`."
    " Run it again to go on where it stopped.",
)


@app.command("run")
def batch_run(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="JSON Lines, CSV or Parquet.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Folder or URL for the results. Pictures that are there and made from the same are"
            " kept; reports are written anew; inputs are never written over.",
        ),
    ],
    root: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL below which the photos lie.", show_default="the manifest's"
        ),
    ] = None,
    engine: Annotated[
        EngineChoice, typer.Option(help="This machine, or a Ray cluster.")
    ] = EngineChoice.local,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; one is started here without it.")
    ] = None,
    model: Annotated[str, typer.Option(help="mini, sd15, sdxl, a folder, or none.")] = "mini",
    catalog: CatalogOption = HOME,
    preset: Annotated[
        PresetChoice, typer.Option(help="Size and format of the pictures.")
    ] = PresetChoice.native,
    file_format: Annotated[
        FormatChoice | None, typer.Option("--format", help="In the place of the preset's.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="What the pictures are called, with columns in braces: '{sku}_{view}'. A picture "
            "of that name that was made from something else is replaced.",
            show_default="by content, so that nothing is ever replaced",
        ),
    ] = None,
    category: Annotated[
        CategoryChoice, typer.Option(help="Of rows that do not say.")
    ] = CategoryChoice.auto,
    steps: Annotated[int | None, typer.Option(help="Of rows that do not say.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any option, for rows that do not say."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes; 0: this one alone.",
            show_default="one a GPU, or one a core for mini if there are rows enough",
        ),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures denoised at once.")] = None,
    readers: Annotated[int, typer.Option(help="Threads of each that prepare photos.")] = 1,
    writers: Annotated[int, typer.Option(help="Threads of each that save pictures.")] = 1,
    device: DeviceOption = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")] = None,
    cache: Annotated[
        str | None, typer.Option(help="Folder for prepared people and garments.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Do nothing if any row cannot be used.")
    ] = False,
    breaker: Annotated[
        int, typer.Option(help="Stop if the first so many rows fail alike; 0: never.")
    ] = 20,
    provenance: Annotated[
        bool, typer.Option(help="Note in each file that and how it was made.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object.")
    ] = False,
) -> None:
    """Make a picture of every row of a manifest.

    Exit codes: 0 all rows done, 1 not begun or given up, 3 rows failed (see errors.jsonl, which is
    a manifest itself), 130 interrupted. Ctrl-C and SIGTERM finish what is being painted; the same
    command goes on later.
    """
    from tryon.batch import ModelEngine, run_batch
    from tryon.commands.early_checks import check_model
    from tryon.options import DressOptions

    defaults = {"category": category.value, **_settings(setting or [])}
    if steps is not None:
        defaults["steps"] = steps
    check_model(model, DressOptions().with_values(defaults), device)
    source = ModelEngine(model, device=device, dtype=dtype, catalog=catalog)
    with _stopped_by_signals() as stop, batch_progress() as on_progress:
        summary = run_batch(
            manifest,
            out,
            source,
            runner=cast("Runner", engine.value),
            address=address,
            on_progress=on_progress,
            stop=stop,
            catalog=catalog,
            root=_folder(manifest) if root is None else root,
            defaults=defaults,
            preset=preset.value,
            suffix=file_format and f".{file_format.value}",
            provenance=provenance,
            workers=workers,
            batch_size=batch_size,
            readers=readers,
            writers=writers,
            cache=cache,
            breaker=breaker,
            strict=strict,
            name=name,
        )
    if as_json:
        typer.echo(json.dumps(summary.as_record()))
    else:
        _show(summary.as_record())
    if summary.interrupted:
        raise Cancelled("interrupted", remedy="The same command goes on from here.")
    if summary.failed:
        raise typer.Exit(FAILED_ROWS)


@app.command("init")
def batch_init(
    people: Annotated[Path, typer.Argument(metavar="PEOPLE", help="Folder of photos of people.")],
    garments: Annotated[Path, typer.Argument(metavar="GARMENTS", help="Folder of garments.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write.")] = Path(
        "manifest.jsonl"
    ),
) -> None:
    """Write a commented manifest: every person of one folder in every garment of another.

    Paths in it begin at its own folder if the photos lie below that, else at the nearest folder
    that holds both; the command to go on with then names it as --root.
    """
    from tryon.batch.example import write_example

    count, root = write_example(people, garments, output)
    told = "" if root is None else f" --root {shlex.quote(str(root))}"
    command = f"tryon batch {shlex.quote(str(output))}{told} --out looks/"
    typer.echo(f"{output}\t{count} pictures; next: {command}")


def _folder(manifest: str) -> str:
    """Where the manifest lies: `/` for one in the root of the file system."""
    folder, slash, _ = manifest.rpartition("/")
    return folder or slash or "."


def _settings(texts: list[str]) -> dict[str, Any]:
    from tryon.batch.rows import option_from_text

    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise OptionError(f"--set {text} is not NAME=VALUE")
        found[name.strip()] = option_from_text(name.strip(), value)
    return found


def _show(summary: dict[str, Any]) -> None:
    from rich.table import Table

    from tryon.commands.terminal import console

    table = Table("stage", "seconds", "share", "median", "95 %")
    for name, stage in summary["stages"].items():
        seconds, share = f"{stage['seconds']:.1f}", f"{stage['share']:.0%}"
        table.add_row(name, seconds, share, f"{stage['p50']:.3f}", f"{stage['p95']:.3f}")
    if summary["done"]:
        console().print(table)
    typer.echo(
        f"{summary['done']} done, {summary['skipped']} were there, {summary['failed']} failed"
        f" of {summary['rows']}; {summary['pictures_per_minute']:.1f} pictures a minute"
    )
    for name in ("report", "sheet", "errors"):
        if summary[name]:
            typer.echo(f"{name}\t{summary[name]}")
    for table in summary["results"]:
        typer.echo(f"table\t{table}")
    _show_causes(summary["causes"])


def _show_causes(causes: list[dict[str, Any]]) -> None:
    """What rows failed of, each cause once, on standard error."""
    from tryon.errors import InputError

    for cause in causes:
        lines = ", ".join(map(str, cause["lines"]))
        more = " ..." if cause["count"] > len(cause["lines"]) else ""
        rows = "1 row" if cause["count"] == 1 else f"{cause['count']} rows"
        told = InputError(cause["reason"], remedy=cause["remedy"])
        typer.echo(f"tryon: {rows} failed (line {lines}{more}): {told}", err=True)


def _stopped_by_signals() -> AbstractContextManager[Event]:
    from tryon.batch.interrupts import stopped_by_signals

    return stopped_by_signals()
