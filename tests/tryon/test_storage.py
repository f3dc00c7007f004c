"""Stores keep their two promises on every kind of file system that can be tried here."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tryon.errors import DependencyError, OptionError, OutputError
from tryon.storage import Store


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return Store(f"memory://{uuid4().hex}")
    return Store(tmp_path / "store")


def test_what_is_written_is_read_listed_and_deleted(store: Store) -> None:
    store.create("a/photos/x.jpg", b"x")
    store.create("a/record.toml", b"r")
    assert store.read("a/photos/x.jpg") == b"x"
    assert store.names() == ["a"]
    assert store.names("a") == ["photos", "record.toml"]
    assert store.below() == ["a/photos/x.jpg", "a/record.toml"]
    assert store.read_many(["a/record.toml", "a/gone"]) == {"a/record.toml": b"r"}
    store.delete("a/record.toml")
    store.delete("a/record.toml")
    assert store.names("a") == ["photos"]
    with pytest.raises(FileNotFoundError):
        store.read("a/record.toml")


def test_a_store_that_is_not_there_yet_is_empty(store: Store) -> None:
    assert store.names() == store.names("a") == store.below() == []


def test_an_existing_file_is_never_overwritten(store: Store) -> None:
    store.create("a/x", b"first")
    with pytest.raises(FileExistsError):
        store.create("a/x", b"second")
    assert store.read("a/x") == b"first"
    assert store.names("a") == ["x"]


def test_of_many_writers_one_succeeds(store: Store) -> None:
    def write(number: int) -> bool:
        try:
            store.create("a/x", bytes([number]) * 100_000)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert store.read("a/x") == bytes([won.index(True)]) * 100_000


def test_a_local_file_is_the_store_s_own_or_a_copy(store: Store, tmp_path: Path) -> None:
    store.create("a/x", b"content")
    file = store.local_file("a/x", tmp_path / "cache")
    assert file.read_bytes() == b"content"
    assert (tmp_path / "cache" in file.parents) is not store.is_local
    assert store.local_file("a/x", tmp_path / "cache") == file


@pytest.mark.parametrize("url", ["http://x/y", "ftp://x", "zip::memory://x", "simplecache::s3://x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(OptionError, match="not a store"):
        Store(url)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(DependencyError, match="s3fs"):
        Store("s3://bucket/x")


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, not a folder")
    with pytest.raises(OutputError, match="store"):
        Store(tmp_path / "store").create("a/x", b"")
