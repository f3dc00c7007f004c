"""What the tab "Try on" does with its button: pictures, sample by sample."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import gradio as gr

from tryon.demo.before_after import before_after
from tryon.demo.dressing import Dressed, DressJob
from tryon.demo.jobs import Complaint, Progress
from tryon.demo.mask_editor import closest, is_edited
from tryon.demo.messages import details, finished, note, status, taken_as, working
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
            parts.go: gr.Button(visible=False),
            parts.stop: gr.Button(visible=True, interactive=True),
        }
        start, jobs = time.monotonic(), list[DressJob]()
        try:
            jobs, own_mask = self._jobs(visit, inputs)
            self.service.enter(visit, request, jobs, TAB)
            for number, job in enumerate(jobs):
                before = said(language, "picture_of", number=number + 1, count=len(jobs))
                name = self.service.garment_name(language, job.wish)
                before *= len(jobs) > 1
                async for update in self._painting(visit, language, job, before, name):
                    yield update
                yield await self._finished(visit, inputs, language, job, start, own_mask)
        except Exception as error:
            yield parts.told(language, error)
        finally:
            for job in jobs:
                job.cancel()
        yield self._idle()

    def stop(self, request: gr.Request) -> Update:
        """End what this tab waits for; the handler that waits says so, and ends."""
        self.service.visit(request).stop(TAB)
        return {self.parts.stop: gr.Button(interactive=False)}

    def pick_look(self, event: gr.SelectData, request: gr.Request) -> Update:
        """Show a look of this visit again, and offer it for download."""
        looks = self.service.visit(request).looks
        if not isinstance(event.index, int) or event.index >= len(looks):
            return {self.parts.result: gr.skip()}
        look = looks[event.index]
        picture = self._picture(language_of(request), look.before, look.after, look.caption)
        return {self.parts.result: picture, self.parts.download: look.file}

    def _idle(self) -> Update:
        parts = self.parts
        return {parts.go: gr.Button(visible=True), parts.stop: gr.Button(visible=False)}

    def _picture(self, language: Language, before: str, after: str, garment: str) -> str:
        address = self.service.address
        return before_after(language, address(before), address(after), garment)

    def _missing(self, language: Language, inputs: Inputs) -> Update:
        parts = self.parts
        missing = {}
        if inputs[parts.person] is None:
            missing[parts.person_note] = note(said(language, "need_person"))
        if inputs[parts.garment] is None:
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
        self, visit: Visit, language: Language, job: DressJob, before: str, name: str
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
                update[self.parts.result] = self._picture(
                    language,
                    await self.service.show(visit, photo, "before"),
                    await self.service.show(visit, picture, "preview"),
                    name,
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
        name = service.garment_name(language, job.wish)
        look = await service.noted(visit, dressed, name, inputs[parts.settings["format"]])
        seen = [
            (await service.show(visit, picture, "seen"), caption)
            for caption, picture in what_was_seen(language, dressed)
        ]
        taken = taken_as(language, dressed.plan.garment.category)
        return {
            parts.result: self._picture(language, look.before, look.after, name),
            parts.looks: looks_of(visit),
            parts.details: details(language, dressed),
            parts.seen: seen,
            parts.garment_note: note(taken, "good"),
            parts.download: gr.DownloadButton(value=look.file, interactive=True),
            parts.reuse: gr.Button(interactive=True),
            parts.last_seed: str(dressed.look.parameters["seed"]),
            parts.status: finished(language, remarks(dressed, own_mask), seconds_since(start)),
        }


def looks_of(visit: Visit) -> gr.Gallery:
    """The history of a visit, which is not seen while it is empty."""
    looks = [(look.after, look.caption) for look in visit.looks]
    return gr.Gallery(looks, visible=bool(looks))
