"""Colours, transparency, masks and files written: each against values worked out here."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from tryon.errors import (
    ImageAnimatedError,
    ImageFormatError,
    ImageTooLargeError,
    ImageTruncatedError,
    MaskEmptyError,
    MaskSizeError,
    OptionError,
    OutputError,
)
from tryon.images import check_output, load_cutout, load_image, load_mask, save_image
from tryon.provenance import Provenance, read_provenance

RED, GREEN, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (255, 255, 255), (0, 0, 0)


def picture(width: int = 61, height: int = 43) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    channels = (255 * x / width, 255 * y / height, 127 + 127 * np.sin(x * y / 200))
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def png(depth: int, colour_type: int, width: int, rows: list[bytes], **chunks: bytes) -> bytes:
    """A PNG written by hand: Pillow writes neither 16-bit RGB nor 2-bit grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
    body = b"".join(chunk(kind.encode(), data) for kind, data in chunks.items())
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + body
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def row(mode: str, *values: Any) -> Image.Image:
    """One pixel high."""
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)
    return image


def colours(image: Image.Image) -> list[tuple[int, ...]]:
    return [tuple(pixel) for line in np.asarray(image).tolist() for pixel in line]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        (tmp_path / "picture").write_bytes(data)
        return tmp_path / "picture"

    return write


def palette_row(**options: Any) -> bytes:
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLACK])
    image.putdata([0, 1, 2])
    return encoded(image, format="PNG", **options)


def sixteen_bit(mode: str, *values: int) -> Image.Image:
    return Image.fromarray(np.array([values], dtype="<u2" if mode == "I;16" else ">u2"))


# name: file, pixels over white
PICTURES: dict[str, tuple[bytes, list[tuple[int, ...]]]] = {
    "bilevel": (encoded(row("1", 255, 0), format="PNG"), [WHITE, BLACK]),
    "bilevel-tiff": (
        encoded(row("1", 255, 0), format="TIFF", compression="group4"),
        [WHITE, BLACK],
    ),
    "grey": (encoded(row("L", 7, 200), format="PNG"), [(7,) * 3, (200,) * 3]),
    "grey-2-bit": (png(2, 0, 4, [b"\x1b"]), [(0,) * 3, (85,) * 3, (170,) * 3, WHITE]),
    "grey-2-bit-transparent": (
        png(2, 0, 4, [b"\x1b"], tRNS=b"\0\1"),
        [BLACK, WHITE, (170,) * 3, WHITE],
    ),
    "grey-4-bit-transparent": (png(4, 0, 2, [b"\x28"], tRNS=b"\0\2"), [WHITE, (136,) * 3]),
    "grey-transparent": (png(8, 0, 2, [b"\x07\x09"], tRNS=b"\0\7"), [WHITE, (9,) * 3]),
    "bilevel-transparent": (png(1, 0, 2, [b"\x40"], tRNS=b"\0\0"), [WHITE, WHITE]),
    "grey-alpha": (
        encoded(row("LA", (0, 255), (0, 0), (100, 51)), format="PNG"),
        [BLACK, WHITE, (224,) * 3],
    ),
    "grey-16-bit": (
        encoded(sixteen_bit("I;16", 0, 128, 129, 40000, 65535), format="PNG"),
        [(0,) * 3, (0,) * 3, (1,) * 3, (156,) * 3, WHITE],
    ),
    "grey-16-bit-transparent": (
        png(16, 0, 2, [struct.pack(">2H", 40000, 40001)], tRNS=struct.pack(">H", 40000)),
        [WHITE, (156,) * 3],
    ),
    "grey-16-bit-tiff": (encoded(sixteen_bit("I;16", 40000), format="TIFF"), [(156,) * 3]),
    "grey-16-bit-tiff-big-endian": (
        encoded(sixteen_bit("I;16B", 40000), format="TIFF"),
        [(156,) * 3],
    ),
    "grey-alpha-16-bit": (
        png(16, 4, 2, [struct.pack(">4H", 0, 65535, 0, 0)]),
        [BLACK, WHITE],
    ),
    "rgb-16-bit": (
        png(16, 2, 2, [struct.pack(">6H", 0, 40000, 65535, 257, 514, 25700)]),
        [(0, 156, 255), (1, 2, 100)],
    ),
    "rgba-16-bit": (
        png(16, 6, 2, [struct.pack(">8H", 65535, 0, 0, 65535, 0, 0, 0, 0)]),
        [RED, WHITE],
    ),
    "palette": (palette_row(), [RED, GREEN, BLACK]),
    "palette-one-transparent": (palette_row(transparency=2), [RED, GREEN, WHITE]),
    "palette-half-transparent": (
        palette_row(transparency=b"\xff\x00\x33"),
        [RED, WHITE, (204,) * 3],
    ),
    "palette-bmp": (
        encoded(Image.open(io.BytesIO(palette_row())), format="BMP"),
        [RED, GREEN, BLACK],
    ),
    "rgba": (
        encoded(row("RGBA", (*RED, 255), (*BLACK, 0), (100, 0, 0, 51)), format="PNG"),
        [RED, WHITE, (224, 204, 204)],
    ),
    "rgba-webp": (
        encoded(row("RGBA", (*RED, 255), (*RED, 0)), format="WEBP", lossless=True),
        [RED, WHITE],
    ),
    "rgba-tiff": (encoded(row("RGBA", (*RED, 255), (*RED, 0)), format="TIFF"), [RED, WHITE]),
    "rgb-transparent": (
        encoded(row("RGB", RED, GREEN), format="PNG", transparency=GREEN),
        [RED, WHITE],
    ),
    "cmyk-tiff": (
        encoded(row("CMYK", (0, 255, 255, 0), (0, 0, 0, 255), (0, 0, 0, 0)), format="TIFF"),
        [RED, BLACK, WHITE],
    ),
    "one-pixel": (encoded(row("RGB", RED), format="PNG"), [RED]),
    "a-line": (encoded(row("RGB", *[RED] * 5000), format="PNG"), [RED] * 5000),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("opened", [False, True], ids=["path", "pil"])
def test_every_kind_of_pixel_becomes_rgb(
    name: str, opened: bool, file: Callable[[bytes], Path]
) -> None:
    data, expected = PICTURES[name]
    with Image.open(file(data)) as image:
        transparency = image.info.get("transparency")
        result = load_image(image if opened else file(data))
        assert image.info.get("transparency") == transparency
    assert result.mode == "RGB"
    assert result.info == {}
    assert type(result) is Image.Image  # nothing that holds a file
    assert colours(result) == expected


@pytest.mark.parametrize(
    "image",
    [
        row("RGBa", (255, 0, 0, 255)),
        row("RGBX", (255, 0, 0, 0)),
        row("HSV", (0, 255, 255)),
        row("RGBA", (255, 0, 0, 255)),
    ],
    ids=lambda image: image.mode,
)
def test_modes_that_only_pil_images_have(image: Image.Image) -> None:
    assert colours(load_image(image)) == [RED]


def test_cmyk_jpeg(file: Callable[[bytes], Path]) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), format="JPEG", quality=100)
    result = np.asarray(load_image(file(data)), dtype=int)
    assert np.abs(result - RED).max() <= 3


@pytest.mark.parametrize(
    "image",
    [
        Image.new("F", (4, 4), 0.5),
        Image.new("I", (4, 4), 70000),
        Image.fromarray(np.zeros((4, 4), np.int32)),
        Image.new("LAB", (4, 4)),
    ],
    ids=["float", "integer", "int32", "lab"],
)
def test_pixels_without_a_defined_range_are_refused_by_name(
    image: Image.Image, file: Callable[[bytes], Path]
) -> None:
    for source in (image, file(encoded(image, format="TIFF"))):
        with pytest.raises(ImageFormatError, match=f"mode {image.mode} .*8 or 16 bits"):
            load_image(source)


def test_the_callers_image_is_left_as_it_was() -> None:
    image = picture()
    image.info |= {"comment": b"mine", "dpi": (72, 72)}
    exif = image.getexif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    before, info = image.tobytes(), dict(image.info)
    result = load_image(image)
    assert result.size == (43, 61)
    result.paste(RED, (0, 0, 43, 61))
    assert (image.tobytes(), image.info, image.size) == (before, info, (61, 43))
    assert image.getexif()[0x0112] == 6
    plain = picture()
    assert load_image(plain) is not plain
    load_image(plain).paste(RED, (0, 0, 9, 9))
    assert plain.tobytes() == before


def test_a_pil_image_that_cannot_be_read_any_more(file: Callable[[bytes], Path]) -> None:
    with Image.open(file(encoded(picture(), format="PNG"))) as image:
        pass
    with pytest.raises(ImageTruncatedError):
        load_image(image)


def curve_tag(gamma: float) -> bytes:
    return struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"


def xyz_tag(*xyz: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in xyz)


def description_tag(name: str) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(79)


def icc_profile(kind: bytes, space: bytes, connection: bytes, **tags: bytes) -> bytes:
    """A small ICC version 2 profile (specification ICC.1:2001-04)."""
    tags = {"desc": description_tag("test"), "wtpt": xyz_tag(0.9642, 1.0, 0.8249)} | tags
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for signature, content in tags.items():
        content += bytes(-len(content) % 4)
        table += signature.encode() + struct.pack(">II", start + len(data), len(content))
        data += content
    header = struct.pack(
        ">I4xI4s4s4s12x4s", start + len(data), 0x02100000, kind, space, connection, b"acsp"
    )
    header += bytes(68 - len(header)) + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def wide_gamut_profile(name: str = "test") -> bytes:
    """Adobe RGB (1998): its primaries adapted to D50, gamma 563/256."""
    return icc_profile(
        b"mntr",
        b"RGB ",
        b"XYZ ",
        desc=description_tag(name),
        rXYZ=xyz_tag(0.60974, 0.31111, 0.01947),
        gXYZ=xyz_tag(0.20528, 0.62567, 0.06087),
        bXYZ=xyz_tag(0.14919, 0.06322, 0.74457),
        **{name: curve_tag(563 / 256) for name in ("rTRC", "gTRC", "bTRC")},
    )


def grey_profile() -> bytes:
    """Grey with a linear curve."""
    return icc_profile(b"mntr", b"GRAY", b"XYZ ", kTRC=curve_tag(1.0))


def cmyk_profile() -> bytes:
    """Ink C alone is Lab (50, -40, -40), any other is black; the paper is yellowish."""
    grid = []
    for index in range(16):
        c, m, y, k = (index >> 3 & 1, index >> 2 & 1, index >> 1 & 1, index & 1)
        light = 255 if not (c or m or y or k) else 128 if c and not (m or y or k) else 0
        a = b = 88 if light == 128 else 128
        grid += [light, a, b]
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix
    table += identity * 4 + bytes(grid) + identity * 3
    paper = xyz_tag(0.85, 0.9, 0.6)
    return icc_profile(b"prtr", b"CMYK", b"Lab ", wtpt=paper, A2B0=table, A2B1=table)


def srgb_of_xyz(xyz: np.ndarray) -> np.ndarray:
    """uint8 sRGB of D50 XYZ (Bradford-adapted matrix of Bruce Lindbloom)."""
    matrix = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    linear = np.clip(np.asarray(matrix) @ xyz, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded))


def assert_close(image: Image.Image, expected: np.ndarray, tolerance: int = 2) -> None:
    found = np.asarray(image, dtype=int)[0, 0]
    assert np.abs(found - expected).max() <= tolerance, (found, expected)


@pytest.mark.parametrize("colour", [(128, 128, 128), (90, 160, 110), (200, 90, 80), (20, 40, 60)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_wide_gamut_colours_become_srgb(
    image_format: str, colour: tuple[int, ...], file: Callable[[bytes], Path]
) -> None:
    options = {"WEBP": {"lossless": True}}.get(image_format, {"quality": 100})
    image = Image.new("RGB", (32, 32), colour)
    data = encoded(image, format=image_format, icc_profile=wide_gamut_profile(), **options)
    primaries = [
        [0.60974, 0.20528, 0.14919],
        [0.31111, 0.62567, 0.06322],
        [0.01947, 0.06087, 0.74457],
    ]
    expected = srgb_of_xyz(np.asarray(primaries) @ (np.asarray(colour) / 255) ** (563 / 256))
    assert_close(load_image(file(data)), expected, tolerance=4)
    cutout = Image.merge("RGBA", (*image.split(), Image.new("L", image.size, 77)))
    cutout.info["icc_profile"] = wide_gamut_profile()
    assert_close(load_cutout(cutout), np.array([*expected, 77]))


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile_counts(mode: str) -> None:
    image = {
        "L": row("L", 64),
        "LA": row("LA", (64, 255)),
        "I;16": sixteen_bit("I;16", 64 * 257),
    }[mode]
    image.info["icc_profile"] = grey_profile()
    linear = 64 / 255
    assert_close(load_image(image), np.full(3, round(255 * (1.055 * linear ** (1 / 2.4) - 0.055))))


@pytest.mark.parametrize("image_format", ["TIFF", "JPEG"])
def test_cmyk_goes_through_its_profile(image_format: str, file: Callable[[bytes], Path]) -> None:
    image = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    data = encoded(image, format=image_format, icc_profile=cmyk_profile(), quality=100)
    lab = np.array([128 / 2.55, 88 - 128, 88 - 128])
    f = (lab[0] + 16) / 116 + np.array([lab[1] / 500, 0, -lab[2] / 200])
    xyz = np.array([0.9642, 1.0, 0.8249]) * np.where(
        f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2
    )
    result = load_image(file(data))
    assert_close(result, srgb_of_xyz(xyz), tolerance=4)
    assert (
        np.asarray(result)[0, 0, 0] < 20 < 100 < np.asarray(result)[0, 0, 1]
    )  # not naive (0, 255, 255)


def test_the_paper_of_a_cmyk_picture_is_white() -> None:
    image = row("CMYK", (0, 0, 0, 0), (0, 0, 0, 255))
    image.info["icc_profile"] = cmyk_profile()
    assert colours(load_image(image)) == [WHITE, BLACK]


def test_a_profile_called_srgb_changes_nothing() -> None:
    """Profiles of that name differ in rounding only, which is not worth a change of every pixel."""
    image = picture()
    image.info["icc_profile"] = wide_gamut_profile("sRGB IEC61966-2.1")
    assert load_image(image).tobytes() == picture().tobytes()


@pytest.mark.parametrize("profile", [b"no profile", grey_profile(), grey_profile()[:150]])
def test_a_profile_that_does_not_fit_is_left_out_of_account(
    profile: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    image = picture()
    image.info["icc_profile"] = profile
    assert load_image(image).tobytes() == picture().tobytes()
    assert "ICC profile ignored" in caplog.text


def test_a_cutout_keeps_its_transparency(file: Callable[[bytes], Path]) -> None:
    layer = row("RGBA", (*RED, 255), (*GREEN, 0), (10, 20, 30, 128))
    result = load_cutout(file(encoded(layer, format="PNG")))
    assert (result.mode, result.info) == ("RGBA", {})
    assert colours(result) == [(*RED, 255), (*GREEN, 0), (10, 20, 30, 128)]
    palette = load_cutout(file(palette_row(transparency=b"\xff\x00\x33")))
    assert colours(palette) == [(*RED, 255), (*GREEN, 0), (*BLACK, 51)]


def test_a_cutout_of_an_opaque_photo_is_opaque(file: Callable[[bytes], Path]) -> None:
    data = encoded(picture(), format="JPEG")
    result = load_cutout(file(data))
    assert result.getchannel("A").getextrema() == (255, 255)
    assert result.convert("RGB").tobytes() == load_image(file(data)).tobytes()
    with pytest.raises(ImageTooLargeError):
        load_cutout(file(data), max_pixels=100)


MASKS = {
    "grey": (row("L", 0, 100, 255), [0, 100, 255]),
    "bilevel": (row("1", 0, 255), [0, 255]),
    "rgb": (row("RGB", BLACK, WHITE, (90, 90, 90)), [0, 255, 90]),
    "red-on-black": (row("RGB", RED, BLACK, (0, 0, 200)), [255, 0, 200]),
    "opaque-rgba": (row("RGBA", (*WHITE, 255), (*BLACK, 255)), [255, 0]),
    "black-strokes": (row("RGBA", (*BLACK, 255), (*BLACK, 0), (*BLACK, 90)), [255, 0, 90]),
    "white-strokes": (row("RGBA", (*WHITE, 255), (*WHITE, 0)), [255, 0]),
    "red-strokes": (row("RGBA", (*RED, 255), (0, 0, 0, 0)), [255, 0]),
    "grey-strokes": (row("LA", (9, 255), (9, 0)), [255, 0]),
    "sixteen-bit": (sixteen_bit("I;16", 0, 40000, 65535), [0, 156, 255]),
    "palette": (Image.open(io.BytesIO(palette_row())), [255, 255, 0]),
    "cmyk": (row("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)), [255, 0]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_of_every_kind(name: str, file: Callable[[bytes], Path]) -> None:
    image, expected = MASKS[name]
    suffix = "TIFF" if image.mode == "CMYK" else "PNG"
    for source in (image, file(encoded(image, format=suffix))):
        mask = load_mask(source, image.size)
        assert (mask.mode, mask.info, mask.size) == ("L", {}, image.size)
        assert np.asarray(mask)[0].tolist() == expected


def test_a_mask_is_data_and_no_colour() -> None:
    image = row("L", 64, 255)
    image.info["icc_profile"] = grey_profile()
    assert np.asarray(load_mask(image, (2, 1)))[0].tolist() == [64, 255]


def test_a_mask_may_be_as_large_as_its_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryon.images.MAX_PIXELS", 50)
    assert load_mask(Image.new("L", (10, 10), 255), (10, 10)).size == (10, 10)
    with pytest.raises(ImageTooLargeError):
        load_mask(Image.new("L", (11, 10), 255), (10, 10))


def test_a_mask_of_another_size_is_refused(file: Callable[[bytes], Path]) -> None:
    path = file(encoded(Image.new("L", (30, 20), 255), format="PNG"))
    with pytest.raises(MaskSizeError, match="30 x 20 pixels, the photo 20 x 30") as caught:
        load_mask(path, (20, 30))
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (4, 4), 0),
        Image.fromarray(np.eye(4, dtype=np.uint8)),
        Image.new("RGBA", (4, 4), (255, 255, 255, 0)),
    ],
    ids=["black", "zero-and-one", "transparent"],
)
def test_a_mask_that_repaints_nothing_is_refused(image: Image.Image) -> None:
    with pytest.raises(MaskEmptyError, match="brightest value is [01] of 255"):
        load_mask(image, (4, 4))


def test_an_animated_mask_is_refused(file: Callable[[bytes], Path]) -> None:
    data = encoded(
        picture(), format="PNG", save_all=True, append_images=[Image.new("RGB", (61, 43))]
    )
    with pytest.raises(ImageAnimatedError):
        load_mask(file(data), (61, 43))


# ---------------------------------------------------------------------------------- writing


def sensitive(image: Image.Image) -> Image.Image:
    """With everything in `info` that a phone's photo brings along."""
    exif = image.getexif()
    exif[0x0110] = "Secret phone"
    exif.get_ifd(0x8825)[1] = "N"
    text = PngInfo()
    text.add_text("Comment", "Secret comment")
    image.info |= {
        "exif": exif.tobytes(),
        "comment": b"Secret comment",
        "xmp": b"<Secret/>",
        "dpi": (301, 301),
        "icc_profile": wide_gamut_profile(),
        "transparency": RED,
        "pnginfo": text,
    }
    return image


@pytest.mark.parametrize("extension", [".png", ".PNG", ".jpg", ".jpeg", ".webp"])
def test_what_is_written_is_read_again(extension: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / f"look{extension}"
    assert save_image(picture(), path) == path
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    result = load_image(path)
    error = np.abs(np.asarray(result, dtype=int) - np.asarray(picture(), dtype=int))
    assert result.size == (61, 43)
    if extension.lower() == ".png":
        assert error.max() == 0
    else:
        assert error.mean() < 2
    expected = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    with Image.open(path) as image:
        assert image.format == expected[extension.lower()]


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("provenance", [True, False])
def test_nothing_of_the_input_is_copied(extension: str, provenance: bool, tmp_path: Path) -> None:
    image = sensitive(picture())
    info = dict(image.info)
    path = save_image(image, tmp_path / f"look{extension}", provenance=provenance)
    data = path.read_bytes()
    assert b"Secret" not in data
    assert wide_gamut_profile()[128:200] not in data
    assert image.info == info
    with Image.open(path) as written:
        assert dict(written.getexif()) == {}
        assert written.info.get("dpi") is None
        assert not written.has_transparency_data
        profile = ImageCms.ImageCmsProfile(io.BytesIO(written.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_jpeg_keeps_the_full_resolution_of_colour(tmp_path: Path) -> None:
    with Image.open(save_image(picture(), tmp_path / "look.jpg")) as image:
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp"])
def test_the_same_picture_gives_the_same_bytes(extension: str, tmp_path: Path) -> None:
    one, two = (
        save_image(picture(), tmp_path / f"{name}{extension}", parameters={"seed": 1})
        for name in "ab"
    )
    assert one.read_bytes() == two.read_bytes()
    with Image.open(one) as image:  # an ICC profile holds its date; ours must not be today's
        assert struct.unpack(">6H", image.info["icc_profile"][24:36]) == (2000, 1, 1, 0, 0, 0)


def test_quality_matters(tmp_path: Path) -> None:
    for extension in (".jpg", ".webp"):
        low = save_image(picture(), tmp_path / f"low{extension}", quality=20)
        high = save_image(picture(), tmp_path / f"high{extension}")
        assert low.stat().st_size < high.stat().st_size


@pytest.mark.parametrize(("mode", "extension"), [("L", ".png"), ("L", ".jpg"), ("RGBA", ".png")])
def test_masks_and_cutouts_can_be_written(mode: str, extension: str, tmp_path: Path) -> None:
    image = ImageOps.grayscale(picture()) if mode == "L" else load_cutout(picture())
    path = save_image(image, tmp_path / f"look{extension}", provenance=False)
    with Image.open(path) as written:
        assert written.mode == mode
        assert ("icc_profile" in written.info) == (mode != "L")  # an RGB profile fits no grey
        if extension == ".png":
            assert written.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (Image.new("RGBA", (4, 4)), "look.jpg"),
        (Image.new("L", (4, 4)), "look.webp"),
        (Image.new("CMYK", (4, 4)), "look.jpg"),
        (Image.new("F", (4, 4)), "look.png"),
        (Image.new("RGB", (0, 4)), "look.png"),
        (Image.new("RGB", (65536, 1)), "look.jpg"),
        (Image.new("RGB", (16384, 1)), "look.webp"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.mode}-{value.width}",
)
def test_what_a_format_cannot_hold_is_refused(
    image: Image.Image, name: str, tmp_path: Path
) -> None:
    with pytest.raises(OutputError):
        save_image(image, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["look.gif", "look", "look.tiff", "look.png.exe", ".png"])
def test_other_extensions_are_refused_with_the_choices(name: str, tmp_path: Path) -> None:
    for write in (lambda path: save_image(picture(), path), check_output):
        with pytest.raises(OutputError, match=r"\.jpg, \.jpeg, \.png, \.webp"):
            write(tmp_path / "made" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_url_is_no_place_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="URL"):
        save_image(picture(), "s3://bucket/look.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(quality: int, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="1 to 100"):
        save_image(picture(), tmp_path / "look.jpg", quality=quality)


class Halfway:
    """Stands in for `Image.save`: writes a few bytes, then fails."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def __call__(self, file: Any, **options: Any) -> None:
        file.write(b"half a picture")
        file.flush()
        raise self.failure


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        OSError(28, "No space left on device"),
        ValueError("encoder"),
        KeyboardInterrupt(),
        MemoryError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_nothing_half_written_stays(
    failure: BaseException, existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "look.png"
    if existing:
        path.write_bytes(b"the old one")
    monkeypatch.setattr(Image.Image, "save", lambda self, *a, **k: Halfway(failure)(*a, **k))
    named = isinstance(failure, OSError | ValueError)
    with pytest.raises(OutputError if named else type(failure)):
        save_image(picture(), path)
    assert [entry.name for entry in tmp_path.iterdir()] == (["look.png"] if existing else [])
    assert not existing or path.read_bytes() == b"the old one"


def test_the_last_step_can_fail_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="look.png.*Permission denied"):
        save_image(picture(), tmp_path / "look.png")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.iterdir())
    for name in ("file/look.png", "folder.png", "null\0.png", "a" * 300 + ".png"):
        with pytest.raises(OutputError):
            save_image(picture(), tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="ermission"):
        save_image(picture(), tmp_path / "look.png")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_others_may_read_the_file_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = save_image(picture(), tmp_path / "look.png")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_provenance_is_written_unless_it_is_not_wanted(tmp_path: Path) -> None:
    marked = save_image(picture(), tmp_path / "marked.png")
    assert read_provenance(marked).digital_source_type == "compositeWithTrainedAlgorithmicMedia"
    plain = save_image(picture(), tmp_path / "plain.png", parameters={"a": 1}, provenance=False)
    assert read_provenance(plain) == Provenance()
    assert load_image(plain).tobytes() == load_image(marked).tobytes()
