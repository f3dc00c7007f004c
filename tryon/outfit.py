"""Several garments in one look, in one pass: a top and a skirt.

Each garment is warped and masked as it would be alone. The look repaints all of it at once, and
each garment's prompt, image prompt and LoRA act in a region of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageChops

from tryon.errors import OptionError
from tryon.options import DressOptions
from tryon.pipelines.conditioning import WeightedLoras
from tryon.pipelines.crop import context_box, crop_around, cropped_mask, cropped_photo
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.warp import Warp, warp_composite
from tryon.pipelines.inpaint_sample import Piece
from tryon.pipelines.mask import check_mask
from tryon.pipelines.pose import require_visible
from tryon.planning import (
    Plan,
    painting_sample,
    painting_settings,
    repainted_area,
    unworn,
    with_hole,
    worn_warp,
)
from tryon.preparation import Garment, Person
from tryon.stopwatch import Stopwatch
from tryon.types import Box


@dataclass(frozen=True, eq=False, slots=True)
class Worn:
    """One garment of an outfit, with the options and LoRAs that are its own."""

    garment: Garment
    options: DressOptions
    loras: WeightedLoras = ()


def check_outfit(garments: Sequence[Garment]) -> None:
    """Raise OptionError unless the garments can be worn together."""
    categories = [garment.category for garment in garments]
    if len(set(categories)) < len(categories) or "dress" in categories:
        raise OptionError(
            f"these cannot be worn together: {', '.join(categories)}",
            remedy="Give one upper and one lower garment.",
        )


def check_outfit_options(options: DressOptions, count: int, mask: object | None) -> None:
    """Raise OptionError for what can be said of one garment only."""
    if count < 1:
        raise OptionError("there is no garment", remedy="Give one, or several to wear together.")
    if mask is not None:
        raise OptionError(
            "a mask of your own is for one garment", remedy="Dress the garments one by one."
        )
    for name, neutral in (("category", "auto"), ("prompt", None)):
        if getattr(options, name) != neutral and count > 1:
            raise OptionError(f"{name} is of one garment, and several are worn together")
    if len(options.lora) not in (0, count):
        raise OptionError(
            f"{len(options.lora)} LoRAs for {count} garments",
            remedy="Give one for each garment, in their order, or none.",
        )


def planned_outfit(
    config: FamilyConfig, person: Person, pieces: Sequence[Worn], clock: Stopwatch
) -> Plan:
    """The plan of one look with several garments, each lying over those before it.

    Raises OptionError, OutOfFrameError or MaskError.
    """
    check_outfit([piece.garment for piece in pieces])
    for piece in pieces:
        category = piece.garment.category
        require_visible(person.pose, category, person.photo.size, path=person.path)
    options = pieces[0].options
    warps = [worn_warp(person, p.garment) if options.warp else None for p in pieces]
    areas = [
        repainted_area(person, piece.garment.category, piece.options, warp, None)
        for piece, warp in zip(pieces, warps, strict=True)
    ]
    area = areas[0]
    for other in areas[1:]:
        area = ImageChops.lighter(area, other)
    check_mask(area, person.photo.size, path=person.path)
    boxes = [context_box(person.pose, piece.garment.category) for piece in pieces]
    crop = crop_around(area, (config.width, config.height), include=_around(boxes))
    first, *others = (
        painting_sample(config, person, piece.garment, piece.options, area, crop, piece.loras)
        for piece in pieces
    )
    regions = garment_regions(areas, warps)[1:]
    sample = replace(
        first,
        pieces=tuple(
            Piece(other.prompt, other.garment, other.loras, cropped_mask(region, crop))
            for other, region in zip(others, regions, strict=True)
        ),
    )
    reference, trust = person.photo, 1 - person.silhouette
    if options.warp:
        trust = np.min([unworn(person, piece.garment.category) for piece in pieces], axis=0)
    shown = with_hole(person.photo, area) if config.masked_image == "warp" else person.photo
    worn = np.zeros(trust.shape, bool)
    for warp, own in zip(warps, areas, strict=True):
        if warp is not None:
            reference, shown = (warp_composite(p, warp, own) for p in (reference, shown))
            trust = trust + warp.coverage * (np.sqrt(warp.confidence) - trust)
            worn |= warp.coverage > 0.9
    if options.warp:
        sample = replace(sample, warp=cropped_photo(shown, crop))
    return Plan(
        person,
        pieces[0].garment,
        options,
        area,
        crop,
        sample,
        reference,
        trust,
        worn,
        painting_settings(config, options),
        clock,
        others=tuple(piece.garment for piece in pieces[1:]),
    )


def garment_regions(
    areas: Sequence[Image.Image], warps: Sequence[Warp | None]
) -> list[Image.Image]:
    """Where each garment acts: `L` masks of the photo's size that share out all the areas.

    A pixel of several areas belongs to the garment that lies there or nearest to it, and where two
    lie, to the later one.
    """
    inside = [np.asarray(area) >= 128 for area in areas]
    distances = []
    for area, warp in zip(inside, warps, strict=True):
        cloth = area if warp is None else area & (warp.coverage > 0.5)
        outside = cv2.distanceTransform((~cloth).astype(np.uint8), cv2.DIST_L2, 3)
        distances.append(np.where(area, outside, np.inf))
    # The last of the nearest: argmin finds the first.
    nearest = len(areas) - 1 - np.argmin(np.stack(distances[::-1]), axis=0)
    repainted = np.any(inside, axis=0)
    return [
        Image.fromarray(((nearest == number) & repainted).astype(np.uint8) * 255)
        for number in range(len(areas))
    ]


def _around(boxes: Sequence[Box | None]) -> Box | None:
    """The smallest box that holds all of them."""
    sides = list(zip(*(box.as_tuple() for box in boxes if box is not None), strict=True))
    if not sides:
        return None
    return Box(min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))
