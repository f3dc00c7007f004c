"""Train one garment's LoRA on a family's inpainting UNet, from photos of the garment alone.

PEFT holds the matrices while they are trained and is gone afterwards; what is written is the one
file that all programs read. The randomness of a step comes from `(seed, step)`, and pictures are
encoded once and kept, so that a run that was killed goes on to the same weights, to the bit on the
same device.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.pipelines.family import Family, FamilyConfig
from tryon.planning import WORDS
from tryon.preparation import Garment
from tryon.training.checkpoint import load_checkpoint, save_checkpoint
from tryon.training.garment_cache import GarmentExamples, garment_examples
from tryon.training.garment_config import GarmentLoraConfig, learning_rate_for, views_for
from tryon.training.garment_layers import lora_state, trainable
from tryon.training.garment_loss import (
    HIDDEN,
    NOTHING,
    GarmentBatch,
    NoiseLevels,
    batch_of,
    drawn_batch,
    garment_loss,
    prior_loss,
)
from tryon.training.garment_validation import Validation
from tryon.training.garment_views import Wearer, views
from tryon.training.schedules import warmup_cosine

logger = logging.getLogger(__name__)

OnStep = Callable[[int, int, float], None]
"""Called with how many steps are done, how many there are, and the loss. Raise `Cancelled` in it
to stop; the last checkpoint stays."""

FREE = {"validate_every", "patience", "save_every"}  # may change when a run goes on


@dataclass(frozen=True, eq=False, slots=True)
class TrainingGarment:
    """What is trained on. name: the SKU. base: what the family is called. caption: its words."""

    name: str
    garment: Garment
    base: str
    caption: str = ""


def train_garment_lora(
    config: GarmentLoraConfig,
    *,
    family: Family,
    subject: TrainingGarment,
    wearers: Sequence[Wearer],
    out: Path,
    resume: bool = False,
    on_step: OnStep | None = None,
    on_view: Callable[[int, int], None] | None = None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train, and return the LoRA's file in `out`.

    family: left as it was. wearers: people to see the garment on; every fifth of the
        library's is kept for validation if there is any.
    out: folder of this run: cached pictures, checkpoint, validation pictures, the LoRA.
    resume: go on from the checkpoint in `out`; without one, begin.
    trackers: of accelerate, such as "tensorboard".

    Raises GarmentError if the garment is hardly to be seen, WeightsCorruptError if `out` holds the
    checkpoint of a run with other settings, Cancelled when `on_step` does.
    """
    working = working_config(family.config, config)
    library = [wearer for wearer in wearers if wearer.body is not None]
    held_out = library[4::5] if config.validate_every else []
    trained_on = [w for w in wearers if w not in held_out]
    examples = _examples(config, working, family, subject, trained_on, out, resume, on_view)
    accelerator = _accelerator(config, family, trackers, out)
    with trainable(family, config) as parameters:
        validation = Validation(working, subject.garment, held_out, out) if held_out else None
        _loop(config, family, examples, parameters, accelerator, out, resume, on_step, validation)
        state = lora_state(parameters, config)
    metadata = LoraMetadata(
        base=subject.base,
        inpainting=True,
        targets=config.targets,
        sku=subject.name,
        category=subject.garment.category,
        trigger=subject.caption,
        resolution=f"{working.width}x{working.height}",
        training={"ss_steps": str(config.steps), "ss_seed": str(config.seed)},
    )
    return save_lora(out / f"{subject.name}.safetensors", state, metadata)


def working_config(family: FamilyConfig, config: GarmentLoraConfig) -> FamilyConfig:
    """The family's configuration at the size that is trained at."""
    return replace(
        family, width=config.width or family.width, height=config.height or family.height
    )


def _loop(
    config: GarmentLoraConfig,
    family: Family,
    examples: GarmentExamples,
    parameters: dict[str, nn.Parameter],
    accelerator: Accelerator,
    out: Path,
    resume: bool,
    on_step: OnStep | None,
    validation: Validation | None,
) -> None:
    levels = NoiseLevels.of(family, config)
    highest = learning_rate_for(config, family.unet.config.cross_attention_dim)
    optimizer = torch.optim.AdamW(parameters.values(), highest, (0.9, 0.99), weight_decay=1e-4)
    checkpoint, step = out / "checkpoint.safetensors", 0
    kept = {"lora": nn.ParameterDict({n.replace(".", "/"): p for n, p in parameters.items()})}
    recorded = {name: value for name, value in config.as_dict().items() if name not in FREE}
    if resume and checkpoint.is_file():
        step = load_checkpoint(checkpoint, modules=kept, optimizer=optimizer, settings=recorded)
    prepared = accelerator.prepare(optimizer)
    while step < config.steps:
        for group in optimizer.param_groups:
            rate = warmup_cosine(step, config.steps, warmup=max(config.warmup, 1))
            group["lr"] = highest * rate
        loss = _step(config, family, examples, levels, accelerator, step)
        for parameter in parameters.values():
            if accelerator.num_processes > 1:  # a megabyte: no wrapper around the UNet is worth it
                parameter.grad = accelerator.reduce(parameter.grad, "mean")
        accelerator.clip_grad_norm_(parameters.values(), 1.0)
        prepared.step()
        prepared.zero_grad(set_to_none=True)
        step += 1
        accelerator.log({"loss": loss}, step=step)
        due = bool(config.validate_every) and step % config.validate_every == 0
        stop = False
        if validation is not None and due:
            stop = validation.stops(family, step, config)
        last = step == config.steps or stop
        if accelerator.is_main_process and (step % config.save_every == 0 or last):
            save_checkpoint(
                checkpoint, step=step, modules=kept, optimizer=optimizer, settings=recorded
            )
        if on_step is not None:
            on_step(step, config.steps, loss)
        if stop:
            logger.info("stopped after %d steps: the loss no longer falls", step)
            break
    accelerator.end_training()


def _step(
    config: GarmentLoraConfig,
    family: Family,
    examples: GarmentExamples,
    levels: NoiseLevels,
    accelerator: Accelerator,
    step: int,
) -> float:
    """The gradients of one optimizer step, and its loss."""
    total = 0.0
    for part in range(config.accumulation):
        rng = np.random.default_rng([config.seed, step, part, accelerator.process_index])
        batch = drawn_batch(examples, config, levels, rng).to(family.device)
        with accelerator.autocast():
            loss = garment_loss(family, batch, levels, config)
            if config.prior_weight:
                untold = _untold(examples, levels, rng, config).to(family.device)
                loss = loss + config.prior_weight * prior_loss(family, untold, levels)
        accelerator.backward(loss / config.accumulation)
        total += float(loss.detach()) / config.accumulation
    return total


def _untold(
    examples: GarmentExamples,
    levels: NoiseLevels,
    rng: np.random.Generator,
    config: GarmentLoraConfig,
) -> GarmentBatch:
    """One picture of which nothing says that the garment is in it."""
    unwarped = np.flatnonzero(examples.warped.numpy() == 0)
    rows = unwarped if len(unwarped) else np.arange(len(examples))
    one = examples.some([int(rng.choice(rows))])
    return batch_of(
        one, levels, rng, np.array([NOTHING]), np.array([HIDDEN]), np.ones(1, np.float32)
    )


def _examples(
    config: GarmentLoraConfig,
    working: FamilyConfig,
    family: Family,
    subject: TrainingGarment,
    wearers: Sequence[Wearer],
    out: Path,
    resume: bool,
    on_view: Callable[[int, int], None] | None,
) -> GarmentExamples:
    """The encoded pictures: those of the run that goes on, or new ones."""
    count = views_for(config)
    made_of = [
        count,
        *(getattr(config, name) for name in ("variants", "no_warp", "seed")),
        [working.width, working.height, subject.base, subject.caption, subject.garment.key],
        [wearer.person.key for wearer in wearers],
    ]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    file = out / "examples.safetensors"
    if resume and (kept := GarmentExamples.load(file, key)) is not None:
        return kept
    made = views(
        wearers,
        subject.garment,
        working,
        count=count,
        variants=config.variants,
        no_warp=config.no_warp,
        seed=config.seed,
    )

    def told() -> Iterator[Any]:
        for number, view in enumerate(made):
            if on_view is not None:
                on_view(number + 1, count * config.variants)
            yield view

    plain = WORDS[subject.garment.category]
    captions = tuple(
        working.prompts[subject.garment.category].format(garment=words)
        for words in (subject.caption or plain, plain)
    )
    garment_examples(family, told(), captions=(captions[0], captions[1])).save(file, key)
    # What a resumed run will read: tensors laid out otherwise differ in the last bits of a step.
    kept = GarmentExamples.load(file, key)
    assert kept is not None
    return kept


def _accelerator(
    config: GarmentLoraConfig, family: Family, trackers: Sequence[str], out: Path
) -> Accelerator:
    """accelerate, which keeps its settings for the whole process: those of a run before are
    forgotten."""
    AcceleratorState._reset_state()
    accelerator = Accelerator(
        cpu=family.device.type == "cpu",
        mixed_precision=config.mixed_precision,
        log_with=list(trackers) or None,
        project_dir=out,
    )
    if trackers:
        values = {k: v for k, v in config.as_dict().items() if v is not None}
        accelerator.init_trackers("tryon-garment", values)
    return accelerator
