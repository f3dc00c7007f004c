"""Everything that is decided about a look before the model paints: mask, crop, pose, words."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from tryon.adapters.lora_metadata import LoraMetadata
from tryon.images import Source, load_mask
from tryon.options import DressOptions
from tryon.pipelines.conditioning import WeightedLoras
from tryon.pipelines.crop import (
    Crop,
    context_box,
    crop_around,
    cropped_mask,
    cropped_photo,
    cropped_points,
    mask_box,
)
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.warp import Warp, warp_composite, warp_garment
from tryon.pipelines.inpaint import InpaintSettings
from tryon.pipelines.inpaint_sample import InpaintSample
from tryon.pipelines.mask import agnostic_mask, check_mask, edited_mask, grown_mask, old_clothes
from tryon.pipelines.pose import require_visible
from tryon.pipelines.shading import lit_warp
from tryon.pipelines.skeleton import draw_skeleton
from tryon.preparation import Garment, Person
from tryon.stopwatch import Stopwatch
from tryon.types import Category

WORDS: dict[Category, str] = {"upper": "a top", "lower": "a bottom", "dress": "a dress"}
SETTINGS = ("steps", "guidance", "strength", "control_scale", "image_scale")
_DOUBTFUL = 0.007  # confidence of a warp at which half of its fine detail is given back


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """One look before it is painted.

    mask: `L`, the size of the photo, 255 = repaint.
    sample: what the model gets, at the family's size.
    reference: RGB, the photo with the garment's own pixels placed on it, as far as known.
    trust: float32 (H, W), 0-1, how far the reference is believed inside the mask: the background
        and the other garment are, the warp as far as it is certain, and the old clothes are not.
    worn: bool (H, W), where the garment's own pixels are known; nowhere without the warp.
    others: what is worn with the garment in this look (see `tryon.outfit`).
    """

    person: Person
    garment: Garment
    options: DressOptions
    mask: Image.Image
    crop: Crop
    sample: InpaintSample
    reference: Image.Image
    trust: np.ndarray
    worn: np.ndarray
    settings: InpaintSettings
    clock: Stopwatch
    others: tuple[Garment, ...] = ()

    @property
    def shared(self) -> Hashable:
        """What plans must have in common to be painted together."""
        return self.settings


def planned(
    config: FamilyConfig,
    person: Person,
    garment: Garment,
    options: DressOptions,
    clock: Stopwatch,
    mask: Source | None = None,
    loras: WeightedLoras = (),
) -> Plan:
    """The plan of one look, for a family of this configuration.

    mask: the caller's own. Raises OutOfFrameError or MaskError.
    """
    require_visible(person.pose, garment.category, person.photo.size, path=person.path)
    warp = worn_warp(person, garment) if options.warp else None
    area = repainted_area(person, garment.category, options, warp, mask)
    crop = crop_around(
        area, (config.width, config.height), include=context_box(person.pose, garment.category)
    )
    sample = painting_sample(config, person, garment, options, area, crop, loras)
    reference, trust = person.photo, 1 - person.silhouette
    worn = np.zeros(trust.shape, bool)
    if warp is not None:
        worn = warp.coverage > 0.9
        if mask is None:
            trust = unworn(person, garment.category)
        reference = warp_composite(person.photo, warp, area)
        trust = trust + warp.coverage * (warp.confidence / (warp.confidence + _DOUBTFUL) - trust)
        shown = reference
        if config.masked_image == "warp":  # trained to fill grey, not to see the old garment
            shown = warp_composite(with_hole(person.photo, area), warp, area)
        sample = replace(sample, warp=cropped_photo(shown, crop))
    settings = painting_settings(config, options)
    return Plan(
        person, garment, options, area, crop, sample, reference, trust, worn, settings, clock
    )


def worn_warp(person: Person, garment: Garment) -> Warp:
    """The garment as it lies on the person, in the light of the photo."""
    warp = warp_garment(garment.atlas, person.body)
    return lit_warp(warp, person.photo, person.parsing, garment.category)


def unworn(person: Person, category: Category) -> np.ndarray:
    """float32 (H, W), 0 or 1: where what the photo shows stays to be seen beside the garment."""
    return (np.asarray(old_clothes(person.parsing, category)) == 0).astype(np.float32)


def painting_settings(config: FamilyConfig, options: DressOptions) -> InpaintSettings:
    """The family's settings, with those that the caller asks for."""
    asked = {name: getattr(options, name) for name in SETTINGS}
    return replace(InpaintSettings.of(config), **{k: v for k, v in asked.items() if v is not None})


def repainted_area(
    person: Person,
    category: Category,
    options: DressOptions,
    warp: Warp | None,
    mask: Source | None,
) -> Image.Image:
    """What is repainted: `L`, 255 = repaint, the size of the photo. Raises MaskError."""
    own = None if mask is None else load_mask(mask, person.photo.size)
    if own is not None and options.mask_mode == "replace":
        area = own
    else:
        area = agnostic_mask(
            person.parsing,
            category,
            coverage=None if warp is None else warp.coverage,
            limbs=None if options.limbs == "auto" else options.limbs,
        )
        if own is not None:
            area = edited_mask(area, own, options.mask_mode)
    if options.grow:
        area = grown_mask(area, options.grow)
    check_mask(area, person.photo.size, path=person.path)
    return area


def with_hole(photo: Image.Image, area: Image.Image) -> Image.Image:
    """The photo with the middle grey of a masked image wherever `area` is to be repainted."""
    hollow, box = photo.copy(), mask_box(area).as_tuple()
    hole = area.crop(box).point(lambda level: 255 * (level >= 128))
    hollow.paste((128, 128, 128), box, hole)
    return hollow


def painting_sample(
    config: FamilyConfig,
    person: Person,
    garment: Garment,
    options: DressOptions,
    area: Image.Image,
    crop: Crop,
    loras: WeightedLoras = (),
) -> InpaintSample:
    """What the model gets, at its own size, but for the warp."""
    pose = replace(person.pose, keypoints=cropped_points(person.pose.keypoints, crop))
    triggers = [LoraMetadata.of(lora.metadata).trigger for lora, _ in loras]
    words = options.prompt or next(filter(None, triggers), WORDS[garment.category])
    negative = options.negative_prompt
    return InpaintSample(
        image=cropped_photo(person.photo, crop),
        mask=cropped_mask(area, crop),
        skeleton=draw_skeleton([pose], crop.size),
        prompt=config.prompts[garment.category].format(garment=words),
        negative_prompt=config.negative_prompt if negative is None else negative,
        garment=garment.photo,
        seed=options.seed,
        loras=loras,
    )
