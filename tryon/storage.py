"""A folder on this machine or in an object store, through fsspec.

Two promises that stores do not make alike: a file is there whole or not at all, and of two writers
who create the same file, one is told that it exists.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any
from uuid import uuid4

from fsspec.core import url_to_fs

from tryon.errors import DependencyError, OptionError, OutputError

PROTOCOLS = ("file", "memory", "s3", "gs", "az", "abfs")
"""Where a store may be. Chained URLs (`zip::...`) and http are refused."""


class Store:
    """Files below one folder, by their paths relative to it ("linen-042/photos/front.jpg").

    url: a path of this machine, or a URL of one of `PROTOCOLS`.
    options: what fsspec's file system takes, such as credentials or an endpoint.

    Raises OptionError for another kind of URL, DependencyError if the file system's package is not
    installed.
    """

    def __init__(self, url: str | PathLike[str], **options: Any) -> None:
        self.url = os.fspath(url)
        protocol = check_url(self.url)
        try:
            self._fs, root = url_to_fs(self.url, **options)
        except ImportError as error:
            raise DependencyError(
                f"{protocol}:// needs another package ({error})",
                path=self.url,
                remedy="Install s3fs, gcsfs or adlfs.",
            ) from error
        self.is_local = protocol == "file"
        self._root = root.rstrip("/")

    def path(self, name: str) -> str:
        """The full path of a file, to be shown."""
        return f"{self.url.rstrip('/')}/{name}" if name else self.url

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError, or OutputError when the store does not answer.

        Always asks the store: what another process wrote is seen.
        """
        with self._told(name):
            content: bytes = self._fs.cat_file(self._full(name))
            return content

    def create(self, name: str, content: bytes) -> None:
        """Write a new file, whole or not at all.

        Raises FileExistsError if somebody was there first. Of writers at the same time, exactly one
        succeeds: by a hard link on this machine, by a conditional request in object stores.
        """
        full = self._full(name)
        with self._told(name):
            if not self.is_local:
                self._fs.pipe_file(full, content, mode="create")
                return
            self._fs.makedirs(posixpath.dirname(full), exist_ok=True)
            unfinished = f"{posixpath.dirname(full)}/.{uuid4().hex}.tmp"
            try:
                self._fs.pipe_file(unfinished, content)
                os.link(unfinished, full)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)

    def names(self, folder: str = "") -> list[str]:
        """What lies directly in a folder, sorted; nothing if there is no such folder."""
        with self._told(folder):
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(self._full(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted(posixpath.basename(path.rstrip("/")) for path in found)

    def below(self) -> list[str]:
        """Every file of the store, sorted, by one listing."""
        with self._told(""):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._root)
            except FileNotFoundError:
                return []
        start = len(self._root) + 1
        return sorted(path[start:] for path in found)

    def read_many(self, names: list[str]) -> dict[str, bytes]:
        """Files' bytes by name, those that are there; at once where the store can."""
        if not names:
            return {}
        full = {self._full(name): name for name in names}
        with self._told(""):
            found = self._fs.cat(list(full), on_error="omit")
        return {full[path]: content for path, content in found.items()}

    def delete(self, name: str) -> None:
        """Delete a file; it may be gone already."""
        with self._told(name), suppress(FileNotFoundError):
            self._fs.rm_file(self._full(name))

    def local_file(self, name: str, cache: Path) -> Path:
        """A path of this machine with the file's bytes: its own, or a copy below `cache`.

        Copies are kept and not looked at again: only for files that never change.
        """
        if self.is_local:
            return Path(self._full(name))
        copy = cache / name
        if not copy.is_file():
            content = self.read(name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            unfinished = copy.with_name(f".{uuid4().hex}.tmp")
            unfinished.write_bytes(content)
            os.replace(unfinished, copy)
        return copy

    def _full(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Whatever a store raises, but for files that are there or not, as OutputError."""
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            raise OutputError(
                f"the store does not answer as it should ({error or type(error).__name__})",
                path=self.path(name),
                remedy="Check its address, your rights and the connection.",
            ) from error


def check_url(url: str) -> str:
    """The protocol of a store's URL. Raises OptionError unless it is one of `PROTOCOLS`."""
    protocol, separator, _ = url.partition("://")
    if "::" in url or (separator and protocol not in PROTOCOLS):
        raise OptionError(
            "not a store that is used here",
            path=url,
            remedy=f"Give a folder, or a URL with one of: {', '.join(PROTOCOLS)}.",
        )
    return protocol if separator else "file"
