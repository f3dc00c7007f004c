from __future__ import annotations

import errno
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from tryon.batch.failures import in_halves, is_fatal, is_transient, with_retries
from tryon.errors import (
    BatchError,
    ImageNotFoundError,
    NoPersonError,
    NotANumberError,
    OutputError,
    OutputFullError,
    WeightsMissingError,
)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EIO, "input/output error"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (MemoryError(), True),
        (caused(OutputError("x"), OSError(errno.EBUSY, "SlowDown")), True),
        (FileNotFoundError(), False),
        (PermissionError(), False),
        (OutputFullError("full"), False),
        (NoPersonError("nobody"), False),
        (ImageNotFoundError("not there"), False),
        (ValueError(), False),
        (OutputError("x"), False),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, expected: bool) -> None:
    assert is_transient(error) is expected


def test_out_of_memory_is_known_by_its_name() -> None:
    torch = pytest.importorskip("torch")
    assert is_transient(torch.OutOfMemoryError("CUDA out of memory"))


class Flaky:
    """Fails so often, then works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "done"


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (2, 3)])
def test_what_may_pass_is_tried_three_times(failures: int, calls: int) -> None:
    work, retries = Flaky(failures, OSError("busy")), []
    assert with_retries(work, Event(), wait=0.001, on_retry=lambda: retries.append(1)) == "done"
    assert work.calls == calls and len(retries) == calls - 1


@pytest.mark.parametrize(("error", "calls"), [(OSError("busy"), 3), (NoPersonError("nobody"), 1)])
def test_the_last_error_is_told(error: Exception, calls: int) -> None:
    work = Flaky(9, error)
    with pytest.raises(type(error), match=str(error)[:4]):
        with_retries(work, Event(), wait=0.001, on_retry=lambda: None)
    assert work.calls == calls


def test_a_stop_ends_the_waiting() -> None:
    stop = Event()
    stop.set()
    with pytest.raises(OSError, match="busy"):
        with_retries(Flaky(9, OSError("busy")), stop, wait=30, on_retry=lambda: None)


def test_batches_are_halved_until_they_fit() -> None:
    sizes: list[int] = []

    def paint(plans: Sequence[Any]) -> list[Any]:
        sizes.append(len(plans))
        if len(plans) > 3:
            raise MemoryError
        return [plan * 2 for plan in plans]

    assert in_halves(paint, range(10), on_retry=lambda: None) == [2 * n for n in range(10)]
    assert sizes == [10, 5, 2, 3, 5, 2, 3]


def test_one_that_fails_alone_fails_alone() -> None:
    def paint(plans: Sequence[int]) -> list[int]:
        if 6 in plans:
            raise ValueError("six")
        return list(plans)

    found = in_halves(paint, range(8), on_retry=lambda: None)
    assert isinstance(found.pop(6), ValueError)
    assert found == [0, 1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize(
    "error", [WeightsMissingError("x"), BatchError("x"), RuntimeError("CUDA error: device-side")]
)
def test_what_concerns_every_row_is_not_halved(error: Exception) -> None:
    def paint(plans: Sequence[int]) -> list[int]:
        raise error

    with pytest.raises(type(error)):
        in_halves(paint, range(8), on_retry=lambda: None)


def test_a_picture_that_overflows_fails_alone() -> None:
    """Its row fails; the job goes on with the others, and does not try the same again."""

    def paint(plans: Sequence[int]) -> list[int]:
        if 3 in plans:
            raise NotANumberError("overflow")
        return [plan * 10 for plan in plans]

    outcomes = in_halves(paint, [1, 2, 3, 4], on_retry=lambda: None)
    assert outcomes[:2] == [10, 20] and outcomes[3] == 40
    assert isinstance(outcomes[2], NotANumberError)
    assert not is_fatal(outcomes[2]) and not is_transient(outcomes[2])
