"""What a batch job is told and what it tells: settings, and one result for every row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tryon import __version__
from tryon.batch.doubts import Doubt, doubts_of
from tryon.batch.engines import EngineSource
from tryon.batch.naming import NameTemplate
from tryon.batch.outputs import Outputs
from tryon.batch.presets import FORMATS, PRESETS, Preset, PresetName
from tryon.batch.rows import OPTIONS, Row
from tryon.errors import OptionError, TryOnError
from tryon.options import DressOptions

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is made. What a row says of itself comes before `defaults`.

    name: a template such as `{sku}_{view}` for the pictures' names (see `NameTemplate`), which
        then say nothing of what they are made from: one made anew takes the old one's place.
    root: the folder or store that the rows' paths are below.
    defaults: fields of `DressOptions` for all rows.
    preset, suffix: size and format of the pictures; None: the preset's own format.
    provenance: note in each file that, and how, it was made.
    workers: processes, None: one a GPU, or one a core for a model that is small; 0: none but this.
    batch_size: pictures denoised at once, None: 8 on a GPU, 1 on a CPU, which gains nothing by it.
    readers, writers: threads of each worker that prepare photos and save pictures.
    cache: folder for prepared people and garments, None: `.prepared` in the output folder (not
        kept where that is a store).
    cache_bytes: how much of it is kept.
    window: rows that are sorted together, so that shared work is shared.
    breaker: stop when the first so many rows fail alike; 0: never.
    strict: do nothing at all if any row of the manifest cannot be used.
    wait: seconds before the first new try after a failure that may pass.
    """

    root: str = "."
    defaults: Mapping[str, Any] = field(default_factory=dict)
    preset: PresetName = "native"
    suffix: str | None = None
    provenance: bool = True
    workers: int | None = None
    batch_size: int | None = None
    readers: int = 1
    writers: int = 1
    cache: str | None = None
    cache_bytes: int = 8 << 30
    window: int = 2048
    breaker: int = 20
    strict: bool = False
    name: str | None = None
    wait: float = 0.5

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise OptionError(f"preset is {self.preset!r}", remedy=f"Known: {', '.join(PRESETS)}.")
        if self.suffix is not None and self.suffix not in FORMATS:
            raise OptionError(f"format is {self.suffix!r}", remedy=f"Known: {', '.join(FORMATS)}.")
        lowest = {"readers": 1, "writers": 1, "window": 1, "breaker": 0}
        lowest |= {"workers": 0, "batch_size": 1}
        for name, low in lowest.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < low):
                raise OptionError(f"{name} is {value!r}, not a whole number from {low}")
        DressOptions().with_values(self.defaults)
        if self.name is not None:
            NameTemplate(self.name)

    def rendering(self, row: Row) -> Preset:
        """The preset with the format that was asked for, by the row or for all."""
        preset = PRESETS[row.rendering.get("preset", self.preset)]  # type: ignore[index]
        suffix = f".{row.rendering['format']}" if "format" in row.rendering else self.suffix
        return preset if suffix is None else replace(preset, suffix=suffix)


@dataclass(frozen=True)
class Job:
    """What each worker gets: where from, where to, by what, how."""

    source: EngineSource
    revision: str
    outputs: Outputs
    options: BatchOptions
    catalog: str | None = None

    @cached_property
    def ingredients(self) -> str:
        """What all pictures of the job have in common, for `content_key`."""
        return json.dumps([self.revision, __version__, self.options.provenance])

    @property
    def cache_folder(self) -> Path:
        folder = self.options.cache
        return Path(folder) if folder else self.outputs.local / ".prepared"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row failed.

    stage: read, prepare, paint or save. kind: the error's class. cause: the reason without the
    file, which many rows may have in common.
    """

    stage: str
    kind: str
    reason: str
    remedy: str | None = None
    transient: bool = False
    cause: str = ""

    @classmethod
    def of(cls, error: BaseException, stage: str, transient: bool) -> Failure:
        remedy, path, cause = None, "", str(error)
        if isinstance(error, TryOnError):
            remedy, cause = error.remedy, error.reason
            path = f"{error.path}: " if error.path else ""
        cause = " ".join(cause.split())[:500] or type(error).__name__
        return cls(stage, type(error).__name__, path + cause, remedy, transient, cause)


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row.

    image: path of the picture below the output folder. scores, seconds: by name and by stage.
    category: what the garment was taken for. warnings: what whoever uses the picture should know.
    retries: further tries that it took.
    """

    row: Row
    status: Status
    image: str | None = None
    key: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    retries: int = 0
    failure: Failure | None = None
    category: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What is worth a second look in the picture."""
        return doubts_of(self.scores) if self.image is not None else ()

    def as_record(self) -> dict[str, Any]:
        """A line of the ledger."""
        row = self.row
        record: dict[str, Any] = {"id": row.id, "line": row.line, "status": self.status}
        places = {"person": row.person, "garment": row.garment, "sku": row.sku}
        record |= {name: place for name, place in places.items() if place is not None}
        if self.image is not None:
            record |= {"image": self.image, "key": self.key, "category": self.category}
            record["scores"] = dict(self.scores)
            if self.warnings:
                record["warnings"] = list(self.warnings)
        if self.retries:
            record["retries"] = self.retries
        if self.failure is not None:
            record["error"] = asdict(self.failure)
        if self.seconds:
            record["seconds"] = {name: round(value, 4) for name, value in self.seconds.items()}
        return record


def content_key(job: Job, row: Row, options: DressOptions, contents: Mapping[str, Any]) -> str:
    """16 hex digits that stand for everything a picture is made from.

    contents: sha256 of the files. The paths do not count, nor does the row's id but by its seed.
    """
    asked = {name: getattr(options, name) for name in OPTIONS if name != "lora"}
    rendering = asdict(job.options.rendering(row))
    text = json.dumps([job.ingredients, rendering, contents, asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
