from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from tryon.demo.limits import Limits, check_words  # noqa: E402
from tryon.demo.settings import options_of  # noqa: E402
from tryon.errors import OptionError  # noqa: E402

# As the page sends them where nobody touched anything.
UNTOUCHED: dict[str, Any] = {
    "model": "mini",
    "samples": 1,
    "seed": "",
    "format": "png",
    "steps": "",
    "strength": "",
    "guidance": "",
    "control_scale": "",
    "image_scale": "",
    "detail": 1,
    "prompt": "",
    "lora": [],
    "lora_weight": 1,
}
KINDS = {"category": "auto", "garment_photo": "auto", "grow": 0}


def service(loras: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        limits=Limits(), wardrobe=SimpleNamespace(loras=lambda model: list(loras))
    )


def chosen(loras: tuple[str, ...] = (), **settings: Any) -> Any:
    return options_of({**UNTOUCHED, **settings}, KINDS, service(loras))


def test_untouched_settings_are_left_to_the_family() -> None:
    (options,) = chosen()
    family = ("steps", "strength", "guidance", "control_scale", "image_scale", "prompt")
    assert [getattr(options, name) for name in family] == [None] * 6
    assert options.lora == () and options.detail == 1


def test_nothing_is_not_zero() -> None:
    (options,) = chosen(control_scale="0", image_scale="0.5")
    assert (options.control_scale, options.image_scale) == (0, 0.5)


def test_samples_have_seeds_that_follow_one_another() -> None:
    assert [options.seed for options in chosen(seed="41", samples=3)] == [41, 42, 43]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"seed": "seven"}, "seed is 'seven', not a whole number"),
        ({"strength": "much"}, "strength is 'much', not a number"),
        ({"steps": "101"}, "steps is 101. At most 100"),
        ({"samples": 5}, "samples is 5. At most 4"),
        ({"guidance": "99"}, "guidance"),
        ({"lora": ["/etc/passwd"]}, "no such LoRA"),
        ({"prompt": "<lora:secret:1> shirt"}, "names a LoRA"),
    ],
)
def test_what_cannot_be_is_told(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        chosen(**settings)
    assert said in str(caught.value)


def test_a_lora_of_the_catalogue_with_its_weight() -> None:
    (options,) = chosen(loras=("sku:linen",), lora=["sku:linen"], lora_weight=0.8)
    assert options.lora == ("sku:linen:0.8",)
    (off,) = chosen(loras=("sku:linen",), lora=["sku:linen"], lora_weight=0)
    assert off.lora == ("sku:linen:0",)


def test_words_without_a_tag_pass() -> None:
    assert check_words("  a red shirt ") == "a red shirt"
    assert check_words("  ") is None and check_words(None) is None
