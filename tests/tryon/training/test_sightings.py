"""People as an estimator sees them, with an estimator that can be foretold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tryon.training import sightings
from tryon.training.sightings import read_sightings, write_sightings
from tryon.types import Pose

pytest.importorskip("anny")


class Estimator:
    """Finds nobody in every second picture, else joints in the middle."""

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, image: Image.Image) -> list[Pose]:
        self.calls += 1
        if self.calls % 2 == 0:
            return []
        keypoints = np.ones((18, 3), np.float32)
        keypoints[:, :2] = np.array(image.size) / 2
        return [Pose(keypoints, np.zeros((2, 3, 3), np.float32), 1.0)]


class Segmenter:
    def probability(self, image: Image.Image) -> np.ndarray:
        return np.ones(image.size[::-1], np.float32)


def test_sightings_go_on_where_they_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "SIZE", (96, 72))
    looking = SimpleNamespace(pose=Estimator(), segmenter=Segmenter())

    def interrupted(*args: object) -> object:
        if looking.pose.calls >= 3:
            raise KeyboardInterrupt
        return sighted(*args)  # type: ignore[arg-type]

    sighted = sightings.sighted
    monkeypatch.setattr(sightings, "sighted", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_sightings(tmp_path, looking, 3, 40)  # type: ignore[arg-type]
    assert read_sightings(tmp_path).seeds.tolist() == [40, 42]
    monkeypatch.setattr(sightings, "sighted", sighted)
    looking.pose.calls = 0
    write_sightings(tmp_path, looking, 3, 40)  # type: ignore[arg-type]
    seen = read_sightings(tmp_path)
    assert seen.seeds.tolist() == [40, 42, 43] and len(seen) == 3
    assert seen.body_labels.shape == (3, 48, 36)
    assert seen.seen_keypoints[0, 0] == pytest.approx([18, 24, 1])
    assert (seen.seen_silhouettes[0] > 0).mean() > 0.3
    body = (seen.body_labels[0] & 15 > 0) & (seen.body_labels[0] & 32 == 0)
    assert seen.silhouettes[0][body].mean() > 0.9
    assert (seen.body_uv[0][body] > 0).all()
