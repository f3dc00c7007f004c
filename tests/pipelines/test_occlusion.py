"""Bags and straps painted onto a drawn person, and clothes that only look a little like them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.pipelines.test_mask import Drawn, drawn_person
from tryon.pipelines.anatomy import anatomy
from tryon.pipelines.occlusion import carried_things
from tryon.pipelines.person.parsing import person_parsing
from tryon.pipelines.pose import BlazePose
from tryon.pipelines.silhouette import SelfieSegmenter, person_silhouette
from tryon.pipelines.skin import colour_bins, colour_model, without_colours

STRAP = ((318, 285), (470, 585))
BAG = ((462, 580), (556, 690))
LEATHER = (120, 84, 30)
EXAMPLES = Path(__file__).parents[2] / "demo" / "examples"


def found(
    person: Drawn,
    *,
    strap: bool,
    bag: bool,
    colour: tuple[int, int, int] = LEATHER,
    where: tuple[tuple[int, int], tuple[int, int]] = STRAP,
    width: int = 13,
):
    """What is found, and what was painted, both bool."""
    rgb, painted = np.array(person.photo), np.zeros(person.labels.shape, np.uint8)
    if strap:
        cv2.line(painted, *where, 1, width)
    if bag:
        cv2.rectangle(painted, *BAG, 1, -1)
    grain = np.random.default_rng(1).normal(0, 4, rgb.shape)
    rgb[painted > 0] = np.clip(np.array(colour) + grain, 0, 255)[painted > 0]
    body = (person.labels > 0) | (painted > 0)
    cloth = np.isin(person.labels, (4, 5)) | (painted > 0)
    near = cv2.distanceTransform((person.labels == 0).astype(np.uint8), cv2.DIST_L2, 5) / 30
    things = carried_things(
        rgb, anatomy(person.pose), body, cloth, (~body).astype(np.float32), near + 0.5
    )
    return things, painted > 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def test_a_bag_and_its_strap_are_found() -> None:
    things, painted = found(drawn_person(), strap=True, bag=True)
    assert overlap(things, painted) > 0.75


def test_a_strap_is_found_without_its_bag() -> None:
    things, painted = found(drawn_person(), strap=True, bag=False)
    assert overlap(things, painted) > 0.6


@pytest.mark.parametrize(
    "where",
    [((310, 285), (462, 600)), ((335, 285), (446, 560)), ((455, 288), (312, 574))],
)
def test_a_narrow_strap_is_found_wherever_it_lies(where) -> None:
    things, painted = found(drawn_person(), strap=True, bag=False, where=where, width=7)
    assert overlap(things, painted) > 0.6


@pytest.fixture(params=["suit", "vest"])
def seamed(request: pytest.FixtureRequest, portrait: Image.Image) -> Image.Image:
    """A photo of somebody without a bag, whose clothes have edges from shoulder to hip."""
    vest = Image.open(EXAMPLES / "person-vest.jpg").convert("RGB")
    return {"suit": portrait, "vest": vest}[request.param]


def test_seams_and_necklines_are_no_straps(
    seamed: Image.Image, blazepose: BlazePose, segmenter: SelfieSegmenter
) -> None:
    (pose,) = blazepose.detect(seamed)
    silhouette = person_silhouette(seamed, pose, segmenter)
    assert not person_parsing(seamed, pose, silhouette).carried.any()


def test_a_bag_is_found_without_a_strap() -> None:
    things, painted = found(drawn_person(), strap=False, bag=True)
    assert overlap(things, painted) > 0.8


@pytest.mark.parametrize("sleeve", [0.0, 0.4, 1.0])
def test_clothes_alone_are_no_bags(sleeve: float) -> None:
    things, _ = found(drawn_person(sleeve=sleeve), strap=False, bag=False)
    assert not things.any()


def test_a_bag_of_the_trousers_own_colour_stays_in_doubt() -> None:
    things, _ = found(drawn_person(), strap=False, bag=True, colour=(60, 80, 130))
    assert not things.any()


def test_slanting_stripes_are_no_straps() -> None:
    person = drawn_person()
    rows, columns = np.mgrid[: person.labels.shape[0], : person.labels.shape[1]]
    striped = (person.labels == 4) & ((2 * columns - rows) % 90 < 26)
    rgb = np.array(person.photo)
    rgb[striped] = LEATHER
    body = person.labels > 0
    cloth = np.isin(person.labels, (4, 5))
    near = np.full(body.shape, 0.5, np.float32)
    things = carried_things(
        rgb, anatomy(person.pose), body, cloth, (~body).astype(np.float32), near
    )
    assert not things.any()


def test_colours_that_others_explain_are_taken_away() -> None:
    rgb = np.zeros((20, 20, 3), np.uint8)
    rgb[:10], rgb[10:] = (200, 150, 120), (30, 60, 160)
    bins = colour_bins(rgb)
    whole = np.ones(bins.shape, bool)
    upper = np.arange(20)[:, None] < np.full(20, 10)
    both, cloth = colour_model(bins, whole), colour_model(bins, ~upper)
    rest = without_colours(both, cloth)
    assert rest is not None
    assert np.minimum(rest, cloth).sum() < 0.01
    assert rest.sum() == pytest.approx(1, abs=1e-4)
    assert without_colours(cloth, both, cloth) is None
