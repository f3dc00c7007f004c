"""What is known of a picture, carried on to where nothing is known."""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 2  # pixels of the shorter side at which pulling ends
_ENOUGH = 4.0  # a pixel is known where a fourth of its surroundings is
_COARSE = 2.5  # pixels of a smaller copy that a blur must still be wide


def filled(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """float32 (h, w[, c]): known pixels go on smoothly into the unknown ones.

    Pull-push (Gortler et al. 1996, "The Lumigraph"): averages of ever larger surroundings, used
    where nothing closer is known.

    image: (h, w[, c]). weight: (h, w), 0-1, how far each pixel is known.
    """
    values = image.astype(np.float32)
    values = values[..., None] if image.ndim == 2 else values
    weight = np.ascontiguousarray(weight, dtype=np.float32)
    levels = [(values * weight[..., None], weight)]
    while min(levels[-1][1].shape) > _SMALLEST:
        total, known = levels[-1]
        smaller = cv2.pyrDown(total)
        smaller = smaller[..., None] if smaller.ndim == 2 else smaller
        levels.append((smaller, cv2.pyrDown(known)))
    total, known = levels.pop()
    result = total / np.maximum(known, 1e-6)[..., None]
    for total, known in reversed(levels):
        above = cv2.pyrUp(result, dstsize=known.shape[::-1])
        above = above[..., None] if above.ndim == 2 else above
        share = np.clip(_ENOUGH * known, 0, 1)[..., None]
        result = above + (total / np.maximum(known, 1e-6)[..., None] - above) * share
    return np.asarray(result[..., 0] if image.ndim == 2 else result)


def mean_near(image: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """float32 (h, w[, c]): the weighted mean around each pixel; about 0 where nothing weighs.

    It is as smooth as `sigma` (pixels) makes it, and so found on a smaller copy.
    """
    mean, _ = _coarse_mean(image, weight, sigma)
    return cv2.resize(mean, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def continued(image: np.ndarray, known: np.ndarray, wanted: np.ndarray, sigma: float) -> np.ndarray:
    """uint8 (h, w, 3): the picture where it is known, and where it is wanted as it would go on.

    The broad colours go on smoothly; what is finer than `sigma` pixels (grain, weave, the edge of
    a floor) is mirrored at the border of what is known, so that lines across the border go on.

    image: uint8 (h, w, 3). known, wanted: bool (h, w). Elsewhere, the picture is as it was.
    """
    result = image.copy()
    places = np.nonzero(wanted & ~known)
    if len(places[0]) and known.any():
        source, found = _mirrored(known, *places)
        mean, near = _coarse_mean(image, known, sigma)
        size = image.shape[1::-1]
        fine = image[source] - cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR)[source]
        broad = cv2.resize(filled(mean, near), size, interpolation=cv2.INTER_LINEAR)[places]
        result[places] = np.clip(np.rint(broad + fine * found[:, None]), 0, 255)
    return result


def _coarse_mean(
    image: np.ndarray, weight: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """The weighted mean around each pixel of a copy so small that sigma is a few pixels, and the
    weight of each of them."""
    step = max(int(sigma / _COARSE), 1)
    size = max(image.shape[1] // step, 1), max(image.shape[0] // step, 1)
    plane = np.ascontiguousarray(weight, dtype=np.float32)
    whole = cv2.multiply(image.astype(np.float32), _channels(plane, image), dtype=cv2.CV_32F)
    total, near = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (whole, plane))
    around = cv2.GaussianBlur(near, (0, 0), sigma / step)
    mean = cv2.GaussianBlur(total, (0, 0), sigma / step)
    return mean / _channels(np.maximum(around, 1e-4), image), near


def _channels(plane: np.ndarray, image: np.ndarray) -> np.ndarray:
    return plane if image.ndim == 2 else cv2.merge([plane] * image.shape[2])


def _mirrored(
    known: np.ndarray, y: np.ndarray, x: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """For each unknown pixel, the one that lies as far behind the border as it lies before it; and
    whether that is known."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(known)
    where = np.zeros(int(labels.max()) + 1, np.int64)
    where[labels[rows, columns]] = np.arange(len(rows))
    nearest = where[labels[y, x]]
    behind_y, behind_x = 2 * rows[nearest] - y, 2 * columns[nearest] - x
    height, width = known.shape
    behind_y, behind_x = _reflected(behind_y, height), _reflected(behind_x, width)
    return (behind_y, behind_x), known[behind_y, behind_x]


def _reflected(places: np.ndarray, length: int) -> np.ndarray:
    """Places beyond a picture's edge, as far before it."""
    inside = np.abs(places)
    return np.clip(np.minimum(inside, 2 * (length - 1) - inside), 0, length - 1)
