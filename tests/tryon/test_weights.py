from __future__ import annotations

from pathlib import Path

import pytest

from tryon import weights
from tryon.digests import note_files
from tryon.errors import OptionError, WeightsMissingError
from tryon.weights import FAMILIES, Weight, family_folders, family_weights, local_folder, verify


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache in a temporary folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def put(hub: Path, source: str, files: dict[str, bytes], commit: str = "c" * 40) -> Path:
    """Lay files into a hub cache the way huggingface_hub does."""
    root = hub / f"models--{source.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    for name, data in files.items():
        file = root / "snapshots" / commit / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root / "snapshots" / commit


def test_every_row_says_where_it_comes_from_and_under_which_licence() -> None:
    for rows in FAMILIES.values():
        roles = [row.role for row in rows]
        assert len(set(roles)) == len(roles)
        assert "base" in roles
        for row in rows:
            assert row.source and row.revision and row.licence and row.files
            assert row.gigabytes > 0


def test_everything_listed_may_be_used_commercially() -> None:
    assert all(row.commercial for rows in weights.TABLE.values() for row in rows)


@pytest.mark.parametrize("name", ["mini", "perception"])
def test_what_ships_is_whole(name: str) -> None:
    states = {path.name: state for _, path, state in verify(name)}
    assert set(states.values()) == {"ok"}


def test_missing_weights_are_listed_with_licence_size_and_command(hub: Path) -> None:
    with pytest.raises(WeightsMissingError) as raised:
        family_folders("sd15")
    message = str(raised.value)
    for row in FAMILIES["sd15"]:
        assert row.source in message
        assert row.licence in message
        assert f"{row.gigabytes:g} GB" in message
    assert "tryon weights fetch sd15" in message


def test_an_incomplete_download_is_missing(hub: Path) -> None:
    row = Weight("pose", "a/b", "main", ("config.json", "x.safetensors"), "MIT", True, 1.0)
    put(hub, "a/b", {"config.json": b"{}"})
    assert local_folder(row) is None


def test_a_complete_download_is_found(hub: Path) -> None:
    row = Weight("pose", "a/b", "main", ("config.json", "x.safetensors"), "MIT", True, 1.0)
    snapshot = put(hub, "a/b", {"config.json": b"{}", "x.safetensors": b"1"})
    assert local_folder(row) == snapshot


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(OptionError, match=r"'sd16'.*mini, sd15, sdxl"):
        family_weights("sd16")


def overriding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "weights.toml").write_text(text)
    monkeypatch.setenv(weights.TABLE_VARIABLE, str(tmp_path / "weights.toml"))


def test_sources_can_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overriding(tmp_path, monkeypatch, '[sd15.base]\nsource = "shop/base"\nfiles = ["a", "b"]\n')
    (base, *others) = family_weights("sd15")
    assert (base.source, base.files) == ("shop/base", ("a", "b"))
    assert tuple(others) == FAMILIES["sd15"][1:]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[sd16.base]\nsource = 'x'", "sd16"),
        ("[sd15.hat]\nsource = 'x'", "hat"),
        ("[sd15.base]\nsauce = 'x'", "sauce"),
        ("[sd15.base]\nrole = 'pose'", "role"),
        ("[sd15", "TOML"),
    ],
)
def test_a_wrong_replacement_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    overriding(tmp_path, monkeypatch, text)
    with pytest.raises(OptionError, match=named):
        family_weights("sd15")


def test_verify_tells_changed_files_from_whole_ones(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Weight("base", "a/b", "main", ("*.safetensors",), "MIT", True, 1.0)
    monkeypatch.setattr(weights, "TABLE", {"toy": (row,)})
    snapshot = put(hub, "a/b", {"x.safetensors": b"1", "y.safetensors": b"2"})
    assert [state for _, _, state in verify("toy")] == ["unknown", "unknown"]
    note_files(snapshot, row.files)
    assert [state for _, _, state in verify("toy")] == ["ok", "ok"]
    (snapshot / "y.safetensors").write_bytes(b"3")
    assert [(path.name, state) for _, path, state in verify("toy")] == [
        ("x.safetensors", "ok"),
        ("y.safetensors", "changed"),
    ]


def test_fetch_notes_what_came(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Weight("base", "a/b", "main", ("*.safetensors",), "MIT", True, 1.0)
    monkeypatch.setattr(weights, "TABLE", {"toy": (row,)})
    snapshot = put(hub, "a/b", {"x.safetensors": b"1"})
    monkeypatch.setattr(weights, "_snapshot", lambda weight, local_only: snapshot)
    seen: list[Weight] = []
    assert weights.fetch("toy", on_file=seen.append) == {"base": snapshot}
    assert seen == [row]
    assert [state for _, _, state in verify("toy")] == ["ok"]
