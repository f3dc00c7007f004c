"""A batch job from manifest to report: nothing lost, nothing twice, resumed where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import fields
from os import PathLike
from os.path import realpath
from threading import Event
from typing import Any

from tryon.batch.engines import Engine, EngineSource, LoadedEngine, ModelEngine, default_workers
from tryon.batch.inputs import Inputs
from tryon.batch.job import BatchOptions, Job
from tryon.batch.manifest import Manifest, Source, known_skus
from tryon.batch.naming import NameTemplate
from tryon.batch.outputs import Outputs, only_run
from tryon.batch.readers import records_of
from tryon.batch.run import (
    RESULTS,
    SHEET,
    SUMMARY,
    OnProgress,
    OnRow,
    Run,
    Runner,
    Summary,
    is_file,
)
from tryon.errors import OptionError
from tryon.kept_inputs import check_folder, check_inputs_kept

__all__ = ["Runner", "Summary", "run_batch"]


def run_batch(
    manifest: Source,
    out: str | PathLike[str],
    engine: str | Engine | EngineSource = "mini",
    *,
    runner: Runner = "local",
    address: str | None = None,
    on_row: OnRow | None = None,
    on_progress: OnProgress | None = None,
    stop: Event | None = None,
    catalog: str | None = None,
    **options: Any,
) -> Summary:
    """Make a picture of every row of a manifest, and skip those that are made already.

    manifest: a JSON Lines, CSV or Parquet file, or a list of mappings.
    out: folder or URL for pictures and reports.
    engine: a model's name or folder, `ModelEngine` for more choice, or a `TryOn` that is loaded
        already and then works in this process.
    runner: `ray` spreads the workers over a Ray cluster: the one at `address`, or one made here.
    on_row, on_progress: called after each row.
    stop: set it to end early: what is being painted is finished, everything else left for later.
    catalog: garments by SKU.
    options: the fields of `BatchOptions`.

    With more than one worker, call it from a script below `if __name__ == "__main__":`, as other
    processes import that script too.

    Raises ManifestError, OptionError, OutputError, BatchError, or what opening the engine raises.
    """
    chosen = _batch_options(options)
    inputs = Inputs(chosen.root)
    outputs = Outputs(out)
    _check_places(manifest, outputs)
    source = _engine_source(engine, catalog)
    job = Job(source, source.revision, outputs, chosen, catalog)
    name = None if chosen.name is None else NameTemplate(chosen.name)
    rows = Manifest(
        manifest,
        inputs,
        name,
        None if catalog is None else known_skus(catalog),
        realpath(outputs.local / "looks") if name is not None and outputs.is_local else None,
    )
    with ExitStack() as stack:
        outputs.start()
        stack.enter_context(only_run(outputs))
        outputs.sweep()
        stack.callback(outputs.finish)
        run = Run(job, rows, stack, on_row, on_progress)
        run.validate()
        workers = _workers(source, chosen, runner, run.tally.total - run.tally.unusable)
        return run.work(runner, address, workers, stop or Event())


def _workers(source: EngineSource, options: BatchOptions, runner: Runner, rows: int) -> int:
    """How many processes work besides this one; 0: this one alone."""
    if isinstance(source, LoadedEngine) and runner == "local":
        return 0
    if options.workers is not None or not isinstance(source, ModelEngine):
        return options.workers or 0
    return default_workers(source, rows)


def _check_places(manifest: Source, outputs: Outputs) -> None:
    """Raise before anything is made if the manifest cannot be read or would be written over."""
    if not is_file(manifest):
        return
    file = str(manifest)
    for _ in records_of(file):
        break
    if outputs.is_local and "://" not in file:
        own = (*RESULTS, SUMMARY, SHEET)
        check_inputs_kept([outputs.local / name for name in own], [file])
        check_folder(outputs.local)


def _batch_options(options: Mapping[str, Any]) -> BatchOptions:
    known = [field.name for field in fields(BatchOptions)]
    for name in options:
        if name not in known:
            raise OptionError(f"unknown option {name!r}", remedy=f"Known: {', '.join(known)}.")
    return BatchOptions(**options)


def _engine_source(engine: str | Engine | EngineSource, catalog: str | None) -> EngineSource:
    if isinstance(engine, str | PathLike):
        return ModelEngine(str(engine), catalog=catalog)
    if hasattr(engine, "open") and hasattr(engine, "revision"):
        return engine  # type: ignore[return-value]
    model = getattr(engine, "model", type(engine).__name__)
    return LoadedEngine(engine, ModelEngine(model).revision)  # type: ignore[arg-type]
