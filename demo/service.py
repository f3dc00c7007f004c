"""What the tabs of the page share: the queue, the visitors, the garments, the limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from tryon.catalog_record import named_sku
from tryon.demo.dressing import Dressed, DressJob, Wish
from tryon.demo.engine_queue import EngineQueue
from tryon.demo.gate import browser_of
from tryon.demo.jobs import Job
from tryon.demo.limits import Limits
from tryon.demo.pictures import shown
from tryon.demo.strings import Language, name_in
from tryon.demo.visitors import Shown, Visit, Visitors
from tryon.demo.wardrobe import Wardrobe
from tryon.images import save_image
from tryon.options import DressOptions
from tryon.types import CATEGORIES


@dataclass(frozen=True, eq=False)
class Service:
    """models: families to choose from, the first being the default. allow_train: whether visitors
    may train garments into the catalogue; training: fields of `GarmentLoraConfig` for it.
    folder: for what a visit needs on disk. root_path: where a proxy shows the page."""

    queue: EngineQueue
    visitors: Visitors
    wardrobe: Wardrobe
    models: tuple[str, ...]
    folder: Path
    limits: Limits = field(default_factory=Limits)
    root_path: str = ""
    allow_train: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)

    def visit(self, request: gr.Request | None) -> Visit:
        return self.visitors.visit(getattr(request, "session_hash", None), browser_of(request))

    def wish(
        self,
        visit: Visit,
        person: str | None,
        garment: str | None,
        options: DressOptions,
        mask: Image.Image | str | None = None,
    ) -> Wish:
        """One picture for this visitor."""
        return Wish(
            *(person, garment, options, visit.people, visit.garments, self.limits, mask),
            reduced=visit.reduced,
        )

    def dress_job(self, wish: Wish, model: str) -> DressJob:
        return DressJob(wish, model=model, seconds=self.limits.seconds)

    def enter(
        self, visit: Visit, request: gr.Request | None, jobs: Sequence[Job[Any]], tab: str = ""
    ) -> None:
        """Put a visitor's jobs in line; those of a tab are ended by its Stop. Raises BusyError."""
        for job in jobs:
            job.tab = tab
        self.queue.submit(str(getattr(request, "session_hash", None)), jobs)
        visit.jobs.update(jobs)
        for job in jobs:
            job.future.add_done_callback(partial(_no_longer_waited_for, visit, job))

    async def ended(self, job: Job[Any]) -> Any:
        """A job's result when it has ended. Raises what the job raised."""
        async for _ in job.updates():
            pass
        return job.future.result()

    async def show(self, visit: Visit, image: Image.Image, name: str = "picture") -> str:
        """A file for the page with a reduced copy of a picture, deleted when the visitor leaves."""
        return await asyncio.to_thread(self._show, visit, image, name)

    def _show(self, visit: Visit, image: Image.Image, name: str) -> str:
        with TemporaryDirectory(dir=self.folder) as folder:
            suffix = ".png" if image.mode == "RGBA" else ".jpg"
            file = Path(folder) / (name + suffix)
            picture = shown(image)
            if suffix == ".jpg":
                picture.convert("RGB").save(file, quality=92, subsampling=0)
            else:
                picture.save(file, compress_level=1)
            return self._kept(visit, file)

    def address(self, file: str) -> str:
        """Where the page finds one of Gradio's files."""
        return f"{self.root_path.rstrip('/')}/gradio_api/file={quote(file)}"

    def garment_name(self, language: Language, wish: Wish) -> str:
        """What a garment is called on the page."""
        return garment_name(language, str(wish.garment))

    async def noted(self, visit: Visit, dressed: Dressed, name: str, suffix: str) -> Shown:
        """A finished picture in the history of the visit, before all others."""
        look = Shown(
            await self.show(visit, dressed.plan.person.photo, "before"),
            await self.show(visit, dressed.look.image, "after"),
            await self.save(visit, dressed, suffix),
            name,
        )
        visit.looks.appendleft(look)
        while len(visit.looks) > self.limits.looks:
            visit.looks.pop()
        return look

    async def save(self, visit: Visit, dressed: Dressed, suffix: str) -> str:
        """The finished picture at its own size with its provenance, to download."""
        return await asyncio.to_thread(self._save, visit, dressed, suffix)

    def _save(self, visit: Visit, dressed: Dressed, suffix: str) -> str:
        look = dressed.look
        with TemporaryDirectory(dir=self.folder) as folder:
            name = f"tryon-{look.parameters['seed']}.{suffix}"
            file = save_image(look.image, Path(folder) / name, parameters=look.parameters)
            return self._kept(visit, file)

    def archive(self, visit: Visit, files: Mapping[str, str]) -> str:
        """All these files of the visit's in one, under the names given."""
        with TemporaryDirectory(dir=self.folder) as folder:
            archive = Path(folder) / "tryon.zip"
            with ZipFile(archive, "w") as whole:  # pictures get no smaller
                for name, file in files.items():
                    whole.write(file, name)
            return self._kept(visit, archive)

    def _kept(self, visit: Visit, file: Path) -> str:
        """Gradio's own copy of a file, which it serves; gone with the visitor."""
        kept = save_file_to_cache(file, get_upload_folder())
        self.visitors.keep(visit, kept)
        return kept


def _no_longer_waited_for(visit: Visit, job: Job[Any], ended: object) -> None:
    visit.jobs.discard(job)


def garment_name(language: Language, source: str) -> str:
    """A SKU, an example's name, or what a visitor called their file."""
    if (sku := named_sku(source)) is not None:
        return sku
    stem = Path(source).stem
    kind, _, name = stem.partition("-")
    return name_in(language, name if name and kind in CATEGORIES else stem)


def seconds_since(start: float) -> float:
    return time.monotonic() - start
