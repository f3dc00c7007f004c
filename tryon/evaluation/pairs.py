"""People dressed in shop photos of what they wear: the photo itself is the truth.

Says whether garments land where they are worn (`tryon.evaluation.coverage`), and how near the
picture comes to the photo inside what was repainted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

from tryon.data.worn_pairs import WornPair, worn_pairs
from tryon.errors import ImageNotFoundError, InputError, OptionError
from tryon.evaluation.coverage import coverage_measures
from tryon.evaluation.methods import METHODS, check_methods, needs_model
from tryon.evaluation.metrics import psnr, sharpness, ssim
from tryon.evaluation.report import Failure, OnCase, Report, Row, Table, quiet
from tryon.evaluation.sheet import captioned_rows
from tryon.options import DressOptions
from tryon.planning import Plan, worn_warp
from tryon.types import CATEGORIES, Category

if TYPE_CHECKING:
    from tryon.engine import TryOn
    from tryon.look import Look

Atlas = Literal["shop", "worn"]
COVERAGE, PICTURE, DRESSED = "Coverage", "Picture", "Dressed"
_SIGNED = ("hem_longer", "cuff_longer", "neckline_higher")
_NOTES = {
    DRESSED: "Share of the pairs that became a picture; the others are listed as failed.",
    COVERAGE: (
        "What is seen of the garment in the result, against what is seen of it in the photo: "
        "`iou`, the same above the true hem, shares too much and too little; hem, cuff and "
        "neckline off by so many shoulder widths; `hem_near`: share within 0.3."
    ),
    PICTURE: (
        "Against the photo, inside what was repainted: PSNR in dB, SSIM, `sharpness`: mean "
        "gradient in parts of the photo's."
    ),
}
_PER_SHEET, _ACROSS = 18, 2
_TOO_MUCH, _TOO_LITTLE = (220, 20, 20), (20, 190, 60)


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
class Dressed:
    """One pair by one method.

    picture: uint8 (H, W, 3). area: bool (H, W), what was repainted. covered: bool (H, W), where the
    picture shows the garment, or None where the method does not tell.
    """

    picture: np.ndarray
    area: np.ndarray
    covered: np.ndarray | None


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """What came of a pair: rows of measures, and a row of pictures for the sheet."""

    pair: WornPair
    coverage: tuple[Row, ...]
    picture: tuple[Row, ...]
    shown: tuple[Image.Image, ...] = ()

    @property
    def goodness(self) -> tuple[int, float]:
        """For sorting, worst first: not dressed at all, by overlap, then those without a mask."""
        if not self.picture:
            return 0, 0.0
        if self.coverage:
            return 1, self.coverage[0].values.get("iou", 0.0)
        return 2, self.picture[0].values["psnr"]


def evaluate_pairs(
    config: PairsEvaluation,
    *,
    preview: TryOn | None = None,
    engine: TryOn | None = None,
    on_case: OnCase = quiet,
) -> Report:
    """Dress everybody in what they wear, and compare.

    preview, engine: None loads the model `none`, and what the configuration says.

    Pairs that cannot be dressed are failures of the report. Raises ImageNotFoundError or InputError
    for a broken folder, WeightsError or DependencyError.
    """
    pairs = config.pairs()
    if preview is None:
        from tryon.engine import TryOn

        preview = TryOn("none")
    if engine is None and needs_model(config.methods):
        from tryon.engine import TryOn

        engine = TryOn(config.model, device=config.device)
    failures: list[Failure] = []
    found = []
    for done, pair in enumerate(pairs):
        on_case(pair.name, done, len(pairs))
        found.append(measured(pair, config, preview, engine, failures))
    found.sort(key=lambda one: one.goodness)
    return Report("pairs", _plain(config), _tables(found), tuple(failures), _sheets(found, config))


def measured(
    pair: WornPair,
    config: PairsEvaluation,
    preview: TryOn,
    engine: TryOn | None,
    failures: list[Failure],
) -> Measured:
    """One pair by every method; if one of them fails, by none."""
    method = "all"
    looks: dict[str, Dressed] = {}
    try:
        person = preview.prepare_person(pair.person)
        photo, kind = (pair.person, "worn") if config.atlas == "worn" else (pair.garment, "auto")
        garment = preview.prepare_garment(photo, pair.category, kind)  # type: ignore[arg-type]
        truth = pair.covered(person.photo.size)
        for method in config.methods:
            options = DressOptions(category=pair.category, seed=config.seed)
            with_options = replace(options, **METHODS[method].options)
            maker = preview if method == "warp" else engine
            assert maker is not None
            plan = maker.plan(person, garment, with_options)
            if not METHODS[method].words and method != "warp":
                plan = replace(plan, sample=replace(plan.sample, prompt="", negative_prompt=""))
            looks[method] = dressed(plan, maker.finish(plan, maker.paint([plan])[0]))
    except InputError as error:
        reason = f"{type(error).__name__}: {error.reason}"
        failures.append(Failure(pair.name, pair.category, method, reason))
        return Measured(pair, (), (), _opened(pair, config))
    right = np.asarray(person.photo)
    coverage, pictures = [], []
    for name, look in looks.items():
        pictures.append(Row(pair.name, pair.category, name, picture_measures(look, right)))
        if truth is not None and look.covered is not None:
            values = coverage_measures(look.covered, truth, person.pose, pair.category)
            coverage.append(Row(pair.name, pair.category, name, values))
    shown = (*_opened(pair, config), *(_compared(right, look, truth) for look in looks.values()))
    shown = (*shown, *(Image.fromarray(look.picture) for look in looks.values()))
    return Measured(pair, tuple(coverage), tuple(pictures), shown if config.sheet else ())


def dressed(plan: Plan, look: Look) -> Dressed:
    """What a look shows, and where of the garment: the one place that asks the engine for it."""
    area = np.asarray(plan.mask) > 127
    covered = None
    if plan.options.warp:
        covered = area & (worn_warp(plan.person, plan.garment).coverage > 0.5)
    return Dressed(np.asarray(look.image), area, covered)


def picture_measures(look: Dressed, truth: np.ndarray) -> dict[str, float]:
    """How near the picture comes to the photo (H, W, 3) inside what was repainted."""
    return {
        "psnr": psnr(look.picture, truth, look.area),
        "ssim": ssim(look.picture, truth, look.area),
        "sharpness": sharpness(look.picture, truth, look.area),
    }


def _tables(found: Sequence[Measured]) -> tuple[Table, ...]:
    dressed = [
        Row(one.pair.name, one.pair.category, "", {"dressed": float(bool(one.picture))})
        for one in found
    ]
    tables = [Table(DRESSED, _and_overall(dressed), _NOTES[DRESSED])]
    for title, rows in (
        (COVERAGE, [row for one in found for row in one.coverage]),
        (PICTURE, [row for one in found for row in one.picture]),
    ):
        if not rows:
            continue
        names = tuple(dict.fromkeys(name for row in rows for name in row.values))
        shown = tuple(name for name in names if name not in _SIGNED)
        each = tuple(Row(row.case, row.case, row.method, row.values) for row in rows)
        tables += [
            Table(title, _and_overall(rows), _NOTES[title], shown),
            Table(f"{title}, medians", _and_overall(rows), "", shown, names),
            Table(f"{title}, each, the worst first", each, "", names),
        ]
    return tuple(tables)


def _and_overall(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, and all once more in one group, if there are several groups."""
    several = len({row.group for row in rows}) > 1
    return (*rows, *(replace(row, group="all") for row in rows if several))


def _sheets(found: Sequence[Measured], config: PairsEvaluation) -> dict[str, Image.Image]:
    """Garment, photo, coverage and result of each pair, the worst first."""
    if not config.sheet:
        return {}
    rows = [(_caption(one), one.shown) for one in found]
    return {
        f"pairs-{number:02}.jpg": captioned_rows(
            rows[start : start + _PER_SHEET], config.sheet, across=_ACROSS
        )
        for number, start in enumerate(range(0, len(rows), _PER_SHEET), start=1)
    }


def _caption(one: Measured) -> str:
    if not one.picture:
        return f"{one.pair.name}: failed"
    values = {**one.picture[0].values, **(one.coverage[0].values if one.coverage else {})}
    shown = ("iou", "iou_above", "hem_longer", "cuff_longer", "neckline_higher", "psnr")
    known = [
        f"{name} {values[name]:.2f}" for name in shown if math.isfinite(values.get(name, math.nan))
    ]
    return f"{one.pair.name}: {', '.join(known)}"


def _opened(pair: WornPair, config: PairsEvaluation) -> tuple[Image.Image, ...]:
    """The photos of a pair for the sheet; none for one that cannot be read."""
    if not config.sheet:
        return ()
    opened = []
    for path in (pair.garment, pair.person):
        try:
            with Image.open(path) as photo:
                opened.append(photo.convert("RGB"))
        except OSError:
            continue
    return tuple(opened)


def _compared(photo: np.ndarray, look: Dressed, truth: np.ndarray | None) -> Image.Image:
    """The pale photo with what is covered too much in red and too little in green.

    Without a known truth, all that is covered in red.
    """
    grey = photo.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 0.5 + 110
    covered = np.zeros(look.area.shape, bool) if look.covered is None else look.covered
    known = np.zeros_like(covered) if truth is None else truth
    for where, colour in ((covered & ~known, _TOO_MUCH), (known & ~covered, _TOO_LITTLE)):
        grey[where] = grey[where] * 0.45 + np.array(colour) * 0.55
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


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
