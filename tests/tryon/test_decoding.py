"""Broken, odd and hostile files: each gives the right pixels or one error of our tree."""

from __future__ import annotations

import builtins
import errno
import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from tryon.errors import (
    ImageAnimatedError,
    ImageError,
    ImageFormatError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageTruncatedError,
    OptionError,
)
from tryon.images import load_image

FORMATS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG"},
    "jpeg-progressive": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "webp": {"format": "WEBP"},
    "webp-lossless": {"format": "WEBP", "lossless": True},
    "avif": {"format": "AVIF"},
    "tiff": {"format": "TIFF"},
    "tiff-lzw": {"format": "TIFF", "compression": "tiff_lzw"},
    "tiff-jpeg": {"format": "TIFF", "compression": "jpeg"},
    "bmp": {"format": "BMP"},
}
every_format = pytest.mark.parametrize("name", FORMATS)


def picture(width: int = 61, height: int = 43) -> Image.Image:
    """No symmetry, every channel different."""
    y, x = np.mgrid[:height, :width]
    channels = (255 * x / width, 255 * y / height, 127 + 127 * np.sin(x * y / 200))
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds one row."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def exif_with(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(data: bytes, name: str = "picture.jpg") -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@every_format
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tiff", ".txt", ""])
def test_the_content_decides_not_the_extension(
    name: str, extension: str, file: Callable[..., Path]
) -> None:
    data = encoded(picture(), **FORMATS[name])
    image = load_image(file(data, f"picture{extension}"))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), pixels(data))


@every_format
@pytest.mark.parametrize("part", [0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999])
def test_a_cut_off_file_is_refused_or_was_whole(
    name: str, part: float, file: Callable[..., Path]
) -> None:
    data = encoded(picture(), **FORMATS[name])
    path = file(data[: int(part * len(data))])
    try:
        image = load_image(path)
    except ImageError as error:
        assert str(path) in str(error)
        assert error.remedy
    else:
        assert part > 0.9, "only the end of the file may go unnoticed"
        np.testing.assert_array_equal(np.asarray(image), pixels(data))


@every_format
@pytest.mark.parametrize("action", ["ignore", "error"])
def test_flipped_bytes_give_a_picture_or_an_image_error(
    name: str, action: str, file: Callable[..., Path]
) -> None:
    """With warnings ignored more of the decoders runs; as errors they, too, must stay inside."""
    original = encoded(picture(), exif=exif_with(6), **FORMATS[name])
    random = np.random.default_rng(sum(name.encode()))
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter(action)  # type: ignore[arg-type]
        for _ in range(60):
            data = bytearray(original)
            # Half of the flips hit the first bytes, where sizes, offsets and types are.
            end = len(data) if random.random() < 0.5 else min(200, len(data))
            for place in random.integers(0, end, random.integers(1, 9)):
                data[place] = random.integers(256)
            try:
                image = load_image(file(bytes(data)))
            except ImageError:
                refused += 1
            else:
                assert image.mode == "RGB"
                assert image.width * image.height <= 64_000_000
    assert refused > 0


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


def bombs() -> dict[str, bytes]:
    """Small files that claim huge pictures."""
    size = picture().size
    small = {name: encoded(picture(), **options) for name, options in FORMATS.items()}
    frame_header = b"\x11\x08" + struct.pack(">HH", size[1], size[0])
    return {
        "png": png_of(20000, 20000),
        "png-beyond-32-bit": png_of(2**31 - 1, 2**31 - 1),
        "jpeg": patched(
            small["jpeg"], frame_header, b"\x11\x08" + struct.pack(">HH", 65000, 65000)
        ),
        "bmp": patched(small["bmp"], struct.pack("<II", *size), struct.pack("<II", 20000, 20000)),
        "tiff": patched(
            patched(small["tiff"], *(struct.pack("<HHII", 256, 4, 1, v) for v in (size[0], 20000))),
            *(struct.pack("<HHII", 257, 4, 1, v) for v in (size[1], 20000)),
        ),
        "webp": patched(
            small["webp-lossless"],
            b"\x2f" + struct.pack("<I", size[0] - 1 | size[1] - 1 << 14),
            b"\x2f" + struct.pack("<I", 16382 | 16382 << 14),
        ),
        "avif": patched(
            small["avif"],
            b"ispe\0\0\0\0" + struct.pack(">II", *size),
            b"ispe\0\0\0\0" + struct.pack(">II", 16000, 16000),
        ),
    }


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_before_anything_is_decoded(
    name: str, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageTooLargeError, match="million allowed. Scale it down"):
        load_image(file(bombs()[name]))
    assert limit == Image.MAX_IMAGE_PIXELS


@every_format
def test_the_cap_is_ours_and_not_pillows(
    name: str, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(encoded(picture(60, 40), **FORMATS[name]))
    assert load_image(path, max_pixels=2400).size == (60, 40)
    with pytest.raises(ImageTooLargeError):
        load_image(path, max_pixels=2399)
    with pytest.raises(ImageTooLargeError):
        load_image(picture(60, 40), max_pixels=2399)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    if name.startswith("tiff"):  # here Pillow cannot be kept from asking its own
        with pytest.raises(ImageTooLargeError):
            load_image(path)
    else:
        assert load_image(path).size == (60, 40)


def test_a_file_with_far_more_bytes_than_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "padded.bmp"
    path.write_bytes(encoded(picture(), format="BMP"))
    os.truncate(path, 10 << 30)  # sparse
    with pytest.raises(ImageTooLargeError, match="MiB"):
        load_image(path)


STRANGERS = {
    "gif": (encoded(picture(), format="GIF"), "a GIF", "PNG"),
    "photoshop": (b"8BPS\0\1" + bytes(100), "a Photoshop document", "Export"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "a HEIC photo", "Compatible"),
    "heif": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100), "a HEIC photo", "JPEG"),
    "pdf": (b"%PDF-1.7" + bytes(100), "a PDF", "Export"),
    "html": (b"<!DOCTYPE html><title>404</title>", "HTML", "error page"),
    "html-with-mark": (b"\xef\xbb\xbf\n <html></html>", "HTML", "error page"),
    "svg": (b"<?xml version='1.0'?><svg/>", "SVG", "PNG"),
    "text": (b"BMW is a car", "not JPEG, PNG, WebP", "Save it as"),
    "jpeg-2000": (encoded(picture(), format="JPEG2000"), "not JPEG", "Save it as"),
    "icon": (encoded(picture(), format="ICO"), "not JPEG", "Save it as"),
    "zeros": (bytes(1000), "not JPEG", "Save it as"),
    "one-byte": (b"\xff", "not JPEG", "Save it as"),
    "netpbm": (encoded(picture(), format="PPM"), "not JPEG", "Save it as"),
    "wave": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(30), "not JPEG", "Save it as"),
    "video": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(30), "not JPEG", "Save it as"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_another_format_is_named_with_a_remedy(name: str, file: Callable[..., Path]) -> None:
    data, reason, remedy = STRANGERS[name]
    path = file(data, "photo.jpg")
    with pytest.raises(ImageFormatError) as caught:
        load_image(path)
    assert reason in caught.value.reason
    assert remedy in (caught.value.remedy or "")
    assert caught.value.path == str(path)


BROKEN = {
    "empty": b"",
    "jpeg-signature": b"\xff\xd8\xff",
    "jpeg-no-scan": encoded(picture(), format="JPEG")[:200] + b"\xff\xd9",
    "png-signature": b"\x89PNG\r\n\x1a\n",
    "png-no-data": png_of(10, 10)[:33] + chunk(b"IEND", b""),
    "png-too-few-rows": png_of(100, 100),
    "png-bad-checksum": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" + bytes(17),
    "png-no-pixels": png_of(0, 0),
    "png-text-bomb": b"\x89PNG\r\n\x1a\n"
    + png_of(1, 1)[8:33]
    + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))
    + png_of(1, 1)[33:],
    "webp-signature": b"RIFF\x24\0\0\0WEBP",
    "webp-zeros": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(28),
    "avif-signature": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "tiff-signature": b"II*\0",
    "tiff-directory-beyond-the-end": b"II*\0\xff\xff\xff\x7f",
    "tiff-directory-loop": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "bmp-header": b"BM" + bytes(12) + b"\x28\0\0\0",
    "bmp-odd-depth": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 7, *[0] * 6),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(name: str, file: Callable[..., Path]) -> None:
    path = file(BROKEN[name])
    with pytest.raises(ImageTruncatedError) as caught:
        load_image(path)
    assert caught.value.path == str(path)


def test_what_does_not_fit_in_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", exhausted)
    with pytest.raises(ImageTooLargeError, match="memory"):
        load_image(picture())


@pytest.mark.parametrize(
    "path",
    [
        "https://shop.example/person.jpg",
        "HTTP://shop.example/person.jpg",
        "s3://bucket/person.jpg",
        "file:///tmp/person.jpg",
        "data:image/png;base64,iVBORw0KGgo=",
    ],
)
def test_urls_are_never_fetched(path: str) -> None:
    with pytest.raises(ImageNotFoundError, match="URL.*Download"):
        load_image(path)


@pytest.mark.parametrize("name", ["missing.jpg", "", "null\0.jpg", "a" * 5000, "file.jpg/inside"])
def test_a_path_that_leads_nowhere_is_not_found(
    name: str, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file(b"x", "file.jpg").parent)
    with pytest.raises(ImageNotFoundError, match="Check its path"):
        load_image(name)


def test_a_folder_is_not_an_image(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match="folder"):
        load_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageNotFoundError, match="regular"):
        load_image(tmp_path / "pipe.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_no_permission(file: Callable[..., Path]) -> None:
    path = file(encoded(picture(), format="PNG"))
    path.chmod(0)
    with pytest.raises(ImageNotFoundError, match="ermission"):
        load_image(path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE])
def test_what_the_system_will_not_open_is_named(
    number: int, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    path = file(encoded(picture(), format="PNG"))
    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(ImageNotFoundError, match=os.strerror(number)):
        load_image(path)


@pytest.mark.parametrize(
    "given",
    [
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: np.asarray(Image.open(path)),
    ],
    ids=["bytes", "bytearray", "stream", "array"],
)
def test_what_is_in_memory_is_a_picture_too(
    given: Callable[[Path], Any], file: Callable[..., Path]
) -> None:
    path = file(encoded(picture(), format="PNG"))
    source = given(path)
    assert load_image(source).tobytes() == load_image(path).tobytes()


def test_an_array_may_have_opacity_or_be_grey() -> None:
    clear = np.zeros((4, 5, 4), np.uint8)
    assert load_image(clear).getpixel((0, 0)) == (255, 255, 255)
    assert load_image(np.full((4, 5), 7, np.uint8)).getpixel((4, 3)) == (7, 7, 7)


def test_a_broken_stream_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "half.png").write_bytes(encoded(picture(), format="PNG")[:60])
    with (tmp_path / "half.png").open("rb") as half, pytest.raises(ImageTruncatedError) as told:
        load_image(half)
    assert told.value.path == str(tmp_path / "half.png")
    with pytest.raises(ImageTruncatedError, match="empty"):
        load_image(io.BytesIO())
    with pytest.raises(ImageTooLargeError):
        load_image(bytes(65 << 20), max_pixels=100)


async def upload() -> bytes:
    return b""


@pytest.mark.parametrize(
    ("source", "helps"),
    [
        (None, "a path, a PIL.Image, a uint8 array, bytes"),
        (7, "a path, a PIL.Image, a uint8 array, bytes"),
        (io.StringIO("text"), r"open\(path, 'rb'\)"),
        (SimpleNamespace(read=lambda size: upload()), "await upload.read"),
        (np.zeros((4, 4, 3), np.float32), r"array \* 255"),
        (np.zeros((4, 4), bool), r"astype\('uint8'\) \* 255"),
        (np.zeros((3, 8, 8), np.uint8), "transpose"),
        (np.zeros((1, 8, 8, 3), np.uint8), r"array\[0\]"),
        (np.zeros((8, 8, 2), np.uint8), "3 channels"),
        (np.zeros((0, 8, 3), np.uint8), "3 channels"),
    ],
)
def test_what_is_no_picture_is_an_option_error_that_helps(source: Any, helps: str) -> None:
    with pytest.raises(OptionError, match=helps):
        load_image(source)


def frames(count: int = 3) -> dict[str, Any]:
    rest = [picture().rotate(90 * turn) for turn in range(1, count)]
    return {"save_all": True, "append_images": rest}


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_animations_and_pages_are_refused(image_format: str, file: Callable[..., Path]) -> None:
    data = encoded(picture(), format=image_format, **frames())
    with pytest.raises(ImageAnimatedError, match="3 frames or pages"):
        load_image(file(data))
    with Image.open(io.BytesIO(data)) as image, pytest.raises(ImageAnimatedError):
        load_image(image)


@pytest.mark.parametrize("opened", [False, True])
def test_a_phone_jpeg_with_several_pictures_is_its_first(
    opened: bool, file: Callable[..., Path]
) -> None:
    path = file(encoded(picture(), format="MPO", **frames(2)))
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 2
        expected = np.asarray(image.convert("RGB"))
        result = load_image(image if opened else path)
    np.testing.assert_array_equal(np.asarray(result), expected)


def test_the_preview_in_a_raw_file_is_not_taken_for_the_photo(file: Callable[..., Path]) -> None:
    data = encoded(picture(), format="TIFF", tiffinfo={254: 1})
    with pytest.raises(ImageFormatError, match="preview.*raw"):
        load_image(file(data))


# What EXIF says each orientation does to the stored array, in numpy's words.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["jpeg", "png", "webp-lossless", "tiff", "tiff-lzw", "avif"])
@pytest.mark.parametrize("opened", [False, True])
def test_the_picture_is_turned_upright_once(
    name: str, orientation: int, opened: bool, file: Callable[..., Path]
) -> None:
    stored = pixels(encoded(picture(), **FORMATS[name]))
    path = file(encoded(picture(), exif=exif_with(orientation), **FORMATS[name]))
    with Image.open(path) as image:
        result = load_image(image if opened else path)
    np.testing.assert_array_equal(np.asarray(result), UPRIGHT[orientation](stored))
    assert dict(result.getexif()) == {}
    np.testing.assert_array_equal(np.asarray(load_image(result)), np.asarray(result))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_is_upright(orientation: int, file: Callable[..., Path]) -> None:
    data = encoded(picture(), format="JPEG", exif=exif_with(orientation))
    np.testing.assert_array_equal(np.asarray(load_image(file(data))), pixels(data))


def test_broken_exif_is_left_out_of_account(
    file: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    data = encoded(picture(), format="PNG", exif=b"Exif\0\0no EXIF at all")
    result = load_image(file(data))
    np.testing.assert_array_equal(np.asarray(result), np.asarray(picture()))
    assert "EXIF" in caplog.text


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's own, while opening a JPEG
def test_a_jpeg_with_exif_that_ends_early_loads(file: Callable[..., Path]) -> None:
    data = encoded(picture(), format="JPEG", exif=exif_with(6).tobytes()[:-8])
    assert load_image(file(data)).size in {(61, 43), (43, 61)}
