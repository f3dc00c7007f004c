from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.parsers import BlindParser
from tryon.data.synthetic.sample import Sample
from tryon.errors import GarmentError, ImageNotFoundError, OptionError
from tryon.evaluation import photographs
from tryon.evaluation.held_out import true_pose
from tryon.evaluation.photographs import PRINTS, PhotographEvaluation, evaluate_photographs
from tryon.evaluation.truth import true_atlas, true_body_map
from tryon.perception import Perception
from tryon.pipelines.person.parsing import person_parsing
from tryon.preparation import Garment, Person


@pytest.fixture
def config(tmp_path: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> PhotographEvaluation:
    """Two garments, one of them printed all over and one broken, and one person, as files."""
    photo = sample.new_garment.photo
    printed = Image.fromarray(photo.image)
    draw = ImageDraw.Draw(printed)
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(0, (240, 320), (250, 2)):
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.rectangle((x, y, x + rng.integers(6, 20), y + rng.integers(6, 20)), fill=colour)
    (tmp_path / "people").mkdir()
    (tmp_path / "garments").mkdir()
    Image.fromarray(sample.person.image).save(tmp_path / "people" / "person.png")
    printed.save(tmp_path / "garments" / "printed.png")
    Image.new("RGB", (60, 60), "gray").save(tmp_path / "garments" / "broken.png")

    def prepared_person(perception, image, key, clock, path):  # type: ignore[no-untyped-def]
        pose, outline = true_pose(sample), sample.person.silhouette.astype(np.float32)
        parsing = person_parsing(image, pose, outline, BlindParser())
        return Person(image, pose, outline, parsing, true_body_map(sample), key, path)

    def prepared_garment(perception, cutout, key, category, kind, path):  # type: ignore[no-untyped-def]
        if path.stem == "broken":
            raise GarmentError("not a garment")
        image = cutout.convert("RGB")
        shown = replace(photo, image=np.asarray(image))
        return Garment(image, "upper", true_atlas(replace(sample.new_garment, photo=shown)), key)

    monkeypatch.setattr(photographs, "prepared_person", prepared_person)
    monkeypatch.setattr(photographs, "prepared_garment", prepared_garment)
    return PhotographEvaluation(
        tmp_path / "people", tmp_path / "garments", ("warp", "unchanged"), sheet=96, printed=5
    )


def test_the_warp_keeps_the_print_and_the_photo_has_none(
    config: PhotographEvaluation, perception: Perception
) -> None:
    report = evaluate_photographs(config, perception=perception)
    found = report.table(PRINTS).averages()
    assert found["printed", "warp"]["kept"].value > 0.3
    assert found["printed", "unchanged"]["kept"].value < 0.1
    assert (
        found["printed", "warp"]["possible"].value
        == found["printed", "unchanged"]["possible"].value
    )
    assert [(f.case, f.group) for f in report.failures] == [("broken", "garments")]


def test_sheets_have_a_picture_for_each_pair(
    config: PhotographEvaluation, perception: Perception
) -> None:
    report = evaluate_photographs(config, perception=perception)
    assert set(report.pictures) == {"warp.png", "unchanged.png"}
    assert report.pictures["warp.png"].size == (2 * 72, 2 * 96)
    without = evaluate_photographs(replace(config, sheet=0), perception=perception)
    assert without.pictures == {}


def test_garments_can_be_chosen_by_name(
    config: PhotographEvaluation, perception: Perception
) -> None:
    report = evaluate_photographs(replace(config, only=("printed",)), perception=perception)
    assert report.failures == ()


def test_a_garment_with_few_possible_matches_has_no_print(
    config: PhotographEvaluation, perception: Perception
) -> None:
    report = evaluate_photographs(replace(config, printed=10_000), perception=perception)
    assert all(math.isnan(row.values["kept"]) for row in report.table(PRINTS).rows)


def test_a_baseline_without_a_flat_lay_is_a_failure(
    config: PhotographEvaluation, perception: Perception
) -> None:
    """The estimator of this test finds somebody in every photo."""
    report = evaluate_photographs(replace(config, methods=("pasted",)), perception=perception)
    assert "GarmentError" in report.failures[-1].error


def test_an_empty_folder_is_named(
    config: PhotographEvaluation, perception: Perception, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageNotFoundError, match="none"):
        evaluate_photographs(replace(config, people=tmp_path / "none"), perception=perception)


def test_the_truth_of_photographs_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="truth"):
        PhotographEvaluation(tmp_path, tmp_path, ("true-warp",))
