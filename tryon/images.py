"""The one loader and the one writer of pictures: strict about files, plain RGB inside."""

from __future__ import annotations

import hashlib
import logging
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, reduce
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from tryon import __version__
from tryon.decoding import FilePath, Source, decoded, named_if_broken, source_path
from tryon.errors import ImageFormatError, MaskEmptyError, MaskSizeError, OptionError, OutputError
from tryon.provenance import DigitalSourceType, digital_source_types, xmp_packet

__all__ = [
    "MAX_PIXELS",
    "DigitalSourceType",
    "FilePath",
    "Source",
    "check_output",
    "digital_source_types",
    "load_cutout",
    "load_image",
    "load_mask",
    "photo_key",
    "save_image",
    "source_path",
]

logger = logging.getLogger(__name__)

MAX_PIXELS = 64_000_000

_WRITERS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_WRITABLE_MODES = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "L", "RGBA"), "WEBP": ("RGB", "RGBA")}


def load_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A photo as RGB: upright, sRGB, what is transparent laid over white, without metadata.

    Reads JPEG, PNG, WebP, AVIF, TIFF and BMP of 1 to 16 bits a channel in grey, palette, RGB or
    CMYK; 16-bit values are scaled to 8. The content decides, not the name. What is in memory (see
    `Source`) goes through the same steps and is left as it was; an open file is read to its end.

    Raises:
        ImageNotFoundError: no such file, a folder, not readable, or a URL.
        ImageFormatError: another format, or 32-bit pixels, whose range nothing defines.
        ImageAnimatedError: several frames or pages.
        ImageTooLargeError: more than `max_pixels`, found before anything is decoded.
        ImageTruncatedError: empty, cut off or broken.
        OptionError: `source` is none of what a picture may be (see `Source`).
    """
    colour, alpha = _srgb_and_alpha(source, max_pixels)
    if alpha is not None:
        colour = Image.composite(colour, Image.new("RGB", colour.size, "white"), alpha)
    return _without_metadata(colour)


def load_cutout(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A garment photo as RGBA, upright and sRGB; opaque if the file knows no transparency.

    Raises the errors of `load_image`.
    """
    colour, alpha = _srgb_and_alpha(source, max_pixels)
    colour.putalpha(255 if alpha is None else alpha)
    return _without_metadata(colour)


def load_mask(source: Source, size: tuple[int, int]) -> Image.Image:
    """What to repaint, as somebody painted it: `L`, 255 = repaint, soft edges kept.

    A picture with transparency is a layer of strokes: its opacity counts, not its colours. In any
    other picture the brightest channel counts, so that red on black means what white on black does.

    Args:
        size: (width, height) of the upright photo.

    Raises:
        MaskSizeError: the mask has another size.
        MaskEmptyError: no pixel is at least half bright.
        ImageError: see `load_image`.
    """
    path = source_path(source)
    image = decoded(source, max(MAX_PIXELS, size[0] * size[1]))
    if image.size != tuple(size):
        raise MaskSizeError(
            f"the mask is {image.width} x {image.height} pixels, the photo {size[0]} x {size[1]}",
            path=path,
            remedy="Paint the mask on the photo at its full size, the right way up.",
        )
    with named_if_broken(path):
        mask, alpha = _colour_and_alpha(image, path)
        if alpha is not None and alpha.getextrema() != (255, 255):
            mask = alpha
        elif mask.mode != "L":
            mask = reduce(ImageChops.lighter, mask.convert("RGB").split())
    brightest = int(np.asarray(mask).max())
    if brightest < 128:
        raise MaskEmptyError(
            f"the mask repaints nothing: its brightest value is {brightest} of 255",
            path=path,
            remedy="Paint white what is to be repainted; multiply a mask of 0 and 1 by 255.",
        )
    return _without_metadata(mask)


def photo_key(photo: Image.Image) -> str:
    """Hex sha256 of a photo's size and pixels: the same picture, whatever file it came from."""
    digest = hashlib.sha256(f"{photo.mode} {photo.width}x{photo.height} ".encode())
    digest.update(photo.tobytes())
    return digest.hexdigest()


def _srgb_and_alpha(source: Source, max_pixels: int) -> tuple[Image.Image, Image.Image | None]:
    """Colours as sRGB in RGB, and opacity as L (None: opaque throughout)."""
    path = source_path(source)
    image = decoded(source, max_pixels)
    with named_if_broken(path):
        colour, alpha = _colour_and_alpha(image, path)
        return _srgb(colour, image.info.get("icc_profile")), alpha


def _colour_and_alpha(
    image: Image.Image, path: FilePath | None
) -> tuple[Image.Image, Image.Image | None]:
    """Colours as L, RGB or CMYK in the picture's own colour space, and opacity as L or None.

    L and RGB are new objects; CMYK may be `image` itself.
    """
    if image.mode.startswith("I;16"):
        image = _eight_bit(image)
    if image.mode in ("I", "F", "LAB"):
        raise ImageFormatError(
            f"its pixels are of mode {image.mode} (32-bit or Lab), whose range is not defined here",
            path=path,
            remedy="Save it with 8 or 16 bits a channel, as grey or RGB.",
        )
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        *_, alpha = (image := image.convert("LA" if grey else "RGBA")).split()
        return image.convert("L" if grey else "RGB"), alpha
    if image.mode == "CMYK":
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _eight_bit(image: Image.Image) -> Image.Image:
    """L (or LA, where one value is transparent) of a 16-bit grey picture, 65535 becoming 255."""
    values = np.asarray(image)
    grey = Image.fromarray(np.rint(np.arange(65536) / 257).astype(np.uint8)[values])
    transparent = image.info.get("transparency")
    if transparent is None:
        return grey
    opaque = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, opaque))


def _srgb(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB. Without a usable ICC profile, grey and RGB are taken to be sRGB already."""
    if not profile:
        return colour.convert("RGB")
    try:
        embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
        if colour.mode == "RGB" and ImageCms.getProfileDescription(embedded).startswith("sRGB"):
            return colour
        converted = ImageCms.profileToProfile(
            colour,
            embedded,
            ImageCms.ImageCmsProfile(BytesIO(_srgb_profile())),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError) as error:
        logger.warning("ICC profile ignored: %s", error)
        return colour.convert("RGB")
    assert converted is not None  # only an in-place conversion returns None
    return converted


@lru_cache(maxsize=1)
def _srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # not the time of this run
    return bytes(profile)


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info.clear()
    return image


def check_output(path: FilePath) -> str:
    """Pillow's name of the format that `path` asks for; raises `OutputError` if there is none.

    Worth asking before the work of which `path` shall hold the result.
    """
    if "://" in os.fspath(path):
        raise OutputError("this is a URL", path=path, remedy="Give the path of a file.")
    image_format = _WRITERS.get(Path(path).suffix.lower())
    if image_format is None:
        raise OutputError(
            "the extension names no format that is written",
            path=path,
            remedy=f"Choose one of {', '.join(_WRITERS)}.",
        )
    return image_format


def save_image(
    image: Image.Image,
    path: FilePath,
    *,
    parameters: Mapping[str, Any] | None = None,
    digital_source_type: DigitalSourceType = "compositeWithTrainedAlgorithmicMedia",
    quality: int = 95,
    provenance: bool = True,
) -> Path:
    """Write a picture at its own size; the file is there whole, or not at all. Returns its path.

    The extension chooses the format: .jpg and .jpeg (4:4:4), .png (exact), .webp (lossy, which
    always halves the resolution of colour: prefer the others where small print matters). Missing
    folders are made. The file says that it is sRGB and carries nothing else of `image.info`, so
    neither EXIF nor GPS.

    Args:
        image: RGB; also L for .jpg and .png, RGBA for .png and .webp.
        parameters: what the picture was made with, as JSON values, to be read back by
            `tryon.provenance.read_provenance`; None records nothing.
        digital_source_type: IPTC's term for how the picture came about.
        quality: 1-100, of JPEG and WebP.
        provenance: False leaves out the whole mark, parameters included.

    Raises:
        OutputError: an unknown extension, or the file cannot be written.
        OptionError: `quality`, `digital_source_type` or `parameters` are not as above.
    """
    target = Path(path)
    image_format = check_output(path)
    _check_writable(image, image_format, path)
    if not 1 <= quality <= 100:
        raise OptionError(f"quality is {quality}", remedy="Choose 1 to 100.")
    options: dict[str, Any] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        # Photos get no smaller by searching further back than the last pixel: 3 times faster.
        "PNG": {"compress_level": 1, "compress_type": zlib.Z_RLE},
        "WEBP": {"quality": quality, "method": 2},
    }[image_format]
    if image.mode != "L":
        options["icc_profile"] = _srgb_profile()
    if provenance:
        packet = xmp_packet(digital_source_type, f"tryon {__version__}", parameters)
        options |= _xmp_option(image_format, packet)
    bare = _without_metadata(image.copy())  # Pillow would write a comment of the input again
    _write(bare, target, image_format, options)
    return target


def _check_writable(image: Image.Image, image_format: str, path: FilePath) -> None:
    if image.mode not in _WRITABLE_MODES[image_format] or 0 in image.size:
        raise OutputError(
            f"{image_format} is not written for {image.mode} pictures of"
            f" {image.width} x {image.height} pixels",
            path=path,
            remedy="Convert the picture to RGB.",
        )


def _xmp_option(image_format: str, packet: bytes) -> dict[str, Any]:
    if image_format != "PNG":
        return {"xmp": packet}
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet.decode())
    return {"pnginfo": chunks}


def _write(image: Image.Image, path: Path, image_format: str, options: dict[str, Any]) -> None:
    """Under another name in the same folder first, so that no reader meets half a picture."""
    unfinished = path.with_name(f".{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by tempfile, whose files nobody else may read (0600).
        with open(unfinished, "xb") as file:
            image.save(file, format=image_format, **options)
        os.replace(unfinished, path)
    except (OSError, ValueError) as error:  # ValueError: too large for the format, or a bad path
        raise OutputError(
            f"the picture cannot be written ({getattr(error, 'strerror', None) or error})",
            path=path,
            remedy="Check rights and free space; a picture too large for its format fits in .png.",
        ) from error
    finally:
        with suppress(OSError, ValueError):
            unfinished.unlink()
