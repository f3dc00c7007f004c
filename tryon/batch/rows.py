"""One row of a manifest: one picture to make, checked before any work is done."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, get_type_hints

from tryon.batch.presets import FORMATS, PRESETS
from tryon.errors import RowError, TryOnError
from tryon.options import DressOptions, words_and_loras

PLACES = ("id", "person", "garment", "sku", "mask", "output")
OPTIONS = tuple(option.name for option in fields(DressOptions))
RENDERING = {"preset": tuple(PRESETS), "format": tuple(suffix[1:] for suffix in FORMATS)}
COLUMNS = (*PLACES, *OPTIONS, *RENDERING)
# What is said of a whole job, so that nobody takes a column of this name for a note. "size" stands
# for what one would expect of it: the picture's.
OF_THE_JOB = frozenset(
    (
        *("size", "width", "height", "quality", "suffix", "provenance", "model", "device", "dtype"),
        *("pose", "workers", "batch_size", "readers", "writers", "cache", "cache_bytes", "window"),
        *("breaker", "strict", "wait", "root", "out", "engine", "address", "catalog", "defaults"),
    )
)
ERROR = "error"  # column of a dead letter: says why the row failed, and is not read back

LONGEST = {"id": 200, "output": 200, "sku": 100} | dict.fromkeys(
    ("person", "garment", "mask"), 1024
)
LONGEST_TEXT = 4096  # of any other value
LONGEST_METADATA = 16384  # of all unknown columns together, as JSON
_FORMULA = re.compile(r"[=+@\t\r]|-(?![\d.])")
_OUTPUT_PART = re.compile(r"[\w][\w .+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One picture to make.

    line: of the manifest, counted from 1.
    person, garment, mask: paths below the root, or URLs; the garment may be a SKU instead.
    options: fields of `DressOptions` that the row sets.
    output: file name without extension, with folders, below the output folder.
    rendering: `preset` and `format` of the row's own.
    name: the file's whole name, without extension, where the job names the files.
    metadata: every other column, kept for reports.
    """

    id: str
    line: int
    person: str
    garment: str | None = None
    sku: str | None = None
    mask: str | None = None
    output: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rendering: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None

    @property
    def seed(self) -> int:
        """The row's own, or one derived from its id: the same in any order and on any worker."""
        if "seed" in self.options:
            return int(self.options["seed"])
        return int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:6], "big")

    @property
    def loras(self) -> tuple[str, ...]:
        """`FILE` or `FILE:WEIGHT` each, those in tags of the prompt among them."""
        _, tagged = words_and_loras(self.options.get("prompt") or "")
        return (*self.options.get("lora", ()), *tagged)

    @property
    def stem(self) -> str:
        """Path of the picture without content key and extension; no two ids share one."""
        if self.output is not None:
            return self.output
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self.id).strip(".-")[:80] or "look"
        digest = hashlib.sha256(self.id.encode()).hexdigest()
        return f"{digest[:2]}/{name}" if name == self.id else f"{digest[:2]}/{name}~{digest[:8]}"

    def base(self, key: str) -> str:
        """Path of the picture without its extension; the key stands for what it is made from."""
        return self.name if self.name is not None else f"{self.stem}.{key}"

    def as_record(self) -> dict[str, Any]:
        """The row as a manifest has it."""
        places = {name: getattr(self, name) for name in PLACES}
        record = {name: value for name, value in places.items() if value is not None}
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()}
        return record | options | dict(self.rendering) | dict(self.metadata)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why.

    record: what stood there, as far as it was understood. collides: its picture's name is taken.
    """

    line: int
    reason: str
    record: Mapping[str, Any] = field(default_factory=dict)
    collides: bool = False


def row_of(record: Mapping[str, Any], line: int, *, text: bool = False) -> Row:
    """The row of one record of a manifest.

    text: every value is text (CSV), to be read as the column wants it.

    Raises RowError, which names all that is wrong.
    """
    problems: list[str] = []
    values = {name: value for name, value in record.items() if value is not None and name != ERROR}
    if text:
        values = {name: value for name, value in values.items() if value != ""}
    places = {name: _place(name, values.get(name), problems) for name in PLACES}
    options = _options(values, text, problems)
    rendering = _rendering(values, problems)
    metadata = {name: value for name, value in values.items() if name not in COLUMNS}
    _check_metadata(metadata, text, problems)
    if places["garment"] is not None and places["garment"].startswith("sku:"):
        places |= {"garment": None, "sku": places["garment"].removeprefix("sku:")}
    _check_together(places, problems)
    if problems:
        raise RowError("; ".join(problems))
    person, name = places.pop("person"), places.pop("id")
    assert person is not None
    if name is None:
        name = default_id(person, places["garment"] or places["sku"] or "")
    return Row(
        name, line, person, **places, options=options, metadata=metadata, rendering=rendering
    )


def default_id(person: str, garment: str) -> str:
    """An id made of the files' names: `model-7__linen-shirt`."""
    return f"{_file_stem(person)}__{_file_stem(garment)}"


def lora_place(name: str) -> str:
    """The file that a LoRA's name means: `linen` is `linen.safetensors`."""
    return name if name.endswith(".safetensors") else f"{name}.safetensors"


def _file_stem(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _place(name: str, value: Any, problems: list[str]) -> str | None:
    """A text without anything that could surprise whoever shows or opens it."""
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(f"{name} is {_kind(value)}, not text")
        return None
    before = len(problems)
    if not value.strip():
        problems.append(f"{name} is empty")
    elif len(value) > LONGEST[name]:
        problems.append(f"{name} has {len(value)} characters, more than {LONGEST[name]}")
    elif not value.isprintable():
        problems.append(f"{name} holds control characters")
    elif _FORMULA.match(value):
        problems.append(f"{name} begins with {value[0]!r}, which a spreadsheet takes for a formula")
    elif name == "output":
        _check_output(value, problems)
    return value if len(problems) == before else None


def _check_output(value: str, problems: list[str]) -> None:
    parts = value.split("/")
    if not all(_OUTPUT_PART.fullmatch(part) and part.strip(". ") == part for part in parts):
        problems.append(
            f"output is {value!r}: use letters, digits, '.', '_', '-' and '/', within the folder"
        )


def _check_together(places: Mapping[str, str | None], problems: list[str]) -> None:
    named = " ".join(problems)
    if places["person"] is None and "person" not in named:
        problems.append("there is no person")
    unnamed = "garment" not in named and "sku" not in named
    if places["garment"] is None and places["sku"] is None and unnamed:
        problems.append("there is neither a garment nor a sku")
    if places["garment"] is not None and places["sku"] is not None:
        problems.append("there are both a garment and a sku")


def _options(values: Mapping[str, Any], text: bool, problems: list[str]) -> dict[str, Any]:
    """The fields of `DressOptions` that are set, each of its type and in its range."""
    options: dict[str, Any] = {}
    for name in OPTIONS:
        if name not in values:
            continue
        try:
            value = option_from_text(name, values[name]) if text else values[name]
            if name == "lora":
                value = _loras(value)
            if isinstance(value, str) and (len(value) > LONGEST_TEXT or not _plain(value)):
                raise RowError(f"{name} is longer than {LONGEST_TEXT} or holds control characters")
            if text and isinstance(value, str) and _FORMULA.match(value):
                raise RowError(f"{name} begins with {value[0]!r}, as a formula does")
            DressOptions(**{name: value})
            options[name] = value
        except TryOnError as error:
            problems.append(error.reason)
        except (TypeError, ValueError, OverflowError):
            problems.append(f"{name} is {_kind(values[name])}")
    return options


def _rendering(values: Mapping[str, Any], problems: list[str]) -> dict[str, str]:
    """Preset and format that are set, checked."""
    found = {}
    for name, choices in RENDERING.items():
        if name in values:
            value = values[name]
            if name == "format" and isinstance(value, str):
                value = {"jpeg": "jpg"}.get(text := value.lower().lstrip("."), text)
            if value not in choices:
                problems.append(f"{name} is {values[name]!r}, not one of {', '.join(choices)}")
            found[name] = value
    return found


def _plain(text: str) -> bool:
    return text.replace("\n", " ").isprintable()


def _loras(value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise RowError("lora is neither FILE:WEIGHT nor a list of such")
    if len(names) > 16 or any(len(name) > 1024 or not name.isprintable() for name in names):
        raise RowError("lora names too many files, or one of them is too long")
    return tuple(names)


@cache
def _types() -> dict[str, str]:
    return {name: str(kind) for name, kind in get_type_hints(DressOptions).items()}


def option_from_text(name: str, value: Any) -> Any:
    """What a cell of a table says, of the option's type."""
    if not isinstance(value, str):
        return value
    kind = _types().get(name, "")
    if "bool" in kind:
        flags = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if value.strip().lower() not in flags:
            raise RowError(f"{name} is {value[:40]!r}, neither true nor false")
        return flags[value.strip().lower()]
    if "int" in kind or "float" in kind:
        try:
            number = float(value)
            whole = "float" not in kind
            return int(value) if whole else number
        except ValueError:
            raise RowError(f"{name} is {value[:40]!r}, not a number") from None
    if name == "lora":
        return tuple(part.strip() for part in value.split(";") if part.strip())
    return value


def _check_metadata(metadata: Mapping[Any, Any], text: bool, problems: list[str]) -> None:
    if not metadata:
        return
    for name in sorted(OF_THE_JOB.intersection(metadata)):
        problems.append(
            f"the column {name!r} is named like an option of the whole job, and would be a note:"
            f" rename it, such as {name}_"
        )
    for name, value in metadata.items():
        if not isinstance(name, str) or not name.isprintable() or len(name) > 100:
            problems.append("a column's name is not plain text of up to 100 characters")
            return
        if isinstance(value, str) and "\0" in value:
            problems.append(f"{name} holds a NUL character")
        if text and isinstance(value, str) and _FORMULA.match(value):
            problems.append(f"{name} begins with {value[0]!r}, as a formula does")
    try:
        size = len(json.dumps(metadata, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        problems.append("the unknown columns hold values that are not JSON")
        return
    if size > LONGEST_METADATA:
        problems.append(f"the unknown columns hold {size} bytes, more than {LONGEST_METADATA}")


def _kind(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number"}
    return names.get(
        type(value), {float: "a number", str: "text"}.get(type(value), "of no known type")
    )
