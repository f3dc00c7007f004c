"""Ready bodies to see a garment on: rendered people with true body maps, from one file.

They ship with the package, so that a garment can be trained on without the extra `synthetic`.
`python -m tryon.training.render_bodies` made them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tryon.errors import WeightsCorruptError, WeightsMissingError
from tryon.pipelines.bodymap import BodyMap
from tryon.types import BODY_PARTS, Box, Category, Pose

LIBRARY = Path(__file__).resolve().parents[1] / "assets" / "bodies" / "bodies.npz"

_STEPS = 1023  # in which uv is stored
_FRONT, _BAND = 16, 32


@dataclass(frozen=True, eq=False, slots=True)
class LibraryBody:
    """One rendered person in close-fitting underclothes where a garment of `category` goes.

    image: uint8 (H, W, 3). light: uint8 (h, w), how bright a loose white garment would be, lower
    resolution. silhouette: bool (H, W). over: bool (H, W), hair before whatever is worn.
    keypoints, hands: true, as in `Pose`. body: the true map, continued into the band around the
    body. seed: that it was rendered from.
    """

    category: Category
    seed: int
    image: np.ndarray
    light: np.ndarray
    silhouette: np.ndarray
    over: np.ndarray
    keypoints: np.ndarray
    hands: np.ndarray
    body: BodyMap

    @property
    def pose(self) -> Pose:
        return Pose(self.keypoints, self.hands, score=1.0)


def load_bodies(category: Category, file: Path = LIBRARY) -> list[LibraryBody]:
    """The library's bodies for a category, always in the same order.

    Raises WeightsMissingError if the package is not whole.
    """
    if not file.is_file():
        raise WeightsMissingError("not in the package", path=file, remedy="Install it again.")
    with np.load(file, allow_pickle=False) as stored:
        index = json.loads(stored["index"].tobytes())
        return [
            _unpacked({name: stored[f"{number}.{name}"] for name in PARTS}, header)
            for number, header in enumerate(index)
            if header["category"] == category
        ]


def save_bodies(bodies: list[LibraryBody], file: Path = LIBRARY) -> None:
    """Write a library."""
    arrays: dict[str, np.ndarray] = {}
    index = []
    for number, body in enumerate(bodies):
        parts, header = _packed(body)
        arrays |= {f"{number}.{name}": value for name, value in parts.items()}
        index.append(header)
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **arrays)  # type: ignore[arg-type]


PARTS = ("image", "light", "masks", "map", "joints")


def _packed(body: LibraryBody) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Pictures as JPEG or PNG bytes, and what JSON can say."""
    masks = (body.silhouette * np.uint8(85) + body.over * np.uint8(170)).astype(np.uint8)
    u, v = (np.rint(body.body.uv[..., i] * _STEPS).clip(0, _STEPS) for i in (0, 1))
    label = body.body.part.astype(np.uint16)
    label = label + _FRONT * (body.body.front > 0.5) + _BAND * (body.body.body <= 0.5)
    covered = body.body.confidence > 0
    planes = np.stack([u, v, label], axis=-1) * covered[..., None]
    parts = {
        "image": _encoded(".jpg", body.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]),
        "light": _encoded(".jpg", body.light, [cv2.IMWRITE_JPEG_QUALITY, 80]),
        "masks": _encoded(".png", masks, [cv2.IMWRITE_PNG_COMPRESSION, 9]),
        "map": _encoded(".png", planes.astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, 9]),
        "joints": np.concatenate([body.keypoints, body.hands.reshape(-1, 3)]).astype(np.float32),
    }
    box = body.body.box.as_tuple()
    return parts, {"category": body.category, "seed": body.seed, "box": box}


def _unpacked(parts: dict[str, np.ndarray], header: dict[str, object]) -> LibraryBody:
    image = _decoded(parts["image"], cv2.IMREAD_COLOR)[..., ::-1]
    masks = _decoded(parts["masks"], cv2.IMREAD_GRAYSCALE)
    planes = _decoded(parts["map"], cv2.IMREAD_UNCHANGED)
    label = planes[..., 2].astype(np.int64)
    part = label % _FRONT
    covered = (part > 0).astype(np.float32)
    body = BodyMap(
        uv=planes[..., :2].astype(np.float32) / _STEPS,
        front=(label & _FRONT > 0).astype(np.float32),
        body=covered * (label & _BAND == 0),
        parts=(part[..., None] == np.arange(len(BODY_PARTS))).astype(np.float32),
        confidence=covered,
        box=Box(*header["box"]),  # type: ignore[misc]
        photo_size=(image.shape[1], image.shape[0]),
    )
    return LibraryBody(
        category=header["category"],  # type: ignore[arg-type]
        seed=header["seed"],  # type: ignore[arg-type]
        image=np.ascontiguousarray(image),
        light=_decoded(parts["light"], cv2.IMREAD_GRAYSCALE),
        silhouette=masks % 170 == 85,
        over=masks >= 170,
        keypoints=parts["joints"][:18],
        hands=parts["joints"][18:].reshape(2, 3, 3),
        body=body,
    )


def _encoded(kind: str, picture: np.ndarray, options: list[int]) -> np.ndarray:
    return np.asarray(cv2.imencode(kind, np.ascontiguousarray(picture), options)[1]).ravel()


def _decoded(content: np.ndarray, flags: int) -> np.ndarray:
    picture = cv2.imdecode(content, flags)
    if picture is None:
        raise WeightsCorruptError("a picture in it is broken", path=LIBRARY)
    return np.asarray(picture)
