"""What the page says: progress, ends and errors as HTML sentences for a visitor."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from tryon.demo.dressing import Dressed
from tryon.demo.jobs import Complaint, Field, Progress, TimeUp
from tryon.demo.strings import ERRORS, FINDINGS, Language, said
from tryon.errors import Cancelled, TryOnError

if TYPE_CHECKING:  # it loads torch, which only the engine's thread does: see `dressing`
    from tryon.training.garment_check import Finding

logger = logging.getLogger(__name__)

STAGES = ("person", "garment", "mask")


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


def finished(language: Language, dressed: Dressed, seconds: float, remarks: Sequence[str]) -> str:
    """What a finished picture cost and how sure it is, and what to look at."""
    scores = dressed.look.scores
    text = said(
        language,
        "done",
        seconds=f"{seconds:.1f}",
        seed=dressed.look.parameters["seed"],
        repainted=f"{scores.get('repainted', 0):.0%}",
        pose=f"{scores.get('pose', 0):.0%}",
    )
    items = "".join(f"<li>{escape(said(language, remark))}</li>" for remark in remarks)
    return status(text, "done", f'<ul class="remarks">{items}</ul>' if items else "")


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
    """The field that an error concerns, and what to tell its visitor."""
    if isinstance(error, Complaint):
        return error.field, sentence(language, error.error)
    if isinstance(error, TryOnError):
        return "page", sentence(language, error)
    logger.error("the page met an error that is not one of ours", exc_info=error)
    return "page", said(language, "broken")


def sentence(language: Language, error: TryOnError) -> str:
    """What went wrong and what to do, without the server's path."""
    if isinstance(error, Cancelled):
        return said(language, "too_long" if isinstance(error, TimeUp) else "stopped")
    if language == "ko":
        for kind in type(error).__mro__:
            if kind.__name__ in ERRORS:
                return ERRORS[kind.__name__].format(reason=error.reason)
    text = str(type(error)(error.reason, remedy=error.remedy))
    return text[:1].upper() + text[1:]
