"""How garments can lie before the camera."""

from __future__ import annotations

import numpy as np

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.cuts import random_jacket
from tryon.data.synthetic.garments import GarmentMesh, garment_mesh
from tryon.data.synthetic.patterns import patterns
from tryon.training.laying import Laying, laid, random_laying


def jacket() -> GarmentMesh:
    cut = random_jacket(np.random.default_rng(3), patterns().marks)
    return garment_mesh(cut, body_model(), patterns())


def places(mesh: GarmentMesh, laying: Laying) -> np.ndarray:
    return laid(mesh, laying, patterns().marks).cloth


def test_neatly_laid_is_as_it_was_cut() -> None:
    mesh = jacket()
    assert np.allclose(places(mesh, Laying()), mesh.cloth, atol=1e-6)


def test_a_filled_garment_is_as_narrow_as_the_body() -> None:
    mesh = jacket()
    trunk = np.abs(mesh.arm) < 0.05
    filled = places(mesh, Laying(roundness=1.0))
    assert np.ptp(filled[trunk, 0]) < 0.9 * np.ptp(mesh.cloth[trunk, 0])


def test_sleeves_are_turned_one_by_one_and_leave_the_trunk_alone() -> None:
    mesh = jacket()
    swung = places(mesh, Laying(sleeves=(25.0, 0.0)))
    left = (mesh.arm > 0.98) & (mesh.along > 0.8)
    assert swung[left, 0].mean() > mesh.cloth[left, 0].mean() + 0.05
    assert swung[left, 1].mean() < mesh.cloth[left, 1].mean() - 0.05
    others = mesh.arm <= 0
    assert np.allclose(swung[others], mesh.cloth[others], atol=1e-6)


def test_bent_elbows_bring_the_cuffs_in() -> None:
    mesh = jacket()
    bent = places(mesh, Laying(elbows=(70.0, 0.0)))
    cuff = (mesh.arm > 0.98) & (mesh.along > 0.85)
    upper = (mesh.arm > 0.98) & (mesh.along < 0.4)
    assert bent[cuff, 0].mean() < mesh.cloth[cuff, 0].mean() - 0.05
    assert np.allclose(bent[upper], mesh.cloth[upper], atol=0.02)


def test_garments_lie_in_many_positions() -> None:
    rng = np.random.default_rng(0)
    cut = jacket().cut_numbers
    layings = [random_laying(rng, cut) for _ in range(60)]
    assert 0.1 < np.mean([laying.roundness == 0 for laying in layings]) < 0.8
    assert max(laying.roundness for laying in layings) > 0.9
    assert np.ptp([laying.sleeves[0] for laying in layings]) > 30
    assert any(laying.elbows != (0.0, 0.0) for laying in layings)
