"""What the handlers of the tab "Try on" change on the page, without a page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from tests.demo.fake_engine import FakeEngine, photo_of

gr = pytest.importorskip("gradio")

from tryon.demo.app import open_service  # noqa: E402
from tryon.demo.jobs import Job  # noqa: E402
from tryon.demo.mask_desk import MaskDesk  # noqa: E402
from tryon.demo.mask_editor import layer_of  # noqa: E402
from tryon.demo.service import Service  # noqa: E402
from tryon.demo.try_on import TryOnDesk  # noqa: E402
from tryon.demo.try_on_page import try_on_tab  # noqa: E402
from tryon.demo.try_on_parts import TryOnParts  # noqa: E402

VISITOR: Any = SimpleNamespace(session_hash="visitor", headers={})
RED = (255, 45, 85, 255)

Update = dict[Any, Any]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def service(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    service = open_service(("fake",), lambda model: engine, folder=tmp_path)
    yield service
    service.queue.close()


@pytest.fixture
def parts(service: Service) -> TryOnParts:
    with gr.Blocks():
        return try_on_tab(service)


def inputs_of(parts: TryOnParts, **values: Any) -> Mapping[Any, Any]:
    """What a page sends on which nobody touched anything but these."""
    components = {**vars(parts), **parts.settings}
    inputs = {part: getattr(part, "value", None) for part in components.values() if part.__hash__}
    for name in ("seed", "steps", "prompt"):
        inputs[parts.settings[name]] = ""
    return inputs | {components[name]: value for name, value in values.items()}


async def all_of(updates: AsyncIterator[Update]) -> Update:
    """The page after all updates."""
    page: Update = {}
    async for update in updates:
        page |= update
    return page


def photos_of(folder: Path) -> dict[str, str]:
    return {"person": str(photo_of(40, folder)), "garment": str(photo_of(50, folder))}


def person_then_garment(desk: MaskDesk, inputs: Mapping[Any, Any]) -> tuple[Update, Update]:
    """What the two answers change when both photos come at once."""

    async def both() -> tuple[Update, Update]:
        first = asyncio.create_task(all_of(desk.new_person(inputs, VISITOR)))
        await asyncio.sleep(0)
        second = await desk.refresh_mask(inputs, VISITOR)
        return await first, second

    return asyncio.run(both())


def test_the_mask_stays_explained_when_a_garment_follows_the_person(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    desk = MaskDesk(service, parts)
    inputs = inputs_of(parts, **photos_of(tmp_path))
    first, second = person_then_garment(desk, inputs)
    page = first | second
    assert "Red will be repainted" in page[parts.mask_note]
    assert page[parts.editor]["layers"]
    assert parts.editor not in first, "two values at once would leave the editor empty"
    assert parts.person_tabs in first
    for change in (desk.grow_mask(inputs, VISITOR), desk.reset_mask(VISITOR)):
        assert "Red will be repainted" in asyncio.run(change)[parts.mask_note]


def test_a_garment_that_cannot_be_worn_leaves_the_person_their_mask(
    service: Service, engine: FakeEngine, parts: TryOnParts, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("not a picture")
    inputs = inputs_of(parts, **photos_of(tmp_path))
    desk = MaskDesk(service, parts)
    asyncio.run(all_of(desk.new_person(inputs, VISITOR)))
    service.visit(VISITOR).bases.clear()  # as if the answer had been held back for the garment's
    page = asyncio.run(desk.refresh_mask(inputs | {parts.garment: str(broken)}, VISITOR))
    assert "not JPEG, PNG" in page[parts.garment_note]
    assert page[parts.editor]["layers"]


@pytest.mark.parametrize(
    ("drawing", "own"),
    [
        (lambda size: Image.new("RGBA", size), False),  # not drawn yet, or all erased
        (lambda size: layer_of(Image.new("L", size, 255)), True),
    ],
)
def test_an_editor_without_a_stroke_leaves_the_automatic_mask(
    service: Service,
    engine: FakeEngine,
    parts: TryOnParts,
    tmp_path: Path,
    drawing: Callable[[tuple[int, int]], Image.Image],
    own: bool,
) -> None:
    photos = photos_of(tmp_path)
    inputs = inputs_of(parts, **photos)
    asyncio.run(all_of(MaskDesk(service, parts).new_person(inputs, VISITOR)))
    layer = drawing(service.visit(VISITOR).bases[-1].size)
    inputs = inputs_of(parts, **photos, editor={"layers": [layer]})
    page = asyncio.run(all_of(TryOnDesk(service, parts).try_on(inputs, VISITOR)))
    assert "Done in" in page[parts.status]
    assert ("your mask" in page[parts.status]) == own
    assert (engine.masks[-1] is not None) == own


def test_the_end_of_a_picture_stops_nothing_of_another_tab(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    other: Job[None] = Job(lambda engine, report: None, model="fake")
    visit = service.visit(VISITOR)
    visit.jobs.add(other)
    inputs = inputs_of(parts, **photos_of(tmp_path))
    desk = TryOnDesk(service, parts)
    assert "Done in" in asyncio.run(all_of(desk.try_on(inputs, VISITOR)))[parts.status]
    desk.stop(VISITOR)
    assert not other.cancelled
    assert visit.jobs == {other}, "what has ended is not waited for"


def test_the_picture_is_seen_as_it_grows(
    service: Service, engine: FakeEngine, parts: TryOnParts, tmp_path: Path
) -> None:
    """Before and so far, of one size; what is outside the mask never changes."""
    seen: list[tuple[Image.Image, Image.Image]] = []
    more = threading.Semaphore(0)
    engine.during = lambda: more.acquire(timeout=60)
    inputs = inputs_of(parts, **photos_of(tmp_path), seed="0")

    async def watch() -> Update:
        page: Update = {}
        async for update in TryOnDesk(service, parts).try_on(inputs, VISITOR):
            if update.get(parts.slider):
                before, after = (Image.open(file) for file in update[parts.slider])
                assert before.size == after.size
                seen.append((before, after))
                more.release()
            page |= update
        return page

    page = asyncio.run(watch())
    assert "Done in" in page[parts.status]
    places = [
        (before.getpixel((40, 60)), after.getpixel((40, 60)), after.getpixel((2, 2)))
        for before, after in seen
    ]
    photo = (40, 90, 60)
    assert all(near(before, photo) and near(corner, photo) for before, _, corner in places)
    painted = [after for _, after, _ in places]
    assert near(painted[-1], (40, 50, 0)), "then the finished picture"
    assert any(near(picture, (40, 0, 0)) for picture in painted[:-1])


def near(one: Any, other: Any, tolerance: int = 8) -> bool:
    """The same colour, but for JPEG."""
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))
