"""Parsing where the network errs: dark cloth it does not see, prints it takes for things."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parsers import KnowingParser
from tests.pipelines.test_mask import BOTTOM, CLASS_OF, TOP, Drawn, drawn_person
from tryon.pipelines.person.parser import CLASSES
from tryon.pipelines.person.parsing import Parsing, person_parsing


@pytest.fixture(scope="module")
def person() -> Drawn:
    return drawn_person()


def parsed(person: Drawn, classes: np.ndarray) -> tuple[Parsing, np.ndarray]:
    """The parsing if the network sees these classes, and the true labels in its window."""
    box = person.parsing().window.box
    part = np.s_[box.top : box.bottom, box.left : box.right]
    parsing = person_parsing(
        person.photo, person.pose, person.silhouette, KnowingParser(classes[part])
    )
    rows, columns = (
        (np.arange(count) * step).astype(int)
        for count, step in zip(
            parsing.body.shape,
            (box.height / parsing.body.shape[0], box.width / parsing.body.shape[1]),
            strict=True,
        )
    )
    return parsing, person.labels[part][np.ix_(rows, columns)]


def test_top_and_bottom_part_at_the_waistline(person: Drawn) -> None:
    parsing, labels = parsed(person, CLASS_OF[person.labels])
    assert parsing.waist is not None and parsing.two_piece
    assert (parsing.top[labels == TOP] > 0.5).mean() > 0.97
    assert (parsing.bottom[labels == BOTTOM] > 0.5).mean() > 0.97


def test_trousers_that_the_network_takes_for_background_are_a_bottom(person: Drawn) -> None:
    classes = CLASS_OF[person.labels]
    classes[person.labels == BOTTOM] = CLASSES.index("background")
    parsing, labels = parsed(person, classes)
    assert (parsing.bottom[labels == BOTTOM] > 0.5).mean() > 0.9
    assert (parsing.background[labels == 0] > 0.5).mean() > 0.97


@pytest.mark.parametrize(
    ("where", "carried"),
    [(np.s_[380:440, 350:420], False), (np.s_[560:640, 505:570], True)],
    ids=["print", "bag"],
)
def test_things_are_held_and_prints_are_not(
    person: Drawn, where: tuple[slice, slice], carried: bool
) -> None:
    classes, silhouette = CLASS_OF[person.labels], person.silhouette
    classes[where] = CLASSES.index("others")
    silhouette[where] = 1
    box = person.parsing().window.box
    part = np.s_[box.top : box.bottom, box.left : box.right]
    parsing = person_parsing(person.photo, person.pose, silhouette, KnowingParser(classes[part]))
    assert parsing.carried.any() == carried
