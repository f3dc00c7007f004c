"""How pictures are painted: what all of one call share, checked before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from tryon.errors import OptionError
from tryon.pipelines.family_folder import FamilyConfig


@dataclass(frozen=True)
class InpaintSettings:
    """What all samples of one call share.

    steps: of the scheduler; `int(steps * strength)` of them are run.
    guidance: classifier-free guidance scale; 1 is off and takes half the time.
    strength: 0-1, how much noise the picture starts with; 1 starts from pure noise, which is all
        that a model of one step knows.
    control_scale, tile_scale, image_scale: weight of the pose, of the warp seen by a tile
        ControlNet, and of the image prompt; 0 is off.
    """

    steps: int
    guidance: float
    strength: float
    control_scale: float
    tile_scale: float
    image_scale: float

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps is {self.steps}, not 1 or more")
        if not 0 < self.strength <= 1 or int(self.steps * self.strength) < 1:
            raise OptionError(
                f"strength {self.strength:g} leaves none of {self.steps} steps",
                remedy=_enough_steps(self.steps, self.strength),
            )

    @classmethod
    def of(cls, config: FamilyConfig) -> InpaintSettings:
        """The family's defaults; change some with `dataclasses.replace` or `with_asked`."""
        return cls(
            steps=config.steps,
            guidance=config.guidance,
            strength=config.strength,
            control_scale=config.control_scale,
            tile_scale=config.tile_scale,
            image_scale=config.image_scale,
        )

    def with_asked(self, options: Any) -> InpaintSettings:
        """The same with those fields that `options` have and that are not None there."""
        asked = {field.name: getattr(options, field.name, None) for field in fields(self)}
        return replace(self, **{name: v for name, v in asked.items() if v is not None})


def _enough_steps(steps: int, strength: float) -> str:
    if not 0 < strength <= 1:
        return "Choose a strength above 0, up to 1."
    enough = f"strength {strength:g} needs {math.ceil(1 / strength)} steps at least"
    if steps == 1:
        return f"One step is the whole way from noise to picture: leave strength at 1; {enough}."
    return f"Choose a higher strength or more steps: {enough}."
