"""Rendered pairs and imperfect warps, on a few samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny", reason="rendering needs the extra `synthetic`")

from tryon.data.synthetic.sample import Sample  # noqa: E402
from tryon.data.synthetic.scene import render_sample  # noqa: E402
from tryon.training import pairs as pairs_module  # noqa: E402
from tryon.training.imperfect_warp import imperfect_warp  # noqa: E402
from tryon.training.pairs import HEIGHT, PAIR, RENDERED, WIDTH, packed_pair, write_pairs  # noqa: E402
from tryon.types import Box  # noqa: E402

FROM_THE_FRONT = 10


@pytest.fixture(scope="module")
def sample() -> Sample:
    return render_sample(FROM_THE_FRONT, RENDERED, photo_size=(HEIGHT, WIDTH))


def test_a_warp_resembles_the_garment_worn(sample: Sample) -> None:
    """Where the warp lies, its colours are nearer to the truth than the garment's mean colour."""
    height, width = sample.agnostic.shape
    rng = np.random.default_rng(0)
    warp = imperfect_warp(
        sample.new_garment, sample.body, sample.band, Box(0, 0, width, height), rng
    )
    worn = sample.other.clothes == sample.new_garment.label
    covered = (warp[..., 3] > 200) & worn
    assert warp.shape == (height, width, 4)
    assert covered.sum() > 0.5 * worn.sum()
    truth = sample.other.image[covered].astype(float)
    error = np.abs(warp[..., :3][covered] - truth).mean()
    assert error < 40


def test_every_warp_is_wrong_in_its_own_way(sample: Sample) -> None:
    height, width = sample.agnostic.shape
    box = Box(0, 0, width, height)
    first, again, other = (
        imperfect_warp(sample.garment, sample.body, sample.band, box, np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_garment_that_cannot_be_placed_leaves_no_warp(sample: Sample) -> None:
    photo = replace(sample.garment.photo, mask=np.zeros_like(sample.garment.photo.mask))
    warp = imperfect_warp(
        replace(sample.garment, photo=photo),
        sample.body,
        sample.band,
        Box(10, 20, 100, 140),
        np.random.default_rng(0),
    )
    assert warp.shape == (120, 90, 4)
    assert not warp.any()


def test_both_pictures_are_the_same_outside_the_mask(sample: Sample) -> None:
    record = packed_pair(sample)
    assert record.dtype == PAIR
    outside = record["mask"] == 0
    first, second = record["pictures"].astype(int)
    assert np.abs(first - second)[outside].mean() < 2
    assert np.abs(first - second)[~outside].mean() > 10
    assert int(record["seed"]) == sample.seed
    assert str(record["captions"][1]) == sample.new_garment.caption


def test_writing_goes_on_where_it_stopped(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[int] = []

    def render(seed: int, *_: object, **__: object) -> Sample:
        rendered.append(seed)
        return replace(sample, seed=seed)

    monkeypatch.setattr("tryon.data.synthetic.scene.render_sample", render)
    monkeypatch.setattr(pairs_module, "packed_pair", lambda one: _record(one.seed))
    file = tmp_path / "pairs.npy"
    pairs = write_pairs(file, count=3, first_seed=50)
    pairs["seed"][1] = -1
    pairs.flush()
    again = write_pairs(file, count=3, first_seed=50)
    assert rendered == [50, 51, 52, 51]
    assert again["seed"].tolist() == [50, 51, 52]


def _record(seed: int) -> np.ndarray:
    record = np.zeros((), PAIR)
    record["seed"] = seed
    return record
