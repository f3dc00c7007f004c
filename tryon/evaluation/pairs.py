"""People dressed in shop photos of what they wear: the photo itself is the truth.

Says whether garments land where they are worn (`tryon.evaluation.coverage`), and how near the
picture comes to the photo inside what was repainted.

The old clothes are the new ones: whatever a method leaves of the photo is right. So pictures that
leave much of it (such as a warp drawn over the photo, with nothing in its place where it does not
reach) are flattered, and where the garment goes is measured by coverage, not by the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

from tryon.data.worn_pairs import WornPair, worn_pairs
from tryon.errors import ImageNotFoundError, InputError, OptionError
from tryon.evaluation.coverage import coverage_measures
from tryon.evaluation.methods import METHODS, check_methods, needs_model, painted_look
from tryon.evaluation.metrics import psnr, sharpness, ssim
from tryon.evaluation.pair_report import (
    Measured,
    Shown,
    pair_cells,
    pair_sheets,
    pair_tables,
)
from tryon.evaluation.report import Failure, OnCase, Report, Row, quiet
from tryon.images import load_image
from tryon.planning import Plan, worn_warp
from tryon.types import CATEGORIES, Category

if TYPE_CHECKING:
    from tryon.engine import TryOn
    from tryon.look import Look

Distance = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
"""How different a picture looks from the truth inside a region; see `PerceptualDistance`."""
Atlas = Literal["shop", "worn"]


@dataclass(frozen=True, slots=True)
class PairsEvaluation:
    """What to measure on a folder of pairs.

    root: the folder, see `tryon.data.worn_pairs`.
    atlas: `shop` dresses people in the garment's own photo; `worn` takes the garment from the very
        photo it is put back onto, so that nothing is lost by placing it: the ceiling.
    methods: `warp`, what the model `none` shows, and methods of `methods.METHODS` that paint.
    only: names of pairs; empty takes all. count: how many of each category; 0 takes all.
    sheet: height in pixels of the contact sheets' pictures; 0 makes none.
    model, device: of the engine, if a method needs one. seed: of its noise.
    """

    root: Path
    atlas: Atlas = "shop"
    methods: tuple[str, ...] = ("warp",)
    categories: tuple[Category, ...] = CATEGORIES
    only: tuple[str, ...] = ()
    count: int = 0
    sheet: int = 320
    model: str = "mini"
    device: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_methods(self.methods, truth=False)
        for name in self.methods:
            if name != "warp" and not METHODS[name].model:
                raise OptionError(f"{name!r} is no look of the engine's, so that it covers nothing")
        if self.atlas not in get_args(Atlas):
            raise OptionError(f"atlas is {self.atlas!r}, not 'shop' or 'worn'")
        if self.count < 0:
            raise OptionError(f"count is {self.count}, not 0 or more")

    def pairs(self) -> list[WornPair]:
        """The pairs to measure. Raises ImageNotFoundError or InputError."""
        listed = worn_pairs(self.root)
        if missing := set(self.only) - {pair.name for pair in listed}:
            raise OptionError(f"no pair is called {', '.join(sorted(missing))}")
        chosen = [pair for pair in listed if not self.only or pair.name in self.only]
        lots = [[p for p in chosen if p.category == c] for c in self.categories]
        found = [pair for lot in lots for pair in (lot[: self.count] if self.count else lot)]
        if not found:
            raise ImageNotFoundError("there are no such pairs here", path=self.root)
        return found


@dataclass(frozen=True, eq=False, slots=True)
class Makers:
    """What pairs are dressed and compared by.

    preview: the engine of the model `none`, which also prepares people and garments.
    engine: the one that paints, if a method needs it.
    """

    preview: TryOn
    engine: TryOn | None
    distance: Distance

    def of(self, method: str) -> TryOn:
        """The engine of a method."""
        maker = self.engine if METHODS[method].model else self.preview
        assert maker is not None
        return maker


def evaluate_pairs(
    config: PairsEvaluation,
    *,
    preview: TryOn | None = None,
    engine: TryOn | None = None,
    distance: Distance | None = None,
    on_case: OnCase = quiet,
) -> Report:
    """Dress everybody in what they wear, and compare.

    preview, engine, distance: None loads the model `none`, what the configuration says, and
    `tryon.evaluation.perceptual`.

    Pairs that cannot be dressed are failures of the report. Raises ImageNotFoundError or InputError
    for a broken folder, WeightsError or DependencyError.
    """
    from tryon.engine import TryOn
    from tryon.evaluation.perceptual import PerceptualDistance

    pairs = config.pairs()
    if engine is None and needs_model(config.methods):
        engine = TryOn(config.model, device=config.device)
    makers = Makers(preview or TryOn("none"), engine, distance or PerceptualDistance())
    failures: list[Failure] = []
    found = []
    for done, pair in enumerate(pairs):
        on_case(pair.name, done, len(pairs))
        found.append(measured(pair, config, makers, failures))
    found.sort(key=lambda one: one.rank)
    sheets = pair_sheets(found, config.sheet) if config.sheet else {}
    return Report("pairs", _plain(config), pair_tables(found), tuple(failures), sheets)


def measured(
    pair: WornPair, config: PairsEvaluation, makers: Makers, failures: list[Failure]
) -> Measured:
    """One pair by every method; if one of them fails, by none."""
    method = "all"
    looks: dict[str, Shown] = {}
    try:
        person = makers.preview.prepare_person(pair.person)
        if config.atlas == "worn":
            garment = makers.preview.prepare_garment(pair.person, pair.category, "worn")
        else:
            garment = makers.preview.prepare_garment(pair.garment, pair.category)
        truth = pair.covered(person.photo.size)
        for method in config.methods:
            maker = makers.of(method)
            looks[method] = shown(*painted_look(method, maker, person, garment, seed=config.seed))
    except InputError as error:
        reason = f"{type(error).__name__}: {error.reason}"
        failures.append(Failure(pair.name, pair.category, method, reason))
        return _not_dressed(pair, config)
    photo = np.asarray(person.photo)
    coverage, pictures = [], []
    for method, look in looks.items():
        values = picture_measures(look, photo, makers.distance)
        pictures.append(Row(pair.name, pair.category, method, values))
        if truth is not None and look.covered is not None:
            values = coverage_measures(look.covered, truth, person.pose, pair.category)
            coverage.append(Row(pair.name, pair.category, method, values))
    cells: tuple[Image.Image, ...] = ()
    if config.sheet:
        cells = pair_cells(load_image(pair.garment), photo, truth, looks, config.sheet)
    return Measured(pair, tuple(coverage), tuple(pictures), cells)


def shown(plan: Plan, look: Look) -> Shown:
    """What a look shows: the one place that asks the engine where the garment is seen."""
    area = np.asarray(plan.mask) > 127
    covered = None
    if plan.options.warp:
        covered = area & (worn_warp(plan.person, plan.garment).coverage > 0.5)
    return Shown(np.asarray(look.image), area, covered)


def picture_measures(look: Shown, truth: np.ndarray, distance: Distance) -> dict[str, float]:
    """How near the picture comes to the photo (H, W, 3) inside what was repainted."""
    return {
        "distance": distance(look.picture, truth, look.area),
        "psnr": psnr(look.picture, truth, look.area),
        "ssim": ssim(look.picture, truth, look.area),
        "sharpness": sharpness(look.picture, truth, look.area),
    }


def _not_dressed(pair: WornPair, config: PairsEvaluation) -> Measured:
    """A pair without a picture counts as a garment that covers nothing."""
    rows: list[Row] = []
    if pair.worn is not None:
        values = {"iou": 0.0, "iou_above": 0.0, "too_much": 0.0, "too_little": 1.0, "hem_near": 0.0}
        rows = [Row(pair.name, pair.category, method, values) for method in config.methods]
    cells = []
    for path in (pair.garment, pair.person) if config.sheet else ():
        with suppress(InputError):
            cells.append(load_image(path))
    return Measured(pair, tuple(rows), (), tuple(cells))


def _plain(config: PairsEvaluation) -> dict[str, object]:
    """The configuration as JSON has it, without paths of this machine."""
    model = {"model": Path(config.model).name, "seed": config.seed}
    return {
        "root": config.root.name,
        "atlas": config.atlas,
        "methods": list(config.methods),
        "categories": list(config.categories),
        **({"only": list(config.only)} if config.only else {}),
        **({"count": config.count} if config.count else {}),
        **(model if needs_model(config.methods) else {}),
    }
