"""The tab "Try on": the button, then person, garment and result, in the order of the keyboard."""

from __future__ import annotations

from typing import Any

import gradio as gr

from tryon.demo.before_after import nothing_yet
from tryon.demo.messages import status
from tryon.demo.photo import photo_input, pills
from tryon.demo.service import Service
from tryon.demo.strings import Language, name_in, said, word
from tryon.demo.try_on_events import connect_tab, thumbnails
from tryon.demo.try_on_parts import TryOnParts
from tryon.types import CATEGORIES

# Text, for an empty number field says 0.
NUMBERS = {
    "steps": "steps",
    "strength": "strength",
    "guidance": "guidance",
    "control_scale": "pose_scale",
    "image_scale": "image_scale",
}
BRUSH = "#ff2d55"
CATEGORY_CHOICES = [(word("auto"), "auto"), *((word(name), name) for name in CATEGORIES)]
KIND_CHOICES = [(word(name), name) for name in ("auto", "flat-lay", "worn")]


def try_on_tab(service: Service) -> TryOnParts:
    """Lay the tab out and connect it."""
    bar = bar_parts()
    with gr.Row(equal_height=False, elem_id="steps"):
        with gr.Column(min_width=320):
            person = person_parts(service)
        with gr.Column(min_width=320):
            garment = garment_parts(service)
        with gr.Column(min_width=320):
            result = result_parts()
    with gr.Accordion(word("advanced"), open=False, elem_id="advanced"):
        settings = settings_parts(service)
        settings_note = quiet("settings-note")
    parts = TryOnParts(
        **bar, **person, **garment, **result, settings=settings, settings_note=settings_note
    )
    connect_tab(service, parts)
    return parts


def bar_parts() -> dict[str, Any]:
    """The button and how far it is: first for the keyboard, and never out of sight."""
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="bar", equal_height=True):
        parts["status"] = gr.HTML(status(said("en", "ready")), elem_id="status", padding=False)
        parts["go"] = gr.Button(word("go"), variant="primary", size="lg", elem_id="go", scale=0)
        parts["stop"] = gr.Button(
            word("stop"), size="lg", elem_id="stop", scale=0, min_width=90, visible=False
        )
    return parts


def person_parts(service: Service) -> dict[str, Any]:
    """The photo, the mask on it for those who want to see it, and people to pick."""
    parts: dict[str, Any] = {}
    gr.Markdown(word("step_person"), elem_classes="step")
    with gr.Tabs(elem_id="person-tabs"):
        with gr.Tab(word("photo"), id="photo") as parts["photo_tab"]:
            parts["person"] = photo_input(
                word("person_photo"), word("alt_person"), "person", height=440
            )
        with gr.Tab(word("mask"), id="mask", render_children=True) as parts["mask_tab"]:
            parts["editor"] = gr.ImageEditor(
                type="pil",
                label=word("mask_editor"),
                elem_id="editor",
                sources=(),
                layers=False,
                transforms=(),
                brush=gr.Brush(
                    colors=[BRUSH], default_color=BRUSH, color_mode="fixed", default_size=30
                ),
                eraser=gr.Eraser(default_size=30),
                buttons=[],
                height=440,
            )
            parts["mask_note"] = quiet("mask-note")
            parts["grow"] = gr.Slider(
                -60, 60, 0, step=2, label=word("grow"), info=word("grow_info"), elem_id="grow"
            )
            parts["reset"] = gr.Button(word("reset_mask"), size="sm", elem_id="reset-mask")
    parts["person_note"] = quiet("person-note")
    parts["person_picks"] = picks(
        word("person_examples"), people("en", service), "person-picks", columns=5
    )
    return parts


def garment_parts(service: Service) -> dict[str, Any]:
    """The photo, what kind of garment it shows, and garments to pick."""
    parts: dict[str, Any] = {}
    gr.Markdown(word("step_garment"), elem_classes="step")
    parts["garment"] = photo_input(
        word("garment_photo"), word("alt_garment"), "garment", height=320
    )
    parts["category"] = pills(CATEGORY_CHOICES, word("category"), "category")
    parts["garment_note"] = quiet("garment-note")
    with gr.Accordion(word("catalogue_fold"), open=True, elem_id="catalogue"):
        parts["garment_search"] = gr.Textbox(
            "",
            label=word("search"),
            placeholder=word("search_placeholder"),
            elem_id="garment-search",
            max_lines=1,
        )
        parts["garment_filter"] = pills(
            [(word("all"), "all"), *CATEGORY_CHOICES[1:]], word("show"), "garment-filter"
        )
        parts["garments_found"] = quiet("garments-found")
        parts["garment_picks"] = picks(
            word("catalogue"),
            thumbnails("en", service.wardrobe.garments()),
            "garment-picks",
            columns=3,
        )
    return parts


def result_parts() -> dict[str, Any]:
    """What came out."""
    parts: dict[str, Any] = {}
    gr.Markdown(word("step_result"), elem_classes="step")
    parts["result"] = gr.HTML(nothing_yet("en"), elem_id="result", padding=False)
    parts["download"] = gr.DownloadButton(
        word("download"), elem_id="download", interactive=False, size="lg"
    )
    parts["looks"] = picks(word("looks"), [], "looks", columns=4, visible=False)
    with gr.Accordion(word("details"), open=False, elem_id="details"):
        parts["details"] = quiet("numbers")
        parts["reuse"] = gr.Button(word("reuse_seed"), elem_id="reuse-seed", interactive=False)
        parts["seen"] = gr.Gallery(
            label=word("seen"),
            columns=2,
            elem_id="seen",
            interactive=False,
            buttons=[],
            object_fit="contain",
            height="auto",
        )
    parts["last_seed"] = gr.State(None)
    return parts


def settings_parts(service: Service) -> dict[str, Any]:
    """Everything else. What is empty is as the family was made for."""
    parts: dict[str, Any] = {}
    with gr.Row():
        parts["samples"] = gr.Slider(
            1, service.limits.samples, 1, step=1, label=word("samples"), elem_id="samples"
        )
        parts["seed"] = gr.Textbox("", label=word("seed"), info=word("seed_info"), elem_id="seed")
        parts["format"] = gr.Dropdown(
            ["png", "jpg", "webp"], value="png", label=word("format"), elem_id="format"
        )
        parts["photo_kind"] = gr.Dropdown(
            KIND_CHOICES, value="auto", label=word("photo_kind"), elem_id="photo-kind"
        )
        parts["model"] = gr.Dropdown(
            list(service.models),
            value=service.models[0],
            label=word("model"),
            info=word("model_info"),
            elem_id="model",
        )
    with gr.Row():
        for name, label in NUMBERS.items():
            parts[name] = gr.Textbox(
                "", label=word(label), info=word("as_made"), elem_id=label.replace("_", "-")
            )
    with gr.Row():
        parts["detail"] = gr.Slider(0, 1, 1, step=0.05, label=word("detail"), elem_id="detail")
        parts["prompt"] = gr.Textbox(
            "", label=word("words"), placeholder=word("words_placeholder"), elem_id="words"
        )
        parts["lora"] = gr.Dropdown(
            service.wardrobe.loras(service.models[0]),
            value=[],
            multiselect=True,
            label=word("lora"),
            elem_id="lora",
        )
        parts["lora_weight"] = gr.Slider(
            0, 2, 1, step=0.05, label=word("lora_weight"), elem_id="lora-weight"
        )
    return parts


def picks(
    label: str, pictures: list[tuple[str, str]], elem_id: str, columns: int, visible: bool = True
) -> gr.Gallery:
    """Small pictures to pick from."""
    return gr.Gallery(
        pictures,
        label=label,
        columns=columns,
        elem_id=elem_id,
        elem_classes="picks",
        interactive=False,
        allow_preview=False,
        object_fit="contain",
        height="auto",
        buttons=[],
        visible=visible,
    )


def quiet(elem_id: str) -> gr.HTML:
    """A place for a sentence, which takes no room while it is empty."""
    return gr.HTML(elem_id=elem_id, elem_classes="quiet", padding=False)


def people(language: Language, service: Service) -> list[tuple[str, str]]:
    """The example people with their names."""
    wardrobe = service.wardrobe
    return [(path, name_in(language, wardrobe.person_name(path))) for path in wardrobe.people]
