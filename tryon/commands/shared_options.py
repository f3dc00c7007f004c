"""Options that several commands have, each said once."""

from __future__ import annotations

from typing import Annotated

import typer

HOME = "garments"  # the catalogue of those who name no other

CatalogOption = Annotated[
    str,
    typer.Option(
        "--catalog", envvar="TRYON_CATALOG", help="Folder or URL of the catalogue of garments."
    ),
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")]
