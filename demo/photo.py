"""Components of Gradio's that take what a page sends as it is."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


def photo_input(label: str, alt_text: str, elem_id: str, **options: Any) -> gr.Image:
    """A photo from a file, the camera or the clipboard, handed over as a path and judged by our
    own loader: Gradio's opens the file first, and answers one that is no picture with "Error"."""
    options = {"sources": ["upload", "webcam", "clipboard"], **options}
    return PhotoFile(
        label=label,
        type="filepath",
        image_mode=None,
        alt_text=alt_text,
        elem_id=elem_id,
        buttons=["fullscreen"],
        **options,
    )


def pills(choices: list[tuple[str, str]], label: str, elem_id: str, **options: Any) -> gr.Radio:
    """One of a few, the first one for anything else: pages have been seen to send the translated
    word for the value when they have just opened."""
    return Pills(
        choices,
        value=choices[0][1],
        label=label,
        elem_id=elem_id,
        elem_classes="pills",
        **options,
    )


def path_of(self: gr.Image, payload: ImageData | None) -> str | None:
    """The path of the file, which Gradio has checked to be an upload."""
    return None if payload is None else payload.path


def choice_of(self: gr.Radio, payload: Any) -> str:
    values = [value for _, value in self.choices]
    return payload if payload in values else values[0]


def adapted(component: Any, **methods: Any) -> Any:
    """A component with other methods, which stay when Gradio builds it anew for a visitor.

    Past Gradio's metaclass, which would write a file beside this one at import.
    """
    methods |= {"__module__": component.__module__, "__doc__": component.__doc__}
    return ABCMeta.__new__(type(component), component.__name__, (component,), methods)


PhotoFile = adapted(gr.Image, preprocess=path_of)
Pills = adapted(gr.Radio, preprocess=choice_of)
