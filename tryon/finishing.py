"""The last step of a try-on: what was painted goes back into the photo, and is scored."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tryon import __version__
from tryon.errors import MaskEmptyError
from tryon.look import Look
from tryon.pipelines.composite import composite
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.prints import print_kept
from tryon.planning import Plan
from tryon.stopwatch import Stopwatch

STAGES = ("pose", "bodymap", "atlas", "mask", "denoise", "decode", "composite")


def finished_look(plan: Plan, painted: Image.Image, config: FamilyConfig, model: str) -> Look:
    """The photo of the plan with the picture that `model` painted of its crop.

    Raises MaskEmptyError if the feather leaves nothing to repaint.
    """
    person, options = plan.person, plan.options
    with plan.clock.stage("composite"):
        image, alpha = composite(
            person.photo,
            painted,
            plan.mask,
            plan.crop,
            feather=options.feather,
            colour_match=options.colour_match,
            shown=plan.sample.image,
            reference=plan.reference,
            trust=plan.trust,
            cloth=plan.worn,
            detail=options.detail,
            cutoff=config.detail_cutoff,
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
    print: how much of the garment's own structure the picture shows where the warp puts it, 0-1;
    missing for plain cloth, and without the warp.
    """
    repainted = np.asarray(alpha)
    scores = {
        "repainted": float(np.count_nonzero(repainted)) / repainted.size,
        "pose": plan.person.pose.score,
    }
    region = plan.worn & (repainted == 255)
    kept = print_kept(np.asarray(image), np.asarray(plan.reference), region)
    return scores if kept is None else {**scores, "print": kept}


def _seconds(clock: Stopwatch) -> dict[str, float]:
    """Seconds by stage, in the order of the work, and `total`.

    A person or garment that was prepared for an earlier look costs nothing here.
    """
    stages = {name: clock.seconds.get(name, 0.0) for name in STAGES}
    return {**stages, "total": sum(stages.values())}
