"""What the page says: progress, ends and errors as HTML sentences for a visitor."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, get_args

from tryon.demo.dressing import Dressed
from tryon.demo.error_strings import ERRORS, FINDINGS
from tryon.demo.jobs import Complaint, Field, Progress, TimeUp
from tryon.demo.remarks import DOUBTS
from tryon.demo.strings import Language, said, word_in
from tryon.errors import Cancelled, TryOnError

if TYPE_CHECKING:  # it loads torch, which only the engine's thread does: see `dressing`
    from tryon.training.garment_check import Finding

logger = logging.getLogger(__name__)

STAGES = ("person", "garment", "mask")
SCORES = ("likeness", "garment", "print", "seam", "facing", "pose")
FOR_PROGRAMMERS = re.compile(
    r"--\w|\w\(|\w=|[a-z]_[a-z]|`|\$[A-Z]|\btryon [a-z]|\.py\b|pip install"
)
"""What gives away that a sentence is for who runs the server or calls the engine."""


def status(text: str, kind: str = "idle", bar: str = "") -> str:
    """The status line; screen readers read it out. kind: idle, busy, done or sorry."""
    return f'<div class="status {kind}" role="status"><p>{escape(text)}</p>{bar}</div>'


def note(text: str = "", kind: str = "sorry") -> str:
    """A sentence beside a field, or nothing."""
    return f'<p class="note {kind}" role="alert">{escape(text)}</p>' if text else ""


def working(language: Language, progress: Progress, before: str = "") -> str:
    """How far a job is: its place in line, or its stage with a bar and the time left."""
    stage, bar = progress.stage, "<progress></progress>"
    if stage == "waiting":
        ahead = progress.ahead
        text = said(language, "waiting", ahead=ahead) if ahead else said(language, "next")
    elif stage in STAGES:
        text = said(language, f"stage_{stage}")
    elif not progress.total:
        text = said(language, "stage_painting")
    else:
        key = f"stage_{stage if stage in ('views', 'train') else 'denoise'}"
        text = said(language, key, done=progress.done, total=progress.total)
        bar = f'<progress value="{progress.done}" max="{progress.total}"></progress>'
        if (left := progress.seconds_left) is not None:
            text += ", " + said(language, "left", seconds=max(1, round(left)))
    return status(f"{before} {text}".strip(), "busy", bar)


def finished(language: Language, remarks: Sequence[str], seconds: float) -> str:
    """That a picture is there, and what to look at in it, in words for a shopper."""
    doubtful = not DOUBTS.isdisjoint(remarks)
    text = said(language, "doubtful" if doubtful else "done", seconds=f"{seconds:.1f}")
    items = "".join(f"<li>{escape(said(language, remark))}</li>" for remark in remarks)
    kind = "done doubtful" if doubtful else "done"
    return status(text, kind, f'<ul class="remarks">{items}</ul>' if items else "")


def details(language: Language, dressed: Dressed) -> str:
    """The numbers of a finished picture."""
    scores = [
        said(language, f"score_{name}", value=f"{dressed.scores[name]:.0%}")
        for name in SCORES
        if name in dressed.scores
    ]
    text = said(
        language,
        "details_of",
        seed=dressed.look.parameters["seed"],
        repainted=f"{dressed.scores.get('repainted', 0):.0%}",
        scores=", ".join(scores) or "-",
    )
    return f'<p class="details">{escape(text)}</p>'


def taken_as(language: Language, category: str, *, change: bool = True) -> str:
    """What kind of garment was seen. change: where another kind can be chosen."""
    key = "taken_as_change" if change else "taken_as"
    return said(language, key, kind=word_in(language, category).lower())


def found_garments(language: Language, shown: int, total: int, words: str) -> str:
    """How many garments a search found; screen readers read it out. Nothing for all of them."""
    if not total:
        text = said(language, "no_garments_found", words=words.strip())
    elif shown < total:
        text = said(language, "garments_of_many", count=shown, total=total)
    elif words.strip():
        text = said(language, "garments_found", count=total)
    else:
        return ""
    return f'<p class="found" role="status">{escape(text)}</p>'


def found_in_photos(language: Language, finding: Finding, *, short: bool = False) -> str:
    """A finding about a garment's photos; short: what is wrong, without where and what to do."""
    reason = finding.reason[:1].upper() + finding.reason[1:]
    text, remedy = f"{reason}.", finding.remedy
    if language == "ko":
        text, remedy = FINDINGS[finding.code]
    if short:
        return text
    place = [said(language, f"found_{finding.severity}")]
    if finding.photo is not None:
        place.append(said(language, "photo_number", number=finding.photo + 1))
    return f"{', '.join(place)}: {text} {remedy}"


def complaint(language: Language, error: BaseException) -> tuple[Field, str]:
    """The field that an error concerns, and what to tell its visitor. One line in the log for
    what people do, all of it for our own bugs."""
    field: Field = "page"
    if isinstance(error, Complaint):
        field, error = error.field, error.error
    if not isinstance(error, TryOnError):
        logger.error("the page met an error that is not one of ours", exc_info=error)
        return field, said(language, "broken")
    if not isinstance(error, Cancelled):
        logger.warning("told a visitor: %s", error)
    return field, sentence(language, error)


def sentence(language: Language, error: TryOnError) -> str:
    """What went wrong and what to do, without the server's path and without what only who runs the
    server can do."""
    if isinstance(error, Cancelled):
        return said(language, "too_long" if isinstance(error, TimeUp) else "stopped")
    text = str(type(error)(error.reason, remedy=error.remedy))
    if language == "en" and not for_programmers(text):
        return text[:1].upper() + text[1:]
    known = next(ERRORS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in ERRORS)
    reason = said(language, "broken") if for_programmers(error.reason) else error.reason
    return known[get_args(Language).index(language)].format(reason=reason)


def for_programmers(text: str) -> bool:
    """Whether a sentence is; what it quotes may be anything."""
    return FOR_PROGRAMMERS.search(re.sub(r"'[^']*'", "", text)) is not None
