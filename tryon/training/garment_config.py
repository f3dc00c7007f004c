"""How a garment's LoRA is trained."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tryon.errors import OptionError

Targets = Literal["cross", "kv", "attn"]
Timesteps = Literal["auto", "uniform", "inference"]
Precision = Literal["no", "bf16", "fp16"]

LAYERS: dict[Targets, str] = {
    "cross": r".*attn2\.(to_q|to_k|to_v|to_out\.0)",
    "kv": r".*attn2\.(to_k|to_v)",
    "attn": r".*attn[12]\.(to_q|to_k|to_v|to_out\.0)",
}
"""Which of the UNet's layers are changed, as PEFT's regular expressions. Not by plain suffixes:
those would also hit the image prompt's own layers."""


@dataclass(frozen=True, slots=True)
class GarmentLoraConfig:
    """The defaults suit every family; a larger one needs more steps.

    targets: cross-attention ("cross"), its keys and values alone ("kv"), or self-attention as well
        ("attn"). rank, alpha: of the matrices; None takes the rank for alpha.
    steps: of the optimizer; each sees `batch_size` x `accumulation` examples.
    learning_rate: at its highest, after `warmup` steps; it falls to nothing in a half cosine.
        None is what suits the UNet's size (see `learning_rate_for`).
    views: on-body pictures made of the garment, at most: a short run makes no more than its steps
        can use. variants: masks and crops for each of them.
    no_caption, no_image, no_warp, no_pose: how often the prompt, the garment photo, the warped
        garment and the pose are left out.
    timesteps: noise levels drawn evenly ("uniform") or mostly those that the family's sampler uses
        ("inference"); "auto" is the latter for families of up to 4 steps.
    min_snr_gamma: of Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting
        Strategy"; None is off. Not used for UNets that predict the picture itself.
    outside: weight of what is not the garment, against 1 inside it.
    prior_weight: how much the UNet is held to what it did before where nothing tells of the
        garment (prior preservation by its own predictions); 0 is off, and saves a third of a step.
    width, height: of the training pictures; None takes the family's.
    mixed_precision: number format of the computation; the LoRA itself is always float32.
    validate_every: steps between pictures and losses on bodies that are not trained on; 0 is off.
    patience: stop when so many validations brought no better loss; 0 never does.
    save_every: steps between checkpoints.
    """

    targets: Targets = "cross"
    rank: int = 8
    alpha: float | None = None
    steps: int = 240
    batch_size: int = 4
    accumulation: int = 1
    learning_rate: float | None = None
    warmup: int = 10
    views: int = 16
    variants: int = 3
    no_caption: float = 0.1
    no_image: float = 0.1
    no_warp: float = 0.7
    no_pose: float = 0.05
    timesteps: Timesteps = "auto"
    min_snr_gamma: float | None = 5.0
    outside: float = 0.1
    prior_weight: float = 0.0
    width: int | None = None
    height: int | None = None
    mixed_precision: Precision = "no"
    gradient_checkpointing: bool = False
    validate_every: int = 0
    patience: int = 0
    save_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("targets", get_args(Targets)),
            ("timesteps", get_args(Timesteps)),
            ("mixed_precision", get_args(Precision)),
        ):
            if getattr(self, name) not in choices:
                raise OptionError(
                    f"{name} is {getattr(self, name)!r}", remedy=f"Choose: {', '.join(choices)}."
                )
        for name, low, high in _RANGES:
            value = getattr(self, name)
            whole = next(f for f in fields(self) if f.name == name).type.startswith("int")  # type: ignore[union-attr]
            number = isinstance(value, int) if whole else isinstance(value, int | float)
            if value is not None and (
                not number or isinstance(value, bool) or not low <= value <= high
            ):
                raise OptionError(f"{name} is {value!r}, not a number from {low:g} to {high:g}")
        for name in ("width", "height"):
            value = getattr(self, name)
            if value is not None and value % 8:
                raise OptionError(f"{name} is {value}, not a multiple of 8")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> GarmentLoraConfig:
        """The defaults with some replaced. Raises OptionError for an unknown name or bad value."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
                raise OptionError(f"unknown training option {name!r}", remedy=hint)
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def views_for(config: GarmentLoraConfig) -> int:
    """How many on-body pictures are made: no more than the steps can learn from, which are those
    that each of their variants is seen `USES` times."""
    seen = config.steps * config.batch_size * config.accumulation
    return min(config.views, max(LEAST_VIEWS, math.ceil(seen / (USES * config.variants))))


def learning_rate_for(config: GarmentLoraConfig, text_width: int) -> float:
    """The learning rate of a run; text_width: of what the UNet's cross-attention reads.

    A narrow UNet wants a higher one: the product of two small matrices of few inputs is small.
    """
    if config.learning_rate is not None:
        return config.learning_rate
    return 2e-2 if text_width < 256 else 5e-4


LEAST_VIEWS = 4  # of several people, with the warp and without
USES = 4  # of a picture that is worth making; a run of the default length sees each 20 times
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("rank", 1, 256),
    ("alpha", 1e-6, 1e6),
    ("steps", 1, 1_000_000),
    ("batch_size", 1, 1024),
    ("accumulation", 1, 1024),
    ("learning_rate", 1e-9, 1),
    ("warmup", 0, 1_000_000),
    ("views", 1, 10_000),
    ("variants", 1, 64),
    ("no_caption", 0, 1),
    ("no_image", 0, 1),
    ("no_warp", 0, 1),
    ("no_pose", 0, 1),
    ("min_snr_gamma", 1e-6, 1e6),
    ("outside", 0, 10),
    ("prior_weight", 0, 100),
    ("width", 64, 4096),
    ("height", 64, 4096),
    ("validate_every", 0, 1_000_000),
    ("patience", 0, 1_000_000),
    ("save_every", 1, 1_000_000),
    ("seed", 0, 2**63 - 1),
)
