"""The light of a photo, told from the old garment and laid onto the new one.

What a garment photo shows is lit evenly; on a person, one side lies in the shade and large folds
are dark. The old garment shows both. Its lightness, smoothed over a good part of a hand, is the
light, as far as the cloth has one colour: what has another hue, and what stands out from its
surroundings, is taken for print and left out. A slope from top to bottom is as likely the cloth's
own as the light's, so only half of it counts.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.person.parsing import Parsing
from tryon.pipelines.warp import Warp
from tryon.types import Category

_UNIT = 40  # pixels of the shoulders at which the light is found
_SMOOTH = 0.08  # in shoulder widths
_DARK = 10.0  # levels added before logarithms, where noise says more than light
_HUE = 0.15  # difference of log ratios of channels that is another colour
_SHADE = 0.9  # logarithm of a difference in lightness that no light makes
_AMOUNT, _LIMIT = 0.7, 0.25  # how much of the light is given, and the largest logarithm
_LUMINANCE = np.array([0.3, 0.6, 0.1], np.float32)


def lit_warp(warp: Warp, photo: Image.Image, parsing: Parsing, category: Category) -> Warp:
    """The warp with the light of what the person wears: the mean stays as it is.

    photo: RGB, that of `parsing`. category: of the garment in the warp, which says whose light.
    """
    light = garment_light(photo, parsing, category)
    box = parsing.window.box
    cut = np.s_[box.top : box.bottom, box.left : box.right]
    rows, columns = (np.flatnonzero((warp.coverage[cut] > 0).any(axis=axis)) for axis in (1, 0))
    if light is None or not len(rows):
        return warp
    here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    gain = cv2.resize(np.exp(light), box.size, interpolation=cv2.INTER_LINEAR)[here]
    image = warp.image.copy()
    image[cut][here] = cv2.multiply(
        image[cut][here], cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U
    )
    return replace(warp, image=image)


def garment_light(photo: Image.Image, parsing: Parsing, category: Category) -> np.ndarray | None:
    """float32 (h, w) over `parsing.window`: the logarithm of the light on the old garment.

    Its mean over the garment is about 0, and it is 0 away from it. None if too little is seen.
    """
    window = parsing.window
    scale = min(1.0, _UNIT / parsing.anatomy.unit)
    size = max(round(window.size[0] * scale), 8), max(round(window.size[1] * scale), 8)
    box = window.box.as_tuple()
    small = photo.resize(size, Image.Resampling.BOX, box, reducing_gap=2.0)
    cloth = cv2.resize(
        _old_garment(parsing, category).astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    cloth = np.where(cloth > 0.9, cloth, 0).astype(np.float32)  # not its edges
    if cloth.sum() < 30:
        return None
    sigma = max(_SMOOTH * parsing.anatomy.unit * scale, 0.5)
    smooth = _smooth_lightness(np.log(np.asarray(small, np.float32) + _DARK), cloth, sigma)
    level = smooth - float((smooth * cloth).sum() / cloth.sum())
    light = _mean_around(level, cloth, 0.5 * sigma, 0.05)
    light -= 0.5 * _slope(light, cloth)[:, None] * _mean_around(cloth, cloth, sigma, 0.05)
    return np.asarray(_LIMIT * np.tanh(_AMOUNT / _LIMIT * light), np.float32)


def _old_garment(parsing: Parsing, category: Category) -> np.ndarray:
    """bool (h, w): the clothes that a garment of this category takes the place of."""
    top, bottom = parsing.top > 0.5, parsing.bottom > 0.5
    lower = bottom if parsing.two_piece else top
    worn = {"upper": top, "lower": lower, "dress": top | bottom}[category]
    return np.asarray(worn & parsing.body & ~parsing.carried)


def _smooth_lightness(logs: np.ndarray, cloth: np.ndarray, sigma: float) -> np.ndarray:
    """float32 (h, w): the smoothed log lightness of the cloth's main colour.

    logs: float32 (h, w, 3), logarithms of the channels. cloth: float32 (h, w), 0-1.
    """
    lightness = logs @ _LUMINANCE
    hues = logs[..., ::2] - logs[..., 1:2]
    other = np.linalg.norm(hues - np.median(hues[cloth > 0], axis=0), axis=-1)
    hue = cloth * np.exp(-np.square(other / _HUE))
    weight = hue
    for _ in range(3):  # sleeves of another shade are cloth of another colour
        level = np.float32((lightness * weight).sum() / max(float(weight.sum()), 1e-6))
        weight = hue * np.square(np.clip(1 - np.square((lightness - level) / _SHADE), 0, None))
    smooth = _mean_around(lightness - level, weight, sigma, 1e-3)
    off = np.abs(lightness - level - smooth)
    reach = 4 * 1.4826 * max(float(np.median(off[cloth > 0])), 0.01)
    weight = weight * np.square(np.clip(1 - np.square(off / reach), 0, None))  # Tukey's biweight
    return _mean_around(lightness - level, weight, sigma, 1e-3)


def _mean_around(values: np.ndarray, weight: np.ndarray, sigma: float, floor: float) -> np.ndarray:
    """float32 (h, w): the weighted mean nearby; falls to 0 where less than `floor` is near."""
    near = cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(values * weight, (0, 0), sigma) / (near + floor))


def _slope(light: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """float32 (h,): the straight line from top to bottom that is nearest to the light."""
    row = np.arange(len(light), dtype=np.float64)
    pixels = cloth.sum(axis=1)
    value = (light * cloth).sum(axis=1) / np.maximum(pixels, 1e-3)
    steep, start = np.polyfit(row, value, 1, w=np.sqrt(pixels))
    return np.asarray(steep * row + start, np.float32)
