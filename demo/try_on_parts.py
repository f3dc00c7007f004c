"""The components of the tab "Try on", and what several of its handlers read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from tryon.demo.dressing import Wish
from tryon.demo.jobs import Field
from tryon.demo.mask_editor import mask_of
from tryon.demo.messages import complaint, note, status
from tryon.demo.service import Service
from tryon.demo.strings import Language
from tryon.demo.visitors import Visit
from tryon.options import DressOptions

Update = dict[Any, Any]
Inputs = Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class TryOnParts:
    """The components of the tab."""

    person: gr.Image
    photo_tab: gr.Tab
    mask_tab: gr.Tab
    person_picks: gr.Gallery
    editor: gr.ImageEditor
    grow: gr.Slider
    reset: gr.Button
    person_note: gr.HTML
    mask_note: gr.HTML
    garment: gr.Image
    garment_search: gr.Textbox
    garment_filter: gr.Radio
    garments_found: gr.HTML
    garment_picks: gr.Gallery
    category: gr.Radio
    garment_note: gr.HTML
    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    result: gr.HTML
    looks: gr.Gallery
    details: gr.HTML
    seen: gr.Gallery
    download: gr.DownloadButton
    reuse: gr.Button
    last_seed: gr.State
    settings_note: gr.HTML
    settings: Mapping[str, Any]

    def notes(self) -> dict[Field, gr.HTML]:
        return {
            "person": self.person_note,
            "garment": self.garment_note,
            "mask": self.mask_note,
            "settings": self.settings_note,
        }

    def kinds(self, inputs: Inputs) -> dict[str, Any]:
        """What the garment is said to be, as fields of `DressOptions`."""
        return {
            "category": inputs[self.category],
            "garment_photo": inputs[self.settings["photo_kind"]],
        }

    def wish(
        self,
        service: Service,
        visit: Visit,
        inputs: Inputs,
        options: DressOptions,
        mask: Image.Image | None = None,
    ) -> Wish:
        """The picture that these inputs ask for."""
        garment = inputs[self.garment]
        if garment is not None:
            garment = service.wardrobe.source_of(garment)
        return service.wish(visit, inputs[self.person], garment, options, mask)

    def drawn(self, visit: Visit, inputs: Inputs) -> Image.Image | None:
        """What the editor holds: `L`, 0 or 255; None where it was shown nothing yet."""
        if not visit.bases:
            return None
        return mask_of(inputs[self.editor], visit.bases[-1].size)

    def told(self, language: Language, error: BaseException) -> Update:
        """The error as a sentence beside its field."""
        field, text = complaint(language, error)
        box = self.notes().get(field)
        line = {self.status: status(text, "sorry")}
        return line if box is None else line | {box: note(text)}
