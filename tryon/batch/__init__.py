"""Batch jobs: a manifest of people and garments in, a picture of every row out.

    from tryon.batch import run_batch

    summary = run_batch("manifest.jsonl", "out/", "mini", root="photos/")

    manifest ─► rows ─► chunks ─► workers ─► ledger ─► report
                                  │ read, prepare │ paint │ save, sidecar last

A picture is named after everything that it is made from, and counts as made when its sidecar is
there: killed at any moment, the job goes on where it was. `tryon.batch.local` works on this
machine, `tryon.ray` on a cluster.
"""

from tryon.batch.engines import Engine, EngineSource, LoadedEngine, ModelEngine
from tryon.batch.job import BatchOptions, Failure, RowResult
from tryon.batch.rows import Row
from tryon.batch.runner import Summary, run_batch
from tryon.batch.tally import Tally

__all__ = [
    "BatchOptions",
    "Engine",
    "EngineSource",
    "Failure",
    "LoadedEngine",
    "ModelEngine",
    "Row",
    "RowResult",
    "Summary",
    "Tally",
    "run_batch",
]
