"""The text encoder and the image prompt learn what garments are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tryon.training.tiny_pairs import coloured_pairs
from tests.tryon.training.tiny_settings import TINY_CONDITIONS, TINY_NETWORKS
from tryon.training import conditions
from tryon.training.batches import clip_photos, token_ids
from tryon.training.conditions import mean_colour, train_conditions
from tryon.training.mini import MiniNetworks, new_networks
from tryon.training.tokenizer import caption_tokenizer


def test_the_mean_colour_is_of_what_the_warp_covers() -> None:
    warp = np.full((4, 4, 4), 255, np.uint8)
    warp[:2] = (255, 0, 51, 200)
    warp[2:, :, 3] = 10
    np.testing.assert_allclose(mean_colour(warp), (1, -1, -0.6), atol=1e-6)
    assert not mean_colour(np.zeros((2, 2, 4), np.uint8)).any()


def test_both_branches_learn_and_the_unet_is_left_alone(tmp_path: Path) -> None:
    pairs = coloured_pairs(3)
    tokenizer = caption_tokenizer(
        (str(caption) for caption in pairs["captions"].ravel()), tokens=16
    )
    networks, untouched = (new_networks(TINY_NETWORKS, tokenizer) for _ in range(2))
    train_conditions(TINY_CONDITIONS, tmp_path, networks=networks, pairs=pairs, tokenizer=tokenizer)
    assert all(parameter.requires_grad for parameter in networks.parameters())
    before, after = untouched.unet.state_dict(), networks.unet.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed and all(key.startswith("encoder_hid_proj") for key in changed)
    for name in ("text_encoder", "image_encoder"):
        was, now = (dict(n.modules()[name].named_parameters()) for n in (untouched, networks))
        assert any(not torch.equal(was[key], now[key]) for key in was), name


def test_a_cut_off_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = coloured_pairs(2)
    tokenizer = caption_tokenizer(
        (str(caption) for caption in pairs["captions"].ravel()), tokens=16
    )

    def trained(folder: Path) -> MiniNetworks:
        networks = new_networks(TINY_NETWORKS, tokenizer)
        settings = replace(TINY_CONDITIONS, save_every=1)
        train_conditions(settings, folder, networks=networks, pairs=pairs, tokenizer=tokenizer)
        return networks

    def cut_off(warp: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > 2 * TINY_CONDITIONS.batch_size:
            raise KeyboardInterrupt
        return mean_colour(warp)

    whole = trained(tmp_path / "whole")
    calls: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(conditions, "mean_colour", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "parts")
    parts = trained(tmp_path / "parts")
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)


def test_photos_and_words_are_what_the_encoders_take() -> None:
    pairs = coloured_pairs(1)
    tokenizer = caption_tokenizer(
        (str(caption) for caption in pairs["captions"].ravel()), tokens=16
    )
    assert clip_photos(list(pairs[0]["photos"])).shape == (2, 3, 96, 96)
    assert not clip_photos([None]).any()
    assert token_ids(tokenizer, ["a red shirt", ""]).shape == (2, 16)
