"""Pairs dressed by an engine that lays a drawn garment onto a drawn person."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.tryon.evaluation.test_coverage import person, top
from tryon.errors import ImageNotFoundError, NoPersonError, OptionError
from tryon.evaluation import pairs as module
from tryon.evaluation.pair_report import COVERAGE, DRESSED, PICTURE
from tryon.evaluation.pairs import PairsEvaluation, evaluate_pairs

HEMS = {"right": 300, "long": 340, "short": 200}  # of what the engine makes of each pair


def photo_of(cover: np.ndarray) -> np.ndarray:
    """uint8 (560, 400, 3): stripes where the garment is, and a plain wall."""
    picture = np.full((*cover.shape, 3), 200, np.uint8)
    stripes = np.where(np.arange(len(cover)) % 16 < 8, 40, 160).astype(np.uint8)
    picture[cover] = np.broadcast_to(stripes[:, None, None], picture.shape)[cover]
    return picture


@dataclass
class Engine:
    """Lays tops with their hems where `HEMS` says; the one that paints makes all of it grey."""

    paints: bool = False

    def __post_init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def prepare_person(self, path: Path) -> Any:
        if path.stem == "lost":
            raise NoPersonError("nobody was found", path=path)
        with Image.open(path) as photo:
            return SimpleNamespace(photo=photo.convert("RGB"), pose=person(), name=path.stem)

    def prepare_garment(self, path: Path, category: str, kind: str = "auto") -> Any:
        self.asked.append((path.name, kind))
        return SimpleNamespace(category=category, hem=300 if kind == "worn" else None)

    def plan(self, who: Any, what: Any, options: Any, mask: Any = None) -> Any:
        area = Image.fromarray(top(neckline=90, hem=350, sleeve=1.5).astype(np.uint8) * 255)
        return SimpleNamespace(person=who, garment=what, options=options, mask=area)

    def paint(self, plans: list[Any]) -> list[Any]:
        return [None for _ in plans]

    def finish(self, plan: Any, painted: Any) -> Any:
        picture = photo_of(laid(plan.person, plan.garment).coverage > 0.5)
        if self.paints:
            picture[np.asarray(plan.mask) > 127] = 128
        return SimpleNamespace(image=Image.fromarray(picture))


def laid(who: Any, what: Any) -> Any:
    """As `worn_warp`; something lies where nothing may be repainted, too."""
    cover = top(hem=what.hem or HEMS[who.name]).astype(np.float32)
    cover[500:] = 1
    return SimpleNamespace(coverage=cover)


def mean_difference(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    return float(np.abs(picture[region].astype(float) - truth[region]).mean())


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PairsEvaluation:
    """Four pairs: a hem that is right, one too long, one too short without a mask, nobody."""
    monkeypatch.setattr(module, "worn_warp", laid)
    lines = ["name\tcategory\tperson\tgarment"]
    for name, category in (
        ("right", "upper"), ("long", "upper"), ("short", "dress"), ("lost", "upper")
    ):  # fmt: skip
        photo = Image.fromarray(photo_of(top()))
        photo.save(tmp_path / f"{name}.png")
        photo.save(tmp_path / f"{name}_garment.png")
        if name != "short":
            Image.fromarray(top().astype(np.uint8) * 255).save(tmp_path / f"{name}_worn.png")
        lines.append(f"{name}\t{category}\t{name}.png\t{name}_garment.png")
    (tmp_path / "index.tsv").write_text("\n".join(lines), "utf-8")
    return PairsEvaluation(tmp_path, sheet=64)


def measured(config: PairsEvaluation, engine: Engine | None = None) -> Any:
    return evaluate_pairs(
        config,
        preview=engine or Engine(),  # type: ignore[arg-type]
        engine=Engine(paints=True),  # type: ignore[arg-type]
        distance=mean_difference,
    )


def test_each_pair_is_compared_with_what_is_worn(config: PairsEvaluation) -> None:
    report = measured(config)
    rows = {row.case: row.values for row in report.table(COVERAGE).rows}
    assert rows["right"]["iou"] == rows["right"]["hem_near"] == 1
    assert rows["long"]["hem_longer"] == pytest.approx(0.4) and rows["long"]["hem_near"] == 0
    assert set(rows) == {"right", "long", "lost"}  # nobody has marked what `short` covers
    pictures = {row.case: row.values for row in report.table(PICTURE).rows}
    assert pictures["right"]["distance"] == 0 and pictures["right"]["sharpness"] == 1
    assert pictures["right"]["psnr"] == math.inf and pictures["right"]["ssim"] == 1
    assert pictures["short"]["distance"] > pictures["long"]["distance"] > 0


def test_who_is_not_dressed_is_named_and_counts(config: PairsEvaluation) -> None:
    report = measured(config)
    (failure,) = report.failures
    assert (failure.case, failure.method) == ("lost", "all") and "NoPersonError" in failure.error
    shares = report.table(DRESSED).averages()
    assert shares["all", ""]["dressed"].value == 0.75
    assert shares["dress", ""]["dressed"].value == 1
    found = report.table(COVERAGE).averages()["upper", "warp"]
    assert found["iou"].count == 3 and found["hem"].count == 2
    assert found["hem_near"].value == pytest.approx(1 / 3)


def test_means_and_medians_are_told_by_category_and_of_all(config: PairsEvaluation) -> None:
    report = measured(config)
    means, medians = report.table(PICTURE), report.table(f"{PICTURE}, medians")
    assert {group for group, _ in means.averages()} == {"upper", "dress", "all"}
    values = sorted(r.values["distance"] for r in means.rows if r.group == "all")
    assert medians.averages()["all", "warp"]["distance"].value == values[1]
    assert means.averages()["all", "warp"]["distance"].value == pytest.approx(sum(values) / 3)


def test_the_worst_come_first(config: PairsEvaluation) -> None:
    each = measured(config).table(f"{COVERAGE}, each, the worst first")
    assert [row.case for row in each.rows] == ["lost", "long", "right"]


def test_the_ceiling_takes_the_garment_from_the_person_photo(config: PairsEvaluation) -> None:
    engine = Engine()
    report = measured(replace(config, atlas="worn"), engine)
    assert engine.asked == [(f"{name}.png", "worn") for name in ("right", "long", "short")]
    assert report.table(COVERAGE).averages()["upper", "warp"]["hem"].value == 0
    engine = Engine()
    measured(config, engine)
    assert engine.asked[0] == ("right_garment.png", "auto")


def test_methods_that_paint_are_painted_by_the_engine(config: PairsEvaluation) -> None:
    report = measured(replace(config, methods=("warp", "full", "no-warp")))
    found = report.table(PICTURE).averages()
    assert found["upper", "full"]["sharpness"].value < found["upper", "warp"]["sharpness"].value
    covered = {row.method for row in report.table(COVERAGE).rows if row.case == "right"}
    assert covered == {"warp", "full"}  # without a warp, nobody knows what is covered


def test_sheets_show_the_worst_first(config: PairsEvaluation) -> None:
    report = measured(replace(config, only=("long", "short")))
    (sheet,) = report.pictures.values()
    assert sheet.size == (2 * 4 * 48, 64 + 16)
    compared = sheet.crop((2 * 48, 16, 3 * 48, 80))
    assert any(red > 150 > 1.5 * green for red, green, _ in pixels(compared))
    unknown = sheet.crop((6 * 48, 16, 7 * 48, 80))
    assert any(blue > 150 > 1.2 * red for red, _, blue in pixels(unknown))
    assert measured(replace(config, sheet=0)).pictures == {}


def pixels(picture: Image.Image) -> list[tuple[int, int, int]]:
    return [tuple(pixel) for pixel in np.asarray(picture).reshape(-1, 3).tolist()]


def test_pairs_can_be_chosen(config: PairsEvaluation) -> None:
    names = [pair.name for pair in replace(config, count=1).pairs()]
    assert names == ["right", "short"]
    names = [pair.name for pair in replace(config, categories=("dress",)).pairs()]
    assert names == ["short"]
    with pytest.raises(OptionError, match="nobody"):
        replace(config, only=("nobody", "right")).pairs()
    with pytest.raises(ImageNotFoundError):
        replace(config, categories=("lower",)).pairs()


@pytest.mark.parametrize(
    "wrong", [{"methods": ("pasted",)}, {"methods": ("true-warp",)}, {"atlas": "x"}, {"count": -1}]
)
def test_what_cannot_be_measured_is_told(config: PairsEvaluation, wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        replace(config, **wrong)


def test_the_report_says_nothing_of_this_machine(config: PairsEvaluation, tmp_path: Path) -> None:
    report = measured(replace(config, only=("right",)))
    report.write(tmp_path / "out")
    text = (tmp_path / "out" / "report.json").read_text("utf-8")
    assert json.loads(text)["config"]["root"] == tmp_path.name
    assert str(tmp_path) not in text
    assert (tmp_path / "out" / "pairs-01.jpg").is_file()


def test_a_real_shirt_is_laid_where_it_is_worn() -> None:
    root = Path(__file__).parents[4] / "shared" / "pairs"
    if not root.is_dir():
        pytest.skip("no ../shared/pairs on this machine")
    report = evaluate_pairs(PairsEvaluation(root, only=("dc_000176",), sheet=0))
    ((_, found), *_) = report.table(COVERAGE).averages().items()
    assert found["iou"].value > 0.8 and found["hem_near"].value == 1
