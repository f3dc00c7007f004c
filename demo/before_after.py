"""A picture before and after, with a slider over it that keys, fingers and mice move."""

from __future__ import annotations

from html import escape

from tryon.demo.strings import Language, said, word_in

SLIDE = "this.parentNode.style.setProperty('--at', this.value + '%')"


def before_after(language: Language, before: str, after: str, garment: str) -> str:
    """HTML of two pictures of one size. before, after: addresses. garment: what it is called."""
    return (
        '<figure class="before-after">'
        f'<img class="after" src="{escape(after)}" alt="{alt_of(language, garment)}">'
        f'<img class="before" src="{escape(before)}" alt="{said(language, "before_alt")}">'
        '<input type="range" min="0" max="100" value="50" step="2"'
        f' aria-label="{said(language, "slide")}" oninput="{SLIDE}">'
        f'<figcaption aria-hidden="true"><span>{word_in(language, "before")}</span>'
        f"<span>{word_in(language, 'after')}</span></figcaption></figure>"
    )


def nothing_yet(language: Language) -> str:
    """The place of a picture that is not there yet."""
    return f'<div class="nothing-yet"><p>{word_in(language, "nothing_yet")}</p></div>'


def alt_of(language: Language, garment: str) -> str:
    return escape(said(language, "look_alt", garment=garment))
