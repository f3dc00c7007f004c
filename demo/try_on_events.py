"""What happens in the tab "Try on": which part calls which handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from tryon.demo.mask_desk import MaskDesk
from tryon.demo.messages import found_garments
from tryon.demo.service import Service
from tryon.demo.strings import Language, language_of, name_in
from tryon.demo.try_on import TryOnDesk
from tryon.demo.try_on_parts import TryOnParts
from tryon.demo.wardrobe import Choice, Wardrobe

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
CROWD: dict[str, Any] = {**QUIET, "concurrency_limit": None}
INTO_VIEW = """() => {
  const missing = ["person", "garment"].find(id => !document.querySelector(`#${id} img`));
  if (innerWidth <= 640 || missing)
    document.getElementById(missing ?? "result").scrollIntoView({block: "center"});
}"""
"""What a visitor looks for when they have pressed the button."""


def connect_tab(service: Service, parts: TryOnParts) -> None:
    """Connect every part."""
    connect_picks(service.wardrobe, parts)
    connect_masks(MaskDesk(service, parts), parts)
    connect_buttons(TryOnDesk(service, parts), parts)


def outputs_of(parts: TryOnParts) -> list[Any]:
    """Every component: a handler changes those that it names."""
    everything = {value for value in vars(parts).values() if isinstance(value, gr.blocks.Block)}
    return [part for part in everything if not isinstance(part, gr.Tab)]


def look_inputs(parts: TryOnParts) -> set[Any]:
    """What is looked at, and what it is said to show."""
    return {
        *(parts.person, parts.garment, parts.category, parts.grow),
        *(parts.settings["photo_kind"], parts.settings["model"]),
    }


def connect_masks(desk: MaskDesk, parts: TryOnParts) -> None:
    """What new photos do, and the parts beside the editor."""
    inputs, outputs = look_inputs(parts), outputs_of(parts)
    gr.on(
        [
            *(parts.person.change, parts.garment.change),
            *(parts.category.input, parts.settings["photo_kind"].input),
        ],
        desk.look,
        inputs,
        outputs,
        trigger_mode="multiple",  # each ends the one before
        **CROWD,
    )
    parts.mask_tab.select(desk.open_mask, inputs, outputs, **CROWD)
    parts.photo_tab.select(desk.close_mask, None, None, **QUIET)
    with_strokes = inputs | {parts.editor}
    parts.grow.release(desk.grow_mask, with_strokes, outputs, trigger_mode="always_last", **CROWD)
    parts.reset.click(desk.reset_mask, None, outputs, **CROWD)


def connect_picks(wardrobe: Wardrobe, parts: TryOnParts) -> None:
    """What is picked from the galleries goes where photos go."""

    def picked_person(event: gr.SelectData) -> str:
        return wardrobe.people[event.index]

    def picked_garment(event: gr.SelectData) -> Any:
        """By its name: the catalogue may have changed since the page was filled."""
        choice = wardrobe.named(str((event.value or {}).get("caption")))
        return gr.skip() if choice is None else choice.picture

    def searched(category: str, words: str | None, request: gr.Request) -> tuple[str, Any]:
        language, words = language_of(request), words or ""  # a new page sends null
        found = wardrobe.found(category, words)
        line = found_garments(language, len(found.choices), found.total, words)
        return line, thumbnails(language, found.choices)

    parts.person_picks.select(picked_person, None, parts.person, **QUIET)
    parts.garment_picks.select(picked_garment, None, parts.garment, **QUIET)
    gr.on(
        [parts.garment_filter.change, parts.garment_search.change],
        searched,
        [parts.garment_filter, parts.garment_search],
        [parts.garments_found, parts.garment_picks],
        trigger_mode="always_last",
        **QUIET,
    )


def thumbnails(language: Language, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """Pictures with names for a gallery."""
    return [(choice.picture, name_in(language, choice.name)) for choice in choices]


def connect_buttons(desk: TryOnDesk, parts: TryOnParts) -> None:
    """The buttons, and what they leave."""
    wardrobe = desk.service.wardrobe
    parts.go.click(
        desk.try_on,
        look_inputs(parts) | {parts.editor, *parts.settings.values()},
        outputs_of(parts),
        trigger_mode="once",
        **CROWD,
    )
    parts.go.click(None, None, None, js=INTO_VIEW, **QUIET)
    parts.stop.click(desk.stop, None, [parts.stop], queue=False, **QUIET)
    parts.looks.select(desk.pick_look, None, [parts.result, parts.download], **QUIET)
    parts.reuse.click(lambda seed: seed or "", parts.last_seed, parts.settings["seed"], **QUIET)
    parts.settings["model"].change(
        lambda model: gr.Dropdown(choices=wardrobe.loras(model), value=[]),
        parts.settings["model"],
        parts.settings["lora"],
        **QUIET,
    )
