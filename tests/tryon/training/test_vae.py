"""The autoencoder's trainers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tryon.training.tiny_settings import TINY_DECODER, TINY_VAE
from tryon.errors import ImageNotFoundError, WeightsCorruptError
from tryon.training.decoder import train_decoder
from tryon.training.pictures import CropMix, crop_batch, drawn_pattern, load_photos
from tryon.training.vae import edge_loss, new_vae, train_vae


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "shirts"
    folder.mkdir()
    for seed in range(2):
        Image.fromarray(drawn_pattern(64, np.random.default_rng(seed))).save(folder / f"{seed}.png")
    return folder.parent


def test_an_untrained_autoencoder_shrinks_and_enlarges() -> None:
    """A quarter of the size and four channels; colours come through before the first step."""
    ramp = torch.linspace(-0.8, 0.8, 64)
    picture = torch.stack([ramp.expand(48, 64), -ramp.expand(48, 64), 0 * ramp.expand(48, 64)])
    vae = new_vae(replace(TINY_VAE, channels=32))
    with torch.no_grad():
        latents = vae.encode(picture[None]).latents
        again = vae.decode(latents).sample
    assert latents.shape == (1, 4, 12, 16)
    for colour in range(2):
        pair = torch.stack([again[0, colour].flatten(), picture[colour].flatten()])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.8


def test_a_cut_off_run_goes_on_to_the_same_weights(photos: Path, tmp_path: Path) -> None:
    whole = train_vae(TINY_VAE, tmp_path / "whole", photos=photos).state_dict()
    train_vae(replace(TINY_VAE, steps=2), tmp_path / "parts", photos=photos)
    with pytest.raises(WeightsCorruptError, match="other settings"):
        train_vae(replace(TINY_VAE, edge_weight=2.0), tmp_path / "parts", photos=photos)
    parts = train_vae(TINY_VAE, tmp_path / "parts", photos=photos).state_dict()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert (tmp_path / "whole" / "sheet.png").is_file()


def test_the_decoder_learns_and_the_encoder_stays(photos: Path, tmp_path: Path) -> None:
    vae = new_vae(TINY_VAE)
    before = {key: weight.clone() for key, weight in vae.state_dict().items()}
    people = [drawn_pattern(48, np.random.default_rng(5))]
    train_decoder(TINY_DECODER, tmp_path, vae=vae, photos=photos, people=people)
    for key, weight in vae.state_dict().items():
        assert torch.equal(weight, before[key]) == key.startswith("encoder"), key


def test_a_batch_belongs_to_its_step(photos: Path) -> None:
    mix = CropMix(32, 0.5, 0.0, load_photos(photos, edge=48), ())
    first, again, other = (crop_batch(mix, 3, 0, step) for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (3, 3, 32, 32)
    assert -1 <= float(first.min()) < float(first.max()) <= 1


def test_edges_count_and_brightness_does_not() -> None:
    picture = torch.zeros(1, 3, 16, 16)
    line = picture.clone()
    line[..., 8] = 1
    assert float(edge_loss(picture + 0.3, picture)) == 0
    assert float(edge_loss(line, picture)) > 0


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match="no photographs"):
        load_photos(tmp_path, edge=32)
