"""How garments lie in shops' photos: flat or filled out, sleeves at any angle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tryon.data.synthetic.canonical import FRAME_METRES, MIDDLE_Z
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.garments import GarmentMesh, smoothstep
from tryon.data.synthetic.patterns import Landmarks

_ELBOW = 0.55  # its place along a sleeve


@dataclass(frozen=True, slots=True)
class Laying:
    """How a garment lies before the camera, the left and the right sleeve each for itself.

    roundness: 0 laid flat, 1 as wide as the body inside it, as on an invisible mannequin.
    sleeves: degrees that the sleeves are turned upwards.
    elbows: degrees that the forearms are turned inwards.
    """

    roundness: float = 0.0
    sleeves: tuple[float, float] = (0.0, 0.0)
    elbows: tuple[float, float] = (0.0, 0.0)


def random_laying(rng: np.random.Generator, cut: Cut) -> Laying:
    """Neat in one photo of four; else often filled out, and sleeves in many positions."""
    if rng.random() < 0.25:
        return Laying()
    roundness = float(rng.choice([0.0, rng.uniform(0, 1), rng.uniform(0.7, 1)]))
    swing = rng.normal(0, 12)
    bent = cut.sleeve > 0.7 and rng.random() < 0.3
    return Laying(
        roundness=roundness,
        sleeves=(swing + rng.normal(0, 5), swing + rng.normal(0, 5)),
        elbows=(rng.uniform(-25, 80), rng.uniform(-25, 80)) if bent else (0.0, 0.0),
    )


def laid(mesh: GarmentMesh, laying: Laying, marks: Landmarks) -> GarmentMesh:
    """The garment with its cloth moved to where it lies; a fabric is printed on it as it lies."""
    flat = mesh.cloth.astype(np.float64)
    worn = (mesh.uv - 0.5) * FRAME_METRES - np.array([0.0, MIDDLE_Z])
    places = flat + laying.roundness * (worn - flat)
    for side, sign in enumerate((1, -1)):
        places = _bent(places, mesh, sign, laying.elbows[side])
        turn = np.radians(laying.sleeves[side]) * -sign
        pivot = np.array([sign * marks.shoulder_x, -marks.shoulder])
        places = _turned(places, pivot, turn * smoothstep(mesh.arm * sign, 0.05, 0.95))
    return replace(mesh, cloth=places.astype(np.float32))


def _bent(places: np.ndarray, mesh: GarmentMesh, sign: int, degrees: float) -> np.ndarray:
    """Places (N, 2) with one forearm turned inwards, if the sleeve has one."""
    on_arm = mesh.arm * sign > 0.8
    elbow = on_arm & (np.abs(mesh.along - _ELBOW) < 0.03)
    if degrees == 0 or not elbow.any():
        return places
    share = smoothstep(mesh.along, _ELBOW - 0.05, _ELBOW + 0.05) * on_arm
    return _turned(places, places[elbow].mean(axis=0), np.radians(degrees) * sign * share)


def _turned(places: np.ndarray, pivot: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Points (N, 2) turned about a pivot, each by its own angle, clockwise as seen."""
    offset = places - pivot
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    across = np.stack([-offset[:, 1], offset[:, 0]], axis=1)
    return np.asarray(offset * c + across * s + pivot)
