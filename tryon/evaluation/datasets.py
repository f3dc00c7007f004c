"""Try-ons of published data sets, by their own lists of pairs.

Paired, the photo shows the person in that very garment: it is the truth. What may be repainted is
taken from the photo with the old garment in sight, so paired figures flatter every method; they
are for comparing methods with one another. Unpaired, only the prints can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tryon.data.dresscode import dresscode_pairs
from tryon.data.pairs import Pairing, PhotoPair
from tryon.data.vitonhd import Split, vitonhd_pairs
from tryon.errors import ImageNotFoundError, InputError, OptionError
from tryon.evaluation.methods import (
    PREVIEWS,
    Case,
    check_methods,
    needs_model,
    picture_of,
)
from tryon.evaluation.metrics import delta_e, psnr, ssim
from tryon.evaluation.photographs import PRINTS, PRINTS_NOTE, print_rows
from tryon.evaluation.report import Failure, OnCase, Report, Row, Table, grouped_overall, quiet
from tryon.images import load_cutout, load_image, photo_key
from tryon.options import DressOptions
from tryon.perception import Perception, load_perception
from tryon.pipelines.fit.warp import warp_garment
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.planning import repainted_area
from tryon.preparation import prepared_garment, prepared_person
from tryon.stopwatch import Stopwatch
from tryon.types import CATEGORIES, Category

if TYPE_CHECKING:
    from tryon.engine import TryOn

TRY_ON = "Try-on"
_NOTE = (
    "Against the photo, inside what may be repainted: PSNR in dB, SSIM, mean and median CIEDE2000. "
    "`photo_`: over the whole picture. Mean ± standard error."
)


@dataclass(frozen=True, slots=True)
class DatasetEvaluation:
    """What to measure on a published data set.

    root: its folder. layout: how it lies there. split: `test`, or `train`.
    pairing: each person in their own garment, or in another one.
    count: how many pairs, of each category; 0 takes all.
    methods: names of `methods.METHODS` (not `true-warp`).
    printed: possible matches from which on a garment counts as printed.
    model, device: of the engine, if a method needs one. seed: of its noise.
    """

    root: Path
    layout: Literal["vitonhd", "dresscode"]
    split: Split = "test"
    pairing: Pairing = "paired"
    count: int = 20
    categories: tuple[Category, ...] = CATEGORIES
    methods: tuple[str, ...] = PREVIEWS
    printed: int = 30
    model: str = "mini"
    device: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_methods(self.methods, truth=False)
        if self.count < 0:
            raise OptionError(f"count is {self.count}, not 0 or more")
        if self.layout == "vitonhd" and "upper" not in self.categories:
            raise OptionError("VITON-HD has upper garments only")

    def pairs(self) -> Iterator[PhotoPair]:
        """The pairs to measure. Raises ImageNotFoundError or InputError."""
        some = self.count or None
        if self.layout == "vitonhd":
            yield from islice(vitonhd_pairs(self.root, self.split, self.pairing), some)
            return
        for category in self.categories:
            pairs = dresscode_pairs(self.root, self.split, self.pairing, (category,))
            try:
                yield from islice(pairs, some)
            except ImageNotFoundError:
                if len(self.categories) == 1:
                    raise


def evaluate_dataset(
    config: DatasetEvaluation,
    *,
    perception: Perception | None = None,
    engine: TryOn | None = None,
    on_case: OnCase = quiet,
) -> Report:
    """Dress the people of a data set, and compare with their photos, or count prints.

    Pairs that cannot be dressed are failures of the report. Raises ImageNotFoundError if there
    are none, InputError, WeightsError or DependencyError.
    """
    pairs = list(config.pairs())
    if not pairs:
        raise ImageNotFoundError("the data set lists no pairs", path=config.root)
    if engine is None and needs_model(config.methods):
        from tryon.engine import TryOn

        engine = TryOn(config.model, device=config.device)
    perception = perception or (engine.perception if engine else load_perception())
    truths: list[Row] = []
    prints: list[Row] = []
    failures: list[Failure] = []
    for done, pair in enumerate(pairs):
        on_case(pair.name, done, len(pairs))
        method = "all"
        made = {}
        try:
            case = dataset_case(pair, perception)
            for method in config.methods:
                made[method] = picture_of(method, case, engine, config.seed)
        except InputError as error:
            reason = f"{type(error).__name__}: {error.reason}"
            failures.append(Failure(pair.name, pair.category, method, reason))
            continue
        prints += print_rows(case, made, config.printed)
        if config.pairing == "paired":
            truths += truth_rows(case, made)
    note = PRINTS_NOTE.format(fewest=config.printed)
    tables = (
        Table(TRY_ON, (*truths, *grouped_overall(truths)), _NOTE),
        Table(PRINTS, (*prints, *grouped_overall(prints)), note),
    )
    return Report(
        config.layout, _plain(config), tuple(t for t in tables if t.rows), tuple(failures)
    )


def dataset_case(pair: PhotoPair, perception: Perception) -> Case:
    """The pair as the engine sees it. Raises InputError."""
    photo, cutout = load_image(pair.person), load_cutout(pair.garment)
    person = prepared_person(perception, photo, photo_key(photo), Stopwatch(), pair.person)
    garment = prepared_garment(
        perception, cutout, photo_key(cutout), pair.category, "flat-lay", pair.garment
    )
    cut = garment_cutout(perception.cutout, cutout)
    return Case(pair.name, pair.category, person, garment, cut)


def truth_rows(case: Case, made: dict[str, np.ndarray]) -> list[Row]:
    """One row for each picture: how far it is from the person's own photo."""
    truth = np.asarray(case.person.photo)
    warp = warp_garment(case.garment.atlas, case.person.body)
    area = repainted_area(case.person, case.garment.category, DressOptions(), warp, None)
    inside = np.asarray(area) > 127
    rows = []
    for method, picture in made.items():
        mean, median = delta_e(picture, truth, inside)
        values = {
            "psnr": psnr(picture, truth, inside),
            "ssim": ssim(picture, truth, inside),
            "delta_e": mean,
            "delta_e_median": median,
            "photo_psnr": psnr(picture, truth, np.ones_like(inside)),
        }
        rows.append(Row(case.name, case.group, method, values))
    return rows


def _plain(config: DatasetEvaluation) -> dict[str, object]:
    """The configuration as JSON has it, without paths of this machine."""
    return {
        "root": config.root.name,
        "split": config.split,
        "pairing": config.pairing,
        "count": config.count,
        "categories": list(config.categories),
        "methods": list(config.methods),
        **(
            {"model": Path(config.model).name, "seed": config.seed}
            if needs_model(config.methods)
            else {}
        ),
    }
