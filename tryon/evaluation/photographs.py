"""Try-ons of real photographs: no truth is known, but whether prints survive can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from tryon.errors import GarmentError, ImageNotFoundError, InputError, OptionError
from tryon.evaluation.methods import Case, check_methods, needs_model, picture_of
from tryon.evaluation.prints import possible_matches, print_matches
from tryon.evaluation.report import Failure, OnCase, Report, Row, Table, grouped_overall, quiet
from tryon.evaluation.sheet import picture_grid
from tryon.images import load_cutout, load_image, photo_key
from tryon.perception import Perception, load_perception
from tryon.pipelines.fit.warp import warp_garment
from tryon.pipelines.garment.cutout import Cutout, garment_cutout
from tryon.preparation import Garment, Person, prepared_garment, prepared_person
from tryon.stopwatch import Stopwatch
from tryon.types import CATEGORIES, Category

if TYPE_CHECKING:
    from tryon.engine import TryOn

PRINTS = "Prints"
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
PRINTS_NOTE = (
    "`matches`: keypoints of the garment photo found again where it is worn, by SIFT, the ratio "
    "test and one homography. `possible`: the same on the photo's own copy, turned and sheared, "
    "at the worn garment's size. `kept`: the one in parts of the other, for garments that have "
    "{fewest} possible matches or more: the others have no print to speak of."
)


@dataclass(frozen=True, slots=True)
class PhotographEvaluation:
    """What to measure on real photographs: every person in every garment.

    people, garments: folders of photos. category: of all garments; `auto` looks.
    only: garments whose file's name (without its ending) is listed; empty takes all.
    methods: names of `methods.METHODS` (not `true-warp`).
    printed: possible matches from which on a garment counts as printed.
    sheet: height in pixels of the contact sheets' pictures; 0 makes none.
    model, device: of the engine, if a method needs one. seed: of its noise.
    """

    people: Path
    garments: Path
    methods: tuple[str, ...] = ("warp",)
    category: Literal["auto"] | Category = "auto"
    only: tuple[str, ...] = ()
    printed: int = 30
    sheet: int = 256
    model: str = "mini"
    device: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_methods(self.methods, truth=False)
        if self.category not in ("auto", *CATEGORIES):
            raise OptionError(f"category is {self.category!r}")


@dataclass(frozen=True, eq=False, slots=True)
class _Laid:
    """A garment, and its cut-out unless somebody wears it in the photo."""

    garment: Garment
    cutout: Cutout | None


def evaluate_photographs(
    config: PhotographEvaluation,
    *,
    perception: Perception | None = None,
    engine: TryOn | None = None,
    on_case: OnCase = quiet,
) -> Report:
    """Dress every person in every garment, and count what is left of the prints.

    Photos that cannot be used are failures of the report. Raises ImageNotFoundError if there are
    none at all, WeightsError or DependencyError.
    """
    if engine is None and needs_model(config.methods):
        from tryon.engine import TryOn

        engine = TryOn(config.model, device=config.device)
    perception = perception or (engine.perception if engine else load_perception())
    failures: list[Failure] = []
    people = _people(config, perception, failures)
    garments = _garments(config, perception, failures)
    rows: list[Row] = []
    pictures: dict[str, dict[tuple[str, str], Image.Image]] = {m: {} for m in config.methods}
    for done, (garment_name, person_name) in enumerate(product(garments, people)):
        on_case(f"{garment_name} on {person_name}", done, len(garments) * len(people))
        laid = garments[garment_name]
        case = Case(person_name, garment_name, people[person_name], laid.garment, laid.cutout)
        made = pictures_of(case, config, engine, failures)
        rows += print_rows(case, made, config.printed)
        for method, picture in made.items():
            pictures[method][person_name, garment_name] = Image.fromarray(picture)
    sheets = {}
    if config.sheet:
        top = {name: laid.garment.photo for name, laid in garments.items()}
        left = {name: person.photo for name, person in people.items()}
        sheets = {
            f"{method}.png": picture_grid(left, top, made, config.sheet)
            for method, made in pictures.items()
        }
    note = PRINTS_NOTE.format(fewest=config.printed)
    table = Table(PRINTS, (*rows, *grouped_overall(rows)), note)
    return Report("folder", _plain(config), (table,), tuple(failures), sheets)


def pictures_of(
    case: Case, config: PhotographEvaluation, engine: TryOn | None, failures: list[Failure]
) -> dict[str, np.ndarray]:
    """By method, uint8 (H, W, 3) of what could be made; the others are failures."""
    made = {}
    for method in config.methods:
        try:
            made[method] = picture_of(method, case, engine, config.seed)
        except InputError as error:
            failures.append(
                Failure(case.name, case.group, method, f"{type(error).__name__}: {error}")
            )
    return made


def print_rows(case: Case, made: Mapping[str, np.ndarray], printed: int) -> list[Row]:
    """The print's matches in each picture; the region is where the warp puts the garment."""
    region = warp_garment(case.garment.atlas, case.person.body).coverage > 0.5
    if not region.any() or not made:
        return []
    photo = np.asarray(case.garment.photo)
    garment = garment_region(case)
    possible = possible_matches(photo, garment, region)
    rows = []
    for method, picture in made.items():
        matches = len(print_matches(photo, garment, picture, region))
        kept = matches / possible if possible >= printed else float("nan")
        values = {"matches": float(matches), "possible": float(possible), "kept": kept}
        rows.append(Row(case.name, case.group, method, values))
    return rows


def garment_region(case: Case) -> np.ndarray:
    """bool (h, w): where in its photo the garment is, in the photo's own size."""
    alpha = case.garment.atlas.layers[0].alpha if case.cutout is None else case.cutout.alpha
    size = case.garment.photo.size
    if alpha.shape[::-1] != size:
        alpha = np.asarray(Image.fromarray(alpha).resize(size))
    return np.asarray(alpha > 127)


def photos_in(folder: Path) -> list[Path]:
    """The photos of a folder, sorted. Raises ImageNotFoundError if there are none."""
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in _ENDINGS)
    if not found:
        raise ImageNotFoundError("no photos here", path=folder, remedy="Give a folder of photos.")
    return found


def _people(
    config: PhotographEvaluation, perception: Perception, failures: list[Failure]
) -> dict[str, Person]:
    people = {}
    for path in photos_in(config.people):
        try:
            photo = load_image(path)
            people[path.stem] = prepared_person(
                perception, photo, photo_key(photo), Stopwatch(), path
            )
        except InputError as error:
            reason = f"{type(error).__name__}: {error.reason}"
            failures.append(Failure(path.stem, "people", "all", reason))
    return people


def _garments(
    config: PhotographEvaluation, perception: Perception, failures: list[Failure]
) -> dict[str, _Laid]:
    garments = {}
    for path in photos_in(config.garments):
        if config.only and path.stem not in config.only:
            continue
        try:
            photo = load_cutout(path)
            garment = prepared_garment(
                perception, photo, photo_key(photo), config.category, "auto", path
            )
            garments[path.stem] = _Laid(garment, _cutout(photo, garment, perception))
        except InputError as error:
            reason = f"{type(error).__name__}: {error.reason}"
            failures.append(Failure(path.stem, "garments", "all", reason))
    return garments


def _cutout(photo: Image.Image, garment: Garment, perception: Perception) -> Cutout | None:
    try:
        people = perception.pose.detect(garment.photo)
        return garment_cutout(perception.cutout, photo, people=people)
    except GarmentError:
        return None


def _plain(config: PhotographEvaluation) -> dict[str, object]:
    """The configuration as JSON has it, without paths of this machine."""
    return {
        "people": config.people.name,
        "garments": config.garments.name,
        "methods": list(config.methods),
        "category": config.category,
        "printed": config.printed,
        **(
            {"model": Path(config.model).name, "seed": config.seed}
            if needs_model(config.methods)
            else {}
        ),
    }
