"""A headless Chromium, and `tryon demo` as its users have it: from the wheel, in an empty folder, a
process of its own on the real mini engine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs. Built from a copy: what an earlier build left in the
    checkout would come along."""
    copy, installed = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("adapters", "pipelines", "demo", "tryon"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--target", str(installed), str(copy)]
    subprocess.run(command, check=True, timeout=PATIENCE / 1000)
    shutil.rmtree(copy)
    return installed


@dataclass(frozen=True)
class Server:
    """A running `tryon demo`. temporary: the folder of its machine for temporary files."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path
    temporary: Path

    def files(self) -> set[Path]:
        """Everything that it has written for its visitors, below its folder."""
        folder = next(self.temporary.glob("tryon-demo-*"))
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def start(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers; those that run at the end are told to end."""
    servers = []

    def started(*options: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        (folder / "empty").mkdir()
        (folder / "tmp").mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "tryon", "demo", "--port", str(port), *options]
        log, temporary = folder / "server.log", folder / "tmp"
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(wheel), "TMPDIR": str(temporary)}
        with open(log, "w") as stream:
            process = subprocess.Popen(
                command,
                cwd=folder / "empty",
                env={**os.environ, **own},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        server = Server(f"http://127.0.0.1:{port}/", process, log, temporary)
        servers.append(server)
        _wait_for(server.address, process, log)
        return server

    yield started
    for server in servers:
        server.process.terminate()
    for server in servers:
        server.process.wait(timeout=PATIENCE / 1000)


@pytest.fixture(scope="session")
def server(
    start: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running `tryon demo`, which may train."""
    catalogue = tmp_path_factory.mktemp("shop") / "catalogue"
    server = start("--allow-train", "--catalog", str(catalogue))
    yield server
    server.process.terminate()
    assert server.process.wait(timeout=PATIENCE / 1000) == 0
    assert "Traceback" not in server.log.read_text(), server.log.read_text()
    assert list(server.temporary.iterdir()) == []


@pytest.fixture(scope="session")
def site(server: Server) -> str:
    """Its address."""
    return server.address


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
        if page.is_closed():
            continue
        name = f"{request.node.name}{number or ''}.png".replace("/", "-")
        page.screenshot(path=SCREENSHOTS / name, full_page=True)
    for context in contexts:
        context.close()
    grave = [text for text in errors if not any(words in text for words in HARMLESS)]
    assert grave == []
