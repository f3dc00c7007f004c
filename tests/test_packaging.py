"""The wheel holds every package on disk, under the one name `tryon`."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = SETTINGS["tool"]["setuptools"]


def packages_on_disk() -> set[str]:
    found = set()
    for name, folder in SETUPTOOLS["package-dir"].items():
        for init in (ROOT / folder).rglob("__init__.py"):
            below = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join((name, *below)))
    return found


def test_the_package_list_is_what_lies_on_disk() -> None:
    assert packages_on_disk() == set(SETUPTOOLS["packages"])


def test_all_packages_live_below_one_name() -> None:
    assert {name.split(".")[0] for name in SETUPTOOLS["packages"]} == {"tryon"}


def test_the_version_is_said_once_more_and_alike() -> None:
    import tryon

    assert tryon.__version__ == SETTINGS["project"]["version"]


def test_no_photos_or_pickles_are_tracked_among_the_assets() -> None:
    suffixes = {path.suffix for path in (ROOT / "tryon" / "assets").rglob("*") if path.is_file()}
    assert not suffixes & {".pt", ".pth", ".bin", ".ckpt", ".pkl", ".npy"}
