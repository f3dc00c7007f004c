"""Whether a result has the garment's cut: which limbs it covers, and which it leaves bare.

A shirt painted with long sleeves, or a skirt painted as trousers, covers limbs that the true
picture shows bare. Told by colour alone, so that a result needs no labels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from tryon.types import BODY_PARTS

LIMBS = tuple(
    BODY_PARTS.index(f"{side}_{limb}")
    for limb in ("upper_arm", "forearm", "thigh", "shin")
    for side in ("left", "right")
)
_APART = 12.0  # CIELAB distance below which cloth and skin cannot be told apart
_FEWEST = 40  # pixels of a limb that count
_PARTLY = 0.15  # share of a limb beyond which it is neither covered nor bare


def limbs_mistaken(
    picture: np.ndarray,
    *,
    garment: np.ndarray,
    skin: np.ndarray,
    parts: np.ndarray,
    area: np.ndarray,
    truth: np.ndarray,
) -> float:
    """Share of the limbs in the area that are covered and should be bare, or the other way round.

    picture, truth: uint8 RGB (H, W, 3). garment, skin: bool (H, W), where the true picture shows
    the garment, and bare skin anywhere. parts: uint8 (H, W), `BODY_PARTS` of the body below the
    clothes. area: bool (H, W), what was repainted.

    A limb counts as what it is nearer to in mean colour: the picture's own cloth, or the true
    skin. Judged are limbs that the garment clearly covers or clearly leaves bare, and of which the
    true picture's own colours tell as much. nan if there is none.
    """
    if not garment.any() or not skin.any():
        return math.nan
    lab, true_lab = (cv2.cvtColor(image, cv2.COLOR_RGB2LAB) for image in (picture, truth))
    trunk = garment & ~np.isin(parts, LIMBS)
    seen_cloth = trunk if np.count_nonzero(trunk) >= _FEWEST else garment
    bare, true_cloth = _mean(true_lab, skin), _mean(true_lab, seen_cloth)
    cloth = _mean(lab, seen_cloth)
    if np.linalg.norm(true_cloth - bare) < _APART:
        return math.nan
    mistaken = []
    for limb in LIMBS:
        region = area & (parts == limb)
        if np.count_nonzero(region) < _FEWEST:
            continue
        share = garment[region].mean()
        covered = bool(share > 0.5)
        if min(share, 1 - share) > _PARTLY:
            continue
        if _nearer(_mean(true_lab, region), true_cloth, bare) != covered:
            continue
        mistaken.append(_nearer(_mean(lab, region), cloth, bare) != covered)
    return float(np.mean(mistaken)) if mistaken else math.nan


def _nearer(colour: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a colour is nearer to one than to the other."""
    return bool(np.linalg.norm(colour - one) < np.linalg.norm(colour - other))


def _mean(lab: np.ndarray, region: np.ndarray) -> np.ndarray:
    """float64 (3,): mean L, a and b (0-100, and about -128..127) of 8-bit Lab pixels."""
    values = lab[region].astype(np.float64).mean(axis=0)
    return np.asarray(values * (100 / 255, 1, 1) - (0, 128, 128))
