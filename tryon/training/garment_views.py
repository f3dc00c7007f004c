"""Training pictures made by ourselves: a garment's atlas drawn onto the library's bodies.

From a single flat photo come any number of pictures of the garment worn, each with the mask, crop,
skeleton and imperfect warp that inference would make of such a person. Light, colour and noise
vary, so that a LoRA learns the garment and not how our pictures look.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from tryon.errors import InputError, PersonError
from tryon.options import DressOptions
from tryon.outfit import Worn
from tryon.perception import Perception
from tryon.pipelines.bodymap import body_map
from tryon.pipelines.crop import cropped_photo
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.warp import warp_garment
from tryon.pipelines.garment.atlas import GarmentAtlas
from tryon.pipelines.inpaint_sample import InpaintSample
from tryon.pipelines.person.parsing import person_parsing
from tryon.planning import planned
from tryon.preparation import Garment, Person
from tryon.stopwatch import Stopwatch
from tryon.training.body_library import LibraryBody, load_bodies
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_silhouette
from tryon.types import Category, Pose

logger = logging.getLogger(__name__)

NOISE = PersonNoise(stray=0.0, missing=0.0, swapped=0.0)
_AROUND = 0.02  # of the picture's height, over which colours are compared
_UNLIKE, _LIGHTER = 16.0, 30.0  # in CIELAB: another colour, and how far the light may be off
_LEAST = 0.02  # share of the picture that a garment must cover to be worth training on


@dataclass(frozen=True, eq=False, slots=True)
class Wearer:
    """Somebody to see the garment on.

    person: as inference would see them. body: the library's, or None where the person's photo
    already shows the garment worn.
    """

    person: Person
    body: LibraryBody | None = None


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """The garment on somebody, at the family's size.

    sample: what inference would be given, with the warp or without; its image is the target, RGB.
    garment: float32 (H, W), 0-1, where the garment is in the target.
    """

    sample: InpaintSample
    garment: np.ndarray


def library_wearers(
    perception: Perception,
    category: Category,
    bodies: Sequence[LibraryBody] | None = None,
    most: int | None = None,
) -> list[Wearer]:
    """The library's people for a garment of the category, as inference would see them.

    bodies: others than those of the package. most: how many are enough; None: all.
    """
    found: list[Wearer] = []
    for body in load_bodies(category) if bodies is None else bodies:
        if len(found) == most:
            break
        with suppress(PersonError):  # a body of which too little is seen for this net
            found.append(library_wearer(perception, body))
    return found


def library_wearer(perception: Perception, body: LibraryBody) -> Wearer:
    """A body of the library, looked at with the errors of an estimator. Raises PersonError."""
    rng = np.random.default_rng(body.seed)
    tall = float(np.ptp(body.keypoints[body.keypoints[:, 2] > 0, 1])) or 1.0
    found = noisy_keypoints(rng, body.keypoints, tall, NOISE)
    pose = Pose(found.astype(np.float32), body.hands, score=1.0)
    silhouette = noisy_silhouette(rng, body.silhouette, tall, NOISE)
    photo = Image.fromarray(body.image)
    parsing = person_parsing(photo, pose, silhouette, perception.parser)
    seen = body_map(perception.body_map, pose, silhouette)
    return Wearer(Person(photo, pose, silhouette, parsing, seen, key=str(body.seed)), body)


def views(
    wearers: Sequence[Wearer],
    garment: Garment,
    config: FamilyConfig,
    *,
    count: int,
    variants: int,
    no_warp: float,
    seed: int,
) -> Iterator[View]:
    """`count` pictures, going round the wearers, each in `variants` masks and crops.

    no_warp: how often the warp is left out. Pictures that show too little of the garment, or of
    the person, are passed over.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        wearer = wearers[number % len(wearers)]
        target, where = (
            (np.asarray(wearer.person.photo), _worn_here(wearer.person, garment))
            if wearer.body is None
            else dressed(wearer.body, garment.atlas, rng)
        )
        if where.mean() < _LEAST:
            continue
        for variant in range(variants):
            warp = (variant + 0.5) / variants > no_warp if variants > 2 else rng.random() > no_warp
            try:
                view = _view(wearer.person, garment, config, target, where, bool(warp), rng)
            except InputError as error:
                logger.warning("not trained on: %s: %s", wearer.person.key, error)
                break
            yield view


def dressed(
    body: LibraryBody, atlas: GarmentAtlas, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A body of the library wearing the garment: uint8 (H, W, 3), and where it is, float32 (H, W).

    Placed by the true body map and lit by the light that was measured there, in a random degree.
    """
    warp = warp_garment(atlas, body.body)
    height, width = warp.coverage.shape
    where = warp.coverage * (1 - body.over.astype(np.float32))
    if where.max() < 0.5:
        return body.image, where
    light = cv2.resize(body.light, (width, height), interpolation=cv2.INTER_LINEAR) / 128.0
    light = (light / np.median(light[where > 0.5])) ** rng.uniform(0.5, 1.1)
    tint = 1 + rng.normal(0, 0.05) + rng.normal(0, 0.012, 3)
    lit = warp.image * (light.clip(0.3, 1.6)[..., None] * tint)
    picture = body.image + where[..., None] * (lit - body.image)
    picture = picture * (1 + rng.normal(0, 0.03)) + rng.normal(0, rng.uniform(0, 4), picture.shape)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.0))
    return np.asarray(picture.clip(0, 255), np.uint8), where


def _view(
    person: Person,
    garment: Garment,
    config: FamilyConfig,
    target: np.ndarray,
    where: np.ndarray,
    warp: bool,
    rng: np.random.Generator,
) -> View:
    limbs: Literal["auto", "whole"] = "whole" if rng.random() < 0.4 else "auto"
    grow = int(rng.integers(0, max(2, target.shape[0] // 64)))
    # The target is drawn hanging out, so that all of the garment is learned.
    options = DressOptions(limbs=limbs, grow=grow, warp=warp, category=garment.category, tuck="out")
    plan = planned(config, person, [Worn(garment, options)], Stopwatch())
    picture = cropped_photo(Image.fromarray(target), plan.crop)
    weight = cropped_photo(
        Image.fromarray((where * 255).astype(np.uint8)).convert("RGB"), plan.crop
    )
    shown = plan.sample.warp if warp else None
    sample = replace(plan.sample, image=picture, warp=shown, garment=garment.photo)
    return View(sample, np.asarray(weight)[..., 0] / np.float32(255))


def _worn_here(person: Person, garment: Garment) -> np.ndarray:
    """float32 (H, W): where the garment is seen on the wearer in a photo: where the warp lays it,
    and the photo has its colours. What is worn over it is left out, hair and skin are, too.

    Nowhere, if it is seen on less than half of where it should be: from behind, under a coat.
    """
    warp = warp_garment(garment.atlas, person.body)
    photo, laid = (
        _mean_colours(np.asarray(image), warp.coverage) for image in (person.photo, warp.image)
    )
    off = photo - laid
    inside = warp.coverage > 0.5
    if not inside.any():
        return warp.coverage
    light = np.median(off[inside][:, 0]).clip(-_LIGHTER, _LIGHTER)
    off = np.linalg.norm((off - (light, 0, 0)) * (0.6, 1, 1), axis=-1)
    seen = warp.coverage * (off < _UNLIKE)
    enough = seen.sum() > 0.5 * warp.coverage.sum()
    return seen if enough else np.zeros_like(seen)


def _mean_colours(rgb: np.ndarray, where: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3): CIELAB around each pixel, of what lies in `where`, float32 (H, W)."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    window = (max(3, round(_AROUND * rgb.shape[0])),) * 2
    total = cv2.blur(lab * where[..., None], window)
    return np.asarray(total / np.maximum(cv2.blur(where, window), 1e-3)[..., None])
