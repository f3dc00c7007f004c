from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic import canonical
from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.canonical import PARTS, canonical_uv


def test_the_mean_body_fills_the_stated_share_of_the_frame() -> None:
    uv = canonical_uv(body_model().mean.rest)
    top, bottom = uv[:, 1].min(), uv[:, 1].max()
    assert bottom - top == pytest.approx(canonical.BODY_HEIGHT, abs=2e-3)
    assert (top + bottom) / 2 == pytest.approx(0.5, abs=2e-3)
    assert uv[:, 0].min() > 0.1 and uv[:, 0].max() < 0.9
    assert (uv[:, 0].min() + uv[:, 0].max()) / 2 == pytest.approx(0.5, abs=2e-3)


def test_left_is_right_of_the_middle_and_up_is_up() -> None:
    model = body_model()
    uv = canonical_uv(model.mean.rest)
    left, head = PARTS.index("left_hand"), PARTS.index("head")
    assert uv[model.parts == left, 0].min() > 0.6
    assert uv[model.parts == head, 1].max() < 0.25


def test_one_scale_for_both_axes() -> None:
    a, b, c = canonical_uv(np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0, 0.1]]))
    assert b[0] - a[0] == pytest.approx(a[1] - c[1])
