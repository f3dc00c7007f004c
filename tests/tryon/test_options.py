from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tryon.errors import OptionError
from tryon.options import DressOptions, lora_and_weight, words_and_loras
from tryon.pipelines.family_folder import FamilyConfig
from tryon.pipelines.inpaint_settings import InpaintSettings


@pytest.mark.parametrize(
    "values",
    [
        {"category": "hat"},
        {"garment_photo": "hanging"},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": None},
        {"seed": True},
        {"steps": 0},
        {"steps": 2.0},
        {"guidance": 0.5},
        {"guidance": float("nan")},
        {"strength": 0},
        {"strength": 1.01},
        {"control_scale": -0.1},
        {"image_scale": "1"},
        {"feather": 0.2},
        {"prompt": 3},
        {"lora": "file.safetensors"},
        {"lora": (1,)},
        {"limbs": "both"},
        {"mask_mode": "xor"},
        {"colour_match": 1},
    ],
)
def test_values_out_of_range_are_named(values: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(values))):
        DressOptions(**values)


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="'step'.*'steps'"):
        DressOptions().with_values({"step": 3})


def test_values_replace_and_nothing_else_changes() -> None:
    options = DressOptions(seed=3).with_values({"steps": 7, "lora": ("a.safetensors",)})
    assert (options.seed, options.steps, options.lora) == (3, 7, ("a.safetensors",))
    assert options.as_dict() == {**DressOptions(seed=3).as_dict(), "steps": 7} | {
        "lora": ("a.safetensors",)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.safetensors", ("a.safetensors", 1.0)),
        ("a.safetensors:0.8", ("a.safetensors", 0.8)),
        ("a.safetensors:-1", ("a.safetensors", -1.0)),
        ("C:\\loras\\a.safetensors", ("C:\\loras\\a.safetensors", 1.0)),
        ("C:/loras/a.safetensors:.5", ("C:/loras/a.safetensors", 0.5)),
        ("C:a.safetensors", ("C:a.safetensors", 1.0)),
    ],
)
def test_lora_and_weight(text: str, expected: tuple[str, float]) -> None:
    assert lora_and_weight(text) == expected


@pytest.mark.parametrize("text", ["a.safetensors:heavy", "a:9", "a:nan", "a:"])
def test_a_bad_lora_weight_is_named(text: str) -> None:
    with pytest.raises(OptionError, match="a"):
        lora_and_weight(text)


@pytest.mark.parametrize(
    ("prompt", "words", "loras"),
    [
        ("a red shirt", "a red shirt", ()),
        ("a red shirt <lora:linen>", "a red shirt", ("linen",)),
        ("<lora:linen:0.8>a shirt, <lora: b :-1> red", "a shirt, red", ("linen:0.8", "b :-1")),
        ("shirt <lora:linen:0.8>, red", "shirt, red", ("linen:0.8",)),
        ("<lora:sku:linen-042:0.8>", "", ("sku:linen-042:0.8",)),
        ("1 < 2 > 0 <hypernet:x:1>", "1 < 2 > 0 <hypernet:x:1>", ()),
    ],
)
def test_lora_tags_of_a_prompt(prompt: str, words: str, loras: tuple[str, ...]) -> None:
    assert words_and_loras(prompt) == (words, loras)
    options = DressOptions(prompt=prompt, lora=("a:0.5",)).without_tags()
    assert options.prompt == (words or None)
    assert options.lora == ("a:0.5", *loras)


def test_an_empty_lora_tag_is_told() -> None:
    with pytest.raises(OptionError, match="<lora:>"):
        DressOptions(prompt="a shirt <lora: >")


def test_numbers_of_numpy_are_numbers() -> None:
    options = DressOptions(seed=np.int64(7), steps=np.uint8(2), strength=np.float32(0.5))
    assert json.loads(json.dumps(options.as_dict()))["seed"] == 7
    assert (type(options.seed), type(options.steps), type(options.strength)) == (int, int, float)
    with pytest.raises(OptionError, match="seed"):
        DressOptions(seed=np.float64(7))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "strength", "helps"),
    [(1, 0.8, "the whole way.*needs 2 steps"), (4, 0.2, "needs 5 steps")],
)
def test_a_strength_that_leaves_no_step_says_what_to_do(
    steps: int, strength: float, helps: str
) -> None:
    settings = InpaintSettings.of(FamilyConfig(steps=20))
    with pytest.raises(OptionError, match=helps):
        settings.with_asked(DressOptions(steps=steps, strength=strength))
    enough = settings.with_asked(DressOptions(steps=5, strength=strength))
    assert int(enough.steps * enough.strength) >= 1
