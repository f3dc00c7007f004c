"""A figure in its clothes: drawn, shaded and photographed.

What two outfits share (body, shoes, hair, bag, garments worn in both) is drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from tryon.data.synthetic.accessories import Bag, draw_bag, draw_shoes, plain_fabric, random_bag
from tryon.data.synthetic.backgrounds import photographed, random_background
from tryon.data.synthetic.camera import Camera
from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.fabrics import Fabric
from tryon.data.synthetic.figure import (
    BODY_OWNER,
    Figure,
    Painted,
    body_band,
    draw_body,
    draw_garment,
    draw_hair,
)
from tryon.data.synthetic.layers import Layer, layered
from tryon.data.synthetic.light import composed, occlusion
from tryon.data.synthetic.materials import SAMPLES, Mesh, Skin, Truth
from tryon.data.synthetic.outfits import Piece
from tryon.data.synthetic.raster import Buffers
from tryon.data.synthetic.sample import (
    BACKGROUND,
    BAG,
    FACE,
    HAIR,
    HAND,
    SHOES,
    SKIN,
    Surface,
    View,
)
from tryon.data.synthetic.shading import body_truth, shade_cloth, shade_skin

SHOES_OWNER, FIRST_GARMENT, BAG_OWNER, HAIR_OWNER = 1, 2, 8, 12

COVER = 0.02
"""Metres between surfaces of one garment in one pixel; see `shading.shade_cloth`."""


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """What is around a figure, whatever it wears."""

    background: np.ndarray
    shoes: Fabric
    hair: Fabric
    bag: Bag | None
    wall_shadow: float
    noise_seed: int


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """A figure that is partly dressed.

    inner: buffers of body, shoes and garments; outer: of bag and hair, which the truth is looked
    through; bare: truth of the bare body.
    """

    figure: Figure
    setting: Setting
    body: Mesh
    bare: Truth
    inner: Buffers
    outer: Buffers
    inner_things: tuple[Painted, ...]
    outer_things: tuple[Painted, ...]

    @property
    def depth(self) -> np.ndarray:
        """float32, of whatever is nearest, in samples."""
        return np.minimum(self.inner.depth, self.outer.depth)


class Canvas(NamedTuple):
    """A picture as it is shaded: shown float32 (H, W, 4), colours times their share of the pixel,
    and that share; truth: of body and garments."""

    shown: np.ndarray
    truth: Truth

    def copy(self) -> Canvas:
        return Canvas(self.shown.copy(), self.truth.copy())


def random_setting(
    rng: np.random.Generator, figure: Figure, size: tuple[int, int], photos: tuple[Path, ...]
) -> Setting:
    """Draw what is around a figure; size: (height, width) in pixels."""
    shoes = plain_fabric(rng.uniform(15, 240, (1, 1, 3)), 0.1)
    return Setting(
        background=random_background(rng, size, photos),
        shoes=shoes,
        hair=plain_fabric(figure.look.hair, 0.12),
        bag=random_bag(rng, figure) if rng.random() < 0.22 else None,
        wall_shadow=float(np.float32(rng.uniform(0, 0.35))),
        noise_seed=int(rng.integers(2**31)),
    )


def bare_stage(figure: Figure, setting: Setting) -> Stage:
    """The figure with shoes, hair and bag, but without garments."""
    height, width = setting.background.shape[:2]
    big = (height * SAMPLES, width * SAMPLES)
    inner, outer = Buffers.empty(*big), Buffers.empty(*big)
    body, bare = draw_body(figure, inner), Truth.empty(height, width)
    body_truth(body, inner, figure.model.parts, COVER, bare)
    shoes = draw_shoes(figure, inner, setting.shoes, SHOES_OWNER)
    things = draw_hair(figure, outer, setting.hair, HAIR_OWNER)
    if setting.bag is not None:
        things.append(draw_bag(figure, outer, setting.bag, BAG_OWNER))
    return Stage(figure, setting, body, bare, inner, outer, (shoes,), tuple(things))


def dressed(stage: Stage, layers: Sequence[Layer], inner: Buffers) -> Stage:
    """The stage with more garments on, each under the owner of its layer; draws into `inner`."""
    things = [
        draw_garment(
            stage.figure, inner, layer.mesh, layer.piece.fabric, layer.piece.folds,
            FIRST_GARMENT + layer.number, layer.bias,
        )
        for layer in layers
    ]  # fmt: skip
    return replace(stage, inner=inner, inner_things=(*stage.inner_things, *things))


def outfit_views(
    figure: Figure, setting: Setting, outfits: Sequence[Sequence[Piece]]
) -> tuple[list[View], Stage]:
    """The figure in each of the outfits, and the first of them on its stage."""
    stage = bare_stage(figure, setting)
    worn = [layered(pieces) for pieces in outfits]
    shared = [layer for layer in worn[0] if all(layer.same_as(o[layer.number]) for o in worn[1:])]
    stage = dressed(stage, shared, stage.inner)
    own = [[y for y in layers if not any(y.same_as(s) for s in shared)] for layers in worn]
    copies = [stage.inner.copy() for _ in own[1:]]
    stages = [dressed(stage, y, b) for y, b in zip(own, [*copies, stage.inner], strict=True)]
    height, width = setting.background.shape[:2]
    canvas = Canvas(np.zeros((height, width, 4), np.float32), stage.bare.copy())
    if len(stages) == 1:
        everywhere = np.ones((height, width), np.bool_)
        return [view(stages[0], canvas, everywhere, outfits[0])], stages[0]
    differs = np.zeros((height, width), np.bool_)
    for s in stages:
        for thing in s.inner_things[len(stage.inner_things) :]:
            _mark(s.inner.owner, thing.mesh.owner, thing.mesh.box, differs)
    shade(stage, canvas, ~differs)  # there, all of them look like the stage that they share
    canvases = [*(canvas.copy() for _ in stages[1:]), canvas]
    drawn = zip(stages, canvases, outfits, strict=True)
    views = [view(s, c, differs, p) for s, c, p in drawn]
    return views, stages[0]


@numba.njit(cache=True)
def _mark(owner, who, box, out):  # type: ignore[no-untyped-def]
    """Set the pixels of `out`, bool (H, W), of which a sample in the box (4,) shows `who`."""
    for y in range(box[1], box[3]):
        for x in range(box[0], box[2]):
            if owner[y, x] == who:
                out[y // SAMPLES, x // SAMPLES] = True


def shade(stage: Stage, canvas: Canvas, where: np.ndarray) -> None:
    """Colour the pixels `where`, bool (H, W), of a canvas, in place."""
    figure, shown, truth = stage.figure, *canvas
    look, light = figure.look, figure.light
    skin = Skin(look.skin, look.paint, look.paint_box, figure.model.parts)
    inner, outer = stage.inner, stage.outer
    shade_skin(stage.body, inner, outer.depth, skin, light, shown, where)
    for thing in stage.inner_things:
        kept = None if thing.mesh.owner == SHOES_OWNER else truth
        shade_cloth(thing.mesh, inner, outer.depth, thing.cloth, light, COVER, shown, kept, where)
    for thing in stage.outer_things:
        shade_cloth(thing.mesh, outer, inner.depth, thing.cloth, light, COVER, shown, None, where)


def view(stage: Stage, canvas: Canvas, where: np.ndarray, pieces: Sequence[Piece]) -> View:
    """Finish a canvas by what is still missing `where`, bool (H, W), and photograph it.

    pieces: what the stage's figure wears.
    """
    shade(stage, canvas, where)
    figure, setting, light = stage.figure, stage.setting, stage.figure.light
    shown, truth = canvas
    inner, outer = stage.inner, stage.outer
    bright, wall = occlusion(inner.depth, outer.depth, figure.metres_per_pixel, light, SAMPLES)
    image = composed(shown, light, bright, setting.background, 1 - setting.wall_shadow * wall)
    rng = np.random.default_rng(setting.noise_seed)
    clothes = _clothes_labels(stage, pieces, truth.part)
    return View(
        image=photographed(rng, image),
        clothes=clothes,
        silhouette=clothes != BACKGROUND,
        surface=Surface(truth.uv, truth.layer, truth.part),
    )


def _clothes_labels(stage: Stage, pieces: Sequence[Piece], part: np.ndarray) -> np.ndarray:
    """uint8 (H, W), as in `sample.CLOTHES`; part: of the bare body."""
    labels = np.full(20, BACKGROUND, np.uint8)
    labels[BODY_OWNER], labels[SHOES_OWNER], labels[BAG_OWNER:HAIR_OWNER] = SKIN, SHOES, BAG
    labels[HAIR_OWNER:-1] = HAIR
    for k, piece in enumerate(pieces):
        labels[FIRST_GARMENT + k] = piece.mesh.cut_numbers.label
    bare = np.full(len(PARTS), SKIN, np.uint8)
    bare[[PARTS.index(name) for name in ("head", "left_hand", "right_hand")]] = FACE, HAND, HAND
    inner, outer = stage.inner, stage.outer
    return _labelled(inner.depth, inner.owner, outer.depth, outer.owner, labels, part, bare)  # type: ignore[no-any-return]


@numba.njit(cache=True)
def _labelled(depth, owner, outer_depth, outer_owner, labels, part, bare):  # type: ignore[no-untyped-def]
    """uint8 (H, W): the label of the nearest owner (-1 for none) at every pixel's own sample."""
    height, width = part.shape
    out = np.empty((height, width), np.uint8)
    step, first = np.uint64(SAMPLES), np.uint64(SAMPLES // 2)
    for y in range(np.uint64(height)):
        for x in range(np.uint64(width)):
            down, across = y * step + first, x * step + first
            nearer = outer_depth[down, across] < depth[down, across]
            who = outer_owner[down, across] if nearer else owner[down, across]
            out[y, x] = bare[part[y, x]] if who == BODY_OWNER else labels[who]
    return out


def body_surface(stage: Stage) -> tuple[Surface, np.ndarray]:
    """The body map of the bare body with its band, and the band."""
    camera, k = stage.figure.camera, SAMPLES
    x, y = camera.principal
    small = Camera(camera.turn, camera.centre, (x / k, y / k), camera.scale / k, camera.distance)
    truth, band = body_band(stage.figure, stage.bare, small)
    return Surface(truth.uv, truth.layer, truth.part), band


def with_parts(seen: View, body: Surface) -> View:
    """Parts of garment pixels that stand off the body come from the band."""
    part = _completed(seen.surface.parts, seen.surface.layer, body.parts, PARTS.index("torso"))
    return replace(seen, surface=Surface(seen.surface.uv, seen.surface.layer, part))


@numba.njit(cache=True)
def _completed(part, layer, around, otherwise):  # type: ignore[no-untyped-def]
    """The parts uint8 (H, W); where there is none but a layer, those `around`, or `otherwise`."""
    out = part.copy()
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            if part[y, x] == 0 and layer[y, x] > 0:
                out[y, x] = around[y, x] if around[y, x] > 0 else otherwise
    return out
