"""The tab "Compare": every person in every garment, as a grid."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from tryon.catalog_record import named_sku
from tryon.demo.limits import Limits
from tryon.demo.messages import complaint, status, working
from tryon.demo.service import Service, seconds_since
from tryon.demo.strings import Language, language_of, said, word
from tryon.errors import BusyError
from tryon.options import DressOptions
from tryon.types import CATEGORIES

TAB = "compare"


def compare_tab(service: Service) -> gr.Dropdown:
    """Lay the tab out and connect it; returns the names of garments, which change."""
    gr.Markdown(word("compare_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            people = photo_list("people", "compare-people")
            person_names = picker(
                "from_examples",
                [(service.wardrobe.person_name(path), path) for path in service.wardrobe.people],
                "compare-person-names",
            )
        with gr.Column(min_width=320):
            garments = photo_list("garments", "compare-garments")
            garment_names = picker(
                "from_catalogue",
                [(name, name) for name in service.wardrobe.names()],
                "compare-names",
            )
            category = gr.Dropdown(
                [(word("auto"), "auto"), *((word(name), name) for name in CATEGORIES)],
                value="auto",
                label=word("category"),
                elem_id="compare-category",
            )
    with gr.Row():
        go = gr.Button(
            word("compare_go"), variant="primary", size="lg", elem_id="compare-go", scale=3
        )
        stop = gr.Button(word("stop"), size="lg", elem_id="compare-stop", min_width=90, scale=1)
    line = gr.HTML(elem_id="compare-status", elem_classes="quiet", padding=False)
    grid = gr.Gallery(
        label=word("grid"),
        columns=4,
        elem_id="grid",
        interactive=False,
        buttons=[],
        height="auto",
        object_fit="contain",
    )

    async def compare(
        own_people: Any,
        picked_people: Sequence[str],
        own_garments: Any,
        picked_garments: Sequence[str],
        kind: str,
        request: gr.Request,
    ) -> AsyncIterator[tuple[Any, str]]:
        wanted_people = [*paths(own_people), *known_people(service, picked_people)]
        wanted = [*paths(own_garments), *sources(service, picked_garments)]
        async for update in compared(service, wanted_people, wanted, kind, request):
            yield update

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    go.click(
        compare,
        [people, person_names, garments, garment_names, category],
        [grid, line],
        concurrency_limit=None,
        trigger_mode="once",
        **quiet,
    )

    def stopped(request: gr.Request) -> None:
        service.visit(request).stop(TAB)

    stop.click(stopped, None, None, queue=False, **quiet)
    return garment_names


async def compared(
    service: Service,
    people: Sequence[str],
    garments: Sequence[str],
    category: str,
    request: gr.Request,
) -> AsyncIterator[tuple[Any, str]]:
    """The grid and the status line, again after each picture; one that fails leaves a sentence."""
    language, visit, start = language_of(request), service.visit(request), time.monotonic()
    if problem := not_comparable(language, people, garments, service.limits):
        yield gr.skip(), status(problem, "sorry")
        return
    pairs = [(person, garment) for person in people for garment in garments]
    options = DressOptions(category=category)  # type: ignore[arg-type]
    jobs = [
        service.dress_job(service.wish(visit, person, garment, options), service.models[0])
        for person, garment in pairs
    ]
    try:
        service.enter(visit, request, jobs, TAB)
    except BusyError as error:
        yield gr.skip(), status(complaint(language, error)[1], "sorry")
        return
    grid: list[tuple[str, str]] = []
    yield [], status(said(language, "next"), "busy")
    try:
        for number, (job, (person, garment)) in enumerate(zip(jobs, pairs, strict=True)):
            before = said(language, "picture_of", number=number + 1, count=len(jobs))
            async for progress in job.updates():
                yield gr.skip(), working(language, progress, before)
            try:
                dressed = job.future.result()
                picture = await service.show(visit, dressed.look.image, "look")
                grid.append((picture, title(garment)))
            except Exception as error:
                grid.append((person, f"{title(garment)}: {complaint(language, error)[1]}"))
            yield grid, gr.skip()
    finally:
        for job in jobs:
            job.cancel()
    seconds = f"{seconds_since(start):.1f}"
    yield grid, status(said(language, "compared", count=len(grid), seconds=seconds), "done")


def not_comparable(
    language: Language, people: Sequence[str], garments: Sequence[str], limits: Limits
) -> str | None:
    """Why nothing is compared, as a sentence, or None."""
    if not people:
        return said(language, "need_person")
    if not garments:
        return said(language, "need_garment")
    count = len(people) * len(garments)
    if count > limits.pairs:
        return said(language, "too_many_pairs", count=count, limit=limits.pairs)
    return None


def photo_list(label: str, elem_id: str) -> gr.File:
    """Several photos at once."""
    return gr.File(
        label=word(label),
        file_count="multiple",
        type="filepath",
        elem_id=elem_id,
        height=150,
    )


def picker(label: str, choices: list[tuple[str, str]], elem_id: str) -> gr.Dropdown:
    return gr.Dropdown(choices, value=[], multiselect=True, label=word(label), elem_id=elem_id)


def paths(files: Any) -> list[str]:
    return [str(file) for file in files or ()]


def known_people(service: Service, picked: Sequence[str]) -> list[str]:
    """The example people among these: a name from the page never becomes another file."""
    return [path for path in picked if path in service.wardrobe.people]


def sources(service: Service, names: Sequence[str]) -> list[str]:
    """Files and `sku:NAME` for names of garments."""
    found = [service.wardrobe.named(name) for name in names]
    return [choice.source for choice in found if choice is not None]


def title(garment: str) -> str:
    """What a picture in the grid is called."""
    if (sku := named_sku(garment)) is not None:
        return sku
    kind, dash, name = Path(garment).stem.partition("-")
    return name if dash and kind in CATEGORIES else Path(garment).stem
