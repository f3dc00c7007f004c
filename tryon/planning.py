"""Everything that is decided about a look before the model paints: mask, layers, crop, words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageChops

from tryon.adapters.lora_metadata import LoraMetadata
from tryon.images import Source, load_mask
from tryon.options import DressOptions
from tryon.outfit import Worn, check_outfit, garment_regions
from tryon.pipelines.conditioning import WeightedLoras
from tryon.pipelines.crop import (
    Crop,
    context_box,
    crop_around,
    cropped_mask,
    cropped_photo,
    cropped_points,
    joint_box,
    mask_box,
)
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.layers import Layers
from tryon.pipelines.fit.picture import picture_layers
from tryon.pipelines.fit.scene import scene_of
from tryon.pipelines.fit.tuck import tucked_warp
from tryon.pipelines.fit.warp import Warp, warp_composite, warp_garment
from tryon.pipelines.inpaint import InpaintSettings
from tryon.pipelines.inpaint_sample import InpaintSample, Piece
from tryon.pipelines.mask import agnostic_mask, check_mask, edited_mask, grown_mask
from tryon.pipelines.pose import require_visible
from tryon.pipelines.shading import lit_warp
from tryon.pipelines.skeleton import draw_skeleton
from tryon.preparation import Garment, Person
from tryon.stopwatch import Stopwatch
from tryon.types import Category, Tuck

WORDS: dict[Category, str] = {"upper": "a top", "lower": "a bottom", "dress": "a dress"}
SETTINGS = ("steps", "guidance", "strength", "control_scale", "image_scale")
_CLOTH = 0.9  # coverage of a warp from which on a pixel shows nothing but the garment


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """One look before it is painted.

    mask: `L`, the size of the photo, 255 = repaint.
    sample: what the model gets, at the family's size.
    layers: what is known of the picture; without the warp, nothing of the garment.
    reference: RGB, the picture that the layers show; without the warp, the photo.
    trust: float32 (H, W), 0-1, how far the reference is known inside the mask; 0 without the warp.
    worn: bool (H, W), where the garment's own pixels are known; nowhere without the warp.
    others: what is worn with the garment in this look (see `tryon.outfit`).
    """

    person: Person
    garment: Garment
    options: DressOptions
    mask: Image.Image
    crop: Crop
    sample: InpaintSample
    layers: Layers
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
    pieces: Sequence[Worn],
    clock: Stopwatch,
    mask: Source | None = None,
) -> Plan:
    """The plan of one look, for a family of this configuration.

    pieces: the garments of the look, each lying over those before it. Options that are not of one
    garment are those of the first. mask: the caller's own.

    Raises OptionError, OutOfFrameError or MaskError.
    """
    check_outfit([piece.garment for piece in pieces])
    for piece in pieces:
        category = piece.garment.category
        require_visible(person.pose, category, person.photo.size, path=person.path)
    first, options = pieces[0].garment, pieces[0].options
    warps = [
        worn_warp(person, piece.garment, options.tuck) if options.warp else None for piece in pieces
    ]
    areas = [
        repainted_area(person, piece.garment.category, piece.options, warp, mask)
        for piece, warp in zip(pieces, warps, strict=True)
    ]
    area = areas[0]
    for other in areas[1:]:
        area = ImageChops.lighter(area, other)
    boxes = [context_box(person.pose, piece.garment.category) for piece in pieces]
    crop = crop_around(area, (config.width, config.height), include=joint_box(boxes))
    sample, *others = (
        painting_sample(config, person, piece.garment, piece.options, area, crop, piece.loras)
        for piece in pieces
    )
    regions = garment_regions(areas, warps)[1:] if others else []
    sample = replace(
        sample,
        pieces=tuple(
            Piece(other.prompt, other.garment, other.loras, cropped_mask(region, crop))
            for other, region in zip(others, regions, strict=True)
        ),
    )
    lying = [warp for warp in warps if warp is not None]
    layers = layers_of(person, pieces, lying, area)
    reference, trust = person.photo, np.zeros(person.silhouette.shape, np.float32)
    worn = np.zeros(trust.shape, bool)
    if lying:
        reference, trust = layers.picture(), layers.trust()
        worn = np.any([warp.coverage > _CLOTH for warp in lying], axis=0)
        shown = reference
        if config.masked_image == "warp":  # trained to fill grey, not to see what is guessed
            shown = with_hole(person.photo, area)
            for warp, own in zip(lying, areas, strict=True):
                shown = warp_composite(shown, warp, own)
        sample = replace(sample, warp=cropped_photo(shown, crop))
    return Plan(
        person=person,
        garment=first,
        options=options,
        mask=area,
        crop=crop,
        sample=sample,
        layers=layers,
        reference=reference,
        trust=trust,
        worn=worn,
        settings=painting_settings(config, options),
        clock=clock,
        others=tuple(piece.garment for piece in pieces[1:]),
    )


def layers_of(
    person: Person, pieces: Sequence[Worn], warps: Sequence[Warp], area: Image.Image
) -> Layers:
    """The layers of a look. Several garments take the place of all that is worn, as a dress does.

    area: `L`, what may be repainted.
    """
    category = pieces[0].garment.category if len(pieces) == 1 else "dress"
    scene = scene_of(person.photo, person.silhouette, person.parsing, person.body, area, category)
    return picture_layers(person.photo, scene, warps, seed=pieces[0].options.seed)


def worn_warp(person: Person, garment: Garment, tuck: Tuck = "auto") -> Warp:
    """The garment as it lies on the person, in the light of the photo."""
    warp = warp_garment(garment.atlas, person.body)
    if garment.category == "upper":
        warp = tucked_warp(warp, person.body, person.parsing.waist, tuck)
    return lit_warp(warp, person.photo, person.parsing, garment.category)


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
