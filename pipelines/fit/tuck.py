"""How a top meets what is worn below it: tucked in, or hanging over."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.fit.warp import Warp
from tryon.pipelines.person.waistline import Waistline
from tryon.types import BODY_PARTS, Tuck

_SOFT = 1.5  # pixels over which the top disappears behind the waistband
_ARMS, _OTHERS = ("arm", "hand"), ("torso", "thigh", "shin")
_SURE = 0.5  # confidence of a waistline from which on it is believed unasked


def tucked_warp(warp: Warp, body: BodyMap, waist: Waistline | None, tuck: Tuck) -> Warp:
    """The warp of a top, ended at the waistband if it is worn tucked in.

    waist: where the person's own top ends, if the photo tells. tuck: "auto" wears the new top as
    the person wears theirs, "in" ends it at the waistband whatever they do, "out" lets it hang.
    """
    if waist is None or tuck == "out":
        return warp
    if tuck == "auto" and not (waist.tucked and waist.confidence > _SURE):
        return warp
    height, width = warp.coverage.shape
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    line = waist.y(np.arange(width) + 0.5).astype(np.float32)
    shown = np.clip((line - rows) / _SOFT + 0.5, 0, 1)
    shown = np.maximum(shown, body.on_photo(_beside_arms(body)))
    return replace(warp, coverage=warp.coverage * shown, confidence=warp.confidence * shown)


def _beside_arms(body: BodyMap) -> np.ndarray:
    """float32 (h, w), 0 or 1: places nearer to an arm than to trunk and legs: sleeves go on."""
    arms, others = (_distance_to(body, names) for names in (_ARMS, _OTHERS))
    return (arms < others).astype(np.float32)


def _distance_to(body: BodyMap, names: tuple[str, ...]) -> np.ndarray:
    """float32 (h, w): cells from the bare parts whose names end like this."""
    own = [i for i, part in enumerate(BODY_PARTS) if part.endswith(names)]
    there = (body.parts[..., own].sum(axis=-1) > 0.5) & (body.body > 0.5)
    if not there.any():
        return np.full(there.shape, np.inf, np.float32)
    return cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 3)
