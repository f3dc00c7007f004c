"""`look.scores["print"]`, from photo to score, without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import EXAMPLES
from tryon import TryOn


@pytest.fixture(scope="module")
def engine() -> TryOn:
    return TryOn("none")


@pytest.fixture
def printed() -> Path:
    """The example shirt, a plaid one."""
    return EXAMPLES / "shirt.jpg"


def test_the_warp_alone_keeps_the_print(engine: TryOn, astronaut: Path, printed: Path) -> None:
    look = engine.dress(astronaut, printed, category="upper")
    assert look.scores["print"] > 0.8
    assert look.report()["scores"]["print"] == pytest.approx(look.scores["print"], abs=1e-5)


def test_without_the_warp_nothing_can_be_said(
    engine: TryOn, astronaut: Path, printed: Path
) -> None:
    assert "print" not in engine.dress(astronaut, printed, category="upper", warp=False).scores


def test_plain_cloth_has_no_print_to_keep(
    engine: TryOn, astronaut: Path, tmp_path: Path, shirt: Path
) -> None:
    picture = np.asarray(Image.open(shirt)).copy()
    picture[240:281, 112:273] = (190, 30, 40)
    Image.fromarray(picture).save(tmp_path / "plain.png")
    assert "print" not in engine.dress(astronaut, tmp_path / "plain.png", category="upper").scores
