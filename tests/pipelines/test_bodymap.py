"""Body map: the crop and its geometry, missing people, and what the shipped net knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tryon.data.synthetic.canonical import PARTS
from tryon.errors import NoPersonError, WeightsCorruptError, WeightsMissingError
from tryon.pipelines.bodymap import (
    BODY_MAP_INPUTS,
    BODY_MAP_OUTPUTS,
    BODY_PARTS,
    body_map,
    cropped,
    person_crop,
    resampled,
)
from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig, load_dense_net
from tryon.types import Box, Pose

NOBODY = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0.0)


class Echo(torch.nn.Module):
    """Instead of a net: draws the outline into every output, so that geometry can be followed."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outline = torch.nn.functional.pixel_shuffle(inputs[:, -4:], 2)
        return outline.expand(-1, BODY_MAP_OUTPUTS, -1, -1)


def block(height: int = 300, width: int = 400) -> np.ndarray:
    silhouette = np.zeros((height, width), np.float32)
    silhouette[40:260, 150:250] = 1
    return silhouette


def test_the_parts_are_those_of_the_canonical_frame() -> None:
    assert BODY_PARTS == PARTS


def test_the_crop_holds_the_person_in_shape() -> None:
    box = person_crop(NOBODY, block())
    assert box.left < 150 and box.right > 250 and box.top < 40 and box.bottom > 260
    assert box.width / box.height == pytest.approx(0.75, abs=0.01)


def test_what_goes_into_the_crop_comes_out_at_the_same_place() -> None:
    silhouette = block()
    body = body_map(Echo(), NOBODY, silhouette)  # type: ignore[arg-type]
    assert body.photo_size == (400, 300)
    assert body.uv.shape == (192, 144, 2)
    back = body.on_photo((body.uv[..., 1] - 0.5) / 0.05)
    assert np.abs(back - silhouette).mean() < 0.01
    rows, columns = np.nonzero(back > 0.5)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == pytest.approx(
        (40, 260, 150, 250), abs=1.5
    )


@pytest.mark.parametrize("box", [Box(-30, -20, 120, 180), Box(10, 20, 70, 100)])
def test_crops_may_reach_beyond_the_photo(box: Box) -> None:
    y, x = np.mgrid[0:150, 0:100].astype(np.float32) + 0.5
    piece = cropped(x, box, (144, 192))
    columns = box.left + (np.arange(144) + 0.5) * box.width / 144
    inside = (columns > 1) & (columns < 99)
    assert piece[100, inside] == pytest.approx(columns[inside], abs=0.6)
    if box.left < 0:
        assert piece[100, columns < -1].max() == 0
    back = resampled(piece, box, (100, 150))
    rows = slice(max(box.top, 0) + 2, min(box.bottom, 150) - 2)
    columns = slice(max(box.left, 0) + 2, min(box.right, 100) - 2)
    assert back[rows, columns] == pytest.approx(x[rows, columns], abs=1.2)


def test_a_keypoint_lies_on_its_place_in_the_crop() -> None:
    seen = {}

    class Spy(Echo):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            seen["limbs"] = inputs[0, :-4]
            return super().forward(inputs)

    pose = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 1.0)
    pose.keypoints[2] = pose.keypoints[3] = (200, 150, 1.0)  # right upper arm: a dot in the middle
    body_map(Spy(), pose, block())  # type: ignore[arg-type]
    row, column = np.unravel_index(int(seen["limbs"][0].argmax()), (96, 72))
    assert (row, column) == (pytest.approx(47.5, abs=1), pytest.approx(35.5, abs=1))


def test_nobody_is_an_error() -> None:
    with pytest.raises(NoPersonError):
        body_map(Echo(), NOBODY, np.zeros((100, 100), np.float32))  # type: ignore[arg-type]


def test_an_empty_silhouette_falls_back_to_the_joints() -> None:
    pose = Pose(np.ones((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 1.0)
    pose.keypoints[:, 0] = np.linspace(40, 60, 18)
    pose.keypoints[:, 1] = np.linspace(10, 90, 18)
    box = person_crop(pose, np.zeros((100, 100), np.float32))
    assert box.top < 10 and box.bottom > 90


def test_the_net_draws_at_twice_the_size_of_its_inputs() -> None:
    net = DenseNet(DenseNetConfig(BODY_MAP_INPUTS, BODY_MAP_OUTPUTS, (8, 16, 24)))
    drawn = net(torch.zeros(1, BODY_MAP_INPUTS, 96, 72))
    assert drawn.shape == (1, BODY_MAP_OUTPUTS, 192, 144)


def test_weights_that_are_missing_or_broken_say_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WeightsMissingError):
        load_dense_net(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x00" * 64)
    with pytest.raises(WeightsCorruptError, match="broken"):
        load_dense_net(broken)
