"""The ways to make a picture: baselines, the warp, the whole stack and its ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tryon.errors import GarmentError, OptionError
from tryon.evaluation.baselines import pasted, thin_plate
from tryon.options import DressOptions
from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.fit.warp import Warp, warp_composite, warp_garment
from tryon.pipelines.garment.atlas import GarmentAtlas
from tryon.pipelines.garment.cutout import Cutout
from tryon.planning import Plan, repainted_area, worn_warp
from tryon.preparation import Garment, Person

if TYPE_CHECKING:
    from tryon.engine import TryOn
    from tryon.look import Look


@dataclass(frozen=True, slots=True)
class Method:
    """One way to make a picture.

    says: what it is, in words. model: whether a family paints it. options: what it changes in
    `DressOptions`. words: whether the model is told anything.
    """

    says: str
    model: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    words: bool = True


METHODS: dict[str, Method] = {
    "unchanged": Method("the photo as it is", model=False),
    "pasted": Method("the cut-out over the trunk, by a similarity", model=False),
    "thin-plate": Method("the cut-out bent to the joints, by a spline", model=False),
    "warp": Method("the garment by atlas and body map, no diffusion", model=False),
    "true-warp": Method("the same with the true atlas and body map", model=False),
    "full": Method("the whole stack"),
    "no-pose": Method("without the pose branch", options={"control_scale": 0.0}),
    "no-image": Method("without the image prompt", options={"image_scale": 0.0}),
    "no-text": Method("without text", words=False),
    "no-warp": Method("without the warp", options={"warp": False}),
    "no-warp-no-pose": Method(
        "without warp and pose branch", options={"warp": False, "control_scale": 0.0}
    ),
    "no-warp-no-image": Method(
        "without warp and image prompt", options={"warp": False, "image_scale": 0.0}
    ),
    "no-warp-no-text": Method("without warp and text", options={"warp": False}, words=False),
    "no-warp-no-text-no-image": Method(
        "without warp, text and image prompt",
        options={"warp": False, "image_scale": 0.0},
        words=False,
    ),
}
PREVIEWS = ("unchanged", "pasted", "thin-plate", "warp")
ABLATIONS = ("warp", *(name for name, method in METHODS.items() if method.model))


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """A person and a garment, looked at once for all methods.

    cutout: of the garment photo; None if somebody wears it there.
    words: the garment in words, or None.
    area: L, what may be repainted; None finds it as the engine does.
    truth: the true body map and atlas, where they are known.
    """

    name: str
    group: str
    person: Person
    garment: Garment
    cutout: Cutout | None = None
    words: str | None = None
    area: Image.Image | None = None
    truth: tuple[BodyMap, GarmentAtlas] | None = None


def check_methods(names: Sequence[str], *, truth: bool) -> None:
    """Raise OptionError for a name that is not in `METHODS`, or needs a truth that is not known."""
    if "true-warp" in names and not truth:
        raise OptionError("the truth is known of synthetic people only")
    for name in names:
        if name not in METHODS:
            raise OptionError(
                f"no method is called {name!r}", remedy=f"Choose of: {', '.join(METHODS)}."
            )


def needs_model(names: Sequence[str]) -> bool:
    """Whether any of these methods is painted by a family."""
    return any(METHODS[name].model for name in names)


def picture_of(name: str, case: Case, engine: TryOn | None, seed: int = 0) -> np.ndarray:
    """uint8 (H, W, 3): the case by the method of this name.

    Raises GarmentError where a baseline lacks a flat-lay, and what `TryOn.dress` raises.
    """
    method, category = METHODS[name], case.garment.category
    photo = np.asarray(case.person.photo)
    if method.model:
        assert engine is not None
        _, look = painted_look(
            name, engine, case.person, case.garment, seed=seed, words=case.words, area=case.area
        )
        return np.asarray(look.image)
    if name == "unchanged":
        return photo
    if name == "warp":
        return warp_preview(case, worn_warp(case.person, case.garment))
    if name == "true-warp":
        if case.truth is None:
            raise GarmentError("the truth is known of synthetic people only")
        body, atlas = case.truth
        known = replace(case.person, body=body), replace(case.garment, atlas=atlas)
        return warp_preview(case, worn_warp(*known))
    if case.cutout is None:
        raise GarmentError("a garment that somebody wears cannot be cut out and pasted")
    baseline = pasted if name == "pasted" else thin_plate
    return baseline(photo, case.cutout, case.person.pose, category)


def warp_preview(case: Case, warp: Warp) -> np.ndarray:
    """uint8 (H, W, 3): the warped garment over the photo, where it may be repainted."""
    area = repainted_area(case.person, case.garment.category, DressOptions(), warp, case.area)
    return np.asarray(warp_composite(case.person.photo, warp, area))


def own_area(case: Case) -> np.ndarray:
    """bool (H, W): what the engine finds to repaint for the warped garment. Raises MaskError."""
    warp = warp_garment(case.garment.atlas, case.person.body)
    area = repainted_area(case.person, case.garment.category, DressOptions(), warp, None)
    return np.asarray(area) >= 128


def painted_look(
    name: str,
    engine: TryOn,
    person: Person,
    garment: Garment,
    *,
    seed: int = 0,
    words: str | None = None,
    area: Image.Image | None = None,
) -> tuple[Plan, Look]:
    """What an engine makes of a method that paints, and the plan of it; see `Case`.

    Of `warp`, what the engine of the model `none` makes. Raises what `TryOn.dress` raises.
    """
    method = METHODS[name]
    options = replace(
        DressOptions(category=garment.category, seed=seed, prompt=words), **method.options
    )
    plan = engine.plan(person, garment, options, mask=area)
    if not method.words:
        # An empty prompt as an option means the default one.
        plan = replace(plan, sample=replace(plan.sample, prompt="", negative_prompt=""))
    (painted,) = engine.paint([plan])
    return plan, engine.finish(plan, painted)
