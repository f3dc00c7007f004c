"""Batches for the diffusion trainer: from records of pairs to what the networks are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from tryon.data.synthetic.words import words_of_cut
from tryon.pipelines.skeleton import draw_skeleton
from tryon.training.pairs import PAIR, PHOTO_SIDE
from tryon.types import CATEGORIES, Pose

if TYPE_CHECKING:
    from tryon.training.diffusion import DiffusionSettings, Stage

# What the engine says of a garment that nobody described.
PLAIN_WORDS = {"upper": "a top", "lower": "a bottom", "dress": "a dress"}
DOWNSAMPLING = 4

Record = np.ndarray | dict[str, np.ndarray]
"""A record of dtype `pairs.PAIR`, or its fields."""


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """What one step sees. Pictures are (B, 3, H, W) in [-1, 1], H and W of the working size.

    pictures: the truth. masked: the picture with a grey hole, or the warp in it.
    area: (B, 1, H/4, W/4), 1 = repaint. skeletons: (B, 3, H, W) in [0, 1].
    posed: (B,), 0 where the pose is left out. photos: (B, 3, s, s) as CLIP normalises them, zeros
    where the image prompt is left out. tokens: int64 (B, n). noise: (B, 4, H/4, W/4).
    timesteps: int64 (B,).
    """

    pictures: Tensor
    masked: Tensor
    area: Tensor
    skeletons: Tensor
    posed: Tensor
    photos: Tensor
    tokens: Tensor
    noise: Tensor
    timesteps: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def training_batch(
    pairs: np.ndarray, settings: DiffusionSettings, step: int, tokenizer: CLIPTokenizer
) -> Batch:
    """The batch of a step: the same records, crops and noise each time."""
    rng = np.random.default_rng([settings.seed, step])
    stage = settings.stage(step)
    chosen = []
    for _ in range(stage.batch_size):
        pair = pairs[rng.integers(len(pairs))]
        pair = half_size(pair) if stage.half_size else pair
        index = int(rng.integers(2))
        if stage.aligned and rng.random() < stage.aligned:
            pair = with_aligned_detail(pair, index)
        chosen.append(_Example.of(pair, index, settings, stage, rng))
    count = stage.batch_size
    levels = (rng.random(count) + np.arange(count)) / count / (1 - stage.pure_noise)
    timesteps = np.floor(1000 * levels).clip(0, 999)
    return collated(chosen, tokenizer, timesteps=torch.from_numpy(timesteps).long(), rng=rng)


def with_aligned_detail(pair: Record, index: int, sigma: float = 2.5) -> Record:
    """A record whose warp `index` has the truth's fine detail (below `sigma` pixels) on it.

    Colour and light stay the warp's; prints and weave lie where the truth has them.
    """
    truth = pair["pictures"][index].astype(np.float32)
    warp = pair["warps"][index].astype(np.float32)
    detail = truth - cv2.GaussianBlur(truth, (0, 0), sigma)
    weight = cv2.GaussianBlur(warp[..., 3:], (0, 0), sigma)[..., None] / 255
    premultiplied = warp[..., :3] * (warp[..., 3:] / 255)
    smooth = cv2.GaussianBlur(premultiplied, (0, 0), sigma) / np.maximum(weight, 0.02)
    warp[..., :3] = np.clip(smooth + detail, 0, 255)
    warps = pair["warps"].copy()
    warps[index] = warp.astype(np.uint8)
    return {**{name: pair[name] for name in PAIR.names or ()}, "warps": warps}


def half_size(pair: Record) -> Record:
    """A record with pictures, warps, mask and keypoints of half the size."""
    height, width = pair["mask"].shape
    smaller = {name: pair[name] for name in PAIR.names or ()}
    for name in ("pictures", "warps"):
        smaller[name] = np.stack(
            [
                cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
                for plane in pair[name]
            ]
        )
    smaller["mask"] = pair["mask"].reshape(height // 2, 2, width // 2, 2).max((1, 3))
    smaller["keypoints"] = pair["keypoints"] * np.array([0.5, 0.5, 1], np.float32)
    return smaller


@dataclass(frozen=True, eq=False, slots=True)
class _Example:
    """One person in one garment; uint8 arrays as in `pairs.PAIR`."""

    picture: np.ndarray
    masked: np.ndarray
    mask: np.ndarray
    skeleton: np.ndarray
    posed: float
    photo: np.ndarray | None
    words: str

    @classmethod
    def of(
        cls,
        pair: Record,
        index: int,
        settings: DiffusionSettings,
        stage: Stage,
        rng: np.random.Generator,
    ) -> _Example:
        """The pair's person in garment `index`, with conditions left out as often as set."""
        left_out = rng.random(4) < (
            stage.no_warp,
            settings.no_text,
            settings.no_image,
            settings.no_pose,
        )
        boxed = rng.random() < stage.boxed
        mask = box_mask(pair["mask"]) if boxed else grown(pair["mask"], int(rng.integers(0, 8)))
        picture = pair["pictures"][index]
        warp = None if left_out[0] else pair["warps"][index]
        return cls(
            picture=picture,
            masked=masked_picture(picture, mask, warp),
            mask=mask,
            skeleton=skeleton_picture(pair["keypoints"], mask.shape),
            posed=float(not left_out[3]),
            photo=None if left_out[2] else pair["photos"][index],
            words="" if left_out[1] else garment_words(pair, index, rng, stage.cut_only),
        )


def masked_picture(picture: np.ndarray, mask: np.ndarray, warp: np.ndarray | None) -> np.ndarray:
    """What the UNet sees besides the noise: float32 (H, W, 3) in [-1, 1].

    picture: uint8 RGB. mask: uint8, 255 = repaint. warp: uint8 RGBA. Inside the mask is the warp,
    and middle grey (0) where it does not reach or there is none.
    """
    inside = (mask > 127)[..., None]
    shown = np.where(inside, np.float32(0), picture / np.float32(127.5) - 1)
    if warp is not None:
        alpha = inside * (warp[..., 3:] / np.float32(255))
        shown = shown + alpha * (warp[..., :3] / np.float32(127.5) - 1 - shown)
    return shown.astype(np.float32)


def skeleton_picture(keypoints: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 RGB (H, W, 3): the pose as the engine draws it."""
    pose = Pose(keypoints, np.zeros((2, 3, 3), np.float32), score=1.0)
    return np.asarray(draw_skeleton([pose], (shape[1], shape[0])))


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask, uint8, dilated: masks of real photographs are not tight."""
    if pixels == 0:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask, disc))


def collated(
    examples: list[_Example],
    tokenizer: CLIPTokenizer,
    *,
    timesteps: Tensor,
    rng: np.random.Generator,
) -> Batch:
    """Examples as one batch of tensors."""
    area = np.stack([e.mask[::DOWNSAMPLING, ::DOWNSAMPLING] > 127 for e in examples])
    noise = rng.standard_normal((len(examples), 4, *area.shape[1:]), np.float32)
    return Batch(
        pictures=_channels_first([e.picture / np.float32(127.5) - 1 for e in examples]),
        masked=_channels_first([e.masked for e in examples]),
        area=torch.from_numpy(area.astype(np.float32))[:, None],
        skeletons=_channels_first([e.skeleton / np.float32(255) for e in examples]),
        posed=torch.tensor([e.posed for e in examples], dtype=torch.float32),
        photos=clip_photos([e.photo for e in examples]),
        tokens=token_ids(tokenizer, [e.words for e in examples]),
        noise=torch.from_numpy(noise),
        timesteps=timesteps,
    )


def box_mask(mask: np.ndarray) -> np.ndarray:
    """The rectangle around a mask: what a user draws, and what leaves the limbs to the pose."""
    left, top, width, height = cv2.boundingRect(mask)
    boxed = np.zeros_like(mask)
    boxed[top : top + height, left : left + width] = 255
    return boxed


def clip_photos(photos: Sequence[np.ndarray | None]) -> Tensor:
    """(B, 3, s, s): uint8 RGB squares as CLIP normalises them; None is zeros, as in IP-Adapter."""
    mean, std = np.float32(OPENAI_CLIP_MEAN), np.float32(OPENAI_CLIP_STD)
    nothing = np.zeros((PHOTO_SIDE, PHOTO_SIDE, 3), np.float32)
    return _channels_first(
        [nothing if photo is None else (photo / np.float32(255) - mean) / std for photo in photos]
    )


def token_ids(tokenizer: CLIPTokenizer, words: Sequence[str]) -> Tensor:
    """int64 (B, tokenizer.model_max_length)."""
    tokens = tokenizer(list(words), padding="max_length", truncation=True, return_tensors="pt")
    return cast("Tensor", tokens.input_ids)


def _channels_first(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images).astype(np.float32)).permute(0, 3, 1, 2).contiguous()


def garment_words(pair: Record, index: int, rng: np.random.Generator, cut_only: float = 0.0) -> str:
    """The garment's caption, less of it, or what the engine says when it knows nothing.

    cut_only: how often a caption is silent about colour, pattern and print.
    """
    chance = rng.random()
    if chance < 0.65:
        caption, name = str(pair["captions"][index]), str(pair["names"][index])
        cut = cut_only > 0 and rng.random() < cut_only
        return words_of_cut(caption, name) if cut else caption
    if chance < 0.8:
        return f"a {pair['names'][index]}"
    return PLAIN_WORDS[CATEGORIES[int(pair["category"])]]
