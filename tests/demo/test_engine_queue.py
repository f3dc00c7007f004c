from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.demo.fake_engine import NOBODY, FakeEngine, photo_of
from tryon.demo.dressing import DressJob, Wish
from tryon.demo.engine_queue import EngineQueue
from tryon.demo.jobs import Complaint, Job
from tryon.demo.limits import Limits
from tryon.errors import BusyError, Cancelled
from tryon.options import DressOptions


class Gate:
    """Holds the engine's thread in a job until it is opened."""

    def __init__(self, queue: EngineQueue) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.job = Job(self.work, model="fake")
        queue.submit("gate", [self.job])
        assert self.entered.wait(5)

    def work(self, engine: Any, report: Any) -> str:
        self.entered.set()
        assert self.opened.wait(10)
        return "through"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def queue(engine: FakeEngine) -> Iterator[EngineQueue]:
    queue = EngineQueue(lambda model: engine, waiting=6, of_one=4)
    yield queue
    queue.close()


def noted(order: list[str], name: str) -> Job[None]:
    return Job(lambda engine, report: order.append(name), model="fake")


def dress(person: Path, garment: Path, model: str = "fake", **options: Any) -> DressJob:
    wish = Wish(
        *(str(person), str(garment), DressOptions(**options), OrderedDict(), OrderedDict()),
        Limits(),
    )
    return DressJob(wish, model=model)


def test_visitors_take_turns(queue: EngineQueue) -> None:
    gate, order = Gate(queue), []
    queue.submit("a", jobs := [noted(order, name) for name in ("a1", "a2", "a3")])
    queue.submit("b", [late := noted(order, "b1")])
    assert [job.progress.ahead for job in (*jobs, late)] == [0, 2, 3, 1]
    gate.opened.set()
    jobs[-1].future.result(5)
    assert order == ["a1", "b1", "a2", "a3"]


def test_a_full_line_refuses_all_of_a_request_or_none(queue: EngineQueue) -> None:
    gate, order = Gate(queue), []
    queue.submit("a", [noted(order, "a")] * 4)
    with pytest.raises(BusyError, match="4 pictures are in line"):
        queue.submit("b", [noted(order, "b") for _ in range(3)])
    with pytest.raises(BusyError, match="4 of your own"):
        queue.submit("a", [noted(order, "a")])
    assert len(queue) == 4
    gate.opened.set()


def test_a_stopped_job_leaves_the_line_at_once(queue: EngineQueue) -> None:
    gate, order = Gate(queue), []
    queue.submit("a", [first := noted(order, "a")])
    queue.submit("b", [second := noted(order, "b")])
    first.cancel()
    queue.submit("c", [noted(order, "c")])
    with pytest.raises(Cancelled):
        first.future.result(0)
    assert second.progress.ahead == 0
    gate.opened.set()
    second.future.result(5)
    assert "a" not in order


def test_who_stops_while_waiting_is_told_at_once(queue: EngineQueue) -> None:
    """And not when the work before them ends, which may be a training."""
    gate, order = Gate(queue), []
    queue.submit("a", [job := noted(order, "a")])
    job.cancel()
    with pytest.raises(Cancelled):
        job.future.result(0)
    gate.opened.set()
    gate.job.future.result(5)
    queue.submit("b", [last := noted(order, "b")])
    last.future.result(5)
    assert order == ["b"]


def test_stop_ends_the_engine_at_its_next_step(
    queue: EngineQueue, engine: FakeEngine, tmp_path: Path
) -> None:
    job = dress(photo_of(10, tmp_path), photo_of(20, tmp_path))
    steps: list[int] = []
    engine.during = lambda: (steps.append(1), job.cancel())
    queue.submit("a", [job])
    with pytest.raises(Cancelled):
        job.future.result(5)
    assert steps == [1]


def test_a_job_that_takes_too_long_is_stopped(
    queue: EngineQueue, engine: FakeEngine, tmp_path: Path
) -> None:
    job = dress(photo_of(10, tmp_path), photo_of(20, tmp_path))
    job.seconds, engine.pause = 0.01, 0.05
    queue.submit("a", [job])
    with pytest.raises(Cancelled, match="too long"):
        job.future.result(5)


def test_a_bug_is_handed_to_its_visitor_and_the_others_go_on(
    queue: EngineQueue, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(engine: Any, report: Any) -> None:
        raise ZeroDivisionError

    queue.submit("a", [bad := Job(broken, model="fake")])
    queue.submit("b", [good := noted([], "b")])
    with pytest.raises(ZeroDivisionError):
        bad.future.result(5)
    good.future.result(5)
    assert "a job failed" in caplog.text


def test_an_engine_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    def broken(model: str) -> Any:
        raise BusyError("no weights")

    queue = EngineQueue(broken)
    queue.submit("a", [job := noted([], "a")])
    with pytest.raises(BusyError):
        job.future.result(5)
    queue.close()


def test_waiting_pictures_are_painted_together_on_a_gpu(tmp_path: Path) -> None:
    engine = FakeEngine(device="cuda")
    queue = EngineQueue(lambda model: engine)
    gate = Gate(queue)
    reds = (10, 20, 30)
    jobs = [dress(photo_of(red, tmp_path), photo_of(90, tmp_path), seed=red) for red in reds]
    other = dress(photo_of(40, tmp_path), photo_of(90, tmp_path), steps=9)
    for number, job in enumerate([*jobs, other]):
        queue.submit(f"visitor {number}", [job])
    jobs[1].cancel()
    gate.opened.set()
    looks = {
        red: job.future.result(5).look for red, job in zip(reds, jobs, strict=True) if red != 20
    }
    other.future.result(5)
    assert sorted(engine.batches) == [1, 2], "settings differ, and one was stopped"
    for red, look in looks.items():
        assert look.image.getpixel((48, 64)) == (red, 90, red)
    queue.close()


def test_on_a_cpu_every_picture_is_painted_alone(
    queue: EngineQueue, engine: FakeEngine, tmp_path: Path
) -> None:
    gate = Gate(queue)
    jobs = [dress(photo_of(red, tmp_path), photo_of(90, tmp_path)) for red in (10, 20)]
    for job in jobs:
        queue.submit(str(id(job)), [job])
    gate.opened.set()
    for job in jobs:
        job.future.result(5)
    assert engine.batches == [1, 1]
    assert len(engine.threads) == 1


def test_a_photo_without_a_person_does_not_spoil_the_batch(tmp_path: Path) -> None:
    from PIL import Image

    engine = FakeEngine(device="cuda")
    queue = EngineQueue(lambda model: engine)
    gate = Gate(queue)
    Image.new("RGB", (96, 128), NOBODY).save(tmp_path / "nobody.png")
    good = dress(photo_of(10, tmp_path), photo_of(20, tmp_path))
    bad = dress(tmp_path / "nobody.png", photo_of(20, tmp_path))
    queue.submit("a", [good])
    queue.submit("b", [bad])
    gate.opened.set()
    with pytest.raises(Complaint) as caught:
        bad.future.result(5)
    assert caught.value.field == "person"
    assert good.future.result(5).look.parameters["seed"] == 0
    queue.close()


def test_who_stops_listening_stops_the_job(queue: EngineQueue) -> None:
    gate = Gate(queue)
    queue.submit("a", [job := noted([], "a")])

    async def leave_early() -> None:
        updates = job.updates()
        await anext(updates)
        await updates.aclose()

    asyncio.run(leave_early())
    assert job.cancelled
    gate.opened.set()


def test_closing_stops_what_runs(queue: EngineQueue, engine: FakeEngine, tmp_path: Path) -> None:
    """A server that was told to end does not finish its pictures first."""
    begun = threading.Event()
    engine.during = lambda: (begun.set(), time.sleep(0.3))
    queue.submit("a", [job := dress(photo_of(10, tmp_path), photo_of(20, tmp_path))])
    assert begun.wait(5)
    queue.close()
    with pytest.raises(Cancelled):
        job.future.result(0)


def test_closing_ends_what_waits(queue: EngineQueue) -> None:
    gate = Gate(queue)
    queue.submit("a", [job := noted([], "a")])
    threading.Timer(0.1, gate.opened.set).start()
    queue.close()
    with pytest.raises(Cancelled):
        job.future.result(0)
