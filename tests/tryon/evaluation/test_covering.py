"""Sleeves and legs of the wrong length are noticed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tryon.evaluation.covering import LIMBS, limbs_mistaken

SKIN, CLOTH = (210, 160, 130), (30, 60, 160)


def scene() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A trunk in cloth between two arms, the left covered and the right bare, and a bare face."""
    parts = np.zeros((40, 60), np.uint8)
    parts[10:, 20:40] = 3
    parts[10:, :20], parts[10:, 40:] = LIMBS[0], LIMBS[1]
    garment = np.zeros((40, 60), bool)
    garment[10:, :40] = True
    skin = ~garment
    truth = np.where(garment[..., None], np.uint8(CLOTH), np.uint8(SKIN))
    area = parts > 0
    return truth, {"garment": garment, "skin": skin, "parts": parts, "area": area, "truth": truth}


def test_the_truth_mistakes_nothing() -> None:
    truth, known = scene()
    assert limbs_mistaken(truth, **known) == 0


@pytest.mark.parametrize(("columns", "colour"), [(np.s_[40:], CLOTH), (np.s_[:20], SKIN)])
def test_a_sleeve_too_many_or_too_few_is_a_mistake(columns: slice, colour: tuple[int, ...]) -> None:
    truth, known = scene()
    picture = truth.copy()
    picture[10:, columns] = colour
    assert limbs_mistaken(picture, **known) == 0.5


def test_another_colour_of_cloth_is_no_mistake() -> None:
    truth, known = scene()
    picture = truth.copy()
    picture[known["garment"]] = (40, 140, 60)
    assert limbs_mistaken(picture, **known) == 0


def test_a_limb_that_is_half_covered_is_not_judged() -> None:
    truth, known = scene()
    known["garment"][10:25, 40:] = True
    truth[10:25, 40:] = CLOTH
    picture = truth.copy()
    picture[10:, 40:] = CLOTH
    assert limbs_mistaken(picture, **known) == 0


def test_a_limb_in_another_garment_of_like_colour_is_not_judged() -> None:
    truth, known = scene()
    known["skin"][10:, 40:] = False
    truth[10:, 40:] = (40, 50, 140)
    assert limbs_mistaken(truth, **known) == 0


def test_a_picture_painted_all_in_skin_is_wrong_where_there_is_cloth() -> None:
    truth, known = scene()
    assert limbs_mistaken(np.full_like(truth, SKIN), **known) == 0.5


def test_cloth_of_the_skins_colour_is_not_judged() -> None:
    truth, known = scene()
    pale = np.full_like(truth, SKIN)
    assert math.isnan(limbs_mistaken(truth, **{**known, "truth": pale}))
    assert math.isnan(limbs_mistaken(truth, **{**known, "skin": np.zeros((40, 60), bool)}))
    assert math.isnan(limbs_mistaken(truth, **{**known, "area": np.zeros((40, 60), bool)}))
