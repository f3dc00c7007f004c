"""The engine: loads a family once, prepares people and garments, and dresses them.

    person photo ──► prepare_person ──┐
                                      ├──► plan ──► paint ──► finish ──► Look
    garment photo ─► prepare_garment ─┘

The API, the command line, the demo and the benchmarks all go through `TryOn`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from os import PathLike
from typing import Any, Literal, cast

from PIL import Image

from tryon.catalog import Catalog
from tryon.errors import InputError, NotANumberError, OptionError, TryOnError
from tryon.finishing import finished_look
from tryon.images import Source, load_image, photo_key, source_path
from tryon.look import Look
from tryon.models import open_family
from tryon.options import DressOptions, GarmentPhoto
from tryon.outfit import Worn, check_outfit_options
from tryon.perception import PoseName, load_perception
from tryon.pipelines.family import Family, FamilyConfig
from tryon.pipelines.inpaint import inpaint
from tryon.pipelines.pose import require_visible
from tryon.pipelines.preview import OnPreview
from tryon.pipelines.recent import Recent
from tryon.planning import Plan, planned
from tryon.preparation import Garment, Person, prepared_person
from tryon.stock import GarmentSource, Stock
from tryon.stopwatch import Stopwatch
from tryon.types import Category

OnProgress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is (0: unknown).

Raise `Cancelled` in it to stop.
"""
Garments = GarmentSource | Sequence[GarmentSource]
"""One garment, or several to be worn together, each lying over those before it."""
Pair = tuple[Source | Person, Garments]

PREVIEW = FamilyConfig(width=576, height=768, layers=1.0)  # of the family `none`


def _quiet(stage: str, done: int, total: int) -> None:
    """No progress."""


class TryOn:
    """A loaded family and the models that prepare photos for it.

    model: `mini`, `sd15`, `sdxl`, a folder in diffusers layout, or a `.safetensors` checkpoint;
        `none` paints nothing and shows the layers of the picture as they are, at once.
    device, dtype, offload: None chooses what suits this machine and these weights.
    pose: `blazepose`, or `openpose` or `dwpose` through controlnet-aux.
    threads: of the pose and silhouette models.
    remember: how many prepared people, and how many garments, are kept for the next call.
    catalog: garments that go by `sku:NAME`, in a folder or an object store (see `Catalog`).
    lora_folder: where LoRAs lie that are asked for by name, NAME.safetensors.

    May be called from several threads: they prepare and finish side by side, and paint in turns.
    Raises WeightsError, OptionError or DependencyError.
    """

    def __init__(
        self,
        model: str | PathLike[str] = "mini",
        *,
        device: str | None = None,
        dtype: str | None = None,
        offload: bool | None = None,
        pose: PoseName = "blazepose",
        threads: int = 1,
        remember: int = 32,
        catalog: str | PathLike[str] | Catalog | None = None,
        lora_folder: str | PathLike[str] = ".",
    ) -> None:
        self.model = str(model)
        self.perception = load_perception(pose, threads=threads)
        self.family: Family | None = None
        self.config = PREVIEW
        if self.model != "none":
            self.family = open_family(model, device=device, dtype=dtype, offload=offload)
            self.config = self.family.config
        self.stock = Stock(
            self.perception,
            self.model,
            self.family,
            catalog=catalog,
            lora_folder=lora_folder,
            remember=remember,
        )
        self._people: Recent[Person] = Recent(remember)

    def dress(
        self,
        person: Source | Person,
        garment: Garments,
        *,
        mask: Source | None = None,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> Look:
        """Dress the person in the garment, or in several together: `[top, skirt]`.

        person, garment: paths, images, arrays, bytes or open files (see `tryon.images.Source`), or
            what `prepare_person` and `prepare_garment` gave.
        mask: what to repaint, the size of the photo, white = repaint; see `mask_mode`.
        options: the fields of `DressOptions`.

        Raises InputError of the fitting kind, NotANumberError, or Cancelled.
        """
        chosen = DressOptions().with_values(options)
        show = on_progress or _quiet
        plan = self.plan(person, garment, chosen, mask=mask, on_progress=show)
        (painted,) = self.paint([plan], on_progress=show)
        return self.finish(plan, painted)

    def dress_many(
        self,
        pairs: Iterable[Pair],
        *,
        batch_size: int = 8,
        errors: Literal["raise", "return"] = "raise",
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> Iterator[Look | TryOnError]:
        """Dress each (person, garment) of `pairs`, lazily and in order.

        batch_size: how many go through the UNet together. Each comes out as it would alone.
        errors: `return` yields the error of a pair that cannot be dressed in its place.
        """
        if errors not in ("raise", "return"):
            raise OptionError(f"errors is {errors!r}", remedy="Choose raise or return.")
        chosen = DressOptions().with_values(options)
        show = on_progress or _quiet
        waiting: list[Plan | TryOnError] = []
        for person, garment in pairs:
            try:
                waiting.append(self.plan(person, garment, chosen))
            except InputError as error:
                if errors == "raise":
                    yield from self._finished(waiting, errors, show)
                    raise
                waiting.append(error)
            if len(waiting) == batch_size:
                yield from self._finished(waiting, errors, show)
                waiting = []
        yield from self._finished(waiting, errors, show)

    def _finished(
        self,
        waiting: Sequence[Plan | TryOnError],
        errors: Literal["raise", "return"],
        on_progress: OnProgress,
    ) -> Iterator[Look | TryOnError]:
        plans = [plan for plan in waiting if isinstance(plan, Plan)]
        looks = iter(
            [
                painted if isinstance(painted, TryOnError) else self.finish(plan, painted)
                for _, group in groupby(plans, key=lambda plan: plan.shared)
                for plan, painted in self._painted(list(group), errors, on_progress)
            ]
        )
        for item in waiting:
            yield next(looks) if isinstance(item, Plan) else item

    def _painted(
        self, plans: list[Plan], errors: Literal["raise", "return"], on_progress: OnProgress
    ) -> list[tuple[Plan, Image.Image | TryOnError]]:
        """The plans and what was painted of them; one by one if not all of them can be."""
        try:
            return list(zip(plans, self.paint(plans, on_progress=on_progress), strict=True))
        except NotANumberError as error:
            if errors == "raise":
                raise
            if len(plans) == 1:
                return [(plans[0], error)]
        return [pair for plan in plans for pair in self._painted([plan], errors, on_progress)]

    def prepare_person(self, source: Source | Person, *, clock: Stopwatch | None = None) -> Person:
        """What is in a person photo. The same pixels are looked at once.

        Raises ImageError or PersonError.
        """
        if isinstance(source, Person):
            return source
        photo = load_image(source)
        key = photo_key(photo)
        return self._people.get(
            key,
            lambda: prepared_person(
                self.perception, photo, key, clock or Stopwatch(), source_path(source)
            ),
        )

    def prepare_garment(
        self,
        source: GarmentSource,
        category: Literal["auto"] | Category = "auto",
        photo_kind: GarmentPhoto = "auto",
    ) -> Garment:
        """What is in a garment photo. The same pixels are looked at once.

        A garment of the catalogue brings its own category, words and LoRA; another category that
        is asked for is not used, with a warning.
        Raises ImageError, GarmentError or CatalogError.
        """
        return self.stock.garment(source, category, photo_kind)

    @property
    def catalog(self) -> Catalog:
        """The catalogue. Raises OptionError if the engine was made without one."""
        return self.stock.catalog

    def plan(
        self,
        person: Source | Person,
        garment: Garments,
        options: DressOptions,
        *,
        mask: Source | None = None,
        on_progress: OnProgress = _quiet,
    ) -> Plan:
        """Everything that is decided before the model paints: mask, crop, pose, settings.

        Raises InputError of the fitting kind.
        """
        clock = Stopwatch()
        options = options.without_tags()
        garments = _garments(garment)
        check_outfit_options(options, len(garments), mask)
        on_progress("person", 0, 0)
        who = self.prepare_person(person, clock=clock)
        if options.category != "auto":  # told before the garment is looked at
            require_visible(who.pose, options.category, who.photo.size, path=who.path)
        on_progress("garment", 0, 0)
        with clock.stage("atlas"):
            pieces = [
                self._piece(garment, options, number, len(garments))
                for number, garment in enumerate(garments)
            ]
        on_progress("mask", 0, 0)
        with clock.stage("mask"):
            return planned(self.config, who, pieces, clock, mask)

    def _piece(self, source: GarmentSource, options: DressOptions, number: int, of: int) -> Worn:
        """One garment of a look; of several, each has the LoRA in its place, or none."""
        what = self.prepare_garment(source, options.category, options.garment_photo)
        if of > 1:
            options = replace(options, lora=options.lora[number : number + 1])
        options = self.stock.options_with(what, options)
        return Worn(what, options, self.stock.loras(options))

    def paint(
        self,
        plans: Sequence[Plan],
        *,
        on_progress: OnProgress = _quiet,
        on_preview: OnPreview | None = None,
    ) -> list[Image.Image]:
        """Repaint plans that share settings: RGB at the family's size, in order.

        on_preview: called between steps, now and then, with the place of a plan and a picture of
        its crop as it is so far, RGB of any size.
        Raises Cancelled when `on_progress` does.
        """
        if self.family is None:
            return [plan.sample.warp or plan.sample.image for plan in plans]
        if not plans:
            return []
        start = last_step = time.perf_counter()

        def on_step(done: int, total: int) -> None:
            nonlocal last_step
            last_step = time.perf_counter()
            on_progress("denoise", done, total)

        painted = inpaint(
            self.family,
            [plan.sample for plan in plans],
            plans[0].settings,
            on_step=on_step,
            on_preview=on_preview,
        )
        share = 1 / len(plans)
        for plan in plans:
            plan.clock.seconds["denoise"] += (last_step - start) * share
            plan.clock.seconds["decode"] += (time.perf_counter() - last_step) * share
        return painted

    def finish(self, plan: Plan, painted: Image.Image) -> Look:
        """Put what was painted back into the photo. Raises MaskEmptyError."""
        return finished_look(plan, painted, self.config, self.model)


def _garments(garments: Garments) -> Sequence[GarmentSource]:
    """One garment or several, as several."""
    one = str | bytes | bytearray | memoryview  # sequences, but each one picture
    several = isinstance(garments, Sequence) and not isinstance(garments, one)
    return cast("Sequence[GarmentSource]", garments if several else [garments])
