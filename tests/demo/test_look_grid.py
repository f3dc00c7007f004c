from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("gradio")

from tryon.demo.before_after import before_after  # noqa: E402
from tryon.demo.look_grid import LookGrid  # noqa: E402
from tryon.demo.visitors import Shown  # noqa: E402


class Tags(HTMLParser):
    """All tags of a piece of HTML with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def address(file: str) -> str:
    return f"/file={file}"


def test_before_and_after_can_be_heard_and_moved_by_keys() -> None:
    tags = Tags(before_after("en", "/b.jpg", "/a.jpg", '"><script>'))
    after, before = tags.of("img")
    assert (before["src"], before["alt"]) == ("/b.jpg", "The person before")
    assert (after["src"], after["alt"]) == ("/a.jpg", 'The person wearing "><script>')
    (slider,) = tags.of("input")
    assert slider["type"] == "range" and slider["aria-label"]
    assert tags.of("script") == []


def test_a_grid_has_heads_for_rows_and_columns_and_a_place_for_what_is_to_come() -> None:
    grid = LookGrid(["vest", "<b>"], ["dots", "my shirt/1", "pink"])
    grid.cells[0, 1] = Shown("b.jpg", "a.jpg", "full.png", "my shirt/1")
    grid.cells[1, 0] = "Nobody was found."
    grid.before[0], grid.worn[1], grid.taken[1] = "b.jpg", "g.jpg", "Taken as: top."
    tags = Tags(grid.html("en", address))
    assert [head["scope"] for head in tags.of("th")[1:]] == ["col"] * 3 + ["row"] * 2
    assert len(tags.of("tr")) == 3 and len(tags.of("td")) == 6
    assert [image["alt"] for image in tags.of("img")] == [
        "",  # the garment is named below its photo
        "The person before",
        "The person wearing my shirt/1",
    ]
    assert tags.of("a") == [{"href": "/file=full.png", "target": "_blank"}]
    assert tags.text.startswith("Before") and "<b>" in tags.text
    assert "Nobody was found." in tags.text and tags.text.count("…") == 4
    assert grid.named_files() == {"1-vest-2-my-shirt-1.png": "full.png"}
