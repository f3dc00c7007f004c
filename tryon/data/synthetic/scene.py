"""One whole sample from one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tryon.data.synthetic.accessories import Bag, draw_bag, draw_shoes, plain_fabric, random_bag
from tryon.data.synthetic.appearance import random_look
from tryon.data.synthetic.backgrounds import photographed, random_background
from tryon.data.synthetic.bodies import body_model, bone_transforms, posed
from tryon.data.synthetic.camera import Camera, random_camera
from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.fabrics import Fabric
from tryon.data.synthetic.figure import (
    BODY_OWNER,
    Canvas,
    Figure,
    body_band,
    draw_body,
    draw_garment,
    draw_hair,
)
from tryon.data.synthetic.flatlay import flat_lay_photo
from tryon.data.synthetic.garments import Folds
from tryon.data.synthetic.keypoints import figure_keypoints
from tryon.data.synthetic.layers import layered
from tryon.data.synthetic.masks import agnostic_mask
from tryon.data.synthetic.outfits import Piece, random_outfit, random_piece
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.poses import random_pose
from tryon.data.synthetic.sample import (
    BACKGROUND,
    BAG,
    FACE,
    HAIR,
    HAND,
    SHOES,
    SKIN,
    Garment,
    GarmentPhoto,
    Sample,
    Surface,
    View,
)
from tryon.data.synthetic.shading import composed, occlusion, random_light
from tryon.types import Category

SUPERSAMPLE = 2
SHOES_OWNER, FIRST_GARMENT, BAG_OWNER, HAIR_OWNER = 1, 2, 8, 12


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """What `person` and `other` share besides the figure."""

    background: np.ndarray
    shoes: Fabric
    hair: Fabric
    bag: Bag | None
    wall_shadow: float
    noise_seed: int


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
    category: Category = rng.choice(["upper", "lower", "dress"], p=[0.55, 0.25, 0.2])  # type: ignore[assignment]
    seated = category != "dress" and rng.random() < 0.06
    figure = random_figure(rng, category, size, seated)
    pieces = random_outfit(rng, category, photos, seated)
    exchanged = next(p for p in pieces if p.mesh.cut_numbers.category == category)
    new = random_piece(rng, category, photos, seated=seated)
    setting = _random_setting(rng, figure, size, photos)
    bare = Canvas.empty(size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE)
    draw_body(figure, bare)
    person, depth = _dressed(figure, bare, pieces, setting)
    swapped = [new if p is exchanged else p for p in pieces]
    other, _ = _dressed(figure, bare, swapped, setting)
    body, band = _bare_body(figure, bare)
    person, other = _with_parts(person, body), _with_parts(other, body)
    keypoints, hands = figure_keypoints(figure, depth, SUPERSAMPLE)
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
    part = np.array(PARTS)[model.parts]

    def joint(bone: str) -> np.ndarray:
        b = model.bone[bone]
        return transforms[b][:, :3] @ shape.heads[b] + transforms[b][:, 3]

    lowest = points[points[:, 2].argmin()]
    head = points[part == "head"]
    joints = {
        "head": head[head[:, 2].argmax()] + np.array([0, 0, 0.03]),
        "chin": joint("neck03"),
        "hip": (joint("upperleg01.L") + joint("upperleg01.R")) / 2,
        "knee": (joint("lowerleg01.L") + joint("lowerleg01.R")) / 2,
        "foot": lowest,
    }
    big = (size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE)
    camera = random_camera(rng, points, joints, category, big)
    look = random_look(rng, model, female)
    return Figure(model, patterns(), shape, transforms, points, camera, random_light(rng), look)


def _random_setting(
    rng: np.random.Generator, figure: Figure, size: tuple[int, int], photos: tuple[Path, ...]
) -> Setting:
    shoes = plain_fabric(np.broadcast_to(rng.uniform(15, 240, 3), (8, 8, 3)), 0.1)
    return Setting(
        background=random_background(rng, size, photos),
        shoes=shoes,
        hair=plain_fabric(figure.look.hair, 0.12),
        bag=random_bag(rng, figure) if rng.random() < 0.22 else None,
        wall_shadow=float(np.float32(rng.uniform(0, 0.35))),
        noise_seed=int(rng.integers(2**31)),
    )


def _dressed(
    figure: Figure, bare: Canvas, pieces: list[Piece], setting: Setting
) -> tuple[View, np.ndarray]:
    """The figure in an outfit: the view, without parts, and the big depth buffer."""
    canvas = bare.copy()
    draw_shoes(figure, canvas, setting.shoes, SHOES_OWNER)
    for k, (mesh, bias) in enumerate(layered([piece.mesh for piece in pieces])):
        piece = pieces[k]
        draw_garment(figure, canvas, mesh, piece.fabric, piece.folds, FIRST_GARMENT + k, bias)
    if setting.bag is not None:
        draw_bag(figure, canvas, setting.bag, BAG_OWNER)
    draw_hair(figure, canvas, setting.hair, HAIR_OWNER)
    shade, wall = occlusion(
        canvas.buffers.depth, figure.metres_per_pixel, figure.light, SUPERSAMPLE
    )
    image = composed(
        canvas.buffers.owner, canvas.image, figure.light.tint.astype(np.float32), shade,
        setting.background, 1 - setting.wall_shadow * wall,
    )  # fmt: skip
    pick = slice(SUPERSAMPLE // 2, None, SUPERSAMPLE)
    owner = canvas.buffers.owner[pick, pick]
    labels = np.full(20, BACKGROUND, np.uint8)
    labels[BODY_OWNER], labels[SHOES_OWNER], labels[BAG_OWNER:HAIR_OWNER] = SKIN, SHOES, BAG
    labels[HAIR_OWNER:-1] = HAIR
    for k, piece in enumerate(pieces):
        labels[FIRST_GARMENT + k] = piece.mesh.cut_numbers.label
    clothes = labels[owner]
    part = canvas.part[pick, pick]
    clothes[(owner == BODY_OWNER) & (part == PARTS.index("head"))] = FACE
    for name in ("left_hand", "right_hand"):
        clothes[(owner == BODY_OWNER) & (part == PARTS.index(name))] = HAND
    layer = canvas.layer[pick, pick]
    surface = Surface(np.where(layer[..., None] > 0, canvas.uv[pick, pick], 0), layer, part)
    rng = np.random.default_rng(setting.noise_seed)
    view = View(photographed(rng, image), clothes, owner >= 0, surface)
    return view, canvas.buffers.depth


def _bare_body(figure: Figure, bare: Canvas) -> tuple[Surface, np.ndarray]:
    """The body map of the bare body with its band, at the sample's size, and the band."""
    pick = slice(SUPERSAMPLE // 2, None, SUPERSAMPLE)
    camera = figure.camera
    x, y = camera.principal
    small_camera = Camera(
        camera.turn, camera.centre, (x / SUPERSAMPLE, y / SUPERSAMPLE),
        camera.scale / SUPERSAMPLE, camera.distance,
    )  # fmt: skip
    small = Canvas.empty(bare.part.shape[0] // SUPERSAMPLE, bare.part.shape[1] // SUPERSAMPLE)
    small = replace(
        small,
        uv=bare.uv[pick, pick].copy(),
        layer=bare.layer[pick, pick].copy(),
        part=bare.part[pick, pick].copy(),
    )
    uv, layer, part, band = body_band(figure, small, small_camera)
    return Surface(uv, layer, part), band


def _with_parts(view: View, body: Surface) -> View:
    """Parts of garment pixels that stand off the body come from the band."""
    part = view.surface.parts
    off_body = (part == 0) & (view.surface.layer > 0)
    part = np.where(off_body, body.parts, part).astype(np.uint8)
    still = (part == 0) & (view.surface.layer > 0)
    part = np.where(still, PARTS.index("torso"), part).astype(np.uint8)
    return replace(view, surface=Surface(view.surface.uv, view.surface.layer, part))


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
    if cut.category == "upper":
        pieces.insert(0, random_piece(rng, "lower", photos))
    elif cut.category == "lower":
        pieces.append(random_piece(rng, "upper", photos))
    setting = _random_setting(rng, figure, size, photos)
    bare = Canvas.empty(size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE)
    draw_body(figure, bare)
    view, _ = _dressed(figure, bare, pieces, setting)
    mask = view.clothes == cut.label
    return GarmentPhoto(
        image=view.image,
        mask=mask,
        uv=np.where(mask[..., None], view.surface.uv, 0).astype(np.float32),
        layer=np.where(mask, view.surface.layer, 0).astype(np.uint8),
        kind="worn",
    )
