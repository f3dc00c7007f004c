"""An engine that paints at once, and misbehaves where a row's prompt asks for it."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from tryon.errors import NoPersonError, WeightsMissingError
from tryon.options import DressOptions


@dataclass(frozen=True)
class FakeSource:
    """Opens `FakeEngine`s. pause: seconds that each picture takes. opened: file to note it in."""

    pause: float = 0.0
    revision: str = "fake-1"
    opened: str | None = None
    broken: bool = False
    most: int | None = None  # pictures at once, above which memory is too short
    preload: ClassVar[tuple[str, ...]] = ("tryon.batch.worker",)

    def open(self, worker: int) -> FakeEngine:
        if self.broken:
            raise WeightsMissingError("there are no weights", remedy="Fetch them.")
        if self.opened is not None:
            with open(self.opened, "a") as file:
                file.write(f"{worker}\n")
        return FakeEngine(self)


@dataclass(frozen=True)
class FakePlan:
    person: bytes
    garment: bytes
    options: DressOptions
    mask: bytes = b""

    @property
    def shared(self) -> Any:
        return self.options.steps


@dataclass(frozen=True)
class FakeLook:
    image: Image.Image
    scores: dict[str, float]
    parameters: dict[str, Any]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class FakeEngine:
    source: FakeSource
    model: str = "fake"
    batches: list[int] = field(default_factory=list)

    def prepare_person(self, source: Path, *, clock: Any = None) -> bytes:
        content = Path(source).read_bytes()
        if content == b"nobody":
            raise NoPersonError("nobody is in the photo", path=source)
        return content

    def prepare_garment(self, source: Any, category: Any, photo_kind: Any) -> bytes:
        return Path(source).read_bytes()

    def plan(
        self, person: bytes, garment: bytes, options: DressOptions, *, mask: Any = None
    ) -> Any:
        return FakePlan(person, garment, options, Path(mask).read_bytes() if mask else b"")

    def paint(self, plans: Sequence[FakePlan]) -> list[Image.Image]:
        self.batches.append(len(plans))
        assert len({plan.shared for plan in plans}) == 1
        if self.source.most is not None and len(plans) > self.source.most:
            raise MemoryError
        for plan in plans:
            _misbehave(plan.options.prompt or "")
            if self.source.pause:
                time.sleep(self.source.pause)
        return [_picture(plan) for plan in plans]

    def finish(self, plan: FakePlan, painted: Image.Image) -> FakeLook:
        score = hashlib.sha256(painted.tobytes()).digest()[0] / 255
        parameters = {"seed": plan.options.seed, "category": "upper"}
        return FakeLook(painted, {"pose": score}, parameters)


def _misbehave(prompt: str) -> None:
    name, _, file = prompt.partition(" ")
    if name == "die" or (name == "die-once" and not Path(file).exists()):
        if file:
            Path(file).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "fail":
        raise ValueError("the picture fails")


def _picture(plan: FakePlan) -> Image.Image:
    text = repr(plan.options).encode()
    seed = hashlib.sha256(plan.person + plan.garment + plan.mask + text).digest()
    return Image.frombytes("RGB", (16, 16), seed * 24)


def write_inputs(root: Path, people: int, garments: int) -> None:
    """Files that the fake engine takes for photos."""
    for folder, count in (("people", people), ("garments", garments)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / folder / f"{folder[0]}{number:03d}.jpg").write_bytes(
                f"{folder}{number}".encode()
            )
