"""Data sets by their lists of pairs, with perception that knows the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.parsers import BlindParser
from tryon.data.synthetic.sample import Sample
from tryon.errors import GarmentError, ImageNotFoundError, OptionError
from tryon.evaluation import datasets
from tryon.evaluation.datasets import TRY_ON, DatasetEvaluation, evaluate_dataset
from tryon.evaluation.held_out import true_pose
from tryon.evaluation.photographs import PRINTS
from tryon.evaluation.truth import true_atlas, true_body_map
from tryon.perception import Perception
from tryon.pipelines.person.parsing import person_parsing
from tryon.preparation import Garment, Person


@pytest.fixture
def config(tmp_path: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> DatasetEvaluation:
    """One person in the new garment, and one garment that is none, in VITON-HD's folders."""
    for kind in ("image", "cloth"):
        (tmp_path / "test" / kind).mkdir(parents=True)
    for name in ("1.png", "2.png"):
        Image.fromarray(sample.other.image).save(tmp_path / "test" / "image" / name)
        Image.fromarray(sample.new_garment.photo.image).save(tmp_path / "test" / "cloth" / name)
    (tmp_path / "test_pairs.txt").write_text("1.png 2.png\n2.png 1.png\n")

    def prepared_person(perception, image, key, clock, path):  # type: ignore[no-untyped-def]
        pose, outline = true_pose(sample), sample.other.silhouette.astype(np.float32)
        parsing = person_parsing(image, pose, outline, BlindParser())
        return Person(image, pose, outline, parsing, true_body_map(sample), key, path)

    def prepared_garment(perception, cutout, key, category, kind, path):  # type: ignore[no-untyped-def]
        assert (category, kind) == ("upper", "flat-lay")
        if path.stem == "2":
            raise GarmentError("not a garment")
        return Garment(cutout.convert("RGB"), "upper", true_atlas(sample.new_garment), key)

    monkeypatch.setattr(datasets, "prepared_person", prepared_person)
    monkeypatch.setattr(datasets, "prepared_garment", prepared_garment)
    return DatasetEvaluation(tmp_path, "vitonhd", methods=("warp", "unchanged"), printed=5)


def test_paired_pictures_are_compared_with_the_photo(
    config: DatasetEvaluation, perception: Perception
) -> None:
    cases = []
    report = evaluate_dataset(config, perception=perception, on_case=lambda *c: cases.append(c))
    found = report.table(TRY_ON).averages()
    assert found["upper", "unchanged"]["delta_e"].value == 0
    assert 15 < found["upper", "warp"]["psnr"].value < 60
    assert cases == [("1-1", 0, 2), ("2-2", 1, 2)]
    assert [(f.case, f.error) for f in report.failures] == [("2-2", "GarmentError: not a garment")]
    assert report.as_dict()["config"]["root"] == config.root.name


def test_unpaired_pictures_have_no_truth(config: DatasetEvaluation, perception: Perception) -> None:
    report = evaluate_dataset(replace(config, pairing="unpaired"), perception=perception)
    assert [table.title for table in report.tables] == [PRINTS]
    assert [row.case for row in report.tables[0].rows[:2]] == ["2-1", "2-1"]


def test_only_so_many_pairs_are_taken(config: DatasetEvaluation, tmp_path: Path) -> None:
    assert len(list(config.pairs())) == 2
    assert len(list(replace(config, count=1).pairs())) == 1
    assert len(list(replace(config, count=0).pairs())) == 2
    (tmp_path / "test_pairs.txt").write_text("")
    with pytest.raises(ImageNotFoundError, match="no pairs"):
        evaluate_dataset(config)


def test_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="synthetic"):
        DatasetEvaluation(tmp_path, "vitonhd", methods=("true-warp",))
    with pytest.raises(OptionError, match="upper"):
        DatasetEvaluation(tmp_path, "vitonhd", categories=("dress",))
    with pytest.raises(OptionError, match="count"):
        DatasetEvaluation(tmp_path, "dresscode", count=-1)
