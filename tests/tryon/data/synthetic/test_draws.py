"""Choices, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.draws import one_by_chance, one_of

NAMES = ["studio", "room", "clutter", "photo"]
CHANCES = [0.55, 0.15, 0.15, 0.15]


@pytest.mark.parametrize("chances", [[], CHANCES])
def test_choices_and_draws_are_those_of_numpy(chances: list[float]) -> None:
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(300):
        expected = str(theirs.choice(NAMES, p=chances or None))
        assert one_of(ours, NAMES, chances) == expected
    assert ours.random() == theirs.random()


def test_names_come_as_often_as_their_chances_say() -> None:
    rng = np.random.default_rng(0)
    drawn = [one_by_chance(rng, {"often": 0.9, "never": 0.0, "seldom": 0.1}) for _ in range(500)]
    assert drawn.count("never") == 0
    assert 0.85 < drawn.count("often") / len(drawn) < 0.95
