"""Which garment goes over which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tryon.data.synthetic.canonical import FRAME_METRES, MIDDLE_Z
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.garments import GarmentMesh
from tryon.data.synthetic.outfits import Piece
from tryon.data.synthetic.sample import LOWER, OUTER, UPPER


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """A piece as it is worn with others: its number among them, its mesh, less what is tucked
    in, and how many metres nearer it is taken to be."""

    number: int
    piece: Piece
    mesh: GarmentMesh
    bias: float

    def same_as(self, other: Layer) -> bool:
        """Whether both look the same on the same figure."""
        return self.mesh is other.mesh and self.bias == other.bias


def layered(pieces: Sequence[Piece]) -> list[Layer]:
    """How garments go over each other.

    A flared skirt takes the top inside; so does every lower piece if the top
    `tucks`. What is tucked in ends below the waistband.
    """
    lowers = [p.mesh for p in pieces if p.mesh.cut_numbers.label == LOWER]
    layers = []
    for number, piece in enumerate(pieces):
        mesh, cut, bias = piece.mesh, piece.mesh.cut_numbers, -0.012
        if cut.label == LOWER:
            bias = -0.016
        elif cut.label == UPPER and lowers:
            below = lowers[0].cut_numbers
            if tucked(cut, below):
                height = MIDDLE_Z + (0.5 - mesh.uv[:, 1]) * FRAME_METRES
                inside = np.where(np.abs(mesh.arm) > 0.1, 9.0, height - below.top + 0.015)
                mesh = replace(mesh, cut=np.minimum(mesh.cut, inside).astype(np.float32))
                bias = -0.006
            else:
                bias = -0.035
        elif cut.label == OUTER:
            bias = -0.08
        layers.append(Layer(number, piece, mesh, bias))
    return layers


def tucked(top: Cut, lower: Cut) -> bool:
    """Whether the top goes into the skirt or the trousers."""
    if top.hem > lower.top - 0.04:
        return False
    return top.tucks or (lower.build == "skirt" and lower.flare > 0.05)
