from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.canonical import FRAME_METRES, MIDDLE_Z
from tryon.data.synthetic.cuts import Cut, cut_words, random_cut, random_jacket
from tryon.data.synthetic.draping import garment_rest
from tryon.data.synthetic.garments import GarmentMesh, garment_mesh
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.sample import LOWER, UPPER

SHIRT = Cut("t-shirt", "upper", UPPER, "top", top=0.77, hem=0.05, ease=0.015, sleeve=0.35)
SKIRT = Cut("skirt", "lower", LOWER, "skirt", top=0.3, hem=-0.2, ease=0.01, flare=0.1)
TROUSERS = Cut("trousers", "lower", LOWER, "trousers", top=0.3, hem=-0.7, ease=0.01, leg=0.09)


def _mesh(cut: Cut) -> GarmentMesh:
    return garment_mesh(cut, body_model(), patterns())


def _height(mesh: GarmentMesh) -> np.ndarray:
    return MIDDLE_Z + (0.5 - mesh.uv[:, 1]) * FRAME_METRES


def test_cloth_ends_at_the_hem() -> None:
    for hem in (0.05, 0.3):
        mesh = _mesh(replace(SHIRT, hem=hem))
        trunk = (mesh.cut >= 0) & (np.abs(mesh.arm) < 0.1)
        assert hem - 1e-4 <= _height(mesh)[trunk].min() < hem + 0.05


def test_sleeves_are_as_long_as_they_are_cut() -> None:
    for sleeve in (0.3, 0.6, 0.95):
        mesh = _mesh(replace(SHIRT, sleeve=sleeve))
        on_arm = (mesh.cut >= 0) & (np.abs(mesh.arm) > 0.9)
        assert mesh.along[on_arm].max() == pytest.approx(sleeve, abs=0.08)
    bare = _mesh(replace(SHIRT, sleeve=-1.0))
    assert not ((bare.cut >= 0) & (np.abs(bare.arm) > 0.9)).any()


def test_a_deeper_neckline_shows_more() -> None:
    def top_of_front(depth: float) -> float:
        mesh = _mesh(replace(SHIRT, neckline="v", neck_depth=depth))
        middle = (mesh.cut >= 0) & (np.abs(mesh.uv[:, 0] - 0.5) < 0.01) & (mesh.layer > 0.3)
        return float(_height(mesh)[middle].max())

    assert top_of_front(0.08) - top_of_front(0.2) == pytest.approx(0.12, abs=0.04)


@pytest.mark.parametrize(
    ("kind", "mark", "above"),
    [
        ("high", "neck", 0.035),
        ("square", "neck", -0.015 - 0.12),
        ("round", "neck", -0.015 - 0.12),
        ("off-shoulder", "armpit", 0.1),
        ("strapless", "armpit", 0.01),
    ],
)
def test_the_middle_of_the_front_begins_where_the_neckline_says(
    kind: str, mark: str, above: float
) -> None:
    height = getattr(patterns().marks, mark) + above
    mesh = _mesh(replace(SHIRT, neckline=kind, neck_depth=0.12))
    middle = (np.abs(mesh.uv[:, 0] - 0.5) < 0.008) & (mesh.layer > 0.5)
    first, last = _height(mesh)[middle & (mesh.cut >= 0)].max(), _height(mesh)[middle].max()
    assert first <= height + 1e-4
    assert first > height - 0.05 or first == last


def test_a_square_neckline_has_corners_that_a_round_one_has_not() -> None:
    shown = []
    for kind in ("round", "square"):
        mesh = _mesh(replace(SHIRT, neckline=kind, neck_depth=0.12, neck_width=0.12))
        front = (mesh.cut >= 0) & (mesh.layer > 0.5)
        across = np.abs(mesh.uv[:, 0] - 0.5) * FRAME_METRES
        shown.append(_height(mesh)[front & (np.abs(across - 0.095) < 0.02)].max())
    assert shown[0] > shown[1] + 0.01


def test_a_flared_skirt_stands_off_the_body_and_spans_the_legs() -> None:
    mesh = _mesh(SKIRT)
    hem = (mesh.cut >= 0) & (_height(mesh) < -0.15)
    half = np.abs(mesh.uv[hem, 0] - 0.5).max() * FRAME_METRES
    legs = np.abs(body_model().mean.rest[:, [0, 2]])
    widest = np.abs(body_model().mean.rest[np.abs(legs[:, 1] - 0.18) < 0.03, 0])
    assert half > 0.26 and widest.max() > 0
    centre = hem & (np.abs(mesh.uv[:, 0] - 0.5) < 0.01)
    assert (mesh.layer[centre] > 0).any() and (mesh.layer[centre] < 0).any()


def test_trousers_leave_the_gap_between_the_legs() -> None:
    mesh = _mesh(TROUSERS)
    shins = (mesh.cut >= 0) & (_height(mesh) < -0.4)
    assert np.abs(mesh.uv[shins, 0] - 0.5).min() * FRAME_METRES > 0.03


def test_cloth_lies_outside_the_body_of_any_shape() -> None:
    model, everything = body_model(), patterns()
    for pair in ((3, 40), (17, 60), (80, 5)):
        shape = model.shape(*pair, 0.4)
        rest = garment_rest(SKIRT, everything, shape)
        base = everything.tube.base(shape).reshape(-1, 3)[: len(rest)]
        away = np.linalg.norm(rest[:, :2], axis=1) - np.linalg.norm(base[:, :2], axis=1)
        assert away.min() > -0.001 and np.median(away) > 0.005


def test_tight_cloth_has_the_coordinates_of_the_skin() -> None:
    mesh = _mesh(replace(SHIRT, ease=0.004, sleeve_ease=0.004, drape=0.0))
    skin = body_model().mean.rest
    height = _height(mesh)
    chest = (mesh.cut >= 0) & (np.abs(height - 0.45) < 0.02) & (np.abs(mesh.arm) < 0.05)
    near = (np.abs(skin[:, 2] - 0.45) < 0.03) & (np.abs(skin[:, 0]) < 0.25)
    half = np.abs(mesh.uv[chest, 0] - 0.5).max() * FRAME_METRES
    assert half == pytest.approx(np.abs(skin[near, 0]).max(), abs=0.03)


def test_unrolled_cloth_is_wider_than_it_looks() -> None:
    mesh = _mesh(SHIRT)
    waist = (mesh.cut >= 0) & (np.abs(_height(mesh) - 0.3) < 0.05) & (np.abs(mesh.arm) < 0.05)
    seen = np.abs(mesh.uv[waist, 0] - 0.5).max() * FRAME_METRES
    flat = np.abs(mesh.cloth[waist, 0]).max()
    assert 1.2 < flat / seen < 1.6


def test_every_category_can_be_drawn_and_described() -> None:
    marks = patterns().marks
    for category in ("upper", "lower", "dress"):
        for seed in range(12):
            cut = random_cut(np.random.default_rng(seed), marks, category)  # type: ignore[arg-type]
            mesh = _mesh(cut)
            assert (mesh.cut >= 0).sum() > 100
            assert np.isfinite(mesh.cloth).all() and cut.category == category
            assert isinstance(cut_words(cut, marks), str)


def test_a_jacket_has_room_for_what_is_below() -> None:
    wide = replace(SHIRT, ease=0.08, boxy=0.95, drape=0.95, sleeve_ease=0.05)
    for seed in range(4):
        jacket = random_jacket(np.random.default_rng(seed), patterns().marks, wide)
        assert jacket.opening > 0 and jacket.ease > wide.ease and jacket.boxy >= wide.boxy
        assert jacket.sleeve_ease > wide.sleeve_ease
