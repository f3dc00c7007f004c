"""What the tab "Try on" does about the mask, from a new photo to the visitor's own strokes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr
from PIL import Image

from tryon.demo.dressing import automatic_mask
from tryon.demo.jobs import Job
from tryon.demo.mask_editor import carried_over, closest, editor_base, editor_photo, layer_of
from tryon.demo.messages import note
from tryon.demo.service import Service
from tryon.demo.strings import Language, language_of, said
from tryon.demo.try_on_parts import Inputs, TryOnParts, Update
from tryon.demo.visitors import Visit
from tryon.options import DressOptions


class MaskDesk:
    """Handlers of the editor; each returns or yields what changes on the page."""

    def __init__(self, service: Service, parts: TryOnParts) -> None:
        self.service = service
        self.parts = parts

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
        return await self._masked(inputs, request, parts.drawn(visit, inputs), arrive=False)

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

    async def _masked(
        self, inputs: Inputs, request: gr.Request, drawn: Image.Image | None, arrive: bool
    ) -> Update:
        """The automatic mask for what is chosen now. arrive: of a photo that has just come.

        Where something else was chosen meanwhile, the mask for that will follow: an editor that is
        given two values at once loses the layers of the first while it loads them.
        """
        parts, visit, language = self.parts, self.service.visit(request), language_of(request)
        visit.asked = mine = visit.asked + 1
        update: Update = {box: note() for box in parts.notes().values()}
        del update[parts.mask_note]  # the editor shows what it showed
        try:
            visit.automatic, visit.editor_photo = await self._found(visit, inputs, request)
        except Exception as error:  # told beside the field; the photo itself stays
            update |= parts.told(language, error)
            if arrive:
                return update | {parts.editor: None}
            if visit.automatic is None or visit.bases:
                return update
        if mine == visit.asked:
            update |= await self._shown(visit, language, drawn, int(inputs[parts.grow] or 0))
        if arrive:
            update[parts.person_tabs] = gr.Tabs(selected="mask")
        return update

    async def _found(
        self, visit: Visit, inputs: Inputs, request: gr.Request
    ) -> tuple[Image.Image, Image.Image]:
        """The automatic mask, and the photo as the editor shows it. Raises what the job raised."""
        parts = self.parts
        wish = parts.wish(self.service, visit, inputs, DressOptions(**parts.kinds(inputs)))
        job = Job(
            lambda engine, report: automatic_mask(engine, wish, report),
            model=inputs[parts.settings["model"]],
            seconds=self.service.limits.seconds,
        )
        self.service.enter(visit, request, [job])
        person, mask = await self.service.ended(job)
        return mask, editor_photo(person.photo)
