"""What a person carries in front of their clothes: a bag, and the strap that it hangs on.

Nothing is known of bags in advance. A bag is a compact patch of one colour beside the hips or a
hand, a colour that nothing else has that is worn; a strap is a narrow line of one colour, from a
shoulder across the trunk, unlike the cloth on both its sides by more than it varies along itself,
where the cloth is not full of such lines. In doubt nothing is found: what is found is never
repainted, and an old garment left standing is worse than a bag that is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from tryon.pipelines.anatomy import Anatomy
from tryon.pipelines.clusters import colour_clusters

_PATCH_SIDE, _LINE_SIDE = 192, 256  # longest sides of the pictures in which each is looked for
_LIGHTNESS = np.array([0.6, 1, 1], np.float32)  # light and shadow change a colour's L the most
_COLOURS, _SAME_COLOUR, _ALIKE = 13, 9.0, 11.0  # clusters, and distances within CIELAB
_POINTS = 44  # a line is looked at in so many points
_BESIDE, _WIDEST = 0.085, 0.11  # where a strap has ended, and its half width, in shoulder widths
_UNLIKE, _ONE_COLOUR = 5.0, 12.0  # distances of a strap from the cloth, and from itself
_STEADY = 0.55  # and how far a strap may vary, as a share of its distance from the cloth
# Share of a strap's points that must be seen as one, and that of all lines' points that may.
_SEEN, _LINED = 0.75, 0.15
_SEEN_AT_A_BAG, _LINED_AT_A_BAG = 0.8, 0.45

_Lines = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Starts and ends (n, 2), and (n,) how far each bends sideways, as a share of its length."""


@dataclass(frozen=True, eq=False, slots=True)
class _View:
    """A person at a small size. lab: float32 (h, w, 3), CIELAB, L counting less.

    start, end: of the trunk's axis, (2,) pixels. unit: width of the shoulders in pixels.
    """

    lab: np.ndarray
    start: np.ndarray
    end: np.ndarray
    unit: float

    @property
    def size(self) -> tuple[int, int]:
        return self.lab.shape[1], self.lab.shape[0]

    @property
    def across(self) -> np.ndarray:
        """(2,): the unit vector sideways from the trunk."""
        down = self.end - self.start
        return np.array([-down[1], down[0]]) / max(float(np.linalg.norm(down)), 1e-6)


@dataclass(frozen=True, eq=False, slots=True)
class _Strap:
    """outline: float32 (n, 2), pixels. end: (2,), the lower one. colour: (3,), as `_View.lab`."""

    outline: np.ndarray
    end: np.ndarray
    colour: np.ndarray


def carried_things(
    rgb: np.ndarray,
    measures: Anatomy,
    body: np.ndarray,
    cloth: np.ndarray,
    background: np.ndarray,
    near: np.ndarray,
) -> np.ndarray:
    """bool (h, w): bags and straps before the body.

    rgb: uint8 (h, w, 3). measures: in its pixels. body: bool (h, w), the silhouette. cloth: bool
    (h, w), what of it may be cloth, or a bag: no skin, hair or shoes. background: float32 (h, w),
    its probability. near: float32 (h, w), distance from the nearest limb in its half widths.
    """
    view, fine = _view(rgb, measures, _PATCH_SIDE), _view(rgb, measures, _LINE_SIDE)
    silhouette = _at(body, fine)
    strap = _strap(fine, silhouette)
    hangs = None
    if strap is not None:
        hangs = strap.end * (view.unit / fine.unit), strap.colour
    planes = _at(cloth, view) > 0.5, _at(background, view), _at(near, view)
    bags = [patch for patch in _patches(view, planes[0]) if _is_bag(view, patch, *planes, hangs)]
    if bags and strap is None:
        strap = _strap(fine, silhouette, at_a_bag=True)
    found: np.ndarray = np.zeros(body.shape, np.uint8)
    scale = body.shape[0] / view.size[1]
    for bag in bags:
        cv2.fillConvexPoly(found, np.rint((_hull(bag) + 0.5) * scale).astype(np.int32), 1)
    if bags:  # half a pixel of the view to the outline, and half a one for its soft rim
        found = cv2.dilate(found, np.ones((2 * round(scale) + 1,) * 2, np.uint8))
    if strap is not None:
        outline = strap.outline * (body.shape[0] / fine.size[1])
        cv2.fillPoly(found, [np.rint(outline).astype(np.int32)], 1)
    return found > 0


def _view(rgb: np.ndarray, measures: Anatomy, side: int) -> _View:
    scale = min(1.0, side / max(rgb.shape[:2]))
    size = (max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), (0, 0), 1.0) * _LIGHTNESS
    start, end = (point * scale for point in measures.waist_axis)
    return _View(lab, start, end, measures.unit * scale)


def _at(plane: np.ndarray, view: _View) -> np.ndarray:
    """float32: a plane at the size of a view."""
    return cv2.resize(plane.astype(np.float32), view.size, interpolation=cv2.INTER_AREA)


def _patches(view: _View, cloth: np.ndarray) -> Iterator[np.ndarray]:
    """bool (h, w) each: connected regions of one colour, of the size of a bag."""
    if np.count_nonzero(cloth) < 20 * _COLOURS:
        return
    labels = np.full(cloth.shape, -1)
    labels[cloth], centres = colour_clusters(view.lab[cloth], _COLOURS)
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    for group in {tuple(np.flatnonzero(row < _SAME_COLOUR)) for row in apart}:
        one = cv2.morphologyEx(np.isin(labels, group).astype(np.uint8), cv2.MORPH_OPEN, disc)
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(one)
        for piece in range(1, count):
            if 0.06 < stats[piece, cv2.CC_STAT_AREA] / view.unit**2 < 1.2:
                yield pieces == piece


def _is_bag(
    view: _View,
    patch: np.ndarray,
    cloth: np.ndarray,
    background: np.ndarray,
    near: np.ndarray,
    hangs: tuple[np.ndarray, np.ndarray] | None,
) -> bool:
    """Whether a patch is compact, beside the body, and unlike all else that is worn.

    hangs: the end and the colour of a strap, on which less evidence is enough.
    """
    rows, columns = np.nonzero(patch)
    hull, colour = _hull(patch), view.lab[patch].mean(axis=0)
    filled = cv2.contourArea(hull) + 0.5 * cv2.arcLength(hull, True)
    at = np.stack([columns, rows], axis=1) + 0.5 - view.start
    aside, down = at @ view.across, view.end - view.start
    level = at @ down / max(float(down @ down), 1e-6)
    off = np.linalg.norm(view.lab - colour, axis=-1)
    wide = cv2.dilate(patch.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    alike = cloth & (off < _ALIKE)
    elsewhere = np.count_nonzero(alike & ~wide) / len(rows)
    if len(rows) < 0.65 * filled or background[patch].mean() > 0.3 or level.mean() < 0.7:
        return False
    if hangs is not None and np.linalg.norm(colour - hangs[1]) < _ONE_COLOUR:
        away = np.linalg.norm(at + view.start - hangs[0], axis=1).min()
        if away < 0.12 * view.unit and elsewhere < 1:
            return True
    beside = abs(float(aside.mean())) > 0.45 * view.unit and float(near[patch].mean()) > 0.9
    hanging = 0.8 < float(level.mean()) < 1.6 and float(level.min()) < 1.25
    rim = (cv2.dilate(patch.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~patch
    if not (beside and hanging and len(rows) > 0.78 * filled and elsewhere < 0.6):
        return False
    return float(np.median(off[rim])) >= 8


def _hull(patch: np.ndarray) -> np.ndarray:
    """int32 (n, 1, 2): corners of the convex hull."""
    rows, columns = np.nonzero(patch)
    return cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))


def _strap(view: _View, body: np.ndarray, *, at_a_bag: bool = False) -> _Strap | None:
    """A strap across the trunk, if one is seen clearly; at a bag, less is enough."""
    coarse = _lines(view)
    seen, clearness = _seen(view, body, coarse)
    lined, best = float(np.median(seen)), int(np.argmax(clearness))
    lines = _lines_near(view, *(values[best] for values in coarse))
    seen, clearness = _seen(view, body, lines)
    best = int(np.argmax(clearness))
    share = seen[best] if clearness[best] > 0 else 0.0
    clear = share >= _SEEN and lined <= _LINED
    if not (clear or (at_a_bag and share >= _SEEN_AT_A_BAG and lined <= _LINED_AT_A_BAG)):
        return None
    starts, ends, bows = (values[best : best + 1] for values in lines)
    return _strap_along(view, body, (starts, ends, bows))


def _lines(view: _View) -> _Lines:
    """Where straps may lie."""
    down = view.end - view.start
    choices = product(
        (-1, 1), (0.14, 0.22, 0.3, 0.38, 0.46), (0.3, 0.42, 0.54, 0.66),
        (0.7, 0.8, 0.9, 1.0, 1.1, 1.2), (-0.05, 0.0, 0.05),
    )  # fmt: skip
    side, shoulder, hip, level, bow = np.array(list(choices)).T
    starts = view.start - 0.03 * down + view.across * (side * shoulder * view.unit)[:, None]
    ends = view.start + down * level[:, None] - view.across * (side * hip * view.unit)[:, None]
    return starts, ends, bow


def _lines_near(view: _View, start: np.ndarray, end: np.ndarray, bow: float) -> _Lines:
    """A line, and lines between it and its neighbours among `_lines`."""
    choices = product(
        (-0.05, -0.025, 0.0, 0.025, 0.05), (-0.06, -0.03, 0.0, 0.03, 0.06),
        (-0.05, 0.0, 0.05), (-0.025, 0.0, 0.025),
    )  # fmt: skip
    shoulder, hip, level, bend = np.array(list(choices)).T
    starts = start + view.across * (shoulder * view.unit)[:, None]
    lower = end + (view.end - view.start) * level[:, None]
    return starts, lower + view.across * (hip * view.unit)[:, None], bow + bend


def _seen(view: _View, body: np.ndarray, lines: _Lines) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: the share of a line's points that a strap is seen at, and how clear the line is
    as a whole: 0 if it changes too much along itself."""
    points, middle, contrast = _along(view, lines)
    off = np.linalg.norm(middle - np.median(middle, axis=1, keepdims=True), axis=-1)
    inside = _looked_up(body, points).mean(axis=1) > 0.9
    seen = ((contrast > _UNLIKE) & (off < _ONE_COLOUR)).mean(axis=1) * inside
    lowest, usual = np.percentile(contrast, (20, 50), axis=1)
    steady = np.median(off, axis=1) < np.minimum(_ONE_COLOUR, _STEADY * usual)
    return seen, (seen + 0.01 * lowest) * inside * steady


def _along(view: _View, lines: _Lines) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points on lines, (n, k, 2), the colours there, (n, k, 3), and how far they are from the
    colours on the nearer in colour of both sides, (n, k)."""
    points, aside = _on_lines(lines, np.linspace(0.08, 0.95, _POINTS))
    step = _BESIDE * view.unit * aside[:, None]
    middle, one, other = (_looked_up(view.lab, points + d) for d in (0 * step, step, -step))
    sides = (np.linalg.norm(middle - side, axis=-1) for side in (one, other))
    return points, middle, np.minimum(*sides)


def _on_lines(lines: _Lines, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, k, 2) at shares of the lines, and the unit vectors (n, 2) across the lines."""
    starts, ends, bows = lines
    along = ends - starts
    length = np.linalg.norm(along, axis=1)
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
    bent = (bows * length)[:, None] * np.sin(np.pi * np.clip(share, 0, 1))
    points = starts[:, None] + share[:, None] * along[:, None] + aside[:, None] * bent[..., None]
    return points, aside


def _looked_up(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float32: a plane at points (..., 2) in pixels."""
    at = np.asarray(points, np.float32) - np.float32(0.5)
    return cv2.remap(
        plane, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _strap_along(view: _View, body: np.ndarray, line: _Lines) -> _Strap | None:
    """The strap along one line, as far as it goes on beyond both ends; None if it is not narrow."""
    _, middle, contrast = _along(view, line)
    colour = np.median(middle[0], axis=0)
    far = min(_ONE_COLOUR, 0.5 * float(np.median(contrast)))  # from there on it is the cloth
    count = max(round(float(np.linalg.norm(line[1] - line[0]))), 8)
    share = np.linspace(-0.15, 1.3, round(1.45 * count))
    points, aside = _on_lines(line, share)
    half = np.linspace(0, _WIDEST, 12) * view.unit
    reach = np.concatenate([-half[:0:-1], half])
    strip = _looked_up(view.lab, points[0][:, None] + reach[:, None] * aside[0])
    alike = np.linalg.norm(strip - colour, axis=-1) < far
    here = alike[:, 9:14].any(axis=1) & (_looked_up(body, points)[0] > 0.5)
    above, below = np.flatnonzero(~here & (share < 0.08)), np.flatnonzero(~here & (share > 0.95))
    first = int(above[-1]) + 1 if above.size else 0
    last = int(below[0]) if below.size else len(share)
    edges = []
    for sign, rows in ((-1, alike[:, 11::-1]), (1, alike[:, 11:])):
        # As far as the strap's colour goes on from its middle, but about the usual width.
        run = np.cumprod(rows | (half < 0.015 * view.unit), axis=1).sum(axis=1) - 0.5
        usual = float(np.median(run[first:last]))
        if usual > 9:
            return None
        width = np.clip(run, usual - 1, usual + 1) * half[1]
        edges.append((points[0] + sign * width[:, None] * aside[0])[first:last])
    outline = np.concatenate([edges[0], edges[1][::-1]]).astype(np.float32)
    return _Strap(outline, points[0][last - 1], colour)
