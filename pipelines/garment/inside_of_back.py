"""The inside of a garment's back, which a flat-lay shows through the neck or below the hem.

The placement net says about where it is. Where it ends, the photo says: a watershed (Meyer 1994,
"Topographic distance and watershed lines") grows what the net is sure of up to the photo's edges.
An edge may be a stripe's, so each piece that changes sides must have the colour of its new side.
"""

from __future__ import annotations

import cv2
import numpy as np

_HEART, _FRONT = 0.7, 0.03  # the net's share of inside from, and up to, which it is sure
_BLUR = 1.0  # pixels
_NEARER = 0.6  # of the colour's distance to the other side, at most
_TOLD_APART = (3.0, 1.5)  # Lab units, and spreads of the cloth, that the colours lie apart at least
_VIVID = 4.0  # Lab units of chroma that the inside, in the shade, may have more than the outside
_REACH = 11  # pixels around a piece in which it is compared
_SMALL = 4  # pixels that have no colour to speak of
_LARGEST = 2.5  # a piece, in parts of all that the net thought to be inside


def inside_of_back(share: np.ndarray, mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: the share of what nobody sees once the garment is worn, to the edge.

    share: float32 (h, w), 0-1, what a net thinks of it. mask: bool (h, w), the garment.
    image: uint8 (h, w, 3), RGB, about 200 pixels large.
    """
    heart, front = mask & (share > _HEART), mask & (share < _FRONT)
    if not heart.any() or not front.any():
        return share
    smooth = cv2.GaussianBlur(image, (0, 0), _BLUR)
    lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    thought = mask & (share > 0.5)
    drawn = _grown(heart, front, mask, smooth, thought)
    settled = share.copy()
    for piece in _pieces(drawn & ~thought):
        small, large = piece.sum() < _SMALL, piece.sum() > _LARGEST * thought.sum()
        alike = not large and _belongs(lab, piece, heart, front) and _dull(lab, piece, front)
        if small or alike:
            settled[piece] = 1
    for piece in _pieces(thought & ~drawn):
        if piece.sum() < _SMALL or _belongs(lab, piece, front, heart):
            settled[piece] = 0
    return (settled > 0.5).astype(np.float32)


def _grown(
    heart: np.ndarray, front: np.ndarray, mask: np.ndarray, image: np.ndarray, thought: np.ndarray
) -> np.ndarray:
    """bool (h, w): what a watershed gives to the heart; the line itself goes by `thought`."""
    markers = np.where(mask, 0, 3).astype(np.int32)
    markers[front], markers[heart] = 1, 2
    cv2.watershed(image, markers)
    return np.asarray((markers == 2) | ((markers == -1) & thought))


def _pieces(plane: np.ndarray) -> list[np.ndarray]:
    """bool (h, w) each: what hangs together."""
    count, labels = cv2.connectedComponents(plane.astype(np.uint8), connectivity=4)
    return [labels == i for i in range(1, count)]


def _belongs(lab: np.ndarray, piece: np.ndarray, here: np.ndarray, there: np.ndarray) -> bool:
    """Whether a piece has the colour of what is here, and not of what is there, around it."""
    own = np.median(lab[piece], axis=0)
    similar, other = lab[_near(piece, here)], lab[_near(piece, there)]
    middle = np.median(other, axis=0)
    spread = float(np.median(np.linalg.norm(other - middle, axis=1)))
    apart = float(np.linalg.norm(own - middle))
    away = float(np.linalg.norm(own - np.median(similar, axis=0)))
    least, spreads = _TOLD_APART
    return away < _NEARER * apart and apart > max(least, spreads * spread)


def _dull(lab: np.ndarray, piece: np.ndarray, front: np.ndarray) -> bool:
    """Whether a piece is no more colourful than the front around it: the inside is shaded."""
    chroma = np.linalg.norm(lab[..., 1:], axis=-1)
    return bool(np.median(chroma[piece]) < np.median(chroma[_near(piece, front)]) + _VIVID)


def _near(piece: np.ndarray, of: np.ndarray) -> np.ndarray:
    """bool (h, w): the part of `of` around a piece, all of it if there is none."""
    window = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    around = (cv2.dilate(piece.astype(np.uint8), window) > 0) & of
    return around if around.any() else of
