"""What photos show, found out once, as values that can be kept and used again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from tryon.errors import GarmentError, ImageTooSmallError, NoGarmentError, OptionError
from tryon.images import FilePath, load_image
from tryon.options import GarmentPhoto
from tryon.perception import Perception
from tryon.pipelines.bodymap import BodyMap, body_map
from tryon.pipelines.garment.atlas import GarmentAtlas
from tryon.pipelines.garment.beside import garment_beside
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.glance import Glance, garment_glance, upright
from tryon.pipelines.garment.placement import garment_atlas
from tryon.pipelines.garment.wearers import extent, told_category, wearers
from tryon.pipelines.person.parsing import Parsing, person_parsing
from tryon.pipelines.pose import single_person
from tryon.pipelines.silhouette import person_silhouette
from tryon.pipelines.worn import worn_atlas
from tryon.stopwatch import Stopwatch
from tryon.types import CATEGORIES, Category, Pose

logger = logging.getLogger(__name__)

SMALLEST = 48  # pixels of a photo's shorter side, below which nothing can be seen
_GLANCE = 1024  # pixels of a garment photo's longer side are enough to see who wears it
_SURELY_SOMEBODY = 0.75  # the score from which a person is believed in what was called a flat-lay
_NO_GARMENT = 0.6  # the likelihood of a garment below which the photo shows none
_DOUBTFUL = 0.1  # that of the category that was said, below which it is doubted aloud


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """A person photo, upright RGB, and what is in it.

    silhouette: float32 (H, W), 0-1.
    parsing: skin, hair and clothes. body: where on the canonical body each pixel lies.
    key: sha256 of the size and the pixels. path: where the photo was, for messages.
    """

    photo: Image.Image
    pose: Pose
    silhouette: np.ndarray
    parsing: Parsing
    body: BodyMap
    key: str
    path: FilePath | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Garment:
    """A garment photo, upright RGB, and what it shows.

    atlas: the garment laid out on the canonical body.
    key: sha256 of the size and the pixels.
    worn: whether somebody wears it in the photo.
    words: the garment in words, where a catalogue says so.
    lora: FILE or FILE:WEIGHT of the garment's own LoRA, where a catalogue has one.
    score: how surely the photo shows a garment of this category, 0-1.
    """

    photo: Image.Image
    category: Category
    atlas: GarmentAtlas
    key: str
    worn: bool = False
    words: str | None = None
    lora: str | None = None
    score: float = 1.0


def prepared_person(
    perception: Perception,
    photo: Image.Image,
    key: str,
    clock: Stopwatch,
    path: FilePath | None = None,
    poses: list[Pose] | None = None,
) -> Person:
    """Look at the photo of one person.

    photo: RGB. clock: counts the stages `pose` and `bodymap`. poses: of everybody in the photo, if
    they were looked for before.

    Raises ImageTooSmallError, NoPersonError, SeveralPeopleError or OutOfFrameError.
    """
    check_size(photo, path)
    with clock.stage("pose"):
        poses = perception.pose.detect(photo) if poses is None else poses
        pose = single_person(poses, path=path)
        others = [other for other in poses if other is not pose]
        silhouette = person_silhouette(photo, pose, perception.segmenter, others)
        parsing = person_parsing(photo, pose, silhouette, perception.parser)
    with clock.stage("bodymap"):
        body = body_map(perception.body_map, pose, silhouette)
    return Person(photo, pose, silhouette, parsing, body, key, path)


def prepared_garment(
    perception: Perception,
    cutout: Image.Image,
    key: str,
    category: Literal["auto"] | Category = "auto",
    photo_kind: GarmentPhoto = "auto",
    path: FilePath | None = None,
) -> Garment:
    """Look at a garment photo, and lay the garment out on the canonical body.

    cutout: RGBA; transparency cuts the garment out. category: counts, whatever the photo looks
    like; `auto` looks.

    Raises ImageTooSmallError; NoGarmentError if there is none; GarmentError if there are several,
    or somebody in what was called a flat-lay; OptionError if somebody wears the garment, and
    neither `category` nor the photo says which piece is meant.
    """
    photo = load_image(cutout)
    check_size(photo, path)
    small = _shrunk(photo, _GLANCE)
    people = [] if photo_kind == "worn" else perception.pose.detect(small)
    if photo_kind == "flat-lay":  # a word against the estimator's, which must be very sure
        people = [pose for pose in people if pose.score > _SURELY_SOMEBODY]
    people = wearers(np.asarray(small), people, perception.parser)
    if photo_kind == "flat-lay" or not (people or photo_kind == "worn"):
        return _lying_garment(perception, cutout, photo, key, category, people)
    seen = people if people and small.size == photo.size else None
    wearer = prepared_person(perception, photo, key, Stopwatch(), path, seen)
    cut_out = partial(garment_cutout, perception.cutout)
    if garment_beside(perception.glance, cut_out, photo, extent(wearer.pose, *photo.size)):
        raise GarmentError(
            "a garment lies beside somebody who wears one",
            path=path,
            remedy="Crop the photo to the one to wear.",
        )
    pixels = np.asarray(photo)
    piece = (
        told_category(pixels, wearer.pose, perception.parser) if category == "auto" else category
    )
    if piece is None:
        raise OptionError(
            "somebody in the garment photo wears several pieces",
            path=path,
            remedy="Say which is meant: category upper, lower or dress.",
        )
    atlas = worn_atlas(pixels, wearer.body, wearer.silhouette, piece)
    return Garment(photo, piece, atlas, key, worn=True, score=wearer.pose.score)


def _lying_garment(
    perception: Perception,
    cutout: Image.Image,
    photo: Image.Image,
    key: str,
    said: Literal["auto"] | Category,
    people: Sequence[Pose],
) -> Garment:
    """The garment in a photo that nobody wears it in: flat, on a hanger or on a ghost."""
    cut_out = partial(garment_cutout, perception.cutout)
    lying = cut_out(cutout, people=people)
    glance = garment_glance(perception.glance, lying)
    if glance.garment < _NO_GARMENT:
        raise NoGarmentError(
            "what was found in the photo does not look like a garment",
            remedy="Give a photo of one garment, laid flat or hanging, whole in the picture.",
        )
    if garment_beside(perception.glance, cut_out, photo, lying.box):
        raise GarmentError(
            "there is more than one garment in the photo",
            remedy="Crop the photo to the one to wear.",
        )
    category = glance.category if said == "auto" else said
    score = _score(glance, category)
    if said != "auto" and score < _DOUBTFUL:
        logger.warning("the garment was said to be %s, but looks %s", said, glance.category)
    atlas = garment_atlas(perception.placement, upright(lying, glance), category)
    return Garment(photo, category, atlas, key, score=score)


def _score(glance: Glance, category: Category) -> float:
    """How surely a garment of a category is there, 0-1."""
    return float(glance.garment * glance.shares[CATEGORIES.index(category)])


def _shrunk(photo: Image.Image, longest: int) -> Image.Image:
    """The photo, its longer side no longer than so many pixels."""
    scale = longest / max(photo.size)
    if scale >= 1:
        return photo
    size = max(round(photo.width * scale), 1), max(round(photo.height * scale), 1)
    return photo.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def check_size(photo: Image.Image, path: FilePath | None = None) -> None:
    """Raise ImageTooSmallError for a photo in which nothing can be seen."""
    if min(photo.size) < SMALLEST:
        raise ImageTooSmallError(
            f"the photo is {photo.width} x {photo.height} pixels",
            path=path,
            remedy=f"Both sides must be {SMALLEST} pixels at least; 768 x 1024 is a good size.",
        )
