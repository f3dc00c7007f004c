"""Where the top ends and the bottom begins: a line across the trunk, found in the photo.

Nothing is known of the clothes in advance. The trunk is drawn upright as a small picture; its
colours, in clusters, say at which height the cloth above and the cloth below differ most (the
Jensen-Shannon divergence of their histograms). From there on, histograms and line are found in
turns: each column ends the top where its own colours and edges say so, columns beside each other
at nearly the same height, by dynamic programming. A bare midriff belongs to the top's side; what
is before the clothes says nothing, so the line goes on behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tryon.pipelines.anatomy import Anatomy
from tryon.pipelines.clusters import colour_clusters
from tryon.pipelines.crop import Crop

_ROWS, _COLUMNS = 128, 36  # of the upright picture of the trunk
_FIRST, _LAST, _HALF = 0.2, 1.75, 0.46  # levels it shows, and half its width in shoulder widths
_STEP = (_LAST - _FIRST) / _ROWS  # levels a row
_REACH = round(0.4 / _STEP)  # rows above and below the line in which cloth is compared
_NEAR = round(0.3 / _STEP)  # rows that something before the clothes may hide
_HIGHEST, _LOWEST = 0.4, 1.5  # levels where a top may end
_USUAL, _SPREAD = 0.93, 0.2  # and where tops usually do: mean and standard deviation
_MIDRIFF = (0.3, 1.1)  # levels where skin lies between top and bottom
_WAISTBAND = 0.88  # tops that end above this level show the waistband; those below hang over it
_COLOURS = 12
_BARE, _NOTHING = _COLOURS, _COLOURS + 1  # kinds of pixels besides the clusters of cloth
_LIGHTNESS = np.array([0.7, 1, 1], np.float32)  # light and shadow change a colour's L the most
_CLEAR_EDGE = 25.0  # a change of colour in CIELAB that leaves no doubt
_BARE_EDGE = 5.0  # where a bare midriff ends: no doubt at all
_EDGE = 0.5  # weight of a clear edge against cloth that differs completely
_STEEPEST, _BEND = 3, 0.15  # rows from one column to the next, at most, and what each costs
_ROUNDS = 2
_SURE = 0.3  # confidence below which there is no line: a dress, as far as colours tell


@dataclass(frozen=True, eq=False, slots=True)
class Waistline:
    """The line where the top ends; over a bare midriff, where the bottom begins.

    points: float32 (n, 2), photo pixels, from the picture's left to its right across the trunk.
    confidence: 0-1, how clearly clothes of two kinds meet there.
    tucked: the top ends at the waistband, or above it; if not, it hangs over the bottom.
    """

    points: np.ndarray
    confidence: float
    tucked: bool

    def y(self, x: np.ndarray) -> np.ndarray:
        """float64, shaped as `x`: the line's height at photo columns; level beyond its ends."""
        return np.interp(x, self.points[:, 0], self.points[:, 1])


def waistline(
    rgb: np.ndarray, measures: Anatomy, cloth: np.ndarray, bare: np.ndarray, window: Crop
) -> Waistline | None:
    """The line where somebody's top ends; None if nothing tells, as in a dress.

    rgb: uint8 (h, w, 3), the window. measures: in its pixels. cloth, bare: bool (h, w), clothes
    and skin of trunk and legs, without arms, hands and bags before them.
    """
    to_window = _upright(measures)
    lab = _drawn(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), to_window).astype(np.float32)
    lab *= (100 / 255, 1, 1)
    there = _drawn(cloth.astype(np.uint8) * 255, to_window) > 230
    skin = _drawn(bare.astype(np.uint8) * 255, to_window) > 127
    if np.count_nonzero(there) < 0.1 * there.size:
        return None
    kinds = np.full(there.shape, _NOTHING)
    middle = np.arange(*(round((level - _FIRST) / _STEP) for level in _MIDRIFF))
    kinds[middle] = np.where(skin[middle], _BARE, _NOTHING)
    kinds[there], _ = colour_clusters(lab[there] * _LIGHTNESS, _COLOURS)
    edges = _edges(lab, kinds)
    unlike = _unlikeness(kinds, edges)
    rows = np.full(_COLUMNS, int(unlike.argmax()))
    if unlike[rows[0]] <= 0:
        return None
    for _ in range(_ROUNDS):
        rows = _followed(kinds, edges, rows)
    columns = np.flatnonzero(_met(kinds < _NOTHING, rows))
    confidence = _confidence(kinds, edges, rows)
    if len(columns) < 0.3 * _COLUMNS or confidence < _SURE:
        return None
    at = np.stack([columns + 0.5, rows[columns]], axis=1) @ to_window[:, :2].T + to_window[:, 2]
    points = at / window.scale + (window.box.left, window.box.top)
    level = _FIRST + _STEP * float(np.median(rows[columns]))
    return Waistline(points.astype(np.float32), confidence, level < _WAISTBAND)


def _upright(measures: Anatomy) -> np.ndarray:
    """float64 (2, 3): the affine map from the upright picture of the trunk to the window, both
    with (0, 0) at the corner of the first pixel."""
    start, end = measures.waist_axis
    down = end - start
    across = np.array([down[1], -down[0]]) / max(float(np.linalg.norm(down)), 1e-6)
    right = across * (2 * _HALF * measures.unit / _COLUMNS)
    corner = start + _FIRST * down - 0.5 * _COLUMNS * right
    return np.stack([right, down * _STEP, corner], axis=1)


def _drawn(plane: np.ndarray, to_window: np.ndarray) -> np.ndarray:
    """(`_ROWS`, `_COLUMNS`[, k]): the upright picture of a plane of the window, uint8."""
    matrix = to_window.copy()
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    sigma = max(0.35 * float(np.linalg.norm(to_window[:, 1])), 0.3)
    smooth = cv2.GaussianBlur(plane, (0, 0), sigma)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(smooth, matrix, (_COLUMNS, _ROWS), flags=flags)


def _edges(lab: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """float32 (`_ROWS` + 1, `_COLUMNS`), 0-1: how much the colour changes across each line between
    two rows, as far as the person is seen on both sides; `_BARE_EDGE` below a bare midriff."""
    edges = np.zeros((_ROWS + 1, _COLUMNS), np.float32)
    there = kinds < _NOTHING
    change = np.linalg.norm(lab[2:] - lab[:-2], axis=-1) * (there[2:] & there[:-2])
    edges[2:-1] = np.clip(change / _CLEAR_EDGE, 0, 1)[: _ROWS - 2]
    edges[1:-1][(kinds[:-1] == _BARE) & (kinds[1:] < _BARE)] = _BARE_EDGE
    return edges


def _unlikeness(kinds: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(`_ROWS` + 1,): how well a level line at each height parts two kinds of cloth, 0 where it
    cannot be."""
    counts = np.stack([(kinds == kind).sum(axis=1) for kind in range(_NOTHING)], axis=1)
    total = np.concatenate([np.zeros((1, _NOTHING)), np.cumsum(counts, axis=0)])
    lines = np.arange(_ROWS + 1)
    above = total - total[np.maximum(lines - _REACH, 0)]
    below = total[np.minimum(lines + _REACH, _ROWS)] - total
    level = _FIRST + _STEP * lines
    usual = 0.3 + np.exp(-0.5 * ((level - _USUAL) / _SPREAD) ** 2)
    few = np.minimum(above.sum(axis=1), below.sum(axis=1)) < 0.1 * _REACH * _COLUMNS
    few |= (level < _HIGHEST) | (level > _LOWEST)
    score = (_divergence(above, below) + _EDGE * edges.mean(axis=1)) * usual
    return np.asarray(np.where(few, 0, score))


def _divergence(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(...,), 0-1: the Jensen-Shannon divergence, in bits, of histograms (..., k)."""

    def entropy(share: np.ndarray) -> np.ndarray:
        return np.asarray(-(share * np.log2(np.maximum(share, 1e-9))).sum(axis=-1))

    one, other = (h / np.maximum(h.sum(axis=-1, keepdims=True), 1) for h in (above, below))
    return entropy((one + other) / 2) - (entropy(one) + entropy(other)) / 2


def _histograms(kinds: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k,) each: how often each kind is seen above and below a line across."""
    away = np.arange(_ROWS)[:, None] + 0.5 - rows
    sides = (away < -2) & (away > -_REACH), (away > 2) & (away < _REACH)
    above, below = (np.bincount(kinds[s], minlength=_NOTHING + 1)[:_NOTHING] for s in sides)
    return above, below


def _followed(kinds: np.ndarray, edges: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """int (`_COLUMNS`,): the best line across, if clothes are as they are along another line."""
    above, below = (h / max(h.sum(), 1) for h in _histograms(kinds, rows))
    sides = np.append(np.log((above + 0.02) / (below + 0.02)), 0)
    sides[_BARE] = np.log(1 / 0.02)
    gained = np.concatenate([np.zeros((1, _COLUMNS)), np.cumsum(sides[kinds], axis=0)])
    score = gained / (0.08 * _ROWS) + _EDGE * edges
    middle = int(np.median(rows))
    first = max(middle - _REACH, 1)
    return first + _best_path(score[first : middle + _REACH])


def _best_path(score: np.ndarray) -> np.ndarray:
    """int (columns,): the row of each column, so that the sum of the scores (rows, columns) less
    the cost of bends is the largest."""
    count, columns = score.shape
    cost = _BEND * np.abs(np.arange(-_STEEPEST, _STEEPEST + 1))
    padded = np.full(count + 2 * _STEEPEST, -np.inf)
    around = sliding_window_view(padded, len(cost))
    best, came = padded[_STEEPEST : _STEEPEST + count], np.empty((columns, count), int)
    best[:] = score[:, 0]
    for column in range(1, columns):
        options = around - cost
        came[column] = options.argmax(axis=1) - _STEEPEST
        best[:] = options.max(axis=1) + score[:, column]
    path = [int(best.argmax())]
    for column in range(columns - 1, 0, -1):
        path.append(path[-1] + int(came[column, path[-1]]))
    return np.array(path[::-1])


def _confidence(kinds: np.ndarray, edges: np.ndarray, rows: np.ndarray) -> float:
    """0-1: how far the cloth differs on both sides of the line, or its edge stands out."""
    along = edges[rows, np.arange(_COLUMNS)].mean()
    usual = np.percentile(edges[_REACH:-_REACH], 90)
    differ = float(_divergence(*_histograms(kinds, rows)))
    return min(differ + max(float(along - usual), 0), 1.0)


def _met(there: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """bool (`_COLUMNS`,): the person is seen not far above and below the line."""
    away = np.arange(_ROWS)[:, None] + 0.5 - rows
    above = (there & (away < 0) & (away > -_NEAR)).any(axis=0)
    below = (there & (away > 0) & (away < _NEAR)).any(axis=0)
    return np.asarray(above & below)
