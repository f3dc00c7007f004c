"""What a mask repaints and keeps, of a rendered person whose every pixel is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tryon.data.synthetic.sample import BAG, HAND, Sample
from tryon.evaluation.repainting import repainting_measures


@pytest.fixture
def held(sample: Sample) -> Sample:
    """The sample with a bag before the top."""
    clothes = sample.person.clothes.copy()
    rows, columns = np.nonzero(clothes == sample.garment.label)
    y, x = round(rows.mean()), round(columns.mean())
    clothes[y - 10 : y + 10, x - 10 : x + 10] = BAG
    return replace(sample, person=replace(sample.person, clothes=clothes))


def test_the_true_mask_keeps_and_takes_all(held: Sample) -> None:
    area = held.agnostic & (held.person.clothes != BAG)
    found = repainting_measures(held, area)
    assert (found["bag"], found["old"], found["other"]) == (100, 0, 0)


def test_a_mask_of_everything_keeps_nothing(held: Sample) -> None:
    found = repainting_measures(held, np.ones_like(held.agnostic))
    assert (found["bag"], found["old"]) == (0, 0)
    assert found["other"] > 90


def test_shares_count_the_pixels_that_are_at_stake(held: Sample) -> None:
    area = np.zeros_like(held.agnostic)
    half = held.person.clothes == held.garment.label
    half[: np.nonzero(half)[0].mean().astype(int)] = False
    found = repainting_measures(held, area | half)
    assert 35 < found["old"] < 65
    assert found["bag"] == 100


def test_what_is_far_from_the_garments_is_not_at_stake(sample: Sample) -> None:
    clothes = sample.person.clothes.copy()
    clothes[clothes == HAND] = 0
    clothes[-12:, -12:] = HAND
    away = replace(sample, person=replace(sample.person, clothes=clothes))
    assert math.isnan(repainting_measures(away, np.ones_like(sample.agnostic))["hand"])
