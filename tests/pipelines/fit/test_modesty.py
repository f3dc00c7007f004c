"""Nobody is undressed, whatever the garment or the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.pipelines.fit.drawn import SKIN, cloth, drawn_photo, drawn_scene, filled_boxes, vest
from tryon.pipelines.fit.layers import Layers
from tryon.pipelines.fit.picture import picture_layers
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.fit.warp import Warp
from tryon.types import Category

CHEST = ((97, 108, 111, 130), (129, 108, 143, 130))  # on either side of the breastbone
HIPS = ((92, 180, 148, 226),)


def holes() -> np.ndarray:
    """bool: cloth like a sieve, whose holes are as large as a hand."""
    cover = vest()
    y, x = np.mgrid[0 : cover.shape[0], 0 : cover.shape[1]]
    return cover & ~((y % 24 < 16) & (x % 20 < 14))


GARMENTS = {
    "nothing": np.zeros_like(vest()),
    "holes": holes(),
    "transparent": vest() * np.float32(0.25),
    "straps": filled_boxes(((100, 80, 103, 178), (137, 80, 140, 178))),
    "cropped": filled_boxes(((88, 80, 152, 100),)),
}


def bare_pixels(picture: Image.Image, where: tuple[tuple[int, int, int, int], ...]) -> float:
    """The share of these boxes that looks like the person's skin, lighter or darker."""
    colours = np.asarray(picture).astype(float)[filled_boxes(where)]
    light = colours.sum(axis=1, keepdims=True) / sum(SKIN)
    return float((np.abs(colours - light * SKIN).max(axis=1) < 12).mean())


@pytest.mark.parametrize("name", GARMENTS)
@pytest.mark.parametrize(("category", "where"), [("upper", CHEST), ("lower", HIPS)])
def test_old_clothes_stay_where_the_new_leave_chest_or_hips_open(
    name: str, category: Category, where: tuple[tuple[int, int, int, int], ...]
) -> None:
    made = picture_layers(drawn_photo(), drawn_scene(category), [cloth(GARMENTS[name])])
    assert bare_pixels(made.picture(), where) < 0.01
    assert made.covered < 0.97


def test_a_garment_that_covers_is_not_warned_of() -> None:
    made = picture_layers(drawn_photo(), drawn_scene(), [cloth(vest())])
    assert made.covered > 0.99
    assert bare_pixels(made.picture(), CHEST) == 0
    old = np.abs(np.asarray(made.picture()).astype(int) - (40, 60, 170)).max(-1) < 30
    assert not old[filled_boxes(CHEST)].any()


@pytest.mark.parametrize("name", ["nothing", "holes"])
def test_a_mask_of_the_callers_undresses_nobody(name: str) -> None:
    scene = drawn_scene()
    everything = replace(
        scene, area=np.ones_like(scene.area), old=np.ones_like(scene.old) * scene.silhouette
    )
    made = picture_layers(drawn_photo(), everything, [cloth(GARMENTS[name])])
    assert bare_pixels(made.picture(), (*CHEST, *HIPS)) < 0.01


def painted_bare(scene: Scene) -> np.ndarray:
    """uint8 (H, W, 3): a model's picture in which the person wears nothing."""
    picture = np.asarray(drawn_photo()).copy()
    picture[scene.silhouette > 0.5] = SKIN
    return picture


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("warps", [[], [cloth(vest())], [cloth(holes())]])
def test_what_a_model_paints_bare_is_not_taken(strength: float, warps: list[Warp]) -> None:
    scene = drawn_scene()
    made: Layers = picture_layers(drawn_photo(), scene, warps)
    painted = painted_bare(scene)
    share = made.share(strength, painted)[..., None]
    result = painted + (np.asarray(made.picture()) - painted.astype(float)) * share
    assert bare_pixels(Image.fromarray(result.astype(np.uint8)), CHEST) < 0.02


def test_one_strength_decides_how_far_the_layers_are_taken() -> None:
    made = picture_layers(drawn_photo(), drawn_scene(), [cloth(vest())])
    trust = made.trust()
    sleeve = filled_boxes(((65, 95, 82, 130),))
    assert 0.3 < trust[sleeve].mean() < 0.8 and (trust[~drawn_scene().area] == 1).all()
    assert (made.share(1.0) == 1).all()
    np.testing.assert_allclose(made.share(0.5)[sleeve], trust[sleeve], atol=1e-6)
    assert made.share(0.0)[sleeve].max() == 0
