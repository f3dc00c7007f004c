"""One rendered sample, and perception that knows the truth of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from tests.parsers import BlindParser
from tryon.data.synthetic.sample import Sample
from tryon.errors import NoPersonError
from tryon.evaluation import synthetic, synthetic_case
from tryon.evaluation.held_out import FIRST_SEED, true_pose
from tryon.evaluation.truth import true_atlas, true_body_map
from tryon.perception import CUTOUT, Perception
from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig, load_dense_net
from tryon.pipelines.garment.glance_net import GlanceNet
from tryon.types import Pose


@pytest.fixture(scope="session")
def sample() -> Sample:
    """A top on a synthetic person who faces the camera, rendered on first use."""
    from tryon.data.synthetic.scene import render_sample

    return render_sample(FIRST_SEED + 233, (320, 240))


@dataclass(frozen=True)
class Known:
    """A pose estimator, and a segmenter, that always say the same."""

    pose: Pose
    silhouette: np.ndarray

    def detect(self, image: Image.Image) -> list[Pose]:
        return [self.pose]

    def probability(self, image: Image.Image) -> np.ndarray:
        whole = Image.fromarray(self.silhouette.astype(np.float32))
        return np.asarray(whole.resize(image.size))


@pytest.fixture
def perception(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> Perception:
    """Body map and placement as the truth has them; joints too."""
    known = Known(true_pose(sample), sample.person.silhouette)
    net = DenseNet(DenseNetConfig(1, 1))
    photos = {
        garment.photo.image.tobytes(): garment for garment in (sample.garment, sample.new_garment)
    }
    for module in (synthetic, synthetic_case):
        monkeypatch.setattr(module, "body_map", lambda net, pose, outline: true_body_map(sample))
        monkeypatch.setattr(
            module,
            "garment_atlas",
            lambda net, cutout, category="auto": true_atlas(photos[cutout.image.tobytes()]),
        )
    monkeypatch.setattr(synthetic_case, "prepared_person", nobody)
    return Perception(known, known, BlindParser(), net, net, GlanceNet(), load_dense_net(CUTOUT))


def nobody(*_: object) -> None:
    raise NoPersonError("nobody was found")
