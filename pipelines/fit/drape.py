"""How a body falls into smooth surfaces that cloth lies on, and how far cloth goes beyond it.

The limbs are mapped one by one: where a forearm crosses the chest, the chest's print ends at the
forearm's edge instead of bending around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.field import Field, fitted_field
from tryon.pipelines.garment.atlas import FRAME, GarmentAtlas, GarmentLayer
from tryon.types import BODY_PARTS, Category

_CELLS = (24, 18)
_STIFFNESS = 1e-6
_BETWEEN_THIGHS = 0.585  # v where a skirt spans the gap
_SHOULDER = (0.055, 0.30)  # |u - 0.5| from here and v up to here: where arm and trunk are one
_ARMHOLE = (0.085, 0.25)  # |u - 0.5| and v of its lowest point
_SKIRT_REACH, _TOP_REACH, _LEG_REACH = (
    0.12,
    0.04,
    0.05,
)  # of cloth beyond the body map, in the frame
_SPREAD = 6.0  # cells over which the bends of the body's edge are felt beyond it
_STANDS_OFF = (0.022, 0.03)  # of close cloth from the bare body, in the frame: usual, and at most
_BEYOND = 0.05  # weight of what is only continued
_TAUT_CELLS = (12, 9)
# How little the cloth on the trunk bends: that of a top hardly, a skirt follows two legs.
_TAUT: dict[Category, float] = {"upper": 2e-2, "lower": 2e-3, "dress": 2e-3}


@dataclass(frozen=True, slots=True)
class Limb:
    """Parts that are drawn as one smooth surface, and those that help to fit it."""

    drawn: tuple[str, ...]
    fitted: tuple[str, ...]
    beside: tuple[str, ...] = ()  # these help near the shoulder only


_ARMS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("upper_arm", "forearm"))
_LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shin", "foot"))


def limbs_under(hanging: tuple[str, ...]) -> tuple[Limb, ...]:
    """How the body falls into smooth surfaces; parts of legs that the garment hangs over as one
    piece of cloth (a skirt, the hem of a top) belong to the trunk."""
    trunk = Limb(("neck", "torso"), ("neck", "torso"), beside=_ARMS)
    arms = tuple(
        Limb(
            (f"{side}_upper_arm", f"{side}_forearm"),
            (f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand"),
            beside=("torso",),
        )
        for side in ("left", "right")
    )
    if hanging:
        whole = ("neck", "torso", *hanging)
        return (Limb(whole, whole, beside=_ARMS), *arms)
    legs = tuple(Limb(names, ("torso", *names)) for names in (_LEGS[:3], _LEGS[3:]))
    return (trunk, *arms, *legs)


def hanging_over(atlas: GarmentAtlas) -> tuple[str, ...]:
    """The parts of the legs that the garment covers without being split between them."""
    if atlas.category == "upper":
        return "left_thigh", "right_thigh"
    return _LEGS if atlas.covers(0.5, _BETWEEN_THIGHS) else ()


def continued_shares(
    body: BodyMap, shares: np.ndarray, ahead: np.ndarray, limbs: tuple[Limb, ...]
) -> np.ndarray:
    """float (h, w, n), 0-1: how much of the background each limb's cloth may cover beyond it.

    shares: (h, w, n), of each limb. ahead: (h, w), the share of head and hands.

    A flared skirt stands off further than the body map reaches, and spans the gap between the
    legs: there the smooth map goes on, and the garment ends at its own outline.
    """
    background = body.parts[..., 0]
    nearest = shares.argmax(axis=-1)
    there = shares.max(axis=-1) > np.maximum(background, ahead)
    cells = body.cells_per_unit
    reach = np.array([cells * reach_of(limb) for limb in limbs])
    away = np.stack(
        [
            cv2.distanceTransform((~there | (nearest != i)).astype(np.uint8), cv2.DIST_L2, 3)
            for i in range(len(limbs))
        ],
        axis=-1,
    )
    away = np.minimum(away, away.shape[0]) / reach
    given = np.where(away.min(axis=-1) < 1, background, 0)
    return given[..., None] * (away.argmin(axis=-1)[..., None] == np.arange(len(limbs)))


def reach_of(limb: Limb) -> float:
    """How far cloth may stand off beyond the body map, in the canonical frame."""
    if "torso" in limb.drawn:
        return _SKIRT_REACH if "left_shin" in limb.drawn else _TOP_REACH
    return _LEG_REACH if limb.drawn[0] in _LEGS else 1e-3


def is_close(limb: Limb) -> bool:
    """Whether cloth on the limb stays close to the body, as that of tops and sleeves does."""
    return not any(name.endswith("shin") for name in limb.drawn)


def near_body(body: BodyMap) -> np.ndarray:
    """float32 (h, w), 0-1: how near to the bare body a place is, 1 where close cloth may be."""
    away = cv2.distanceTransform((body.body < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    near, far = (body.cells_per_unit * reach for reach in _STANDS_OFF)
    return np.clip((far - away) / (far - near), 0, 1)


def outline_name(limb: Limb) -> str:
    """Which edge of the canonical body is the limb's, as `canonical_figure.edges_of` names it."""
    return "trunk" if "torso" in limb.drawn else limb.drawn[0].partition("_")[0] + "_arm"


def limb_field(body: BodyMap, limb: Limb, beyond: np.ndarray) -> Field | None:
    """The smooth map from the crop to the canonical frame on one limb, None if it is not seen.

    beyond: (h, w), 0-1, the background that the limb's cloth may cover.
    """
    index = {name: i for i, name in enumerate(BODY_PARTS)}
    weight = body.parts[..., [index[n] for n in limb.fitted]].sum(axis=-1)
    if limb.beside:
        near = body.parts[..., [index[n] for n in limb.beside]].sum(axis=-1)
        sideways, down = _SHOULDER
        u, v = np.abs(body.uv[..., 0] - 0.5), body.uv[..., 1]
        weight = weight + 0.5 * near * ((u > sideways) & (u < 0.16) & (v < down))
    weight = np.where(weight > 0.4, weight * (0.05 + body.confidence), 0)
    if np.count_nonzero(weight) < 12:
        return None
    beyond = (beyond > 0.5) & (weight == 0)
    uv = np.where(beyond[..., None], _continued(body.uv, weight), body.uv)
    weight = np.where(beyond, _BEYOND, weight)
    rows, columns = np.nonzero(weight)
    height, width = weight.shape
    points = np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=1)
    return fitted_field(points, uv[rows, columns], weight[rows, columns], _CELLS, _STIFFNESS)


def _continued(uv: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """uv (h, w, 2) as it would go on outside the weighted cells: affine, and near them bent.

    The field alone goes on as straight as its outermost cells happen to point, and those are the
    least sure of all.
    """
    rows, columns = np.nonzero(weight)
    there = weight[rows, columns, None]
    terms = np.stack([np.ones(len(rows)), columns, rows], axis=1)
    affine, *_ = np.linalg.lstsq(terms * there, uv[rows, columns] * there, rcond=None)
    y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
    straight = affine[0] + x[..., None] * affine[1] + y[..., None] * affine[2]
    plane = weight.astype(np.float32)[..., None]
    bends = cv2.GaussianBlur(((uv - straight) * plane).astype(np.float32), (0, 0), _SPREAD)
    known = cv2.GaussianBlur(plane, (0, 0), _SPREAD)[..., None]
    return np.asarray(straight + bends / np.maximum(known, 0.01))


def taut_field(layer: GarmentLayer, body: BodyMap, limb: Limb, category: Category) -> Field | None:
    """The map from the crop to a garment photo, in parts of the photo's longer side, on one limb;
    so stiff that a print stays straight and a hem level. None if too little of it is seen.

    Both maps, of the body and of the garment, wobble by themselves; cloth bends far less.
    """
    u, v = body.uv[..., 0] * FRAME - 0.5, body.uv[..., 1] * FRAME - 0.5
    weight = body.parts[..., [BODY_PARTS.index(name) for name in limb.drawn]].sum(axis=-1)
    weight = np.where(weight > 0.6, weight * (0.05 + body.confidence), 0) * facing(body.front, body)
    known = layer.coverage * (0.1 + layer.confidence)
    weight = weight * cv2.remap(known, u, v, cv2.INTER_LINEAR)
    rows, columns = np.nonzero(weight > 0.01)
    if len(rows) < 40:
        return None
    places = cv2.remap(layer.places, u, v, cv2.INTER_LINEAR)[rows, columns]
    height, width = weight.shape
    return fitted_field(
        np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=1),
        places / max(layer.alpha.shape),
        weight[rows, columns],
        _TAUT_CELLS,
        _TAUT[category],
    )


def tautness(uv: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: how taut cloth lies at these points of the trunk. Towards the sleeves
    it gives way, so that they do not tear off."""
    aside, down = np.abs(uv[..., 0] - 0.5), uv[..., 1]
    middle = np.clip((_ARMHOLE[0] - aside) / 0.03, 0, 1)
    return np.maximum(middle, np.clip((down - _ARMHOLE[1]) / 0.04, 0, 1)).astype(np.float32)


def facing(front: np.ndarray, body: BodyMap) -> np.ndarray:
    """Of `front` (h, w), the probability of the side of the trunk that is seen most."""
    return 1 - front if body.from_behind else front
