"""What the tab "Try on" does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from tryon.demo.dressing import Dressed, Wish, automatic_mask
from tryon.demo.jobs import Complaint, Field, Job, Progress
from tryon.demo.mask_editor import (
    carried_over,
    closest,
    editor_base,
    editor_photo,
    is_edited,
    layer_of,
    mask_of,
)
from tryon.demo.messages import complaint, finished, note, status, working
from tryon.demo.remarks import remarks
from tryon.demo.seen import what_was_seen
from tryon.demo.service import Service, seconds_since
from tryon.demo.settings import options_of
from tryon.demo.strings import Language, language_of, said
from tryon.demo.visitors import Visit
from tryon.errors import TryOnError
from tryon.options import DressOptions

Update = dict[Any, Any]
Inputs = Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class TryOnParts:
    """The components of the tab. picked: `sku:NAME` of the garment picked from the catalogue."""

    person: gr.Image
    person_tabs: gr.Tabs
    person_picks: gr.Gallery
    editor: gr.ImageEditor
    grow: gr.Slider
    reset: gr.Button
    person_note: gr.HTML
    mask_note: gr.HTML
    garment: gr.Image
    picked: gr.State
    garment_filter: gr.Radio
    garment_picks: gr.Gallery
    category: gr.Dropdown
    photo_kind: gr.Dropdown
    garment_note: gr.HTML
    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    slider: gr.ImageSlider
    gallery: gr.Gallery
    seen: gr.Gallery
    download: gr.DownloadButton
    reuse: gr.Button
    last_seed: gr.State
    settings_note: gr.HTML
    settings: Mapping[str, Any]

    def notes(self) -> dict[Field, gr.HTML]:
        return {
            "person": self.person_note,
            "garment": self.garment_note,
            "mask": self.mask_note,
            "settings": self.settings_note,
        }


class TryOnDesk:
    """Handlers of the tab; each yields what changes on the page."""

    def __init__(self, service: Service, parts: TryOnParts) -> None:
        self.service = service
        self.parts = parts

    # The mask

    async def new_person(self, inputs: Inputs, request: gr.Request) -> AsyncIterator[Update]:
        """Show the automatic mask of a photo that was just chosen."""
        visit, parts = self.service.visit(request), self.parts
        visit.automatic = None
        visit.bases.clear()
        language = language_of(request)
        if inputs[parts.person] is None:
            yield {parts.editor: None, parts.person_note: note(), parts.mask_note: note()}
            return
        yield {parts.person_note: note(said(language, "looking"), "good"), parts.mask_note: note()}
        yield await self._masked(inputs, request, drawn=None, arrive=True)

    async def refresh_mask(self, inputs: Inputs, request: gr.Request) -> Update:
        """The mask again, for another garment or another kind of it; what was brushed stays."""
        parts, visit = self.parts, self.service.visit(request)
        if inputs[parts.person] is None:
            return {parts.garment_note: note()}
        return await self._masked(inputs, request, drawn=self._drawn(visit, inputs), arrive=False)

    async def grow_mask(self, inputs: Inputs, request: gr.Request) -> Update:
        """The mask grown or shrunk; what was brushed stays."""
        visit, parts = self.service.visit(request), self.parts
        if visit.automatic is None:
            return {parts.mask_note: note()}
        return await self._rebased(visit, self._drawn(visit, inputs), int(inputs[parts.grow] or 0))

    async def reset_mask(self, request: gr.Request) -> Update:
        """The automatic mask as it was found."""
        visit, parts = self.service.visit(request), self.parts
        if visit.automatic is None:
            return {parts.grow: 0}
        return await self._rebased(visit, None, 0) | {parts.grow: 0}

    async def _rebased(self, visit: Visit, drawn: Image.Image | None, grow: int) -> Update:
        """The editor with the automatic mask grown and what was drawn on top of it."""
        assert visit.automatic is not None and visit.editor_photo is not None
        old = closest(drawn, visit.bases)
        mask = base = editor_base(visit.automatic, visit.editor_photo.size, grow)
        if old is not None:
            mask = carried_over(drawn, old, base)
        visit.bases.append(base)
        visit.turn += 1  # a value like the last one from here would not undo what was brushed
        value = {
            "background": await self.service.show(visit, visit.editor_photo, "person"),
            "layers": [await self.service.show(visit, layer_of(mask), f"mask-{visit.turn}")],
            "composite": None,
        }
        return {self.parts.editor: value}

    def _drawn(self, visit: Visit, inputs: Inputs) -> Image.Image | None:
        if not visit.bases:
            return None
        return mask_of(inputs[self.parts.editor], visit.bases[-1].size)

    async def _masked(
        self, inputs: Inputs, request: gr.Request, drawn: Image.Image | None, arrive: bool
    ) -> Update:
        parts, visit, language = self.parts, self.service.visit(request), language_of(request)
        cleared = {box: note() for box in parts.notes().values()}
        try:
            wish = self.wish(visit, inputs, DressOptions(**self._kinds(inputs)))
            job = Job(
                lambda engine, report: automatic_mask(engine, wish, report),
                model=inputs[parts.settings["model"]],
                seconds=self.service.limits.seconds,
            )
            self.service.enter(visit, request, [job])
            person, mask = await self.service.ended(visit, job)
        except Exception as error:  # told beside the field; the photo itself stays
            return cleared | self._told(language, error) | ({parts.editor: None} if arrive else {})
        visit.editor_photo = editor_photo(person.photo)
        visit.automatic = mask
        update = await self._rebased(visit, drawn, int(inputs[parts.grow] or 0))
        if arrive:
            update[parts.person_tabs] = gr.Tabs(selected="mask")
            update[parts.mask_note] = note(said(language, "mask_ready"), "good")
        return cleared | update

    # The picture

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
        start = time.monotonic()
        try:
            jobs, own_mask = self._jobs(visit, inputs)
            self.service.enter(visit, request, jobs)
            visit.looks = []
            for number, job in enumerate(jobs):
                before = said(language, "picture_of", number=number + 1, count=len(jobs))
                async for update in self._painting(visit, language, job, before * (len(jobs) > 1)):
                    yield update
                yield await self._finished(visit, inputs, language, job, start, own_mask)
        except Exception as error:
            visit.stop()
            yield self._told(language, error)
        finally:
            visit.stop()
        yield self._idle()

    def stop(self, request: gr.Request) -> Update:
        """End what this visitor waits for; the handler that waits says so."""
        self.service.visit(request).stop()
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

    def _kinds(self, inputs: Inputs) -> dict[str, Any]:
        parts = self.parts
        return {"category": inputs[parts.category], "garment_photo": inputs[parts.photo_kind]}

    def wish(
        self, visit: Visit, inputs: Inputs, options: DressOptions, mask: Image.Image | None = None
    ) -> Wish:
        parts = self.parts
        garment = inputs[parts.picked] or inputs[parts.garment]
        return self.service.wish(visit, inputs[parts.person], garment, options, mask)

    def _jobs(self, visit: Visit, inputs: Inputs) -> tuple[list[Any], bool]:
        """A job for each sample, and whether the mask is the visitor's own. Raises Complaint."""
        parts = self.parts
        drawn = self._drawn(visit, inputs)
        own_mask = is_edited(drawn, closest(drawn, visit.bases))
        try:
            options = options_of(
                {name: inputs[part] for name, part in parts.settings.items()},
                self._kinds(inputs) | {"grow": 0 if own_mask else int(inputs[parts.grow] or 0)},
                self.service,
            )
        except TryOnError as error:
            raise Complaint("settings", error) from error
        model = inputs[parts.settings["model"]]
        wishes = [self.wish(visit, inputs, o, drawn if own_mask else None) for o in options]
        return [self.service.dress_job(wish, model) for wish in wishes], own_mask

    async def _painting(
        self, visit: Visit, language: Language, job: Any, before: str
    ) -> AsyncIterator[Update]:
        """The status line, and the garment laid on the body as soon as it is."""
        said_last, preview = "", None
        async for progress in self.service.follow(visit, job):
            update: Update = {}
            line = working(language, progress, before)
            if line != said_last:
                update[self.parts.status] = said_last = line
            if job.preview is not None and preview is None:
                preview = await self.service.show(visit, job.preview, "preview")
                update[self.parts.slider] = (preview, preview)
            if update:
                yield update

    async def _finished(
        self,
        visit: Visit,
        inputs: Inputs,
        language: Language,
        job: Any,
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

    def _told(self, language: Language, error: BaseException) -> Update:
        """The error as a sentence beside its field."""
        field, text = complaint(language, error)
        box = self.parts.notes().get(field)
        line = {self.parts.status: status(text, "sorry")}
        return line if box is None else line | {box: note(text)}
