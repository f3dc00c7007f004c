"""The values that were asked for last, computed once for all threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values of the `size` keys that were asked for last. May be used by several threads.

    A thread that asks for what another one computes waits for it. An error is told to all who
    wait, and forgotten but for those of the class `keep`, which are raised again each time.
    """

    def __init__(self, size: int, keep: type[Exception] | tuple[type[Exception], ...] = ()) -> None:
        self.size = size
        self.keep = keep
        self._values: OrderedDict[Hashable, Future[Value]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The value of `key`, computed if it is not here. Raises what `compute` raises."""
        with self._lock:
            mine = key not in self._values
            future = Future() if mine else self._values[key]
            self._values[key] = future
            self._values.move_to_end(key)  # the last to be forgotten
            if len(self._values) > self.size:
                self._values.popitem(last=False)
        if mine:
            try:
                future.set_result(compute())
            except BaseException as error:
                if not isinstance(error, self.keep):  # it may work the next time
                    self._forget(key, future)
                future.set_exception(error)
        return future.result()

    def _forget(self, key: Hashable, future: Future[Value]) -> None:
        with self._lock:
            if self._values.get(key) is future:
                del self._values[key]
