"""Render the library of bodies that ships in the assets. Needs the extra `synthetic`.

    OPENBLAS_NUM_THREADS=1 python -m tryon.training.render_bodies

People stand facing the camera in close-fitting underclothes, and in what a garment of the
category is worn with. The same seeds give the same bodies.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from tryon.data.synthetic.accessories import plain_fabric
from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.canonical import FRONT, PARTS
from tryon.data.synthetic.cuts import Cut, random_cut
from tryon.data.synthetic.draping import Folds
from tryon.data.synthetic.dressing import Setting, body_surface, outfit_views, random_setting
from tryon.data.synthetic.figure import Figure
from tryon.data.synthetic.garments import garment_mesh
from tryon.data.synthetic.keypoints import figure_keypoints
from tryon.data.synthetic.outfits import Piece, random_piece
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.sample import HAIR, LOWER, SKIN, UPPER, Surface
from tryon.data.synthetic.scene import random_figure
from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, BodyMap, person_crop
from tryon.training.body_library import LIBRARY, LibraryBody, save_bodies
from tryon.types import Category, Pose

SIZE = (512, 384)
FIRST_SEED = 7_000_000
COUNTS: dict[Category, int] = {"upper": 20, "lower": 12, "dress": 12}
_WHITE = 200.0  # of the garment that the light is measured on


def rendered_bodies(category: Category, count: int, first_seed: int) -> list[LibraryBody]:
    """The first `count` seeds from `first_seed` on that show the body from the front."""
    bodies: list[LibraryBody] = []
    seed = first_seed
    while len(bodies) < count:
        body = rendered_body(category, seed)
        if _is_useful(body):
            bodies.append(body)
        seed += 1
    return bodies


def rendered_body(category: Category, seed: int) -> LibraryBody:
    """The body of a seed, whatever it shows."""
    rng = np.random.default_rng(seed)
    figure = random_figure(rng, category, SIZE)
    setting = replace(random_setting(rng, figure, SIZE, ()), bag=None)
    other: dict[Category, Category] = {"upper": "lower", "lower": "upper"}
    beside = [random_piece(rng, other[category], ())] if category in other else []
    colour = rng.uniform(40, 230) + rng.normal(0, 6, 3)
    worn = [*_underclothes(category, colour), *beside]
    (view,), stage = outfit_views(figure, setting, [sorted(worn, key=_layer)])
    surface, band = body_surface(stage)
    keypoints, hands = figure_keypoints(figure, stage.depth)
    pose = Pose(keypoints.astype(np.float32), hands.astype(np.float32), score=1.0)
    return LibraryBody(
        category=category,
        seed=seed,
        image=view.image,
        light=_light(rng, category, figure, setting),
        silhouette=view.silhouette,
        over=view.clothes == HAIR,
        keypoints=pose.keypoints,
        hands=pose.hands,
        body=_on_grid(surface, band, pose, view.silhouette),
    )


def _underclothes(category: Category, colour: np.ndarray) -> list[Piece]:
    """A bandeau and short shorts, where the category leaves the body bare."""
    marks = patterns().marks
    top = Cut(
        name="bandeau", category="upper", label=UPPER, build="top", top=marks.neck,
        hem=marks.armpit - 0.17, ease=0.004, drape=0.0, neckline="strapless", folds=0.0,
    )  # fmt: skip
    bottom = Cut(
        name="shorts", category="lower", label=LOWER, build="trousers", top=marks.hip + 0.06,
        hem=marks.crotch - 0.03, ease=0.005, leg=0.0, folds=0.0,
    )  # fmt: skip
    cuts = {"upper": [top], "lower": [bottom], "dress": [bottom, top]}[category]
    fabric = plain_fabric(np.broadcast_to(colour, (8, 8, 3)), 0.1)
    still = Folds(np.zeros(6))
    return [Piece(garment_mesh(cut, body_model(), patterns()), fabric, "", still) for cut in cuts]


def _layer(piece: Piece) -> int:
    """Lower pieces are put on first."""
    return 0 if piece.mesh.cut_numbers.label == LOWER else 1


def _light(
    rng: np.random.Generator, category: Category, figure: Figure, setting: Setting
) -> np.ndarray:
    """uint8 (h, w), half the size: the brightness of loose white clothes of the category, folds
    and all, and elsewhere that of white skin, continued outside; 128 is fully lit."""
    marks = patterns().marks
    cut = random_cut(rng, marks, category)
    if cut.build == "top":
        cut = replace(cut, sleeve=1.0, opening=0.0, neckline="round", placket=False)
    white = plain_fabric(np.full((8, 8, 3), _WHITE), 0.1, sheen=0.0)
    folds = Folds(rng.uniform(0, 6.28, 6))
    piece = Piece(garment_mesh(cut, body_model(), patterns()), white, "", folds)
    pale = replace(figure, look=replace(figure.look, skin=np.full(3, _WHITE, np.float32)))
    (view,), _ = outfit_views(pale, setting, [[piece]])
    grey = cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY).astype(np.float32) / _WHITE * 128
    half = (SIZE[1] // 2, SIZE[0] // 2)
    lit = np.isin(view.clothes, (SKIN, piece.mesh.cut_numbers.label)).astype(np.uint8)
    inner = cv2.erode(cv2.resize(lit, half, interpolation=cv2.INTER_NEAREST), np.ones((3, 3)))
    small = cv2.resize(grey, half, interpolation=cv2.INTER_AREA)
    near = np.asarray(cv2.GaussianBlur(inner.astype(np.float32), (0, 0), 12))
    around = np.asarray(cv2.GaussianBlur(small * inner, (0, 0), 12)) / np.maximum(near, 1e-3)
    around = np.where(around > 1, around, small[inner > 0].mean())
    return np.asarray(np.where(inner, small, around).clip(0, 255), np.uint8)


def _on_grid(surface: Surface, band: np.ndarray, pose: Pose, silhouette: np.ndarray) -> BodyMap:
    """The true body map on the grid and in the crop of a predicted one."""
    box = person_crop(pose, silhouette.astype(np.float32))
    x = box.left + (np.arange(MAP_WIDTH) + 0.5) * box.width / MAP_WIDTH - 0.5
    y = box.top + (np.arange(MAP_HEIGHT) + 0.5) * box.height / MAP_HEIGHT - 0.5
    at_x, at_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))

    def on_grid(plane: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.remap(plane, at_x, at_y, cv2.INTER_NEAREST))

    labels = on_grid(surface.parts)
    there = (labels > 0).astype(np.float32)
    return BodyMap(
        uv=on_grid(surface.uv),
        front=(on_grid(surface.layer) == FRONT).astype(np.float32),
        body=there * (on_grid(band.astype(np.uint8)) == 0),
        parts=(labels[..., None] == np.arange(len(PARTS))).astype(np.float32),
        confidence=there,
        box=box,
        photo_size=(SIZE[1], SIZE[0]),
    )


def _is_useful(body: LibraryBody) -> bool:
    """Whether the front is seen, with the joints that the category needs."""
    trunk = ("torso", "left_thigh", "right_thigh") if body.category != "upper" else ("torso",)
    there = np.isin(body.body.part, [PARTS.index(name) for name in trunk]) & (body.body.body > 0)
    if there.sum() < 600 or body.body.front[there].mean() < 0.8:
        return False
    needed = ("shoulder", "hip") if body.category == "upper" else ("hip", "knee")
    return all(body.pose.joint(f"{s}_{n}")[2] > 0 for s in ("left", "right") for n in needed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the library."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=LIBRARY)
    options = parser.parse_args(arguments)
    bodies = []
    for number, (category, count) in enumerate(COUNTS.items()):
        bodies += rendered_bodies(category, count, FIRST_SEED + 1000 * number)
    save_bodies(bodies, options.out)


if __name__ == "__main__":
    main()
