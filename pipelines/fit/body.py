"""The person's own body, where old clothes hid it and the new ones will not.

Its outline is known, its colour is that of the same limb where it is bare, its roundness that of
its width, and its light that which falls on the skin that is seen. Nothing else is invented: no
elbows, no collar bones, no creases.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tryon.pipelines.fit.layers import Layer
from tryon.pipelines.fit.scene import LIMBS, Scene
from tryon.pipelines.imaging.fill import filled
from tryon.pipelines.imaging.grain import grain, grain_level
from tryon.pipelines.regions import grown

_UNIT = 50  # pixels of the shoulders at which colour and light are found
_FEW = 0.06  # squared shoulder widths of a limb's skin that say as much of its tone as all others
_LOCAL = 0.15  # shoulder widths over which a limb's own shade goes on from what is seen of it
_GRAIN = 3.0  # levels of grain at most: more is hair on the skin
_TRUST = 0.5  # in skin that is drawn
# Lightness of skin in parts of its tone: in the middle of a limb's edge, how much more in the
# middle, and by the light from the right and from below. What is seen of the skin corrects it.
_LIGHT = np.array([0.80, 0.24, 0.0, 0.0], np.float32)
_STEADY = 0.02  # share of the seen skin that counts as much as these


@dataclass(frozen=True, eq=False, slots=True)
class _Coarse:
    """A scene at a low resolution, (h, w) each: Lab colours, skin that is surely seen, the body,
    and each limb's share of it."""

    lab: np.ndarray
    seen: np.ndarray
    body: np.ndarray
    limbs: dict[str, np.ndarray]
    unit: float


def seen_skin(scene: Scene) -> np.ndarray:
    """float32 (h, w), 0-1: bare skin that the photo shows and that is not to be repainted."""
    return np.asarray(scene.skin * (scene.silhouette > 0.5) * (scene.old < 0.5))


def body_layer(scene: Scene, outline: np.ndarray, *, seed: int = 0) -> Layer:
    """The bare body; the photo's own pixels where it shows bare skin.

    outline: float32 (h, w), 0-1, what the body fills (see `body_outline`). seed: of the grain.
    """
    seen, alpha = seen_skin(scene), outline
    coarse = _coarse(scene, seen, alpha)
    drawn = _enlarged(_skin(coarse), scene)
    plain = ~grown(seen < 0.9, 0.02 * scene.unit)
    level = min(grain_level(scene.photo, plain), _GRAIN)
    drawn += grain(alpha.shape, level, seed)[..., None]
    share = np.minimum(seen, 1 - scene.old)[..., None]
    image = drawn + (scene.photo - drawn) * share
    alpha = np.maximum(alpha, share[..., 0])
    trust = np.maximum(share[..., 0], np.float32(_TRUST))
    return Layer(np.clip(np.rint(image), 0, 255).astype(np.uint8), alpha, trust)


def _coarse(scene: Scene, seen: np.ndarray, body: np.ndarray) -> _Coarse:
    scale = min(1.0, _UNIT / scene.unit)
    size = tuple(max(round(side * scale), 8) for side in scene.box.size)

    def small(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)

    clean = ~grown((scene.old > 0.5) | (scene.silhouette < 0.5), 0.02 * scene.unit)
    lab = cv2.cvtColor(small(scene.photo).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    limbs = {name: small(scene.parts(*parts)) for name, parts in LIMBS.items()}
    sure = small(((seen > 0.9) & clean).astype(np.float32)) > 0.9
    return _Coarse(lab, sure, small(body), limbs, scene.unit * scale)


def _enlarged(lab: np.ndarray, scene: Scene) -> np.ndarray:
    """float32 (h, w, 3): RGB, 0-255, of the box."""
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255
    return cv2.resize(rgb, scene.box.size, interpolation=cv2.INTER_CUBIC)


def _skin(coarse: _Coarse) -> np.ndarray:
    """float32 (h, w, 3): Lab of the skin, drawn everywhere on the body."""
    seen = coarse.seen
    if not seen.any():
        return coarse.lab
    everywhere = np.median(coarse.lab[seen], axis=0)
    tone = np.zeros_like(coarse.lab)
    total = np.full(seen.shape, 1e-3, np.float32)
    terms = np.zeros((*seen.shape, 4), np.float32)
    terms[..., 0] = 1
    for share in coarse.limbs.values():
        own = seen & (share > 0.5)
        count = np.count_nonzero(own)
        median = np.median(coarse.lab[own], axis=0) if count else everywhere
        known = count / (count + _FEW * coarse.unit**2)
        tone += (everywhere + (median - everywhere) * known) * share[..., None]
        total += share
        limb = (share > 0.5) & (coarse.body > 0.5)
        if limb.any():
            terms = np.where(limb[..., None], _roundness(limb, coarse.unit), terms)
    tone = (tone + 1e-3 * everywhere) / total[..., None]
    tone[..., 0] *= _light(terms, coarse.lab[..., 0] / tone[..., 0], seen)
    return tone + _rest(coarse, tone)


def _roundness(limb: np.ndarray, unit: float) -> np.ndarray:
    """float32 (h, w, 4): 1, the roundness of a limb (0 at its edge, 1 in its middle), and how far
    it faces to the right and downwards."""
    padded = cv2.copyMakeBorder(limb.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    reach = 2 * round(0.12 * unit) + 1
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    ridge = cv2.GaussianBlur(ridge, (0, 0), 0.06 * unit)
    inside = cv2.GaussianBlur(np.clip(depth / np.maximum(ridge, 1), 0, 1), (0, 0), 1.0)
    down, right = np.gradient(cv2.GaussianBlur(depth, (0, 0), 1.5))
    steep = np.maximum(np.hypot(down, right), 0.2)
    aside = (1 - inside) / steep
    round_ = np.sqrt(np.maximum(1 - np.square(1 - inside), 0))
    return np.stack([np.ones_like(depth), round_, -right * aside, -down * aside], -1)


def _light(terms: np.ndarray, lightness: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """float32 (h, w): lightness in parts of the tone, as the terms explain that of seen skin."""
    x, y = terms[seen], lightness[seen]
    usual = np.abs(y - np.median(y)) < 0.3  # no eyes, lips or jewellery
    x, y = x[usual], y[usual]
    steady = _STEADY * len(y) * np.eye(4) + 1e-3 * np.eye(4)
    fitted = _LIGHT + np.linalg.solve(x.T @ x + steady, x.T @ (y - x @ _LIGHT))
    low, high = np.array([0.6, 0.05, -0.25, -0.25]), np.array([1.0, 0.5, 0.25, 0.25])
    light = terms @ np.clip(fitted, low, high).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 1.2))


def _rest(coarse: _Coarse, drawn: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3): what the seen skin has beside what is drawn there, going on from it: at
    its border all of it, and further on what is common to its surroundings."""
    result = np.zeros_like(drawn)
    total = np.full(drawn.shape[:2], 1e-3, np.float32)
    for share in coarse.limbs.values():
        own = (coarse.seen & (share > 0.5)).astype(np.float32)
        if own.sum() < 4:
            continue
        rest = filled(coarse.lab - drawn, own)
        away = cv2.distanceTransform((own == 0).astype(np.uint8), cv2.DIST_L2, 3) / coarse.unit
        near = np.exp(-away / _LOCAL) * share
        result += rest * near[..., None]
        total += share
    return result / total[..., None]
