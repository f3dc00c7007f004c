from __future__ import annotations

import pytest

from tryon.pipelines.conditioning import Recent


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
