"""What the tab "Add a garment" does: photos are checked, a LoRA trained, the catalogue filled."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from tryon.catalog import Catalog, base_name
from tryon.catalog_record import check_sku
from tryon.demo.compare import paths
from tryon.demo.jobs import Job, OnProgress, TimeUp
from tryon.demo.limits import check_at_most
from tryon.demo.messages import complaint, found_in_photos, note, status, taken_as, working
from tryon.demo.pictures import shrunk
from tryon.demo.service import Service, seconds_since
from tryon.demo.strings import Language, language_of, said
from tryon.demo.visitors import Visit
from tryon.errors import CatalogConflictError, CatalogError, InputError, OptionError
from tryon.images import load_cutout
from tryon.training.garment_config import GarmentLoraConfig

if TYPE_CHECKING:
    from tryon.training.garment_check import GarmentCheck

TAB = "add"
STEPS = GarmentLoraConfig().steps
MOST_STEPS = 4 * STEPS
VALIDATIONS = 6  # rounds of pictures in a training

Update = dict[Any, Any]


@dataclass(frozen=True, eq=False)
class AddParts:
    """The components of the tab."""

    photos: gr.File
    sku: gr.Textbox
    sku_note: gr.HTML
    category: gr.Radio
    caption: gr.Textbox
    steps: gr.Slider
    steps_note: gr.HTML
    check: gr.Button
    train: gr.Button
    stop: gr.Button
    status: gr.HTML
    cutouts: gr.Gallery
    growing: gr.Image

    def told(self, language: Language, error: BaseException, service: Service) -> Update:
        """The error in the status line, and beside its field where it has one."""
        if isinstance(error, TimeUp):
            minutes = f"{service.limits.train_seconds / 60:g}"
            text = said(language, "train_too_long", minutes=minutes)
        else:
            _, text = complaint(language, error)
        update: Update = {self.status: status(text, "sorry")}
        if isinstance(error, (TimeUp, OptionError)):
            update[self.steps_note] = note(text)
        elif isinstance(error, CatalogError):
            update[self.sku_note] = note(text)
        return update


@dataclass(frozen=True, slots=True)
class NewGarment:
    """What shall come into the catalogue. files: its photos."""

    sku: str
    files: list[str]
    category: str
    caption: str
    steps: int


class TrainingDesk:
    """Handlers of the tab; each yields what changes on the page."""

    def __init__(self, service: Service, parts: AddParts) -> None:
        self.service = service
        self.parts = parts

    async def check(self, files: Any, kind: str, request: gr.Request) -> AsyncIterator[Update]:
        """What the photos are good for, with a picture of each."""
        parts, language = self.parts, language_of(request)
        if not files:
            yield {parts.status: status(said(language, "need_photos"), "sorry"), parts.cutouts: []}
            return
        yield {parts.status: status(said(language, "looking"), "busy"), parts.cutouts: []}
        try:
            yield (await self._checked(request, paths(files), kind))[1]
        except Exception as error:
            yield parts.told(language, error, self.service)

    async def train(
        self, files: Any, name: str, kind: str, words: str, count: int, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Check, take in, train: the status line, the cut-outs, the newest validation pictures."""
        parts, language, start = self.parts, language_of(request), time.monotonic()
        new = NewGarment(name.strip(), paths(files), kind, words.strip(), int(count))
        waiting = "looking" if new.files else "need_photos"
        yield {
            parts.status: status(said(language, waiting), "busy" if new.files else "sorry"),
            parts.cutouts: [],
            parts.growing: None,
            parts.sku_note: note(),
            parts.steps_note: note(),
        }
        if not new.files:
            return
        try:
            check_sku(new.sku)
            check_at_most("steps", new.steps, MOST_STEPS)
            found, update = await self._checked(request, new.files, new.category)
            yield update
            if not found.ok:
                return
            async for update in self._training(new, request):
                yield update
        except Exception as error:
            yield parts.told(language, error, self.service)
            return
        seconds = f"{seconds_since(start):.0f}"
        text = said(language, "added", sku=new.sku, seconds=seconds)
        category = self._category_of(new.sku)
        if category is not None:
            text = f"{text} {taken_as(language, category, change=False)}"
        yield {parts.status: status(text, "done")}

    def _category_of(self, sku: str) -> str | None:
        catalog = self.service.wardrobe.catalog
        assert catalog is not None
        category = catalog.get(sku).category
        return None if category == "auto" else category

    def stop(self, request: gr.Request) -> None:
        """End what this tab waits for; the handler that waits says so."""
        self.service.visit(request).stop(TAB)

    async def _training(self, new: NewGarment, request: gr.Request) -> AsyncIterator[Update]:
        """How far it is, and the validation pictures. Raises what the training raised."""
        parts, service, language = self.parts, self.service, language_of(request)
        visit = service.visit(request)
        visit.folder = visit.folder or Path(mkdtemp(dir=service.folder))
        out = Path(mkdtemp(dir=visit.folder))
        job, newest = training_job(service, new, out), None
        try:
            service.enter(visit, request, [job], TAB)
            async for progress in job.updates():
                update: Update = {parts.status: working(language, progress)}
                picture = newest_validation(out)
                if picture is not None and picture != newest:
                    newest = picture
                    sheet = Image.open(picture).convert("RGB")
                    update[parts.growing] = await service.show(visit, sheet, "validation")
                yield update
            job.future.result()
        finally:
            job.cancel()

    async def _checked(
        self, request: gr.Request, files: Sequence[str], kind: str
    ) -> tuple[GarmentCheck, Update]:
        """What was found in the photos, and how the page says it. Raises InputError."""
        parts, language, visit = self.parts, language_of(request), self.service.visit(request)
        check = await check_of(self.service, visit, request, files, kind)
        return check, {
            parts.status: verdict(language, check),
            parts.cutouts: await thumbnails(self.service, visit, language, check),
        }


async def check_of(
    service: Service, visit: Visit, request: gr.Request, files: Sequence[str], category: str
) -> GarmentCheck:
    """What the photos are good for, found out on the engine's thread. Raises InputError."""
    if len(files) > service.limits.photos:
        raise InputError(f"at most {service.limits.photos} photos of a garment are used")
    limits = service.limits
    photos = [
        shrunk(load_cutout(Path(file), max_pixels=limits.pixels), limits.worked_pixels)
        for file in files
    ]

    def work(engine: Any, report: OnProgress) -> GarmentCheck:
        from tryon.training.garment_check import checked_photos

        return checked_photos(engine.perception, photos, category=category)

    job = Job(work, model=service.models[0])
    service.enter(visit, request, [job], TAB)
    return await service.ended(job)


def training_job(service: Service, new: NewGarment, out: Path) -> Job[Path]:
    """Train a LoRA for a garment that comes into the catalogue with it, or not at all: until then
    its photos lie in the visitor's own folder, which goes with them and with the server."""
    catalog = service.wardrobe.catalog
    assert catalog is not None
    every = max(1, new.steps // VALIDATIONS)
    config = GarmentLoraConfig(steps=new.steps, validate_every=every)
    config = GarmentLoraConfig.of({**config.as_dict(), **service.training})

    def work(engine: Any, report: OnProgress) -> Path:
        from tryon.training.garment_run import train_in_catalog

        report("garment", 0, 0)
        if new.sku in catalog:
            raise CatalogConflictError(f"there is a garment {new.sku!r} already")
        files = [Path(file) for file in new.files]
        own = Catalog(out / "catalogue")
        own.add(new.sku, files, category=new.category, caption=new.caption)
        lora = train_in_catalog(
            config,
            catalog=own,
            sku=new.sku,
            model=engine.model,
            family=engine.family,
            perception=engine.perception,
            out=out,
            on_view=lambda done, total: report("views", done, total),
            on_step=lambda done, total, loss: report("train", done, total),
        )
        catalog.add(new.sku, files, category=own.get(new.sku).category, caption=new.caption)
        catalog.set_lora(new.sku, lora, base=base_name(engine.model))
        return lora

    return Job(work, model=service.models[0], seconds=service.limits.train_seconds)


async def thumbnails(
    service: Service, visit: Visit, language: Language, check: GarmentCheck
) -> list[tuple[str, str]]:
    """The cut-outs, each with what was found about it."""
    captions = [
        " ".join(found_in_photos(language, finding, short=True) for finding in check.of_photo(n))
        or said(language, "fine")
        for n in range(len(check.pictures))
    ]
    return [
        (await service.show(visit, picture, "cutout"), f"{number + 1}: {caption}")
        for number, (picture, caption) in enumerate(zip(check.pictures, captions, strict=True))
    ]


def verdict(language: Language, check: GarmentCheck) -> str:
    """Whether the photos will do, with every finding and its remedy."""
    found = [found_in_photos(language, finding) for finding in check.findings]
    items = "".join(f"<li>{escape(text)}</li>" for text in found)
    text = said(language, "checked_fine" if check.ok else "checked_bad")
    if check.category is not None:
        text = f"{text} {taken_as(language, check.category)}"
    remarks = f'<ul class="remarks">{items}</ul>' if items else ""
    return status(text, "done" if check.ok else "sorry", remarks)


def newest_validation(out: Path) -> Path | None:
    """The sheet of the last validation of a run, if there was one and it is written whole."""
    sheets = sorted((out / "validation").glob("*.png"), key=lambda path: path.stat().st_mtime)
    for sheet in reversed(sheets):
        with suppress(OSError, SyntaxError), Image.open(sheet) as picture:  # half a file
            picture.load()
            return sheet
    return None
