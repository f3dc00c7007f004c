"""Garment atlases and the placement of shop photos, with a net whose answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import tryon
from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.bodymap_net import load_dense_net
from tryon.pipelines.garment.atlas import FRAME, GarmentAtlas, Side, garment_layer, merged_atlas
from tryon.pipelines.garment.cutout import Cutout, garment_cutout
from tryon.pipelines.garment.placement import (
    PIECES,
    PLACEMENT_INPUTS,
    as_worn,
    garment_atlas,
    garment_crop,
    placement_inputs,
)
from tryon.types import Box

SIDES: tuple[Side, ...] = ("front", "back")


class Told(torch.nn.Module):
    """Instead of a net: u goes from 0.3 to 0.7 and v from 0.2 to 0.6 over the square.

    sleeves: whether what lies in the outer quarters are sleeves, and lies 0.1 further down.
    """

    def __init__(
        self,
        spread: float = 0.005,
        inside: float = 0.0,
        doubt: float = 0.0,
        sleeves: bool = False,
    ) -> None:
        super().__init__()
        self.spread, self.inside, self.doubt, self.sleeves = spread, inside, doubt, sleeves

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.shape[1:] == (PLACEMENT_INPUTS, 64, 64)
        drawn = torch.zeros(1, 4 + len(PIECES), 128, 128)
        along = (torch.arange(128) + 0.5) / 128 * 0.4
        drawn[0, 0] = (along[None, :] + 0.3 - 0.5) / 0.05
        drawn[0, 1] = (along[:, None] + 0.2 - 0.5) / 0.05
        drawn[0, 2] = float(np.log(self.spread / 0.05))
        drawn[0, 3] = 8.0
        drawn[0, 3, : int(128 * (self.inside + self.doubt))] = 0.6
        drawn[0, 3, : int(128 * self.inside)] = -8.0
        drawn[0, 4] = 12.0
        drawn = drawn.repeat(len(inputs), 1, 1, 1)  # symmetric: true of the mirror image too
        if self.sleeves:
            for piece, columns in ((1, slice(88, 128)), (2, slice(0, 40))):
                drawn[:, 1, :, columns] += 0.1 / 0.05
                drawn[:, 4, :, columns] = 0.0
                drawn[:, 4 + piece, :, columns] = 12.0
        return drawn


def cutout() -> Cutout:
    """A disc of 200 pixels in a photo of 300 by 400."""
    alpha = np.zeros((400, 300), np.uint8)
    cv2.circle(alpha, (150, 200), 100, 255, -1)
    y, x = np.mgrid[0:400, 0:300]
    image = np.stack([x // 2, y // 2, 0 * x], axis=-1).astype(np.uint8)
    return Cutout(image, alpha, Box(50, 100, 251, 301), plain=True)


def test_cells_of_the_frame_find_their_pixels() -> None:
    atlas = garment_atlas(Told(), cutout(), "upper")  # type: ignore[arg-type]
    assert atlas.category == "upper"
    (layer,) = atlas.layers
    crop = garment_crop(cutout().box)
    u = (np.arange(FRAME) + 0.5) / FRAME
    there = layer.coverage > 0.9
    assert there.sum() > 1000
    rows, columns = np.nonzero(there)
    x = crop.left + (u[columns] - 0.3) / 0.4 * crop.width
    y = crop.top + (u[rows] - 0.2) / 0.4 * crop.height
    assert layer.places[rows, columns, 0] == pytest.approx(x, abs=0.5)
    assert layer.places[rows, columns, 1] == pytest.approx(y, abs=0.5)
    area = np.pi * 100**2 * (0.4 / crop.width * FRAME) ** 2
    assert (layer.coverage > 0.5).sum() == pytest.approx(area, rel=0.05)
    assert atlas.covers(0.5, 0.4) and not atlas.covers(0.31, 0.21)


def test_the_inside_of_the_back_is_not_worn() -> None:
    whole = garment_atlas(Told(), cutout(), "upper").layers[0]  # type: ignore[arg-type]
    without = garment_atlas(Told(inside=0.3), cutout(), "upper").layers[0]  # type: ignore[arg-type]
    v = (np.arange(FRAME) + 0.5) / FRAME
    collar = v < 0.2 + 0.3 * 0.4 - 0.01
    assert whole.coverage[collar].sum() > 50
    assert without.coverage[collar].sum() == 0
    assert without.alpha[110:150].max() == 0 and without.alpha[200, 150] == 255


def test_the_inside_of_the_back_ends_at_an_edge_of_a_plain_photo() -> None:
    image = np.full((400, 300, 3), (150, 60, 60), np.uint8)
    image[:170] = (90, 45, 45)
    edge = {}
    for plain in (True, False):
        photo = replace(cutout(), image=image, plain=plain)
        net = Told(inside=0.3, doubt=0.15)  # sure down to row 156, perhaps down to 189
        (layer,) = garment_atlas(net, photo, "upper").layers  # type: ignore[arg-type]
        edge[plain] = int(np.argmax(layer.alpha[:, 150] > 127))
    assert edge[True] == pytest.approx(170, abs=3)
    assert edge[False] == pytest.approx(156, abs=3)


class Spotted(Told):
    """A net that takes the inside of the back for what is seen amidst the cloth, too."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        drawn = super().forward(inputs).clone()
        drawn[:, 3, 60:73, 57:71] = -8.0
        return drawn


def test_a_print_amidst_the_cloth_is_no_inside_of_the_back() -> None:
    layer = garment_atlas(Spotted(inside=0.3), cutout(), "upper").layers[0]  # type: ignore[arg-type]
    assert layer.alpha[110:150].max() == 0  # this reaches the outline
    assert layer.alpha[200, 150] == 255 and layer.coverage[102, 128] > 0.9


class Striped(Told):
    """A net whose fourfold outputs disagree: every other row is the inside of the back."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        drawn = super().forward(inputs).clone()
        drawn[:, 3, 14:80:2] = -8.0
        drawn[:, 3, 14:80] += 1.0
        return drawn


def test_outlines_have_no_combs() -> None:
    layer = garment_atlas(Striped(), cutout(), "upper").layers[0]  # type: ignore[arg-type]
    column = layer.alpha[120:200, 150].astype(int)
    assert np.abs(np.diff(column)).max() < 40


class Hearing(Told):
    """A net that notes what it heard."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[list[float]] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.heard.append(inputs[0, -3:].mean(dim=(-1, -2)).tolist())
        return super().forward(inputs)


def test_the_net_hears_the_category_and_the_atlas_keeps_it() -> None:
    net = Hearing()
    assert garment_atlas(net, cutout(), "dress").category == "dress"  # type: ignore[arg-type]
    assert net.heard == [[0, 0, 1]]


def test_sleeves_are_pieces_of_their_own() -> None:
    """A map that jumps from trunk to sleeve: one smooth field would tear both."""
    (layer,) = garment_atlas(Told(sleeves=True), cutout(), "upper").layers  # type: ignore[arg-type]
    crop, v = garment_crop(cutout().box), (np.arange(FRAME) + 0.5) / FRAME
    for u, lower in ((0.5, 0.0), (0.62, 0.1), (0.38, 0.1)):
        column = int(u * FRAME)
        there = layer.coverage[:, column] > 0.9
        y = crop.top + (v[there] - lower - 0.2) / 0.4 * crop.height
        assert there.sum() > 30
        assert layer.places[there, column, 1] == pytest.approx(y, abs=1.0)


def test_what_the_net_cannot_place_is_no_garment() -> None:
    with pytest.raises(NoGarmentError):
        garment_atlas(Told(spread=0.3), cutout(), "upper")  # type: ignore[arg-type]


def test_large_photos_are_kept_at_a_bounded_size() -> None:
    image, alpha = np.zeros((3000, 6000, 3), np.uint8), np.full((3000, 6000), 255, np.uint8)
    rows, columns = (plane.ravel() * 100.0 for plane in np.indices((30, 60)))
    uv = np.stack([0.2 + columns / 10000, 0.2 + rows / 10000], axis=1)
    xy = np.stack([columns, rows], axis=1)
    layer = garment_layer(
        image, alpha, uv.astype(np.float32), np.ones(len(uv)), xy.astype(np.float32)
    )
    assert max(layer.alpha.shape) == 2048
    row, column = int(0.3 * FRAME), int(0.4 * FRAME)
    centre = (np.array([column, row]) + 0.5) / FRAME
    expected = (centre - 0.2) * 10000 * 2048 / 6000
    assert layer.places[row, column] == pytest.approx(expected, abs=2)


def test_atlases_merge_only_if_they_show_one_kind() -> None:
    upper = garment_atlas(Told(), cutout(), "upper")  # type: ignore[arg-type]
    vague = garment_atlas(Told(spread=0.02), cutout(), "upper")  # type: ignore[arg-type]
    merged = merged_atlas([vague, upper])
    assert merged.layers == (upper.layers[0], vague.layers[0])  # the surest first
    with pytest.raises(GarmentError):
        merged_atlas([upper, garment_atlas(Told(), cutout(), "lower")])  # type: ignore[arg-type]
    with pytest.raises(NoGarmentError):
        merged_atlas([])


def test_photos_of_wearers_tell_only_what_flat_lays_do_not() -> None:
    flat = garment_atlas(Told(), cutout(), "upper")  # type: ignore[arg-type]
    (layer,) = flat.layers
    other = replace(layer, image=255 - layer.image, coverage=np.ones_like(layer.coverage))
    front, back = (GarmentAtlas("upper", (replace(other, side=side),)) for side in SIDES)
    assert merged_atlas([flat], [front]).layers == (layer,)
    alone = merged_atlas([], [front, back])
    assert {found.side for found in alone.layers} == {"front", "back"}
    (behind,) = (found for found in merged_atlas([flat], [front, back]).layers if found != layer)
    assert behind.side == "back"
    covered = layer.coverage > 0.5
    assert behind.coverage[covered].min() > 0.5
    assert behind.coverage[cv2.dilate(covered.astype(np.uint8), np.ones((9, 9))) == 0].max() < 0.5


def test_the_picture_of_an_atlas_shows_the_garment_in_the_frame() -> None:
    atlas = garment_atlas(Told(), cutout(), "upper")  # type: ignore[arg-type]
    picture = atlas.rgba()
    assert picture.shape == (FRAME, FRAME, 4)
    assert np.array_equal(picture[..., 3] > 0, atlas.layers[0].coverage > 0.5)
    row, column = int(0.4 * FRAME), int(0.5 * FRAME)
    assert picture[row, column, :2] == pytest.approx(np.multiply([75, 100], 0.94), abs=3)


def test_a_flat_lay_is_as_dark_as_it_would_be_on_a_body() -> None:
    photo = cutout()
    (layer,) = garment_atlas(Told(), photo, "upper").layers  # type: ignore[arg-type]
    there = cv2.erode(photo.alpha, np.ones((15, 15), np.uint8)) > 250
    assert np.array_equal(layer.image[there], as_worn(photo.image)[there])
    assert not np.array_equal(layer.image[there], photo.image[there])


def test_cloth_is_darker_when_worn_and_white_stays_white() -> None:
    levels = np.arange(256, dtype=np.uint8)
    worn = as_worn(levels[:, None, None].repeat(3, axis=2))
    assert (worn == worn[:, :, :1]).all()
    worn = worn[:, 0, 0].astype(int)
    assert (np.diff(worn) >= 0).all()
    assert (worn[0], worn[255]) == (0, 255)
    assert worn[120] == pytest.approx(0.94 * 120, abs=1)
    assert 0 < 240 - worn[240] < 0.02 * 240


def test_the_net_sees_outline_depth_and_edges() -> None:
    alpha = np.zeros((128, 128), np.uint8)
    alpha[26:100, 26:100] = 255
    luminance = np.full((128, 128), 200, np.uint8)
    luminance[60:] = 100  # one seam across
    seen = torch.from_numpy(placement_inputs(alpha, luminance, "dress"))[None]
    outline = torch.nn.functional.pixel_shuffle(seen[:, :4], 2)[0, 0].numpy()
    edges = torch.nn.functional.pixel_shuffle(seen[:, 4:8], 2)[0, 0].numpy()
    assert seen[0, 13].min() == 1 and seen[0, 11:13].max() == 0  # the category
    assert np.array_equal(outline, alpha / 255)
    assert edges[58:62, 40:86].max(axis=0).min() > 0.8
    assert edges[38:54, 40:86].max() == 0 and edges[:24].max() == 0
    assert seen[0, 8].argmax() // 64 == pytest.approx(31, abs=3)  # deepest in the middle


SHIPPED = Path(tryon.__file__).parent / "assets" / "bodymap"


def shirt_photo() -> Image.Image:
    """A drawn T-shirt with a round neckline on white."""
    picture = np.full((400, 340, 3), 246, np.uint8)
    outline = [(125, 60), (215, 60), (315, 130), (280, 180), (240, 155), (240, 350), (100, 350)]
    outline += [(100, 155), (60, 180), (25, 130)]
    cv2.fillPoly(picture, [np.array(outline)], (40, 70, 150))
    cv2.ellipse(picture, (170, 58), (38, 26), 0, 0, 360, (246, 246, 246), -1)
    return Image.fromarray(picture)


def test_the_shipped_net_knows_a_shirt_and_where_its_chest_is() -> None:
    net = load_dense_net(SHIPPED / "placement.safetensors")
    atlas = garment_atlas(
        net, garment_cutout(load_dense_net(SHIPPED / "cutout.safetensors"), shirt_photo()), "upper"
    )
    assert atlas.covers(0.5, 0.33)
    assert not atlas.covers(0.5, 0.75) and not atlas.covers(0.5, 0.1)
    x, y = atlas.layers[0].places[int(0.33 * FRAME), FRAME // 2]
    assert x == pytest.approx(170, abs=12)
    assert 120 < y < 260


def test_the_shipped_nets_are_small_and_say_how_they_were_trained() -> None:
    files = sorted(SHIPPED.glob("*.safetensors"))
    assert [file.name for file in files] == [
        "body_map.safetensors",
        "cutout.safetensors",
        "placement.safetensors",
    ]
    assert sum(file.stat().st_size for file in files) <= 12_000_000
    for file in files:
        with safe_open(file, framework="pt") as opened:
            notes = json.loads(opened.metadata()["training"])
        assert {"config", "samples", "held_out_scores"} <= notes.keys()
