"""`tryon weights`: what is on this machine, fetching it, and whether it is whole."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tryon.commands.terminal import console

app = typer.Typer(no_args_is_help=True, help="Model weights: what is there, and fetching.")

FamilyChoice = StrEnum("FamilyChoice", ["mini", "sd15", "sdxl"])
VerifyChoice = StrEnum("VerifyChoice", ["mini", "sd15", "sdxl", "perception"])


@app.command("list")
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
    console().print(table)


@app.command("fetch")
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


@app.command("verify")
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
