"""A batch job from manifest to report: nothing lost, nothing twice, resumed where it stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from os import PathLike
from threading import Event
from typing import IO, Any, Literal

from tryon import __version__
from tryon.batch.contact_sheet import FAILURES, contact_sheet
from tryon.batch.engines import Engine, EngineSource, LoadedEngine, ModelEngine, default_workers
from tryon.batch.inputs import Inputs
from tryon.batch.job import BatchOptions, Job, RowResult
from tryon.batch.local import work_here, work_in_processes
from tryon.batch.manifest import Manifest, Source, likely_typing_errors
from tryon.batch.order import chunks, grouped
from tryon.batch.outputs import Outputs, only_run
from tryon.batch.rows import ERROR, BadRow
from tryon.batch.tally import Tally
from tryon.errors import BatchError, ManifestError, OptionError

logger = logging.getLogger(__name__)

Runner = Literal["local", "ray"]
OnRow = Callable[[RowResult], None]
OnProgress = Callable[[Tally], None]

_COLUMNS = 1000  # unknown ones that are compared with the known


@dataclass(frozen=True)
class Summary:
    """What came of a run. `tally` has the counts; the rest are full names of files.

    errors: the rows that failed, a manifest; None if there are none.
    """

    tally: Mapping[str, Any]
    interrupted: bool
    ledger: str
    report: str
    sheet: str | None
    errors: str | None

    @property
    def failed(self) -> int:
        return int(self.tally["failed"])

    def as_record(self) -> dict[str, Any]:
        record = asdict(self)
        return {**record.pop("tally"), **record}


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
    outputs = Outputs(out)
    outputs.start()
    source = _engine_source(engine, catalog)
    job = Job(source, source.revision, outputs, chosen, catalog)
    if isinstance(source, LoadedEngine) and runner == "local":
        workers = 0
    elif chosen.workers is not None or not isinstance(source, ModelEngine):
        workers = chosen.workers or 0
    else:
        workers = default_workers(source)
    with ExitStack() as stack:
        stack.enter_context(only_run(outputs))
        outputs.sweep()
        stack.callback(outputs.finish)
        run = _Run(job, Manifest(manifest, Inputs(chosen.root)), stack, on_row, on_progress)
        run.validate()
        return run.work(runner, address, workers, stop or Event())


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


class _Run:
    """One run of a job: its ledger, its dead letters, its tally."""

    def __init__(
        self,
        job: Job,
        manifest: Manifest,
        stack: ExitStack,
        on_row: OnRow | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.job, self.manifest = job, manifest
        self.on_row, self.on_progress = on_row, on_progress
        self.tally = Tally()
        self.failures: list[dict[str, Any]] = []  # the first ones, for the contact sheet
        self.name = job.outputs.next_run()
        self.dead_letters = stack.enter_context(job.outputs.unfinished(".jsonl"))
        self._errors = stack.enter_context(self.dead_letters.open("w", encoding="utf-8"))
        self._ledger = stack.enter_context(job.outputs.ledger(self.name))

    def validate(self) -> None:
        """Look at every row before any work is done. Raises ManifestError if that is to stop it."""
        unknown: set[str] = set()
        with self.job.outputs.told():
            for row in self.manifest:
                self.tally.total += 1
                if isinstance(row, BadRow):
                    self._unusable(row)
                elif len(unknown) < _COLUMNS:
                    unknown.update(row.metadata)
        for column, meant in likely_typing_errors(sorted(unknown)).items():
            logger.warning("column %r is kept as a note: did you mean %r?", column, meant)
        if self.tally.unusable and self.job.options.strict:
            self._errors.flush()
            path = self.job.outputs.publish(self.dead_letters, "errors.jsonl")
            told = [f"line {f['line']}: {f['reason']}" for f in self.failures[:20]]
            raise ManifestError(
                f"{self.tally.unusable} of {self.tally.total} rows cannot be used: "
                + "; ".join(told),
                path=str(self.manifest.source) if _is_file(self.manifest.source) else None,
                remedy=f"All of them are in {path}.",
            )

    def work(self, runner: Runner, address: str | None, workers: int, stop: Event) -> Summary:
        """Do what is left to do, and report."""
        self._tell()
        rows = grouped(self.manifest.rows(), self.job.options.window)
        left = self.tally.total - self.tally.unusable
        pieces = chunks(rows, left, workers)
        try:
            if runner == "ray":
                from tryon.ray import work_on_ray

                work_on_ray(self.job, pieces, stop, self._emit, workers, address)
            elif workers == 0:
                work_here(self.job, pieces, stop, self._emit)
            else:
                work_in_processes(self.job, pieces, stop, self._emit, workers)
        except BaseException:
            logger.info("stopped after %d of %d rows", self.tally.seen, self.tally.total)
            self._report(interrupted=True, sheet=False)
            raise
        return self._report(interrupted=self.tally.seen < self.tally.total, sheet=True)

    def _emit(self, result: RowResult) -> None:
        with self.job.outputs.told():
            _write_line(self._ledger, result.as_record())
            if result.failure is not None:
                self._dead_letter(
                    result.row.as_record(), {"line": result.row.line, **asdict(result.failure)}
                )
        self.tally.add(result)
        if self.on_row is not None:
            self.on_row(result)
        self._tell()
        kind = self.tally.alike(self.job.options.breaker)
        if kind is not None:
            assert result.failure is not None
            raise BatchError(
                f"the first {self.tally.counts['failed']} rows all fail with {kind}:"
                f" {result.failure.reason}",
                remedy=result.failure.remedy or "Look at the rows, or switch this off: breaker=0.",
            )

    def _unusable(self, row: BadRow) -> None:
        self.tally.unusable += 1
        record = {"line": row.line, "status": "failed"}
        error = {"stage": "manifest", "kind": "RowError", "reason": row.reason}
        if isinstance(row.record.get("id"), str):
            record["id"] = row.record["id"]
        _write_line(self._ledger, {**record, "error": error})
        self._dead_letter(dict(row.record), {"line": row.line, **error})

    def _dead_letter(self, record: dict[str, Any], error: dict[str, Any]) -> None:
        _write_line(self._errors, {**record, ERROR: error})
        if len(self.failures) < FAILURES:
            self.failures.append({"id": str(record.get("id", ""))[:200], **error})

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.tally)

    def _report(self, *, interrupted: bool, sheet: bool) -> Summary:
        """Write what is known now: ledger, dead letters, summary and contact sheet."""
        outputs = self.job.outputs
        record = {
            **self.tally.as_record(),
            "revision": self.job.revision,
            "version": __version__,
            "preset": self.job.options.preset,
        }
        self._ledger.flush()
        self._errors.flush()
        ledger = outputs.publish(outputs.local / self.name, self.name)
        errors = None
        if self.tally.failed:
            errors = outputs.publish(self.dead_letters, "errors.jsonl")
        else:
            outputs.remove("errors.jsonl")
        page = None
        if sheet:
            html = contact_sheet(
                self.tally.worst_first(),
                self.failures,
                _facts(record),
                self.manifest.inputs,
                outputs,
            )
            page = self._published("contact-sheet.html", html)
        summary = Summary(record, interrupted, ledger, outputs.shown("summary.json"), page, errors)
        self._published("summary.json", json.dumps(summary.as_record(), indent=1) + "\n")
        return summary

    def _published(self, name: str, text: str) -> str:
        with self.job.outputs.told(), self.job.outputs.unfinished() as file:
            file.write_text(text, encoding="utf-8")
            return self.job.outputs.publish(file, name)


def _write_line(file: IO[str], record: Mapping[str, Any]) -> None:
    file.write(json.dumps(record, default=repr) + "\n")
    file.flush()


def _is_file(source: Source) -> bool:
    return isinstance(source, str | PathLike)


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("rows", "done", "skipped", "failed", "pictures_per_minute", "seconds", "limit")
    return {name.replace("_", " "): record[name] for name in shown}
