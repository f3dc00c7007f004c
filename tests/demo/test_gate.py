"""The door of the server, around an application that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from starlette.requests import ClientDisconnect  # noqa: E402
from starlette.responses import JSONResponse, Response  # noqa: E402

from tryon.demo import gate as module  # noqa: E402
from tryon.demo.gate import COOKIE, Gate  # noqa: E402
from tryon.demo.limits import Limits  # noqa: E402
from tryon.demo.visitors import Visitors  # noqa: E402


class Door:
    """A gate, and what is behind it. pauses: seconds that logins had to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
        self.visitors = Visitors(Limits(**limits))
        self.answer: Response | Exception = Response("page", media_type="text/html")
        self.gate = Gate(self._app, self.visitors, self.visitors.limits)
        self.pauses: list[float] = []
        sleep = asyncio.sleep

        async def slept(seconds: float) -> None:
            self.pauses.append(seconds)
            await sleep(0)

        monkeypatch.setattr(module.asyncio, "sleep", slept)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if isinstance(self.answer, Exception):
            raise self.answer
        await self.answer(scope, receive, send)

    async def ask(
        self, method: str, path: str, cookie: str = "", address: str = "10.0.0.1"
    ) -> tuple[int, dict[str, str]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        scope |= {"scheme": "http", "server": ("shop", 80), "query_string": b""}
        await self.gate({**scope, "client": (address, 1)}, receive, send)
        if not sent:
            return 0, {}
        return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(monkeypatch)


def test_every_answer_has_the_headers(door: Door) -> None:
    for path in ("/", "/gradio_api/file=/x", "/gradio_api/upload"):
        door.answer = JSONResponse([])
        _, headers = asyncio.run(door.ask("POST" if "upload" in path else "GET", path))
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_a_browser_is_known_by_a_cookie_that_scripts_do_not_see(door: Door) -> None:
    _, headers = asyncio.run(door.ask("GET", "/"))
    for part in (COOKIE, "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in headers["set-cookie"]
    _, headers = asyncio.run(door.ask("GET", "/", cookie="known"))
    assert "set-cookie" not in headers


def test_an_upload_is_the_browsers_that_brought_it(door: Door, tmp_path: Path) -> None:
    files = [tmp_path / name / "a.png" for name in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(b"photo")
    door.answer = JSONResponse([str(files[0])])
    asyncio.run(door.ask("POST", "/gradio_api/upload", cookie="firefox"))
    door.answer = JSONResponse([str(files[1])])
    asyncio.run(door.ask("POST", "/gradio_api/upload"))
    assert set(door.visitors._brought) == {"firefox", "10.0.0.1"}
    door.visitors.visit("page", "firefox")
    door.visitors.leave("page")
    assert not files[0].exists() and files[1].exists()


def test_no_upload_is_taken_where_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    door = Door(monkeypatch, disk=3)
    file = tmp_path / "one" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"photo")
    door.answer = JSONResponse([str(file)])
    assert asyncio.run(door.ask("POST", "/gradio_api/upload"))[0] == 200
    assert asyncio.run(door.ask("POST", "/gradio_api/upload"))[0] == 503


def test_who_leaves_in_mid_upload_leaves_no_traceback_and_no_half_a_file(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    whole, half = tmp_path / "digest" / "a.png", tmp_path / "tmp123"
    whole.parent.mkdir()
    for file in (whole, half):
        file.write_bytes(b"photo")
    door.gate._uploading = 1  # somebody else's is on its way
    door.answer = ClientDisconnect()
    assert asyncio.run(door.ask("POST", "/gradio_api/upload")) == (0, {})
    assert half.exists()
    door.gate._uploading = 0
    asyncio.run(door.ask("POST", "/gradio_api/upload"))
    assert not half.exists() and whole.exists()


def test_guessing_a_password_gets_slower_and_is_logged(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = Response(status_code=400), Response(json.dumps({"success": True}))

    async def guesses() -> None:
        door.answer = wrong
        for _ in range(12):
            await door.ask("POST", "/login")
        await door.ask("POST", "/login/", address="10.0.0.2")
        door.answer = right
        for _ in range(2):
            await door.ask("POST", "/login")

    with caplog.at_level(logging.WARNING):
        asyncio.run(guesses())
    assert door.pauses == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 0, 60, 0]
    assert "a wrong login from 10.0.0.1, number 12: the next one waits 60 s" in caplog.text
    assert len(caplog.records) == 13


def test_guesses_from_one_address_do_not_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch, logins=3)
    door.answer = Response(status_code=400)

    async def many() -> list[int]:
        answers = await asyncio.gather(*(door.ask("POST", "/login") for _ in range(10)))
        return [status for status, _ in answers]

    statuses = asyncio.run(many())
    assert statuses.count(429) == 7 and statuses.count(400) == 3
