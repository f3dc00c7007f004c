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

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from tryon.catalog_record import named_sku
from tryon.demo.dressing import Dressed, DressJob, Wish
from tryon.demo.engine_queue import EngineQueue
from tryon.demo.jobs import Job
from tryon.demo.limits import Limits
from tryon.demo.pictures import shown
from tryon.demo.visitors import Visit, Visitors
from tryon.demo.wardrobe import Wardrobe
from tryon.images import save_image
from tryon.options import DressOptions


@dataclass(frozen=True, eq=False)
class Service:
    """models: families to choose from, the first being the default. allow_train: whether visitors
    may train garments into the catalogue; training: fields of `GarmentLoraConfig` for it.
    folder: for what a visit needs on disk."""

    queue: EngineQueue
    visitors: Visitors
    wardrobe: Wardrobe
    models: tuple[str, ...]
    folder: Path
    limits: Limits = field(default_factory=Limits)
    allow_train: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)

    def visit(self, request: gr.Request | None) -> Visit:
        return self.visitors.visit(getattr(request, "session_hash", None))

    def wish(
        self,
        visit: Visit,
        person: str,
        garment: str | None,
        options: DressOptions,
        mask: Image.Image | str | None = None,
    ) -> Wish:
        """One picture for this visitor, whose photos are noted to be deleted when they leave."""
        for file in (person, garment, mask):
            if isinstance(file, str) and named_sku(file) is None:
                self.visitors.keep(visit, file)
        return Wish(
            person, garment, options, visit.people, visit.garments, self.limits.pixels, mask
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
        with TemporaryDirectory() as folder:
            suffix = ".png" if image.mode == "RGBA" else ".jpg"
            file = Path(folder) / (name + suffix)
            picture = shown(image)
            if suffix == ".jpg":
                picture.convert("RGB").save(file, quality=92, subsampling=0)
            else:
                picture.save(file, compress_level=1)
            return self._kept(visit, file)

    async def save(self, visit: Visit, dressed: Dressed, suffix: str) -> str:
        """The finished picture at its own size with its provenance, to download."""
        return await asyncio.to_thread(self._save, visit, dressed, suffix)

    def _save(self, visit: Visit, dressed: Dressed, suffix: str) -> str:
        look = dressed.look
        with TemporaryDirectory() as folder:
            name = f"tryon-{look.parameters['seed']}.{suffix}"
            file = save_image(look.image, Path(folder) / name, parameters=look.parameters)
            return self._kept(visit, file)

    def _kept(self, visit: Visit, file: Path) -> str:
        """Gradio's own copy of a file, which it serves; gone with the visitor."""
        kept = save_file_to_cache(file, get_upload_folder())
        self.visitors.keep(visit, kept)
        return kept


def _no_longer_waited_for(visit: Visit, job: Job[Any], ended: object) -> None:
    visit.jobs.discard(job)


def seconds_since(start: float) -> float:
    return time.monotonic() - start
