"""A body's measures and the reach of its parts, from its joints alone.

Widths follow from the body's own lengths, by the proportions of an average adult (Drillis and
Contini, "Body Segment Parameters", 1964, and head measures of ANSUR II), so nothing depends on how
many pixels the photo has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tryon.errors import OutOfFrameError
from tryon.types import JOINTS, Pose

SIDES = ("right", "left")
TORSO_PARTS = ("neck", "torso")
ARM_PARTS = tuple(f"{side}_{part}" for side in SIDES for part in ("upper_arm", "forearm"))
LEG_PARTS = tuple(f"{side}_{part}" for side in SIDES for part in ("thigh", "shin"))
HAND_PARTS = tuple(f"{side}_hand" for side in SIDES)
FOOT_PARTS = tuple(f"{side}_foot" for side in SIDES)


@dataclass(frozen=True, eq=False, slots=True)
class Bone:
    """A tapered capsule: start and end are (2,) pixels, with the half width of the bare part."""

    start: np.ndarray
    end: np.ndarray
    start_radius: float
    end_radius: float


@dataclass(frozen=True, eq=False, slots=True)
class Anatomy:
    """Where a body's parts are, in pixels.

    unit: the width of the shoulders, seen from the front; everything scales with it.
    bones: capsule of each part that could be placed: "head" and the names above.
    eyes, up, face: point between the eyes, unit vector to the crown, distance from eyes to chin.
    waist_axis: start (neck) and end (middle of the hips) of the torso.
    """

    unit: float
    bones: dict[str, Bone]
    eyes: np.ndarray
    up: np.ndarray
    face: float
    waist_axis: tuple[np.ndarray, np.ndarray]


def anatomy(pose: Pose) -> Anatomy:
    """The measures and parts of the person in `pose`.

    A joint with confidence 0 was not found: missing hips, knees and ankles are put where an upright
    body has them, and so are missing shoulders where hips and knees were found; an arm that misses
    a joint is left out. Raises OutOfFrameError if there is nothing to measure.
    """
    joints = {
        name: pose.keypoints[index, :2].astype(np.float64)
        for index, name in enumerate(JOINTS)
        if pose.keypoints[index, 2] > 0
    }
    _completed_shoulders(joints)
    shoulders = [joints[f"{side}_shoulder"] for side in SIDES if f"{side}_shoulder" in joints]
    if not shoulders or ("neck" not in joints and len(shoulders) < 2):
        raise OutOfFrameError(
            "the shoulders are not in the picture",
            remedy="Use a photo that shows the person from the head down to the hips.",
        )
    neck = joints.setdefault("neck", np.mean(shoulders, axis=0))
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        joints.setdefault(f"{side}_shoulder", 2 * neck - joints.get(f"{other}_shoulder", neck))
    across = float(np.linalg.norm(joints["right_shoulder"] - joints["left_shoulder"]))
    hips = _completed_legs(joints, across)
    unit = max(across, 0.65 * float(np.linalg.norm(hips - neck)), 1.0)
    eyes, up, face = _face(joints, unit)
    return Anatomy(
        unit, _bones(joints, pose.hands, unit, eyes, up, face), eyes, up, face, (neck, hips)
    )


def _completed_shoulders(joints: dict[str, np.ndarray]) -> None:
    """Fills in neck and shoulders above legs that are seen alone."""
    if "neck" in joints or any(f"{side}_shoulder" in joints for side in SIDES):
        return
    thighs = [
        joints[f"{side}_knee"] - joints[f"{side}_hip"]
        for side in SIDES
        if f"{side}_knee" in joints and f"{side}_hip" in joints
    ]
    if not thighs:
        return
    longest = max(thighs, key=lambda thigh: float(np.linalg.norm(thigh)))
    down = longest / 0.85  # as long as the trunk, see `_completed_legs`
    hips = np.mean([joints[f"{side}_hip"] for side in SIDES if f"{side}_hip" in joints], axis=0)
    neck = joints["neck"] = hips - down
    # The person's right is on the picture's left, unless both hips say otherwise.
    aside = np.array([-down[1], down[0]]) / 1.45 / 2
    if all(f"{side}_hip" in joints for side in SIDES):
        across = joints["right_hip"] - joints["left_hip"]
        aside = aside if aside @ across >= 0 else -aside
    joints["right_shoulder"], joints["left_shoulder"] = neck + aside, neck - aside


def _completed_legs(joints: dict[str, np.ndarray], across: float) -> np.ndarray:
    """Fills in hips, knees and ankles where they are missing; returns the middle of the hips."""
    neck = joints["neck"]
    known = [joints[f"{side}_hip"] for side in SIDES if f"{side}_hip" in joints]
    middle = np.mean(known, axis=0) if known else neck + (0.0, 1.45 * across)
    sideways = 0.25 * (joints["left_shoulder"] - joints["right_shoulder"])
    down = middle - neck
    for side, sign in (("right", -1), ("left", 1)):
        hip = joints.setdefault(f"{side}_hip", middle + sign * sideways)
        knee = joints.setdefault(f"{side}_knee", hip + 0.85 * down)
        joints.setdefault(f"{side}_ankle", knee + 0.95 * (knee - hip))
    return np.asarray((joints["right_hip"] + joints["left_hip"]) / 2)


def _face(joints: dict[str, np.ndarray], unit: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Point between the eyes, unit vector to the crown, distance from the eyes to the chin.

    The distance is the median of up to four measures, each of which fails for some turn of the
    head.
    """
    neck = joints["neck"]
    pair = [joints[f"{side}_eye"] for side in SIDES if f"{side}_eye" in joints]
    ears = [joints[f"{side}_ear"] for side in SIDES if f"{side}_ear" in joints]
    if pair or ears:
        eyes = np.mean(pair or ears, axis=0)
    else:
        eyes = joints.get("nose", neck - (0.0, 0.6 * unit)) - (0.0, 0.12 * unit)
    up = _unit_vector(eyes - neck, np.array([0.0, -1.0]))
    lengths = [0.5 * float(np.linalg.norm(eyes - neck)), 0.35 * unit]
    if len(pair) == 2:
        line = pair[1] - pair[0]
        normal = _unit_vector(np.array([line[1], -line[0]]), up)
        normal = normal if normal @ up > 0 else -normal
        if normal @ up > 0.5:
            up = _unit_vector(normal + up, up)
        lengths.append(1.65 * float(np.linalg.norm(line)))
    if len(ears) == 2:
        lengths.append(0.9 * float(np.linalg.norm(ears[1] - ears[0])))
    return eyes, up, float(np.clip(np.median(lengths), 0.22 * unit, 0.6 * unit))


def _unit_vector(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else otherwise


def _bones(
    joints: dict[str, np.ndarray],
    hands: np.ndarray,
    unit: float,
    eyes: np.ndarray,
    up: np.ndarray,
    face: float,
) -> dict[str, Bone]:
    neck = joints["neck"]
    hips = (joints["right_hip"] + joints["left_hip"]) / 2
    chin = eyes - face * up
    bones = {
        "head": Bone(eyes + 0.4 * face * up, eyes - 0.35 * face * up, 0.95 * face, 0.7 * face),
        "neck": Bone(chin, neck, 0.5 * face, 0.3 * unit),
        "torso": Bone(neck + 0.12 * (hips - neck), hips, 0.42 * unit, 0.45 * unit),
    }
    for index, side in enumerate(SIDES):
        knee, ankle = joints[f"{side}_knee"], joints[f"{side}_ankle"]
        bones[f"{side}_thigh"] = Bone(joints[f"{side}_hip"], knee, 0.24 * unit, 0.17 * unit)
        bones[f"{side}_shin"] = Bone(knee, ankle, 0.17 * unit, 0.12 * unit)
        foot = ankle + 0.3 * (ankle - knee)
        bones[f"{side}_foot"] = Bone(ankle + 0.08 * (ankle - knee), foot, 0.13 * unit, 0.17 * unit)
        if f"{side}_elbow" not in joints:
            continue
        elbow = joints[f"{side}_elbow"]
        shoulder = joints[f"{side}_shoulder"]
        bones[f"{side}_upper_arm"] = Bone(shoulder, elbow, 0.17 * unit, 0.13 * unit)
        if f"{side}_wrist" not in joints:
            continue
        wrist = joints[f"{side}_wrist"]
        bones[f"{side}_forearm"] = Bone(elbow, wrist, 0.13 * unit, 0.1 * unit)
        bones[f"{side}_hand"] = _hand(wrist, elbow, hands[index], unit)
    return bones


def _hand(wrist: np.ndarray, elbow: np.ndarray, points: np.ndarray, unit: float) -> Bone:
    """From the wrist to the fingertips, twice as far as the knuckles of index and little finger."""
    along = 0.22 * unit * _unit_vector(wrist - elbow, np.array([0.0, 1.0]))
    found = points[points[:, 2] > 0, :2]
    if len(found):
        knuckles = points[1:][points[1:, 2] > 0, :2]
        along = np.mean(knuckles if len(knuckles) else found, axis=0) - wrist
        shortest = 0.12 * unit
        if np.linalg.norm(along) < shortest:  # pointing at the camera
            along = shortest * _unit_vector(along, np.array([0.0, 1.0]))
    radius = max(0.75 * float(np.linalg.norm(along)), 0.13 * unit)
    return Bone(wrist + 0.25 * along, wrist + 1.75 * along, 0.8 * radius, radius)


def reach(bone: Bone, size: tuple[int, int], step: int = 1) -> np.ndarray:
    """float32 (h, w): distance from the bone in its own half widths: 0 on it, 1 at the bare skin.

    size: (width, height); one value is computed per `step` x `step` pixels, at their middle.
    """
    width, height = -(-size[0] // step), -(-size[1] // step)
    x = ((np.arange(width, dtype=np.float32) + 0.5) * step - np.float32(bone.start[0]))[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5) * step - np.float32(bone.start[1]))[:, None]
    along = (bone.end - bone.start).astype(np.float32)
    position = np.clip((x * along[0] + y * along[1]) / np.float32(along @ along + 1e-6), 0, 1)
    away = np.sqrt((x - position * along[0]) ** 2 + (y - position * along[1]) ** 2)
    radius = np.float32(bone.start_radius) + position * np.float32(
        bone.end_radius - bone.start_radius
    )
    return np.asarray(away / radius, dtype=np.float32)


def position_along(
    start: np.ndarray, end: np.ndarray, size: tuple[int, int], step: int = 1
) -> np.ndarray:
    """float32 (h, w): how far along the line from start (0) to end (1) a pixel lies, unclipped."""
    width, height = -(-size[0] // step), -(-size[1] // step)
    x = ((np.arange(width, dtype=np.float32) + 0.5) * step - np.float32(start[0]))[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5) * step - np.float32(start[1]))[:, None]
    along = (end - start).astype(np.float32)
    return np.asarray((x * along[0] + y * along[1]) / np.float32(along @ along + 1e-6))
