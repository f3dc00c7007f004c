"""What a file says about its origin survives writing and reading, and is what others can read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

import tryon
from tryon.errors import ImageFormatError, ImageNotFoundError, ImageTruncatedError, OptionError
from tryon.images import save_image
from tryon.provenance import (
    DigitalSourceType,
    Provenance,
    digital_source_types,
    parse_xmp,
    read_provenance,
    xmp_packet,
)

PHOTO = Image.new("RGB", (8, 6), "teal")
COMPOSITE: DigitalSourceType = "compositeWithTrainedAlgorithmicMedia"
every_extension = pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])

PARAMETERS: dict[str, Any] = {
    "seed": 7,
    "strength": 0.85,
    "lora": [{"name": "shirt", "weight": 1.0}],
    "prompt": "a \"red\" <shirt> & 'tie' ]]> {x} \\ / é 中 😀",
    "odd": "null \x00, bell \x07, tab \t, line\r\n, \ufffe \uffff \ud800",
    "nothing": None,
    "empty": {},
}


@every_extension
@pytest.mark.parametrize("source_type", digital_source_types.values())
def test_provenance_survives(extension: str, source_type: Any, tmp_path: Path) -> None:
    path = save_image(
        PHOTO,
        tmp_path / f"look{extension}",
        parameters=PARAMETERS,
        digital_source_type=source_type,
    )
    assert read_provenance(path) == Provenance(
        source_type, f"tryon {tryon.__version__}", PARAMETERS
    )


@every_extension
def test_parameters_can_be_left_out(extension: str, tmp_path: Path) -> None:
    path = save_image(PHOTO, tmp_path / f"look{extension}", parameters=None)
    assert read_provenance(path) == Provenance(COMPOSITE, f"tryon {tryon.__version__}", None)
    path = save_image(PHOTO, path, parameters={})
    assert read_provenance(path).parameters == {}


@every_extension
def test_the_whole_mark_can_be_left_out(extension: str, tmp_path: Path) -> None:
    path = save_image(PHOTO, tmp_path / f"look{extension}", parameters={"a": 1}, provenance=False)
    assert read_provenance(path) == Provenance()
    assert b"tryon" not in path.read_bytes()


@every_extension
def test_other_programs_find_the_iptc_term_where_they_look(extension: str, tmp_path: Path) -> None:
    path = save_image(PHOTO, tmp_path / f"look{extension}", parameters=PARAMETERS)
    with Image.open(path) as image:
        packet = image.info["xmp"]
    assert b"<?xpacket begin" in packet and b"<?xpacket end" in packet
    description = ElementTree.fromstring(packet).find(
        ".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    assert description is not None
    source = description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert source == f"http://cv.iptc.org/newscodes/digitalsourcetype/{COMPOSITE}"
    tool = description.get("{http://ns.adobe.com/xap/1.0/}CreatorTool")
    assert tool == f"tryon {tryon.__version__}"


def test_properties_of_other_programs_are_read_as_elements_too() -> None:
    packet = b"""<x:xmpmeta xmlns:x='adobe:ns:meta/'>
        <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
        <rdf:Description rdf:about='' xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>
        <e:DigitalSourceType> http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture
        </e:DigitalSourceType></rdf:Description>
        <rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:CreatorTool='Camera 1'/>
        </rdf:RDF></x:xmpmeta>\0\0"""
    assert parse_xmp(packet) == Provenance("digitalCapture", "Camera 1", None)


@every_extension
def test_a_file_without_xmp_says_nothing(extension: str, tmp_path: Path) -> None:
    PHOTO.save(tmp_path / f"plain{extension}")
    assert read_provenance(tmp_path / f"plain{extension}") == Provenance()


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, b"bytes", Path("a")])
@every_extension
def test_parameters_that_are_not_json(extension: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="not JSON"):
        save_image(PHOTO, tmp_path / f"look{extension}", parameters={"value": value})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_source_type(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"'real'.*{COMPOSITE}, trained"):
        save_image(PHOTO, tmp_path / "look.png", digital_source_type="real")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_do_not_fit_in_a_jpeg(tmp_path: Path) -> None:
    long = {"prompt": "x" * 70_000}
    with pytest.raises(tryon.TryOnError, match="XMP data is too long.*png"):
        save_image(PHOTO, tmp_path / "look.jpg", parameters=long)
    for extension in (".png", ".webp"):
        path = save_image(PHOTO, tmp_path / f"look{extension}", parameters=long)
        assert read_provenance(path).parameters == long


def bomb() -> bytes:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]><x>&l9;</x>'.encode()


@pytest.mark.parametrize(
    "packet",
    [
        b"not XML",
        b"<x><y></x>",
        bomb(),
        xmp_packet(COMPOSITE, "t", {"a": 1}).replace(b"&quot;a&quot;", b"a").replace(b'"a"', b"a"),
        xmp_packet(COMPOSITE, "t", {}).replace(b"{}", b"[]"),
    ],
    ids=["text", "unclosed", "entities", "not-json", "not-an-object"],
)
def test_a_broken_packet_is_named(packet: bytes, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PHOTO.save(buffer, format="JPEG", xmp=packet)
    path = tmp_path / "look.jpg"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ImageTruncatedError) as caught:
        read_provenance(path)
    assert caught.value.path == str(path)


def test_what_is_no_image_has_no_provenance(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError):
        read_provenance(tmp_path / "missing.jpg")
    (tmp_path / "page.jpg").write_text("<html></html>")
    with pytest.raises(ImageFormatError):
        read_provenance(tmp_path / "page.jpg")
