"""Records of a manifest file one by one: JSON Lines, CSV or Parquet, never held as a whole.

Text is UTF-8, or what Excel and PowerShell write: UTF-16 with its mark, and a Korean Excel's CSV in
cp949.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec

from tryon.batch.rows import BadRow
from tryon.errors import DependencyError, InputError
from tryon.storage import check_url

logger = logging.getLogger(__name__)

LONGEST_LINE = 16 << 20  # bytes
FORMATS = (".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GLANCE = 1 << 20  # bytes of a table that tell its encoding
_KOREAN = re.compile(r"[\u3000-\u318f\u3200-\u33ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Record:
    """What one line says. text: every value is text, as in CSV."""

    line: int
    values: Mapping[str, Any]
    text: bool = False


def records_of(path: str | PathLike[str]) -> Iterator[Record | BadRow]:
    """The records of a manifest file, or what is wrong with a line.

    path: of this machine, or a URL of a store that is used here; its extension tells the format.

    Raises InputError if it cannot be opened or is of another format, DependencyError if Parquet
    is to be read without pyarrow.
    """
    suffix = PurePosixPath(str(path)).suffix.lower()
    if suffix in WORKBOOKS:
        raise InputError(
            "this is a workbook, not a table of text",
            path=path,
            remedy="Save it as: CSV UTF-8 (comma delimited).",
        )
    if suffix not in FORMATS:
        raise InputError(
            f"the extension {suffix!r} names no format of manifests",
            path=path,
            remedy=f"Choose one of {', '.join(FORMATS)}.",
        )
    with _opened(path) as file:
        if suffix == ".parquet":
            yield from _parquet(file, path)
        elif suffix in (".csv", ".tsv", ".txt"):
            yield from _table(file, path, "\t" if suffix == ".tsv" else None)
        else:
            yield from _json_lines(_in_utf_8(file))


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[IO[bytes]]:
    check_url(str(path))
    try:
        with fsspec.open(str(path), "rb") as file:
            yield file
    except (OSError, ImportError, ValueError) as error:
        if isinstance(error, ValueError) and "null" not in str(error):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the manifest cannot be read ({reason})", path=path, remedy="Check its path."
        ) from error


def _in_utf_8(file: IO[bytes]) -> IO[bytes]:
    """The file itself, or one that gives UTF-16 as UTF-8."""
    start = file.read(2)
    file.seek(0)
    if start not in _UTF_16:
        return file
    return _Lines(_utf_8_lines(file))  # type: ignore[return-value]


def _utf_8_lines(file: IO[bytes]) -> Iterator[bytes]:
    text = io.TextIOWrapper(file, "utf-16", "backslashreplace")
    try:
        for line in text:
            yield line.encode()
    finally:
        text.detach()  # the file is another one's to close


@dataclass
class _Lines:
    """Lines as `readline` gives them."""

    lines: Iterator[bytes]

    def readline(self, size: int = -1) -> bytes:
        return next(self.lines, b"")


def _json_lines(file: IO[bytes]) -> Iterator[Record | BadRow]:
    """Blank lines and lines that begin with `#` or `//` say nothing."""
    line = 0
    while content := file.readline(LONGEST_LINE):
        line += 1
        if len(content) == LONGEST_LINE and not content.endswith(b"\n"):
            yield BadRow(line, f"the line is longer than {LONGEST_LINE >> 20} MiB")
            while (content := file.readline(LONGEST_LINE)) and not content.endswith(b"\n"):
                pass
            continue
        content = content.removeprefix(codecs.BOM_UTF8) if line == 1 else content
        if content.strip() and not content.lstrip().startswith((b"#", b"//")):
            yield _json_record(content, line)


def _json_record(content: bytes, line: int) -> Record | BadRow:
    try:
        values = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refused
        )
        content.decode("utf-8").encode("utf-8")
    except UnicodeDecodeError:
        return BadRow(line, "not UTF-8", {"text": repr(content[:200])})
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return BadRow(line, f"not JSON: {reason}", {"text": repr(content[:200])})
    if not isinstance(values, dict):
        return BadRow(line, "not a JSON object", {"text": repr(content[:200])})
    if "\\ud" in (lowered := content[:LONGEST_LINE].lower().decode()) and _has_surrogate(values):
        return BadRow(line, "half a character (a lone surrogate)", {"text": lowered[:200]})
    return Record(line, values)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return values


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _has_surrogate(values: Any) -> bool:
    try:
        json.dumps(values, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _table(
    file: IO[bytes], path: str | PathLike[str], delimiter: str | None
) -> Iterator[Record | BadRow]:
    """CSV: a header line, then a record a line; comma, semicolon or tab."""
    encoding = _encoding(file, path)
    with io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="") as text:
        yield from _cells(text, path, delimiter)


def _encoding(file: IO[bytes], path: str | PathLike[str]) -> str:
    """How a table's text is written, by its mark or by what it would say.

    What is no UTF-8 counts as cp949 only if it is all of it Korean then; anything else would be
    read as other letters than were meant, and stays what it is: lines that are not UTF-8.
    """
    start = file.read(_GLANCE)
    file.seek(0)
    if start.startswith(_UTF_16):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
        return "utf-8-sig"
    except UnicodeDecodeError:
        pass
    try:
        text = codecs.getincrementaldecoder("cp949")().decode(start)
    except UnicodeDecodeError:
        return "utf-8-sig"
    if all(character.isascii() or _KOREAN.match(character) for character in text):
        logger.warning("%s is read as cp949, Korean Windows' text; better save as UTF-8", path)
        return "cp949"
    return "utf-8-sig"


def _cells(
    text: IO[str], path: str | PathLike[str], delimiter: str | None
) -> Iterator[Record | BadRow]:
    header = text.readline(LONGEST_LINE)
    if delimiter is None:
        delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    names = [name.strip() for name in names]
    if "person" not in names and "people" not in names:
        raise InputError(
            "the first line names no column 'person'",
            path=path,
            remedy="Begin with a header line, such as id,person,garment.",
        )
    if len(set(names)) < len(names):
        raise InputError("the first line names a column twice", path=path)
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        before = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(before, f"not CSV: {error}")
            continue
        if any(cells):
            yield _table_record(names, cells, before)


def _table_record(names: list[str], cells: list[str], line: int) -> Record | BadRow:
    if len(cells) > len(names):
        record = dict(zip(names, cells[: len(names)], strict=True))
        return BadRow(line, f"{len(cells)} cells under {len(names)} columns", record)
    record = dict(zip(names, cells, strict=False))
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return BadRow(line, "not UTF-8: save the table as CSV UTF-8")
    return Record(line, record, text=True)


def _parquet(file: IO[bytes], path: str | PathLike[str]) -> Iterator[Record | BadRow]:
    """Lines are counted from 1, as there is no header line."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyError(
            "Parquet is read by pyarrow", path=path, remedy="pip install 'tryon[parquet]'"
        ) from error
    try:
        table = pyarrow.parquet.ParquetFile(file)
        line = 0
        for batch in table.iter_batches(batch_size=1024):
            for values in batch.to_pylist():
                line += 1
                yield Record(line, values)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"not a Parquet file ({error})", path=path) from error
