"""The inside of the back: a net's vague idea of it, settled by what the photo shows."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.garment.inside_of_back import inside_of_back

CLOTH, SHADED = (150, 60, 60), (90, 45, 45)
MASK = np.zeros((192, 192), bool)
MASK[30:180, 40:152] = True


def neck() -> np.ndarray:
    """bool (192, 192): a V from the top of the garment down."""
    plane = np.zeros((192, 192), np.uint8)
    cv2.fillPoly(plane, [np.array([[70, 30], [122, 30], [96, 90]])], 1)
    return plane > 0


def vague() -> np.ndarray:
    """What a net makes of the V: a soft half of it, and a trace all around."""
    y, x = np.mgrid[0:192, 0:192]
    blob = np.exp(-((x - 96) ** 2 / (2 * 14**2) + np.maximum(y - 36, 0) ** 2 / (2 * 22**2)))
    return (0.97 * blob).astype(np.float32)


def photo(inside: tuple[int, int, int] = SHADED, where: np.ndarray | None = None) -> np.ndarray:
    image = np.full((192, 192, 3), 235, np.uint8)
    image[MASK] = CLOTH
    image[neck() if where is None else where] = inside
    return image


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    found = (found > 0.5) & MASK
    return float((found & truth).sum() / (found | truth).sum())


def test_it_ends_where_the_photo_has_its_edge() -> None:
    assert overlap(vague(), neck()) < 0.75
    assert overlap(inside_of_back(vague(), MASK, photo()), neck()) > 0.93


def test_what_the_net_took_of_the_front_is_given_back() -> None:
    narrow = MASK & (vague() > 0.66)
    assert overlap(vague(), narrow) < 0.75
    assert overlap(inside_of_back(vague(), MASK, photo(where=narrow)), narrow) > 0.9


def test_stripes_are_no_edges_of_the_inside() -> None:
    image = photo(CLOTH)
    image[(np.indices((192, 192))[0] // 9 % 2 > 0) & MASK] = SHADED
    assert overlap(inside_of_back(vague(), MASK, image), (vague() > 0.5) & MASK) > 0.9


def test_the_inside_is_in_the_shade() -> None:
    vivid = inside_of_back(vague(), MASK, photo((230, 10, 10)))
    assert not ((vivid > 0.5) & (vague() <= 0.5)).sum() > 20


def test_it_does_not_run_over_half_the_garment() -> None:
    left = MASK & (np.indices((192, 192))[1] < 110)  # shaded, and joined to the neck
    found = inside_of_back(np.maximum(vague(), 0.04 * left), MASK, photo(where=left))
    assert (found > 0.5).sum() < 2.5 * (vague() > 0.5).sum()


def test_without_doubt_there_is_nothing_to_settle() -> None:
    share = np.full((192, 192), 0.3, np.float32)
    assert np.array_equal(inside_of_back(share, MASK, photo()), share)
