"""One run of a batch job: its ledger, its dead letters, its tally, and its reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from shutil import copyfile
from threading import Event
from typing import IO, Any, Literal

from tryon import __version__
from tryon.batch.contact_sheet import FAILURES, contact_sheet
from tryon.batch.job import Job, RowResult
from tryon.batch.local import work_here, work_in_processes
from tryon.batch.manifest import Manifest, Source, likely_typing_errors
from tryon.batch.order import chunks, grouped
from tryon.batch.outputs import Outputs
from tryon.batch.results import write_csv, write_parquet
from tryon.batch.rows import ERROR, BadRow
from tryon.batch.tally import LINES, Tally
from tryon.errors import BatchError, ManifestError

logger = logging.getLogger(__name__)

Runner = Literal["local", "ray"]
OnRow = Callable[[RowResult], None]
OnProgress = Callable[[Tally], None]

RESULTS = ("results.csv", "results.parquet")
SUMMARY, SHEET, ERRORS = "summary.json", "contact-sheet.html", "errors.jsonl"
_COLUMNS = 1000  # unknown ones that are compared with the known


@dataclass(frozen=True)
class Summary:
    """What came of a run. `tally` has the counts; the rest are full names of files.

    errors: the rows that failed, a manifest; None if there are none.
    results: the ledger as a table, CSV and (with pyarrow) Parquet.
    """

    tally: Mapping[str, Any]
    interrupted: bool
    ledger: str
    report: str
    sheet: str | None
    errors: str | None
    results: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        return int(self.tally["failed"])

    def as_record(self) -> dict[str, Any]:
        record = asdict(self)
        return {**record.pop("tally"), **record}


class Run:
    """A run, from the first look at the manifest to the summary."""

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
        self.begun_from = self._own_errors()
        self.dead_letters = stack.enter_context(job.outputs.unfinished(".jsonl"))
        self._errors = stack.enter_context(self.dead_letters.open("w", encoding="utf-8"))
        self._ledger = stack.enter_context(job.outputs.ledger(self.name))

    def _own_errors(self) -> str | None:
        """Where the rows are kept that this run was given, if they are those that failed before:
        what failed then is written over by what fails now."""
        outputs, source = self.job.outputs, self.manifest.source
        if not outputs.is_local or not is_file(source) or not same_file(source, ERRORS, outputs):
            return None
        kept = self.name.replace(".jsonl", ".rows.jsonl")
        with outputs.told(), outputs.unfinished() as file:
            copyfile(outputs.local / ERRORS, file)
            self.manifest = replace(self.manifest, source=outputs.publish(file, kept))
        return kept

    def validate(self) -> None:
        """Look at every row before any work is done. Raises ManifestError if that is to stop it."""
        unknown: set[str] = set()
        collisions: list[str] = []
        with self.job.outputs.told():
            for row in self.manifest:
                self.tally.total += 1
                if isinstance(row, BadRow):
                    self._unusable(row)
                    if row.collides:
                        collisions.append(f"line {row.line}: {row.reason}")
                elif len(unknown) < _COLUMNS:
                    unknown.update(row.metadata)
        if collisions:
            raise ManifestError(
                "pictures would have the names of others: " + "; ".join(collisions[:10]),
                path=str(self.manifest.source) if is_file(self.manifest.source) else None,
                remedy="Use columns in --name that tell all rows apart, such as {id}.",
            )
        self._warn_of_unusable()
        for column, meant in likely_typing_errors(sorted(unknown)).items():
            logger.warning("column %r is kept as a note: did you mean %r?", column, meant)
        if self.tally.unusable and self.job.options.strict:
            self._errors.flush()
            path = self.job.outputs.publish(self.dead_letters, ERRORS)
            told = [f"line {f['line']}: {f['reason']}" for f in self.failures[:20]]
            raise ManifestError(
                f"{self.tally.unusable} of {self.tally.total} rows cannot be used: "
                + "; ".join(told),
                path=str(self.manifest.source) if is_file(self.manifest.source) else None,
                remedy=f"All of them are in {path}.",
            )

    def _warn_of_unusable(self) -> None:
        """One line for each thing that is wrong, however many rows have it."""
        for cause in self.tally.causes.values():
            lines = ", ".join(map(str, cause.lines)) + (" ..." if cause.count > LINES else "")
            rows = "1 row" if cause.count == 1 else f"{cause.count} rows"
            logger.warning("%s cannot be used: %s (line %s)", rows, cause.reason, lines)

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
        self.tally.add_cause("RowError", row.reason, None, row.line)
        record: dict[str, Any] = {"line": row.line, "status": "failed"}
        error = {"stage": "manifest", "kind": "RowError", "reason": row.reason}
        known = {name: row.record.get(name) for name in ("id", "person", "garment", "sku")}
        record |= {name: value for name, value in known.items() if isinstance(value, str)}
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
        record: dict[str, Any] = {
            **self.tally.as_record(),
            "revision": self.job.revision,
            "version": __version__,
            "preset": self.job.options.preset,
        }
        self._ledger.flush()
        self._errors.flush()
        errors = None
        if interrupted and self.begun_from is not None:
            errors = outputs.shown(ERRORS)  # with what was not reached
        elif self.tally.failed:
            errors = outputs.publish(self.dead_letters, ERRORS)
        else:
            outputs.remove(ERRORS)
        results = tuple(self._tables(outputs.local / self.name))
        page = None
        if sheet:
            html = contact_sheet(
                self.tally.worst_first(),
                self.failures,
                _facts(record),
                self.manifest.inputs,
                outputs,
            )
            page = self._published(SHEET, html)
        ledger = outputs.publish(outputs.local / self.name, self.name)
        summary = Summary(
            record, interrupted, ledger, outputs.shown(SUMMARY), page, errors, results
        )
        self._published(SUMMARY, json.dumps(summary.as_record(), indent=1) + "\n")
        return summary

    def _tables(self, ledger: Path) -> Iterator[str]:
        """The ledger as tables; their full names."""
        for name, write in zip(RESULTS, (write_csv, write_parquet), strict=True):
            with self.job.outputs.told(), self.job.outputs.unfinished() as file:
                if write(ledger, file) is not False:  # type: ignore[operator]
                    yield self.job.outputs.publish(file, name)

    def _published(self, name: str, text: str) -> str:
        with self.job.outputs.told(), self.job.outputs.unfinished() as file:
            file.write_text(text, encoding="utf-8")
            return self.job.outputs.publish(file, name)


def _write_line(file: IO[str], record: Mapping[str, Any]) -> None:
    file.write(json.dumps(record, default=repr) + "\n")
    file.flush()


def same_file(source: Any, name: str, outputs: Outputs) -> bool:
    """Whether a manifest is one of the results on this machine."""
    own = outputs.local / name
    return own.is_file() and "://" not in str(source) and own.samefile(str(source))


def is_file(source: Source) -> bool:
    return isinstance(source, str | PathLike)


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("rows", "done", "skipped", "failed", "pictures_per_minute", "seconds", "limit")
    return {name.replace("_", " "): record[name] for name in shown}
