"""What an evaluation found: rows of measures, as JSON and as Markdown tables of their averages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from PIL import Image

from tryon.errors import OutputError

OnCase = Callable[[str, int, int], None]
"""Called before each case with its name, how many are done, and how many there are (0: unknown)."""


def quiet(case: str, done: int, total: int) -> None:
    """No progress."""


LARGER_IS_BETTER = frozenset(
    {
        *("psnr", "ssim", "area_psnr", "area_ssim", "photo_psnr"),
        *("part", "front", "iou", "category"),
        *("iou_above", "hem_near", "dressed"),
        *("matches", "kept"),
        *("hair", "bag", "hand", "arm"),
    }
)
"""Measures that grow as pictures get better; all others shrink."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one picture.

    case: which one, such as a sample's seed. group: what it is averaged with, such as a category.
    values: measures by name; nan where there is nothing to measure.
    """

    case: str
    group: str
    method: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case, or one method on it, that ended in an error."""

    case: str
    group: str
    method: str
    error: str


@dataclass(frozen=True, slots=True)
class Average:
    """The average of a measure. Its standard error is nan for a median, and for a single row."""

    value: float
    error: float
    count: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that have their measures in common.

    title: what is measured. note: how, and in which units. shown: which measures the Markdown
    has; None is all. medians: measures whose average is the median, not the mean.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    shown: tuple[str, ...] | None = None
    medians: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of all measures, in the order of their first row."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.values))

    def averages(self) -> dict[tuple[str, str], dict[str, Average]]:
        """By (group, method), the average of every measure over the rows that have it."""
        lots: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            lots.setdefault((row.group, row.method), []).append(row)
        return {
            key: {
                name: (median_of if name in self.medians else mean_of)(
                    [row.values.get(name, math.nan) for row in rows]
                )
                for name in self.measures
            }
            for key, rows in lots.items()
        }

    def wins(self, method: str, measure: str) -> dict[tuple[str, str], tuple[int, int]]:
        """By (group, other method): on how many cases `method` is better, of how many."""
        values: dict[tuple[str, str, str], float] = {
            (row.group, row.case, row.method): row.values.get(measure, math.nan)
            for row in self.rows
        }
        sign = 1 if measure in LARGER_IS_BETTER else -1
        wins: dict[tuple[str, str], tuple[int, int]] = {}
        for (group, case, other), theirs in values.items():
            ours = values.get((group, case, method), math.nan)
            if other == method or math.isnan(ours) or math.isnan(theirs):
                continue
            won, of = wins.get((group, other), (0, 0))
            wins[group, other] = (won + (sign * (ours - theirs) > 0), of + 1)
        return wins

    def markdown(self) -> str:
        """A heading, the note, and one line of averages for each group and method."""
        names = self.shown or self.measures
        lines = [f"## {self.title}", "", *([self.note, ""] if self.note else [])]
        lines += [
            _line("", "method", "n", *names),
            _line("---", "---", *["---:"] * (1 + len(names))),
        ]
        for (group, method), found in self.averages().items():
            count = max((average.count for average in found.values()), default=0)
            lines.append(_line(group, method, count, *(shown(found[name]) for name in names)))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one evaluation found.

    config: what was asked, as plain values. pictures: contact sheets by file name.
    """

    layout: str
    config: Mapping[str, Any]
    tables: tuple[Table, ...]
    failures: tuple[Failure, ...] = ()
    pictures: Mapping[str, Image.Image] = field(default_factory=dict)

    def table(self, title: str) -> Table:
        """The table of this title. Raises KeyError."""
        for table in self.tables:
            if table.title == title:
                return table
        raise KeyError(title)

    def markdown(self) -> str:
        """All tables, and the failures."""
        settings = ", ".join(f"{name} {value}" for name, value in self.config.items())
        parts = [f"# Evaluation: {self.layout}", settings, *(t.markdown() for t in self.tables)]
        if self.failures:
            listed = [f"* {f.group} {f.case}, {f.method}: {f.error}" for f in self.failures]
            parts += [f"## Failed ({len(self.failures)})", "\n".join(listed)]
        return "\n\n".join(parts) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; numbers that are not finite become None."""
        return {
            "layout": self.layout,
            "config": dict(self.config),
            "tables": [
                {
                    "title": table.title,
                    "note": table.note,
                    "rows": [
                        {"case": r.case, "group": r.group, "method": r.method,
                         **{name: _finite(value) for name, value in r.values.items()}}
                        for r in table.rows
                    ],
                    "medians": list(table.medians),
                    "averages": [
                        {"group": group, "method": method,
                         **{name: {"value": _finite(a.value), "error": _finite(a.error),
                                   "count": a.count} for name, a in found.items()}}
                        for (group, method), found in table.averages().items()
                    ],
                }
                for table in self.tables
            ],
            "failures": [
                {"case": f.case, "group": f.group, "method": f.method, "error": f.error}
                for f in self.failures
            ],
        }  # fmt: skip

    def write(self, folder: str | PathLike[str]) -> list[Path]:
        """Write report.json, report.md and the pictures; returns the paths. Raises OutputError."""
        folder = Path(folder)
        texts = {
            "report.json": json.dumps(self.as_dict(), indent=1, allow_nan=False),
            "report.md": self.markdown(),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            for name, picture in self.pictures.items():
                picture.save(folder / name)
        except OSError as error:
            raise OutputError(
                f"the report cannot be written ({error})", path=folder, remedy="Give another --out."
            ) from error
        return [folder / name for name in (*texts, *self.pictures)]


def mean_of(values: Sequence[float]) -> Average:
    """The mean of what is not nan."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return Average(math.nan, math.nan, 0)
    if len(known) == 1 or any(math.isinf(value) for value in known):
        return Average(fmean(known), math.nan, len(known))
    return Average(fmean(known), stdev(known) / math.sqrt(len(known)), len(known))


def median_of(values: Sequence[float]) -> Average:
    """The median of what is not nan."""
    known = [value for value in values if not math.isnan(value)]
    return Average(median(known) if known else math.nan, math.nan, len(known))


def shown(average: Average) -> str:
    """An average with its standard error, to three digits or so."""
    if average.count == 0:
        return "–"
    size = abs(average.value)
    digits = 3 if size < 2 else 2 if size < 100 else 0
    spread = "" if math.isnan(average.error) else f" ± {average.error:.{digits}f}"
    return f"{average.value:.{digits}f}{spread}"


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def grouped_overall(rows: Sequence[Row], name: str = "all") -> tuple[Row, ...]:
    """The rows once more, in one group: their averages over every group."""
    return tuple(Row(row.case, name, row.method, row.values) for row in rows)
