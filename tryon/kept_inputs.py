"""Nothing that is read may be written over: outputs are compared with inputs, links resolved."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from tryon.errors import OutputError

AnyPath = str | PathLike[str]


def check_inputs_kept(outputs: Iterable[AnyPath], inputs: Iterable[AnyPath | None]) -> None:
    """Raise OutputError if one of the outputs is one of the inputs, under whatever name."""
    kept = {_identity(path): path for path in inputs if path is not None}
    for output in outputs:
        if (known := kept.get(_identity(output))) is not None:
            raise OutputError(
                f"this would write over the input {os.fspath(known)}",
                path=output,
                remedy="Choose another name for the output.",
            )


def check_folder_kept(folder: AnyPath, inputs: Iterable[AnyPath | None]) -> None:
    """Raise OutputError if an input lies in a folder whose files get names of our choosing."""
    place = os.path.realpath(folder)
    for path in inputs:
        if path is not None and os.path.dirname(os.path.realpath(path)) == place:
            raise OutputError(
                f"the input {os.fspath(path)} lies in this folder, and might be written over",
                path=folder,
                remedy="Choose another folder for the output.",
            )


def check_writable(output: AnyPath) -> None:
    """Raise OutputError unless a file could be written there, folders being made where needed."""
    path = Path(output)
    if path.is_dir():
        raise OutputError("this is a folder", path=path, remedy="Give the name of a file.")
    check_folder(path.parent)


def check_folder(folder: AnyPath) -> None:
    """Raise OutputError unless files can be written in a folder, which need not be there yet."""
    place = Path(os.path.abspath(folder))
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputError(
            f"{place} is not a folder", path=folder, remedy="Choose another place for the output."
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(
            f"nothing may be written in {place}", path=folder, remedy="Check its rights."
        )


def _identity(path: AnyPath) -> object:
    """The same for two names of one file: its numbers where it is there (hard links), else its
    path with links resolved, in one case where the file system knows only one."""
    place = os.path.realpath(path)
    try:
        found = os.stat(place)
        return found.st_dev, found.st_ino
    except (OSError, ValueError):
        return os.path.normcase(place)
