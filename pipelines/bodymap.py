"""Body map: for every pixel of a person photo, where on the canonical body it lies.

Predicted from limb maps and the silhouette only, no colours: that is why a net trained on
synthetic people (`tryon.training.bodymap`) holds on photographs. The canonical frame is that of
`tryon.data.synthetic.canonical`: the mean body in A-pose seen from the front, u to the right of
that picture, v down, both 0-1, with one layer for the front and one for the back.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tryon.errors import NoPersonError
from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.limbs import LIMB_CHANNELS, limb_maps
from tryon.types import BODY_PARTS, JOINTS, Box, Pose


def mirrored_name(name: str) -> str:
    """The same joint or part on the other side of the body."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


MAP_HEIGHT, MAP_WIDTH = 192, 144
BODY_MAP_INPUTS = LIMB_CHANNELS + 4
BODY_MAP_OUTPUTS = 2 + 1 + 1 + 1 + len(BODY_PARTS)
_MIRRORED_JOINTS = [JOINTS.index(mirrored_name(name)) for name in JOINTS]
_MIRRORED_OUTPUTS = [0, 1, 2, 3, 4, *(5 + BODY_PARTS.index(mirrored_name(n)) for n in BODY_PARTS)]
_UV_UNIT = 0.05  # the net draws uv - 0.5 in units of this
_TRUNK_JOINTS = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
_TRUNK_EDGE = 0.08  # |u - 0.5| where the trunk ends
_OVERSEEN = 0.65  # of a turn of the trunk; measured on 12 people who wear a print that is known
_BEST_SCALE = 0.006  # an expected error (in uv) that counts as full confidence


@dataclass(frozen=True, eq=False, slots=True)
class BodyMap:
    """Where on the canonical body the pixels of a photo lie, on a coarse grid over a crop of it.

    All arrays are float32 and (192, 144[, channels]). Outside the body they go on into a band
    of about 8 cm, where loose clothes would be.

    uv: (h, w, 2), canonical coordinates.
    front: (h, w), probability that the front of the body faces the camera here.
    body: (h, w), probability of the bare body (less than 0.5 in the band).
    parts: (h, w, 16), probability of each of `BODY_PARTS`.
    confidence: (h, w), 0-1, 0 outside body and band.
    box: the crop of the photo that the grid covers; it may reach beyond the photo.
    photo_size: (width, height) of the photo.
    """

    uv: np.ndarray
    front: np.ndarray
    body: np.ndarray
    parts: np.ndarray
    confidence: np.ndarray
    box: Box
    photo_size: tuple[int, int]

    @property
    def part(self) -> np.ndarray:
        """uint8 (h, w): the likeliest of `BODY_PARTS`."""
        return np.asarray(self.parts.argmax(axis=-1), np.uint8)

    @property
    def cells_per_unit(self) -> float:
        """How many cells the side of the canonical frame is long on this person."""
        trunk = self.parts[..., BODY_PARTS.index("torso")] > 0.8
        down = np.hypot(*np.moveaxis(np.gradient(self.uv, axis=0), -1, 0))[trunk]
        return 1 / max(float(np.median(down)), 1e-3) if len(down) else 1.0

    @property
    def from_behind(self) -> bool:
        """Whether more of the trunk's back is seen than of its front."""
        trunk = self.parts[..., BODY_PARTS.index("torso")]
        return float((trunk * self.front).sum()) < 0.5 * float(trunk.sum())

    def on_photo(self, plane: np.ndarray) -> np.ndarray:
        """float32 (H, W[, k]): any of the arrays at the photo's size, 0 outside the crop."""
        return resampled(plane, self.box, self.photo_size)


def body_map(net: DenseNet, pose: Pose, silhouette: np.ndarray) -> BodyMap:
    """The body map of one person.

    silhouette: float (H, W), 0-1, the person's, at the photo's size.

    Raises `NoPersonError` if neither silhouette nor joints show anybody.
    """
    height, width = silhouette.shape
    box = person_crop(pose, silhouette)
    scale_x, scale_y = MAP_WIDTH / box.width, MAP_HEIGHT / box.height
    keypoints = pose.keypoints.astype(np.float32).copy()
    keypoints[:, 0] = (keypoints[:, 0] - box.left) * scale_x
    keypoints[:, 1] = (keypoints[:, 1] - box.top) * scale_y
    outline = cropped(silhouette, box, (MAP_WIDTH, MAP_HEIGHT))
    with torch.inference_mode():
        uv, scale, front, body, logits = body_map_outputs(
            drawn_both_ways(net, torch.from_numpy(keypoints)[None], torch.from_numpy(outline)[None])
        )
        parts = np.ascontiguousarray(logits[0].softmax(0).permute(1, 2, 0).numpy())
    places = np.ascontiguousarray(uv[0].permute(1, 2, 0).numpy())
    _turn_back(places, parts, keypoints)
    return BodyMap(
        uv=places,
        front=front[0, 0].sigmoid().numpy(),
        body=body[0, 0].sigmoid().numpy(),
        parts=parts,
        confidence=np.clip(_BEST_SCALE / scale[0, 0].numpy(), 0, 1) * (1 - parts[..., 0]),
        box=box,
        photo_size=(width, height),
    )


def _turn_back(uv: np.ndarray, parts: np.ndarray, keypoints: np.ndarray) -> None:
    """Take back a part of the turn that the net sees in the trunk, in place.

    From joints and outline alone, a turn of the trunk is hard to tell from a shoulder held forward,
    and on real people the net sees too much of it: the middle line of garments whose prints are
    found again on their wearers lies off by about two thirds of it.
    """
    joints = {name: keypoints[JOINTS.index(name)] for name in _TRUNK_JOINTS}
    if min(joint[2] for joint in joints.values()) <= 0:
        return
    tops, ends = ((joints[f"right_{n}"] + joints[f"left_{n}"])[:2] / 2 for n in ("shoulder", "hip"))
    along = np.linspace(0.1, 0.9, 17)[:, None]
    points = np.rint(tops + (ends - tops) * along - 0.5).astype(int)
    inside = ((points >= 0) & (points < uv.shape[1::-1])).all(axis=1)
    columns, rows = points[inside].T
    trunk = parts[..., [BODY_PARTS.index("torso"), BODY_PARTS.index("neck")]].sum(axis=-1)
    seen = trunk[rows, columns] > 0.5
    if seen.sum() < 5:
        return
    turn = float(np.median(uv[rows, columns, 0][seen])) - 0.5
    middle = np.clip(1 - ((uv[..., 0] - 0.5) / _TRUNK_EDGE) ** 2, 0, 1)
    uv[..., 0] -= _OVERSEEN * turn * middle * trunk


def body_map_inputs(keypoints: torch.Tensor, silhouette: torch.Tensor) -> torch.Tensor:
    """What the net sees: (N, `BODY_MAP_INPUTS`, 96, 72).

    keypoints: (N, 18, 3) in pixels of the 192x144 map. silhouette: (N, 1, 192, 144), 0-1.
    """
    half = keypoints * torch.tensor([0.5, 0.5, 1.0])
    limbs = limb_maps(half, MAP_HEIGHT // 2, MAP_WIDTH // 2)
    return torch.cat([limbs, F.pixel_unshuffle(silhouette, 2)], dim=1)


def drawn_both_ways(
    net: DenseNet, keypoints: torch.Tensor, silhouette: torch.Tensor
) -> torch.Tensor:
    """What the net draws (N, `BODY_MAP_OUTPUTS`, 192, 144): the mean of the person as they are
    and of their mirror image, which costs twice the time and halves some errors.

    keypoints: (N, 18, 3) in pixels of the map. silhouette: (N, 192, 144), 0-1.
    """
    mirrored = keypoints[:, _MIRRORED_JOINTS].clone()
    mirrored[..., 0] = MAP_WIDTH - mirrored[..., 0]
    inputs = body_map_inputs(
        torch.cat([keypoints, mirrored]),
        torch.cat([silhouette, silhouette.flip(-1)])[:, None],
    )
    drawn, image = net(inputs.to(memory_format=torch.channels_last)).float().chunk(2)
    image = image.flip(-1)[:, _MIRRORED_OUTPUTS]
    image[:, 0] *= -1  # u grows from the person's right to left: 0 is the middle
    return (drawn + image) / 2


def body_map_outputs(drawn: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What the net says: uv (N, 2), its expected error (N, 1), and the logits of front (N, 1),
    bare body (N, 1) and parts (N, 16), each (..., 192, 144)."""
    uv, scale, front, body, parts = torch.split(drawn, [2, 1, 1, 1, len(BODY_PARTS)], dim=1)
    return 0.5 + _UV_UNIT * uv, _UV_UNIT * scale.clamp(-6, 3).exp(), front, body, parts


def person_crop(pose: Pose, silhouette: np.ndarray) -> Box:
    """The box around a person, 3:4 with some air; it may reach beyond the photo."""
    person = silhouette > 0.5
    rows, columns = np.nonzero(person.any(axis=1))[0], np.nonzero(person.any(axis=0))[0]
    height, width = silhouette.shape
    if len(rows):
        left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    else:
        x, y, confidence = pose.keypoints.T
        seen = (confidence > 0.2) & (x > 0) & (x < width) & (y > 0) & (y < height)
        if seen.sum() < 3:
            raise NoPersonError("nobody was found in the photo")
        left, top, right, bottom = x[seen].min(), y[seen].min(), x[seen].max(), y[seen].max()
    return framed(float(left), float(top), float(right), float(bottom))


def framed(left: float, top: float, right: float, bottom: float, air: float = 0.06) -> Box:
    """The 3:4 box around an extent, with `air` of its size on every side."""
    aspect = MAP_WIDTH / MAP_HEIGHT
    height = max((bottom - top), (right - left) / aspect, 8.0) * (1 + 2 * air)
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    corner_x, corner_y = round(middle_x - height * aspect / 2), round(middle_y - height / 2)
    return Box(corner_x, corner_y, corner_x + round(height * aspect), corner_y + round(height))


def cropped(plane: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """float32 (height, width) of `size`: a crop that may reach beyond the plane (0 there)."""
    height, width = plane.shape[:2]
    rim = box.width // size[0] + 2  # so that the crop's own edge isn't mixed with nothing
    inside = Box(
        max(box.left - rim, 0),
        max(box.top - rim, 0),
        min(box.right + rim, width),
        min(box.bottom + rim, height),
    )
    piece: np.ndarray = plane[inside.top : inside.bottom, inside.left : inside.right].astype(
        np.float32
    )
    scale = min(1.0, 2 * size[0] / box.width)
    if scale < 1 and piece.size:  # shrink by areas first: a warp alone would alias
        piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    else:
        scale = 1.0
    # Pixel centres: map (i + 0.5) of the piece to the grid.
    fx, fy = size[0] / box.width / scale, size[1] / box.height / scale
    shift_x = (inside.left - box.left) * size[0] / box.width
    shift_y = (inside.top - box.top) * size[1] / box.height
    move = np.array(
        [[fx, 0, shift_x + 0.5 * fx - 0.5], [0, fy, shift_y + 0.5 * fy - 0.5]], np.float64
    )
    return cv2.warpAffine(piece, move, size, flags=cv2.INTER_LINEAR)


def resampled(plane: np.ndarray, box: Box, photo_size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W[, k]): a plane over `box` drawn into a photo of `photo_size`, else 0."""
    width, height = photo_size
    scale_x, scale_y = box.width / plane.shape[1], box.height / plane.shape[0]
    move = np.array(
        [
            [scale_x, 0, box.left + 0.5 * scale_x - 0.5],
            [0, scale_y, box.top + 0.5 * scale_y - 0.5],
        ],
        np.float64,
    )
    flat = plane.astype(np.float32, copy=False)
    if flat.ndim == 2 or flat.shape[2] <= 4:
        return cv2.warpAffine(flat, move, (width, height), flags=cv2.INTER_LINEAR)
    planes = [cv2.warpAffine(flat[..., i], move, (width, height)) for i in range(flat.shape[2])]
    return np.stack(planes, axis=-1)
