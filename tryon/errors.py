"""Everything that can go wrong, as one tree.

```
TryOnError
├── InputError                    what the caller gave cannot be used           (exit code 1)
│   ├── OptionError               an unknown option, or a value out of range
│   ├── ImageError                a file that is not a usable image
│   │   ├── ImageNotFoundError        no such file, a directory, or no permission
│   │   ├── ImageFormatError          not on the list of formats, or not what it claims to be
│   │   ├── ImageAnimatedError        several frames or pages
│   │   ├── ImageTooLargeError        more pixels or bytes than allowed
│   │   ├── ImageTooSmallError        too few pixels to work on
│   │   └── ImageTruncatedError       the file ends early, or its data is broken
│   ├── PersonError               a person photo that cannot be dressed
│   │   ├── NoPersonError             nobody found
│   │   ├── SeveralPeopleError        more than one person, and none was chosen
│   │   └── OutOfFrameError           the part to dress is not in the picture
│   ├── GarmentError              a garment photo that cannot be worn
│   │   └── NoGarmentError            nothing found that looks like a garment
│   ├── MaskError                 a mask that cannot be used
│   │   ├── MaskEmptyError            nothing to repaint
│   │   ├── MaskInvertedError         (nearly) everything is to be repainted
│   │   └── MaskSizeError             its size is not that of the photo
│   ├── CatalogError              a catalogue that cannot be used, or a broken entry
│   │   ├── SkuNotFoundError          no such garment in the catalogue
│   │   └── CatalogConflictError      taken already, or changed by somebody else
│   ├── ManifestError             a manifest of a batch that cannot be used
│   │   └── RowError                  a row of it
│   └── LoraError                 a LoRA file that does not fit
│       ├── LoraFormatError           unknown or broken keys
│       └── LoraBaseError             trained on another base model
├── WeightsError                  model weights that cannot be used             (exit code 1)
│   ├── WeightsMissingError           not on this machine
│   ├── WeightsCorruptError           not the bytes that were expected
│   └── WeightsUnsafeError            a pickle, or anything else that could run code
├── NotANumberError               the model's numbers overflow: no picture       (exit code 1)
├── DependencyError               an optional package is not installed         (exit code 1)
├── OutputError                   the result cannot be written                 (exit code 1)
│   └── OutputFullError               no space is left
├── BatchError                    a batch job that cannot go on                (exit code 1)
├── BusyError                     too much is waiting already                  (exit code 1)
└── Cancelled                     stopped on request                            (exit code 130)
```

Each error says what is wrong, in which file, and what to do about it.
"""

from __future__ import annotations

import re
from os import PathLike


class TryOnError(Exception):
    """Base of every error this project raises on purpose.

    `reason` says what is wrong, `path` in which file (if any), `remedy` what to do.
    `str(error)` joins the three into one line.
    """

    exit_code = 1

    def __init__(
        self,
        reason: str,
        *,
        path: str | PathLike[str] | None = None,
        remedy: str | None = None,
    ) -> None:
        # Some libraries end in a full stop and a new line, and pydantic says what kind it raised.
        self.reason = reason.replace("Value error, ", "").rstrip(" .\r\n\t")
        # A path made of a URL has lost a slash; drives have one letter.
        self.path = None if path is None else re.sub(r"^(\w[\w+.-]+):/(?!/)", r"\1://", str(path))
        self.remedy = remedy
        super().__init__(reason)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        stop = "" if self.reason.endswith(("!", "?", ":")) else "."
        return " ".join(f"{where}{self.reason}{stop}{remedy}".split())

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return _rebuild, (type(self), self.reason, self.path, self.remedy)


def _rebuild(
    kind: type[TryOnError], reason: str, path: str | None, remedy: str | None
) -> TryOnError:
    """Keyword arguments survive pickling, so that errors cross process borders whole."""
    return kind(reason, path=path, remedy=remedy)


class InputError(TryOnError):
    """What the caller gave cannot be used."""


class OptionError(InputError):
    """An unknown option, or a value out of its range."""


class ImageError(InputError):
    """A file that is not a usable image."""


class ImageNotFoundError(ImageError):
    """No such file, a directory, or no permission to read it."""


class ImageFormatError(ImageError):
    """A format that is not on the list, or a file that is not what it claims to be."""


class ImageAnimatedError(ImageError):
    """Several frames or pages, where one picture is needed."""


class ImageTooLargeError(ImageError):
    """More pixels or bytes than allowed."""


class ImageTooSmallError(ImageError):
    """Too few pixels to work on."""


class ImageTruncatedError(ImageError):
    """The file ends early, or its data is broken."""


class PersonError(InputError):
    """A person photo that cannot be dressed."""


class NoPersonError(PersonError):
    """Nobody was found in the photo."""


class SeveralPeopleError(PersonError):
    """More than one person was found, and none was chosen."""


class OutOfFrameError(PersonError):
    """The part of the body to dress is not in the picture."""


class GarmentError(InputError):
    """A garment photo that cannot be worn."""


class NoGarmentError(GarmentError):
    """Nothing that looks like a garment was found."""


class MaskError(InputError):
    """A mask that cannot be used."""


class MaskEmptyError(MaskError):
    """The mask leaves nothing to repaint."""


class MaskInvertedError(MaskError):
    """The mask repaints (nearly) the whole photo."""


class MaskSizeError(MaskError):
    """The mask has another size than the photo."""


class CatalogError(InputError):
    """A catalogue of garments that cannot be used, or a broken entry in one."""


class SkuNotFoundError(CatalogError):
    """No garment of this name is in the catalogue."""


class CatalogConflictError(CatalogError):
    """The name is taken already, or somebody else changed the garment at the same time."""


class ManifestError(InputError):
    """A manifest of a batch that cannot be used."""


class RowError(ManifestError):
    """A row of a manifest that cannot be used."""


class LoraError(InputError):
    """A LoRA file that does not fit."""


class LoraFormatError(LoraError):
    """Unknown or broken keys in a LoRA file."""


class LoraBaseError(LoraError):
    """A LoRA trained on another base model."""


class WeightsError(TryOnError):
    """Model weights that cannot be used."""


class WeightsMissingError(WeightsError):
    """Weights that are not on this machine."""


class WeightsCorruptError(WeightsError):
    """Weights whose bytes or shapes are not the expected ones."""


class WeightsUnsafeError(WeightsError):
    """Weights in a format that could run code when loaded."""


class NotANumberError(TryOnError):
    """What the model computed is infinite or not a number, and therefore no picture."""


class DependencyError(TryOnError):
    """An optional package that this needs is not installed."""


class OutputError(TryOnError):
    """The result cannot be written."""


class OutputFullError(OutputError):
    """No space is left where the results go."""


class BatchError(TryOnError):
    """A batch job that cannot go on: its rows all fail alike, or its workers keep dying."""


class BusyError(TryOnError):
    """Too much is waiting already."""


class Cancelled(TryOnError):
    """Stopped on request, nothing half-written."""

    exit_code = 130
