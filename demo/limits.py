"""What one server lets its visitors use, and the checks that hold them to it."""

from __future__ import annotations

from dataclasses import dataclass

from tryon.errors import OptionError
from tryon.images import MAX_PIXELS
from tryon.options import words_and_loras


@dataclass(frozen=True, slots=True)
class Limits:
    """upload: bytes of a file. pixels: of a photo; worked_pixels: larger ones are reduced to that
    when they arrive. waiting: jobs in line, of all visitors together; of_one: of one visitor.
    seconds: that one job may use the engine; train_seconds: that one training may. samples:
    pictures of one try-on. pairs: pictures of one comparison. steps: of the denoising. photos: of
    a garment that is added. visitors: whose photos are kept ready at the same time. stay: seconds
    after which an idle visitor's files are deleted even if their page is open; unused: and those
    that no page uses. files, of_visitor: how many files and bytes are kept for one visitor: the
    longest unused go. disk: bytes of all visitors, above which no uploads are taken. looks: of one
    visit in its history. logins: that may wait to be tried from one address.
    """

    upload: int = 32_000_000
    pixels: int = MAX_PIXELS
    worked_pixels: int = 12_000_000
    waiting: int = 16
    of_one: int = 16
    seconds: float = 300
    train_seconds: float = 3600
    samples: int = 4
    pairs: int = 12
    steps: int = 100
    photos: int = 12
    visitors: int = 64
    stay: int = 3600
    unused: int = 600
    files: int = 500
    of_visitor: int = 400_000_000
    disk: int = 8_000_000_000
    looks: int = 24
    logins: int = 5


def check_words(prompt: str | None) -> str | None:
    """The prompt, or None for an empty one.

    A LoRA in it would be a file of the server, which visitors do not choose: raises OptionError.
    """
    words = (prompt or "").strip()
    if words_and_loras(words)[1]:
        raise OptionError(
            "the prompt names a LoRA", remedy="Choose LoRAs from the list, and leave the tag out."
        )
    return words or None


def check_at_most(name: str, value: int | None, limit: int) -> None:
    """Raise OptionError for a number that would take too long here."""
    if value is not None and value > limit:
        raise OptionError(f"{name} is {value}", remedy=f"At most {limit} are done here.")
