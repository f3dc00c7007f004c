"""One engine, many threads: nobody's picture holds anything of another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.adapters.test_lora import random_state
from tryon import Look, TryOn
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.errors import NotANumberError


@pytest.fixture
def engine(tiny_family: Path) -> TryOn:
    return TryOn(tiny_family)


@pytest.fixture(scope="module")
def photos(astronaut: Path, shirt: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One person, and a garment in three colours."""
    folder = tmp_path_factory.mktemp("small")
    Image.open(astronaut).resize((256, 256)).save(folder / "person.png")
    found = [folder / "person.png"]
    red, green, blue = Image.open(shirt).convert("RGB").resize((192, 256)).split()
    for number, bands in enumerate([(red, green, blue), (blue, red, green), (green, blue, red)]):
        found.append(folder / f"{number}.png")
        Image.merge("RGB", bands).save(found[-1])
    return found


def test_thirty_calls_from_four_threads_are_as_in_a_row(
    engine: TryOn, photos: list[Path], tmp_path: Path
) -> None:
    assert engine.family is not None
    state = random_state(engine.family.unet, every="attn2.to_")
    lora = save_lora(tmp_path / "lora.safetensors", state, LoraMetadata("tiny"))
    person, *garments = photos
    calls: list[tuple[Path, dict[str, Any]]] = [
        (garment, {"seed": seed, "lora": loras, "steps": 1 + seed})
        for garment, seed, loras in zip(
            cycle(garments), (1, 2, 1, 2, 1), ((), (), (str(lora),), (), (f"{lora}:0.5",))
        )
    ]

    def dressed(call: tuple[Path, dict[str, Any]]) -> bytes:
        garment, options = call
        return engine.dress(person, garment, category="upper", **options).image.tobytes()

    expected = [dressed(call) for call in calls]
    assert len(set(expected)) == len(calls)
    fresh = TryOn(engine.model)  # has looked at nothing yet

    def again(call: tuple[Path, dict[str, Any]]) -> bytes:
        garment, options = call
        return fresh.dress(person, garment, category="upper", **options).image.tobytes()

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(again, islice(cycle(calls), 30)))
    assert found == list(islice(cycle(expected), 30))


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_what_is_not_a_number_is_no_picture(engine: TryOn, photos: list[Path], part: str) -> None:
    person, garment, *_ = photos
    assert engine.family is not None
    model = getattr(engine.family.pipeline, part)
    layer = model.conv_out if part == "unet" else model.decoder.conv_out
    with torch.no_grad():
        layer.bias.fill_(float("inf"))
    with pytest.raises(NotANumberError, match="denoised" if part == "unet" else "decoded"):
        engine.dress(person, garment, category="upper")


def test_in_a_batch_the_others_get_their_pictures(
    engine: TryOn, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, garment, broken, _ = photos
    paint = engine.paint

    def fragile(plans: Any, **options: Any) -> Any:
        if any(plan.garment.key == lost for plan in plans):
            raise NotANumberError("overflow")
        return paint(plans, **options)

    lost = engine.prepare_garment(broken, "upper").key
    monkeypatch.setattr(engine, "paint", fragile)
    pairs = [(person, garment), (person, broken), (person, garment)]
    found = list(engine.dress_many(pairs, errors="return", category="upper"))
    assert [type(item) for item in found] == [Look, NotANumberError, Look]
    with pytest.raises(NotANumberError):
        list(engine.dress_many(pairs, category="upper"))
