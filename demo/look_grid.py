"""Every person in every garment: a table with the photos at its edges."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from tryon.demo.strings import Language, said, word_in
from tryon.demo.visitors import Shown

Place = tuple[int, int]
Address = Callable[[str], str]


@dataclass(eq=False)
class LookGrid:
    """people, garments: what they are called, down and across. before: photos of the people, by
    row; worn: of the garments, by column; taken: and as what they were taken. cells: looks, or why
    there is none."""

    people: list[str]
    garments: list[str]
    before: dict[int, str] = field(default_factory=dict)
    worn: dict[int, str] = field(default_factory=dict)
    taken: dict[int, str] = field(default_factory=dict)
    cells: dict[Place, Shown | str] = field(default_factory=dict)

    def looks(self) -> dict[Place, Shown]:
        return {place: cell for place, cell in self.cells.items() if isinstance(cell, Shown)}

    def named_files(self) -> dict[str, str]:
        """The looks at their own size, by a name for each."""
        return {
            f"{row + 1}-{plain(self.people[row])}-{column + 1}-{plain(self.garments[column])}"
            f"{Path(look.file).suffix}": look.file
            for (row, column), look in self.looks().items()
        }

    def html(self, language: Language, address: Address) -> str:
        """The table. address: where the page finds a file."""
        heads = "".join(
            f'<th scope="col">{picture(address, self.worn.get(column), "")}'
            f"<span>{escape(name)}</span><small>{escape(self.taken.get(column, ''))}</small></th>"
            for column, name in enumerate(self.garments)
        )
        rows = "".join(self._row(language, address, row) for row in range(len(self.people)))
        label = word_in(language, "grid")
        return (
            f'<div class="look-grid" role="region" tabindex="0" aria-label="{label}"><table>'
            f"<thead><tr><th>{word_in(language, 'before')}</th>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )

    def _row(self, language: Language, address: Address, row: int) -> str:
        name = self.people[row]
        before = picture(address, self.before.get(row), said(language, "before_alt"))
        cells = "".join(
            f"<td>{self._cell(language, address, (row, column))}</td>"
            for column in range(len(self.garments))
        )
        return f'<tr><th scope="row">{before}<span>{escape(name)}</span></th>{cells}</tr>'

    def _cell(self, language: Language, address: Address, place: Place) -> str:
        cell = self.cells.get(place)
        if cell is None:
            return '<div class="waiting">…</div>'
        if isinstance(cell, str):
            return f'<p class="note sorry">{escape(cell)}</p>'
        alt = said(language, "look_alt", garment=self.garments[place[1]])
        link = escape(address(cell.file))
        return f'<a href="{link}" target="_blank">{picture(address, cell.after, alt)}</a>'


def picture(address: Address, file: str | None, alt: str) -> str:
    if file is None:
        return ""
    return f'<img src="{escape(address(file))}" alt="{escape(alt)}" loading="lazy">'


def plain(name: str) -> str:
    """A name for a file."""
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "photo"
