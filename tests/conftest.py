"""What every test shares: no network, and caches that live in a temporary folder."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch is imported: on a busy machine, the threads of tiny operations wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


class NetworkUsed(AssertionError):
    """A test tried to reach something that is not this machine."""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to anything but this machine fail the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if self.family != socket.AF_UNIX and host not in {"127.0.0.1", "::1", "localhost"}:
            raise NetworkUsed(f"connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a command sets up for its log is gone with the test."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:  # pytest's own are of other classes
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """Real studio photos beside the checkout; tests that need them skip where they are not."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "photos"
    if not folder.is_dir():
        pytest.skip("the photos beside the checkout are not here")
    return folder


@pytest.fixture(scope="session")
def tiny_family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family with random weights and every branch: pose, image prompt, text."""
    from tests.families import save_random_family

    return save_random_family(tmp_path_factory.mktemp("families") / "tiny")


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo of one person (NASA, public domain), from scikit-image, 512 x 512."""
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("photos") / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture(scope="session")
def shirt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn red T-shirt with a white stripe on light grey, 384 x 512."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (384, 512), (238, 238, 238))
    outline = [(120, 90), (160, 110), (224, 110), (264, 90), (350, 180), (310, 225), (275, 190)]
    outline += [(275, 430), (109, 430), (109, 190), (74, 225), (34, 180)]
    draw = ImageDraw.Draw(image)
    draw.polygon(outline, fill=(190, 30, 40))
    draw.rectangle((112, 240, 272, 280), fill=(250, 250, 250))
    path = tmp_path_factory.mktemp("photos") / "shirt.png"
    image.save(path)
    return path
