"""The demo's page around a service, which holds the engine.

service = open_service(("mini", "none"), TryOn, folder=Path("out"))
print(serve(build_demo(service), "127.0.0.1", 7860))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from tryon.catalog import Catalog
from tryon.demo.add_garment import add_garment_tab
from tryon.demo.api import try_on_endpoint
from tryon.demo.before_after import nothing_yet
from tryon.demo.compare import compare_tab, labelled
from tryon.demo.engine_queue import EngineQueue
from tryon.demo.limits import Limits
from tryon.demo.messages import status
from tryon.demo.page import Page
from tryon.demo.service import Service
from tryon.demo.strings import language_of, said, word
from tryon.demo.theme import HEADER
from tryon.demo.try_on import looks_of
from tryon.demo.try_on_events import thumbnails
from tryon.demo.try_on_page import people, try_on_tab
from tryon.demo.visitors import Visitors
from tryon.demo.wardrobe import Wardrobe

EXAMPLES = Path(__file__).parent / "examples"
FOLD_ON_PHONES = """() => {
  if (innerWidth <= 640) document.querySelector("#catalogue > button")?.click();
}"""


def open_service(
    models: tuple[str, ...],
    open_engine: Callable[[str], Any],
    *,
    folder: Path,
    catalog: Catalog | None = None,
    limits: Limits | None = None,
    allow_train: bool = False,
    training: Mapping[str, Any] | None = None,
    root_path: str = "",
    examples: Path = EXAMPLES,
) -> Service:
    """Start the engine's thread and gather what the page offers.

    open_engine: gives the engine of a model; it is called on the engine's thread, when the model
    is asked for. folder: for thumbnails and trainings; the caller deletes it. root_path: where a
    proxy shows the page.
    """
    limits = limits or Limits()
    wardrobe = Wardrobe(examples, folder / "thumbnails", catalog)
    queue = EngineQueue(open_engine, waiting=limits.waiting, of_one=limits.of_one)
    return Service(
        queue=queue,
        visitors=Visitors(limits, wardrobe.digests),
        wardrobe=wardrobe,
        models=models,
        limits=limits,
        folder=folder,
        root_path=root_path,
        allow_train=allow_train,
        training=training or {},
    )


def build_demo(service: Service) -> Page:
    """The page. Nothing is started."""
    wardrobe = service.wardrobe
    public = [str(wardrobe.examples), str(wardrobe.thumbnails)]
    with Page(service.visitors, public, title="Tryon", analytics_enabled=False) as demo:
        gr.HTML(HEADER)
        gr.Markdown(word("tagline"), elem_classes="tagline")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(word("try_on"), id="try-on") as try_on:
                parts = try_on_tab(service)
            with gr.Tab(word("compare"), id="compare") as compare:
                garment_names = compare_tab(service)
            if service.allow_train:
                with gr.Tab(word("add"), id="add"):
                    add_garment_tab(service)
        gr.Markdown(word("privacy"), elem_classes="privacy")
        try_on_endpoint(service)
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        search = [parts.garment_filter, parts.garment_search]

        def opened(category: str, words: str | None, request: gr.Request) -> tuple[Any, ...]:
            """The page in the visitor's language, and the catalogue as it is now."""
            language = language_of(request)
            return (
                status(said(language, "ready")),
                nothing_yet(language),
                people(language, service),
                thumbnails(language, wardrobe.found(category, words or "").choices),
            )

        demo.load(
            opened,
            search,
            [parts.status, parts.result, parts.person_picks, parts.garment_picks],
            **quiet,
        )
        demo.load(None, None, None, js=FOLD_ON_PHONES, **quiet)

        def chosen(category: str, words: str | None, model: str, request: gr.Request) -> Any:
            """What other tabs have added: to the catalogue, and to the looks of the visit."""
            found = wardrobe.found(category, words or "").choices
            looks = looks_of(service.visit(request))
            loras = gr.Dropdown(choices=wardrobe.loras(model))
            return thumbnails(language_of(request), found), looks, loras

        try_on.select(
            chosen,
            [*search, parts.settings["model"]],
            [parts.garment_picks, parts.looks, parts.settings["lora"]],
            **quiet,
        )

        compare.select(
            lambda: gr.Dropdown(choices=labelled(wardrobe.names())), None, garment_names, **quiet
        )

        def closed(request: gr.Request) -> None:
            service.visitors.leave(request.session_hash)

        demo.unload(closed)
    return demo.queue(max_size=None, default_concurrency_limit=None)
