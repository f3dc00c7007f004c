"""Where results go: a picture first, its sidecar last. The sidecar is what says "done".

    OUT/
      looks/3f/model-7__shirt.0c9a66e1f2b84d77.jpg    named after all that it was made from
      looks/3f/model-7__shirt.0c9a66e1f2b84d77.json   the sidecar
      runs/0001.jsonl           the ledger of the first run: one line for every row
      errors.jsonl              the rows that failed in the last run: a manifest
      summary.json, contact-sheet.html

Both files are written under another name and renamed, so a job can be killed at any moment: what
has a sidecar is whole, and anything else is made again under the same name.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any
from uuid import uuid4

from fsspec.core import url_to_fs

from tryon.errors import OptionError, OutputError, OutputFullError
from tryon.storage import check_url

UNFINISHED = ".unfinished"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
Fill = Callable[[Path], object]
"""Writes a file at this path of this machine."""


class Outputs:
    """A folder for results, on this machine or in a store. Can be sent to other processes.

    local: a folder of this machine for what is not a result: the output folder itself if it is on
    this machine, else a temporary one.

    Raises OptionError for another kind of place.
    """

    def __init__(self, url: str | PathLike[str]) -> None:
        self.url = os.fspath(url)
        self.is_local = check_url(self.url) == "file"
        try:
            self._store, self._root = url_to_fs(self.url)
        except ImportError as error:
            raise OptionError(
                f"this store needs another package ({error})",
                path=self.url,
                remedy="Install s3fs, gcsfs or adlfs.",
            ) from error
        self.local = Path(self._root) if self.is_local else Path(mkdtemp(prefix="tryon-batch-"))

    def __reduce__(self) -> tuple[type[Outputs], tuple[str]]:
        return Outputs, (self.url,)

    def start(self) -> None:
        """Make the folder. Raises OutputFullError."""
        with full_told(self.url):
            self.local.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Take away what a killed run left half-written. Only for the one run that may write."""
        shutil.rmtree(self.local / UNFINISHED, ignore_errors=True)

    def finish(self) -> None:
        """Leave nothing behind that is not a result."""
        self.sweep()
        if not self.is_local:
            shutil.rmtree(self.local, ignore_errors=True)

    def committed(self, base: str, key: str) -> dict[str, Any] | None:
        """The sidecar of a picture that is there whole and made from this, or None.

        base: the picture's path below the folder of pictures, without extension. key: stands for
        all that it is made from. Raises OSError.
        """
        try:
            sidecar = json.loads(self._store.cat_file(self._full(_sidecar(base))))
            if sidecar["key"] != key:
                return None
            size = self._size(sidecar["image"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return sidecar if size == sidecar["bytes"] else None

    def commit(self, base: str, suffix: str, fill: Fill, facts: Mapping[str, Any]) -> str:
        """Write a picture, then its sidecar: `facts` and where and how large the picture is.

        facts: `key` among them. A picture of this name that was made from something else is
        replaced; its sidecar goes first, so that it never speaks of another picture.

        Returns the picture's path below the output folder. Raises OutputFullError when there is no
        space left, else OSError.
        """
        image = f"looks/{base}{suffix}"
        with full_told(self.url), self.unfinished(suffix) as file:
            fill(file)
            sidecar = {**facts, "image": image, "bytes": file.stat().st_size}
            if not base.endswith(facts["key"]):
                self.remove(_sidecar(base))
            self._put(file, image)
        with full_told(self.url), self.unfinished(".json") as file:
            file.write_text(json.dumps(sidecar, sort_keys=True) + "\n", "utf-8")
            self._put(file, _sidecar(base))
        return image

    @contextmanager
    def unfinished(self, suffix: str = "") -> Iterator[Path]:
        """A path that nobody else writes to, and that is gone afterwards."""
        folder = self.local / UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{uuid4().hex}{suffix}"
        try:
            yield file
        finally:
            with suppress(FileNotFoundError):
                file.unlink()

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A result's bytes, or some of them. Raises OSError."""
        content: bytes = self._store.cat_file(self._full(name), start=start, end=end)
        return content

    def next_run(self) -> str:
        """Name of the ledger of the run that begins."""
        with full_told(self.url):
            try:
                found = self._store.ls(self._full("runs"), detail=False)
            except FileNotFoundError:
                found = []
        numbers = [int(n) for name in found if (n := Path(name).stem).isdigit()]
        return f"runs/{max(numbers, default=0) + 1:04d}.jsonl"

    def ledger(self, name: str) -> IO[str]:
        """A file of this machine to be written line by line; `publish` it at the end."""
        path = self.local / name
        with full_told(self.url):
            path.parent.mkdir(parents=True, exist_ok=True)
            return open(path, "w", encoding="utf-8")

    def publish(self, file: Path, name: str) -> str:
        """Give a file of this machine its place among the results; returns its full name."""
        with full_told(self.url):
            if not self.is_local or file != self.local / name:
                self._put(file, name)
        return self.shown(name)

    def remove(self, name: str) -> None:
        """Take a result away that is not true any more."""
        with suppress(FileNotFoundError):
            self._store.rm_file(self._full(name))

    def told(self) -> AbstractContextManager[None]:
        """Turns "no space left" inside into OutputFullError."""
        return full_told(self.url)

    def shown(self, name: str) -> str:
        """The full path or URL of a result."""
        return f"{self.url.rstrip('/')}/{name}"

    def _full(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _size(self, name: str) -> int:
        if self.is_local:
            return os.stat(self._full(name)).st_size
        self._store.invalidate_cache()
        return int(self._store.info(self._full(name))["size"])

    def _put(self, file: Path, name: str) -> None:
        target = self._full(name)
        if not self.is_local:
            self._store.put_file(str(file), target)
            return
        try:
            os.replace(file, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(file, target)


def _sidecar(base: str) -> str:
    return f"looks/{base}.json"


@contextmanager
def full_told(url: str) -> Iterator[None]:
    """Turns "no space left", however wrapped, into OutputFullError."""
    try:
        yield
    except (OSError, OutputError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if getattr(cause, "errno", None) in FULL:
            raise OutputFullError(
                f"no room for results ({getattr(cause, 'strerror', None) or cause})",
                path=url,
                remedy="Free some space and run the same command again: it goes on from here.",
            ) from error
        raise


@contextmanager
def only_run(outputs: Outputs) -> Iterator[None]:
    """Keeps a second run out of the same folder of this machine. Raises OutputError."""
    if not outputs.is_local or os.name == "nt":
        yield
        return
    import fcntl

    with open(outputs.local / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                "another run writes to this folder", path=outputs.url, remedy="Wait for its end."
            ) from error
        yield
