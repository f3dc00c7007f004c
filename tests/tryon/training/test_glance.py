"""The glance's trainer: what it shows, what it counts as true, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.garments import shirt, trousers
from tryon.pipelines.garment.glance_net import ANGLES, GlanceNet, load_glance_net
from tryon.training.array_cache import write_rows
from tryon.training.glance import (
    GlanceTraining,
    fold_of,
    glance_scores,
    save_glance_net,
    smeared_angles,
    train_glance,
)
from tryon.training.glance_pictures import (
    OTHER,
    GlancePictures,
    other_things,
    patches,
    photographed,
    shows_clothes,
    tinted,
)
from tryon.training.glance_views import (
    GlanceViews,
    read_glance_views,
    view,
    write_glance_views,
)
from tryon.training.lite_trunk import pretrained_glance
from tryon.training.other_things import drawn_thing


@pytest.mark.parametrize("seed", range(6))
def test_the_angle_is_that_by_which_the_picture_was_turned(seed: int) -> None:
    picture = np.zeros((128, 128, 4), np.uint8)
    picture[8:120, 44:84] = (120, 120, 120, 255)
    picture[8:30, 44:84, :3] = (255, 255, 255)  # the top
    square, outline, angle = view(np.random.default_rng(seed), picture, other=False)
    there = outline > 127
    light = square.max(axis=-1)
    bright = np.argwhere((light >= np.percentile(light[there], 86)) & there).mean(0)
    middle = np.argwhere(there).mean(0)
    seen = np.degrees(np.arctan2(bright[1] - middle[1], middle[0] - bright[0])) % 360
    assert abs((seen - angle + 180) % 360 - 180) < 25


def test_many_views_of_garments_stand_nearly_upright() -> None:
    picture = np.full((128, 128, 4), 255, np.uint8)
    rng = np.random.default_rng(0)
    angles = np.array([view(rng, picture, other=False)[2] for _ in range(200)])
    near = np.abs((angles + 180) % 360 - 180) < 21
    assert 0.35 < near.mean() < 0.65
    assert np.ptp(angles[~near]) > 250


def test_a_thin_thing_is_shown_too() -> None:
    picture = np.zeros((128, 128, 4), np.uint8)
    picture[:, 63:65] = 255
    for seed in range(8):
        _, outline, _ = view(np.random.default_rng(seed), picture, other=True)
        assert outline.any()


def test_a_line_thinner_than_a_pixel_is_shown_too() -> None:
    picture = np.zeros((128, 128, 4), np.uint8)
    picture[:, 63, 3] = 140
    for seed in range(8):
        _, outline, _ = view(np.random.default_rng(seed), picture, other=True)
        assert outline.any()


def test_angles_are_smeared_around_the_circle() -> None:
    shares = smeared_angles(torch.tensor([0.0, 357.5, 92.5]), 4.0)
    assert shares.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert shares[0, 1].item() == pytest.approx(shares[0, -1].item())
    assert shares[1, 0].item() == pytest.approx(shares[1, ANGLES - 1].item())
    assert shares[2, 18].item() == pytest.approx(shares[2, 19].item())


def test_no_view_of_a_photograph_is_in_two_folds() -> None:
    views = random_views(60)
    folds = fold_of(views, 3)
    for source in range(1, 10):
        assert len(set(folds[views.sources == source].tolist())) == 1
    assert set(folds.tolist()) == {0, 1, 2}


def test_it_learns_what_it_is_shown_and_leaves_its_beginning(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = GlanceNet()
    views = random_views(24)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    untrained = glance_scores(net.eval(), views, np.arange(24))
    config = GlanceTraining(epochs=25, batch=12, decay=0)
    train_glance(views, np.arange(24), net, config)
    trained = glance_scores(net, views, np.arange(24))
    assert trained["category"] == 1.0 > untrained["category"]
    assert trained["angle_off"] < 0.2 < untrained["angle_off"]
    changed = {n for n, value in net.state_dict().items() if not torch.equal(value, before[n])}
    assert not {n for n in changed if n.startswith(("stem", "blocks"))}
    assert any(n.startswith("near") for n in changed)
    save_glance_net(net, tmp_path / "net.safetensors", {"seed": 0})
    assert torch.allclose(
        load_glance_net(tmp_path / "net.safetensors").kind.weight, net.kind.weight, atol=1e-2
    )


def random_views(count: int) -> GlanceViews:
    """Views whose maps tell kind and angle plainly."""
    rng = np.random.default_rng(0)
    kinds = np.arange(count) % 4
    angles = (np.arange(count) // 4 % 3 * 120).astype(np.float32)
    maps = rng.normal(size=(count, 112, 6, 6)) * 0.1
    for i in range(count):
        maps[i, kinds[i]] += 3
        maps[i, 10 + int(angles[i]) // 120] += 3
    return GlanceViews(
        maps=maps.astype(np.float16),
        outlines=np.full((count, 96, 96), 255, np.uint8),
        kinds=kinds.astype(np.uint8),
        sources=(np.arange(count) % 10).astype(np.uint16),
        angles=angles,
    )


def test_the_cache_goes_on_where_it_stopped(tmp_path: Path) -> None:
    picture = np.full((2, 128, 128, 4), 255, np.uint8)
    pictures = GlancePictures(picture, np.array([0, OTHER], np.uint8), np.array([1, 0], np.uint16))
    net = GlanceNet().eval()
    write_glance_views(tmp_path, pictures, net, 0)
    views = read_glance_views(tmp_path)
    assert len(views) == 17
    assert (views.kinds == OTHER).sum() == 3
    again = views.maps.copy()
    write_glance_views(tmp_path, pictures, net, 0)
    assert np.array_equal(read_glance_views(tmp_path).maps, again)


def test_photographs_and_other_things_become_pictures(tmp_path: Path) -> None:
    garments, objects = tmp_path / "garments", tmp_path / "objects"
    for name, image in (("shirt", shirt()), ("pants", trousers())):
        (garments / name).mkdir(parents=True)
        image.save(garments / name / "a.png")
    objects.mkdir()
    for name in ("1f457", "1f408", "a-bottle"):
        Image.fromarray(drawn_thing(np.random.default_rng(1))).save(objects / f"{name}.png")
    rows = list(photographed(garments))
    assert [int(row["kinds"]) for row in rows if row["kinds"] != OTHER] == [0, 1]
    assert [int(row["sources"]) for row in rows if row["kinds"] != OTHER] == [1, 2]
    drawn = list(other_things(objects, 2))
    assert len(drawn) == 4  # the dress is left out
    assert {int(row["kinds"]) for row in drawn} == {OTHER}
    alpha = rows[0]["pictures"][..., 3] > 127
    assert max(np.ptp(np.nonzero(alpha)[0]), np.ptp(np.nonzero(alpha)[1])) > 120


def test_pieces_of_photographs_are_no_garments(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    rows = list(patches(tmp_path))
    assert len(rows) == 10
    assert {int(row["kinds"]) for row in rows} == {OTHER}


def test_grey_garments_of_a_cache_are_coloured(tmp_path: Path) -> None:
    labels = np.zeros((1, 40, 40), np.uint8)
    labels[0, 10:30, 5:35] = 1
    write_rows(
        tmp_path,
        [{"luminance": labels[0] * 120, "labels": labels[0], "categories": np.array(2, np.uint8)}],
        1,
    )
    (row,) = tinted(tmp_path, "labels", 5)
    assert int(row["kinds"]) == 2
    red, green, blue, alpha = row["pictures"][64, 64]
    assert alpha == 255
    assert len({int(red), int(green), int(blue)}) > 1


def test_clothes_and_people_are_known_by_name() -> None:
    assert shows_clothes("1f455") and shows_clothes("1f9d1-200d-1f33e")
    assert not shows_clothes("1f45e") and not shows_clothes("2615")


@pytest.mark.parametrize("seed", range(20))
def test_every_drawn_thing_shows_something(seed: int) -> None:
    alpha = drawn_thing(np.random.default_rng(seed))[..., 3]
    assert 0.005 < (alpha > 127).mean() < 0.8


def test_normalisations_are_folded_in(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    theirs: dict[str, torch.Tensor] = {}

    def normalisation(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean"):
            theirs[f"{name}.{part}"] = torch.randn(channels, generator=rng)
        theirs[f"{name}.running_var"] = torch.rand(channels, generator=rng) + 0.5

    net = GlanceNet()
    theirs["_conv_stem.weight"] = torch.randn(net.stem.convolution.weight.shape, generator=rng)
    normalisation("_bn0", 32)
    for i, block in enumerate(net.blocks):
        parts = {"_depthwise_conv": (block.around.convolution, "_bn1")}
        parts["_project_conv"] = (block.project, "_bn2")
        if i:
            parts["_expand_conv"] = (block.expand.convolution, "_bn0")
        for name, (convolution, bn) in parts.items():
            shape = convolution.weight.shape
            theirs[f"_blocks.{i}.{name}.weight"] = torch.randn(shape, generator=rng) * 0.1
            normalisation(f"_blocks.{i}.{bn}", shape[0])
    torch.save(theirs, tmp_path / "theirs.pth")
    net = pretrained_glance(tmp_path / "theirs.pth")
    picture = torch.randn(1, 3, 96, 96, generator=rng)
    padded = torch.nn.functional.pad(picture, (0, 1, 0, 1))
    plain = torch.nn.functional.conv2d(padded, theirs["_conv_stem.weight"], stride=2)
    scale = theirs["_bn0.weight"] / (theirs["_bn0.running_var"] + 1e-3).sqrt()
    expected = (plain - theirs["_bn0.running_mean"][:, None, None]) * scale[:, None, None]
    expected = (expected + theirs["_bn0.bias"][:, None, None]).clamp(0, 6)
    assert torch.allclose(net.stem(picture), expected, atol=1e-4)
    assert not net.outline.weight.any()
