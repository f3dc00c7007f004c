"""What sees people in photos: the pose estimator of choice and the silhouette, from the assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tryon.assets.rebuild import ASSETS as PERCEPTION_FILES, PERCEPTION
from tryon.digests import check_sha256
from tryon.errors import OptionError, WeightsMissingError
from tryon.pipelines.bodymap_net import DenseNet, load_dense_net
from tryon.pipelines.controlnet_aux_pose import ControlNetAuxPose
from tryon.pipelines.garment.glance_net import GlanceNet, load_glance_net
from tryon.pipelines.person.parser import PersonParser
from tryon.pipelines.pose import BlazePose, PoseEstimator
from tryon.pipelines.silhouette import SelfieSegmenter
from tryon.weights import ASSETS

BODY_MAP = ASSETS / "bodymap" / "body_map.safetensors"
PLACEMENT = ASSETS / "bodymap" / "placement.safetensors"
GLANCE = ASSETS / "glance" / "glance.safetensors"
CUTOUT = ASSETS / "bodymap" / "cutout.safetensors"

PoseName = Literal["blazepose", "openpose", "dwpose"]


@dataclass(frozen=True, slots=True)
class Perception:
    """Loaded models.

    pose: joints. segmenter: who is person and who is background. parser: hair, skin and clothes.
    body_map: where on the canonical body each pixel of a person lies.
    placement: where on the canonical body each pixel of a flat-lay belongs.
    glance: whether a cut-out is a garment, of which category, and at which angle.
    cutout: which pixels of a garment photo are the garment.
    """

    pose: PoseEstimator
    segmenter: SelfieSegmenter
    parser: PersonParser
    body_map: DenseNet
    placement: DenseNet
    glance: GlanceNet
    cutout: DenseNet


def load_perception(pose: PoseName = "blazepose", *, threads: int = 1) -> Perception:
    """Load the embedded models, and another pose estimator if one is chosen.

    Raises WeightsMissingError or WeightsCorruptError if the package is not whole, OptionError for
    an unknown name, DependencyError if controlnet-aux is needed and not installed.
    """
    if pose not in get_args(PoseName):
        raise OptionError(f"pose is {pose!r}", remedy="Choose blazepose, openpose or dwpose.")
    detector, landmarker, selfie, multiclass = (
        PERCEPTION / asset.name for asset in PERCEPTION_FILES
    )
    for asset in PERCEPTION_FILES:
        path = PERCEPTION / asset.name
        if not path.is_file():
            raise WeightsMissingError(
                "not in the package", path=path, remedy="Install the package again."
            )
        check_sha256(path, asset.sha256)
    estimator: PoseEstimator
    if pose == "blazepose":
        estimator = BlazePose(detector, landmarker, threads=threads)
    else:
        estimator = ControlNetAuxPose(pose)
    return Perception(
        estimator,
        SelfieSegmenter(selfie, threads=threads),
        PersonParser(multiclass, threads=threads),
        load_dense_net(BODY_MAP),
        load_dense_net(PLACEMENT),
        load_glance_net(GLANCE),
        load_dense_net(CUTOUT),
    )
