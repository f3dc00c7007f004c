"""What the handlers of the tab "Try on" change on the page, without a page."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from tests.demo.fake_engine import FakeEngine, photo_of

gr = pytest.importorskip("gradio")

from tryon.demo.app import open_service  # noqa: E402
from tryon.demo.jobs import Job  # noqa: E402
from tryon.demo.limits import Limits  # noqa: E402
from tryon.demo.mask_desk import MaskDesk  # noqa: E402
from tryon.demo.mask_editor import layer_of  # noqa: E402
from tryon.demo.service import Service  # noqa: E402
from tryon.demo.try_on import TryOnDesk  # noqa: E402
from tryon.demo.try_on_page import try_on_tab  # noqa: E402
from tryon.demo.try_on_parts import TryOnParts  # noqa: E402
from tryon.options import DressOptions  # noqa: E402

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
    inputs[parts.editor] = None
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


def looked(desk: MaskDesk, inputs: Mapping[Any, Any]) -> Update:
    return asyncio.run(all_of(desk.look(inputs, VISITOR)))


def test_photos_are_told_what_they_were_taken_for(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    desk, photos = MaskDesk(service, parts), photos_of(tmp_path)
    page = looked(desk, inputs_of(parts, garment=photos["garment"]))
    assert "Taken as: top. If it is not" in page[parts.garment_note], "known without a person"
    assert not page[parts.person_note]
    page = looked(desk, inputs_of(parts, **photos, category="upper"))
    assert "Taken as: top." in page[parts.garment_note] and "will do" in page[parts.person_note]
    assert page[parts.editor] is None and not page[parts.mask_note], "the photo is what is seen"
    page = looked(desk, inputs_of(parts))
    assert not page[parts.garment_note] and not page[parts.person_note]


def test_the_mask_is_shown_to_who_opens_it(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    desk, inputs = MaskDesk(service, parts), inputs_of(parts, **photos_of(tmp_path))
    nothing = asyncio.run(desk.open_mask(inputs, VISITOR))
    assert parts.editor not in nothing
    page = looked(desk, inputs)
    assert page[parts.editor]["layers"], "it is open"
    for change in (desk.grow_mask(inputs, VISITOR), desk.reset_mask(VISITOR)):
        assert "Red will be repainted" in asyncio.run(change)[parts.mask_note]
    desk.close_mask(VISITOR)
    assert looked(desk, inputs)[parts.editor] is None
    assert "Red will be repainted" in asyncio.run(desk.open_mask(inputs, VISITOR))[parts.mask_note]


@pytest.mark.parametrize("change", ["category", "person", "garment"])
def test_a_mask_does_not_outlive_what_it_was_made_for(
    service: Service, engine: FakeEngine, parts: TryOnParts, tmp_path: Path, change: str
) -> None:
    """Nor what was brushed on it: another photo, or another kind, is another mask."""
    desk, photos = MaskDesk(service, parts), photos_of(tmp_path)
    looked(desk, inputs_of(parts, **photos))
    asyncio.run(desk.open_mask(inputs_of(parts, **photos), VISITOR))
    size = service.visit(VISITOR).bases[-1].size
    brushed = {"layers": [layer_of(Image.new("L", size, 255))]}
    desk.close_mask(VISITOR)
    others = {"category": "dress", "person": str(photo_of(60, tmp_path))}
    photos[change] = others.get(change, str(photo_of(70, tmp_path)))
    page = looked(desk, inputs_of(parts, **photos, editor=brushed))
    assert page[parts.editor] is None and page[parts.grow] == 0
    inputs = inputs_of(parts, **photos, editor=brushed)  # the page may be slow to show it
    page = asyncio.run(all_of(TryOnDesk(service, parts).try_on(inputs, VISITOR)))
    assert engine.masks[-1] is None and "your mask" not in page[parts.status]


def test_of_photos_that_come_together_the_last_answer_counts(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    desk, photos = MaskDesk(service, parts), photos_of(tmp_path)
    broken = tmp_path / "broken.jpg"
    broken.write_text("not a picture")

    async def both() -> tuple[Update, Update]:
        wrong = inputs_of(parts, **photos | {"garment": str(broken)})
        first = asyncio.create_task(all_of(desk.look(wrong, VISITOR)))
        await asyncio.sleep(0)
        second = await all_of(desk.look(inputs_of(parts, **photos), VISITOR))
        return await first, second

    first, second = asyncio.run(both())
    assert parts.status not in first
    assert "Taken as" in second[parts.garment_note]


def test_a_look_that_is_ended_does_not_seem_to_go_on(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    """Whatever ends it: a page that nobody was heard of for a while, or too long a time."""
    desk = MaskDesk(service, parts)

    original = service.enter

    def entered(visit: Any, request: Any, jobs: Any, tab: str = "") -> None:
        original(visit, request, jobs, tab)
        jobs[0].cancel()

    object.__setattr__(service, "enter", entered)
    page = looked(desk, inputs_of(parts, **photos_of(tmp_path)))
    assert "Stopped." in page[parts.status]
    assert not page[parts.person_note] and not page[parts.garment_note]


def test_a_garment_that_is_no_picture_is_told_beside_it(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("not a picture")
    inputs = inputs_of(parts, **photos_of(tmp_path) | {"garment": str(broken)})
    page = looked(MaskDesk(service, parts), inputs)
    assert "not JPEG, PNG" in page[parts.garment_note] and not page[parts.person_note]


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
    looked(MaskDesk(service, parts), inputs)
    asyncio.run(MaskDesk(service, parts).open_mask(inputs, VISITOR))
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
            if parts.result in update:
                before, after = pictures_in(update[parts.result])
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


def pictures_in(html: str) -> tuple[Image.Image, Image.Image]:
    """Before and after, from the addresses in the page."""
    after, before = re.findall(r'src="/gradio_api/file=([^"]+)"', html)
    return Image.open(unquote(before)), Image.open(unquote(after))


def test_the_looks_of_a_visit_are_kept_to_be_seen_again(
    service: Service, parts: TryOnParts, tmp_path: Path
) -> None:
    desk, photos = TryOnDesk(service, parts), photos_of(tmp_path)
    page: Update = {}
    for seed in ("1", "2"):
        inputs = inputs_of(parts, **photos, seed=seed)
        page = asyncio.run(all_of(desk.try_on(inputs, VISITOR)))
    assert len(page[parts.looks].value) == 2 and page[parts.looks].visible
    event: Any = SimpleNamespace(index=1)
    again = desk.pick_look(event, VISITOR)
    _, after = pictures_in(again[parts.result])
    assert near(after.getpixel((40, 60)), (40, 50, 1)), "the newest is the first"
    assert "tryon-1." in again[parts.download]
    event.index = 7
    assert parts.download not in desk.pick_look(event, VISITOR)
    service.visitors.leave("visitor")
    assert list((tmp_path / "files").rglob("*.png")) == []


def test_a_doubtful_picture_is_not_simply_done(
    service: Service, engine: FakeEngine, parts: TryOnParts, tmp_path: Path
) -> None:
    inputs = inputs_of(parts, **photos_of(tmp_path), seed="7")
    fine = asyncio.run(all_of(TryOnDesk(service, parts).try_on(inputs, VISITOR)))
    assert 'class="status done"' in fine[parts.status] and "seed" not in fine[parts.status].lower()
    assert "Seed 7" in fine[parts.details] and "pose 93%" in fine[parts.details]
    engine.scores |= {"garment": 0.2, "print": 0.1, "facing": 0.9}
    bad = asyncio.run(all_of(TryOnDesk(service, parts).try_on(inputs, VISITOR)))[parts.status]
    assert 'class="status done doubtful"' in bad and "look closely before you use it" in bad
    assert "The garment may not look as on its photo." in bad and "The print may not" in bad
    assert "face the camera" not in bad and "%" not in bad


def test_a_photo_larger_than_needed_is_reduced_and_its_mask_with_it(
    service: Service, engine: FakeEngine, tmp_path: Path
) -> None:
    small = replace(service, limits=Limits(worked_pixels=3000))
    visit, photos = service.visit(VISITOR), photos_of(tmp_path)
    mask = tmp_path / "mask.png"
    Image.new("L", (96, 128), 255).save(mask)
    wish = small.wish(visit, *photos.values(), DressOptions(), str(mask))
    job = small.dress_job(wish, "fake")
    small.enter(visit, VISITOR, [job])
    look = job.future.result(20).look
    assert look.image.size == (47, 63) == engine.masks[-1].size
    assert visit.reduced == {photos["person"]: (96, 128)}


def near(one: Any, other: Any, tolerance: int = 8) -> bool:
    """The same colour, but for JPEG."""
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))
