"""What the handlers of the tab "Add a garment" change on the page, around a training of ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from tests.demo.fake_engine import FakeEngine, photo_of
from tryon.catalog import Catalog

gr = pytest.importorskip("gradio")

from tryon.demo.app import open_service  # noqa: E402
from tryon.demo.limits import Limits  # noqa: E402
from tryon.demo.service import Service  # noqa: E402
from tryon.demo.training_desk import AddParts, TrainingDesk  # noqa: E402
from tryon.training import garment_check, garment_run  # noqa: E402
from tryon.training.garment_check import Finding, GarmentCheck  # noqa: E402

Update = dict[Any, Any]
Step = Callable[[int, int, float], None]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalogue")


@pytest.fixture
def service(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    engine = FakeEngine()
    engine.perception = None  # type: ignore[attr-defined]
    service = open_service(
        ("fake",),
        lambda model: engine,
        folder=tmp_path,
        catalog=catalog,
        limits=Limits(train_seconds=0.2),
        allow_train=True,
    )
    yield service
    service.queue.close()


@pytest.fixture
def desk(service: Service) -> TrainingDesk:
    names = AddParts.__dataclass_fields__
    return TrainingDesk(service, AddParts(**{name: Part(name) for name in names}))


class Part(str):
    """Stands for a component as a key of updates."""


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the check of the photos finds: nothing, unless a test says so."""
    findings: list[Finding] = []

    def checked(perception: Any, photos: Any, *, category: str) -> GarmentCheck:
        pictures = tuple(Image.new("RGB", (8, 8)) for _ in photos)
        return GarmentCheck(tuple(findings), pictures, "dress")

    monkeypatch.setattr(garment_check, "checked_photos", checked)
    return findings


def trains(monkeypatch: pytest.MonkeyPatch, training: Callable[[Step], None]) -> None:
    def train_in_catalog(*_: Any, on_step: Step, out: Path, **__: Any) -> Path:
        training(on_step)
        (out / "lora.safetensors").write_bytes(b"weights")
        return out / "lora.safetensors"

    monkeypatch.setattr(garment_run, "train_in_catalog", train_in_catalog)


def page_after(
    desk: TrainingDesk, photo: Path, sku: str = "linen", language: str = "en", steps: int = 10
) -> Update:
    visitor: Any = SimpleNamespace(session_hash="visitor", headers={"accept-language": language})

    async def all_of(updates: AsyncIterator[Update]) -> Update:
        page: Update = {}
        async for update in updates:
            page |= update
        return page

    return asyncio.run(all_of(desk.train([str(photo)], sku, "auto", "", steps, visitor)))


@pytest.mark.usefixtures("found")
def test_a_garment_comes_into_the_catalogue(
    desk: TrainingDesk, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trains(monkeypatch, lambda step: step(10, 10, 0.1))
    page = page_after(desk, photo_of(50, tmp_path))
    assert "linen is in the catalogue now" in page[desk.parts.status]
    (entry,) = catalog
    assert entry.sku == "linen" and entry.lora("fake") is not None


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "for 0.00333333 minutes at most"), ("ko", "학습을 그만두었습니다")],
)
def test_a_training_that_takes_too_long_leaves_the_catalogue_as_it_was(
    desk: TrainingDesk,
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    said: str,
) -> None:
    def endless(step: Step) -> None:
        for number in range(10**6):
            time.sleep(0.01)
            step(number, 10**6, 0.1)

    catalog.add("old", [photo_of(70, tmp_path)])
    trains(monkeypatch, endless)
    page = page_after(desk, photo_of(50, tmp_path), language=language)
    assert said in page[desk.parts.steps_note], "beside the field that decides it"
    assert said in page[desk.parts.status]
    assert [entry.sku for entry in catalog] == ["old"]
    again = page_after(desk, photo_of(50, tmp_path), sku="old")
    assert "already" in again[desk.parts.sku_note] and not again[desk.parts.steps_note]
    assert [entry.sku for entry in catalog] == ["old"]


@pytest.mark.usefixtures("found")
def test_fields_that_cannot_be_are_told_beside_them(desk: TrainingDesk, tmp_path: Path) -> None:
    photo = photo_of(50, tmp_path)
    assert "not a name" in page_after(desk, photo, sku="no/name")[desk.parts.sku_note]
    assert "At most" in page_after(desk, photo, steps=10**6)[desk.parts.steps_note]


def test_photos_that_will_not_do_are_not_trained_on(
    desk: TrainingDesk, catalog: Catalog, found: list[Finding], tmp_path: Path
) -> None:
    found.append(Finding("error", "too_small", "it has 9 x 9 pixels only", "Take more.", 0))
    page = page_after(desk, photo_of(50, tmp_path))
    assert "Must change, photo 1: It has 9 x 9 pixels only. Take more." in page[desk.parts.status]
    ((_, caption),) = page[desk.parts.cutouts]
    assert caption == "1: It has 9 x 9 pixels only."
    assert list(catalog) == []
    korean = page_after(desk, photo_of(50, tmp_path), language="ko")
    assert "사진 1: 사진이 작습니다." in korean[desk.parts.status]


@pytest.mark.usefixtures("found")
def test_what_it_is_taken_as_is_told_before_it_is_catalogued(
    desk: TrainingDesk, tmp_path: Path
) -> None:
    visitor: Any = SimpleNamespace(session_hash="visitor", headers={})

    async def checked() -> Update:
        page: Update = {}
        async for update in desk.check([str(photo_of(50, tmp_path))], "auto", visitor):
            page |= update
        return page

    page = asyncio.run(checked())
    assert "Taken as: dress. If it is not, choose above." in page[desk.parts.status]


@pytest.mark.usefixtures("found")
def test_while_it_trains_nothing_of_it_is_in_the_catalogue(
    desk: TrainingDesk, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a server which is killed leaves no photo and no empty garment in it."""
    seen: list[int] = []
    trains(monkeypatch, lambda step: seen.append(len(list(catalog))))
    page_after(desk, photo_of(50, tmp_path))
    assert seen == [0]
