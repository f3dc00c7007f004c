"""From a path to a decoded, upright picture in its own mode, or an error that names the file.

A file is what its first bytes say, whatever its name. Pillow's process-wide settings are neither
changed nor relied on.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from typing import IO, Any

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from tryon.errors import (
    ImageAnimatedError,
    ImageFormatError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageTruncatedError,
    OptionError,
    TryOnError,
)

logger = logging.getLogger(__name__)

FilePath = str | PathLike[str]
Source = FilePath | Image.Image | np.ndarray | bytes | bytearray | memoryview | IO[bytes]
"""A picture: the path of a file; a `PIL.Image`; an array, uint8 (H, W), (H, W, 3) or (H, W, 4), in
the order red, green, blue, opacity; a file's bytes; or a file opened in binary mode."""

FORMATS = "JPEG, PNG, WebP, AVIF, TIFF or BMP"

# First bytes of what is read. A phone's multi-picture JPEG opens as a plain one: its first picture.
_DECODERS: tuple[tuple[bytes, type[ImageFile]], ...] = (
    (rb"\xff\xd8\xff", JpegImageFile),
    (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    (rb"RIFF....WEBP", WebPImageFile),
    (rb"....ftyp.{0,48}avi[fs]", AvifImageFile),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", TiffImageFile),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", BmpImageFile),
)

# First bytes of what people give instead: its name, and what they can do.
_STRANGERS: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"....ftyp(hei|hev|mif1|msf1)",
        "a HEIC photo",
        "Export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible).",
    ),
    (rb"GIF8", "a GIF", "Save one frame of it as PNG."),
    (rb"8BPS", "a Photoshop document", "Export it as JPEG or PNG."),
    (rb"%PDF", "a PDF", "Export the page as JPEG or PNG."),
    (
        rb"(\xef\xbb\xbf)?\s*<",
        "text such as HTML, SVG or XML",
        "Export a drawing as PNG; if this was downloaded, the server may have sent an error page.",
    ),
)

# EXIF orientation: what turns the picture upright.
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _NEW_SUBFILE_TYPE = 0x0112, 0x00FE


def decoded(source: Source, max_pixels: int) -> Image.Image:
    """The upright picture in its own mode, which may be `source` itself: not to be changed.

    Raises `OptionError` if `source` is none of what a picture may be, else any `ImageError`.
    """
    if isinstance(source, np.ndarray):
        source = _pictured(source)
    if isinstance(source, Image.Image):
        _check_pixels(source, max_pixels, None)
        with named_if_broken(None):
            if source.format != "MPO":  # a phone's JPEG, whose first picture is the photo
                _check_single(source, None)
            return _upright(source)
    path = source_path(source)
    with opened(source, max_pixels) as image, named_if_broken(path):
        _check_single(image, path)
        return _upright(image)


@contextmanager
def opened(source: Source, max_pixels: int) -> Iterator[ImageFile]:
    """The file with its header read, its size checked and nothing decoded; closed at the end."""
    path = source_path(source)
    max_bytes = 8 * max_pixels + (64 << 20)  # the widest pixels that we read, and metadata
    with _bytes_of(source, max_bytes) as file:
        if file.seek(0, os.SEEK_END) > max_bytes:
            raise ImageTooLargeError(
                f"the file has more than {max_bytes >> 20} MiB", path=path, remedy="Scale it down."
            )
        file.seek(0)
        decoder = _decoder(file.read(64), path)
        file.seek(0)
        with named_if_broken(path):
            image = decoder(file)
        _check_pixels(image, max_pixels, path)
        yield image


def source_path(source: object) -> FilePath | None:
    """The file that a source is in, to be named in errors; None for a picture in memory.

    As it was given: a path made of a URL would lose one of its slashes.
    """
    if isinstance(source, str | PathLike):
        return source
    name = getattr(source, "name", None)  # of an open file; a number for one of the system's
    return name if isinstance(name, str) and name else None


@contextmanager
def named_if_broken(path: FilePath | None) -> Iterator[None]:
    """Pillow raises nearly anything on broken data; whatever it is becomes one error of ours."""
    try:
        yield
    except TryOnError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError(
            "the picture does not fit in memory", path=path, remedy="Scale it down."
        ) from error
    except Exception as error:
        raise ImageTruncatedError(
            f"the picture is cut off, broken or of an unknown variant ({error})",
            path=path,
            remedy="Copy or download it again; if other programs open it, save it as PNG there.",
        ) from error


def _bytes_of(source: Any, max_bytes: int) -> IO[bytes]:
    """What is in the file, in the bytes, or in what is left of an open file."""
    if isinstance(source, str | PathLike):
        return _regular_file(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return BytesIO(source)
    read = getattr(source, "read", None)
    content = read(max_bytes + 1) if callable(read) else None
    if isinstance(content, bytes):
        return BytesIO(content)
    kind = type(source)
    remedy = "Give a path, a PIL.Image, a uint8 array, bytes, or a file opened with 'rb'."
    if isinstance(content, str):
        remedy = "It was opened as text: open(path, 'rb')."
    elif content is not None:  # a coroutine, of a web framework's upload
        getattr(content, "close", lambda: None)()
        remedy = "Wait for its bytes and give those: await upload.read()."
    elif kind.__module__.startswith("torch"):
        remedy = "For values from 0 to 1: (x.permute(1, 2, 0) * 255).byte().cpu().numpy()."
    raise OptionError(f"an image is given as {kind.__module__}.{kind.__name__}", remedy=remedy)


def _pictured(array: np.ndarray) -> Image.Image:
    """The picture in an array. Raises OptionError for one of another shape or range."""
    shape = array.shape
    reason, remedy = f"an image is given as an array of {array.dtype} {shape}", ""
    if array.dtype == np.bool_:
        remedy = "Give array.astype('uint8') * 255."
    elif array.dtype != np.uint8:
        remedy = "For values from 0 to 1 give (array * 255).round().astype('uint8')."
    elif array.ndim == 4 and shape[0] == 1:
        remedy = "Give array[0]."
    elif array.ndim == 3 and shape[0] in (3, 4) and shape[2] not in (3, 4):
        remedy = "Give array.transpose(1, 2, 0): height, width, channels."
    elif array.ndim not in (2, 3) or array.ndim == 3 and shape[2] not in (3, 4) or 0 in shape:
        remedy = "Give height x width, with 3 channels (RGB) or 4 (RGBA) or none (grey)."
    if remedy:
        raise OptionError(reason, remedy=remedy)
    return Image.fromarray(array)


def _regular_file(path: FilePath) -> IO[bytes]:
    """Opened for reading. Pipes and devices, which need not ever end, are refused."""
    if re.match(r"[a-z][a-z0-9+.-]+:/|data:", os.fsdecode(path), re.IGNORECASE):
        raise ImageNotFoundError(
            "this is a URL, and none is ever fetched",
            path=path,
            remedy="Download the picture and give the path of the file.",
        )
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageNotFoundError(
            f"the file cannot be opened ({reason})", path=path, remedy="Check its path and rights."
        ) from error
    kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    raise ImageNotFoundError(f"this is {kind}", path=path, remedy="Give the path of one image.")


def _decoder(start: bytes, path: FilePath | None) -> type[ImageFile]:
    """The one class of Pillow's that reads a file which starts so."""
    if not start:
        raise ImageTruncatedError(
            "the file is empty", path=path, remedy="Copy or download it again."
        )
    for pattern, decoder in _DECODERS:
        if re.match(pattern, start, re.DOTALL):
            return decoder
    for pattern, name, remedy in _STRANGERS:
        if re.match(pattern, start, re.DOTALL):
            raise ImageFormatError(f"this is {name}, not {FORMATS}", path=path, remedy=remedy)
    raise ImageFormatError(f"this is not {FORMATS}", path=path, remedy="Save it as JPEG or PNG.")


def _check_pixels(image: Image.Image, max_pixels: int, path: FilePath | None) -> None:
    if isinstance(image, TiffImageFile):  # the one decoder that asks Pillow's own limit as well
        max_pixels = min(max_pixels, Image.MAX_IMAGE_PIXELS or max_pixels)
    if image.width * image.height > max_pixels:
        raise ImageTooLargeError(
            f"the picture is {image.width} x {image.height} pixels, more than the"
            f" {max_pixels / 1e6:g} million allowed",
            path=path,
            remedy="Scale it down, or raise max_pixels.",
        )


def _check_single(image: Image.Image, path: FilePath | None) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageAnimatedError(
            f"the file holds {frames} frames or pages", path=path, remedy="Save one of them as PNG."
        )
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & 1:
        raise ImageFormatError(
            "this TIFF shows only a preview of its picture, as a camera's raw file does",
            path=path,
            remedy="Develop the raw file and save it as JPEG or PNG.",
        )


def _upright(image: Image.Image) -> Image.Image:
    scale = _transparent_value_scale(image)
    image.load()
    method = _TRANSPOSES.get(_orientation(image))
    upright = image if method is None else image.transpose(method)
    if scale is not None:
        upright = upright.copy()
        upright.info["transparency"] *= scale
    return upright


def _orientation(image: Image.Image) -> int:
    # ImageOps.exif_transpose would also write the whole EXIF block anew, and fail where that does.
    try:
        orientation: Any = image.getexif().get(_ORIENTATION, 1)
    except Exception as error:
        logger.warning("EXIF data ignored, the picture is taken as upright: %s", error)
        return 1
    return orientation if isinstance(orientation, int) else 1


def _transparent_value_scale(image: Image.Image) -> int | None:
    """What Pillow multiplies 2 and 4-bit greys with, but not the value that is transparent."""
    if isinstance(image, PngImageFile) and image.tile and "transparency" in image.info:
        return {"L;2": 85, "L;4": 17}.get(str(image.tile[0].args))
    return None
