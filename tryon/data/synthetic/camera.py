"""The camera: where the person stands, and how much of them is in the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from tryon.data.synthetic.draws import one_by_chance, one_of
from tryon.data.synthetic.turns import axis_turn

FRAMINGS: dict[str, dict[str, float]] = {
    "upper": {"half": 0.5, "three-quarter": 0.3, "full": 0.2},
    "lower": {"lower": 0.3, "three-quarter": 0.25, "full": 0.45},
    "dress": {"half": 0.05, "three-quarter": 0.45, "full": 0.5},
}
"""How often each framing is taken, by the category that is exchanged."""


@dataclass(frozen=True, eq=False, slots=True)
class Camera:
    """turn: float32 (3, 3), world to camera axes (right, away, up); centre: float32 (3,), in
    camera axes, shown at `principal` (x, y in pixels); scale: pixels per metre there;
    distance: metres from the camera to the centre."""

    turn: np.ndarray
    centre: np.ndarray
    principal: tuple[float, float]
    scale: float
    distance: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) to float32 (N, 3): x and y in pixels, depth in metres."""
        return _projected(  # type: ignore[no-any-return]
            points, self.turn, self.centre, self.principal, self.scale, self.distance
        )


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _projected(points, turn, centre, principal, scale, distance):  # type: ignore[no-untyped-def]
    out = np.empty((len(points), 3), np.float32)
    for n in range(len(points)):
        for k in range(3):
            out[n, k] = -centre[k]
            for j in range(3):
                out[n, k] += turn[k, j] * points[n, j]
        away = out[n, 1]
        near = scale * distance / (distance + away)
        out[n, 0], out[n, 1] = principal[0] + near * out[n, 0], principal[1] - near * out[n, 2]
        out[n, 2] = away
    return out


def random_camera(
    rng: np.random.Generator,
    points: np.ndarray,
    joints: dict[str, np.ndarray],
    category: str,
    size: tuple[int, int],
) -> Camera:
    """Place the camera so that the part of the body that matters fills the frame.

    points: (V, 3), the posed body; joints: the world places of "head" (its top), "chin", "hip",
    "knee", "foot" (lowest point); size: (height, width) in pixels.
    """
    view = one_of(rng, ["front", "turned", "profile", "back"], [0.66, 0.2, 0.05, 0.09])
    side = one_of(rng, [-1, 1])
    yaw = {
        "front": rng.normal(0, 12),
        "turned": side * rng.uniform(18, 50),
        "profile": side * rng.uniform(50, 85),
        "back": 180 + rng.normal(0, 22),
    }[view]
    tilt, roll = rng.normal(0, 3.5), rng.normal(0, 1.2)
    turn = axis_turn("y", roll) @ axis_turn("x", tilt) @ axis_turn("z", yaw)
    turn = turn.astype(np.float32)
    framing = one_by_chance(rng, FRAMINGS[category])
    seen = {name: turn @ place for name, place in joints.items()}
    head, hip, knee, foot = (float(seen[n][2]) for n in ("head", "hip", "knee", "foot"))
    top, bottom = {
        "half": (head, hip - rng.uniform(0.0, 0.14)),
        "three-quarter": (head, knee + rng.uniform(-0.1, 0.15)),
        "full": (head, foot),
        "lower": (hip + rng.uniform(0.15, 0.4), foot),
    }[framing]
    if rng.random() < 0.12 and framing != "lower":
        top = float(seen["chin"][2]) + rng.uniform(0.0, 0.1)
    extent = max(top - bottom, 0.5)
    height, width = size
    fill = rng.uniform(0.84, 0.97) if framing != "half" else rng.uniform(0.9, 1.02)
    scale = height * fill / extent
    middle = float(seen["hip"][0]) * 0.6 + float((points @ turn[0]).mean()) * 0.4
    margin = {"half": 0.55, "lower": 0.3}.get(framing, 0.5)
    y = height * (1 - fill) * rng.uniform(0.3, 0.7) + 0.5 * extent * scale
    if framing == "half":
        y = height * rng.uniform(0.03, 0.09) + 0.5 * extent * scale
    centre = np.array([middle, float(seen["hip"][1]), (top + bottom) / 2], np.float32)
    x = width * (0.5 + rng.uniform(-0.07, 0.07) * margin * 2)
    return Camera(turn, centre, (x, y), scale, rng.uniform(2.2, 5.0))
