from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tryon.data.folder import open_folder
from tryon.data.synthetic import writer
from tryon.data.synthetic.scene import render_sample
from tryon.data.synthetic.writer import write_folder
from tryon.errors import ImageError, ImageNotFoundError, InputError

SIZE = (96, 72)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("samples"), [3, 4], SIZE, worn_photos=True)


def test_what_was_written_is_read_back(folder: Path) -> None:
    opened, sample = open_folder(folder), render_sample(4, SIZE, worn_photos=True)
    assert opened.size == SIZE and len(opened) == 2
    files = opened[1]
    assert files.category == sample.category
    assert files.captions == (sample.caption, sample.garment.caption, sample.new_garment.caption)
    assert files.labels == (sample.garment.label, sample.new_garment.label)
    assert (np.asarray(files.image("person")) == sample.person.image).all()
    assert (np.asarray(files.image("garment")) == sample.garment.photo.image).all()
    assert ((np.asarray(files.image("agnostic")) == 255) == sample.agnostic).all()
    truth = files.truth()
    assert np.abs(truth["uv"] - sample.person.surface.uv).max() < 1e-3
    assert (truth["other_clothes"] == sample.other.clothes).all()
    assert (truth["keypoints"] == sample.keypoints).all()
    assert sample.garment.worn is not None
    assert (truth["garment_worn_mask"] == sample.garment.worn.mask).all()
    assert [s.name for s in opened] == ["00000003", "00000004"]


def test_a_stopped_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, [1], SIZE)
    (tmp_path / ".00000002.123").mkdir()  # what a killed run leaves
    rendered: list[int] = []

    def counted(seed: int, *args: object, **options: object):  # type: ignore[no-untyped-def]
        rendered.append(seed)
        return render_sample(seed, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "render_sample", counted)
    seen: list[int] = []
    write_folder(tmp_path, [1, 2], SIZE, progress=seen.append)
    assert rendered == [2] and seen == [1, 2]
    assert open_folder(tmp_path).names == ("00000001", "00000002")


def test_one_folder_has_one_size(folder: Path) -> None:
    with pytest.raises(InputError, match="size"):
        write_folder(folder, [5], (128, 96))


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder of samples"):
        open_folder(tmp_path)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"layout": "other"}))
    with pytest.raises(InputError, match="'other'"):
        open_folder(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        open_folder(tmp_path)


def test_missing_and_broken_pictures_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path, [1], SIZE)
    files = open_folder(tmp_path)[0]
    with pytest.raises(ImageNotFoundError, match="garment_worn"):
        files.image("garment_worn")
    (files.folder / "person.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="person.png"):
        files.image("person")
