"""A headless Chromium, and `tryon demo` as a process of its own on the real mini engine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "demo" / "examples"
SCREENSHOTS = ROOT / "out" / "screenshots"  # ignored by git, to be looked at
PATIENCE = 300_000  # milliseconds, for machines that do other things too: only failures wait so

# Without the background flags, Chromium calls home at every start.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"] + [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What Chromium and the editor's canvas say of themselves, and what a refused upload leaves.
# Gradio's canvas makes its layers anew when the photo arrives and may then be loading the mask
# into an old one: it says so, and the mask is shown all the same.
HARMLESS = ("GL Driver Message", "No draw texture found for layer", "Method not implemented")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium through Playwright, which brings none of its own here."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `tryon demo`, which may train."""
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tryon", "demo", "--port", str(port), "--allow-train"]
    command += ["--catalog", str(folder / "catalogue")]
    log = folder / "server.log"
    with open(log, "w") as stream:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE / 1000)
    assert not mishaps(log.read_text()), log.read_text()


def mishaps(log: str) -> list[str]:
    """The tracebacks in a server's log, but for those of visitors who left in mid-upload: Gradio's
    upload route logs every one of them."""
    _, *tracebacks = log.split("Traceback (most recent call last):")
    return [text for text in tracebacks if "starlette.requests.ClientDisconnect" not in text]


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"no page: {log.read_text()}")


@pytest.fixture
def open_page(
    browser: Any, site: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Opens a visitor's page; at the end it is photographed, and the console must be empty."""
    contexts, pages, errors = [], [], []

    def opened(**options: Any) -> Any:
        options = {"viewport": {"width": 1400, "height": 1000}, "locale": "en-US", **options}
        context = browser.new_context(accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        contexts.append(context)
        pages.append(page)
        page.goto(site)
        page.locator("#go").wait_for()
        return page

    yield opened
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages):
        name = f"{request.node.name}{number or ''}.png".replace("/", "-")
        page.screenshot(path=SCREENSHOTS / name, full_page=True)
    for context in contexts:
        context.close()
    grave = [text for text in errors if not any(words in text for words in HARMLESS)]
    assert grave == []
