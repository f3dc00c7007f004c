"""How often, and at what size, a garment photo is searched for somebody who wears the garment."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tryon import preparation
from tryon.errors import GarmentError, ImageTooSmallError
from tryon.preparation import prepared_garment
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


def prepared(estimator: Estimator, size: tuple[int, int], kind: str = "auto") -> None:
    perception = SimpleNamespace(
        pose=estimator, segmenter=None, parser=None, body_map=None, placement=None
    )
    prepared_garment(perception, Image.new("RGB", size), "key", "upper", kind)  # type: ignore[arg-type]


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


def test_a_large_flat_lay_is_searched_small(monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = Estimator(finds=False)
    monkeypatch.setattr(preparation, "garment_cutout", lambda *_, people: None)
    atlas = SimpleNamespace(category="upper")
    monkeypatch.setattr(preparation, "garment_atlas", lambda *_: atlas)
    prepared(estimator, (3000, 1500))
    assert estimator.sizes == [(1024, 512)]


def test_somebody_in_a_large_flat_lay_is_named() -> None:
    with pytest.raises(GarmentError, match="person"):
        prepared(Estimator(finds=True), (3000, 1500), "flat-lay")


def test_a_speck_is_too_small() -> None:
    with pytest.raises(ImageTooSmallError, match="20 x 400"):
        prepared(Estimator(finds=False), (20, 400))
