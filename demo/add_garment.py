"""The tab "Add a garment": photos, a name, and how the training goes."""

from __future__ import annotations

from typing import Any

import gradio as gr

from tryon.demo.compare import photo_list
from tryon.demo.photo import pills
from tryon.demo.service import Service
from tryon.demo.strings import word
from tryon.demo.training_desk import MOST_STEPS, STEPS, AddParts, TrainingDesk
from tryon.types import CATEGORIES


def add_garment_tab(service: Service) -> None:
    """Lay the tab out and connect it."""
    gr.Markdown(word("add_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            given = given_parts()
        with gr.Column(min_width=320):
            shown = shown_parts()
    parts = AddParts(**given, **shown)
    connect(TrainingDesk(service, parts), parts)


def given_parts() -> dict[str, Any]:
    """What a visitor gives, and the buttons."""
    parts: dict[str, Any] = {}
    parts["photos"] = photo_list("garment_photos", "new-photos")
    parts["sku"] = gr.Textbox(label=word("sku"), info=word("sku_info"), elem_id="new-sku")
    parts["sku_note"] = quiet_note("new-sku-note")
    parts["category"] = pills(
        [(word("auto"), "auto"), *((word(name), name) for name in CATEGORIES)],
        word("category"),
        "new-category",
    )
    parts["caption"] = gr.Textbox(
        label=word("caption"), placeholder=word("words_placeholder"), elem_id="new-caption"
    )
    parts["steps"] = gr.Slider(
        10, MOST_STEPS, STEPS, step=10, label=word("train_steps"), elem_id="new-steps"
    )
    parts["steps_note"] = quiet_note("new-steps-note")
    parts["check"] = gr.Button(word("check"), elem_id="check")
    with gr.Row():
        parts["train"] = gr.Button(word("train"), variant="primary", size="lg", elem_id="train")
        parts["stop"] = gr.Button(word("stop"), size="lg", elem_id="train-stop", min_width=90)
    return parts


def shown_parts() -> dict[str, Any]:
    """How far it is, and what was seen."""
    return {
        "status": quiet_note("train-status"),
        "cutouts": gr.Gallery(
            label=word("checked"),
            columns=3,
            elem_id="cutouts",
            interactive=False,
            buttons=[],
            object_fit="contain",
            height="auto",
        ),
        "growing": gr.Image(
            label=word("validation"), elem_id="validation", interactive=False, buttons=[]
        ),
    }


def quiet_note(elem_id: str) -> gr.HTML:
    """A place for a sentence, which takes no room while it is empty."""
    return gr.HTML(elem_id=elem_id, elem_classes="quiet", padding=False)


def connect(desk: TrainingDesk, parts: AddParts) -> None:
    """Which button calls which handler."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    once: dict[str, Any] = {**quiet, "concurrency_limit": None, "trigger_mode": "once"}
    changed = [parts.status, parts.sku_note, parts.steps_note, parts.cutouts, parts.growing]
    # They are the visitor's from now on, checked or not.
    parts.photos.change(lambda files: None, parts.photos, None, **quiet)
    parts.check.click(desk.check, [parts.photos, parts.category], changed, **once)
    parts.train.click(
        desk.train,
        [parts.photos, parts.sku, parts.category, parts.caption, parts.steps],
        changed,
        **once,
    )
    parts.stop.click(desk.stop, None, None, queue=False, **quiet)
