"""The page on a server of this machine, around an engine that paints at once."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.demo.fake_engine import FakeEngine

HERE = Path(__file__).parent
# Gradio's statistics use what pandas has deprecated, and it leaves uploads, event loops and their
# sockets for the garbage collector to close.
GRADIO = [
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:.*(FileIO|socket|BaseEventLoop):pytest.PytestUnraisableExceptionWarning"
    ),
]
Serve = Callable[..., tuple[str, Any, FakeEngine]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The marks for every test of this folder, since any of them may meet the collector."""
    for item in items:
        if HERE in item.path.parents:
            for mark in GRADIO:
                item.add_marker(mark)


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What Gradio left open is closed here, and not in the middle of another file's test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def serve_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Serves a page and returns its address, its service and its engine."""
    pytest.importorskip("gradio")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        folder = tmp_path_factory.mktemp("demo")
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "files"))
        from tryon.demo.app import build_demo, open_service
        from tryon.demo.limits import Limits
        from tryon.demo.server import serve

        def served(
            engine: FakeEngine, auth: Any = None, **limits: Any
        ) -> tuple[str, Any, FakeEngine]:
            service = open_service(
                ("fake",), lambda model: engine, folder=folder, limits=Limits(**limits)
            )
            demo = build_demo(service)
            stack.callback(service.queue.close)
            stack.callback(demo.close, verbose=False)
            address = serve(demo, "127.0.0.1", free_port(), auth=auth)
            return address, service, engine

        yield served


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
