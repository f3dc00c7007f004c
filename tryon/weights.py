"""One table of every weight: what it is for, where it comes from, its licence; and where it lies.

Nothing here loads a model. `fetch` is the only code in the project that uses the network, and
only when it is called: everything else looks at what is on this machine.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from tryon.digests import note_files, noted_digests, sha256
from tryon.errors import DependencyError, OptionError, WeightsError, WeightsMissingError

logger = logging.getLogger(__name__)

Role = Literal[
    "base", "pose", "tile", "ip_adapter", "image_encoder", "perception", "bodymap", "glance"
]

ASSETS = Path(__file__).resolve().parent / "assets"
TABLE_VARIABLE = "TRYON_WEIGHTS"  # a TOML file that replaces sources and revisions
EMBEDDED_FILES = ("**/*.safetensors", "**/*.tflite")


@dataclass(frozen=True, slots=True)
class Weight:
    """One set of files.

    source: `embedded`, or the id of a repository on the model hub.
    revision: commit, tag or branch of that repository.
    files: glob patterns of the files that are needed, relative to the source. For embedded
        weights, paths relative to `tryon/assets`.
    subfolder: where in the source the files lie; the file itself for an IP-Adapter.
    gigabytes: about how much is fetched.
    commercial: whether the licence allows commercial use.
    """

    role: Role
    source: str
    revision: str
    files: tuple[str, ...]
    licence: str
    commercial: bool
    gigabytes: float
    subfolder: str = ""


_OPENRAIL = "CreativeML Open RAIL-M (use restrictions apply)"
_OPENRAIL_XL = "CreativeML Open RAIL++-M (use restrictions apply)"
_BASE_FILES = (
    "model_index.json",
    "scheduler/*.json",
    "tokenizer*/*",
    "text_encoder*/config.json",
    "text_encoder*/model.fp16.safetensors",
    "unet/config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.fp16.safetensors",
)
_IMAGE_ENCODER = Weight(
    role="image_encoder",
    source="h94/IP-Adapter",
    revision="main",
    files=("models/image_encoder/config.json", "models/image_encoder/model.safetensors"),
    subfolder="models/image_encoder",
    licence="Apache-2.0 (OpenCLIP ViT-H/14: MIT)",
    commercial=True,
    gigabytes=2.5,
)

FAMILIES: Mapping[str, tuple[Weight, ...]] = {
    "mini": (
        Weight(
            role="base",
            source="embedded",
            revision="1",
            files=("mini",),
            licence="Apache-2.0",
            commercial=True,
            gigabytes=0.03,
        ),
    ),
    "sd15": (
        Weight(
            role="base",
            source="stable-diffusion-v1-5/stable-diffusion-inpainting",
            revision="main",
            files=_BASE_FILES,
            licence=_OPENRAIL,
            commercial=True,
            gigabytes=2.1,
        ),
        Weight(
            role="pose",
            source="lllyasviel/control_v11p_sd15_openpose",
            revision="main",
            files=("config.json", "diffusion_pytorch_model.fp16.safetensors"),
            licence="Open RAIL",
            commercial=True,
            gigabytes=0.7,
        ),
        Weight(
            role="ip_adapter",
            source="h94/IP-Adapter",
            revision="main",
            files=("models/ip-adapter-plus_sd15.safetensors",),
            subfolder="models/ip-adapter-plus_sd15.safetensors",
            licence="Apache-2.0",
            commercial=True,
            gigabytes=0.1,
        ),
        _IMAGE_ENCODER,
    ),
    "sdxl": (
        Weight(
            role="base",
            source="diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
            revision="main",
            files=_BASE_FILES,
            licence=_OPENRAIL_XL,
            commercial=True,
            gigabytes=7.0,
        ),
        Weight(
            role="pose",
            source="xinsir/controlnet-openpose-sdxl-1.0",
            revision="main",
            files=("config.json", "diffusion_pytorch_model.safetensors"),
            licence="Apache-2.0",
            commercial=True,
            gigabytes=2.5,
        ),
        Weight(
            role="ip_adapter",
            source="h94/IP-Adapter",
            revision="main",
            files=("sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",),
            subfolder="sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
            licence="Apache-2.0",
            commercial=True,
            gigabytes=0.85,
        ),
        _IMAGE_ENCODER,
    ),
}

# What sees people and garments, the same for every family.
PERCEPTION = "perception"
TABLE: Mapping[str, tuple[Weight, ...]] = {
    **FAMILIES,
    PERCEPTION: (
        Weight(
            role="perception",
            source="embedded",
            revision="1",
            files=("perception",),
            licence="Apache-2.0 (MediaPipe)",
            commercial=True,
            gigabytes=0.01,
        ),
        Weight(
            role="bodymap",
            source="embedded",
            revision="1",
            files=("bodymap",),
            licence="Apache-2.0",
            commercial=True,
            gigabytes=0.005,
        ),
        Weight(
            role="glance",
            source="embedded",
            revision="1",
            files=("glance",),
            licence="Apache-2.0",
            commercial=True,
            gigabytes=0.0013,
        ),
    ),
}


def family_weights(name: str) -> tuple[Weight, ...]:
    """The rows of the family called `name`, with the replacements of `$TRYON_WEIGHTS` applied.

    The file named by that variable is TOML: `[sd15.base]` with any of `source`, `revision`,
    `files`, `subfolder`, `licence`, `commercial`, `gigabytes`.

    Raises OptionError for an unknown family, role or key.
    """
    if name not in TABLE:
        raise OptionError(
            f"no family is called {name!r}", remedy=f"Choose one of: {', '.join(TABLE)}."
        )
    overrides = _overrides().get(name, {})
    unknown = set(overrides) - {weight.role for weight in TABLE[name]}
    if unknown:
        raise OptionError(f"{TABLE_VARIABLE}: {name} has no {', '.join(sorted(unknown))}")
    return tuple(_replaced(weight, overrides.get(weight.role, {})) for weight in TABLE[name])


def _overrides() -> dict[str, dict[str, dict[str, object]]]:
    path = os.environ.get(TABLE_VARIABLE)
    if not path:
        return {}
    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(
            f"not a readable TOML file ({error})",
            path=path,
            remedy=f"Correct it, or unset {TABLE_VARIABLE}.",
        ) from error
    unknown = set(table) - set(TABLE)
    if unknown:
        raise OptionError(f"no family is called {', '.join(sorted(unknown))}", path=path)
    return table


def _replaced(weight: Weight, values: Mapping[str, object]) -> Weight:
    unknown = set(values) - ({field.name for field in fields(Weight)} - {"role"})
    if unknown:
        raise OptionError(f"{TABLE_VARIABLE}: unknown key {', '.join(sorted(unknown))}")
    files: Any = values.get("files", weight.files)
    return replace(weight, **{**values, "files": tuple(files)})  # type: ignore[arg-type]


def local_folder(weight: Weight) -> Path | None:
    """The folder (or, for an IP-Adapter, the file) on this machine, or None if it is not here.

    Never touches the network.
    """
    if weight.source == "embedded":
        path = ASSETS / weight.files[0]
        return path if path.exists() else None
    snapshot = _snapshot(weight, local_only=True)
    if snapshot is None:
        return None
    path = snapshot / weight.subfolder
    complete = all(any(snapshot.glob(pattern)) for pattern in weight.files)
    return path if complete and path.exists() else None


def family_folders(name: str) -> dict[Role, Path]:
    """Where each part of the family called `name` lies on this machine.

    Raises WeightsMissingError that lists every missing part, its licence, its size and the
    command that fetches them.
    """
    found = {weight.role: (weight, local_folder(weight)) for weight in family_weights(name)}
    missing = [weight for weight, path in found.values() if path is None]
    if missing:
        listing = "; ".join(
            f"{weight.role} {weight.source} ({weight.gigabytes:g} GB, {weight.licence})"
            for weight in missing
        )
        raise WeightsMissingError(
            f"weights of the family {name!r} are not on this machine: {listing}",
            remedy=f"Fetch them with: tryon weights fetch {name}",
        )
    return {role: path for role, (_, path) in found.items() if path is not None}


def fetch(name: str, *, on_file: Callable[[Weight], None] | None = None) -> dict[Role, Path]:
    """Download the family called `name` into the hub's cache and note the sha256 of every file.

    Raises WeightsError where the hub does not answer or does not have them.
    """
    for weight in family_weights(name):
        if on_file is not None:
            on_file(weight)
        if weight.source == "embedded":
            continue
        snapshot = _snapshot(weight, local_only=False)
        if snapshot is None:
            raise WeightsError(
                f"{weight.source} at {weight.revision} could not be fetched",
                remedy=f"Check the network, or name another source in the file ${TABLE_VARIABLE}.",
            )
        note_files(snapshot, weight.files)
    return family_folders(name)


def verify(name: str) -> Iterator[tuple[Weight, Path, str]]:
    """Compare the files of a family with their noted sha256: (weight, file, state) each.

    The state is `ok`, `changed` or `unknown` (nothing was noted, as for files that another
    program fetched). A part that is not here raises WeightsMissingError.
    """
    family_folders(name)
    for weight in family_weights(name):
        root = ASSETS / weight.files[0] if weight.source == "embedded" else _snapshot(weight, True)
        assert root is not None
        noted = noted_digests(root)
        patterns = EMBEDDED_FILES if weight.source == "embedded" else weight.files
        for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
            expected = noted.get(path.relative_to(root).as_posix())
            same = expected is not None and sha256(path) == expected
            yield weight, path, "unknown" if expected is None else "ok" if same else "changed"


def _snapshot(weight: Weight, local_only: bool) -> Path | None:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:  # pragma: no cover - a dependency of diffusers
        raise DependencyError(
            "huggingface_hub is not installed", remedy="Run: pip install huggingface_hub"
        ) from error
    try:
        folder = snapshot_download(
            weight.source,
            revision=weight.revision,
            allow_patterns=list(weight.files),
            local_files_only=local_only,
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        logger.debug("%s: %s", weight.source, error)
        return None
    return Path(folder)
