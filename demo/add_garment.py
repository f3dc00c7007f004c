"""The tab "Add a garment": photos are checked, a LoRA is trained, and the catalogue has it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from tryon.catalog_record import check_sku
from tryon.demo.compare import paths, photo_list
from tryon.demo.jobs import Job, OnProgress
from tryon.demo.limits import check_at_most
from tryon.demo.messages import complaint, status, working
from tryon.demo.service import Service, seconds_since
from tryon.demo.strings import Language, language_of, said, word
from tryon.demo.visitors import Visit
from tryon.errors import InputError
from tryon.images import load_cutout
from tryon.training.garment_config import GarmentLoraConfig
from tryon.types import CATEGORIES

if TYPE_CHECKING:
    from tryon.training.garment_check import GarmentCheck

STEPS = GarmentLoraConfig().steps
TAB = "add"
VALIDATIONS = 6  # rounds of pictures in a training


def add_garment_tab(service: Service) -> None:
    """Lay the tab out and connect it; where training is off, say so."""
    if not service.allow_train:
        gr.Markdown(word("add_off"), elem_id="add-off")
        return
    gr.Markdown(word("add_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            photos = photo_list("garment_photos", "new-photos")
            sku = gr.Textbox(label=word("sku"), info=word("sku_info"), elem_id="new-sku")
            category = gr.Dropdown(
                [(word("auto"), "auto"), *((word(name), name) for name in CATEGORIES)],
                value="auto",
                label=word("category"),
                elem_id="new-category",
            )
            caption = gr.Textbox(
                label=word("caption"), placeholder=word("words_placeholder"), elem_id="new-caption"
            )
            steps = gr.Slider(
                10, 4 * STEPS, STEPS, step=10, label=word("train_steps"), elem_id="new-steps"
            )
            check = gr.Button(word("check"), elem_id="check")
            with gr.Row():
                train = gr.Button(word("train"), variant="primary", size="lg", elem_id="train")
                stop = gr.Button(word("stop"), size="lg", elem_id="train-stop", min_width=90)
        with gr.Column(min_width=320):
            line = gr.HTML(elem_id="train-status", elem_classes="quiet", padding=False)
            cutouts = gr.Gallery(
                label=word("checked"),
                columns=3,
                elem_id="cutouts",
                interactive=False,
                buttons=[],
                object_fit="contain",
                height="auto",
            )
            growing = gr.Image(
                label=word("validation"), elem_id="validation", interactive=False, buttons=[]
            )

    async def checked(files: Any, kind: str, request: gr.Request) -> AsyncIterator[Any]:
        language, visit = language_of(request), service.visit(request)
        if not files:
            yield status(said(language, "need_photos"), "sorry"), []
            return
        yield status(said(language, "looking"), "busy"), []
        try:
            found = await check_of(service, visit, request, paths(files), kind)
            yield verdict(language, found), await thumbnails(service, visit, language, found)
        except Exception as error:
            yield status(complaint(language, error)[1], "sorry"), []

    async def trained(
        files: Any, name: str, kind: str, words: str, count: int, request: gr.Request
    ) -> AsyncIterator[Any]:
        wanted = NewGarment(name.strip(), paths(files), kind, words.strip(), int(count))
        async for update in added(service, wanted, request):
            yield update

    def stopped(request: gr.Request) -> None:
        service.visit(request).stop(TAB)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    quiet_once = {**quiet, "concurrency_limit": None, "trigger_mode": "once"}
    check.click(checked, [photos, category], [line, cutouts], **quiet_once)
    train.click(
        trained,
        [photos, sku, category, caption, steps],
        [line, cutouts, growing],
        **quiet_once,
    )
    stop.click(stopped, None, None, queue=False, **quiet)


class NewGarment:
    """What shall come into the catalogue. files: its photos."""

    def __init__(self, sku: str, files: list[str], category: str, caption: str, steps: int) -> None:
        self.sku, self.files, self.category = sku, files, category
        self.caption, self.steps = caption, steps


async def added(
    service: Service, wanted: NewGarment, request: gr.Request
) -> AsyncIterator[tuple[Any, Any, Any]]:
    """Check, take in, train: the status line, the cut-outs and the newest validation pictures."""
    language, visit, start = language_of(request), service.visit(request), time.monotonic()
    skip = gr.skip()
    if not wanted.files:
        yield status(said(language, "need_photos"), "sorry"), [], None
        return
    yield status(said(language, "looking"), "busy"), [], None
    job = None
    try:
        check_sku(wanted.sku)
        check_at_most("steps", wanted.steps, 4 * STEPS)
        found = await check_of(service, visit, request, wanted.files, wanted.category)
        yield verdict(language, found), await thumbnails(service, visit, language, found), skip
        if not found.ok:
            return
        visit.folder = visit.folder or Path(mkdtemp(dir=service.folder))
        out = Path(mkdtemp(dir=visit.folder))
        job = training_job(service, wanted, out)
        service.enter(visit, request, [job], TAB)
        newest = None
        async for progress in job.updates():
            picture = newest_validation(out)
            show = skip
            if picture is not None and picture != newest:
                newest = picture
                show = await service.show(visit, Image.open(picture).convert("RGB"), "validation")
            yield working(language, progress), skip, show
        job.future.result()
        seconds = f"{seconds_since(start):.0f}"
        yield status(said(language, "added", sku=wanted.sku, seconds=seconds), "done"), skip, skip
    except Exception as error:
        yield status(complaint(language, error)[1], "sorry"), skip, skip
    finally:
        if job is not None:
            job.cancel()


async def check_of(
    service: Service, visit: Visit, request: gr.Request, files: Sequence[str], category: str
) -> GarmentCheck:
    """What the photos are good for, found out on the engine's thread. Raises InputError."""
    if len(files) > service.limits.photos:
        raise InputError(f"at most {service.limits.photos} photos of a garment are used")
    service.visitors.keep(visit, *files)
    photos = [load_cutout(Path(file), max_pixels=service.limits.pixels) for file in files]

    def work(engine: Any, report: OnProgress) -> GarmentCheck:
        from tryon.training.garment_check import checked_photos

        return checked_photos(engine.perception, photos, category=category)

    job = Job(work, model=service.models[0])
    service.enter(visit, request, [job], TAB)
    return await service.ended(job)


def training_job(service: Service, wanted: NewGarment, out: Path) -> Job[Path]:
    """Take the garment into the catalogue and train its LoRA; stopped, it is taken out again."""
    catalog = service.wardrobe.catalog
    assert catalog is not None
    every = max(1, wanted.steps // VALIDATIONS)
    config = GarmentLoraConfig(steps=wanted.steps, validate_every=every)
    config = GarmentLoraConfig.of({**config.as_dict(), **service.training})

    def work(engine: Any, report: OnProgress) -> Path:
        from tryon.training.garment_run import train_in_catalog

        report("garment", 0, 0)
        files = [Path(file) for file in wanted.files]
        catalog.add(wanted.sku, files, category=wanted.category, caption=wanted.caption)
        try:
            return train_in_catalog(
                config,
                catalog=catalog,
                sku=wanted.sku,
                model=engine.model,
                family=engine.family,
                perception=engine.perception,
                out=out,
                on_view=lambda done, total: report("views", done, total),
                on_step=lambda done, total, loss: report("train", done, total),
            )
        except BaseException:
            catalog.remove(wanted.sku)
            raise

    return Job(work, model=service.models[0])


async def thumbnails(
    service: Service, visit: Visit, language: Language, check: GarmentCheck
) -> list[tuple[str, str]]:
    """The cut-outs, each with what was found about it."""
    captions = [
        "; ".join(finding.reason for finding in check.of_photo(number)) or said(language, "fine")
        for number in range(len(check.pictures))
    ]
    return [
        (await service.show(visit, picture, "cutout"), f"{number + 1}: {caption}")
        for number, (picture, caption) in enumerate(zip(check.pictures, captions, strict=True))
    ]


def verdict(language: Language, check: GarmentCheck) -> str:
    """Whether the photos will do, with every finding and its remedy."""
    items = "".join(f"<li>{escape(str(finding))}</li>" for finding in check.findings)
    text = said(language, "checked_fine" if check.ok else "checked_bad")
    return status(text, "done" if check.ok else "sorry", f'<ul class="remarks">{items}</ul>')


def newest_validation(out: Path) -> Path | None:
    """The sheet of the last validation of a run, if there was one and it is written whole."""
    sheets = sorted((out / "validation").glob("*.png"), key=lambda path: path.stat().st_mtime)
    for sheet in reversed(sheets):
        with suppress(OSError, SyntaxError), Image.open(sheet) as picture:  # half a file
            picture.load()
            return sheet
    return None
