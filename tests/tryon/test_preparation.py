"""How often, and at what size, a garment photo is searched for somebody who wears the garment."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tryon import preparation
from tryon.errors import GarmentError, ImageTooSmallError, NoGarmentError, OptionError
from tryon.pipelines.garment.glance import Glance
from tryon.preparation import Garment, prepared_garment
from tryon.types import Pose


class Estimator:
    """Finds one person, or nobody, and notes the sizes that it looked at."""

    def __init__(self, *, finds: bool) -> None:
        self.finds = finds
        self.sizes: list[tuple[int, int]] = []

    def detect(self, image: Image.Image) -> list[Pose]:
        self.sizes.append(image.size)
        somebody = Pose(np.ones((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0.9)
        return [somebody] if self.finds else []


@pytest.fixture
def wearing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that comes after the search is left out."""
    for name in ("person_silhouette", "person_parsing", "body_map", "worn_atlas"):
        monkeypatch.setattr(preparation, name, lambda *_: None)
    monkeypatch.setattr(preparation, "single_person", lambda poses, path: poses[0])


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is seen in the photo: everybody is somebody, nothing lies beside, a top is shown."""
    shown = {"beside": False, "told": None, "glance": glance(0.95, (0.9, 0.05, 0.05))}
    monkeypatch.setattr(preparation, "wearers", lambda photo, people, parser: list(people))
    monkeypatch.setattr(preparation, "garment_beside", lambda *_: shown["beside"])
    monkeypatch.setattr(preparation, "told_category", lambda *_: shown["told"])
    monkeypatch.setattr(preparation, "garment_glance", lambda *_: shown["glance"])
    return shown


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that comes before the glance, and after it, is left out."""
    monkeypatch.setattr(preparation, "garment_cutout", lambda *_, people: SimpleNamespace(box=None))
    monkeypatch.setattr(preparation, "upright", lambda cutout, glance: cutout)
    monkeypatch.setattr(preparation, "garment_atlas", lambda *_: None)


def glance(garment: float, shares: tuple[float, float, float]) -> Glance:
    return Glance(np.array(shares), garment, 0.0, 1.0)


def prepared(
    estimator: Estimator, size: tuple[int, int], kind: str = "auto", category: str = "upper"
) -> Garment:
    names = ("segmenter", "parser", "body_map", "placement", "glance", "cutout")
    perception = SimpleNamespace(pose=estimator, **dict.fromkeys(names))
    return prepared_garment(perception, Image.new("RGB", size), "key", category, kind)  # type: ignore[arg-type]


@pytest.mark.usefixtures("wearing")
def test_somebody_is_looked_for_once() -> None:
    estimator = Estimator(finds=True)
    prepared(estimator, (600, 800))
    assert estimator.sizes == [(600, 800)]


@pytest.mark.usefixtures("wearing")
def test_the_joints_of_a_large_photo_are_those_of_the_whole_photo() -> None:
    estimator = Estimator(finds=True)
    prepared(estimator, (1536, 2048))
    assert estimator.sizes == [(768, 1024), (1536, 2048)]


@pytest.mark.usefixtures("wearing")
def test_a_photo_said_to_be_worn_is_looked_at_as_it_is() -> None:
    estimator = Estimator(finds=True)
    prepared(estimator, (1536, 2048), "worn")
    assert estimator.sizes == [(1536, 2048)]


@pytest.mark.usefixtures("lying")
def test_a_large_flat_lay_is_searched_small() -> None:
    estimator = Estimator(finds=False)
    prepared(estimator, (3000, 1500))
    assert estimator.sizes == [(1024, 512)]


def test_somebody_in_a_large_flat_lay_is_named() -> None:
    with pytest.raises(GarmentError, match="person"):
        prepared(Estimator(finds=True), (3000, 1500), "flat-lay")


def test_a_speck_is_too_small() -> None:
    with pytest.raises(ImageTooSmallError, match="20 x 400"):
        prepared(Estimator(finds=False), (20, 400))


@pytest.mark.usefixtures("lying")
def test_the_category_is_that_of_the_photo_or_the_one_that_was_said(
    shown: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    nobody = Estimator(finds=False)
    looked = prepared(nobody, (300, 400), category="auto")
    assert (looked.category, looked.score) == ("upper", pytest.approx(0.855))
    said = prepared(nobody, (300, 400), category="dress")
    assert (said.category, said.score) == ("dress", pytest.approx(0.0475))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "dress" in caplog.text


@pytest.mark.usefixtures("lying")
def test_what_is_no_garment_is_refused_whatever_was_said(shown: dict[str, Any]) -> None:
    shown["glance"] = glance(0.05, (1.0, 0.0, 0.0))
    with pytest.raises(NoGarmentError):
        prepared(Estimator(finds=False), (300, 400), category="upper")


@pytest.mark.usefixtures("lying")
def test_two_garments_must_be_cropped(shown: dict[str, Any]) -> None:
    shown["beside"] = True
    with pytest.raises(GarmentError, match="more than one.*Crop"):
        prepared(Estimator(finds=False), (300, 400))


@pytest.mark.usefixtures("wearing")
def test_a_garment_beside_a_wearer_is_named(shown: dict[str, Any]) -> None:
    shown["beside"] = True
    with pytest.raises(GarmentError, match="beside somebody.*Crop"):
        prepared(Estimator(finds=True), (300, 400))


@pytest.mark.usefixtures("wearing")
def test_which_piece_somebody_means_is_asked_only_if_the_photo_does_not_tell(
    shown: dict[str, Any],
) -> None:
    with pytest.raises(OptionError, match="category"):
        prepared(Estimator(finds=True), (300, 400), category="auto")
    shown["told"] = "dress"
    garment = prepared(Estimator(finds=True), (300, 400), category="auto")
    assert (garment.category, garment.worn) == ("dress", True)
    assert garment.score == pytest.approx(0.9)
    assert prepared(Estimator(finds=True), (300, 400), category="lower").category == "lower"


@pytest.mark.usefixtures("lying")
def test_clothes_that_only_look_like_somebody_are_lying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "wearers", lambda photo, people, parser: [])
    assert not prepared(Estimator(finds=True), (300, 400), category="auto").worn
