"""The warp, on a body map and an atlas whose truth is known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.fit import drape
from tryon.pipelines.fit.warp import Warp, warp_composite, warp_garment
from tryon.pipelines.garment.atlas import GarmentAtlas, garment_layer, merged_atlas
from tryon.types import BODY_PARTS, Box

PHOTO = (288, 384)  # width and height: two pixels to a cell of the body map
TORSO, FOREARM = BODY_PARTS.index("torso"), BODY_PARTS.index("left_forearm")


def person(arm: bool = False, front: float = 1.0) -> BodyMap:
    """A trunk that fills a block; u and v grow over it evenly. Perhaps an arm lies across it."""
    y, x = np.mgrid[0:192, 0:144] + 0.5
    uv = np.stack([0.38 + 0.24 * (x - 40) / 64, 0.2 + 0.32 * (y - 40) / 100], axis=-1)
    labels = np.zeros((192, 144), int)
    labels[40:140, 40:104] = TORSO
    if arm:
        labels[80:100, 30:110] = FOREARM
        uv[80:100, 30:110] = np.stack([0.7 + 0.1 * (x - 30) / 80, 0.4 + 0 * y], axis=-1)[
            80:100, 30:110
        ]
    parts = np.eye(16, dtype=np.float32)[labels]
    there = (labels > 0).astype(np.float32)
    return BodyMap(
        uv=uv.astype(np.float32),
        front=np.full((192, 144), front, np.float32),
        body=there,
        parts=parts,
        confidence=there,
        box=Box(0, 0, *PHOTO),
        photo_size=PHOTO,
    )


def garment(category: str = "upper", side: str = "front", sleeve: bool = False) -> GarmentAtlas:
    """A square of cloth over u 0.4-0.6, v 0.24-0.46: its red says x, its green says y."""
    y, x = np.mgrid[0:300, 0:300]
    image = np.stack([x * 255 / 300, y * 255 / 300, 0 * x + 90], axis=-1).astype(np.uint8)
    alpha = np.zeros((300, 300), np.uint8)
    alpha[40:260, 50:250] = 255
    rows, columns = np.nonzero(alpha[::3, ::3])
    xy = np.stack([columns, rows], axis=1) * 3 + 0.5
    uv = np.stack([0.4 + (xy[:, 0] - 50) / 1000, 0.24 + (xy[:, 1] - 40) / 1000], axis=1)
    if sleeve:
        uv[:, 0] += 0.28
    layer = garment_layer(
        image, alpha, uv.astype(np.float32), np.ones(len(uv)), xy.astype(np.float32), side
    )
    return GarmentAtlas(category, (layer,))


def expected_colours(mask: np.ndarray) -> np.ndarray:
    """What the composed maps must give: photo pixel -> canonical -> garment pixel -> its colour."""
    row, column = np.nonzero(mask)
    u = 0.38 + 0.24 * ((column + 0.5) / 2 - 40) / 64
    v = 0.2 + 0.32 * ((row + 0.5) / 2 - 40) / 100
    x, y = 50 + (u - 0.4) * 1000, 40 + (v - 0.24) * 1000
    return np.stack([x, y], axis=1) * 255 / 300


def test_pixels_land_where_both_maps_say() -> None:
    warp = warp_garment(garment(), person())
    inside = warp.coverage > 0.99
    error = np.abs(warp.image[inside][:, :2] - expected_colours(inside))
    assert np.median(error) < 1.0
    assert np.percentile(error, 99) < 3.0


def test_the_garment_ends_where_its_own_outline_ends() -> None:
    warp = warp_garment(garment(), person())
    rows, columns = np.nonzero(warp.coverage > 0.5)
    # u 0.4-0.6 and v 0.24-0.46 in pixels of the photo
    assert columns.min() == pytest.approx(2 * (40 + 0.02 / 0.24 * 64), abs=2)
    assert columns.max() == pytest.approx(2 * (40 + 0.22 / 0.24 * 64), abs=2)
    assert rows.min() == pytest.approx(2 * (40 + 0.04 / 0.32 * 100), abs=2)
    assert rows.max() == pytest.approx(2 * (40 + 0.26 / 0.32 * 100), abs=2)
    assert warp.image[warp.coverage == 0].max() == 0


def wobbly(body: BodyMap) -> BodyMap:
    """The same person as an unsure net maps them: up to 2 % of the frame off, here and there."""
    y, x = np.mgrid[0:192, 0:144]
    off = np.stack([np.sin(y / 4 + x / 7), np.sin(x / 3 - y / 9)], axis=-1) * 0.02
    return replace(body, uv=(body.uv + off).astype(np.float32))


def test_prints_stay_straight_though_the_body_map_wobbles() -> None:
    warp = warp_garment(garment(), wobbly(person()))
    inside = warp.coverage > 0.99
    inside[:145] = False  # beside the armholes cloth follows the sleeves
    error = np.abs(warp.image[inside][:, :2] - expected_colours(inside))
    assert np.percentile(error, 95) < 8  # the body map by itself: 18


def test_hems_are_level_though_the_body_map_wobbles() -> None:
    warp = warp_garment(garment(), wobbly(person()))
    columns = np.flatnonzero((warp.coverage > 0.5).any(axis=0))[8:-8]
    hem = [np.flatnonzero(warp.coverage[:, column] > 0.5).max() for column in columns]
    assert np.ptp(hem) <= 8  # the body map by itself: 30


def test_a_pattern_goes_on_over_the_shoulder_without_a_tear() -> None:
    y, x = np.mgrid[0:192, 0:144] + 0.5
    labels = np.zeros((192, 144), int)
    labels[40:140, 40:104] = TORSO
    labels[40:90, 104:130] = BODY_PARTS.index("left_upper_arm")
    body = person()
    uv = np.stack([0.5 + 0.16 * (x - 72) / 64, 0.18 + 0.2 * (y - 40) / 100], axis=-1)
    uv[..., 1] += 0.03 * ((x - 72) / 32) ** 2  # bends as no taut cloth would
    parts = np.eye(16, dtype=np.float32)[labels]
    there = (labels > 0).astype(np.float32)
    body = replace(body, uv=uv.astype(np.float32), parts=parts, body=there, confidence=there)
    wide = np.full((200, 400), 255, np.uint8)
    rows, columns = (plane.ravel() for plane in np.mgrid[0:200:3, 0:400:3])
    shades = np.repeat(np.mgrid[0:200, 0:400][0][..., None].astype(np.uint8), 3, axis=2)
    layer = garment_layer(
        shades,
        wide,
        np.stack([0.3 + columns / 1000, 0.17 + rows / 1000], axis=1).astype(np.float32),
        np.ones(len(rows), np.float32),
        np.stack([columns, rows], axis=1).astype(np.float32) + 0.5,
    )
    warp = warp_garment(GarmentAtlas("upper", (layer,)), body)
    arm, trunk = warp.image[90:130, 212, 0].astype(int), warp.image[90:130, 203, 0].astype(int)
    assert (warp.coverage[90:130, [203, 212]] > 0.9).all()
    assert np.abs(arm - trunk).max() < 15  # 8 by the bend itself, 19 with a tear


def test_a_top_stays_close_to_the_body() -> None:
    body = person()
    y, x = np.mgrid[0:192, 0:144] + 0.5
    labels = np.zeros((192, 144), int)
    labels[40:140, 20:104] = TORSO  # a band on one side, as wide as nothing is worn
    uv = np.stack([0.46 + 0.0005 * (x - 72), 0.2 + 0.32 * (y - 40) / 100], axis=-1)
    parts = np.eye(16, dtype=np.float32)[labels]
    turned = replace(body, uv=uv.astype(np.float32), parts=parts, confidence=1 - parts[..., 0])
    warp = warp_garment(garment(), turned)
    unit = 2 * 100 / 0.32  # photo pixels to one of the frame
    assert warp.coverage[120:220, 100:200].min() > 0.9
    assert warp.coverage[:, : int(80 - 0.045 * unit)].max() == 0


def test_a_sleeve_is_never_drawn_on_the_trunk() -> None:
    body = person()
    aside = replace(body, uv=body.uv + np.float32([0.28, 0]))  # as an unsure net may map a side
    warp = warp_garment(garment(sleeve=True), aside)
    armpit = int(2 * (40 + 0.1 / 0.32 * 100)) + 1
    assert warp.coverage[:armpit].max() > 0.9
    assert warp.coverage[armpit:].max() == 0


def test_a_bare_forearm_in_front_stays_bare() -> None:
    warp = warp_garment(garment(), person(arm=True))
    assert warp.coverage[168:192, 100:180].max() == 0  # the arm
    assert warp.coverage[150:156, 100:180].min() > 0.9  # the chest above it
    inside = warp.coverage > 0.99
    inside[157:162], inside[198:203] = False, False  # where a row is part arm, part chest
    error = np.abs(warp.image[inside][:, :2] - expected_colours(inside))
    assert np.percentile(error, 99) < 4.0  # and the print does not bend around the arm


def test_a_sleeve_covers_the_forearm() -> None:
    warp = warp_garment(garment(sleeve=True), person(arm=True))
    assert warp.coverage[168:192, 90:190].mean() > 0.9
    assert warp.coverage[:135].max() == 0  # a sleeve may stand off the arm, but not as far


def test_the_front_is_trusted_less_on_a_back_and_a_photo_of_the_back_is_taken() -> None:
    front, back = garment(), garment(side="back")
    from_front = warp_garment(front, person())
    from_behind = warp_garment(front, person(front=0.0))
    assert from_behind.confidence.max() < 0.5 * from_front.confidence.max()
    both = warp_garment(merged_atlas([front, back]), person(front=0.0))
    assert both.confidence.max() > 0.9 * from_front.confidence.max()


def test_large_garment_photos_do_not_alias() -> None:
    checks = (np.indices((1500, 1500)).sum(axis=0) % 2 * 255).astype(np.uint8)
    alpha = np.full((1500, 1500), 255, np.uint8)
    rows, columns = (plane.ravel() * 15 + 7.5 for plane in np.indices((100, 100)))
    uv = np.stack([0.38 + columns / 6250, 0.2 + rows / 4687], axis=1)
    layer = garment_layer(
        np.repeat(checks[..., None], 3, axis=2),
        alpha,
        uv.astype(np.float32),
        np.ones(len(uv)),
        np.stack([columns, rows], axis=1).astype(np.float32),
    )
    warp = warp_garment(GarmentAtlas("upper", (layer,)), person())
    middle = warp.image[120:240, 100:180].astype(float)
    assert middle.std() < 20  # one-pixel checks, shrunk tenfold, are grey
    assert middle.mean() == pytest.approx(127, abs=6)


def test_the_finest_stripes_are_as_soft_as_through_a_lens() -> None:
    stripes = np.tile(np.array([60, 180], np.uint8), (300, 150))  # a pixel of theirs to one of ours
    y, x = (plane.ravel() for plane in np.mgrid[0:200:2, 0:128:2])
    uv = np.stack([0.38 + (x + 0.5) * 0.24 / 128, 0.2 + (y + 0.5) * 0.32 / 200], axis=1)
    layer = garment_layer(
        np.repeat(stripes[..., None], 3, axis=2),
        np.full((300, 300), 255, np.uint8),
        uv.astype(np.float32),
        np.ones(len(uv)),
        np.stack([x + 0.5, y + 0.5], axis=1).astype(np.float32),
    )
    warp = warp_garment(GarmentAtlas("upper", (layer,)), person())
    contrast = warp.image[120:240, 110:180].astype(float).std() / 60
    assert 0.65 < contrast < 0.92


def test_the_composite_leaves_everything_else_alone() -> None:
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (384, 288, 3), np.uint8))
    warp = warp_garment(garment(), person())
    mask = np.zeros((384, 288), np.uint8)
    mask[:200] = 255
    mixed = np.asarray(warp_composite(photo, warp, Image.fromarray(mask)))
    original = np.asarray(photo)
    untouched = (warp.coverage == 0) | (mask == 0)
    assert np.array_equal(mixed[untouched], original[untouched])
    solid = (warp.coverage == 1) & (mask == 255)
    assert solid.sum() > 1000
    assert np.array_equal(mixed[solid], warp.image[solid])


def test_nobody_gets_nothing() -> None:
    body = person()
    nobody = np.zeros_like(body.parts)
    nobody[..., 0] = 1
    empty = BodyMap(
        body.uv, body.front, body.body, nobody, 0 * body.confidence, body.box, body.photo_size
    )
    warp = warp_garment(garment(), empty)
    assert isinstance(warp, Warp)
    assert warp.coverage.max() == 0


def test_a_skirt_flares_beyond_the_body_map_and_a_top_hardly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cloth is 0.2 of the frame wide, the body map knows 0.1 of it on this person."""
    monkeypatch.setattr(drape, "_BETWEEN_THIGHS", 0.4)  # which this square of cloth spans
    thin = person()
    beyond = np.abs(thin.uv[..., 0] - 0.5) > 0.05
    parts = thin.parts.copy()
    parts[beyond] = np.eye(16)[0]
    outside = np.where(beyond, 0, thin.confidence)
    uv = np.where(beyond[..., None], 0, thin.uv)  # nothing is known there
    narrow = replace(thin, parts=parts, confidence=outside, body=outside, uv=uv)
    skirt, top = warp_garment(garment("dress"), narrow), warp_garment(garment(), narrow)
    inside = skirt.coverage > 0.99
    error = np.abs(skirt.image[inside][:, :2] - expected_colours(inside))
    assert np.percentile(error, 95) < 4.0
    widths = [np.ptp(np.nonzero(warp.coverage > 0.5)[1]) for warp in (skirt, top)]
    assert widths[0] > 1.6 * 0.1 / 0.24 * 128 and widths[1] < widths[0]


def test_scraps_of_cloth_are_left_out() -> None:
    from tryon.pipelines.fit.warp import _lonely

    coverage = np.zeros((40, 40), np.float32)
    coverage[5:20, 5:20], coverage[30:33, 30:33], coverage[24:34, 2:12] = 1, 1, 1
    lonely = _lonely(coverage)
    assert lonely[31, 31] and not lonely[5:20, 5:20].any()
    assert not lonely[24:34, 2:12].any()  # a forearm's cloth, say, behind a bag
    assert not _lonely(np.zeros((4, 4), np.float32)).any()
