"""The last step of a try-on: what was painted goes back into the photo, and is scored."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tryon import __version__
from tryon.errors import MaskEmptyError
from tryon.look import Look
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.finish.composite import composite
from tryon.pipelines.finish.scores import print_kept, seam
from tryon.pipelines.person.facing import facing_score
from tryon.planning import Plan
from tryon.stopwatch import Stopwatch

_COVERED = 0.97  # of chest and hips: less than this is worth a word
_TURNED = 0.3  # less of facing the camera than this, too
STAGES = ("pose", "bodymap", "atlas", "mask", "denoise", "decode", "composite")


def finished_look(plan: Plan, painted: Image.Image, config: FamilyConfig, model: str) -> Look:
    """The photo of the plan with the picture that `model` painted of its crop.

    Raises MaskEmptyError if the feather leaves nothing to repaint.
    """
    person, options = plan.person, plan.options
    with plan.clock.stage("composite"):
        strength = config.layers * options.detail if options.warp else 0.0
        image, alpha = composite(
            person.photo,
            painted,
            plan.mask,
            plan.crop,
            feather=options.feather,
            colour_match=options.colour_match,
            shown=plan.sample.image,
            known=plan.layers,
            strength=strength,
        )
    if alpha.getbbox() is None:
        raise MaskEmptyError("the feather leaves nothing of the mask", remedy="Grow the mask.")
    return Look(
        image=image,
        mask=alpha,
        warp=plan.reference if options.warp else None,
        skeleton=plan.sample.skeleton or painted,
        crop=plan.crop.box,
        pose=person.pose,
        scores=_scores(plan, image, alpha),
        seconds=_seconds(plan.clock),
        parameters={
            **options.as_dict(),
            "lora": list(options.lora),
            "category": plan.garment.category,
            "model": model,
            "version": __version__,
            "person": person.key,
            "garment": plan.garment.key,
            **({"worn_with": [other.key for other in plan.others]} if plan.others else {}),
        },
        picture=plan.layers,
        warnings=_warnings(plan),
        by_products={
            "area": plan.mask,
            "crop": plan.sample.image,
            "crop_mask": plan.sample.mask,
            "painted": painted,
            "silhouette": Image.fromarray((person.silhouette * 255).astype(np.uint8)),
            "atlas": Image.fromarray(plan.garment.atlas.rgba()),
        },
    )


def _scores(plan: Plan, image: Image.Image, alpha: Image.Image) -> dict[str, float]:
    """repainted: the share of the photo that may have changed. pose: how sure the joints are.
    facing: 1 for somebody who faces the camera, 0 in profile, -1 from behind.
    garment: how surely the garment photo shows a garment of the category.
    seam: how strong an edge shows along the mask, in levels. covered: how much of chest and hips
    the new clothes and those that stay cover; the old ones stay on the rest, see `Look.warnings`.
    print: how much of the garment's own structure the picture shows where the warp puts it, 0-1;
    missing for plain cloth, and without the warp.
    """
    repainted = np.asarray(alpha)
    scores = {
        "repainted": float(np.count_nonzero(repainted)) / repainted.size,
        "pose": plan.person.pose.score,
        "facing": facing_score(plan.person.pose, plan.person.body),
        "garment": plan.garment.score,
        "seam": seam(np.asarray(image), np.asarray(plan.person.photo), np.asarray(plan.mask) > 127),
    }
    if plan.options.warp:
        scores["covered"] = plan.layers.covered
    region = plan.worn & (repainted == 255)
    kept = print_kept(np.asarray(image), np.asarray(plan.reference), region)
    return scores if kept is None else {**scores, "print": kept}


def _warnings(plan: Plan) -> tuple[str, ...]:
    """What whoever uses the picture should know."""
    told = []
    if facing_score(plan.person.pose, plan.person.body) < _TURNED:
        told.append("the person seems to be turned away: the garment is known from its front")
    covered = plan.layers.covered
    if plan.options.warp and covered <= _COVERED:
        told.append(
            f"the garment leaves {1 - covered:.0%} of chest and hips open:"
            " the old clothes stay there"
        )
    return tuple(told)


def _seconds(clock: Stopwatch) -> dict[str, float]:
    """Seconds by stage, in the order of the work, and `total`.

    A person or garment that was prepared for an earlier look costs nothing here.
    """
    stages = {name: clock.seconds.get(name, 0.0) for name in STAGES}
    return {**stages, "total": sum(stages.values())}
