"""A sample of the renderer as a case: its person and garment, looked at as the engine would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tryon.data.synthetic.sample import Garment as TrueGarment, Sample
from tryon.data.synthetic.words import words_of_cut
from tryon.evaluation.held_out import noisy_person
from tryon.evaluation.methods import Case
from tryon.evaluation.truth import true_atlas, true_body_map
from tryon.images import photo_key
from tryon.perception import Perception
from tryon.pipelines.bodymap import body_map
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.placement import garment_atlas
from tryon.pipelines.person.parsing import person_parsing
from tryon.preparation import Garment, Person, prepared_person
from tryon.stopwatch import Stopwatch

if TYPE_CHECKING:
    from tryon.evaluation.synthetic import SyntheticEvaluation, Words


def synthetic_case(sample: Sample, config: SyntheticEvaluation, perception: Perception) -> Case:
    """The sample's person and new garment as the engine would see them. Raises InputError."""
    cutout = garment_cutout(perception.cutout, Image.fromarray(sample.new_garment.photo.image))
    atlas = garment_atlas(perception.placement, cutout, sample.category)
    photo = Image.fromarray(sample.new_garment.photo.image)
    return Case(
        name=str(sample.seed),
        group=sample.category,
        person=synthetic_person(sample, config.people, perception),
        garment=Garment(photo, sample.category, atlas, photo_key(photo)),
        cutout=cutout,
        words=_words(sample.new_garment, config.words),
        area=None if config.area == "own" else _area(sample, box=config.area == "box"),
        truth=(true_body_map(sample), true_atlas(sample.new_garment))
        if "true-warp" in config.methods
        else None,
    )


def synthetic_person(sample: Sample, people: str, perception: Perception) -> Person:
    """The person with noisy, or estimated, joints and silhouette. Raises PersonError."""
    photo = Image.fromarray(sample.person.image)
    key = photo_key(photo)
    if people == "estimated":
        return prepared_person(perception, photo, key, Stopwatch())
    pose, silhouette = noisy_person(sample)
    parsing = person_parsing(photo, pose, silhouette, perception.parser)
    body = body_map(perception.body_map, pose, silhouette)
    return Person(photo, pose, silhouette, parsing, body, key)


def _words(garment: TrueGarment, words: Words) -> str:
    return garment.caption if words == "all" else words_of_cut(garment.caption, garment.name)


def _area(sample: Sample, *, box: bool) -> Image.Image:
    area = Image.fromarray(sample.agnostic.astype(np.uint8) * 255)
    bounds = area.getbbox()
    if box and bounds is not None:
        area.paste(255, bounds)
    return area
