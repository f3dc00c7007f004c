from __future__ import annotations

import time

import pytest

pytest.importorskip("gradio")

from tryon.demo.jobs import Complaint, Field, Progress, field_of  # noqa: E402
from tryon.demo.messages import complaint, note, status, working  # noqa: E402
from tryon.errors import (  # noqa: E402
    BusyError,
    Cancelled,
    ImageTruncatedError,
    LoraBaseError,
    MaskEmptyError,
    NoGarmentError,
    OptionError,
    OutOfFrameError,
    SkuNotFoundError,
    TryOnError,
)


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (OutOfFrameError("x"), "person"),
        (NoGarmentError("x"), "garment"),
        (SkuNotFoundError("x"), "garment"),
        (MaskEmptyError("x"), "mask"),
        (OptionError("x"), "settings"),
        (LoraBaseError("x"), "settings"),
        (BusyError("x"), "page"),
    ],
)
def test_errors_are_told_beside_their_field(error: TryOnError, field: Field) -> None:
    assert field_of(error) == field


def test_a_sentence_without_the_servers_path() -> None:
    error = ImageTruncatedError("the file ends early", path="/srv/x.jpg", remedy="Send it again.")
    field, text = complaint("en", Complaint("garment", error))
    assert (field, text) == ("garment", "The file ends early. Send it again.")
    assert complaint("ko", error)[1].startswith("파일이 잘렸거나")


def test_a_bug_is_no_fault_of_the_photos() -> None:
    assert complaint("en", ZeroDivisionError("secret")) == (
        "page",
        "Something went wrong here, not with your photos. The server's log says what.",
    )


def test_stopped_and_too_long_are_told_apart() -> None:
    assert complaint("en", Cancelled("stopped"))[1] == "Stopped."
    assert "longer than this server" in complaint("en", Cancelled("it took too long"))[1]


def test_what_visitors_typed_is_escaped() -> None:
    for html in (status("<b>"), note("<b>")):
        assert "<b>" not in html and "&lt;b&gt;" in html
    assert note() == ""


def test_progress_in_words() -> None:
    assert "Waiting: 2 before you." in working("en", Progress(ahead=2))
    assert "You are next." in working("en", Progress())
    begun = time.monotonic() - 3
    half = working("en", Progress(stage="denoise", done=2, total=8, since=begun))
    assert "step 2 of 8, about 9 s left" in half
    assert '<progress value="2" max="8">' in half
    assert "학습 중" in working("ko", Progress(stage="train", done=1, total=2))
