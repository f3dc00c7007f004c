"""Where photos come in: files as they are, judged by our own loader and not by the page's."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


def photo_input(label: str, alt_text: str, elem_id: str, **options: Any) -> gr.Image:
    """A photo from a file, the camera or the clipboard, handed over as a path.

    Gradio's own opens the file first, and answers one that is no picture with "Error". It is
    replaced on the component: Gradio writes a file beside every module with a class of components.
    """
    photo = gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        alt_text=alt_text,
        elem_id=elem_id,
        buttons=["fullscreen"],
        **options,
    )
    photo.preprocess = path_of  # type: ignore[method-assign]
    return photo


def path_of(payload: ImageData | None) -> str | None:
    """The path of the file, which Gradio has checked to be an upload."""
    return None if payload is None else payload.path
