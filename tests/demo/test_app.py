from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tryon.errors import Cancelled, NoPersonError, OptionError
from tryon.images import load_image
from tryon.look import Look
from tryon.provenance import read_provenance
from tryon.types import Box

pytest.importorskip("gradio")
from gradio_client import Client, handle_file  # noqa: E402

from tryon.cli import run  # noqa: E402
from tryon.demo.app import Dresser, build_demo, serve  # noqa: E402

# Gradio's statistics set an option that pandas has deprecated, and it leaves uploads, event loops
# and their sockets for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:.*(FileIO|socket|BaseEventLoop):pytest.PytestUnraisableExceptionWarning"
    ),
]

DEFAULTS = ("auto", 0, None, None, 1.0, 0)


class FakeEngine:
    """Paints everything green, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.error: Exception | None = None
        self.during = lambda: None

    def dress(self, person: Any, garment: Any, *, on_progress: Any, **options: Any) -> Look:
        self.asked = {"person": person, "garment": garment, **options}
        on_progress("person", 0, 0)
        self.during()
        on_progress("denoise", 1, 2)
        if self.error is not None:
            raise self.error
        image = Image.new("RGB", load_image(person).size, (10, 200, 30))
        return Look(
            image=image,
            mask=Image.new("L", image.size, 255),
            warp=None,
            skeleton=image,
            crop=Box(0, 0, *image.size),
            pose=None,  # type: ignore[arg-type]
            scores={},
            seconds={"total": 1.25},
            parameters={"seed": options["seed"], "model": "fake", "lora": []},
        )


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What Gradio left open is closed here, and not in the middle of another file's test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def photos(astronaut: Path, shirt: Path) -> tuple[Path, Path]:
    return astronaut, shirt


@pytest.fixture(scope="module")
def client(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "cache"))
        demo = build_demo(engine, folder)
        address = serve(demo, "127.0.0.1", free_port(), block=False)
        yield Client(address, verbose=False, download_files=folder / "downloads")
        demo.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tried_on(client: Client, photos: tuple[Path, Path], *options: Any) -> Any:
    files = [handle_file(str(photo)) for photo in photos]
    return client.predict(*files, *(options or DEFAULTS), api_name="/tryon")


def test_the_picture_comes_back_with_its_parameters(
    client: Client, engine: FakeEngine, photos: tuple[Path, Path]
) -> None:
    slider, gallery, file, status = tried_on(client, photos, "upper", 7, 4, 0.5, 0.25, 3)
    assert (np.asarray(Image.open(file)) == (10, 200, 30)).all()
    noted = read_provenance(file).parameters
    assert noted is not None and noted["seed"] == 7
    assert status == "Done in 1.2 seconds with seed 7."
    assert len(slider) == 2 and len(gallery) == 2
    files = {name: Path(engine.asked.pop(name)) for name in ("person", "garment")}
    assert files["person"].read_bytes() == photos[0].read_bytes(), "the file as it came"
    assert engine.asked == {
        "category": "upper",
        "seed": 7,
        "steps": 4,
        "strength": 0.5,
        "detail": 0.25,
        "grow": 3,
    }


def test_empty_settings_are_left_to_the_family(
    client: Client, engine: FakeEngine, photos: tuple[Path, Path]
) -> None:
    tried_on(client, photos)
    assert engine.asked["steps"] is None and engine.asked["strength"] is None


def test_an_error_becomes_a_sentence_without_a_path(
    client: Client, engine: FakeEngine, photos: tuple[Path, Path]
) -> None:
    engine.error = NoPersonError("nobody was found", path="/secret/a.jpg", remedy="Take another.")
    try:
        *nothing, status = tried_on(client, photos)
    finally:
        engine.error = None
    assert status == "Nobody was found. Take another."
    assert "secret" not in str(nothing)


def test_a_missing_photo_is_told() -> None:
    (answer,) = Dresser(FakeEngine()).dress(None, "b.png", *DEFAULTS, visitor("a"), quiet)
    assert answer == (None, None, None, "Two photos are needed. Add a person and a garment.")


def test_stop_cancels_the_engine_of_that_visitor_alone(photos: tuple[Path, Path]) -> None:
    engine = FakeEngine()
    dresser = Dresser(engine)
    person, garment = map(str, photos)
    engine.during = lambda: dresser.stop(visitor("b")) and None
    answer = next(dresser.dress(person, garment, *DEFAULTS, visitor("a"), quiet))
    assert answer[-1].startswith("Done")
    engine.during = lambda: dresser.stop(visitor("a")) and None
    (answer,) = dresser.dress(person, garment, *DEFAULTS, visitor("a"), quiet)
    assert answer == (None, None, None, "Stopped.")
    assert not dresser.running
    assert dresser.failed(visitor("a")) == "Stopped."
    assert "not be a picture" in dresser.failed(visitor("c"))


def test_stop_raises_cancelled_inside_the_engine(photos: tuple[Path, Path]) -> None:
    raised: list[type[Exception]] = []

    class Watched(FakeEngine):
        def dress(self, *photos: Any, **options: Any) -> Look:
            try:
                return super().dress(*photos, **options)
            except Cancelled as error:
                raised.append(type(error))
                raise

    engine = Watched()
    dresser = Dresser(engine)
    engine.during = lambda: dresser.stop(visitor("a")) and None
    list(dresser.dress(*map(str, photos), *DEFAULTS, visitor("a"), quiet))
    assert raised == [Cancelled]


def test_one_visitor_at_a_time_uses_the_device(photos: tuple[Path, Path]) -> None:
    engine = FakeEngine()
    dresser = Dresser(engine)
    held: list[bool] = []
    engine.during = lambda: held.append(dresser.device.locked())
    list(dresser.dress(*map(str, photos), *DEFAULTS, visitor("a"), quiet))
    assert held == [True] and not dresser.device.locked()


def test_the_queue_is_short_and_shared() -> None:
    demo = build_demo(FakeEngine(), Path("nowhere"))
    (tryon,) = [fn for fn in demo.fns.values() if fn.api_name == "tryon"]
    assert (tryon.concurrency_id, tryon.concurrency_limit) == ("device", 1)
    assert demo._queue.max_size == 16


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} of 127.0.0.1 cannot be used"):
            serve(build_demo(FakeEngine(), Path("nowhere")), "127.0.0.1", port, block=False)


def test_the_command_serves_the_engine_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    fake = SimpleNamespace(TryOn=lambda model: f"engine of {model}")
    monkeypatch.setitem(sys.modules, "tryon.engine", fake)
    monkeypatch.setattr("tryon.demo.app.build_demo", lambda *given: calls.append(given) or "page")
    monkeypatch.setattr("tryon.demo.app.serve", lambda *given: calls.append(given))
    assert run(["demo", "--port", "7000", "--model", "none"]) == 0
    (engine, examples), served = calls
    assert engine == "engine of none" and (examples / "person.jpg").is_file()
    assert served == ("page", "127.0.0.1", 7000)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def visitor(name: str) -> Any:
    return SimpleNamespace(session_hash=name)


def quiet(*_: Any, **__: Any) -> None:
    """No progress."""
