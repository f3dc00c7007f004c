"""What a look says besides its picture."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.pipelines.person.test_facing import posed, seen
from tryon.finishing import _warnings


@pytest.mark.parametrize(
    ("width", "front", "told"), [(0.7, 1.0, 0), (0.7, 0.0, 1), (0.1, 1.0, 1)], ids=str
)
def test_who_is_turned_away_is_told(width: float, front: float, told: int) -> None:
    plan = SimpleNamespace(
        person=SimpleNamespace(pose=posed(width), body=seen(front)),
        options=SimpleNamespace(warp=True),
        layers=SimpleNamespace(covered=1.0),
    )
    warnings = _warnings(plan)  # type: ignore[arg-type]
    assert len(warnings) == told
    assert all("turned away" in warning for warning in warnings)
