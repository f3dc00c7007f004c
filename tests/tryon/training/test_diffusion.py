"""The diffusion trainer: what it shows the networks, what it learns, and going on where it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from tests.tryon.training.tiny_pairs import coloured_pairs
from tests.tryon.training.tiny_settings import TINY_DIFFUSION, TINY_VAE
from tryon.data.synthetic.words import words_of_cut
from tryon.pipelines.conditioning import clip_pixels
from tryon.training.batches import (
    box_mask,
    garment_words,
    half_size,
    masked_picture,
    training_batch,
    with_aligned_detail,
)
from tryon.training.diffusion import (
    DiffusionSettings,
    Stage,
    diffusion_losses,
    train_diffusion,
)
from tryon.training.mini import new_networks, new_scheduler
from tryon.training.tokenizer import caption_tokenizer
from tryon.training.vae import new_vae

CONDITIONS = ("no_text", "no_image", "no_pose")


def told(warp: bool, others: bool, **stage: float) -> DiffusionSettings:
    """Tiny settings that always, or never, show each condition."""
    stages = (replace(s, no_warp=float(not warp), **stage) for s in TINY_DIFFUSION.stages)
    left_out = {name: float(not others) for name in CONDITIONS}
    return replace(TINY_DIFFUSION, stages=tuple(stages), **left_out)


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    return coloured_pairs(3)


@pytest.fixture(scope="module")
def tokenizer(pairs: np.ndarray) -> CLIPTokenizer:
    return caption_tokenizer((str(caption) for caption in pairs["captions"].ravel()), tokens=16)


def test_the_masked_image_is_grey_where_the_warp_does_not_reach(pairs: np.ndarray) -> None:
    pair = pairs[0]
    picture, mask, warp = pair["pictures"][0], pair["mask"], pair["warps"][0]
    shown = masked_picture(picture, mask, warp)
    truth = picture / np.float32(127.5) - 1
    np.testing.assert_allclose(shown[:50], truth[:50], atol=1e-6)
    np.testing.assert_allclose(shown[100, 100], warp[100, 100, :3] / 127.5 - 1, atol=1e-6)
    assert not shown[65, 55].any()
    assert not masked_picture(picture, mask, None)[mask > 0].any()


def test_conditions_are_left_out_as_often_as_asked(pairs, tokenizer) -> None:  # type: ignore[no-untyped-def]
    full = training_batch(pairs, told(True, True), 3, tokenizer)
    bare = training_batch(pairs, told(False, False), 3, tokenizer)
    nothing = tokenizer("", padding="max_length", return_tensors="pt").input_ids
    assert full.posed.all() and not bare.posed.any()
    assert full.photos.any() and not bare.photos.any()
    assert (full.tokens != nothing).any() and (bare.tokens == nothing).all()
    assert not bare.masked[..., 80:180, 70:120].any()  # well inside the mask
    assert full.masked[..., 80:180, 70:120].any()


def test_the_garment_photo_is_normalised_as_in_the_pipeline(pairs, tokenizer) -> None:  # type: ignore[no-untyped-def]
    from PIL import Image

    batch = training_batch(pairs[:1], told(True, True), 3, tokenizer)
    candidates = [clip_pixels(Image.fromarray(photo), 96) for photo in pairs[0]["photos"]]
    errors = [float((batch.photos[0] - pixels[0]).abs().max()) for pixels in candidates]
    assert min(errors) < 1e-5


def test_half_size_halves_everything(pairs: np.ndarray) -> None:
    small = half_size(pairs[0])
    assert small["pictures"].shape == (2, 128, 96, 3)
    assert small["mask"].shape == (128, 96)
    np.testing.assert_allclose(small["keypoints"][:, :2] * 2, pairs[0]["keypoints"][:, :2])
    np.testing.assert_allclose(small["keypoints"][:, 2], 1)


def test_a_box_mask_hides_the_outline(pairs, tokenizer) -> None:  # type: ignore[no-untyped-def]
    mask = np.zeros((256, 192), np.uint8)
    mask[50:60, 20:30] = mask[100:120, 90:95] = 255
    boxed = box_mask(mask)
    assert (boxed[50:120, 20:95] == 255).all() and (boxed > 0).sum() == 70 * 75
    settings = told(True, True, boxed=1.0)
    notched = pairs[:1].copy()
    notched["mask"][:, 70:100, :] = 0
    area = training_batch(notched, settings, 3, tokenizer).area
    rows, columns = area.amax(3).sum(2), area.amax(2).sum(2)
    torch.testing.assert_close(area.sum((2, 3)), rows * columns)


def test_aligned_detail_is_the_truths_and_colour_the_warps(pairs: np.ndarray) -> None:
    pair = pairs[0].copy()
    pair["pictures"][0, ::2, :, :] = 200
    pair["pictures"][0, 1::2, :, :] = 60
    pair["warps"][0, ..., :3] = (120, 100, 90)
    middle = with_aligned_detail(pair, 0)["warps"][0, 100:140, 80:110, :3].astype(float)
    np.testing.assert_allclose(middle.mean((0, 1)), (120, 100, 90), atol=6)
    assert float(middle[::2].mean() - middle[1::2].mean()) > 100
    assert (pair["warps"][0, 100, 90, :3] == (120, 100, 90)).all()


def test_captions_speak_of_the_cut_alone_as_often_as_asked(pairs, tokenizer) -> None:  # type: ignore[no-untyped-def]
    def known(cut_only: float) -> set[str]:
        rng = np.random.default_rng(0)
        return {garment_words(pairs[0], 0, rng, cut_only) for _ in range(60)}

    caption, name = str(pairs[0]["captions"][0]), str(pairs[0]["names"][0])
    assert caption in known(0.0) and words_of_cut(caption, name) not in known(0.0) - {f"a {name}"}
    assert caption not in known(1.0) and words_of_cut(caption, name) in known(1.0)


def test_the_learning_rate_falls_to_nothing_where_a_stage_decays() -> None:
    stages = (
        Stage(until=50, batch_size=1, pure_noise=0),
        Stage(until=100, batch_size=1, pure_noise=0, decay=20),
        Stage(until=160, batch_size=1, pure_noise=0, decay=40),
    )
    settings = DiffusionSettings(stages=stages, learning_rate=1.0, warmup=10)
    rates = [settings.learning_rate_at(step) for step in range(160)]
    assert rates[0] == rates[100] == 0.1
    assert rates[9:81] == [1.0] * 72 and rates[109:121] == [1.0] * 12
    assert rates[99] == pytest.approx(1 / 20) and rates[159] == pytest.approx(1 / 40)


def test_every_branch_learns(pairs, tokenizer) -> None:  # type: ignore[no-untyped-def]
    settings = told(True, True)
    networks, vae = new_networks(settings.networks, tokenizer), new_vae(TINY_VAE)
    optimizer = torch.optim.SGD(networks.parameters(), 0.1)
    for step in (2, 3):  # the ControlNet's last layers start at zero: one step frees the others
        batch = training_batch(pairs, settings, step, tokenizer)
        optimizer.zero_grad()
        diffusion_losses(networks, vae, new_scheduler(), batch, settings, settings.stage(step))[
            "loss"
        ].backward()
        optimizer.step()
    for name, module in networks.modules().items():
        touched = [p.grad is not None and bool(p.grad.any()) for p in module.parameters()]
        assert sum(touched) > 0.5 * len(touched), name  # nobody asks the last layer of CLIP


def test_a_cut_off_run_goes_on_to_the_same_weights(  # type: ignore[no-untyped-def]
    pairs, tokenizer, tmp_path: Path
) -> None:
    vae = new_vae(TINY_VAE).eval().requires_grad_(False)

    def train(folder: Path, steps: int):  # type: ignore[no-untyped-def]
        stages = (
            *TINY_DIFFUSION.stages[:1],
            replace(TINY_DIFFUSION.stages[1], until=steps, decay=0),
        )
        settings = replace(TINY_DIFFUSION, stages=stages)
        networks = new_networks(settings.networks, tokenizer)
        train_diffusion(
            settings, folder, networks=networks, pairs=pairs, vae=vae, tokenizer=tokenizer
        )
        return networks.unet.state_dict()

    whole = train(tmp_path / "whole", 4)
    train(tmp_path / "parts", 3)
    parts = train(tmp_path / "parts", 4)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert (tmp_path / "parts" / "sheet.png").is_file()
