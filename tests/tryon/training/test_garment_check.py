"""Bad photos are found and named before training; good ones pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.tryon.training.tiny_garment import perception
from tryon.images import load_cutout
from tryon.training.garment_check import GarmentCheck, blur, checked_photos, difference_hash


def check(*photos: Image.Image, category: str = "auto") -> GarmentCheck:
    kinds = ["flat-lay"] * len(photos)
    return checked_photos(perception(), list(photos), category=category, kinds=kinds)


def codes(found: GarmentCheck, severity: str) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity == severity}


@pytest.fixture(scope="module")
def good(shirt: Path) -> Image.Image:
    return load_cutout(shirt).resize((480, 640))


def test_a_good_photo_passes(good: Image.Image) -> None:
    found = check(good, category="upper")
    assert found.ok
    assert codes(found, "warning") == set()
    assert codes(found, "note") == {"too_few"}


def test_no_photo_at_all_is_an_error() -> None:
    assert not check().ok
    assert check().sheet().size[0] > 0


@pytest.mark.parametrize(("side", "severity"), [(120, "error"), (300, "warning")])
def test_few_pixels_are_told(good: Image.Image, side: int, severity: str) -> None:
    small = good.resize((side, side * 4 // 3))
    assert "too_small" in codes(check(small, category="upper"), severity)


def test_blur_is_told_by_degree(good: Image.Image) -> None:
    for radius, severity in ((1.4, "warning"), (4, "error")):
        blurred = good.filter(ImageFilter.GaussianBlur(radius))
        assert "blurred" in codes(check(blurred, category="upper"), severity)


def test_blur_does_not_depend_on_the_size_of_the_photo() -> None:
    rng = np.random.default_rng(0)
    crisp = np.kron(rng.integers(0, 255, (16, 12)), np.ones((32, 32))).astype(np.uint8)
    picture = Image.fromarray(crisp)
    measured = []
    for width in (384, 1536):
        grey = picture.resize((width, width * 4 // 3)).filter(ImageFilter.GaussianBlur(width / 192))
        measured.append(blur(np.asarray(grey), np.ones((grey.height, grey.width), bool)))
    assert measured[0] == pytest.approx(measured[1], abs=0.04)
    assert blur(crisp, np.ones_like(crisp, bool)) < 0.5 < measured[0]


def test_the_same_photo_again_is_told(good: Image.Image) -> None:
    again = good.resize((420, 560)).convert("RGB").convert("RGBA")
    found = check(good, again, good, category="upper")
    duplicates = [f.photo for f in found.findings if f.code == "duplicate"]
    assert duplicates == [1, 2]
    mirrored = good.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    assert np.count_nonzero(difference_hash(good) != difference_hash(mirrored)) > 6


def test_a_photo_of_nothing_cannot_be_cut_out() -> None:
    plain = Image.new("RGBA", (480, 640), (200, 200, 200, 255))
    found = check(plain, category="upper")
    assert not found.ok
    assert codes(found, "error") & {"cut_out", "category"}


def test_a_garment_that_runs_over_the_edge_is_told(good: Image.Image) -> None:
    without_sleeves = good.crop((90, 40, 390, 600)).resize((480, 640))
    assert "cut_off" in {f.code for f in check(without_sleeves, category="upper").findings}


def test_another_category_is_told(monkeypatch: pytest.MonkeyPatch, good: Image.Image) -> None:
    import tryon.training.garment_check as module
    from tryon.errors import GarmentError

    def refused(*arguments: object) -> None:
        raise GarmentError("the garment was said to be 'lower', but the photo shows 'upper'")

    monkeypatch.setattr(module, "prepared_garment", refused)
    (finding,) = [f for f in check(good, category="lower").findings if f.severity == "error"]
    assert finding.code == "category"
    assert "photo 1: the garment was said to be 'lower'" in str(finding)


def test_the_sheet_shows_every_photo_and_its_findings(good: Image.Image) -> None:
    found = check(good, good.resize((90, 120)), category="upper")
    sheet = found.sheet()
    assert sheet.size == (480, 330)
    frame = np.asarray(sheet)[4, [100, 340]]
    assert tuple(frame[0]) == (60, 150, 80)
    assert tuple(frame[1]) == (200, 40, 40)
