"""Options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HOME = "garments"  # the catalogue of those who name no other


def or_home(catalog: str | None) -> str | None:
    """The catalogue that was named, or that of those who name none, if they have one."""
    return catalog or (HOME if Path(HOME).is_dir() else None)


CatalogOption = Annotated[
    str,
    typer.Option(
        "--catalog", envvar="TRYON_CATALOG", help="Folder or URL of the catalogue of garments."
    ),
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")]
