"""`tryon demo`: what the command line hands to the page."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from tryon.cli import run  # noqa: E402
from tryon.commands.demo import credentials  # noqa: E402
from tryon.errors import OptionError  # noqa: E402


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every page that would have been served, with what its server was told, until SIGTERM."""
    calls: list[dict[str, Any]] = []

    class Page:
        def close(self, verbose: bool) -> None:
            calls[-1]["page_closed"] = True

    class Queue:
        def warm(self, model: str) -> None:
            calls[-1]["warmed"] = model
            signal.raise_signal(signal.SIGTERM)

        def stop(self) -> None:
            calls[-1]["stopped"] = True

        def close(self) -> None:
            calls[-1]["closed"] = not Path(os.environ["GRADIO_TEMP_DIR"]).parent.exists()

    def serve(page: Any, host: str, port: int, **given: Any) -> str:
        calls[-1].update(host=host, port=port, **given)
        return f"http://{host}:{port}/"

    def opened(models: tuple[str, ...], open_engine: Any, **given: Any) -> Any:
        calls.append({"models": models, "open_engine": open_engine, **given})
        return type("Service", (), {"queue": Queue()})()

    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr("tryon.demo.app.open_service", opened)
    monkeypatch.setattr("tryon.demo.app.build_demo", lambda service: Page())
    monkeypatch.setattr("tryon.demo.server.serve", serve)
    return calls


def test_what_is_asked_for_is_handed_on(served: list[dict[str, Any]], tmp_path: Path) -> None:
    asked = ["--host", "0.0.0.0", "--port", "7000", "--model", "none", "--model", "mini"]
    asked += ["--catalog", str(tmp_path), "--allow-train", "--max-queue", "3"]
    asked += ["--auth", "anna:a:b", "--root-path", "/tryon", "--max-train-minutes", "2.5"]
    assert run(["demo", *asked]) == 0
    (call,) = served
    assert call["models"] == ("none", "mini") and call["allow_train"]
    assert (call["host"], call["port"], call["root_path"]) == ("0.0.0.0", 7000, "/tryon")
    assert call["limits"].train_seconds == 150
    assert call["limits"].waiting == 3 and call["catalog"].store.url
    assert call["auth"] == [("anna", "a:b")]
    assert call["stopped"] and call["page_closed"]
    assert call["closed"], "the engine's thread ends too, photos having gone before"


def test_the_catalogue_here_is_used_as_by_all_commands(
    served: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garments").mkdir()
    assert run(["demo", "--allow-train"]) == 0
    assert served[0]["catalog"].store.url == "garments"


def test_the_defaults_are_for_this_machine_alone(
    served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo"]) == 0
    (call,) = served
    said = capsys.readouterr().out.splitlines()
    assert said == ["Loading the page ...", "Open http://127.0.0.1:7860/"]
    assert call["warmed"] == "mini", "after the page is there"
    assert (call["host"], call["port"], call["auth"]) == ("127.0.0.1", 7860, [])
    assert call["models"] == ("mini", "none")
    assert not call["allow_train"] and call["catalog"] is None
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert not Path(os.environ["GRADIO_TEMP_DIR"]).parent.exists(), "photos go with the server"


def test_engines_of_the_demo_remember_nobody(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr("tryon.engine.TryOn", lambda *names, **given: made.append((names, given)))
    assert run(["demo", "--device", "cpu"]) == 0
    served[0]["open_engine"]("mini")
    ((names, given),) = made
    assert names == ("mini",) and given["remember"] == 0 and given["device"] == "cpu"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--allow-train"], "--catalog"),
        (["--auth", "anna"], "NAME:PASSWORD"),
        (["--max-queue", "0"], "max-queue"),
        (["--port", "70000"], "port"),
    ],
)
def test_bad_usage_is_told_before_anything_is_loaded(
    asked: list[str], said: str, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", *asked]) == 1
    assert said in capsys.readouterr().err
    assert served == []


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(OptionError) as caught:
        credentials(":hunter2")
    assert "hunter2" not in str(caught.value)
