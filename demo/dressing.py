"""Pictures on the engine's thread: several visitors' looks planned alone and painted together."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PIL import Image

from tryon.batch.saving import measured
from tryon.catalog_record import named_sku
from tryon.demo.jobs import Complaint, Job, OnProgress, concerning
from tryon.demo.limits import Limits
from tryon.demo.pictures import shown, shrunk
from tryon.errors import Cancelled, TryOnError
from tryon.images import load_cutout, load_image, load_mask
from tryon.look import Look
from tryon.options import DressOptions
from tryon.pipelines.mask import agnostic_mask
from tryon.types import Category

if TYPE_CHECKING:  # torch is for the engine's thread: transformers cannot be imported in two
    from tryon.planning import Plan
    from tryon.preparation import Garment, Person

logger = logging.getLogger(__name__)

Found = TypeVar("Found")
KEPT = 8  # people, and garments, that are kept for one visitor


@dataclass(frozen=True, eq=False)
class Wish:
    """What one picture shall be.

    person: a file. garment: a file, or `sku:NAME`. None is for photos that are looked at only.
    people, garments: of the visitor, where what is found in the photos is kept; reduced: and the
        sizes of those person photos that were larger than what is worked on.
    mask: in the place of the automatic one: `L` of any size, 255 = repaint, or a file as large as
        the photo. limits: how large photos may be, and are worked on.
    """

    person: str | None
    garment: str | None
    options: DressOptions
    people: OrderedDict[Hashable, Person]
    garments: OrderedDict[Hashable, Garment]
    limits: Limits
    mask: Image.Image | str | None = None
    reduced: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Dressed:
    """A finished picture and the plan that it was made by. scores: see `Look`, and `likeness`."""

    look: Look
    plan: Plan
    scores: Mapping[str, float]

    def report(self) -> dict[str, Any]:
        """What a program gets: as `tryon dress --json` prints it."""
        scores = {name: round(value, 6) for name, value in self.scores.items()}
        garment = {"category": self.plan.garment.category}
        return {**self.look.report(), **garment, "scores": scores}


class DressJob(Job[Dressed]):
    """One picture, which can be painted together with others.

    preview: the photo and the picture as it is so far, of one size; None before it is planned.
    """

    def __init__(self, wish: Wish, *, model: str, seconds: float | None = None) -> None:
        super().__init__(self._alone, model=model, seconds=seconds)
        self.wish = wish
        self.preview: tuple[Image.Image, Image.Image] | None = None

    def _alone(self, engine: Any, on_progress: OnProgress) -> Dressed:
        dress_together(engine, [self])
        return self.future.result()


def dress_together(engine: Any, jobs: Sequence[DressJob]) -> None:
    """Plan each, paint those with the same settings together, and end every job.

    A job that is stopped while others are painted with it ends at once; its picture is dropped.
    """
    planned: dict[DressJob, Plan] = {}
    for job in jobs:
        try:
            planned[job] = plan = plan_of(engine, job.wish, job.report)
            job.preview = shown(plan.person.photo), shown(plan.reference)
        except (TryOnError, Complaint) as error:
            job.fail(error)
        except Exception as error:  # a bug met by one photo is not the others' end
            logger.exception("a photo could not be planned")
            job.fail(error)
    groups: dict[Any, list[DressJob]] = {}
    for job, plan in planned.items():
        groups.setdefault(plan.shared, []).append(job)
    for group in groups.values():
        _painted(engine, group, planned)


def _painted(engine: Any, group: list[DressJob], planned: dict[DressJob, Plan]) -> None:
    def report(stage: str, done: int, total: int) -> None:
        for job in group:
            try:
                job.report(stage, done, total)
            except Cancelled as error:
                job.fail(error)
        if all(job.future.done() for job in group):
            raise Cancelled("stopped")

    def show(place: int, picture: Image.Image) -> None:
        job = group[place]
        assert job.preview is not None  # since it was planned
        photo, _ = job.preview
        job.preview = photo, in_photo(planned[job], photo, picture)

    try:
        report("denoise", 0, 0)
        pictures = engine.paint(
            [planned[job] for job in group], on_progress=report, on_preview=show
        )
        for job, picture in zip(group, pictures, strict=True):
            with concerning():
                job.end(dressed(engine, planned[job], picture))
    except (TryOnError, Complaint) as error:
        for job in group:
            job.fail(error)


def dressed(engine: Any, plan: Plan, picture: Image.Image) -> Dressed:
    """What was painted, in its photo and measured."""
    look = engine.finish(plan, picture)
    return Dressed(look, plan, {**look.scores, **measured(plan, look.image)})


def in_photo(plan: Plan, photo: Image.Image, painted: Image.Image) -> Image.Image:
    """What is being painted, RGB of any size, in its place in the photo, which may be reduced."""
    scale, box = photo.width / plan.person.photo.width, plan.crop.box
    size = max(1, round(box.width * scale)), max(1, round(box.height * scale))
    painting = photo.copy()
    painting.paste(painted.resize(size), (round(box.left * scale), round(box.top * scale)))
    return Image.composite(painting, photo, plan.mask.resize(photo.size))


def plan_of(engine: Any, wish: Wish, on_progress: OnProgress) -> Plan:
    """The plan of a wish. Raises Complaint or Cancelled."""
    person = found_person(engine, wish, on_progress)
    on_progress("garment", 0, 0)
    garment = found_garment(engine, wish)
    with concerning():
        mask: Any = wish.mask
        if isinstance(mask, str) and (size := wish.reduced.get(str(wish.person))):
            mask = load_mask(Path(mask), size)  # painted on the photo as it came
        if isinstance(mask, Image.Image):
            mask = at_size(mask, person.photo.size)
        return engine.plan(person, garment, wish.options, mask=mask, on_progress=on_progress)


@dataclass(frozen=True, eq=False)
class Sight:
    """What photos show. mask: what would be repainted: `L`, the size of the person photo."""

    person: Person | None = None
    garment: Garment | None = None
    mask: Image.Image | None = None


def seen_in_photos(engine: Any, wish: Wish, on_progress: OnProgress) -> Sight:
    """Look at the photos that are there.

    Without a garment, the mask is what a garment of the wanted category (else an upper one) needs.
    Raises Complaint or Cancelled.
    """
    person = found_person(engine, wish, on_progress) if wish.person else None
    if wish.garment is None:
        if person is None:
            return Sight()
        category: Category = "upper" if wish.options.category == "auto" else wish.options.category
        with concerning("person"):
            return Sight(person, None, agnostic_mask(person.parsing, category))
    on_progress("garment", 0, 0)
    garment = found_garment(engine, wish)
    if person is None:
        return Sight(None, garment)
    with concerning():
        plan = engine.plan(person, garment, wish.options, on_progress=on_progress)
        return Sight(person, garment, plan.mask)


def found_person(engine: Any, wish: Wish, on_progress: OnProgress) -> Person:
    """What is in the person photo, looked at once for each visitor."""
    on_progress("person", 0, 0)

    def look() -> Person:
        photo = load_image(Path(str(wish.person)), max_pixels=wish.limits.pixels)
        small = shrunk(photo, wish.limits.worked_pixels)
        if small is not photo:
            wish.reduced[str(wish.person)] = photo.size
        return engine.prepare_person(small)

    with concerning("person"):
        return remembered(wish.people, wish.person, look)


def found_garment(engine: Any, wish: Wish) -> Garment:
    """What is in the garment photo, or what the catalogue has; looked at once for each visitor."""
    garment, options = wish.garment, wish.options
    with concerning("garment"):
        if (sku := named_sku(garment)) is not None:
            entry = engine.catalog.get(sku)
            key = (sku, entry.generation, engine.model)
            return remembered(wish.garments, key, lambda: engine.prepare_garment(entry))

        def look() -> Garment:
            cutout = load_cutout(Path(str(garment)), max_pixels=wish.limits.pixels)
            small = shrunk(cutout, wish.limits.worked_pixels)
            return engine.prepare_garment(small, options.category, options.garment_photo)

        key = (str(garment), options.category, options.garment_photo)
        return remembered(wish.garments, key, look)


def remembered(
    kept: OrderedDict[Hashable, Found], key: Hashable, find: Callable[[], Found]
) -> Found:
    """What was found before, or is now; the one not asked for longest is forgotten."""
    if key not in kept:
        kept[key] = find()
    kept.move_to_end(key)
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return kept[key]


def at_size(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The mask at the photo's size, 0 or 255, its edges smooth."""
    large = mask.resize(size, Image.Resampling.BICUBIC) if mask.size != size else mask
    return large.point(lambda level: 255 * (level >= 128))
