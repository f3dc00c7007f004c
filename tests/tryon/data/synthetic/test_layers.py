from __future__ import annotations

from dataclasses import replace

import numpy as np

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.canonical import FRAME_METRES, MIDDLE_Z
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.draping import Folds
from tryon.data.synthetic.fabrics import random_fabric
from tryon.data.synthetic.garments import garment_mesh
from tryon.data.synthetic.layers import layered, tucked
from tryon.data.synthetic.outfits import Piece
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.sample import LOWER, OUTER, UPPER

SHIRT = Cut("t-shirt", "upper", UPPER, "top", top=0.77, hem=0.05, ease=0.015, sleeve=0.35)
SKIRT = Cut("skirt", "lower", LOWER, "skirt", top=0.3, hem=-0.2, ease=0.01, flare=0.1)
TIGHT = replace(SKIRT, flare=0.0)


def _piece(cut: Cut) -> Piece:
    mesh = garment_mesh(cut, body_model(), patterns())
    fabric, _ = random_fabric(np.random.default_rng(0), cut)
    return Piece(mesh, fabric, "", Folds(np.zeros(6)))


def test_what_is_tucked_in_ends_at_the_waistband() -> None:
    top, skirt = _piece(SHIRT), _piece(SKIRT)
    assert tucked(SHIRT, SKIRT)
    worn = layered([top, skirt])[0].mesh
    trunk = (worn.cut >= 0) & (np.abs(worn.arm) < 0.05)
    height = MIDDLE_Z + (0.5 - worn.uv[:, 1]) * FRAME_METRES
    assert height[trunk].min() > SKIRT.top - 0.05
    assert layered([top])[0].mesh is top.mesh


def test_only_what_is_long_enough_is_tucked_in() -> None:
    assert tucked(replace(SHIRT, tucks=True), TIGHT)
    assert not tucked(SHIRT, TIGHT)
    assert not tucked(replace(SHIRT, hem=0.28, tucks=True), SKIRT)


def test_a_jacket_is_outermost() -> None:
    jacket = replace(SHIRT, label=OUTER, opening=0.05)
    lower, upper, outer = layered([_piece(cut) for cut in (TIGHT, SHIRT, jacket)])
    assert outer.bias < upper.bias < lower.bias < 0


def test_a_piece_looks_the_same_unless_what_it_is_worn_with_changes_it() -> None:
    top, tight, flared = _piece(SHIRT), _piece(TIGHT), _piece(SKIRT)
    loose, tucked_in = layered([tight, top]), layered([flared, top])
    assert loose[1].same_as(layered([tight, top])[1])
    assert not loose[1].same_as(tucked_in[1])
    assert not loose[0].same_as(tucked_in[0])
