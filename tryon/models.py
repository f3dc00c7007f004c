"""From the name of a model to a loaded family: a family's name, a folder, or a checkpoint file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from tryon.errors import OptionError, WeightsCorruptError, WeightsMissingError
from tryon.pipelines.family_folder import ControlKind, FamilyConfig, FamilyPaths
from tryon.weights import FAMILIES, family_folders

if TYPE_CHECKING:
    from tryon.pipelines.family import Family

CONTROLS: tuple[ControlKind, ...] = ("pose", "tile")


def open_family(
    model: str | PathLike[str],
    *,
    device: str | None = None,
    dtype: str | None = None,
    offload: bool | None = None,
) -> Family:
    """Load the family called `model`, or the one in a folder or checkpoint file of that path.

    Device, number format and offloading suit the machine where they are None.
    Raises WeightsError of the fitting kind, or OptionError.
    """
    # They load torch, without which it is soon said that there is no such family.
    from tryon.device import choose_device, choose_dtype, memory_is_short
    from tryon.pipelines.family import load_family

    paths, config = find_family(model)
    place = choose_device(device)
    size = weight_bytes(paths)
    return load_family(
        paths,
        config,
        device=place,
        dtype=choose_dtype(dtype, place, size),
        offload=memory_is_short(place, size) if offload is None else offload,
    )


def find_family(model: str | PathLike[str]) -> tuple[FamilyPaths, FamilyConfig]:
    """Where the family lies and how it wants to be used; nothing is loaded.

    Raises WeightsMissingError if it is not on this machine, OptionError for an unknown name.
    """
    if str(model) in FAMILIES:
        return _listed_family(str(model))
    path = Path(model)
    if path.is_dir():
        return FamilyPaths.in_folder(path), FamilyConfig.in_folder(path)
    if path.is_file():
        return _checkpoint(path)
    if path.suffix or len(path.parts) > 1:
        raise WeightsMissingError("no such folder or checkpoint", path=path)
    raise OptionError(
        f"no family is called {str(model)!r}",
        remedy=f"Choose {', '.join(FAMILIES)}, a folder, or a .safetensors checkpoint.",
    )


def _listed_family(name: str) -> tuple[FamilyPaths, FamilyConfig]:
    folders = family_folders(name)
    base = folders["base"]
    if set(folders) == {"base"}:
        return FamilyPaths.in_folder(base), FamilyConfig.in_folder(base)
    paths = FamilyPaths(
        base=base,
        controlnets=tuple((folders[kind], kind) for kind in CONTROLS if kind in folders),
        ip_adapter=folders.get("ip_adapter"),
        image_encoder=folders.get("image_encoder"),
    )
    return paths, FamilyConfig.in_folder(base)


def _checkpoint(file: Path) -> tuple[FamilyPaths, FamilyConfig]:
    """A single file holds weights alone: what it is built like stands in the family's folder."""
    name = "sdxl" if _holds_sdxl(file) else "sd15"
    listed, config = _listed_family(name)
    return FamilyPaths(
        base=file,
        config=listed.base,
        controlnets=listed.controlnets,
        ip_adapter=listed.ip_adapter,
        image_encoder=listed.image_encoder,
    ), config


def _holds_sdxl(file: Path) -> bool:
    try:
        with safe_open(file, framework="np") as tensors:
            return any(key.startswith("conditioner.embedders.1.") for key in tensors.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsCorruptError(
            f"not a safetensors file ({error})", path=file, remedy="Convert it to safetensors."
        ) from error


def weight_bytes(paths: FamilyPaths) -> int:
    """Bytes of all the weights that would be loaded."""
    roots = [paths.base, paths.ip_adapter, paths.image_encoder]
    roots += [folder for folder, _ in paths.controlnets]
    files = {
        file
        for root in roots
        if root is not None
        for file in ([root] if root.is_file() else root.rglob("*.safetensors"))
    }
    return sum(file.stat().st_size for file in files)
