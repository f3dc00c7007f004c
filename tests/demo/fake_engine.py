"""An engine that paints at once: every picture carries the mark of its own request.

Where it paints, the picture is (red of the person photo, red of the garment photo, seed % 256).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from tryon.errors import NoPersonError, OptionError
from tryon.images import load_image
from tryon.look import Look
from tryon.options import DressOptions
from tryon.types import Box, Pose

NOBODY = (0, 0, 255)
"""A person photo of this colour shows nobody."""


def photo_of(red: int, folder: Path, size: tuple[int, int] = (96, 128)) -> Path:
    """A file with a photo of one colour."""
    file = folder / f"photo-{red}.png"
    Image.new("RGB", size, (red, 90, 60)).save(file)
    return file


@dataclass(eq=False)
class FakePlan:
    person: Any
    garment: Any
    options: DressOptions
    mask: Image.Image
    reference: Image.Image

    @property
    def crop(self) -> Any:
        return SimpleNamespace(box=Box(20, 30, 60, 80))

    @property
    def shared(self) -> Any:
        return self.options.steps


class FakeEngine:
    """pause: seconds of a step. device: its type; "cuda" lets the queue paint in batches."""

    def __init__(self, model: str = "fake", *, pause: float = 0.0, device: str = "cpu") -> None:
        self.model = model
        self.pause = pause
        self.family = SimpleNamespace(device=SimpleNamespace(type=device))
        self.batches: list[int] = []
        self.masks: list[Any] = []
        self.scores = {"repainted": 0.25, "pose": 0.93}
        self.threads: set[int] = set()
        self.during: Callable[[], object] = lambda: None

    @property
    def catalog(self) -> Any:
        raise OptionError("a garment is named by its SKU, and there is no catalogue")

    def prepare_person(self, photo: Any) -> Any:
        self.threads.add(threading.get_ident())
        photo = load_image(photo)
        if photo.getpixel((0, 0)) == NOBODY:
            raise NoPersonError("nobody was found", path="/secret/a.jpg", remedy="Take another.")
        pose = Pose(np.zeros((18, 3)), np.zeros((2, 3, 3)), 0.93, Box(0, 0, *photo.size))
        return SimpleNamespace(photo=photo, pose=pose, body=flat_body(), key="person")

    def prepare_garment(self, photo: Any, category: str = "auto", kind: str = "auto") -> Any:
        return SimpleNamespace(photo=load_image(photo), category="upper", key="garment")

    def plan(
        self,
        person: Any,
        garment: Any,
        options: DressOptions,
        *,
        mask: Any = None,
        on_progress: Callable[[str, int, int], None],
    ) -> FakePlan:
        on_progress("mask", 0, 0)
        self.masks.append(mask)
        area = Image.new("L", person.photo.size)
        area.paste(255, (20, 30, area.width - 20, area.height - 20))
        if isinstance(mask, Image.Image):
            area = mask
        return FakePlan(person, garment, options, area, person.photo)

    def paint(
        self,
        plans: Sequence[FakePlan],
        *,
        on_progress: Callable[[str, int, int], None],
        on_preview: Callable[[int, Image.Image], None],
    ) -> list[Image.Image]:
        self.threads.add(threading.get_ident())
        self.batches.append(len(plans))
        for step in range(2):
            on_progress("denoise", step + 1, 2)
            for place, plan in enumerate(plans):
                on_preview(place, Image.new("RGB", (4, 5), (mark(plan)[0], 0, step)))
            time.sleep(self.pause)
            self.during()
        return [Image.new("RGB", (8, 8), mark(plan)) for plan in plans]

    def finish(self, plan: FakePlan, painted: Image.Image) -> Look:
        image = plan.person.photo.copy()
        image.paste(painted.resize(image.size), mask=plan.mask)
        return Look(
            image=image,
            mask=plan.mask,
            warp=plan.reference,
            skeleton=painted,
            crop=Box(0, 0, *image.size),
            pose=plan.person.pose,
            scores=dict(self.scores),
            seconds={"total": 0.01},
            parameters={**plan.options.as_dict(), "lora": [], "model": self.model},
        )


def mark(plan: FakePlan) -> tuple[int, int, int]:
    """The colour that only this request can have."""
    return (
        plan.person.photo.getpixel((0, 0))[0],
        plan.garment.photo.getpixel((0, 0))[0],
        plan.options.seed % 256,
    )


def flat_body() -> Any:
    ones = np.ones((192, 144), np.float32)
    return SimpleNamespace(uv=np.dstack([ones, ones]) / 2, front=ones, body=ones)
