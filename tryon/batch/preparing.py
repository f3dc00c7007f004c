"""From a row to a plan that only needs painting, or to the finding that there is nothing to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shutil import copyfile
from threading import Event
from typing import Any

from tryon.batch.engines import Engine
from tryon.batch.failures import is_fatal, is_transient, with_retries
from tryon.batch.inputs import Inputs, Location
from tryon.batch.job import Failure, Job, RowResult, content_key
from tryon.batch.prepared import PreparedCache
from tryon.batch.rows import Row, lora_place
from tryon.catalog import Catalog
from tryon.catalog_record import named_sku, to_toml
from tryon.errors import OptionError, TryOnError
from tryon.options import DressOptions, lora_and_weight
from tryon.stopwatch import Stopwatch


@dataclass(slots=True)
class Tries:
    """How often a row was tried again, and where it is now."""

    retries: int = 0
    stage: str = "read"

    def again(self) -> None:
        self.retries += 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A row on its way: everything known but the picture.

    contents: sha256 of what it is made from, by name. key: stands for all of it.
    """

    row: Row
    key: str
    contents: dict[str, Any]
    options: DressOptions
    plan: Any
    clock: Stopwatch
    tries: Tries

    @property
    def shared(self) -> Hashable:
        """What rows must have in common to be painted together."""
        return getattr(self.plan, "shared", None)

    def failed(self, error: Exception, stage: str) -> RowResult:
        return failed(self.row, error, stage, self.clock, self.tries)


def failed(row: Row, error: Exception, stage: str, clock: Stopwatch, tries: Tries) -> RowResult:
    """The result of a row that failed. An error that concerns every row is raised instead."""
    if is_fatal(error):
        raise error
    failure = Failure.of(error, stage, is_transient(error))
    seconds = dict(clock.seconds)
    return RowResult(row, "failed", seconds=seconds, retries=tries.retries, failure=failure)


@dataclass
class RowPreparer:
    """Reads and prepares rows; may be called from several threads.

    engine: opens the engine, when the first row needs it.
    """

    job: Job
    engine: Callable[[], Engine]
    stop: Event
    inputs: Inputs = field(init=False)
    cache: PreparedCache = field(init=False)

    def __post_init__(self) -> None:
        options = self.job.options
        self.inputs = Inputs(options.root)
        self.cache = PreparedCache(self.job.cache_folder, max_bytes=options.cache_bytes)
        self.defaults = DressOptions().with_values(options.defaults)

    def __call__(self, row: Row) -> Planned | RowResult:
        """The row planned, or its result if it is done already or fails."""
        clock, tries = Stopwatch(), Tries()
        work = partial(self._planned, row, clock, tries)
        try:
            return with_retries(work, self.stop, wait=self.job.options.wait, on_retry=tries.again)
        except Exception as error:
            return failed(row, error, tries.stage, clock, tries)

    def _planned(self, row: Row, clock: Stopwatch, tries: Tries) -> Planned | RowResult:
        tries.stage = "read"
        with clock.stage("read"):
            options = replace(self.defaults, **{**row.options, "seed": row.seed}).without_tags()
            contents = self._contents(row, options)
            key = content_key(self.job, row, options, contents)
            sidecar = self.job.outputs.committed(row.base(key), key)
        if sidecar is not None:
            return RowResult(
                row,
                "skipped",
                sidecar["image"],
                key,
                sidecar.get("scores", {}),
                clock.seconds,
                category=sidecar.get("category"),
                warnings=tuple(sidecar.get("warnings", ())),
            )
        tries.stage = "prepare"
        with clock.stage("read"):
            options = replace(options, lora=self._local_loras(options.lora))
        plan = self._plan(row, options, contents, clock)
        return Planned(row, key, contents, options, plan, clock, tries)

    def _contents(self, row: Row, options: DressOptions) -> dict[str, Any]:
        contents: dict[str, Any] = {"person": self._sha256(row.person)}
        if row.garment is not None:
            contents["garment"] = self._sha256(row.garment)
        if row.sku is not None:
            contents["garment"] = self._catalogued(row.sku)
        if row.mask is not None:
            contents["mask"] = self._sha256(row.mask)
        if options.lora:
            contents["lora"] = [self._lora_contents(text) for text in options.lora]
        return contents

    def _lora_contents(self, text: str) -> list[Any]:
        if (sku := named_sku(text)) is not None:
            name, _, weight = sku.partition(":")
            return [self._catalogued(name), weight]
        name, number = lora_and_weight(text)
        return [self._sha256(lora_place(name)), number]

    def _sha256(self, path: str) -> str:
        return self.inputs.sha256(self.inputs.locate(path))

    def _plan(
        self, row: Row, options: DressOptions, contents: dict[str, Any], clock: Stopwatch
    ) -> Any:
        engine = self.engine()
        key = f"{self.job.revision}-{contents['person']}"
        place = self.inputs.locate(row.person)
        with clock.stage("read"):  # less what the engine counts as its own stages
            before = sum(clock.seconds.values())
            person = self.cache.person(
                key,
                partial(self._opened, place),
                lambda file: engine.prepare_person(file, clock=clock),
            )
            clock.seconds["read"] -= sum(clock.seconds.values()) - before
        with clock.stage("atlas"):
            garment = self._garment(engine, row, options, contents)
        plan_of = partial(engine.plan, person, garment, options)
        if row.mask is None:
            return plan_of()
        with self._opened(self.inputs.locate(row.mask)) as mask:
            return plan_of(mask=mask)

    def _garment(
        self, engine: Engine, row: Row, options: DressOptions, contents: dict[str, Any]
    ) -> Any:
        kind = options.category, options.garment_photo
        if row.garment is None:
            return self.cache.remembered(
                ("sku", contents["garment"], kind),
                lambda: engine.prepare_garment(f"sku:{row.sku}", *kind),
            )
        key = f"{self.job.revision}-{kind[0]}-{kind[1]}-{contents['garment']}"
        opened = partial(self._opened, self.inputs.locate(row.garment))
        return self.cache.garment(key, opened, lambda file: engine.prepare_garment(file, *kind))

    def _catalogued(self, sku: str) -> str:
        """What stands for the catalogue's garment as it is now. Raises CatalogError."""
        if self.job.catalog is None:
            raise OptionError("a garment goes by its SKU, and there is no catalogue")
        record = Catalog(self.job.catalog).get(sku)
        return hashlib.sha256(to_toml(record).encode()).hexdigest()

    @contextmanager
    def _opened(self, location: Location) -> Iterator[Path]:
        """A file of this machine; errors name it as the manifest does."""
        try:
            with self.inputs.local_file(location) as path:
                yield path
        except TryOnError as error:
            if error.path is not None:
                error.path = location.shown
            raise

    def _local_loras(self, loras: tuple[str, ...]) -> tuple[str, ...]:
        """The same files, on this machine."""
        local = []
        for text in loras:
            if named_sku(text) is not None:
                local.append(text)
                continue
            name, weight = lora_and_weight(text)
            place = self.inputs.locate(lora_place(name))
            path = Path(place.path)
            if place.protocol != "file":
                path = self.job.cache_folder / f"lora-{self.inputs.sha256(place)}.safetensors"
                if not path.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with self.job.outputs.unfinished() as copy:
                        with self.inputs.local_file(place) as fetched:
                            copyfile(fetched, copy)
                        copy.replace(path)
            local.append(f"{path}:{weight:g}")
        return tuple(local)
