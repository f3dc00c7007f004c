"""What photos show, found out once, as values that can be kept and used again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from tryon.errors import ImageTooSmallError, OptionError
from tryon.images import FilePath, load_image
from tryon.options import GarmentPhoto
from tryon.perception import Perception
from tryon.pipelines.bodymap import BodyMap, body_map
from tryon.pipelines.garment.atlas import GarmentAtlas
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.placement import garment_atlas
from tryon.pipelines.person.parsing import Parsing, person_parsing
from tryon.pipelines.pose import single_person
from tryon.pipelines.silhouette import person_silhouette
from tryon.pipelines.worn import worn_atlas
from tryon.stopwatch import Stopwatch
from tryon.types import Category, Pose

SMALLEST = 48  # pixels of a photo's shorter side, below which nothing can be seen
_GLANCE = 1024  # pixels of a garment photo's longer side are enough to see who wears it
_SURELY_SOMEBODY = 0.75  # the score from which a person is believed in what was called a flat-lay


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
    """

    photo: Image.Image
    category: Category
    atlas: GarmentAtlas
    key: str
    worn: bool = False
    words: str | None = None
    lora: str | None = None


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

    cutout: RGBA; transparency cuts the garment out. Raises ImageTooSmallError, GarmentError, or
    OptionError if somebody wears the garment and `category` does not say which piece is meant.
    """
    photo = load_image(cutout)
    check_size(photo, path)
    glance = _shrunk(photo, _GLANCE)
    people = [] if photo_kind == "worn" else perception.pose.detect(glance)
    if photo_kind == "flat-lay":  # a word against the estimator's, which must be very sure
        people = [pose for pose in people if pose.score > _SURELY_SOMEBODY]
    if photo_kind == "flat-lay" or not (people or photo_kind == "worn"):
        cut = garment_cutout(perception.cutout, cutout, people=people)
        atlas = garment_atlas(perception.placement, cut, category)
        return Garment(photo, atlas.category, atlas, key)
    if category == "auto":
        raise OptionError(
            "somebody in the garment photo wears several pieces",
            path=path,
            remedy="Say which is meant: category upper, lower or dress.",
        )
    seen = people if people and glance.size == photo.size else None
    wearer = prepared_person(perception, photo, key, Stopwatch(), path, seen)
    atlas = worn_atlas(np.asarray(photo), wearer.body, wearer.silhouette, category)
    return Garment(photo, category, atlas, key, worn=True)


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
