"""What the tab "Try on" does with its button: pictures, sample by sample."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import gradio as gr

from tryon.demo.dressing import Dressed, DressJob
from tryon.demo.jobs import Complaint, Progress
from tryon.demo.mask_editor import closest, is_edited
from tryon.demo.messages import finished, note, status, working
from tryon.demo.remarks import remarks
from tryon.demo.seen import what_was_seen
from tryon.demo.service import Service, seconds_since
from tryon.demo.settings import options_of
from tryon.demo.strings import Language, language_of, said
from tryon.demo.try_on_parts import Inputs, TryOnParts, Update
from tryon.demo.visitors import Visit
from tryon.errors import TryOnError

TAB = "try_on"


class TryOnDesk:
    """Handlers of the tab; each yields what changes on the page."""

    def __init__(self, service: Service, parts: TryOnParts) -> None:
        self.service = service
        self.parts = parts

    async def try_on(self, inputs: Inputs, request: gr.Request) -> AsyncIterator[Update]:
        """Dress the person, sample by sample."""
        parts, visit, language = self.parts, self.service.visit(request), language_of(request)
        missing = self._missing(language, inputs)
        if missing:
            yield missing | {parts.status: status(said(language, "ready"))}
            return
        yield {box: note() for box in parts.notes().values()} | {
            parts.status: working(language, Progress()),
            parts.go: gr.Button(interactive=False),
            parts.stop: gr.Button(interactive=True),
        }
        start, jobs = time.monotonic(), list[DressJob]()
        try:
            jobs, own_mask = self._jobs(visit, inputs)
            self.service.enter(visit, request, jobs, TAB)
            visit.looks = []
            for number, job in enumerate(jobs):
                before = said(language, "picture_of", number=number + 1, count=len(jobs))
                async for update in self._painting(visit, language, job, before * (len(jobs) > 1)):
                    yield update
                yield await self._finished(visit, inputs, language, job, start, own_mask)
        except Exception as error:
            yield parts.told(language, error)
        finally:
            for job in jobs:
                job.cancel()
        yield self._idle()

    def stop(self, request: gr.Request) -> Update:
        """End what this tab waits for; the handler that waits says so."""
        self.service.visit(request).stop(TAB)
        return {self.parts.stop: gr.Button(interactive=False)}

    def pick_sample(self, event: gr.SelectData, request: gr.Request) -> Update:
        """Show one of the samples in the slider, and offer it for download."""
        looks = self.service.visit(request).looks
        if not isinstance(event.index, int) or event.index >= len(looks):
            return {self.parts.slider: gr.skip()}
        before, after, file = looks[event.index]
        return {self.parts.slider: (before, after), self.parts.download: file}

    def _idle(self) -> Update:
        parts = self.parts
        return {parts.go: gr.Button(interactive=True), parts.stop: gr.Button(interactive=False)}

    def _missing(self, language: Language, inputs: Inputs) -> Update:
        parts = self.parts
        missing = {}
        if inputs[parts.person] is None:
            missing[parts.person_note] = note(said(language, "need_person"))
        if inputs[parts.garment] is None and not inputs[parts.picked]:
            missing[parts.garment_note] = note(said(language, "need_garment"))
        return missing

    def _jobs(self, visit: Visit, inputs: Inputs) -> tuple[list[DressJob], bool]:
        """A job for each sample, and whether the mask is the visitor's own. Raises Complaint."""
        parts = self.parts
        drawn = parts.drawn(visit, inputs)
        own_mask = is_edited(drawn, closest(drawn, visit.bases))
        try:
            options = options_of(
                {name: inputs[part] for name, part in parts.settings.items()},
                parts.kinds(inputs) | {"grow": 0 if own_mask else int(inputs[parts.grow] or 0)},
                self.service,
            )
        except TryOnError as error:
            raise Complaint("settings", error) from error
        model = inputs[parts.settings["model"]]
        wishes = [
            parts.wish(self.service, visit, inputs, o, drawn if own_mask else None) for o in options
        ]
        return [self.service.dress_job(wish, model) for wish in wishes], own_mask

    async def _painting(
        self, visit: Visit, language: Language, job: DressJob, before: str
    ) -> AsyncIterator[Update]:
        """The status line, and the picture from the garment laid on the body to the last step."""
        said_last, seen_last = "", None
        async for progress in job.updates():
            update: Update = {}
            line = working(language, progress, before)
            if line != said_last:
                update[self.parts.status] = said_last = line
            if job.preview is not None and job.preview is not seen_last:
                photo, picture = seen_last = job.preview
                update[self.parts.slider] = (
                    await self.service.show(visit, photo, "before"),
                    await self.service.show(visit, picture, "preview"),
                )
            if update:
                yield update

    async def _finished(
        self,
        visit: Visit,
        inputs: Inputs,
        language: Language,
        job: DressJob,
        start: float,
        own_mask: bool,
    ) -> Update:
        """The page with a finished picture. Raises what the job raised."""
        parts, service = self.parts, self.service
        dressed: Dressed = job.future.result()
        before = await service.show(visit, dressed.plan.person.photo, "before")
        after = await service.show(visit, dressed.look.image, "after")
        file = await service.save(visit, dressed, inputs[parts.settings["format"]])
        visit.looks.append((before, after, file))
        seen = [
            (await service.show(visit, picture, "seen"), caption)
            for caption, picture in what_was_seen(language, dressed)
        ]
        seed = dressed.look.parameters["seed"]
        line = finished(language, dressed, seconds_since(start), remarks(dressed.plan, own_mask))
        return {
            parts.slider: (before, after),
            parts.gallery: [(look[1], f"{n + 1}") for n, look in enumerate(visit.looks)],
            parts.seen: seen,
            parts.download: gr.DownloadButton(value=file, interactive=True),
            parts.reuse: gr.Button(interactive=True),
            parts.last_seed: str(seed),
            parts.status: line,
        }
