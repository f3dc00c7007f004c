"""What a result says about its own origin: an XMP packet that image viewers and platforms read.

`DigitalSourceType` is IPTC's machine-readable mark for pictures made or changed by a trained model
(http://cv.iptc.org/newscodes/digitalsourcetype/): a try-on is a real photo with a generated part,
so `compositeWithTrainedAlgorithmicMedia` is the fitting term and the default. Some shopping
platforms ask for `trainedAlgorithmicMedia` by name.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tryon.decoding import FilePath, named_if_broken, opened
from tryon.errors import OptionError

DigitalSourceType = Literal["compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"]
digital_source_types: dict[str, DigitalSourceType] = {
    "composite": "compositeWithTrainedAlgorithmicMedia",
    "trained": "trainedAlgorithmicMedia",
}
"""Short names for command lines and forms."""

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tryon": "urn:tryon:parameters:1#",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a picture comes from, as far as its file says; None is what it does not say.

    digital_source_type: a term of IPTC's vocabulary, without its address.
    creator_tool: the program and its version.
    parameters: what the picture was made with (seed, model, ...), if this project made it.
    """

    digital_source_type: str | None = None
    creator_tool: str | None = None
    parameters: dict[str, Any] | None = None


def xmp_packet(
    digital_source_type: DigitalSourceType,
    creator_tool: str,
    parameters: Mapping[str, Any] | None = None,
) -> bytes:
    """The packet as UTF-8, ready to embed. `parameters` must be JSON.

    Raises `OptionError` for another `digital_source_type`, or parameters that are not JSON.
    """
    if digital_source_type not in digital_source_types.values():
        raise OptionError(
            f"unknown digital source type {digital_source_type!r}",
            remedy=f"Choose one of {', '.join(digital_source_types.values())}.",
        )
    properties = {
        "Iptc4xmpExt:DigitalSourceType": _VOCABULARY + digital_source_type,
        "xmp:CreatorTool": creator_tool,
    }
    if parameters is not None:
        properties["tryon:parameters"] = _json(parameters)
    namespaces = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    attributes = "".join(f"\n  {name}={quoteattr(text)}" for name, text in properties.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'<rdf:Description rdf:about=""{namespaces}{attributes}/>\n'
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
    ).encode()


def _json(parameters: Mapping[str, Any]) -> str:
    try:
        # Plain ASCII, because JSON can hold characters (U+0000, lone surrogates) that XML cannot.
        return json.dumps(dict(parameters), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"the parameters to record are not JSON: {error}",
            remedy="Give plain numbers, strings, lists and dictionaries.",
        ) from error


def read_provenance(path: FilePath) -> Provenance:
    """What a JPEG, PNG or WebP file says about its origin, whoever wrote it; decodes no pixels.

    Raises `ImageError` as `tryon.images.load_image` does, also if the XMP packet is broken.
    """
    with opened(path, sys.maxsize) as image, named_if_broken(path):
        return parse_xmp(image.info.get("xmp", b""))


def parse_xmp(packet: bytes) -> Provenance:
    """The inverse of `xmp_packet`; an empty packet says nothing.

    Raises `ValueError` for a packet that is not XML, or whose parameters are not a JSON object.
    """
    if not packet:
        return Provenance()
    try:
        found = dict(_properties(ElementTree.fromstring(packet.strip(b"\0 \t\r\n"))))
    except ElementTree.ParseError as error:
        raise ValueError(f"the XMP packet is not XML: {error}") from error
    source_type = found.get("Iptc4xmpExt:DigitalSourceType")
    recorded = found.get("tryon:parameters")
    parameters = None if recorded is None else json.loads(recorded)
    if not isinstance(parameters, dict | None):
        raise ValueError("the recorded parameters are not a JSON object")
    return Provenance(
        digital_source_type=source_type and source_type.removeprefix(_VOCABULARY),
        creator_tool=found.get("xmp:CreatorTool"),
        parameters=parameters,
    )


def _properties(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """(prefix:name, text) of each property in our namespaces, as attribute or as element."""
    prefixes = {uri: prefix for prefix, uri in _NAMESPACES.items()}
    for description in root.iter(f"{{{_RDF}}}Description"):
        elements = ((child.tag, (child.text or "").strip()) for child in description)
        for tag, text in (*description.attrib.items(), *elements):
            uri, _, name = tag.removeprefix("{").rpartition("}")
            if uri in prefixes:
                yield f"{prefixes[uri]}:{name}", text
