"""What the tab "Try on" does when photos come: they are looked at, and what was found is told; the
mask is shown to those who open it, and takes their strokes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr
from PIL import Image

from tryon.demo.dressing import Sight, seen_in_photos
from tryon.demo.jobs import Job
from tryon.demo.mask_editor import carried_over, closest, editor_base, editor_photo, layer_of
from tryon.demo.messages import note, taken_as
from tryon.demo.service import Service
from tryon.demo.strings import Language, language_of, said
from tryon.demo.try_on_parts import Inputs, TryOnParts, Update
from tryon.demo.visitors import Visit
from tryon.options import DressOptions

LOOK = "look"


class MaskDesk:
    """Handlers of photos and of the editor; each returns or yields what changes on the page."""

    def __init__(self, service: Service, parts: TryOnParts) -> None:
        self.service = service
        self.parts = parts

    async def look(self, inputs: Inputs, request: gr.Request) -> AsyncIterator[Update]:
        """Look at photos that have come, or that are said to show something else. The mask of
        what was there before does not stay, and what was brushed goes with it."""
        visit, parts, language = self.service.visit(request), self.parts, language_of(request)
        visit.stop(LOOK)
        visit.asked = mine = visit.asked + 1
        visit.automatic = None
        visit.bases.clear()
        yield self._before(language, inputs)
        if inputs[parts.person] is None and inputs[parts.garment] is None:
            return
        update: Update = {}
        try:
            sight = await self._seen(visit, inputs, request)
            if mine == visit.asked:
                update = self._told(language, visit, sight, inputs)
                if sight.person is not None and sight.mask is not None:
                    visit.automatic = sight.mask
                    visit.editor_photo = editor_photo(sight.person.photo)
                    if visit.mask_open:
                        update |= await self._shown(visit, language, None, 0)
        except Exception as error:  # told beside the field; the photos themselves stay
            if mine == visit.asked:
                quiet = {parts.person_note: note(), parts.garment_note: note()}
                update = quiet | parts.told(language, error)
        if mine == visit.asked:
            yield update

    async def open_mask(self, inputs: Inputs, request: gr.Request) -> Update:
        """The editor comes into view, and is filled now."""
        visit = self.service.visit(request)
        visit.mask_open = True
        if visit.automatic is None or visit.bases:
            return {self.parts.grow: gr.skip()}
        grow = int(inputs[self.parts.grow] or 0)
        return await self._shown(visit, language_of(request), None, grow)

    def close_mask(self, request: gr.Request) -> None:
        """The editor is out of sight; what was brushed counts on."""
        self.service.visit(request).mask_open = False

    async def grow_mask(self, inputs: Inputs, request: gr.Request) -> Update:
        """The mask grown or shrunk; what was brushed stays."""
        visit, parts = self.service.visit(request), self.parts
        if visit.automatic is None:
            return {parts.mask_note: note()}
        drawn, grow = parts.drawn(visit, inputs), int(inputs[parts.grow] or 0)
        return await self._shown(visit, language_of(request), drawn, grow)

    async def reset_mask(self, request: gr.Request) -> Update:
        """The automatic mask as it was found."""
        visit, parts = self.service.visit(request), self.parts
        if visit.automatic is None:
            return {parts.grow: 0}
        return await self._shown(visit, language_of(request), None, 0) | {parts.grow: 0}

    def _before(self, language: Language, inputs: Inputs) -> Update:
        """The page while the photos are looked at."""
        parts, looking = self.parts, note(said(language, "looking"), "good")
        there = inputs[parts.person] is not None
        return {
            parts.editor: None,
            parts.grow: 0,
            parts.mask_note: note(),
            parts.person_note: looking if there else note(),
            parts.garment_note: looking if inputs[parts.garment] is not None else note(),
        }

    def _told(self, language: Language, visit: Visit, sight: Sight, inputs: Inputs) -> Update:
        """What was found, beside each photo."""
        parts = self.parts
        update: Update = {parts.person_note: note(), parts.garment_note: note()}
        if sight.person is not None:
            text = said(language, "person_seen")
            if inputs[parts.person] in visit.reduced:
                width, height = sight.person.photo.size
                text = said(language, "reduced", width=width, height=height)
            update[parts.person_note] = note(text, "good")
        if sight.garment is not None:
            change = inputs[parts.category] == "auto"
            text = taken_as(language, sight.garment.category, change=change)
            update[parts.garment_note] = note(text, "good")
        return update

    async def _shown(
        self, visit: Visit, language: Language, drawn: Image.Image | None, grow: int
    ) -> Update:
        """The editor with the automatic mask grown and what was drawn on top of it, explained."""
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
        explained = note(said(language, "mask_ready"), "good")
        return {self.parts.editor: value, self.parts.mask_note: explained}

    async def _seen(self, visit: Visit, inputs: Inputs, request: gr.Request) -> Sight:
        """What the photos show. Raises what the job raised."""
        parts = self.parts
        wish = parts.wish(self.service, visit, inputs, DressOptions(**parts.kinds(inputs)))
        job = Job(
            lambda engine, report: seen_in_photos(engine, wish, report),
            model=inputs[parts.settings["model"]],
            seconds=self.service.limits.seconds,
        )
        self.service.enter(visit, request, [job], LOOK)
        return await self.service.ended(job)
