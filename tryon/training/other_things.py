"""Things that are no garments, drawn: pages, boxes, bottles, cups, shoes, bags, letters, blobs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_SIDE = 160
_COLOUR = tuple[int, int, int]


def drawn_thing(rng: np.random.Generator, name: str | None = None) -> np.ndarray:
    """uint8 (160, 160, 4), RGBA: a thing of `THINGS` at a random size and tilt; any if unnamed."""
    image = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    alpha = np.zeros((_SIDE, _SIDE), np.uint8)
    image[:] = _shaded(rng)
    THINGS[name or list(THINGS)[rng.integers(len(THINGS))]](rng, image, alpha)
    turn = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), rng.uniform(-25, 25), 0.8)
    return cv2.warpAffine(np.dstack([image, alpha]), turn, (_SIDE, _SIDE))


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """uint8 (height, width), 0 or 255: a smooth region somewhere."""
    coarse = rng.normal(size=(rng.integers(3, 7),) * 2).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = (field > np.quantile(field, rng.uniform(0.5, 0.8))).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if len(stats) > 1 else 0
    return np.where(labels == largest, 255, 0).astype(np.uint8)


def _colour(rng: np.random.Generator) -> _COLOUR:
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return red, green, blue


def _shaded(rng: np.random.Generator) -> np.ndarray:
    """uint8 (160, 160, 3): one colour, lit from one side."""
    y, x = np.mgrid[-0.5 : 0.5 : _SIDE * 1j, -0.5 : 0.5 : _SIDE * 1j]
    light = 1 + rng.uniform(-0.6, 0.6) * x + rng.uniform(-0.4, 0.4) * y
    return np.clip(np.array(_colour(rng)) * light[..., None], 0, 255).astype(np.uint8)


def _polygon(plane: np.ndarray, points: list[tuple[float, float]], value: _COLOUR | int) -> None:
    """Fill a polygon; points in shares of the side."""
    corners = np.rint(np.array(points) * _SIDE * 16).astype(np.int32)
    cv2.fillPoly(plane, [corners], value, cv2.LINE_AA, 4)


def _page(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    width, height = rng.uniform(0.25, 0.45, 2)
    left, right, top, bottom = 0.5 - width, 0.5 + width, 0.5 - height, 0.5 + height
    if rng.random() < 0.7:
        image[:] = int(rng.integers(190, 256))
    _polygon(alpha, [(left, top), (right, top), (right, bottom), (left, bottom)], 255)
    ink, row = int(rng.integers(0, 130)), top + 0.05
    while row < bottom - 0.05:
        end = right - rng.uniform(0.04, 0.25)
        points = (np.array([[left + 0.05, row], [end, row]]) * _SIDE).astype(int)
        for start in range(points[0][0], points[1][0], 7):
            stop = start + int(rng.integers(2, 7))
            cv2.line(image, (start, points[0][1]), (stop, points[0][1]), (ink,) * 3, 1)
        row += rng.uniform(0.025, 0.05)


def _bottle(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    wide, neck = rng.uniform(0.1, 0.25), rng.uniform(0.03, 0.08)
    shoulder, mouth = rng.uniform(0.25, 0.5), rng.uniform(0.02, 0.15)
    left = [(0.5 - neck, mouth), (0.5 - neck, shoulder - 0.1), (0.5 - wide, shoulder)]
    left += [(0.5 - wide, 0.95)]
    _polygon(alpha, left + [(1 - x, y) for x, y in left[::-1]], 255)
    top, bottom = sorted(rng.uniform(shoulder, 0.95, 2))
    _polygon(image, [(0.2, top), (0.8, top), (0.8, bottom), (0.2, bottom)], _colour(rng))


def _cup(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    wide, foot, deep = rng.uniform(0.2, 0.32), rng.uniform(0.1, 0.3), rng.uniform(0.2, 0.4)
    middle, top = 0.42, 0.5 - deep
    handle = (int((middle + wide) * _SIDE), _SIDE // 2)
    axes = (int(rng.uniform(0.08, 0.16) * _SIDE), int(deep * 0.6 * _SIDE))
    cv2.ellipse(alpha, handle, axes, 0, -95, 95, 255, int(rng.integers(5, 14)))
    corners = [(middle - wide, top), (middle + wide, top), (middle + foot, 0.5 + deep)]
    _polygon(alpha, [*corners, (middle - foot, 0.5 + deep)], 255)
    rim = (int(middle * _SIDE), int(top * _SIDE)), (int(wide * _SIDE), int(0.06 * _SIDE))
    cv2.ellipse(alpha, *rim, 0, 0, 360, 255, -1)
    cv2.ellipse(image, *rim, 0, 0, 360, _colour(rng), -1)


def _shoe(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    ankle, shaft = rng.uniform(0.2, 0.35), rng.uniform(0.1, 0.5)
    toe, sole = rng.uniform(0.85, 0.95), rng.uniform(0.03, 0.08)
    points = [(0.1, shaft), (0.1 + ankle, shaft), (0.15 + ankle, 0.6)]
    points += [(toe - 0.1, 0.7), (toe, 0.8), (toe, 0.85), (0.08, 0.85)]
    _polygon(alpha, points, 255)
    _polygon(image, [(0, 0.85 - sole), (1, 0.85 - sole), (1, 0.9), (0, 0.9)], _colour(rng))
    for row in np.linspace(shaft + 0.08, 0.62, int(rng.integers(2, 7))):
        start = (int((0.05 + ankle) * _SIDE), int(row * _SIDE))
        cv2.line(image, start, (start[0] + 22, start[1] + 8), _colour(rng), 2)


def _bag(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    wide, narrow, top = rng.uniform(0.25, 0.42), rng.uniform(0.18, 0.4), rng.uniform(0.35, 0.6)
    _polygon(alpha, [(0.5 - narrow, top), (0.5 + narrow, top), (0.5 + wide, 0.93)], 255)
    _polygon(alpha, [(0.5 - narrow, top), (0.5 + wide, 0.93), (0.5 - wide, 0.93)], 255)
    axes = int(rng.uniform(0.3, 0.9) * narrow * _SIDE), int(rng.uniform(0.5, 0.9) * top * _SIDE)
    centre = (_SIDE // 2, int((top + 0.02) * _SIDE))
    cv2.ellipse(alpha, centre, axes, 0, 180, 360, 255, int(rng.integers(3, 9)))
    if rng.random() < 0.6:
        flap = top + rng.uniform(0.05, 0.25)
        corners = [(0.5 - narrow, top), (0.5 + narrow, top), (0.5 + 0.8 * wide, flap)]
        _polygon(image, [*corners, (0.5 - 0.8 * wide, flap)], _colour(rng))


def _letters(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    letters = "".join(chr(int(code)) for code in rng.integers(65, 91, rng.integers(1, 4)))
    size, line = rng.uniform(2.2, 4.0) / len(letters), int(rng.integers(4, 22))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX]))
    (width, height), _ = cv2.getTextSize(letters, font, size, line)
    start = (_SIDE - width) // 2, (_SIDE + height) // 2
    cv2.putText(alpha, letters, start, font, size, 255, line, cv2.LINE_AA)


def _speckled(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    alpha[:] = blob(rng, _SIDE, _SIDE)
    coarse = rng.normal(size=(int(rng.integers(8, 80)),) * 2 + (3,)).astype(np.float32)
    grain = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    image[:] = np.clip(image + grain * rng.uniform(5, 70), 0, 255).astype(np.uint8)


def _furry(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> None:
    """Hair that lies one way, light and dark in stripes, as an animal's."""
    alpha[:] = blob(rng, _SIDE, _SIDE)
    length, lean = int(rng.integers(7, 21)), rng.uniform(0, np.pi)
    stroke = np.zeros((length, length), np.uint8)
    reach = np.array([np.cos(lean), np.sin(lean)]) * length / 2
    ends = [tuple(int(v) for v in length / 2 + sign * reach) for sign in (-1, 1)]
    cv2.line(stroke, ends[0], ends[1], 255, 1)
    hair = rng.normal(size=(_SIDE, _SIDE)).astype(np.float32)
    hair = cv2.filter2D(hair, -1, stroke / np.float32(stroke.sum())) * np.sqrt(length)
    coat = cv2.resize(rng.normal(size=(6, 6)).astype(np.float32), (_SIDE, _SIDE))
    light = 110 + rng.uniform(10, 35) * hair + rng.uniform(10, 50) * coat + rng.normal() * 40
    tint = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.0)])
    image[:] = np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)


THINGS: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], None]] = {
    "page": _page,
    "bottle": _bottle,
    "cup": _cup,
    "shoe": _shoe,
    "bag": _bag,
    "letters": _letters,
    "speckled": _speckled,
    "furry": _furry,
}
