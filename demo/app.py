"""The demo's page around a service, which holds the engine.

service = open_service(("mini", "none"), TryOn, folder=Path("out"))
serve(build_demo(service), "127.0.0.1", 7860)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import hash_file

from tryon.catalog import Catalog
from tryon.demo.add_garment import add_garment_tab
from tryon.demo.api import try_on_endpoint
from tryon.demo.compare import compare_tab
from tryon.demo.engine_queue import EngineQueue
from tryon.demo.limits import Limits
from tryon.demo.service import Service
from tryon.demo.strings import word
from tryon.demo.theme import HEADER
from tryon.demo.try_on_events import thumbnails
from tryon.demo.try_on_page import greeting, try_on_tab
from tryon.demo.visitors import Visitors
from tryon.demo.wardrobe import Wardrobe

EXAMPLES = Path(__file__).parent / "examples"


def open_service(
    models: tuple[str, ...],
    open_engine: Callable[[str], Any],
    *,
    folder: Path,
    catalog: Catalog | None = None,
    limits: Limits | None = None,
    allow_train: bool = False,
    training: Mapping[str, Any] | None = None,
    examples: Path = EXAMPLES,
) -> Service:
    """Start the engine's thread and gather what the page offers.

    open_engine: gives the engine of a model; it is called on the engine's thread, for the first
    model at once. folder: for thumbnails and trainings; the caller deletes it.
    """
    limits = limits or Limits()
    wardrobe = Wardrobe(examples, folder / "thumbnails", catalog)
    public = [*wardrobe.people, *(choice.picture for choice in wardrobe.garments())]
    queue = EngineQueue(open_engine, waiting=limits.waiting, of_one=limits.of_one)
    queue.warm(models[0])
    return Service(
        queue=queue,
        visitors=Visitors(limits.visitors, [hash_file(file) for file in public]),
        wardrobe=wardrobe,
        models=models,
        limits=limits,
        folder=folder,
        allow_train=allow_train,
        training=training or {},
    )


def build_demo(service: Service) -> gr.Blocks:
    """The page. Nothing is started."""
    stay = service.limits.stay
    with gr.Blocks(title="Tryon", analytics_enabled=False, delete_cache=(60, stay)) as demo:
        gr.HTML(HEADER)
        gr.Markdown(word("tagline"), elem_classes="tagline")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(word("try_on"), id="try-on") as try_on:
                parts = try_on_tab(service)
            with gr.Tab(word("compare"), id="compare") as compare:
                garment_names = compare_tab(service)
            with gr.Tab(word("add"), id="add"):
                add_garment_tab(service)
        gr.Markdown(word("privacy"), elem_classes="privacy")
        try_on_endpoint(service)

        def opened(category: str, words: str, request: gr.Request) -> tuple[str, Any]:
            """The greeting in the visitor's language, and the catalogue as it is now."""
            return greeting(request), thumbnails(service.wardrobe.found(category, words).choices)

        demo.load(
            opened,
            [parts.garment_filter, parts.garment_search],
            [parts.status, parts.garment_picks],
            api_visibility="private",
            show_progress="hidden",
        )
        try_on.select(
            lambda category, words, model: (
                thumbnails(service.wardrobe.found(category, words).choices),
                gr.Dropdown(choices=service.wardrobe.loras(model)),
            ),
            [parts.garment_filter, parts.garment_search, parts.settings["model"]],
            [parts.garment_picks, parts.settings["lora"]],
            api_visibility="private",
            show_progress="hidden",
        )

        compare.select(
            lambda: gr.Dropdown(choices=service.wardrobe.names()),
            None,
            garment_names,
            api_visibility="private",
            show_progress="hidden",
        )

        def closed(request: gr.Request) -> None:
            service.visitors.leave(request.session_hash)

        demo.unload(closed)
    return demo.queue(max_size=None, default_concurrency_limit=None)
