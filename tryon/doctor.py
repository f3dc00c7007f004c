"""What works on this machine, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from tryon.errors import TryOnError
from tryon.weights import FAMILIES, family_folders, verify

State = Literal["ok", "absent", "broken"]
PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "pillow", "ai-edge-litert")
EXTRAS = {
    "OpenPose and DWPose": ("controlnet_aux", "pose"),
    "synthetic people": ("anny", "synthetic"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `absent` parts are optional; `broken` ones are not."""

    what: str
    state: State
    detail: str


def findings() -> Iterator[Finding]:
    """Look at Python, packages, devices, embedded models, families and extras, one by one."""
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.machine()}")
    yield from _packages()
    yield _opencv()
    yield _device()
    yield _perception()
    for name in FAMILIES:
        yield _family(name)
    for what, (module, extra) in EXTRAS.items():
        here = importlib.util.find_spec(module) is not None
        yield (
            Finding(what, "ok", "")
            if here
            else Finding(what, "absent", f"pip install 'tryon[{extra}]'")
        )


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "broken", f"pip install {name}")


def _opencv() -> Finding:
    """Two wheels of OpenCV write over each other's files, and break in odd places."""
    wheels = []
    for name in ("opencv-python", "opencv-contrib-python", "opencv-python-headless"):
        try:
            wheels.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    if len(wheels) == 1:
        return Finding("OpenCV", "ok", wheels[0])
    return Finding(
        "OpenCV",
        "broken",
        f"{' and '.join(wheels) or 'none'} installed: keep opencv-python-headless alone",
    )


def _device() -> Finding:
    from tryon.device import choose_device, choose_dtype

    device = choose_device()
    dtype = str(choose_dtype(None, device, 0)).removeprefix("torch.")
    detail = f"{device}, {dtype}"
    if device.type == "cpu":
        detail += "; mini works well here, sd15 and sdxl want a GPU"
    return Finding("device", "ok", detail)


def _perception() -> Finding:
    from tryon.perception import load_perception

    try:
        load_perception()
    except TryOnError as error:
        return Finding("pose and silhouette", "broken", str(error))
    return Finding("pose and silhouette", "ok", "BlazePose and selfie segmentation, embedded")


def _family(name: str) -> Finding:
    try:
        folders = family_folders(name)
        changed = [path for _, path, state in verify(name) if state == "changed"]
    except TryOnError as error:
        embedded = all(weight.source == "embedded" for weight in FAMILIES[name])
        return Finding(f"family {name}", "broken" if embedded else "absent", str(error))
    if changed:
        return Finding(f"family {name}", "broken", f"{changed[0]} is not what it was")
    return Finding(f"family {name}", "ok", ", ".join(folders))
