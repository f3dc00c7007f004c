from __future__ import annotations

from pathlib import Path

import pytest

from tryon.digests import check_sha256, note_files, noted_digests, sha256
from tryon.errors import WeightsCorruptError


def test_a_wrong_sha256_is_named(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"1")
    check_sha256(file, sha256(file))
    file.write_bytes(b"2")
    with pytest.raises(WeightsCorruptError, match=r"weights\.safetensors"):
        check_sha256(file, sha256(Path(__file__)))


def test_notes_grow_and_are_by_path_below_the_root(tmp_path: Path) -> None:
    assert noted_digests(tmp_path) == {}
    (tmp_path / "a").mkdir()
    for name in ("a/x.bin", "y.bin", "z.txt"):
        (tmp_path / name).write_text(name)
    note_files(tmp_path, ("**/*.bin",))
    (tmp_path / "y.bin").write_text("changed")
    note_files(tmp_path, ("y.bin", "*.txt"))
    assert noted_digests(tmp_path) == {
        name: sha256(tmp_path / name) for name in ("a/x.bin", "y.bin", "z.txt")
    }
    assert not list(tmp_path.glob("*.tmp"))
