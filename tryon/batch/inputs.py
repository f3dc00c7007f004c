"""What rows name: files below one root, or in object stores; nothing else is ever opened."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from fsspec.core import url_to_fs

from tryon.errors import ImageNotFoundError, ImageTooLargeError, OptionError, RowError
from tryon.storage import PROTOCOLS, check_url

PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp")
MAX_BYTES = 512 << 20  # of one file that is fetched
REMOTE = tuple(name for name in PROTOCOLS if name != "file")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_REMEMBERED = 16384


@dataclass(frozen=True, slots=True)
class Location:
    """A file that may be read. shown: as the manifest has it. protocol: of `PROTOCOLS`."""

    shown: str
    protocol: str
    path: str


class Inputs:
    """Reads below `root`: a folder of this machine, or a URL of a store.

    Raises OptionError for a root of another kind, or one that is no folder.
    """

    def __init__(self, root: str | PathLike[str] = ".") -> None:
        self.root = os.fspath(root)
        self._protocol = check_url(self.root)
        if self._protocol == "file":
            self.root = os.path.realpath(self.root.removeprefix("file://"))
            if not os.path.isdir(self.root):
                raise OptionError("the root is not a folder", path=self.root)
        self.locate = lru_cache(_REMEMBERED)(self._located)
        self._digests: dict[tuple[str, Any], str] = {}

    def _located(self, text: str) -> Location:
        """Where a path or URL of a row leads, links followed.

        Raises RowError for whatever is neither below the root nor in a store that is used here.
        """
        if "::" in text:
            raise RowError(f"{text!r} is a chained URL")
        if any(part == ".." for part in re.split(r"[/\\]", text)):
            raise RowError(f"{text!r} climbs out of its folder")
        if scheme := _SCHEME.match(text):
            protocol = scheme[1].lower()
            if protocol not in REMOTE or not text[scheme.end() :].startswith("//"):
                allowed = ", ".join(f"{name}://" for name in REMOTE)
                raise RowError(f"{text!r}: only paths below the root and {allowed} are read")
            return Location(text, protocol, text)
        if self._protocol != "file":
            return Location(text, self._protocol, f"{self.root.rstrip('/')}/{text.lstrip('/')}")
        path = os.path.realpath(os.path.join(self.root, text))
        if os.path.commonpath([path, self.root]) != self.root:
            raise RowError(f"{text!r} is outside the root")
        return Location(text, "file", path)

    def listed(self, pattern: str) -> list[str]:
        """The photos that a folder or a pattern (`people/*.jpg`) stands for, sorted.

        Raises RowError if there are none.
        """
        location = self.locate(pattern)
        store, path = _store(location)
        magic = any(character in path for character in "*?[")
        try:
            found = store.glob(path) if magic else store.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise RowError(f"{pattern!r} cannot be listed ({error.strerror or error})") from error
        names = sorted(name for name in found if name.lower().endswith(PHOTOS))
        if not names:
            raise RowError(f"{pattern!r} finds no photos")
        if location.protocol == "file" or self._protocol != "file":
            _, root = url_to_fs(self.root)
            return [name.removeprefix(root.rstrip("/")).lstrip("/") for name in names]
        return [store.unstrip_protocol(name) for name in names]

    def sha256(self, location: Location) -> str:
        """Of the file's bytes, hex; read again only if size or date have changed.

        Raises ImageNotFoundError, or OSError while a store does not answer.
        """
        known = location.path, self._version(location)
        if known not in self._digests:
            while len(self._digests) >= _REMEMBERED:
                self._digests.pop(next(iter(self._digests)), None)
            with self.local_file(location) as path, open(path, "rb") as file:
                self._digests[known] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[known]

    def _version(self, location: Location) -> Any:
        with _told(location):
            if location.protocol == "file":
                found = os.stat(location.path)
                return found.st_size, found.st_mtime_ns
            store, path = _store(location)
            store.invalidate_cache(path)
            information = store.info(path)
            if int(information.get("size") or 0) > MAX_BYTES:
                raise ImageTooLargeError(
                    f"the file has more than {MAX_BYTES >> 20} MiB", path=location.shown
                )
            return store.ukey(path)

    @contextmanager
    def local_file(self, location: Location) -> Iterator[Path]:
        """A path of this machine to the file: its own, or a copy that is deleted afterwards.

        Raises ImageNotFoundError, or OSError while a store does not answer.
        """
        if location.protocol == "file":
            if not os.path.isfile(location.path):
                with _told(location):
                    raise FileNotFoundError("no such file, or not a regular one")
            yield Path(location.path)
            return
        store, path = _store(location)
        with NamedTemporaryFile(prefix="tryon-", suffix=Path(path).suffix) as copy:
            with _told(location):
                store.get_file(path, copy.name)
            yield Path(copy.name)


def _store(location: Location) -> tuple[Any, str]:
    if location.protocol == "file":
        return url_to_fs(f"file://{location.path}")
    try:
        return url_to_fs(location.path)
    except ImportError as error:
        raise OptionError(
            f"{location.protocol}:// needs another package ({error})",
            path=location.shown,
            remedy="Install s3fs, gcsfs or adlfs.",
        ) from error


@contextmanager
def _told(location: Location) -> Iterator[None]:
    """What is not there, or not for us, is not worth another try; all else may be."""
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise ImageNotFoundError(
            f"the file cannot be read ({getattr(error, 'strerror', None) or error})",
            path=location.shown,
            remedy="Check its path and rights.",
        ) from error
