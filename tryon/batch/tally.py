"""What has become of the rows so far: counts, speed, where time goes, the worst pictures."""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tryon.batch.job import RowResult, Status

WORST = 200  # pictures that the contact sheet shows
CAUSES, LINES = 20, 10  # that are told, and lines of each
STAGES = (
    *("read", "pose", "bodymap", "atlas", "mask", "denoise", "decode", "composite"),
    "save",
)


@dataclass
class Cause:
    """What many rows fail of. reason: of the first one. lines: of the first few."""

    kind: str
    reason: str
    remedy: str | None
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def as_record(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "reason": self.reason,
            "remedy": self.remedy,
            "count": self.count,
            "lines": self.lines,
        }


class Durations:
    """How long something took, in classes of 5 %: a few hundred numbers for any count."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self.total += seconds
        self._counts[math.floor(math.log(max(seconds, 1e-6), 1.05))] += 1

    def quantile(self, share: float) -> float:
        """Seconds that this share of them stayed below, to 5 %."""
        left = share * self._counts.total()
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return float(1.05 ** (step + 0.5))
        return 0.0


@dataclass
class Tally:
    """Counts of one run.

    total: rows of the manifest, with those that cannot be used. unusable: those.
    """

    total: int = 0
    unusable: int = 0
    counts: Counter[Status] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    causes: dict[tuple[str, str], Cause] = field(default_factory=dict)
    retries: int = 0
    stages: dict[str, Durations] = field(default_factory=lambda: defaultdict(Durations))
    started: float = field(default_factory=time.monotonic)
    worst: list[tuple[float, int, RowResult]] = field(default_factory=list)

    def add(self, result: RowResult) -> None:
        """Count one row's result."""
        self.counts[result.status] += 1
        self.retries += result.retries
        if result.failure is not None:
            self.kinds[result.failure.kind] += 1
            failure = result.failure
            reason = failure.cause or failure.reason
            self.add_cause(failure.kind, reason, failure.remedy, result.row.line)
        if result.status == "done":
            for stage, seconds in result.seconds.items():
                self.stages[stage].add(seconds)
        if result.image is not None:
            # The number makes all items different: results themselves have no order.
            item = (-quality(result), -self.counts.total(), result)
            keep = heapq.heappush if len(self.worst) < WORST else heapq.heappushpop
            keep(self.worst, item)

    def add_cause(self, kind: str, reason: str, remedy: str | None, line: int) -> None:
        """Count a failure by what there is to do about it: nine alike are one."""
        key = kind, remedy or reason
        if key not in self.causes and len(self.causes) >= CAUSES:
            return
        cause = self.causes.setdefault(key, Cause(kind, reason, remedy))
        cause.count += 1
        if len(cause.lines) < LINES:
            cause.lines.append(line)

    @property
    def seen(self) -> int:
        return self.counts.total() + self.unusable

    @property
    def failed(self) -> int:
        return self.counts["failed"] + self.unusable

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def per_minute(self) -> float:
        """Pictures made in a minute, so far."""
        return 60 * self.counts["done"] / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None before anything is known."""
        worked = self.counts.total()
        return None if not worked else self.seconds / worked * (self.total - self.seen)

    @property
    def limit(self) -> str | None:
        """The stage that has taken the most time."""
        return max(self.stages, key=lambda name: self.stages[name].total, default=None)

    def alike(self, first: int) -> str | None:
        """The one kind of failure of all rows so far, if there are `first` or more and no other."""
        done = self.counts["done"] + self.counts["skipped"]
        if first and not done and self.counts["failed"] >= first and len(self.kinds) == 1:
            return next(iter(self.kinds))
        return None

    def worst_first(self) -> list[RowResult]:
        """The worst pictures, the worst of all first."""
        return [item[2] for item in sorted(self.worst, reverse=True)]

    def as_record(self) -> dict[str, Any]:
        """Plain values, for a file."""
        stages = {
            name: self.stages[name] for name in (*STAGES, *self.stages) if name in self.stages
        }
        total = sum(durations.total for durations in stages.values()) or 1.0
        return {
            "rows": self.total,
            "done": self.counts["done"],
            "skipped": self.counts["skipped"],
            "failed": self.failed,
            "unusable": self.unusable,
            "failures": dict(self.kinds.most_common()),
            "causes": [
                cause.as_record()
                for cause in sorted(self.causes.values(), key=lambda cause: -cause.count)
            ],
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
            "pictures_per_minute": round(self.per_minute, 2),
            "limit": self.limit,
            "stages": {
                name: {
                    "seconds": round(durations.total, 3),
                    "share": round(durations.total / total, 4),
                    "p50": round(durations.quantile(0.5), 4),
                    "p95": round(durations.quantile(0.95), 4),
                }
                for name, durations in stages.items()
            },
        }


def quality(result: RowResult) -> float:
    """The lower of how sure the pose is and how like its garment the picture is, 0-1."""
    known = [result.scores[name] for name in ("pose", "likeness") if name in result.scores]
    return min(known, default=1.0)
