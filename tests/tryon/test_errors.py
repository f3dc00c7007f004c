"""The error tree is what its drawing says, and every error survives a process border."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from pathlib import Path

import pytest

from tryon import errors
from tryon.errors import TryOnError

CLASSES = {
    name: item
    for name, item in vars(errors).items()
    if inspect.isclass(item) and issubclass(item, TryOnError)
}
every_class = pytest.mark.parametrize("kind", CLASSES.values(), ids=list(CLASSES))


def drawn_tree() -> dict[str, tuple[str | None, int | None]]:
    """Each name in the docstring's drawing: its parent, and its exit code where it says one."""
    drawing = (errors.__doc__ or "").split("```")[1]
    path: list[str] = []
    tree: dict[str, tuple[str | None, int | None]] = {}
    for line in drawing.strip().splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)", line)
        assert found is not None, line
        depth = len(found[1]) // 4
        code = re.search(r"exit code (\d+)", line)
        path = [*path[:depth], found[2]]
        assert len(path) == depth + 1, line
        tree[found[2]] = (path[-2] if depth else None, int(code[1]) if code else None)
    return tree


def test_the_drawing_names_every_class_and_no_other() -> None:
    assert set(drawn_tree()) == set(CLASSES)


@every_class
def test_the_drawing_shows_each_class_under_its_parent(kind: type[TryOnError]) -> None:
    parent, _ = drawn_tree()[kind.__name__]
    (base,) = kind.__bases__
    assert base.__name__ == (parent or "Exception")


@every_class
def test_exit_codes_are_the_drawn_ones(kind: type[TryOnError]) -> None:
    tree = drawn_tree()
    name: str | None = kind.__name__
    while name is not None and tree[name][1] is None:
        name = tree[name][0]
    assert kind.exit_code == (tree[name][1] if name else 1)


@every_class
def test_an_error_survives_pickling_and_copying(kind: type[TryOnError]) -> None:
    error = kind("it broke", path=Path("photos") / "a.jpg", remedy="Mend it.")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert (twin.reason, twin.path, twin.remedy) == ("it broke", "photos/a.jpg", "Mend it.")
        assert str(twin) == str(error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TryOnError("it broke"), "it broke."),
        (TryOnError("it broke."), "it broke."),
        (TryOnError("it broke", path="a.jpg"), "a.jpg: it broke."),
        (TryOnError("it broke", remedy="Mend it."), "it broke. Mend it."),
        (TryOnError("it broke", path="a.jpg", remedy="Mend it."), "a.jpg: it broke. Mend it."),
        (TryOnError("it\n  broke", remedy="Mend\nit."), "it broke. Mend it."),
    ],
)
def test_str_is_one_line_with_file_reason_and_remedy(error: TryOnError, text: str) -> None:
    assert str(error) == text


@every_class
def test_every_class_says_what_it_is_for(kind: type[TryOnError]) -> None:
    assert kind.__doc__ and kind.__doc__.strip().endswith(".")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("broken.\n", "f: broken. Mend it."),
        ("broken...", "f: broken. Mend it."),
        ("what is this?", "f: what is this? Mend it."),
        ("steps: Value error, not 0", "f: steps: not 0. Mend it."),
    ],
)
def test_sentences_of_others_end_as_ours(reason: str, said: str) -> None:
    assert str(TryOnError(reason, path="f", remedy="Mend it.")) == said


@pytest.mark.parametrize("url", ["s3://shop/a.jpg", "https://shop/a.jpg"])
def test_urls_keep_their_slashes(url: str) -> None:
    assert str(TryOnError("gone", path=Path(url))) == f"{url}: gone."
    assert TryOnError("gone", path=Path("C:/shop")).path == "C:/shop"
