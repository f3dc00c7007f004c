"""`tryon doctor`: what works on this machine."""

from __future__ import annotations

import typer

from tryon.commands.terminal import console


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
    console().print(table)
    if broken:
        raise typer.Exit(1)
