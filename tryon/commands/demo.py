"""`tryon demo`: the Gradio demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


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
