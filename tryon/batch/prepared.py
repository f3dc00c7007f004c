"""Prepared people and garments by content: the latest in memory, all of them on disk.

A photo is looked at once per job, however often it is worn and however often the job is begun
again; what a photo cannot be used for is remembered as well, in memory.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from tryon.batch.archive import read_archive, write_archive
from tryon.errors import InputError
from tryon.images import load_image
from tryon.pipelines.recent import Recent

logger = logging.getLogger(__name__)
OpenFile = Callable[[], AbstractContextManager[Path]]
_LEFT_OUT = {"Person": ("photo", "path")}  # what an archive of this kind does without


class PreparedCache:
    """What photos show, in memory and below `folder` (None: in memory alone).

    people, garments: how many of each stay in memory; a person of a 768 x 1024 photo takes 15 MB.
    max_bytes: of the files; the oldest go first.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        people: int = 12,
        garments: int = 64,
        max_bytes: int = 8 << 30,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._people: Recent[Any] = Recent(people, keep=InputError)
        self._garments: Recent[Any] = Recent(garments, keep=InputError)
        self._writes = 0

    def person(self, key: str, source: OpenFile, prepare: Callable[[Path], Any]) -> Any:
        """The person in the photo that `source` opens; key: all that the outcome depends on.

        The photo itself is not kept on disk but read from its source.
        """

        def compute() -> Any:
            with source() as photo:
                return self._kept(
                    f"person-{key}",
                    "Person",
                    lambda: prepare(photo),
                    lambda: {"photo": load_image(photo), "path": photo},
                )

        return self._people.get(key, compute)

    def garment(self, key: str, source: OpenFile, prepare: Callable[[Path], Any]) -> Any:
        """The garment in the photo that `source` opens; key: all that the outcome depends on."""

        def prepared() -> Any:
            with source() as photo:
                return prepare(photo)

        return self._garments.get(key, lambda: self._kept(f"garment-{key}", "Garment", prepared))

    def remembered(self, key: Hashable, prepare: Callable[[], Any]) -> Any:
        """A garment that a catalogue keeps in its own way: in memory alone."""
        return self._garments.get(key, prepare)

    def _kept(
        self,
        name: str,
        kind: Literal["Person", "Garment"],
        prepare: Callable[[], Any],
        left_out: Callable[[], dict[str, Any]] = dict,
    ) -> Any:
        """What lies on disk under this name, or what `prepare` returns, which then lies there."""
        if self.folder is None:
            return prepare()
        file = self.folder / f"{name}.safetensors"
        if file.is_file():
            values = left_out()  # an unusable photo is not the archive's fault
            try:
                return read_archive(_class(kind), file, **values)
            except Exception as error:
                logger.warning("%s is made again: %s", file, error)
        value = prepare()
        if type(value).__name__ == kind:  # and not what another engine makes of photos
            self._write(value, file, _LEFT_OUT.get(kind, ()))
        return value

    def _write(self, value: Any, file: Path, leave_out: tuple[str, ...]) -> None:
        unfinished = file.with_name(f".{uuid4().hex}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_archive(value, unfinished, leave_out=leave_out)
            os.replace(unfinished, file)
        except Exception as error:  # a full disk, say: the batch does without
            logger.warning("%s is not kept: %s", file, error)
            unfinished.unlink(missing_ok=True)
            return
        self._writes += 1
        if self._writes % 32 == 1:
            self._sweep(file.parent)

    def _sweep(self, folder: Path) -> None:
        """Delete the oldest files while there are more than `max_bytes`."""
        files = []
        for file in folder.iterdir():
            try:
                found = file.stat()
            except FileNotFoundError:  # another worker was faster
                continue
            files.append((found.st_mtime, found.st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files, key=lambda item: item[0]):
            if total <= self.max_bytes:
                return
            file.unlink(missing_ok=True)
            total -= size


def _class(name: str) -> type[Any]:
    import tryon.preparation  # not before it is needed: it loads torch

    kind: type[Any] = getattr(tryon.preparation, name)
    return kind
