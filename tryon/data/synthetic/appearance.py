"""Skin, face and hair."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from tryon.data.synthetic.bodies import BodyModel, Shape
from tryon.data.synthetic.canonical import canonical_uv
from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.patterns import Patterns
from tryon.data.synthetic.raster import skinned
from tryon.data.synthetic.weaves import periodic_noise, tinted

SKIN_TONES = np.array(
    [(250, 219, 196), (240, 198, 166), (222, 172, 134), (196, 140, 100), (150, 98, 66),
     (104, 66, 46), (66, 44, 34)], np.float32,
)  # fmt: skip
"""sRGB, light to dark; a person lies anywhere between two neighbours."""

HAIR_COLOURS = np.array(
    [(28, 22, 20), (52, 36, 28), (92, 62, 40), (140, 100, 60), (206, 170, 112), (150, 70, 36),
     (150, 148, 146), (226, 222, 216)], np.float32,
)  # fmt: skip

PAINT = 600
"""Pixels per metre of painted faces."""

STRAND_ROWS, STRAND_COLUMNS = 16, 30


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """skin: float32 (3,); paint, paint_box: the face as `shading.shade_skin` wants it;
    hair: float32 (n, n, 3), a tile of strands; style: "bald", "short", "bob", "bun" or "long";
    length: metres that the hair hangs below the ears; thickness: of the hair on the head."""

    skin: np.ndarray
    paint: np.ndarray
    paint_box: np.ndarray
    hair: np.ndarray
    style: str
    length: float
    thickness: float


def random_look(rng: np.random.Generator, model: BodyModel, female: float) -> Look:
    place = rng.uniform(0, len(SKIN_TONES) - 1.001)
    low, share = int(place), place % 1
    skin = SKIN_TONES[low] * (1 - share) + SKIN_TONES[low + 1] * share
    skin = (skin + rng.normal(0, 3, 3)).astype(np.float32)
    colour = HAIR_COLOURS[int(rng.integers(len(HAIR_COLOURS)))] * rng.uniform(0.8, 1.15)
    chances = [0.02, 0.2, 0.22, 0.14, 0.42] if female > 0.5 else [0.09, 0.77, 0.06, 0.03, 0.05]
    style = one_of(rng, ["bald", "short", "bob", "bun", "long"], chances)
    length = {"bob": rng.uniform(0.06, 0.15), "long": rng.uniform(0.18, 0.45)}.get(style, 0.0)
    paint, box = _face_paint(rng, model, skin, colour, female)
    return Look(skin, paint, box, _hair_tile(rng, colour), style, length, rng.uniform(0.008, 0.03))


def _hair_tile(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    streaks = cv2.resize(rng.normal(0, 1, (4, 64)).astype(np.float32), (64, 64))
    shade = 1 + 0.22 * streaks + 0.08 * periodic_noise(rng, 64, 4)
    return np.minimum(tinted(colour, np.maximum(shade, 0)), 255)  # type: ignore[no-any-return]


def _face_paint(
    rng: np.random.Generator,
    model: BodyModel,
    skin: np.ndarray,
    hair: np.ndarray,
    female: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Eyes, brows, lips and cheeks, painted in canonical coordinates: (h, w, 4) and its box."""
    eye = model.mean.heads[model.bone["eye.L"]]
    corner = canonical_uv(np.array([[-0.085, 0, eye[2] + 0.075], [0.085, 0, eye[2] - 0.105]]))
    (left, top), (right, bottom) = corner
    canvas = np.zeros((round(0.18 * PAINT), round(0.17 * PAINT), 4), np.float32)

    def ellipse(x: float, z: float, rx: float, rz: float, colour: np.ndarray, alpha: float) -> None:
        across, down = PAINT * rx, PAINT * rz
        left = int(PAINT * (0.085 + x) - across) - 2
        top = int(PAINT * (0.075 - z) - down) - 2
        part = canvas[max(top, 0) : int(top + 2 * down) + 5, left : int(left + 2 * across) + 5]
        layer = np.zeros(part.shape[:2], np.float32)
        centre = (round(across) + 2, round(down) + 2)
        axes = (max(1, round(across)), max(1, round(down)))
        cv2.ellipse(layer, centre, axes, 0, 0, 360, alpha, -1, cv2.LINE_AA)
        _lay_over(part, layer, np.asarray(colour, np.float32))

    canvas[..., :3] = skin
    iris = np.array([(80, 50, 30), (60, 90, 120), (70, 90, 60), (30, 22, 18)])[rng.integers(4)]
    blush, lips = skin * [1.0, 0.86, 0.86], skin * [0.88, 0.62, 0.62]
    if female > 0.5 and rng.random() < 0.5:
        lips = np.array([190, 50, 70]) * rng.uniform(0.6, 1.1)
    for side in (-1, 1):
        x = side * eye[0]
        ellipse(x * 1.3, -0.045, 0.02, 0.016, blush, 0.25)
        ellipse(x, 0.0, 0.019, 0.012, skin * 0.78, 0.6)
        ellipse(x, 0.0, 0.0135, 0.0065, np.array([238, 234, 228]), 1.0)
        ellipse(x, 0.0, 0.006, 0.006, iris, 1.0)
        ellipse(x, 0.0, 0.003, 0.003, np.array([10, 10, 10]), 1.0)
        ellipse(x, 0.0065, 0.014, 0.002, np.array([25, 20, 18]), 0.8)
        ellipse(x * 1.05, 0.02, 0.017, 0.0035, hair * 0.7, 0.85)
    ellipse(0, -0.045, 0.011, 0.004, skin * 0.75, 0.6)
    ellipse(0, -0.068, 0.022, 0.0075, lips, 0.9)
    ellipse(0, -0.067, 0.021, 0.0014, lips * 0.5, 0.9)
    if female < 0.5 and rng.random() < 0.4:
        ellipse(0, -0.082, 0.055, 0.035, hair * 0.8 + skin * 0.2, rng.uniform(0.2, 0.8))
        ellipse(0, -0.068, 0.022, 0.0075, lips, 0.9)
    return canvas, np.array([left, top, right - left, bottom - top], np.float32)


@numba.njit(cache=True)
def _lay_over(canvas, layer, colour):  # type: ignore[no-untyped-def]
    """Put colour (3,), as opaque as `layer` (h, w) says, over a canvas (h, w, 4), in place."""
    for y in range(canvas.shape[0]):
        for x in range(canvas.shape[1]):
            for c in range(3):
                canvas[y, x, c] += layer[y, x] * (colour[c] - canvas[y, x, c])
            canvas[y, x, 3] += layer[y, x] * (1 - canvas[y, x, 3])


def hair_cap(
    look: Look, model: BodyModel, patterns: Patterns, shape: Shape, transforms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hair on the head: world points (N, 3), faces, cut (N,), and strand coordinates (N, 2)."""
    shell = patterns.scalp
    v, mean = shell.vertices, model.mean.smooth[shell.vertices]
    eye = model.mean.heads[model.bone["eye.L"]][2]
    line = np.interp(
        mean[:, 1],
        [-0.17, -0.115, -0.075, -0.03, 0.02, 0.05],
        [eye + 0.07, eye + 0.055, eye - 0.0, eye - 0.03, eye - 0.06, eye - 0.085],
    )
    cut = (mean[:, 2] - line).astype(np.float32)
    crown = np.clip((mean[:, 2] - eye - 0.03) / 0.08, 0, 1)
    lumps = 1 + 0.25 * np.sin(60 * mean[:, 0] + 9 * look.thickness) * np.sin(50 * mean[:, 2])
    thickness = look.thickness * np.clip(cut / 0.03 + 0.4, 0.2, 1) * (1 + 0.6 * crown) * lumps
    rest = shape.smooth[v] + shape.smooth_normals[v] * (thickness + 0.004)[:, None].astype(
        np.float32
    )
    strands = np.stack([np.arctan2(mean[:, 0], mean[:, 1]) * 0.1, -mean[:, 2]], 1)
    points = skinned(rest, shell.bones, shell.weights, transforms)
    return points, shell.faces, cut, strands.astype(np.float32)


def hanging_hair(
    look: Look, model: BodyModel, shape: Shape, transforms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Hair that falls from the head over neck, shoulders and clothes, or None.

    Returns world points (N, 3), faces and strand coordinates (N, 2).
    """
    if look.length == 0:
        return None

    def place(bone: str, offset: tuple[float, float, float]) -> np.ndarray:
        rest = shape.heads[model.bone[bone]] + np.array(offset)
        move = transforms[model.bone[bone]]
        return move[:, :3] @ rest + move[:, 3]

    crown, ears = place("head", (0, 0.0, 0.07)), place("head", (0, 0.0, 0.02))
    forward = transforms[model.bone["head"]][:, :3] @ np.array([0, -1.0, 0])
    yaw = np.arctan2(forward[0], -forward[1])
    chest = place("spine01", (0, -0.15, 0.02))
    shoulder_z = float(place("upperarm01.L", (0, 0, 0.05))[2])
    angle = np.linspace(-2.0, 2.0, STRAND_COLUMNS)
    row = np.linspace(0, 1, STRAND_ROWS)[:, None]
    bottom = float(ears[2]) - look.length
    z = crown[2] + (bottom - crown[2]) * row + 0 * angle
    z = z + 0.02 * row * np.sin(7 * angle + 40 * look.length)
    below = np.clip((float(ears[2]) - z) / 0.2, 0, 1)
    radius_x = 0.082 + look.thickness + 0.02 * np.sin(np.pi * np.clip(row * 1.2, 0, 1))
    radius_x = radius_x + 0.03 * below
    radius_y = 0.088 + look.thickness + 0.0 * below
    x = radius_x * np.sin(angle + yaw)
    y = radius_y * np.cos(angle + yaw) + 0.005
    resting = np.clip((shoulder_z + 0.06 - z) / 0.12, 0, 1)
    in_front = np.clip((np.abs(angle) - 1.25) / 0.3, 0, 1)
    goal = np.where(in_front > 0, chest[1] - 0.03 - ears[1], 0.13)
    y = y * (1 - resting) + (y + (goal - y) * np.where(angle == angle, 0.9, 0)) * resting
    points = np.stack([ears[0] + x, ears[1] + y, z], axis=-1).reshape(-1, 3)
    index = np.arange(STRAND_ROWS * STRAND_COLUMNS).reshape(STRAND_ROWS, STRAND_COLUMNS)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    faces = np.stack([a, b, c, c, b, d], axis=-1).reshape(-1, 3).astype(np.int32)
    strands = np.stack([np.broadcast_to(angle * 0.1, z.shape), -z], axis=-1).reshape(-1, 2)
    return points.astype(np.float32), np.ascontiguousarray(faces), strands.astype(np.float32)
