"""The layers of a drawn person, each against what was drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.pipelines.fit.drawn import (
    SHIRT,
    SKIN,
    background,
    bare,
    cloth,
    drawn_photo,
    drawn_scene,
    hands,
    photo,
    shirt,
    trousers,
    vest,
)
from tryon.pipelines.fit.layers import NAMES, Layers
from tryon.pipelines.fit.picture import picture_layers


@pytest.fixture(scope="module")
def layers() -> Layers:
    return picture_layers(drawn_photo(), drawn_scene(), [cloth(vest())])


def eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel) > 0)


def mean_error(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    assert where.sum() > 100
    return float(np.abs(picture.astype(int) - truth)[where].mean())


def test_the_ground_goes_on_behind_old_sleeves(layers: Layers) -> None:
    behind = shirt() & ~bare()
    assert mean_error(layers.plate.image, background(), behind) < 4
    assert mean_error(np.asarray(layers.picture()), background(), eroded(behind, 1)) < 6


def test_arms_have_the_colour_of_their_hands(layers: Layers) -> None:
    arms = eroded(bare() & shirt(), 3) & ~vest()
    arms[:, 85:155] = False
    assert mean_error(np.asarray(layers.picture()), np.array(SKIN), arms) < 14
    assert layers.body.alpha[arms].min() > 0.9


def test_trousers_go_on_upwards_in_their_own_stripes(layers: Layers) -> None:
    strip = np.zeros_like(vest())
    strip[181:190, 92:148] = True  # below the new hem, where the old one hung over the trousers
    assert layers.kept.alpha[strip].min() > 0.9
    assert mean_error(layers.kept.image, trousers(), strip) < 8


def test_the_garment_casts_a_shadow_below_itself_and_none_on_the_wall(layers: Layers) -> None:
    result = np.asarray(layers.picture()).astype(int)
    assert np.abs(result[eroded(vest(), 3)] - (200, 30, 30)).max() <= 1
    assert layers.garment.alpha[179, 120] > layers.garment.alpha[182, 120] > 0
    assert layers.garment.alpha[100, 20] == 0


def test_nothing_changes_but_old_clothes_and_new(layers: Layers) -> None:
    result = np.asarray(layers.picture())
    same = (result == photo()).all(axis=-1)
    assert same[~drawn_scene().area].all()
    assert same[hands()].all()
    assert not same[eroded(shirt() & ~vest(), 4)].all(axis=None)


def test_images_are_of_the_photo_and_the_body_only_where_it_is_repainted(layers: Layers) -> None:
    images = layers.images()
    assert tuple(images) == NAMES
    assert {(image.mode, image.size) for image in images.values()} == {("RGBA", (240, 320))}
    body = np.asarray(images["body"])[..., 3]
    assert (body[~drawn_scene().area] == 0).all() and body.max() > 200


def test_hair_keeps_its_colour_over_a_garment_of_another() -> None:
    picture, scene = photo(), drawn_scene()
    strand = np.zeros(scene.old.shape, np.float32)
    strand[60:150, 100:110] = 1
    soft = cv2.GaussianBlur(strand, (0, 0), 2.0)
    picture = (picture + (np.array((30, 20, 10)) - picture) * soft[..., None]).astype(np.uint8)
    scene = replace(scene, photo=picture, hair=soft)
    made = picture_layers(Image.fromarray(picture), scene, [cloth(vest(), (240, 240, 240))])
    result = np.asarray(made.picture()).astype(int)
    edge = np.zeros(strand.shape, bool)
    edge[95:140, 97:100] = True  # half hair, half garment: no blue of the old shirt between them
    red, _, blue = result[edge].mean(axis=0)
    assert abs(red - blue) < 25
    assert np.abs(result[110, 105] - (30, 20, 10)).max() < 25


def test_a_bare_arm_before_the_new_garment_stays_before_it() -> None:
    scene = drawn_scene()
    arm = np.zeros(scene.old.shape, bool)
    arm[150:190, 62:85] = True
    picture = photo()
    picture[arm] = SKIN
    scene = replace(scene, photo=picture, skin=np.maximum(scene.skin, arm), old=scene.old * ~arm)
    over = vest()
    over[150:190, 80:90] = True  # reaches over the arm's edge by an error of the body map
    made = picture_layers(Image.fromarray(picture), scene, [cloth(over)])
    inner = np.zeros_like(arm)
    inner[165:185, 64:84] = True
    assert np.abs(np.asarray(made.picture())[inner].astype(int) - SKIN).max() <= 2


def test_the_same_seed_gives_the_same_grain() -> None:
    noisy = np.clip(photo() + np.random.default_rng(0).normal(0, 4, (320, 240, 3)), 0, 255)
    scene = drawn_scene(picture=noisy.astype(np.uint8))
    one, same, other = (
        np.asarray(picture_layers(drawn_photo(), scene, [cloth(vest())], seed=seed).body.image)
        for seed in (1, 1, 2)
    )
    assert (one == same).all() and (one != other).any()


def test_the_old_shirt_is_gone(layers: Layers) -> None:
    result = np.asarray(layers.picture()).astype(int)
    blue = np.abs(result - SHIRT).max(axis=-1) < 40
    assert blue[eroded(drawn_scene().area, 1)].mean() < 0.01
