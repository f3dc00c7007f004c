"""The tab "Compare": every person in every garment, as a grid."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import gradio as gr

from tryon.demo.dressing import Dressed
from tryon.demo.limits import Limits
from tryon.demo.look_grid import LookGrid
from tryon.demo.messages import complaint, status, taken_as, working
from tryon.demo.photo import pills
from tryon.demo.pictures import shown
from tryon.demo.service import Service, garment_name, seconds_since
from tryon.demo.strings import EXAMPLES, Language, language_of, said, word
from tryon.demo.visitors import Visit
from tryon.errors import BusyError
from tryon.options import DressOptions
from tryon.types import CATEGORIES

HEADING = 480  # pixels of the garment photos above the columns
TAB = "compare"


def compare_tab(service: Service) -> gr.Dropdown:
    """Lay the tab out and connect it; returns the names of garments, which change."""
    gr.Markdown(word("compare_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            people = photo_list("people", "compare-people")
            person_names = picker(
                "from_examples",
                [
                    (word(service.wardrobe.person_name(path)), path)
                    for path in service.wardrobe.people
                ],
                "compare-person-names",
            )
        with gr.Column(min_width=320):
            garments = photo_list("garments", "compare-garments")
            garment_names = picker(
                "from_catalogue",
                labelled(service.wardrobe.names()),
                "compare-names",
            )
            category = pills(
                [(word("auto"), "auto"), *((word(name), name) for name in CATEGORIES)],
                word("category"),
                "compare-category",
            )
    with gr.Row():
        go = gr.Button(
            word("compare_go"), variant="primary", size="lg", elem_id="compare-go", scale=3
        )
        stop = gr.Button(word("stop"), size="lg", elem_id="compare-stop", min_width=90, scale=1)
    line = gr.HTML(elem_id="compare-status", elem_classes="quiet", padding=False)
    grid = gr.HTML(elem_id="grid", padding=False)
    everything = gr.DownloadButton(
        word("download_all"), elem_id="download-all", interactive=False, size="lg"
    )

    async def compare(
        own_people: Any,
        picked_people: Sequence[str],
        own_garments: Any,
        picked_garments: Sequence[str],
        kind: str,
        request: gr.Request,
    ) -> AsyncIterator[tuple[Any, Any, Any]]:
        wanted_people = [*paths(own_people), *known_people(service, picked_people)]
        wanted = [*paths(own_garments), *sources(service, picked_garments)]
        async for update in compared(service, wanted_people, wanted, kind, request):
            yield update

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    go.click(
        compare,
        [people, person_names, garments, garment_names, category],
        [grid, line, everything],
        concurrency_limit=None,
        trigger_mode="once",
        **quiet,
    )
    for files in (people, garments):  # they are the visitor's from now on, compared or not
        files.change(lambda files: None, files, None, **quiet)

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
) -> AsyncIterator[tuple[Any, Any, Any]]:
    """The grid, the status line and the file with everything, again after each picture; one that
    fails leaves a sentence."""
    language, visit, start = language_of(request), service.visit(request), time.monotonic()
    if problem := not_comparable(language, people, garments, service.limits):
        yield gr.skip(), status(problem, "sorry"), gr.skip()
        return
    grid = LookGrid(
        [garment_name(language, person).removeprefix("person-") for person in people],
        [garment_name(language, garment) for garment in garments],
    )
    options = DressOptions(category=category)  # type: ignore[arg-type]
    jobs = [
        service.dress_job(service.wish(visit, person, garment, options), service.models[0])
        for person in people
        for garment in garments
    ]
    try:
        service.enter(visit, request, jobs, TAB)
    except BusyError as error:
        yield gr.skip(), status(complaint(language, error)[1], "sorry"), gr.skip()
        return
    waiting = status(said(language, "next"), "busy")
    yield grid.html(language, service.address), waiting, gr.DownloadButton(interactive=False)
    try:
        for number, job in enumerate(jobs):
            place = divmod(number, len(garments))
            before = said(language, "picture_of", number=number + 1, count=len(jobs))
            async for progress in job.updates():
                yield gr.skip(), working(language, progress, before), gr.skip()
            try:
                await put(service, visit, language, grid, place, job.future.result())
            except Exception as error:
                grid.cells[place] = complaint(language, error)[1]
            yield grid.html(language, service.address), gr.skip(), gr.skip()
    finally:
        for job in jobs:
            job.cancel()
    count, seconds = len(grid.looks()), f"{seconds_since(start):.1f}"
    done = status(said(language, "compared", count=count, seconds=seconds), "done")
    if not count:
        yield gr.skip(), done, gr.skip()
        return
    archive = await asyncio.to_thread(service.archive, visit, grid.named_files())
    yield gr.skip(), done, gr.DownloadButton(value=archive, interactive=True)


async def put(
    service: Service,
    visit: Visit,
    language: Language,
    grid: LookGrid,
    place: tuple[int, int],
    dressed: Dressed,
) -> None:
    """A finished picture into the grid, with the photos that it was made of at its edges."""
    row, column = place
    look = await service.noted(visit, dressed, grid.garments[column], "png")
    garment = dressed.plan.garment
    grid.cells[place] = look
    grid.before[row] = look.before
    grid.taken[column] = taken_as(language, garment.category, change=False)
    if column not in grid.worn:
        picture = shown(garment.photo, HEADING)
        grid.worn[column] = await service.show(visit, picture, "garment")


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


def labelled(names: Sequence[str]) -> list[tuple[str, str]]:
    """Names to choose from, those of examples in the visitor's language."""
    return [(word(name) if name in EXAMPLES else name, name) for name in names]
