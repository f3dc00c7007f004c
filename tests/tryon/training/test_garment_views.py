"""The library of bodies, and the pictures that a garment makes on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tryon.training.tiny_garment import garment, wearers
from tryon.errors import WeightsMissingError
from tryon.pipelines.family import FamilyConfig
from tryon.pipelines.fit.warp import warp_garment
from tryon.training.body_library import LIBRARY, load_bodies, save_bodies
from tryon.training.garment_views import View, Wearer, dressed, views
from tryon.types import CATEGORIES

CONFIG = FamilyConfig(width=96, height=128, masked_image="warp")


def made(shirt: Path, seed: int = 0, count: int = 2, no_warp: float = 0.5) -> list[View]:
    found = views(
        wearers(), garment(shirt), CONFIG, count=count, variants=2, no_warp=no_warp, seed=seed
    )
    return list(found)


def test_the_library_is_small_and_has_bodies_for_all() -> None:
    assert LIBRARY.stat().st_size <= 2_000_000
    for category in CATEGORIES:
        bodies = load_bodies(category)
        assert len(bodies) >= 12
        assert len({body.seed for body in bodies}) == len(bodies)
        for body in bodies:
            assert body.image.shape == (512, 384, 3)
            assert body.silhouette.mean() > 0.08
            assert (body.body.uv.min(), body.body.uv.max() <= 1) == (0, True)


def test_a_body_survives_the_file(tmp_path: Path) -> None:
    (body, *_) = load_bodies("dress")
    save_bodies([body], tmp_path / "bodies.npz")
    (again,) = load_bodies("dress", tmp_path / "bodies.npz")
    for name in ("uv", "front", "body", "parts", "confidence"):
        assert np.array_equal(getattr(again.body, name), getattr(body.body, name)), name
    for name in ("silhouette", "over", "keypoints", "hands"):
        assert np.array_equal(getattr(again, name), getattr(body, name)), name
    assert again.body.box == body.body.box
    assert np.abs(again.image.astype(int) - body.image).mean() < 2
    assert load_bodies("upper", tmp_path / "bodies.npz") == []
    with pytest.raises(WeightsMissingError):
        load_bodies("upper", tmp_path / "none.npz")


def test_the_command_makes_such_bodies() -> None:
    pytest.importorskip("anny")
    from tryon.training.render_bodies import FIRST_SEED, rendered_body

    body = load_bodies("upper")[0]
    assert FIRST_SEED <= body.seed < FIRST_SEED + 1000
    rendered = rendered_body("upper", body.seed)
    assert rendered.image.shape == body.image.shape
    assert rendered.light.shape == body.light.shape
    # Clothes change with the renderer; who stands there, and how, does not.
    assert np.abs(rendered.keypoints[:, :2] - body.keypoints[:, :2]).max() < 2
    assert (rendered.body.part == body.body.part).mean() > 0.97


def test_the_garment_is_drawn_in_its_colours_and_nothing_else_changes(shirt: Path) -> None:
    body = wearers()[0].body
    assert body is not None
    picture, where = dressed(body, garment(shirt).atlas, np.random.default_rng(0))
    inside, outside = where > 0.9, where == 0
    assert inside.mean() > 0.05
    red, green, _ = picture[inside].mean(axis=0)
    assert red > green + 40
    apart = picture[outside].astype(float).mean(axis=0) - body.image[outside].mean(axis=0)
    assert np.abs(apart).max() < 12
    assert not (where * body.over).any()


def test_light_and_colour_vary_from_picture_to_picture(shirt: Path) -> None:
    body = wearers()[0].body
    assert body is not None
    means = []
    for seed in range(6):
        picture, where = dressed(body, garment(shirt).atlas, np.random.default_rng(seed))
        means.append(picture[where > 0.9].mean(axis=0))
    assert np.std(means, axis=0).max() > 3


def test_views_are_what_inference_would_be_given(shirt: Path) -> None:
    found = made(shirt)
    assert len(found) == 4
    for view in found:
        sample = view.sample
        assert sample.image.size == sample.mask.size == (96, 128)
        assert sample.skeleton is not None
        assert sample.garment is garment(shirt).photo
        mask = np.asarray(sample.mask) > 127
        inside = view.garment > 0.5
        assert inside.mean() > 0.02
        assert (mask & inside).sum() > 0.8 * inside.sum()
    shown = [view for view in found if view.sample.warp is not None]
    assert len(shown) > 0
    warp, target = (np.asarray(x, float) for x in (shown[0].sample.warp, shown[0].sample.image))
    assert np.abs(warp - target)[shown[0].garment > 0.9].mean() < 60


def test_views_come_from_their_seed(shirt: Path) -> None:
    one, same, other = made(shirt, count=1), made(shirt, count=1), made(shirt, 1, count=1)
    assert np.array_equal(np.asarray(one[0].sample.image), np.asarray(same[0].sample.image))
    assert not np.array_equal(np.asarray(one[0].sample.image), np.asarray(other[0].sample.image))
    assert all(v.sample.warp is None for v in made(shirt, count=2, no_warp=1.0))


def test_somebody_of_whom_too_little_is_seen_is_passed_over(
    shirt: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = wearers()[:2]
    keypoints = first.person.pose.keypoints.copy()
    keypoints[:, 2] = 0  # no joint of theirs is in the photo
    cut = replace(first.person, pose=replace(first.person.pose, keypoints=keypoints), key="cut-off")
    found = views(
        [Wearer(cut, first.body), second],
        garment(shirt),
        CONFIG,
        count=2,
        variants=2,
        no_warp=0.5,
        seed=0,
    )
    assert len(list(found)) == 2
    assert "cut-off" in caplog.text


def test_a_photo_of_a_wearer_counts_where_the_garment_is_seen(shirt: Path) -> None:
    what, wearer = garment(shirt), wearers()[0]
    assert wearer.body is not None
    shown, where = dressed(wearer.body, what.atlas, np.random.default_rng(0))
    laid = warp_garment(what.atlas, wearer.person.body).coverage > 0.9

    def seen_on(photo: np.ndarray) -> float:
        someone = Wearer(replace(wearer.person, photo=Image.fromarray(photo)))
        found = views([someone], what, CONFIG, count=1, variants=1, no_warp=0.0, seed=0)
        return float(np.mean([view.garment.mean() for view in found] or [0.0]))

    half, coat = shown.copy(), shown.copy()
    middle = round(float(np.nonzero(laid)[1].mean()))
    half[:, : round(0.8 * middle)] = (20, 160, 40)  # a scarf over one side
    coat[:, : round(1.2 * middle)] = (20, 160, 40)
    whole = seen_on(shown)
    assert whole > 0.1
    assert 0.5 * whole < seen_on(half) < 0.95 * whole
    assert seen_on(coat) == 0
