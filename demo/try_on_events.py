"""What happens in the tab "Try on": which part calls which handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from tryon.demo.mask_desk import MaskDesk
from tryon.demo.messages import found_garments
from tryon.demo.service import Service
from tryon.demo.strings import language_of
from tryon.demo.try_on import TryOnDesk
from tryon.demo.try_on_parts import TryOnParts
from tryon.demo.wardrobe import Choice, Wardrobe

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
CROWD: dict[str, Any] = {**QUIET, "concurrency_limit": None}


def connect_tab(service: Service, parts: TryOnParts) -> None:
    """Connect every part."""
    connect_picks(service.wardrobe, parts)
    connect_masks(MaskDesk(service, parts), parts)
    connect_buttons(TryOnDesk(service, parts), parts)


def outputs_of(parts: TryOnParts) -> list[Any]:
    """Every component: a handler changes those that it names."""
    everything = {value for value in vars(parts).values() if isinstance(value, gr.blocks.Block)}
    return [part for part in everything if not isinstance(part, gr.Tab)]


def mask_inputs(parts: TryOnParts) -> set[Any]:
    """What the mask depends on."""
    return {
        *(parts.person, parts.editor, parts.grow, parts.garment, parts.picked),
        *(parts.category, parts.photo_kind, parts.settings["model"]),
    }


def connect_masks(desk: MaskDesk, parts: TryOnParts) -> None:
    """What a new photo, a new garment and the parts beside the editor do to the mask."""
    inputs, outputs = mask_inputs(parts), outputs_of(parts)
    parts.person.change(desk.new_person, inputs, outputs, **CROWD)
    gr.on(
        [parts.garment.change, parts.category.input, parts.photo_kind.input],
        desk.refresh_mask,
        inputs,
        outputs,
        trigger_mode="always_last",  # the mask is the last garment's
        **CROWD,
    )
    parts.grow.release(desk.grow_mask, inputs, outputs, trigger_mode="always_last", **CROWD)
    parts.reset.click(desk.reset_mask, None, outputs, **CROWD)


def connect_picks(wardrobe: Wardrobe, parts: TryOnParts) -> None:
    """What is picked from the galleries goes where photos go."""

    def picked_person(event: gr.SelectData) -> str:
        return wardrobe.people[event.index]

    def picked_garment(event: gr.SelectData) -> tuple[Any, str | None]:
        """By its name: the catalogue may have changed since the page was filled."""
        choice = wardrobe.named(str((event.value or {}).get("caption")))
        if choice is None:
            return gr.skip(), None
        return choice.picture, choice.source if choice.source.startswith("sku:") else None

    def searched(category: str, words: str, request: gr.Request) -> tuple[str, Any]:
        found = wardrobe.found(category, words)
        line = found_garments(language_of(request), len(found.choices), found.total, words)
        return line, thumbnails(found.choices)

    parts.person_picks.select(picked_person, None, parts.person, **QUIET)
    parts.garment_picks.select(picked_garment, None, [parts.garment, parts.picked], **QUIET)
    gr.on(
        [parts.garment_filter.change, parts.garment_search.change],
        searched,
        [parts.garment_filter, parts.garment_search],
        [parts.garments_found, parts.garment_picks],
        trigger_mode="always_last",
        **QUIET,
    )
    gr.on(
        [parts.garment.upload, parts.garment.clear],
        lambda: None,
        None,
        parts.picked,
        **QUIET,
    )


def thumbnails(choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """Pictures with names for a gallery."""
    return [(choice.picture, choice.name) for choice in choices]


def connect_buttons(desk: TryOnDesk, parts: TryOnParts) -> None:
    """The buttons, and what they leave."""
    wardrobe = desk.service.wardrobe
    parts.go.click(
        desk.try_on,
        mask_inputs(parts) | set(parts.settings.values()),
        outputs_of(parts),
        trigger_mode="once",
        **CROWD,
    )
    parts.stop.click(desk.stop, None, [parts.stop], queue=False, **QUIET)
    parts.gallery.select(desk.pick_sample, None, [parts.slider, parts.download], **QUIET)
    parts.reuse.click(lambda seed: seed or "", parts.last_seed, parts.settings["seed"], **QUIET)
    parts.settings["model"].change(
        lambda model: gr.Dropdown(choices=wardrobe.loras(model), value=[]),
        parts.settings["model"],
        parts.settings["lora"],
        **QUIET,
    )
