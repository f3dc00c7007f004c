"""The ledger as a table, a row for each of the manifest's in its order: CSV, and Parquet."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

COLUMNS = (
    *("line", "id", "status", "person", "garment", "sku", "image", "category", "seconds"),
    *("pose", "facing", "garment_score", "likeness", "print", "seam", "covered", "repainted"),
    *("warnings", "error", "reason", "remedy"),
)
NUMBERS = ("seconds", *COLUMNS[9:17])
_BATCH = 10_000  # rows that are written to Parquet together


def write_csv(ledger: Path, file: Path) -> None:
    """The table as CSV, UTF-8 with a mark, by which spreadsheets know it."""
    with open(file, "w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(table_rows(ledger))


def write_parquet(ledger: Path, file: Path) -> bool:
    """The table as Parquet. False, and nothing written, where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        logger.info("no results.parquet: pip install 'tryon[parquet]'")
        return False
    kinds = {"line": pyarrow.int64()} | dict.fromkeys(NUMBERS, pyarrow.float64())
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        some: list[dict[str, Any]] = []
        for row in table_rows(ledger):
            some.append(row)
            if len(some) == _BATCH:
                writer.write_table(pyarrow.Table.from_pylist(some, schema))
                some.clear()
        writer.write_table(pyarrow.Table.from_pylist(some, schema))
    return True


def table_rows(ledger: Path) -> Iterator[dict[str, Any]]:
    """The ledger's lines as rows of `COLUMNS`, in the manifest's order. None: not known.

    Only where each line of the ledger begins is held in memory.
    """
    with open(ledger, "rb") as file:
        places, at = [], 0
        for number, content in enumerate(file):
            places.append((int(json.loads(content)["line"]), number, at))
            at += len(content)
        for _, _, place in sorted(places):
            file.seek(place)
            yield _row(json.loads(file.readline()))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    error, seconds = record.get("error", {}), record.get("seconds")
    scores = dict(record.get("scores", {}))
    values = {
        **record,
        "garment_score": scores.pop("garment", None),  # `garment` is the photo's path
        **scores,
        "warnings": "; ".join(record.get("warnings", ())) or None,
        "seconds": None if not seconds else round(sum(seconds.values()), 4),
        "error": error.get("kind"),
        "reason": error.get("reason"),
        "remedy": error.get("remedy"),
    }
    return {name: values.get(name) for name in COLUMNS}
