"""From what was painted to a file with its sidecar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from PIL import Image

from tryon.batch.doubts import doubts_of
from tryon.batch.engines import Engine
from tryon.batch.failures import with_retries
from tryon.batch.job import Job, RowResult
from tryon.batch.preparing import Planned
from tryon.batch.presets import presented, write_picture

_SMALL = 4  # scores are measured on pictures shrunk by so much


@dataclass
class RowSaver:
    """Finishes and saves pictures; may be called from several threads."""

    job: Job
    engine: Callable[[], Engine]
    stop: Event

    def __call__(self, planned: Planned, painted: Image.Image) -> RowResult:
        """The row's result, after the picture and its sidecar have been written."""
        stage = "finish"
        try:
            look = self.engine().finish(planned.plan, painted)
            stage = "save"
            with planned.clock.stage("save"):
                scores = {**look.scores, **measured(planned.plan, look.image)}
                save = partial(self._commit, planned, look, scores)
                image = with_retries(
                    save, self.stop, wait=self.job.options.wait, on_retry=planned.tries.again
                )
        except Exception as error:
            return planned.failed(error, stage)
        seconds = {**look.seconds, **planned.clock.seconds}
        seconds.pop("total", None)
        return RowResult(
            planned.row,
            "done",
            image,
            planned.key,
            scores,
            seconds,
            planned.tries.retries,
            category=look.parameters.get("category"),
            warnings=warnings_of(look, scores),
        )

    def _commit(self, planned: Planned, look: Any, scores: dict[str, float]) -> str:
        preset = self.job.options.rendering(planned.row)
        asked = [text for text in planned.row.options.get("lora", ())]
        parameters = {**look.parameters, "lora": asked}
        facts = {
            "id": planned.row.id,
            "key": planned.key,
            "person": planned.row.person,
            "garment": planned.row.garment or f"sku:{planned.row.sku}",
            "category": look.parameters.get("category"),
            "contents": planned.contents,
            "parameters": parameters,
            "revision": self.job.revision,
            "preset": planned.row.rendering.get("preset", self.job.options.preset),
            "scores": {name: round(value, 6) for name, value in scores.items()},
            "warnings": warnings_of(look, scores),
            "metadata": dict(planned.row.metadata),
        }

        def fill(file: Path) -> None:
            image = presented(look.image, preset)
            write_picture(image, file, preset, parameters if self.job.options.provenance else None)

        base = planned.row.base(planned.key)
        return self.job.outputs.commit(base, preset.suffix, fill, facts)


def warnings_of(look: Any, scores: Mapping[str, float]) -> tuple[str, ...]:
    """The look's own warnings, and the doubts that its scores give."""
    return (*look.warnings, *(doubt.said for doubt in doubts_of(scores)))


def measured(plan: Any, image: Image.Image) -> dict[str, float]:
    """`likeness`, 0-1: how far the picture shows the garment where its own pixels were placed.

    1 less the mean difference from the warped garment, weighted by trust in the warp; a quarter of
    the range or more counts as 0. Nothing where the plan knows of no warp.
    """
    trust, reference = getattr(plan, "trust", None), getattr(plan, "reference", None)
    if trust is None or reference is None or not plan.options.warp:
        return {}
    small = (slice(_SMALL // 2, None, _SMALL),) * 2
    weight = trust[small] * (np.asarray(plan.mask)[small] / 255)
    total = float(weight.sum())
    if total < 1:
        return {}
    shown, wanted = (np.asarray(picture)[small].astype(np.int16) for picture in (image, reference))
    difference = np.abs(shown - wanted).mean(axis=2) / 255
    return {"likeness": float(max(0.0, 1 - 4 * (difference * weight).sum() / total))}
