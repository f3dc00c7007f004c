"""Garment photo -> the garment without its background.

A plain background is modelled (a smooth surface in Lab, so that vignettes and gradients count as
plain) and flooded from the border; edges stop the flood, so that a white shirt on white survives.
A cluttered one is separated by GrabCut (Rother et al. 2004) with a prior on the centre. A photo
that brings its own transparency is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.skin import colour_bins, colour_model, overlap, posteriors
from tryon.types import Box, Pose

_WORK = 448  # long side, in pixels, at which the separation is decided
_PLAIN_SHARE = 0.72  # share of the border that must fit the background model
_PLAIN_NOISE = 1.8  # and how much it may vary, in Lab units
_SAME = 0.85  # overlap of two colour models that tell nothing apart
_CLEARLY = 0.2  # of a garment's usual difference from the background: less is background
_SMALLEST = 0.008  # a garment covers at least this share of the photo


@dataclass(frozen=True, eq=False, slots=True)
class Cutout:
    """A garment separated from its background.

    image: uint8 (H, W, 3), RGB.
    alpha: uint8 (H, W), 255 = garment.
    box: the garment's extent, in pixels.
    plain: whether the background was plain or transparent, so that the outline can be trusted.
    """

    image: np.ndarray
    alpha: np.ndarray
    box: Box
    plain: bool


def garment_cutout(image: Image.Image, *, people: Sequence[Pose] = ()) -> Cutout:
    """The garment in a photo that shows nothing but a garment: lying, hanging or on a ghost.

    image: any mode; an alpha channel that is not all opaque is used as it is.
    people: who was found in the photo, by the caller's pose estimator.

    Raises `NoGarmentError` if there is only background, and `GarmentError` if there are several
    garments or a person.
    """
    if people:
        raise GarmentError(
            "there is a person in a photo that was said to be a flat-lay",
            remedy="Pass it as a worn photo, or give a photo of the garment alone.",
        )
    rgb, alpha = _colour_and_transparency(image)
    if alpha is not None:
        return _checked(rgb, alpha, _parts(alpha > 127), plain=True)
    scale = min(1.0, _WORK / max(rgb.shape[:2]))
    small = _resized(rgb, scale)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    backdrop = _backdrop(lab)
    plain = backdrop.share >= _PLAIN_SHARE and backdrop.noise <= _PLAIN_NOISE
    mask = _flooded(small, lab, backdrop) if plain else _grabcut(small)
    mask = _without_hook(mask)
    parts = _parts(mask)
    kept = parts[0][1] if parts else mask
    return _checked(rgb, matte(rgb, kept), parts if plain else parts[:1], plain)


def _colour_and_transparency(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """uint8 (H, W, 3) and, if the photo really is transparent somewhere, uint8 (H, W)."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if rgba[..., 3].min() < 128:
            return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
        return np.ascontiguousarray(rgba[..., :3]), None
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))), None


def _resized(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True, eq=False, slots=True)
class _Backdrop:
    """What the photo would be without the garment.

    difference: float32 (h, w), distance to the background in Lab units.
    shade: float32 (h, w), how much darker than the background (negative: brighter).
    noise: spread of the background around its model, in Lab units.
    share: share of the border that fits the model, 0-1.
    """

    difference: np.ndarray
    shade: np.ndarray
    tint: np.ndarray
    noise: float
    share: float


def _backdrop(lab: np.ndarray) -> _Backdrop:
    """A quadratic surface through the border's colours, outliers (garment, hanger) left out."""
    height, width = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    ring = np.ones((height, width), bool)
    rim = max(2, round(0.025 * max(height, width)))
    ring[rim:-rim, rim:-rim] = False
    basis, colour = terms[ring], lab[ring]
    fits = np.linalg.norm(colour - np.median(colour, axis=0), axis=1) < 14
    for _ in range(3):
        # With little of the border in sight a curved surface would swing: use a flat one.
        used = 6 if fits.mean() > 0.6 else 1
        surface, *_ = np.linalg.lstsq(basis[fits, :used], colour[fits], rcond=None)
        error = np.linalg.norm(colour - basis[:, :used] @ surface, axis=1)
        noise = float(np.sqrt(np.mean(error[fits] ** 2)))
        fits = error < max(3.0, 3.0 * noise)
        if fits.sum() < 8:
            fits[:] = True
    offset = lab - terms[..., :used] @ surface
    return _Backdrop(
        difference=np.linalg.norm(offset, axis=-1),
        shade=-offset[..., 0],
        tint=np.linalg.norm(offset[..., 1:], axis=-1),
        noise=noise,
        share=float(fits.mean()),
    )


def _flooded(rgb: np.ndarray, lab: np.ndarray, backdrop: _Backdrop) -> np.ndarray:
    """bool (h, w): what a flood from the border over background colours does not reach."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 0.8)
    edge = _gradient(smooth)
    unlike = backdrop.difference > max(2.2, 3.5 * backdrop.noise)
    sharp = edge > max(0.9, 5.0 * _noise_of(edge))
    garment = _enclosed(unlike | sharp)
    # A background that no smooth surface describes is still far nearer to one than the garment.
    contrast = float(np.median(backdrop.difference[garment])) if garment.any() else 0.0
    clearly = backdrop.difference > _CLEARLY * contrast
    if (clearer := _enclosed((unlike & clearly) | sharp)).sum() > 0.6 * garment.sum():
        unlike, garment = unlike & clearly, clearer & garment
    # Closing gaps also closes narrow armpits. Where the outline has no gaps it is not needed.
    unclosed = _enclosed(unlike | sharp, closing=False)
    if unclosed.sum() > 0.97 * garment.sum():
        garment = unclosed
    # Soft shadow: as the background but darker, without an edge of its own. The flood may go on
    # through it, unless that empties a grey garment through a gap in its outline.
    shadow = (backdrop.tint < max(2.5, 3 * backdrop.noise)) & (backdrop.shade > 0)
    shadow &= (backdrop.shade < 22) & ~cv2.dilate(sharp.astype(np.uint8), np.ones((3, 3))).astype(
        bool
    )
    without_shadow = _enclosed((unlike & ~shadow) | sharp) & garment
    if without_shadow.sum() > 0.8 * garment.sum():
        garment = without_shadow
    return _on_the_edge(rgb, garment, backdrop.difference)


def _on_the_edge(rgb: np.ndarray, mask: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """bool (h, w): the mask with its outline moved onto the photo's own edge, by a watershed.

    Without it a rim of background stays, as wide as shadows and the blur that found the edge.
    What is surely garment starts far inside, or wherever it is clearly unlike the background.
    """
    whole = np.pad(mask, 1).astype(np.uint8)
    deep = cv2.erode(whole, _disc(max(mask.shape) // 32))
    near_deep = cv2.dilate(deep, _disc(max(mask.shape) // 24)) > 0
    thin = (cv2.erode(whole, _disc(4)) > 0) & ~near_deep
    contrast = float(np.median(difference[mask])) if mask.any() else 0.0
    certain = np.pad(difference > max(15.0, 0.6 * contrast), 1) & (whole > 0)
    markers = np.where(cv2.dilate(whole, _disc(2)), 0, 1).astype(np.int32)
    markers[(deep > 0) | thin | certain] = 2
    padded = cv2.copyMakeBorder(rgb, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.watershed(padded, markers)
    return np.asarray((markers == 2)[1:-1, 1:-1])


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _gradient(lab: np.ndarray) -> np.ndarray:
    """float32 (h, w): the strongest change per pixel over the three channels, in Lab units."""
    dx = cv2.Scharr(lab, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(lab, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(np.sqrt(dx * dx + dy * dy).max(axis=-1))


def _noise_of(edge: np.ndarray) -> float:
    """What the gradient is where there is nothing: the median along the border."""
    rim = np.concatenate(
        [edge[:4].ravel(), edge[-4:].ravel(), edge[:, :4].ravel(), edge[:, -4:].ravel()]
    )
    return float(np.median(rim))


def _enclosed(barrier: np.ndarray, *, closing: bool = True) -> np.ndarray:
    """bool (h, w): what lies inside a barrier, small gaps in it closed."""
    height, width = barrier.shape
    reach = 2 + max(height, width) // 160
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # A frame of background around the photo lets the flood in everywhere and keeps closing honest.
    framed = np.pad(barrier.astype(np.uint8), 2 * reach)
    wall = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, disc) if closing else framed.copy()
    flood = wall.copy()
    cv2.floodFill(flood, None, (0, 0), 2)
    inside = (flood != 2).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return inside[2 * reach : -2 * reach, 2 * reach : -2 * reach].astype(bool)


def _grabcut(rgb: np.ndarray) -> np.ndarray:
    """bool (h, w): GrabCut at half the working size; the rim is background, the centre garment."""
    small = _resized(rgb, 0.5)
    height, width = small.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    frame = np.ones((height, width), bool)
    rim = max(2, round(0.025 * max(height, width)))
    frame[rim:-rim, rim:-rim] = False
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0)
    bins = colour_bins(smooth)
    models = {
        "background": colour_model(bins, frame),
        "garment": colour_model(bins, np.abs(x) ** 2 + np.abs(y) ** 2 < 0.45**2),
    }
    if _indistinct(models):
        return np.zeros(rgb.shape[:2], bool)
    inside = np.where(np.abs(x) ** 3 + np.abs(y) ** 3 < 0.78**3, 0.6, 0.35).astype(np.float32)
    share = posteriors(bins, models, {"background": 1 - inside, "garment": inside})["garment"]
    labels = np.where(share > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[np.abs(x) ** 2 + np.abs(y) ** 2 < 0.2**2] = cv2.GC_FGD
    labels[frame] = cv2.GC_BGD
    mask = grabcut(cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB), labels, rounds=4)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    full = cv2.resize(mask * 255, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return _enclosed(full > 127, closing=False)


def _indistinct(models: dict[str, np.ndarray | None]) -> bool:
    """Whether the middle of a photo has the very colours of its rim, so that nothing is in it."""
    rim, middle = models["background"], models["garment"]
    return rim is not None and middle is not None and overlap(rim, middle) > _SAME


def grabcut(lab: np.ndarray, labels: np.ndarray, rounds: int) -> np.ndarray:
    """uint8 (h, w), 1 = foreground: GrabCut from labels such as `cv2.GC_PR_FGD`."""
    cv2.setRNGSeed(0)  # its colour models start from a random clustering
    models = np.zeros((1, 65)), np.zeros((1, 65))
    found, *_ = cv2.grabCut(
        lab, labels, (0, 0, 1, 1), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK
    )
    return np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _without_hook(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the mask less what sticks out above its top middle, thin: a hanger's hook."""
    whole = mask.astype(np.uint8)
    reach = max(1, round(0.012 * max(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    body = cv2.morphologyEx(whole, cv2.MORPH_OPEN, disc)
    rows, columns = np.nonzero(body.any(1))[0], np.nonzero(body.any(0))[0]
    if len(rows) == 0:
        return mask
    thin = (mask & (cv2.dilate(body, np.ones((3, 3), np.uint8)) == 0)).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(thin)
    middle, width = columns.mean(), columns[-1] - columns[0]
    kept = mask.copy()
    for i in range(1, count):
        above = stats[i, cv2.CC_STAT_TOP] < rows[0] - 2 * reach
        if above and abs(centres[i][0] - middle) < 0.15 * width:
            kept[labels == i] = False
    return kept


def _parts(mask: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Connected parts as (pixels, bool (h, w)), largest first; only those of a garment's size."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = [i for i in np.argsort(-areas, kind="stable") if areas[i] > _SMALLEST * mask.size]
    return [(int(areas[i]), labels == i + 1) for i in order[:4]]


def matte(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 (H, W): the mask at the photo's size, its outline drawn to the photo's own edges.

    A guided filter (He et al. 2010) whose coefficients are found at the mask's size.
    """
    height, width = mask.shape
    guide = cv2.cvtColor(_area(rgb, (width, height)), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    target = mask.astype(np.float32)
    window, floor = (5, 5), 2e-4
    mean_guide, mean_target = cv2.blur(guide, window), cv2.blur(target, window)
    variance = cv2.blur(guide * guide, window) - mean_guide**2
    slope = (cv2.blur(guide * target, window) - mean_guide * mean_target) / (variance + floor)
    offset = mean_target - slope * mean_guide
    slope, offset = cv2.blur(slope, (3, 3)), cv2.blur(offset, (3, 3))
    size = rgb.shape[1::-1]
    full_guide = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    matte = cv2.resize(slope, size) * full_guide + cv2.resize(offset, size)
    # The filter may only move the outline, not open holes or draw far away.
    near = cv2.resize(cv2.erode(target, np.ones((5, 5))), size)
    far = cv2.resize(cv2.dilate(target, np.ones((5, 5))), size)
    matte = np.clip((matte - 0.5) * 1.6 + 0.5, near, far)
    return np.asarray(np.clip(matte * 255, 0, 255), np.uint8)


def _area(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return rgb if rgb.shape[1::-1] == size else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _checked(
    rgb: np.ndarray, alpha: np.ndarray, parts: list[tuple[int, np.ndarray]], plain: bool
) -> Cutout:
    """The cut-out, if exactly one garment is in it."""
    if not parts:
        raise NoGarmentError(
            "nothing but background was found in the garment photo",
            remedy="Give a photo where the garment stands out from its background.",
        )
    if len(parts) > 1 and parts[1][0] > 0.4 * parts[0][0]:
        raise GarmentError(
            "there is more than one garment in the photo",
            remedy="Crop the photo to the one to wear.",
        )
    rows, columns = np.nonzero((alpha > 127).any(1))[0], np.nonzero((alpha > 127).any(0))[0]
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Cutout(image=rgb, alpha=alpha, box=box, plain=plain)
