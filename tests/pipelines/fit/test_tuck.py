"""Tops at the waistband."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.fit.tuck import tucked_warp
from tryon.pipelines.fit.warp import Warp
from tryon.pipelines.person.waistline import Waistline
from tryon.types import BODY_PARTS, Box, Tuck

LINE = 120.0


def body() -> BodyMap:
    """A trunk with an arm hanging at its right, a cell to a pixel."""
    labels = np.zeros((192, 144), int)
    labels[40:150, 40:90] = BODY_PARTS.index("torso")
    labels[40:150, 100:115] = BODY_PARTS.index("left_forearm")
    parts = np.eye(16, dtype=np.float32)[labels]
    there = (labels > 0).astype(np.float32)
    uv = np.zeros((192, 144, 2), np.float32)
    return BodyMap(uv, there, there, parts, there, Box(0, 0, 144, 192), (144, 192))


def warp() -> Warp:
    cover = np.zeros((192, 144), np.float32)
    cover[40:140, 38:120] = 1
    return Warp(np.zeros((192, 144, 3), np.uint8), cover, cover.copy())


def waist(tucked: bool = True, confidence: float = 0.9) -> Waistline:
    return Waistline(np.array([[40, LINE], [90, LINE]], np.float32), confidence, tucked)


def hem(tuck: Tuck, line: Waistline | None) -> int:
    """The row after the last covered one in the middle of the trunk."""
    covered = tucked_warp(warp(), body(), line, tuck).coverage[:, 65] > 0.5
    return int(np.flatnonzero(covered).max()) + 1


@pytest.mark.parametrize(
    ("tuck", "line", "ends"),
    [
        ("auto", waist(), LINE),
        ("auto", waist(tucked=False), 140),
        ("auto", waist(confidence=0.1), 140),
        ("auto", None, 140),
        ("in", waist(tucked=False), LINE),
        ("out", waist(), 140),
    ],
)
def test_a_top_ends_where_the_person_wears_it(
    tuck: Tuck, line: Waistline | None, ends: float
) -> None:
    assert hem(tuck, line) == pytest.approx(ends, abs=1)


def test_sleeves_beside_the_waistband_go_on() -> None:
    tucked = tucked_warp(warp(), body(), waist(), "auto")
    assert tucked.coverage[130, 100:115].min() == 1
    assert tucked.confidence[130, 65] == 0


def test_the_warp_itself_stays_as_it_was() -> None:
    before = warp()
    tucked_warp(before, body(), waist(), "in")
    assert before.coverage[139, 65] == 1
