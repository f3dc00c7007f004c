from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from tryon.pipelines.conditioning import ImagePrompts
from tryon.pipelines.family import FamilyConfig, FamilyPaths, load_family

GARMENT = Image.linear_gradient("L").convert("RGB")


@pytest.fixture(scope="module")
def pipeline(tiny_family: Path):  # type: ignore[no-untyped-def]
    paths, config = FamilyPaths.in_folder(tiny_family), FamilyConfig.in_folder(tiny_family)
    return load_family(paths, config, device="cpu", dtype=torch.float32).pipeline


class Blind(ImagePrompts):
    """Cannot compute."""

    def _compute(self, garment: Image.Image):  # type: ignore[no-untyped-def]
        raise AssertionError("computed")


def test_embeddings_are_found_again_on_disk(pipeline, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = ImagePrompts(pipeline)
    first.keep(tmp_path / "kept", "weights 1")
    made = first.embed(GARMENT)
    again = Blind(pipeline)
    again.keep(tmp_path / "kept", "weights 1")
    found = again.embed(GARMENT)
    assert torch.equal(made.positive, found.positive) and torch.equal(made.negative, found.negative)
    assert [file.suffix for file in (tmp_path / "kept").iterdir()] == [".safetensors"]


def test_other_weights_and_other_garments_have_their_own(pipeline, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = ImagePrompts(pipeline)
    first.keep(tmp_path, "weights 1")
    first.embed(GARMENT)
    for revision, garment in (("weights 2", GARMENT), ("weights 1", GARMENT.rotate(90))):
        other = Blind(pipeline)
        other.keep(tmp_path, revision)
        with pytest.raises(AssertionError, match="computed"):
            other.embed(garment)


def test_a_broken_file_is_made_again(pipeline, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prompts = ImagePrompts(pipeline)
    prompts.keep(tmp_path, "weights 1")
    made = prompts.embed(GARMENT)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    again = ImagePrompts(pipeline)
    again.keep(tmp_path, "weights 1")
    assert torch.equal(again.embed(GARMENT).positive, made.positive)
    whole = Blind(pipeline)
    whole.keep(tmp_path, "weights 1")
    assert torch.equal(whole.embed(GARMENT).positive, made.positive)
