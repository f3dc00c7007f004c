"""What there is to wear: garments by SKU with their words and LoRAs, and LoRAs by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tryon import TryOn
from tryon.catalog import Catalog
from tryon.errors import OptionError, SkuNotFoundError, WeightsMissingError
from tryon.options import DressOptions, lora_file


@pytest.fixture
def catalog(tmp_path: Path, shirt: Path) -> Catalog:
    catalog = Catalog(tmp_path / "garments")
    catalog.add("shirt", [shirt], caption="a red shirt with a white stripe")
    return catalog


def test_the_engine_dresses_by_sku(catalog: Catalog, tiny_family: Path, astronaut: Path) -> None:
    engine = TryOn(tiny_family, catalog=catalog)
    look = engine.dress(astronaut, "sku:shirt", seed=3)
    same = engine.dress(astronaut, catalog.get("shirt"), seed=3)
    assert look.parameters["prompt"] == "a red shirt with a white stripe"
    assert (np.asarray(look.image) == np.asarray(same.image)).all()
    own_words = engine.dress(astronaut, "sku:shirt", seed=3, prompt="a blue shirt")
    assert own_words.parameters["prompt"] == "a blue shirt"
    with pytest.raises(SkuNotFoundError, match="'skirt'"):
        engine.dress(astronaut, "sku:skirt")
    with pytest.raises(OptionError, match="no catalogue"):
        TryOn("none").dress(astronaut, "sku:shirt")


def test_another_category_than_the_catalogues_is_warned_of(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    engine = TryOn("none", catalog=catalog)
    assert engine.prepare_garment("sku:shirt").category == "upper"
    assert engine.prepare_garment("sku:shirt", "dress").category == "dress"  # nothing is told yet
    catalog.set_category("shirt", "upper")
    assert engine.prepare_garment("sku:shirt", "upper").category == "upper"
    assert "is not used" not in caplog.text
    assert engine.prepare_garment("sku:shirt", "dress").category == "upper"
    assert "'dress' is not used" in caplog.text


def test_the_engine_wears_the_garment_s_own_lora(
    catalog: Catalog, tiny_family: Path, astronaut: Path, tiny_lora: Path
) -> None:
    engine = TryOn(tiny_family, catalog=catalog)
    plain = np.asarray(engine.dress(astronaut, "sku:shirt").image)
    catalog.set_lora("shirt", tiny_lora, base=tiny_family.name)
    own = engine.dress(astronaut, "sku:shirt")
    assert (np.asarray(own.image) != plain).any()
    named = engine.dress(astronaut, catalog.get("shirt"), lora=("sku:shirt:1.0",))
    assert (np.asarray(own.image) == np.asarray(named.image)).all()
    off = engine.dress(astronaut, "sku:shirt", lora=("sku:shirt:0",))
    assert (np.asarray(off.image) == plain).all()


@pytest.fixture
def tiny_lora(tmp_path: Path, tiny_family: Path) -> Path:
    """A LoRA of the tiny family's first cross-attention, in kohya's naming."""
    import torch
    from safetensors.torch import save_file

    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_v"
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"{stem}.lora_down.weight": torch.randn(4, 32, generator=generator),
        f"{stem}.lora_up.weight": torch.randn(32, 4, generator=generator),
        f"{stem}.alpha": torch.tensor(4.0),
    }
    save_file(tensors, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_a_lora_is_found_by_name_in_the_folder(tmp_path: Path, tiny_lora: Path) -> None:
    assert lora_file("tiny", tmp_path) == tiny_lora
    assert lora_file("tiny.safetensors", tmp_path) == tiny_lora
    assert lora_file(str(tiny_lora), tmp_path / "elsewhere") == tiny_lora
    assert lora_file("linen", tmp_path) == Path("linen")  # named in the error as it was asked for


def test_loras_are_read_once_and_bring_their_weights(
    tiny_family: Path, tmp_path: Path, tiny_lora: Path
) -> None:
    stock = TryOn(tiny_family, lora_folder=tmp_path).stock
    ((first, weight),) = stock.loras(DressOptions(lora=("tiny:0.5",)))
    ((again, whole),) = stock.loras(DressOptions(lora=(str(tiny_lora),)))
    assert (weight, whole) == (0.5, 1.0)
    assert again is first
    with pytest.raises(WeightsMissingError, match="linen"):
        stock.loras(DressOptions(lora=("linen",)))
