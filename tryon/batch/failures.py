"""Which failures are worth another try, and the tries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)
from tenacity.nap import sleep_using_event

from tryon.errors import BatchError, OutputError, OutputFullError, TryOnError, WeightsError

logger = logging.getLogger(__name__)
Value = TypeVar("Value")
ATTEMPTS = 3
_PERMANENT = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def is_transient(error: BaseException) -> bool:
    """Whether the same thing may well work a little later: I/O, throttling, short memory."""
    if isinstance(error, OutputFullError):
        return False
    if isinstance(error, OutputError):
        return isinstance(error.__cause__, OSError) and is_transient(error.__cause__)
    if isinstance(error, TryOnError):
        return False
    if isinstance(error, OSError):  # ConnectionError and TimeoutError are among them
        return not isinstance(error, _PERMANENT)
    return is_out_of_memory(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Of the machine or of its accelerator; told by name, so that torch need not be loaded."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def is_fatal(error: BaseException) -> bool:
    """Whether every other row would fail in the same way: the job stops, and can go on later."""
    return isinstance(error, OutputFullError | WeightsError | BatchError)


def with_retries(
    work: Callable[[], Value], stop: Event, *, wait: float = 0.5, on_retry: Callable[[], None]
) -> Value:
    """What `work` returns, tried up to three times with growing pauses while it fails transiently.

    stop: ends the pauses early. wait: seconds of the first pause. on_retry: called before each
    further try. Raises the last error.
    """

    def before(state: RetryCallState) -> None:
        assert state.outcome is not None
        logger.info("try %d failed: %s", state.attempt_number, state.outcome.exception())
        on_retry()

    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=wait, max=20) + wait_random(0, wait),
        retry=retry_if_exception(is_transient),
        before_sleep=before,
        sleep=sleep_using_event(stop),
        reraise=True,
    )
    return retrying(work)


def in_halves(
    paint: Callable[[Sequence[Any]], list[Value]],
    plans: Sequence[Any],
    *,
    on_retry: Callable[[], None],
) -> list[Value | Exception]:
    """What `paint` makes of the plans, or the error of each that fails even alone.

    A batch that fails is painted in halves: it may be too large for the memory, or hold one plan
    that nothing can be done with. Raises what concerns every row.
    """
    try:
        return list(paint(plans))
    except Exception as error:
        if is_fatal(error) or "CUDA error" in str(error):  # after which a process is of no use
            raise
        if len(plans) == 1:
            return [error]
        logger.warning("%d pictures at once fail (%s): trying halves", len(plans), error)
        if is_out_of_memory(error):
            _free_memory()
    on_retry()
    half = len(plans) // 2
    return [
        outcome
        for part in (plans[:half], plans[half:])
        for outcome in in_halves(paint, part, on_retry=on_retry)
    ]


def _free_memory() -> None:
    import gc
    import sys

    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
