from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tryon import TryOn
from tryon.batch.job import BatchOptions, Job
from tryon.batch.outputs import Outputs
from tryon.batch.prepared import PreparedCache
from tryon.batch.worker import Worker
from tryon.preparation import Garment, Person


@pytest.fixture(scope="module")
def engine() -> TryOn:
    return TryOn("none")


def opener(path: Path) -> Any:
    @contextmanager
    def opened() -> Iterator[Path]:
        yield path

    return opened


def never(file: Path) -> Any:
    raise AssertionError("looked at again")


def assert_same(one: Any, other: Any, name: str = "") -> None:
    """Equal down to the last bit of the last array, and of the same types."""
    assert type(one) is type(other), name
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            inner = f"{name}.{field.name}"
            assert_same(getattr(one, field.name), getattr(other, field.name), inner)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), name
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{name}[{i}]")
    elif isinstance(one, dict):
        assert list(one) == list(other), name
        for key in one:
            assert_same(one[key], other[key], f"{name}[{key}]")
    elif isinstance(one, Image.Image):
        assert (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())
    else:
        assert one == other, name


def test_a_person_comes_back_from_disk_bit_by_bit(
    engine: TryOn, astronaut: Path, tmp_path: Path
) -> None:
    first: Person = PreparedCache(tmp_path).person("k", opener(astronaut), engine.prepare_person)
    again = PreparedCache(tmp_path).person("k", opener(astronaut), never)
    assert isinstance(again, Person)
    assert_same(first, again)
    assert [file.name for file in tmp_path.iterdir()] == ["person-k.safetensors"]


def test_a_garment_comes_back_from_disk_bit_by_bit(
    engine: TryOn, shirt: Path, tmp_path: Path
) -> None:
    first: Garment = PreparedCache(tmp_path).garment("k", opener(shirt), engine.prepare_garment)
    again = PreparedCache(tmp_path).garment("k", opener(shirt), never)
    assert isinstance(again, Garment)
    assert_same(first, again)


def test_a_damaged_file_is_made_again(engine: TryOn, shirt: Path, tmp_path: Path) -> None:
    PreparedCache(tmp_path).garment("k", opener(shirt), engine.prepare_garment)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    garment = PreparedCache(tmp_path).garment("k", opener(shirt), engine.prepare_garment)
    assert isinstance(garment, Garment)
    assert file.read_bytes() == whole


def test_the_oldest_files_go_first(engine: TryOn, shirt: Path, tmp_path: Path) -> None:
    import os

    old = tmp_path / "person-old.safetensors"
    old.write_bytes(b"x" * 1000)
    os.utime(old, (0, 0))
    cache = PreparedCache(tmp_path, max_bytes=50_000_000)
    cache.garment("a", opener(shirt), engine.prepare_garment)
    assert old.exists()
    PreparedCache(tmp_path, max_bytes=1).garment("b", opener(shirt), engine.prepare_garment)
    assert not list(tmp_path.iterdir())


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    cache = PreparedCache(None)
    assert cache.person("k", opener(tmp_path), lambda file: "somebody") == "somebody"
    assert cache.person("k", opener(tmp_path), never) == "somebody"


def test_a_worker_keeps_what_the_image_encoder_says(tmp_path: Path) -> None:
    class Family:
        def keep_image_embeddings(self, folder: Path, revision: str) -> None:
            kept.append((folder, revision))

    class Source:
        revision = "r1"

        def open(self, number: int) -> SimpleNamespace:
            return SimpleNamespace(family=Family())

    kept: list[tuple[Path, str]] = []
    job = Job(Source(), "r1", Outputs(tmp_path), BatchOptions(), None)  # type: ignore[arg-type]
    worker = Worker(job)
    worker.engine()
    worker.engine()
    assert kept == [(job.cache_folder, "r1")]
