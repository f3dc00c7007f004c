from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.raster import Buffers, corner_weights, draw, skinned, vertex_normals


def _triangle(z: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    points = np.array([[2.0, 1, z], [28, 6, z], [9, 22, z]], np.float32)
    return points, np.array([[0, 1, 2]], np.int32)


def _inside(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixel centres inside the triangle, by half-planes: an oracle of its own."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    signs = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge = points[b, :2] - points[a, :2]
        signs.append(edge[0] * (y - points[a, 1]) - edge[1] * (x - points[a, 0]))
    return (np.stack(signs) >= 0).all(0) | (np.stack(signs) <= 0).all(0)


def test_a_triangle_covers_the_pixels_whose_centres_it_holds() -> None:
    points, faces = _triangle()
    buffers = Buffers.empty(24, 32)
    draw(buffers, points, faces, 5)
    wrong = (buffers.owner == 5) != _inside(points, 24, 32)
    assert wrong.sum() <= 1  # a centre exactly on an edge may go either way
    assert (buffers.owner == 5).sum() > 150


def test_the_nearer_triangle_wins_in_any_order() -> None:
    for order in ((1.0, 2.0), (2.0, 1.0)):
        buffers = Buffers.empty(24, 32)
        for mark, z in enumerate(order):
            draw(buffers, *_triangle(z), mark)
        assert buffers.owner[10, 12] == order.index(1.0)
        assert buffers.depth[10, 12] == pytest.approx(1.0)


def test_the_weights_of_the_corners_find_the_place_again() -> None:
    points, faces = _triangle()
    for place in ([10.5, 7.5], [12.0, 9.25]):
        weights = np.array(corner_weights(points, faces, 0, *place))
        assert weights.sum() == pytest.approx(1)
        assert weights @ points[faces[0], :2] == pytest.approx(place, abs=1e-4)


def test_many_triangles_give_the_nearest_of_each_pixel() -> None:
    """Triangles of both orientations, before and behind each other: an oracle by half-planes."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-6, 46, (90, 3)).astype(np.float32)
    points[:, 2] = np.repeat(rng.permutation(30) / 10, 3)  # each triangle faces the viewer
    faces = np.arange(90, dtype=np.int32).reshape(-1, 3)
    buffers = Buffers.empty(40, 40)
    draw(buffers, points, faces, 2)
    nearest, which = np.full((40, 40), 9.0), np.full((40, 40), -1)
    for i, face in enumerate(faces):
        here = _inside(points[face], 40, 40) & (points[face[0], 2] < nearest)
        nearest[here], which[here] = points[face[0], 2], i
    found = np.where(buffers.owner == 2, buffers.face, -1)
    assert (found != which).mean() < 0.01
    assert np.abs(buffers.depth - nearest)[(found == which) & (which >= 0)].max() < 1e-4


@pytest.mark.parametrize(("depth", "seen"), [(1.0, True), (3.0, False)])
def test_what_is_seen_from_inside_is_hidden_only_by_what_is_nearer(
    depth: float, seen: bool
) -> None:
    corners = [(0.0, 0, 2), (0, 40, 2), (40, 40, 2), (40, 0, 2)]
    small = [(18.0, 18, depth), (23, 18, depth), (18, 23, depth)]
    points = np.array([*corners, *small], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]], np.int32)
    buffers = Buffers.empty(40, 40)
    draw(buffers, points, faces, 0)
    assert (buffers.owner == 0).all()
    assert (buffers.face == 2).any() == seen


def _scattered(seed: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).uniform(-6, 46, (240, 3)).astype(np.float32)
    return points, np.arange(240, dtype=np.int32).reshape(-1, 3)


def test_to_look_first_what_is_covered_changes_nothing() -> None:
    pictures = []
    for covered in (False, True):
        buffers = Buffers.empty(40, 40)
        buffers.depth[:, 8:30] = 5
        draw(buffers, *_scattered(4), 1, closed=True, covered=covered)
        pictures.append(buffers)
    assert (pictures[0].owner == 1).any() and (pictures[0].owner[:, 8:30] == -1).any()
    for one, two in zip(*pictures, strict=True):
        assert (one == two)[pictures[0].owner == 1].all()
    assert (pictures[0].owner == pictures[1].owner).all()


def test_what_is_drawn_in_runs_stays_in_its_row_and_its_mesh() -> None:
    """A thin upright triangle at the right border, and one before it that is drawn first."""
    near = np.array([[30.0, 2, 1], [40, 2, 1], [40, 12, 1]], np.float32)
    far = np.array([[36.0, 0, 2], [40, 0, 2], [40, 20, 2]], np.float32)
    buffers = Buffers.empty(20, 40)
    faces = np.array([[0, 1, 2]], np.int32)
    for mark, points in enumerate((near, far)):
        draw(buffers, points, faces, mark)
    before = _inside(near, 20, 40)
    assert ((buffers.owner == 0) != before).sum() <= 10  # centres on the slanting edge
    assert ((buffers.owner == 1) != (_inside(far, 20, 40) & (buffers.owner != 0))).sum() <= 1
    assert (buffers.owner[:, :20] == -1).all()


def test_depth_is_linear_over_a_wide_triangle() -> None:
    points = np.array([[1.0, 1, 0.5], [90, 2, 3.0], [40, 30, 1.0]], np.float32)
    buffers = Buffers.empty(32, 96)
    draw(buffers, points, np.array([[0, 1, 2]], np.int32), 0)
    plane = np.linalg.solve(np.column_stack([points[:, :2], np.ones(3)]), points[:, 2])
    y, x = np.nonzero(buffers.owner == 0)
    wanted = np.column_stack([x + 0.5, y + 0.5, np.ones(len(x))]) @ plane
    assert buffers.depth[y, x] == pytest.approx(wanted, abs=1e-4)


def test_a_copy_is_drawn_into_alone() -> None:
    first = Buffers.empty(24, 32)
    draw(first, *_triangle(2.0), 0)
    second = first.copy()
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    draw(second, *_triangle(1.0), 1)
    assert (first.owner != 1).all() and (second.owner == 1).any()


def test_triangles_that_share_an_edge_leave_no_gap() -> None:
    """A square cut into a fan about a corner of odd coordinates."""
    rim = [(1.3, 1.7), (30.1, 2.2), (29.4, 22.9), (2.6, 21.3), (1.3, 1.7)]
    middle = (13.37, 11.11)
    points = np.array([[*middle, 1.0], *([x, y, 1.0] for x, y in rim)], np.float32)
    faces = np.array([[0, k, k + 1] for k in range(1, 5)], np.int32)
    buffers = Buffers.empty(24, 32)
    draw(buffers, points, faces, 0)
    outline = np.array(rim[:4], np.float32)
    halves = [_inside(outline[[0, k, k + 1]], 24, 32) for k in (1, 2)]
    assert ((buffers.owner == 0) != (halves[0] | halves[1])).sum() <= 1


def test_what_is_cut_is_not_drawn() -> None:
    points, faces = _triangle()
    buffers = Buffers.empty(24, 32)
    draw(buffers, points, faces, 0, cut=(10 - points[:, 1]).astype(np.float32))
    rows = np.nonzero((buffers.owner == 0).any(1))[0]
    assert rows.max() == 9 and rows.min() <= 2


def test_closed_meshes_are_drawn_from_outside_only() -> None:
    points, faces = _triangle()
    sides = []
    for orientation in (faces, np.ascontiguousarray(faces[:, ::-1])):
        buffers = Buffers.empty(24, 32)
        draw(buffers, points, orientation, 0, closed=True)
        sides.append((buffers.owner == 0).any())
    assert sorted(sides) == [False, True]


def test_a_triangle_outside_the_picture_does_nothing() -> None:
    points, faces = _triangle()
    buffers = Buffers.empty(24, 32)
    draw(buffers, points + np.float32(100), faces, 0)
    assert (buffers.owner == -1).all()


def test_normals_of_an_octahedron_point_outwards() -> None:
    points = np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32
    )
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    assert np.allclose(vertex_normals(points, np.array(faces, np.int32)), points, atol=1e-6)


def test_skinning_blends_transforms() -> None:
    still = np.eye(4, dtype=np.float32)[:3]
    moved = still.copy()
    moved[0, 3] = 2
    out = skinned(
        np.array([[1.0, 2, 3]], np.float32),
        np.array([[0, 1]], np.int32),
        np.array([[0.25, 0.75]], np.float32),
        np.stack([still, moved]),
    )
    assert out[0] == pytest.approx([2.5, 2, 3])
