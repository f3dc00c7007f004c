"""Try-ons of held-out synthetic people, whose picture in the new garment is known.

A person's joints and silhouette carry the errors of an estimator (`noisy`), or come from the
estimator itself (`estimated`); the garment is cut out and placed as in any other photo.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

from tryon.data.synthetic.sample import FACE, HAND, SKIN, Garment as TrueGarment, Sample
from tryon.errors import InputError, OptionError
from tryon.evaluation.covering import limbs_mistaken
from tryon.evaluation.held_out import FIRST_SEED, held_out_samples, noisy_person
from tryon.evaluation.maps import body_map_error, placement_error
from tryon.evaluation.methods import (
    PREVIEWS,
    check_methods,
    needs_model,
    own_area,
    picture_of,
)
from tryon.evaluation.metrics import delta_e, joints_missed, pose_error, psnr, ssim
from tryon.evaluation.repainting import repainting_measures
from tryon.evaluation.report import Failure, OnCase, Report, Row, Table, grouped_overall, quiet
from tryon.evaluation.synthetic_case import synthetic_case, synthetic_person
from tryon.perception import Perception, load_perception
from tryon.pipelines.bodymap import body_map
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.glance import garment_glance
from tryon.pipelines.garment.placement import garment_atlas
from tryon.pipelines.pose import single_person
from tryon.types import CATEGORIES, Category, Pose

if TYPE_CHECKING:
    from tryon.engine import TryOn

Area = Literal["own", "true", "box"]
Words = Literal["all", "cut"]

log = logging.getLogger(__name__)

TRY_ON, BODY_MAP, PLACEMENT, REPAINTING = "Try-on", "Body map", "Placement", "Repainting"
_NOTES = {
    TRY_ON: "Inside the new garment of the true picture: PSNR in dB, SSIM, mean and median "
    "CIEDE2000. `area_`: inside all that may be repainted; `photo_`: over the whole picture, so "
    "that a garment drawn too large counts too. `limbs`: percent of the limbs that are covered and "
    "should be bare, or the other way round. `pose`: mean distance of the joints found in the "
    "result from those found in the truth, in percent of the trunk. `missed`: percent of the "
    "joints that are not found within a tenth of the trunk. Mean ± standard error.",
    BODY_MAP: "On the bare body, by joints and silhouette with noise and as estimated: distance "
    "in percent of the body's height (median and mean over the pixels), share of pixels with the "
    "right part and side.",
    PLACEMENT: "On the outside of the front of flat-lays, cut out by the pipeline: distance in "
    "percent of the frame; intersection over union of the cut-out; share of garments whose "
    "category is told.",
    REPAINTING: "The mask that is found for the warp, in percent. `hair`, `bag`, `hand`, bare "
    "`arm`: of what lies within the outline of the old and the new garment, how much stays. `old`: "
    "how much of the old garment is left standing. `other`: how much of the other garments is "
    "repainted for nothing.",
}
_SHOWN = (
    "psnr",
    "ssim",
    "delta_e",
    "delta_e_median",
    "area_psnr",
    "area_ssim",
    "photo_psnr",
    "limbs",
    "pose",
    "missed",
)
_ARMS = ("shoulder", "elbow", "wrist")
_POSED: dict[Category, tuple[str, ...]] = {
    "upper": (*_ARMS, "hip"),
    "lower": ("hip", "knee", "ankle"),
    "dress": (*_ARMS, "hip", "knee", "ankle"),
}


@dataclass(frozen=True, slots=True)
class SyntheticEvaluation:
    """What to measure on held-out synthetic people.

    count: samples of each category. first_seed: see `held_out`.
    size: (height, width) of the pictures. methods: names of `methods.METHODS`.
    people: `noisy` puts an estimator's errors onto the truth, `estimated` runs the estimator.
    area: what may be repainted: the engine's `own` finding, the `true` one, or a `box` around it,
        whose outline says nothing of the body.
    words: what the model is told of a garment: its whole caption, or its `cut` alone, so that
        colours and patterns are left to the image prompt and the warp.
    maps: also measure the body map, the placement, and what is found to be repainted.
    pose: also measure the pose of results.
    model, device: of the engine, if a method needs one. seed: of its noise.
    fabrics: folder of photographs for fabrics and backgrounds; None draws them all.
    """

    count: int = 20
    categories: tuple[Category, ...] = CATEGORIES
    methods: tuple[str, ...] = PREVIEWS
    size: tuple[int, int] = (512, 384)
    first_seed: int = FIRST_SEED
    people: Literal["noisy", "estimated"] = "noisy"
    area: Area = "own"
    words: Words = "all"
    maps: bool = True
    pose: bool = False
    model: str = "mini"
    device: str | None = None
    seed: int = 0
    fabrics: Path | None = None

    def __post_init__(self) -> None:
        check_methods(self.methods, truth=True)
        if self.count < 1:
            raise OptionError(f"count is {self.count}, not 1 or more")
        if not set(self.categories) <= set(CATEGORIES) or not self.categories:
            raise OptionError(f"categories are {self.categories}, not some of {CATEGORIES}")
        if self.people not in ("noisy", "estimated") or self.area not in get_args(Area):
            raise OptionError(f"people is {self.people!r} and area {self.area!r}")
        if self.words not in get_args(Words):
            raise OptionError(f"words is {self.words!r}, not 'all' or 'cut'")


def evaluate_synthetic(
    config: SyntheticEvaluation,
    *,
    perception: Perception | None = None,
    engine: TryOn | None = None,
    samples: Iterable[Sample] | None = None,
    on_case: OnCase = quiet,
) -> Report:
    """Measure the methods on held-out people.

    perception, engine, samples: None loads, and renders, what the configuration says.

    A sample that one method cannot dress counts for none. Raises WeightsError or
    DependencyError.
    """
    if engine is None and needs_model(config.methods):
        from tryon.engine import TryOn

        engine = TryOn(config.model, device=config.device)
    perception = perception or (engine.perception if engine else load_perception())
    found: dict[str, list[Row]] = {TRY_ON: [], BODY_MAP: [], PLACEMENT: [], REPAINTING: []}
    failures: list[Failure] = []
    total = config.count * len(config.categories)
    for done, sample in enumerate(_samples(config) if samples is None else samples):
        on_case(f"{sample.category} {sample.seed}", done, total)
        if config.maps:
            found[BODY_MAP] += body_map_rows(sample, perception)
            found[PLACEMENT] += placement_rows(sample, perception, failures)
        found[TRY_ON] += try_on_rows(
            sample, config, perception, engine, failures, found[REPAINTING] if config.maps else None
        )
    shown = {TRY_ON: _SHOWN if config.pose else _SHOWN[:-2]}
    tables = tuple(
        Table(
            title,
            (*rows, *grouped_overall(rows)),
            _NOTES[title],
            shown.get(title),
            ("uv_median", "uv_mean"),
        )
        for title, rows in found.items()
        if rows
    )
    return Report("synthetic", _plain(config), tables, tuple(failures))


def try_on_rows(
    sample: Sample,
    config: SyntheticEvaluation,
    perception: Perception,
    engine: TryOn | None,
    failures: list[Failure],
    repainting: list[Row] | None = None,
) -> list[Row]:
    """One row for each method; none if one of them fails, so that all are averaged alike.

    repainting: gets a row on the mask.
    """
    name, group = str(sample.seed), str(sample.category)
    truth = sample.other.image
    garment = sample.other.clothes == sample.new_garment.label
    if not garment.any():
        failures.append(Failure(name, group, "all", "the new garment is not in the picture"))
        return []
    method = "all"
    pictures = {}
    try:
        case = synthetic_case(sample, config, perception)
        for method in config.methods:
            pictures[method] = picture_of(method, case, engine, config.seed)
        if repainting is not None:
            values = repainting_measures(sample, own_area(case))
            repainting.append(Row(name, group, "own", values))
    except InputError as error:
        failures.append(Failure(name, group, method, f"{type(error).__name__}: {error}"))
        return []
    reference = pose_in(truth, perception) if config.pose else None
    rows = []
    for method, picture in pictures.items():
        values = picture_measures(picture, truth, garment, sample.agnostic)
        values["limbs"] = 100 * limbs_mistaken(
            picture,
            garment=garment,
            skin=np.isin(sample.other.clothes, (SKIN, FACE, HAND)),
            parts=sample.body.parts,
            area=sample.agnostic,
            truth=truth,
        )
        if config.pose:
            values |= _pose_measures(picture, reference, sample.category, perception)
        rows.append(Row(name, group, method, values))
    return rows


def picture_measures(
    picture: np.ndarray, truth: np.ndarray, garment: np.ndarray, area: np.ndarray
) -> dict[str, float]:
    """How far a picture is from the true one inside the garment, inside the area, and at all."""
    mean, median = delta_e(picture, truth, garment)
    return {
        "psnr": psnr(picture, truth, garment),
        "ssim": ssim(picture, truth, garment),
        "delta_e": mean,
        "delta_e_median": median,
        "area_psnr": psnr(picture, truth, area),
        "area_ssim": ssim(picture, truth, area),
        "photo_psnr": psnr(picture, truth, np.ones_like(garment)),
    }


def body_map_rows(sample: Sample, perception: Perception) -> Iterator[Row]:
    """The body map's errors, with noisy and with estimated joints (if somebody is found)."""
    pose, silhouette = noisy_person(sample)
    found = {"noisy": body_map(perception.body_map, pose, silhouette)}
    try:
        found["estimated"] = synthetic_person(sample, "estimated", perception).body
    except InputError as error:
        log.info("seed %d: %s", sample.seed, error)
    for method, body in found.items():
        values = body_map_error(body, sample.body, sample.band)
        yield Row(str(sample.seed), sample.category, method, values)


def placement_rows(
    sample: Sample, perception: Perception, failures: list[Failure]
) -> Iterator[Row]:
    """The errors of placing the flat-lays of the old and of the new garment."""
    for name, garment in (("old", sample.garment), ("new", sample.new_garment)):
        case = f"{sample.seed}-{name}"
        try:
            yield Row(case, garment.category, "flat-lay", _placement(garment, perception))
        except InputError as error:
            failures.append(
                Failure(case, garment.category, PLACEMENT, f"{type(error).__name__}: {error}")
            )


def _placement(garment: TrueGarment, perception: Perception) -> dict[str, float]:
    cutout = garment_cutout(perception.cutout, Image.fromarray(garment.photo.image))
    glance = garment_glance(perception.glance, cutout)
    atlas = garment_atlas(perception.placement, cutout, garment.category)
    mask = cutout.alpha > 127
    union = np.count_nonzero(mask | garment.photo.mask)
    return {
        **placement_error(atlas, garment.photo),
        "iou": np.count_nonzero(mask & garment.photo.mask) / union,
        "category": float(glance.category == garment.category),
    }


def pose_in(picture: np.ndarray, perception: Perception) -> Pose | None:
    """The one person's pose in a picture, or None."""
    try:
        pose: Pose = single_person(perception.pose.detect(Image.fromarray(picture)))
    except InputError:
        return None
    return pose


def _pose_measures(
    picture: np.ndarray, reference: Pose | None, category: Category, perception: Perception
) -> dict[str, float]:
    if reference is None:
        return {"pose": math.nan, "missed": math.nan}
    found = pose_in(picture, perception)
    joints = [f"{side}_{joint}" for joint in _POSED[category] for side in ("right", "left")]
    return {
        "pose": math.nan if found is None else pose_error(found, reference, joints),
        "missed": joints_missed(found, reference, joints),
    }


def _samples(config: SyntheticEvaluation) -> Iterator[Sample]:
    return held_out_samples(
        config.count,
        config.categories,
        config.size,
        first_seed=config.first_seed,
        fabrics=config.fabrics,
    )


def _plain(config: SyntheticEvaluation) -> dict[str, object]:
    """The configuration as JSON has it, without paths of this machine."""
    values = asdict(config)
    values["fabrics"] = config.fabrics.name if config.fabrics else None
    values["model"] = Path(config.model).name
    return values
