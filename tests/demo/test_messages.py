from __future__ import annotations

import time

import pytest

pytest.importorskip("gradio")

from tryon.demo.jobs import Complaint, Field, Progress, TimeUp, field_of  # noqa: E402
from tryon.demo.messages import (  # noqa: E402
    complaint,
    found_garments,
    found_in_photos,
    note,
    status,
    working,
)
from tryon.demo.strings import Language  # noqa: E402
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
from tryon.training.garment_check import Finding  # noqa: E402


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
    assert "longer than this server" in complaint("en", TimeUp("it took too long"))[1]


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


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Better changed, photo 2: It is out of focus or shaken. Take it again."),
        ("ko", "바꾸면 좋음, 사진 2: 초점이 맞지 않거나 흔들렸습니다. 더 밝은 곳"),
    ],
)
def test_findings_say_how_bad_where_and_what_to_do(language: Language, said: str) -> None:
    finding = Finding("warning", "blurred", "it is out of focus or shaken", "Take it again.", 1)
    assert found_in_photos(language, finding).startswith(said)
    assert found_in_photos(language, finding, short=True) in said


def test_a_search_says_what_it_found() -> None:
    assert "7 found." in found_garments("en", 7, 7, "linen")
    assert "120 of 340 are shown" in found_garments("en", 120, 340, "")
    assert "Nothing fits “&lt;b&gt;”." in found_garments("en", 0, 0, " <b> ")
    assert found_garments("en", 7, 7, " ") == ""
    assert "찾았습니다" in found_garments("ko", 7, 7, "linen")
