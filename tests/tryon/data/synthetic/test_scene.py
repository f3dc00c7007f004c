from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from tryon.data.synthetic import outfits
from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.dressing import outfit_views, random_setting, with_parts
from tryon.data.synthetic.fabrics import Fabric, pyramid, random_fabric
from tryon.data.synthetic.outfits import random_outfit
from tryon.data.synthetic.sample import (
    BACKGROUND,
    BAG,
    CLOTHES,
    FACE,
    HAIR,
    HAND,
    OUTER,
    UPPER,
    Sample,
    Surface,
    View,
)
from tryon.data.synthetic.scene import random_figure, render_sample
from tryon.types import JOINTS

SEEDS = (1, 2, 4, 7)
SIZE = (128, 96)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [render_sample(seed, SIZE) for seed in SEEDS]


def _equal(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))  # type: ignore[arg-type]
    if is_dataclass(a):
        return all(_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return all(_equal(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]
    return a == b


def test_the_same_seed_gives_the_same_sample(samples: list[Sample]) -> None:
    assert _equal(render_sample(SEEDS[0], SIZE), samples[0])
    assert not _equal(samples[0], samples[1])


def test_shapes_types_and_ranges(samples: list[Sample]) -> None:
    for sample in samples:
        for view in (sample.person, sample.other):
            assert view.image.shape == (*SIZE, 3) and view.image.dtype == np.uint8
            assert view.clothes.dtype == np.uint8 and view.clothes.max() < len(CLOTHES)
            assert view.silhouette.dtype == bool
            assert ((view.clothes == BACKGROUND) == ~view.silhouette).all()
        for surface in (sample.person.surface, sample.other.surface, sample.body):
            assert surface.uv.shape == (*SIZE, 2) and surface.uv.dtype == np.float32
            assert surface.layer.max() <= 2 and surface.parts.max() <= 15
            assert ((surface.parts > 0) == (surface.layer > 0)).all()
            assert (surface.uv[surface.layer == 0] == 0).all()
            inside = surface.uv[surface.layer > 0]
            assert inside.min() > 0 and inside.max() < 1
        assert sample.keypoints.shape == (18, 3) and sample.keypoints.dtype == np.float32
        assert sample.hands.shape == (2, 3, 3)
        for garment in (*sample.garments, sample.new_garment):
            photo = garment.photo
            assert photo.image.shape == (*SIZE, 3) and photo.mask.shape == SIZE
            assert ((photo.layer > 0) == photo.mask).all()
            assert 0.05 < photo.mask.mean() < 0.95
            assert garment.caption


def test_the_exchange_keeps_the_category_and_the_person(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.garment in sample.garments
        assert type(sample.category) is str
        assert sample.garment.category == sample.new_garment.category == sample.category
        outside = ~sample.agnostic
        change = np.abs(sample.person.image.astype(int) - sample.other.image).max(-1)
        assert np.median(change[outside]) <= 8
        assert change[sample.agnostic].mean() > 2 * change[outside].mean() + 5


def test_open_jackets_are_exchanged_for_open_jackets() -> None:
    """Over a top, the jacket is what is exchanged, and the top below stays."""
    for seed in range(100, 160):
        sample = render_sample(seed, (48, 36))
        labels = [garment.label for garment in sample.garments]
        if sample.category == "upper" and OUTER in labels:
            break
    assert sample.garment.label == sample.new_garment.label == OUTER
    assert sample.garment.category == "upper" and UPPER in labels


def test_face_hands_hair_and_bag_are_never_repainted(samples: list[Sample]) -> None:
    for sample in samples:
        assert not (sample.agnostic & np.isin(sample.person.clothes, (FACE, HAND, HAIR, BAG))).any()
        assert sample.agnostic[sample.person.clothes == sample.garment.label].all()


def test_joints_lie_on_the_person(samples: list[Sample]) -> None:
    for sample in samples:
        for name in ("neck", "right_hip", "left_hip", "left_shoulder", "right_shoulder"):
            x, y, confidence = sample.keypoints[JOINTS.index(name)]
            if confidence > 0:
                assert sample.person.silhouette[int(y), int(x)], name


def test_joints_agree_with_the_body_map(samples: list[Sample]) -> None:
    """Left joints lie where the canonical u is right of the middle: an oracle for the sides."""
    for sample in samples:
        for side, sign in (("left", 1), ("right", -1)):
            for joint in ("elbow", "knee"):
                x, y, confidence = sample.keypoints[JOINTS.index(f"{side}_{joint}")]
                if confidence == 1 and sample.body.layer[int(y), int(x)]:
                    assert sign * (sample.body.uv[int(y), int(x), 0] - 0.5) > 0, (side, joint)


def test_the_band_is_outside_the_body_and_continues_it(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.band.any()
        assert (sample.body.layer[sample.band] > 0).all()
        body = (sample.body.layer > 0) & ~sample.band
        assert not (sample.band & body).any()
        beside = sample.band[:, 1:] & body[:, :-1]
        step = np.abs(sample.body.uv[:, 1:] - sample.body.uv[:, :-1]).max(-1)[beside]
        assert np.median(step) < 0.06


def test_a_worn_photo_shows_the_same_garment_on_somebody_else() -> None:
    sample = render_sample(2, SIZE, worn_photos=True)
    worn = sample.garment.worn
    assert worn is not None and worn.kind == "worn" and sample.new_garment.worn is not None
    assert worn.mask.mean() > 0.02 and (worn.layer[worn.mask] > 0).all()
    assert sample.garments.count(sample.garment) == 1


def test_photos_have_their_own_size() -> None:
    sample = render_sample(3, SIZE, photo_size=(160, 120))
    assert sample.garment.photo.image.shape == (160, 120, 3)
    assert sample.person.image.shape == (*SIZE, 3)


def test_outfits_are_pictured_together_as_each_alone() -> None:
    """What outfits share is drawn and coloured once, and it must not show."""
    rng = np.random.default_rng(11)
    figure = random_figure(rng, "upper", SIZE)
    pieces = random_outfit(rng, "upper", (), False)
    setting = random_setting(rng, figure, SIZE, ())
    swapped = [pieces[0], outfits.random_piece(rng, "upper", ())]
    together, stage = outfit_views(figure, setting, [pieces, swapped])
    assert not _equal(together[0], together[1])
    for view, worn in zip(together, (pieces, swapped), strict=True):
        (alone,), alone_on = outfit_views(figure, setting, [worn])
        assert (view.clothes == alone.clothes).all()
        assert _equal(view.surface, alone.surface)
        assert np.abs(view.image.astype(int) - alone.image).max() <= 2
        assert _equal(stage.bare.uv, alone_on.bare.uv)


def _coloured_atlas(uv: np.ndarray, layer: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Mean colour per canonical cell in front, NaN where there is none."""
    cells = 48
    front = layer == 1
    index = (uv[front] * cells).astype(int)
    atlas, count = np.zeros((cells, cells, 3)), np.zeros((cells, cells, 1))
    np.add.at(atlas, (index[:, 1], index[:, 0]), image[front].astype(float))
    np.add.at(count, (index[:, 1], index[:, 0]), 1)
    return np.where(count > 2, atlas / np.maximum(count, 1), np.nan)


def test_a_pattern_lies_at_the_same_place_in_every_picture_of_the_garment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Broad black and white checks: the atlas from the flat-lay photo and the atlas from the
    person have the same colour in nearly every canonical cell."""
    dark = (np.indices((256, 256)) // 128).sum(0) % 2
    tile = np.repeat((40 + 180 * dark)[..., None], 3, axis=2).astype(np.float32)

    def checked(rng: np.random.Generator, *args: object) -> tuple[Fabric, str]:
        fabric, _ = random_fabric(rng, *args)  # type: ignore[arg-type]
        plain = {"decal": None, "trim_width": 0.0, "fade": np.array([-1.0, -1, -1, 0, 1])}
        return replace(fabric, tiles=pyramid(tile), period=0.3, **plain), ""

    monkeypatch.setattr(outfits, "random_fabric", checked)
    same, cells = 0, 0
    for seed in (44, 48, 53, 54):
        sample = render_sample(seed, (192, 144))
        shown = sample.person.clothes == sample.garment.label
        layer = np.where(shown, sample.person.surface.layer, 0)
        worn = _coloured_atlas(sample.person.surface.uv, layer, sample.person.image)
        photo = sample.garment.photo
        flat = _coloured_atlas(photo.uv, photo.layer, photo.image)
        clear = (np.abs(worn - np.nanmedian(worn)) > 30) & (np.abs(flat - np.nanmedian(flat)) > 30)
        clear = clear.all(-1)
        agree = (worn > np.nanmedian(worn)) == (flat > np.nanmedian(flat))
        same, cells = same + int(agree[clear, 0].sum()), cells + int(clear.sum())
    assert cells > 100
    assert same / cells > 0.9


def test_cloth_that_stands_off_takes_its_part_from_the_band_or_else_the_torso() -> None:
    layer = np.array([[0, 1, 1, 1, 2]], np.uint8)
    seen = Surface(np.zeros((1, 5, 2), np.float32), layer, np.array([[0, 5, 0, 0, 3]], np.uint8))
    band = Surface(seen.uv, layer, np.array([[9, 9, 7, 0, 9]], np.uint8))
    blank = np.zeros((1, 5), np.uint8)
    view = View(np.zeros((1, 5, 3), np.uint8), blank, blank > 0, seen)
    torso = PARTS.index("torso")
    assert with_parts(view, band).surface.parts.tolist() == [[0, 5, 7, torso, 3]]
