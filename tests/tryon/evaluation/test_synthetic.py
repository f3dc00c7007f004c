from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tryon.data.synthetic.sample import Sample
from tryon.engine import TryOn
from tryon.errors import NoGarmentError, OptionError
from tryon.evaluation import methods, synthetic, synthetic_case
from tryon.evaluation.methods import METHODS, PREVIEWS, picture_of
from tryon.evaluation.metrics import psnr
from tryon.evaluation.synthetic import (
    BODY_MAP,
    PLACEMENT,
    REPAINTING,
    TRY_ON,
    SyntheticEvaluation,
    evaluate_synthetic,
    try_on_rows,
)
from tryon.perception import Perception

CONFIG = SyntheticEvaluation(count=1, methods=(*PREVIEWS, "true-warp"), pose=True)


def test_the_warp_beats_doing_nothing(sample: Sample, perception: Perception) -> None:
    report = evaluate_synthetic(CONFIG, perception=perception, samples=[sample])
    assert report.failures == ()
    found = report.table(TRY_ON).averages()
    assert {method for _, method in found} == set(CONFIG.methods)
    for measure, sign in (("psnr", 1), ("delta_e", -1)):
        warped, unchanged = (found["upper", name][measure].value for name in ("warp", "unchanged"))
        assert sign * (warped - unchanged) > 0
    assert found["upper", "warp"] == found["upper", "true-warp"]  # here both know the truth
    assert found["all", "warp"] == found["upper", "warp"]
    assert found["upper", "warp"]["pose"].value == 0
    assert found["upper", "warp"]["missed"].value == 0


def test_what_is_measured_is_the_new_garment_of_the_truth(
    sample: Sample, perception: Perception
) -> None:
    report = evaluate_synthetic(CONFIG, perception=perception, samples=[sample])
    garment = sample.other.clothes == sample.new_garment.label
    expected = psnr(sample.person.image, sample.other.image, garment)
    (row,) = (row for row in report.table(TRY_ON).rows[:5] if row.method == "unchanged")
    assert row.values["psnr"] == expected
    assert row.case == str(sample.seed)


def test_maps_are_measured_beside(sample: Sample, perception: Perception) -> None:
    report = evaluate_synthetic(CONFIG, perception=perception, samples=[sample])
    body = report.table(BODY_MAP).averages()
    assert body["upper", "noisy"]["part"].value > 0.99
    placed = report.table(PLACEMENT).averages()["upper", "flat-lay"]
    assert placed["uv_median"].count == 2
    assert placed["iou"].value > 0.8
    assert 0 <= placed["category"].value <= 1  # of a fake net's glance
    bare = evaluate_synthetic(replace(CONFIG, maps=False), perception=perception, samples=[sample])
    assert [table.title for table in bare.tables] == [TRY_ON]


def test_what_cannot_be_dressed_is_a_failure(
    sample: Sample, perception: Perception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(net: object, image: object) -> None:
        raise NoGarmentError("nothing there")

    monkeypatch.setattr(synthetic_case, "garment_cutout", lost)
    config = replace(CONFIG, maps=False)
    report = evaluate_synthetic(config, perception=perception, samples=[sample])
    assert report.tables == ()
    assert [(f.case, f.method) for f in report.failures] == [(str(sample.seed), "all")]
    assert "nothing there" in report.failures[0].error


def test_a_sample_that_one_method_fails_on_counts_for_none(
    sample: Sample, perception: Perception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> None:
        raise NoGarmentError("torn")

    monkeypatch.setattr(methods, "thin_plate", torn)
    config = replace(CONFIG, maps=False, pose=False)
    report = evaluate_synthetic(config, perception=perception, samples=[sample])
    assert [failure.method for failure in report.failures] == ["thin-plate"]
    assert report.tables == ()


@pytest.fixture(scope="module")
def engine(tiny_family: Path) -> TryOn:
    return TryOn(tiny_family)


def test_ablations_change_what_they_take_away(
    sample: Sample, perception: Perception, engine: TryOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = synthetic_case.synthetic_case(sample, replace(CONFIG, area="true"), perception)
    painted = []

    def paint(plans, **_):  # type: ignore[no-untyped-def]
        painted.extend(plans)
        return [plan.sample.image for plan in plans]

    monkeypatch.setattr(engine, "paint", paint, raising=False)
    for name, method in METHODS.items():
        if method.model:
            picture = picture_of(name, case, engine)
            assert picture.shape == sample.person.image.shape
    plans = dict(zip((n for n, m in METHODS.items() if m.model), painted, strict=True))
    full = plans["full"]
    assert sample.new_garment.caption in full.sample.prompt
    assert full.sample.warp is not None
    assert full.settings.control_scale > 0 < full.settings.image_scale
    assert plans["no-pose"].settings.control_scale == 0
    assert plans["no-image"].settings.image_scale == 0
    assert plans["no-text"].sample.prompt == ""
    assert plans["no-warp"].sample.warp is None
    both = plans["no-warp-no-pose"]
    assert both.sample.warp is None
    assert both.settings.control_scale == 0
    assert (np.asarray(full.mask) > 0).sum() == sample.agnostic.sum()


def test_the_whole_stack_runs(sample: Sample, perception: Perception, engine: TryOn) -> None:
    config = replace(CONFIG, methods=("warp", "full"), maps=False, pose=False)
    report = evaluate_synthetic(config, perception=perception, engine=engine, samples=[sample])
    assert report.failures == ()
    assert ("upper", "full") in report.table(TRY_ON).averages()


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": ("wrap",)},
        {"count": 0},
        {"categories": ("hat",)},
        {"people": "some"},
        {"words": "no"},
    ],
)
def test_wrong_configurations_are_named(wrong: dict) -> None:
    with pytest.raises(OptionError):
        SyntheticEvaluation(**wrong)


def test_words_of_the_cut_alone_are_silent_about_colours(
    sample: Sample, perception: Perception
) -> None:
    garment = sample.new_garment
    told = synthetic_case.synthetic_case(sample, replace(CONFIG, words="cut"), perception).words
    assert told is not None and told != garment.caption
    assert garment.name in told and set(told.split()) < set(
        garment.caption.replace(",", "").split()
    )


def test_a_box_hides_the_outline(sample: Sample, perception: Perception) -> None:
    case = synthetic_case.synthetic_case(sample, replace(CONFIG, area="box"), perception)
    assert case.area is not None
    area = np.asarray(case.area) > 0
    rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    assert area.sum() == len(rows) * len(columns) > sample.agnostic.sum()
    assert area[sample.agnostic].all()


def test_limbs_are_judged_by_the_true_picture(
    sample: Sample, perception: Perception, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def quarter(picture, **known):  # type: ignore[no-untyped-def]
        seen.update(known)
        return 0.25

    monkeypatch.setattr(synthetic, "limbs_mistaken", quarter)
    config = replace(CONFIG, maps=False, pose=False, methods=("unchanged",))
    (row,) = try_on_rows(sample, config, perception, None, [])
    assert row.values["limbs"] == 25
    assert (seen["garment"] == (sample.other.clothes == sample.new_garment.label)).all()
    assert seen["skin"].any() and not (seen["skin"] & seen["garment"]).any()
    assert (seen["truth"] == sample.other.image).all()


def test_the_mask_is_measured_beside(sample: Sample, perception: Perception) -> None:
    report = evaluate_synthetic(CONFIG, perception=perception, samples=[sample])
    found = report.table(REPAINTING).averages()["upper", "own"]
    assert found["old"].value < 5
    assert found["other"].value < 50
