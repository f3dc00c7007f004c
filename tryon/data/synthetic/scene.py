"""One whole sample from one seed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tryon.data.synthetic.appearance import random_look
from tryon.data.synthetic.bodies import body_model, bone_transforms, posed
from tryon.data.synthetic.camera import random_camera
from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.draping import Folds
from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.dressing import body_surface, outfit_views, random_setting, with_parts
from tryon.data.synthetic.figure import Figure
from tryon.data.synthetic.flatlay import flat_lay_photo
from tryon.data.synthetic.keypoints import figure_keypoints
from tryon.data.synthetic.light import random_light
from tryon.data.synthetic.masks import agnostic_mask
from tryon.data.synthetic.materials import SAMPLES
from tryon.data.synthetic.outfits import Piece, random_outfit, random_piece
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.poses import random_pose
from tryon.data.synthetic.sample import OUTER, Garment, GarmentPhoto, Sample
from tryon.types import CATEGORIES, Category

CHANCES = (0.55, 0.25, 0.2)
"""How often each category is exchanged."""


def render_sample(
    seed: int,
    size: tuple[int, int] = (256, 192),
    *,
    photo_size: tuple[int, int] | None = None,
    worn_photos: bool = False,
    fabric_folder: Path | None = None,
) -> Sample:
    """Render the sample of `seed`; the same arguments give the same arrays.

    size: (height, width) of the person pictures.
    photo_size: (height, width) of the garment photos; None takes `size`.
    worn_photos: also photograph `garment` and `new_garment` on another body (`Garment.worn`).
    fabric_folder: folder of photographs (any depth, .jpg) to crop fabrics and blurred backgrounds
        from; None uses procedural fabrics only.
    """
    rng = np.random.default_rng(seed)
    photos = photo_paths(fabric_folder) if fabric_folder else ()
    category: Category = one_of(rng, CATEGORIES, CHANCES)
    seated = category != "dress" and rng.random() < 0.06
    figure = random_figure(rng, category, size, seated)
    pieces = random_outfit(rng, category, photos, seated)
    # The outermost piece of the category: over a top that is an open jacket, if there is one.
    exchanged = [p for p in pieces if p.mesh.cut_numbers.category == category][-1]
    below = pieces[-2].mesh.cut_numbers if exchanged.mesh.cut_numbers.label == OUTER else None
    new = random_piece(rng, category, photos, seated, below)
    setting = random_setting(rng, figure, size, photos)
    swapped = [new if p is exchanged else p for p in pieces]
    (person, other), stage = outfit_views(figure, setting, [pieces, swapped])
    body, band = body_surface(stage)
    person, other = with_parts(person, body), with_parts(other, body)
    keypoints, hands = figure_keypoints(figure, stage.depth)
    garments = tuple(
        _photographed_garment(rng, p, photo_size or size, photos, worn_photos and p is exchanged)
        for p in pieces
    )
    new_garment = _photographed_garment(rng, new, photo_size or size, photos, worn_photos)
    garment = garments[pieces.index(exchanged)]
    return Sample(
        seed=seed,
        category=category,
        person=person,
        other=other,
        keypoints=keypoints,
        hands=hands,
        body=body,
        band=band,
        agnostic=agnostic_mask(person, other, garment.label, new_garment.label),
        garments=garments,
        garment=garment,
        new_garment=new_garment,
        caption="a person wearing " + " and ".join(g.caption for g in garments),
    )


@lru_cache(maxsize=4)
def photo_paths(folder: Path) -> tuple[Path, ...]:
    """Every .jpg below the folder, sorted."""
    return tuple(sorted(Path(folder).rglob("*.jpg")))


def random_figure(
    rng: np.random.Generator, category: Category, size: tuple[int, int], seated: bool = False
) -> Figure:
    """Draw a body, a pose, a face and a camera."""
    model = body_model()
    pair = rng.integers(len(model.female), size=2)
    blend = rng.random()
    shape = model.shape(int(pair[0]), int(pair[1]), blend)
    female = float(model.female[pair[0]] * (1 - blend) + model.female[pair[1]] * blend)
    pose = random_pose(rng, model, shape, seated)
    transforms = bone_transforms(model, shape.heads, pose.rotations)
    points = posed(model, shape.rest, transforms)

    def joint(bone: str) -> np.ndarray:
        b = model.bone[bone]
        return transforms[b][:, :3] @ shape.heads[b] + transforms[b][:, 3]

    lowest = points[points[:, 2].argmin()]
    head = points[model.parts == PARTS.index("head")]
    joints = {
        "head": head[head[:, 2].argmax()] + np.array([0, 0, 0.03]),
        "chin": joint("neck03"),
        "hip": (joint("upperleg01.L") + joint("upperleg01.R")) / 2,
        "knee": (joint("lowerleg01.L") + joint("lowerleg01.R")) / 2,
        "foot": lowest,
    }
    camera = random_camera(rng, points, joints, category, (size[0] * SAMPLES, size[1] * SAMPLES))
    look = random_look(rng, model, female)
    light = random_light(rng)
    return Figure(model, patterns(), shape, transforms, points, camera, light, look)


def _photographed_garment(
    rng: np.random.Generator,
    piece: Piece,
    size: tuple[int, int],
    photos: tuple[Path, ...],
    worn: bool,
) -> Garment:
    cut = piece.mesh.cut_numbers
    photo = flat_lay_photo(rng, piece.mesh, piece.fabric, patterns(), size, photos)
    worn_photo = _worn_photo(rng, piece, size, photos) if worn else None
    return Garment(cut.category, cut.label, cut.name, piece.caption, photo, worn_photo)


def _worn_photo(
    rng: np.random.Generator, piece: Piece, size: tuple[int, int], photos: tuple[Path, ...]
) -> GarmentPhoto:
    """The garment on another body, with other clothes where it needs them."""
    cut = piece.mesh.cut_numbers
    figure = random_figure(rng, cut.category, size)
    pieces = [replace(piece, folds=Folds(rng.uniform(0, 6.28, 6)))]
    if cut.label == OUTER:
        pieces.insert(0, random_piece(rng, "upper", photos))
    if cut.category == "upper":
        pieces.insert(0, random_piece(rng, "lower", photos))
    elif cut.category == "lower":
        pieces.append(random_piece(rng, "upper", photos))
    (view,), _ = outfit_views(figure, random_setting(rng, figure, size, photos), [pieces])
    mask = view.clothes == cut.label
    return GarmentPhoto(
        image=view.image,
        mask=mask,
        uv=np.where(mask[..., None], view.surface.uv, 0).astype(np.float32),
        layer=np.where(mask, view.surface.layer, 0).astype(np.uint8),
        kind="worn",
    )
