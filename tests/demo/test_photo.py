from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

gr = pytest.importorskip("gradio")

from tryon.demo import photo  # noqa: E402
from tryon.demo.photo import photo_input, pills  # noqa: E402


def again(component: Any) -> Any:
    """As Gradio builds it for a visitor who has used it."""
    return type(component)(**component.constructor_args)


def test_a_file_is_handed_over_as_it_is_however_often_the_component_is_built() -> None:
    payload: Any = SimpleNamespace(path="/uploads/notes.jpg")
    with gr.Blocks():
        component = photo_input("Photo", "A photo", "photo")
        for one in (component, again(component), again(again(component))):
            assert one.preprocess(payload) == "/uploads/notes.jpg" and one.preprocess(None) is None
            assert one.get_block_name() == "image"


def test_pills_take_the_first_for_what_they_do_not_know() -> None:
    with gr.Blocks():
        component = again(pills([("All", "all"), ("Top", "upper")], "Show", "show"))
    sent = ["upper", "Alle", None]
    assert [component.preprocess(value) for value in sent] == ["upper", "all", "all"]
    assert component.get_block_name() == "radio"


def test_gradio_writes_no_file_beside_our_modules() -> None:
    assert list(Path(photo.__file__).parent.glob("*.pyi")) == []
