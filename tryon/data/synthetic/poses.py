"""Poses as people take them for a shop's photographer, or in the street.

A pose is a rotation for every bone, in the axes of the A-pose (see `bodies.bone_transforms`).
Arms are placed by where the wrist goes (two-bone inverse kinematics), because "hand on the hip"
has to find the hip of a thin and of a heavy body alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tryon.data.synthetic.bodies import BodyModel, Shape
from tryon.data.synthetic.draws import one_by_chance, one_of
from tryon.data.synthetic.turns import axis_turn, turn_about

ARM_POSES = {
    "down": 0.38,
    "hip": 0.14,
    "pocket": 0.12,
    "crossed": 0.06,
    "front": 0.08,
    "raised": 0.05,
    "behind": 0.05,
    "out": 0.07,
    "head": 0.05,
}
"""How often each arm pose is taken."""

LEG_POSES = {"stand": 0.58, "contrapposto": 0.23, "walk": 0.19}


@dataclass(frozen=True, eq=False, slots=True)
class PoseDraw:
    """rotations: float (B, 3, 3); arms: names of the left and the right arm's pose; legs: name."""

    rotations: np.ndarray
    arms: tuple[str, str]
    legs: str


def random_pose(
    rng: np.random.Generator, model: BodyModel, shape: Shape, seated: bool = False
) -> PoseDraw:
    """Draw a pose that fits this body."""
    turns = np.tile(np.eye(3), (len(model.parents), 1, 1))

    def turn(bone: str, axes: str, *degrees: float) -> None:
        matrix = axis_turn(axes[0], degrees[0])
        for axis, angle in zip(axes[1:], degrees[1:], strict=True):
            matrix = axis_turn(axis, angle) @ matrix
        turns[model.bone[bone]] = matrix

    legs = one_by_chance(rng, LEG_POSES)
    legs = "sit" if seated else legs
    _pose_legs(rng, legs, turn)
    turn("spine05", "xyz", rng.normal(0, 2), rng.normal(0, 2), rng.normal(0, 4))
    turn("spine03", "xyz", rng.normal(1, 3), rng.normal(0, 2.5), rng.normal(0, 5))
    turn("neck01", "xyz", rng.normal(4, 4), rng.normal(0, 3), rng.normal(0, 7))
    turn("head", "xyz", rng.normal(2, 5), rng.normal(0, 4), rng.normal(0, 12))
    left = one_by_chance(rng, ARM_POSES)
    right = left if rng.random() < 0.55 else one_of(rng, list(ARM_POSES))
    if "crossed" in (left, right):
        left = right = "crossed"
    for side, name in (("L", left), ("R", right)):
        _pose_arm(rng, model, shape, turns, side, name, first=side == "L")
    for side in "LR":
        bones = [
            model.bone[f"finger{k}-{joint}.{side}"] for k in range(1, 6) for joint in (1, 2, 3)
        ]
        curl = np.radians(rng.uniform(0, 35)) * rng.uniform(0.6, 1.2, 15)
        curl[:3] *= 0.3  # the thumb
        c, s = np.cos(curl), np.sin(curl) if side == "L" else -np.sin(curl)
        turns[bones, 0, 0], turns[bones, 0, 2], turns[bones, 2, 0], turns[bones, 2, 2] = c, s, -s, c
    return PoseDraw(turns, (left, right), legs)


def _pose_legs(rng: np.random.Generator, name: str, turn) -> None:  # type: ignore[no-untyped-def]
    """`turn(bone, axes, *degrees)` records a rotation; thighs swing forwards for negative x."""
    for side, out in (("L", 1.0), ("R", -1.0)):
        thigh, knee, inwards, twist = rng.normal(-1, 2), abs(rng.normal(0, 3)), 0.0, 0.0
        if name in ("stand", "contrapposto"):
            inwards = rng.uniform(-2, 6)
        if name == "contrapposto" and out * one_of(rng, [-1, 1]) > 0:
            thigh, knee, twist = rng.uniform(-22, -6), rng.uniform(10, 40), rng.uniform(0, 15)
        if name == "walk":
            swing = out * rng.uniform(8, 22)
            thigh, knee = -swing, max(0.0, -swing) * rng.uniform(0.6, 1.8) + rng.uniform(0, 8)
            inwards = rng.uniform(2, 7)
        if name == "sit":
            thigh, knee = rng.uniform(-95, -70), rng.uniform(60, 100)
            inwards, twist = rng.uniform(-6, 6), rng.uniform(0, 6)
        turn(f"upperleg01.{side}", "xyz", thigh, out * inwards, -out * twist)
        turn(f"lowerleg01.{side}", "x", knee)
        turn(f"foot.{side}", "x", rng.normal(0, 4) - 0.3 * (thigh + knee))


def _wrist_target(
    rng: np.random.Generator, shape: Shape, model: BodyModel, side: str, name: str, first: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Where the wrist goes and which way the elbow points, in the axes of the A-pose."""
    out = 1.0 if side == "L" else -1.0
    heads, bone = shape.heads, model.bone
    shoulder, hip = heads[bone[f"upperarm01.{side}"]], heads[bone[f"upperleg01.{side}"]]
    reach = _arm_lengths(shape, model, side).sum()
    waist = shape.smooth[np.abs(shape.smooth[:, 2] - hip[2]) < 0.04]
    half = np.abs(waist[:, 0])[np.abs(waist[:, 0]) < 0.35].max() + 0.045
    uniform = rng.uniform
    if name == "down":
        side_gap = max(abs(shoulder[0]) + uniform(-0.01, 0.09) * reach / 0.6, half)
        target = np.array([out * side_gap, uniform(-0.12, 0.03), shoulder[2] - reach * 0.97])
        return target, np.array([out * 0.6, 1.0, 0.0])
    if name == "hip":
        target = np.array([out * half * 0.92, uniform(-0.1, 0.0), hip[2] + uniform(0.07, 0.2)])
        return target, np.array([out, 0.5, 0.0])
    if name == "pocket":
        target = np.array([out * half, uniform(-0.1, -0.02), hip[2] + uniform(0.0, 0.08)])
        return target, np.array([out * 0.7, 1.0, 0.0])
    if name == "crossed":
        level = hip[2] * 0.45 + shoulder[2] * 0.55 + (0.03 if first else -0.02)
        depth = waist[:, 1].min() - (0.13 if first else 0.08)
        return np.array([out * 0.0, depth, level]), np.array([out, 0.3, -0.6])
    if name == "front":
        target = np.array([out * uniform(-0.02, 0.14), uniform(-0.42, -0.24), shoulder[2] - 0.3])
        return target, np.array([out * 0.8, 0.2, -1.0])
    if name == "raised":
        aim = np.array([out * uniform(0.1, 0.6), uniform(-0.3, 0.05), uniform(0.6, 1.0)])
        return shoulder + aim / np.linalg.norm(aim) * reach * 0.95, np.array([out, 0.3, 0.0])
    if name == "behind":
        target = np.array([out * 0.06, waist[:, 1].max() + 0.06, hip[2] + uniform(0.0, 0.15)])
        return target, np.array([out, 0.6, 0.0])
    if name == "head":
        target = np.array([out * 0.1, -0.05, shoulder[2] + uniform(0.2, 0.36)])
        return target, np.array([out, -0.2, uniform(-0.3, 0.6)])
    aim = np.array([out * uniform(0.5, 1.0), uniform(-0.5, 0.2), uniform(-0.8, 0.0)])
    aim *= reach * uniform(0.75, 0.97) / np.linalg.norm(aim)
    return shoulder + aim, np.array([out * 0.3, 1.0, -0.5])


def _arm_lengths(shape: Shape, model: BodyModel, side: str) -> np.ndarray:
    names = (f"upperarm01.{side}", f"lowerarm01.{side}", f"wrist.{side}")
    joints = np.stack([shape.heads[model.bone[name]] for name in names])
    return np.linalg.norm(np.diff(joints, axis=0), axis=1)


def _pose_arm(
    rng: np.random.Generator,
    model: BodyModel,
    shape: Shape,
    turns: np.ndarray,
    side: str,
    name: str,
    first: bool,
) -> None:
    """Turn upper arm and forearm so that the wrist reaches its target."""
    target, pole = _wrist_target(rng, shape, model, side, name, first)
    heads, bone = shape.heads, model.bone
    shoulder = heads[bone[f"upperarm01.{side}"]]
    elbow_rest, wrist_rest = heads[bone[f"lowerarm01.{side}"]], heads[bone[f"wrist.{side}"]]
    upper, lower = _arm_lengths(shape, model, side)
    reach = target - shoulder
    distance = np.clip(np.linalg.norm(reach), abs(upper - lower) + 0.05, (upper + lower) * 0.995)
    along = reach / np.linalg.norm(reach)
    across = pole - along * (pole @ along)
    across /= np.linalg.norm(across)
    cosine = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    elbow = along * cosine + across * np.sqrt(max(0.0, 1 - cosine**2))
    forearm = along * distance - elbow * upper
    first_turn = _shortest_turn(elbow_rest - shoulder, elbow)
    turns[bone[f"upperarm01.{side}"]] = first_turn
    turns[bone[f"lowerarm01.{side}"]] = _shortest_turn(
        wrist_rest - elbow_rest, first_turn.T @ forearm
    )
    axis = (wrist_rest - elbow_rest) / np.linalg.norm(wrist_rest - elbow_rest)
    twist = np.radians(rng.normal(0, 25))
    turns[bone[f"lowerarm02.{side}"]] = turn_about(axis, twist)


def _shortest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that takes one direction to another."""
    (ax, ay, az), (bx, by, bz) = source, target
    axis = np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    sine, cosine = math.sqrt(axis @ axis), float(source @ target)
    if sine < 1e-6 * abs(cosine):
        return np.eye(3)
    return turn_about(axis / sine, math.atan2(sine, cosine))
