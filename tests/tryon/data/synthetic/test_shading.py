"""Shading one triangle over another, against sums that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.light import composed, light_from
from tryon.data.synthetic.materials import SAMPLES, Cloth, Mesh, Skin, Truth
from tryon.data.synthetic.raster import Buffers, draw
from tryon.data.synthetic.shading import body_truth, shade_cloth, shade_skin

HEIGHT, WIDTH = 24, 32
LIGHT = light_from((0, -1, 0), 0.4, 0.6, np.ones(3))
RED = (200.0, 40.0, 20.0)


def _cloth(colour: tuple[float, float, float] = RED, **changes: object) -> Cloth:
    still = np.zeros((2, 2, 2), np.float32)
    plain = Cloth(
        tile=np.full((4, 4, 3), colour, np.float32),
        to_tile=np.array([[4, 0, 0], [0, 4, 0]], np.float32),
        back_shift=np.zeros(2, np.float32),
        decal=np.zeros((2, 2, 4), np.float32),
        decal_box=np.array([9, 9, 1, 1, 1], np.float32),
        trim=np.zeros(3, np.float32),
        trim_width=np.float32(0),
        fade=np.array([-1, -1, -1, 0, 1], np.float32),
        creases=still,
        crease_depth=np.float32(0),
        sheen=np.float32(0),
    )
    return plain._replace(**changes)


def _square(
    buffers: Buffers, owner: int, left: float, right: float, depth: float = 1.0, edge: float = 1.0
) -> Mesh:
    """An upright strip over the picture's height; its uv is the place in the picture, 0-1."""
    corners = [(left, 0), (right, 0), (right, HEIGHT), (left, HEIGHT)]
    points = np.array([(SAMPLES * x, SAMPLES * y, depth) for x, y in corners], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    attributes = np.zeros((4, 9), np.float32)
    attributes[:, 1] = -1  # faces the camera, and the light
    attributes[:, 3:5] = [(x / WIDTH, y / HEIGHT) for x, y in corners]
    attributes[:, 5], attributes[:, 6:8], attributes[:, 8] = 1, attributes[:, 3:5], edge
    return Mesh(owner, points, faces, attributes, draw(buffers, points, faces, owner))


def _empty() -> tuple[Buffers, np.ndarray, Truth]:
    buffers = Buffers.empty(SAMPLES * HEIGHT, SAMPLES * WIDTH)
    return buffers, np.zeros((HEIGHT, WIDTH, 4), np.float32), Truth.empty(HEIGHT, WIDTH)


def test_cloth_in_full_light_has_its_own_colour_and_its_place() -> None:
    buffers, image, truth = _empty()
    mesh = _square(buffers, 3, 4, 20)
    shade_cloth(mesh, buffers, np.full_like(buffers.depth, 9), _cloth(), LIGHT, 0.02, image, truth)
    inside = image[:, 4:20]
    assert inside[..., :3] == pytest.approx(np.broadcast_to(RED, inside[..., :3].shape), abs=0.1)
    assert (inside[..., 3] == 1).all() and (image[:, 20:] == 0).all() and (image[:, :4] == 0).all()
    x = (np.arange(4, 20) + 0.5) / WIDTH
    assert truth.uv[5, 4:20, 0] == pytest.approx(x, abs=1e-5)
    assert truth.uv[5, 4:20, 1] == pytest.approx(5.5 / HEIGHT, abs=1e-5)
    assert (truth.layer[:, 4:20] == 1).all() and (truth.layer[:, 20:] == 0).all()


def test_an_edge_within_a_pixel_covers_a_part_of_it() -> None:
    buffers, image, truth = _empty()
    mesh = _square(buffers, 3, 4, 20.5)
    shade_cloth(mesh, buffers, np.full_like(buffers.depth, 9), _cloth(), LIGHT, 0.02, image, truth)
    assert image[:, 20, 3] == pytest.approx(0.5)
    assert image[:, 20, 0] == pytest.approx(RED[0] / 2, abs=0.1)
    assert (truth.layer[:, 20] == 0).all()  # the pixel's own sample shows nothing
    over = composed(
        image,
        LIGHT,
        np.ones((HEIGHT, WIDTH), np.float32),
        np.full((HEIGHT, WIDTH, 3), 100, np.float32),
        np.full((HEIGHT, WIDTH), 0.5, np.float32),
    )
    assert over[0, 20, 0] == pytest.approx(RED[0] / 2 + 25, abs=0.1)
    assert over[0, 30] == pytest.approx([50, 50, 50])


def test_what_lies_in_front_hides_the_colour_but_not_the_truth() -> None:
    buffers, image, truth = _empty()
    mesh = _square(buffers, 3, 4, 20, depth=1.0)
    other = np.full_like(buffers.depth, 9)
    other[:, : SAMPLES * 10] = 0.5
    shade_cloth(mesh, buffers, other, _cloth(), LIGHT, 0.02, image, truth)
    assert (image[:, :10] == 0).all() and (image[:, 10:20, 3] == 1).all()
    assert (truth.layer[:, 4:20] == 1).all()
    again = np.zeros_like(image)
    shade_cloth(mesh, buffers, np.full_like(other, 9), _cloth(), LIGHT, 0.02, again, None)
    assert (again[:, 4:20, 3] == 1).all()


def test_only_the_pixels_asked_for_are_coloured() -> None:
    buffers, image, truth = _empty()
    mesh = _square(buffers, 3, 4, 20)
    where = np.zeros((HEIGHT, WIDTH), np.bool_)
    where[:, :10] = True
    other = np.full_like(buffers.depth, 9)
    shade_cloth(mesh, buffers, other, _cloth(), LIGHT, 0.02, image, truth, where)
    assert (image[:, 4:10, 3] == 1).all() and (image[:, 10:] == 0).all()
    assert (truth.layer[:, 4:10] == 1).all() and (truth.layer[:, 10:] == 0).all()
    shade_cloth(mesh, buffers, other, _cloth(), LIGHT, 0.02, image, truth, ~where)
    assert (image[:, 4:20, 3] == 1).all() and (truth.layer[:, 4:20] == 1).all()


def test_a_surface_that_covers_itself_is_coloured_sample_by_sample() -> None:
    """Two strips of one mesh, one far behind the other, meet in the middle of a pixel."""
    buffers, image, truth = _empty()
    corners = [(4, 1.0), (10.5, 1.0), (10.5, 2.0), (20, 2.0)]
    points = np.array(
        [(SAMPLES * x, SAMPLES * y, z) for x, z in corners for y in (0, HEIGHT)], np.float32
    )
    faces = np.array([[0, 2, 1], [1, 2, 3], [4, 6, 5], [5, 6, 7]], np.int32)
    attributes = np.zeros((8, 9), np.float32)
    attributes[:, 1], attributes[:, 5], attributes[:, 8] = -1, 1, 1
    attributes[4:, 8] = 0.0  # the strip behind is all hem
    mesh = Mesh(3, points, faces, attributes, draw(buffers, points, faces, 3))
    cloth = _cloth(trim=np.zeros(3, np.float32), trim_width=np.float32(0.5))
    shade_cloth(mesh, buffers, np.full_like(buffers.depth, 9), cloth, LIGHT, 0.02, image, truth)
    assert image[5, 9, 0] == pytest.approx(RED[0], abs=0.1)
    assert image[5, 10, 0] == pytest.approx(RED[0] / 2, abs=0.1)
    assert image[5, 11, 0] == pytest.approx(0, abs=0.1)
    assert (image[5, 4:20, 3] == 1).all()


def test_hem_print_and_fade_change_the_colour() -> None:
    def colour(cloth: Cloth, edge: float = 1.0) -> np.ndarray:
        buffers, image, _ = _empty()
        mesh = _square(buffers, 3, 0, WIDTH, edge=edge)
        shade_cloth(mesh, buffers, np.full_like(buffers.depth, 9), cloth, LIGHT, 0.02, image, None)
        return image[12, 16, :3]

    blue = np.array([10, 20, 240], np.float32)
    assert colour(_cloth(trim=blue, trim_width=np.float32(0.5)), 0.1) == pytest.approx(blue, abs=1)
    assert colour(_cloth(trim=blue, trim_width=np.float32(0.5))) == pytest.approx(RED, abs=1)
    decal = np.full((8, 8, 4), 240, np.float32)
    decal[..., 3] = 0.5
    printed = _cloth(decal=decal, decal_box=np.array([0, 0, 1, 1, 1], np.float32))
    assert colour(printed) == pytest.approx((np.array(RED) + 240) / 2, abs=1)
    behind = _cloth(decal=decal, decal_box=np.array([0, 0, 1, 1, -1], np.float32))
    assert colour(behind) == pytest.approx(RED, abs=1)
    fading = _cloth(fade=np.array([*blue, 0.0, 1.0], np.float32))
    half = (12.5 / HEIGHT) * blue + (1 - 12.5 / HEIGHT) * np.array(RED)
    assert colour(fading) == pytest.approx(half, abs=1)


def test_skin_darkens_away_from_the_light_and_wears_its_paint() -> None:
    buffers, image, truth = _empty()
    mesh = _square(buffers, 0, 0, WIDTH)
    paint = np.zeros((8, 8, 4), np.float32)
    paint[:, 4:] = (0, 0, 0, 1)
    box = np.array([0, 0, 1, 1], np.float32)
    skin = Skin(np.array([200, 150, 120], np.float32), paint, box, np.ones(4, np.uint8))
    other = np.full_like(buffers.depth, 9)
    shade_skin(mesh, buffers, other, skin, LIGHT, image)
    assert image[5, 4, :3] == pytest.approx([200, 150, 120], abs=0.5)
    assert image[5, 24, 1:3] == pytest.approx([0, 0], abs=0.5)
    darker = np.zeros_like(image)
    shade_skin(mesh, buffers, other, skin, light_from((0, 1, 0), 0.4, 0.6, np.ones(3)), darker)
    assert darker[5, 4, 1] == pytest.approx(0.4 * 150, abs=0.5)
    body_truth(mesh, buffers, np.full(4, 7, np.uint8), 0.02, truth)
    assert (truth.part == 7).all() and (truth.layer == 1).all()
    assert truth.uv[5, 8] == pytest.approx([8.5 / WIDTH, 5.5 / HEIGHT], abs=1e-5)
