"""Drawn shop photos: what they say of themselves is true, and they are of every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.data.synthetic.garment.shop_cut import ShopCut, random_shop_cut
from tryon.data.synthetic.garment.shop_layout import PIECES, Layout, laid_pieces
from tryon.data.synthetic.garment.shop_photo import (
    INSIDE,
    OUTSIDE,
    ShopPhoto,
    random_shop_photo,
    shop_photo,
)
from tryon.pipelines.garment import placement
from tryon.pipelines.person.canonical_figure import FRAME_METRES, MIDDLE_HEIGHT, WRIST_ALONG
from tryon.types import CATEGORIES, Category

TEE = ShopCut(category="upper", sleeve=0.2, hem=0.1)
GHOST = Layout(
    trunk=1.05, limbs=1.1, slope=0.35, sleeves=(0.5, 0.5), elbows=(0, 0), legs=(0, 0),
    long=1.0, sleeves_behind=False,
)  # fmt: skip


def drawn(cut: ShopCut, layout: Layout = GHOST) -> ShopPhoto:
    rng = np.random.default_rng(0)
    return shop_photo(rng, cut, laid_pieces(cut, layout, rng))


def heights(photo: ShopPhoto, piece: str = "trunk") -> np.ndarray:
    """Metres on the canonical body of a piece's pixels."""
    own = (photo.labels == OUTSIDE) & (photo.pieces == PIECES.index(piece))
    return (0.5 - photo.uv[own][:, 1]) * FRAME_METRES + MIDDLE_HEIGHT


def test_the_pieces_are_those_that_placement_knows() -> None:
    assert PIECES == placement.PIECES


def test_the_same_seed_draws_the_same_photo() -> None:
    one, other = (random_shop_photo(np.random.default_rng(7), "dress") for _ in range(2))
    assert np.array_equal(one.luminance, other.luminance) and np.array_equal(one.uv, other.uv)


def test_a_hem_lies_where_the_cut_says() -> None:
    for hem in (0.25, 0.1, -0.1):
        assert heights(drawn(replace(TEE, hem=hem))).min() == pytest.approx(hem, abs=0.02)


def test_sleeves_end_where_the_cut_says_however_they_hang() -> None:
    long = replace(TEE, sleeve=WRIST_ALONG)
    for angle in (0.05, 0.6, 1.3):
        photo = drawn(long, replace(GHOST, sleeves=(angle, angle)))
        own = (photo.labels == OUTSIDE) & (photo.pieces == PIECES.index("left_sleeve"))
        u, v = photo.uv[own].T
        assert (u.max(), v.max()) == pytest.approx((0.752, 0.42), abs=0.02)


def test_flat_cloth_is_wider_in_the_photo_and_as_wide_on_the_body() -> None:
    def widths(layout: Layout) -> tuple[float, float]:
        photo = drawn(replace(TEE, sleeve=None), layout)
        row = photo.labels[120] == OUTSIDE
        return float(row.mean()), float(np.ptp(photo.uv[120][row][:, 0]))

    ghost, flat = widths(GHOST), widths(replace(GHOST, trunk=1.35))
    assert flat[0] > 1.1 * ghost[0]
    assert flat[1] == pytest.approx(ghost[1], abs=0.01)


def test_a_neckline_shows_the_inside_and_a_turtleneck_does_not() -> None:
    assert (drawn(replace(TEE, neck_depth=0.15)).labels == INSIDE).sum() > 100
    turtle = drawn(replace(TEE, neck_depth=-0.02, stand=0.08))
    assert (turtle.labels == INSIDE).sum() == 0
    assert heights(turtle).max() > heights(drawn(TEE)).max() + 0.05


def test_a_coordinate_belongs_to_one_side() -> None:
    photo = drawn(replace(TEE, sleeve=0.5))
    for side, sign in (("left", 1), ("right", -1)):
        own = photo.pieces == PIECES.index(f"{side}_sleeve")
        assert (sign * (photo.uv[own & (photo.labels > 0)][:, 0] - 0.5) > 0.05).all()


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_kind_can_be_drawn(category: Category) -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        photo = random_shop_photo(rng, category)
        there = photo.labels == OUTSIDE
        assert 0.05 < there.mean() < 0.9
        assert not there[0].any() and not there[-1].any()
        assert ((photo.uv[there] > 0) & (photo.uv[there] < 1)).all()
        assert np.array_equal(photo.alpha > 0, photo.labels > 0)


def test_the_cuts_of_shops_occur() -> None:
    rng = np.random.default_rng(0)
    tops = [random_shop_cut(rng, "upper") for _ in range(600)]
    assert {cut.top for cut in tops} == {
        "shoulders", "straps", "strapless", "off-shoulder", "halter", "one-shoulder"
    }  # fmt: skip
    for seen in (
        lambda c: c.stand > 0.05, lambda c: c.hem < -0.2, lambda c: c.hem > 0.25,
        lambda c: c.bodysuit, lambda c: c.peplum > 0, lambda c: c.opening > 0, lambda c: c.cold,
    ):  # fmt: skip
        assert any(map(seen, tops))
    bottoms = [random_shop_cut(rng, "lower") for _ in range(200)]
    assert any(cut.leg is None for cut in bottoms) and any(cut.leg for cut in bottoms)
