from __future__ import annotations

import threading
from typing import Any

import pytest

from tryon.errors import InputError, NoPersonError
from tryon.pipelines.recent import Recent


@pytest.mark.parametrize(("size", "computed"), [(0, "abab"), (1, "abab"), (2, "ab")])
def test_as_many_values_are_kept_as_were_asked_for(size: int, computed: str) -> None:
    recent: Recent[str] = Recent(size)
    done = []
    for key in "abab":

        def compute(key: str = key) -> str:
            done.append(key)
            return key.upper()

        assert recent.get(key, compute) == key.upper()
    assert "".join(done) == computed


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    recent: Recent[str] = Recent(2)
    for key in "abac":
        recent.get(key, lambda key=key: key)  # type: ignore[misc]
    assert recent.get("a", lambda: "again") == "a"
    assert recent.get("b", lambda: "again") == "again"


def test_threads_share_one_computation() -> None:
    recent: Recent[int] = Recent(4)
    started, go, calls = threading.Event(), threading.Event(), []

    def compute() -> int:
        calls.append(1)
        started.set()
        go.wait(10)
        return 7

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(recent.get("a", compute))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    started.wait(10)
    assert recent.get("b", lambda: 8) == 8  # others need not wait
    go.set()
    for thread in threads:
        thread.join()
    assert found == [7] * 5 and len(calls) == 1


def test_what_cannot_be_used_is_remembered_and_what_may_pass_is_not() -> None:
    recent: Recent[int] = Recent(4, keep=InputError)
    calls: list[str] = []

    def fails(error: Exception) -> Any:
        def compute() -> int:
            calls.append(type(error).__name__)
            raise error

        return compute

    for _ in range(3):
        with pytest.raises(NoPersonError):
            recent.get("a", fails(NoPersonError("nobody")))
        with pytest.raises(OSError, match="busy"):
            recent.get("b", fails(OSError("busy")))
    assert calls.count("NoPersonError") == 1 and calls.count("OSError") == 3
